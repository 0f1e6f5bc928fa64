"""The register block as a program: what each cycle's outputs are, written down once more."""

from __future__ import annotations

from collections.abc import Mapping

from lego.ir.control_map import Access, Identity, Register, control_registers

__all__ = ["CAUSES", "SOURCES", "Model"]

WORD = (1 << 32) - 1
CAUSES = ("semaphore", "bus", "queue")
SOURCES = ("DONE", "COMMAND", "ERROR")


class Model:
    """All ports in every cycle. `kept` are words that the host writes, without what is set elsewhere."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        registers = control_registers(identity)
        self.at: dict[int, tuple[Register, int]] = {
            offset: (each, k) for each in registers for k, offset in enumerate(each.offsets)
        }
        self.kept = {offset: each.reset for offset, (each, _) in self.at.items()}
        self.address: int | None = None
        self.data: tuple[int, int] | None = None
        self.answer: int | None = None
        self.read_address: int | None = None
        self.word: tuple[int, int] | None = None
        self.done = self.error = self.refused = 0
        self.failure = (0, 0, 0)
        self.dying = False
        self.pending = 0
        self.cycles = 0
        self.stalls = dict.fromkeys(CAUSES, 0)

    def offset(self, name: str, k: int = 0) -> int:
        return next(o for o, (each, n) in self.at.items() if (each.name, n) == (name, k))

    def setting(self, name: str, k: int = 0) -> int:
        return self.kept[self.offset(name, k)]

    def cycle(self, i: Mapping[str, int]) -> dict[str, int | None]:
        """The outputs; None is what nobody may look at."""
        acts = self.address is not None and self.data is not None and self.answer is None
        writes = self._writes(i) if acts else {}
        control = writes.get(0x10, (0, 0))[0]
        rings, abort, reset = control & 1, control >> 1 & 1, control >> 2 & 1
        starts = int(rings and not (i["busy"] or abort or reset))
        found = self._outputs(starts, abort, reset)
        self._handshakes(i, acts, not writes)
        self._remember(writes)
        quiet = bool(reset) or self.dying
        self.dying = quiet and bool(i["busy"])
        if quiet:
            i = {**i, "finished": 0, "failed": 0, "interrupt": 0}
        self._program(i, starts or reset, runs=bool(i["busy"]) and not quiet)
        ones = {offset: word & mask for offset, (word, mask) in writes.items()}
        cleared = 0b111 if reset else ones.get(0x28, 0)
        happened = i["finished"] | i["interrupt"] << 1 | i["failed"] << 2
        self.pending = self.pending & ~cleared | happened
        forgiven = reset or ones.get(0x14, 0) >> 3 & 1
        self.refused = int((rings and not starts) or (self.refused and not forgiven))
        return found

    def _writes(self, i: Mapping[str, int]) -> dict[int, tuple[int, int]]:
        """The word and the mask that act, by offset; none for an error."""
        assert self.address is not None
        assert self.data is not None
        offset, (word, strobes) = self.address & ~3, self.data
        mask = sum(0xFF << 8 * k for k in range(4) if strobes >> k & 1)
        if offset not in self.at or (self.at[offset][0].locked and i["busy"]):
            return {}
        return {offset: (word & mask, mask)}

    def _remember(self, writes: Mapping[int, tuple[int, int]]) -> None:
        for offset, (word, mask) in writes.items():
            for field in self.at[offset][0].fields:
                if field.access is Access.RW:
                    own = ((1 << field.bits) - 1 << field.low) & mask
                    self.kept[offset] = self.kept[offset] & ~own | word & own

    def _handshakes(self, i: Mapping[str, int], acts: bool, wrong: bool) -> None:
        reads = self.read_address is not None and self.word is None
        word = self._read(i) if reads else None
        if self.word is not None and i["s_axi_rready"]:
            self.word = None
        if self.answer is not None and i["s_axi_bready"]:
            self.answer = None
        free = self.address is None, self.data is None, self.read_address is None
        if reads:
            self.word, self.read_address = word, None
        if acts:
            self.answer, self.address, self.data = 2 * wrong, None, None
        if free[0] and i["s_axi_awvalid"]:
            self.address = i["s_axi_awaddr"]
        if free[1] and i["s_axi_wvalid"]:
            self.data = i["s_axi_wdata"], i["s_axi_wstrb"]
        if free[2] and i["s_axi_arvalid"]:
            self.read_address = i["s_axi_araddr"]

    def _program(self, i: Mapping[str, int], anew: int, *, runs: bool) -> None:
        if anew:
            self.done = self.error = self.cycles = 0
            self.failure, self.stalls = (0, 0, 0), dict.fromkeys(CAUSES, 0)
        elif runs:
            self.cycles = (self.cycles + 1) % (1 << 64)
            for cause in CAUSES:
                self.stalls[cause] = min(WORD, self.stalls[cause] + i[f"stall_{cause}"])
        self.done |= i["finished"]
        if i["failed"] and not self.error:
            self.failure = i["error_code"], i["error_index"], i["error_address"]
        self.error |= i["failed"]

    def _read(self, i: Mapping[str, int]) -> tuple[int, int]:
        """The word at an address, and the response."""
        assert self.read_address is not None
        offset = self.read_address & ~3
        if offset not in self.at:
            return 0, 2
        register, k = self.at[offset]
        code, index, address = self.failure
        live = {
            "CONTROL": 0,
            "STATUS": i["busy"] | self.done << 1 | self.error << 2 | self.refused << 3,
            "ERROR": code,
            "ERROR_INDEX": index,
            "ERROR_ADDRESS_LOW": address & WORD,
            "ERROR_ADDRESS_HIGH": address >> 32,
            "IRQ_STATUS": self.pending,
            "CYCLES_LOW": self.cycles & WORD,
            "CYCLES_HIGH": self.cycles >> 32,
            "COMMAND_INDEX": i["command_index"],
            "ENGINE_INDEX": i.get(f"engine_index{k}", 0),
            "SEMAPHORES_LOW": i["semaphores"] & WORD,
            "SEMAPHORES_HIGH": i["semaphores"] >> 32,
            **{f"STALLS_{cause.upper()}": count for cause, count in self.stalls.items()},
        }
        return live.get(register.name, self.kept[offset]), 0

    def _outputs(self, starts: int, abort: int, reset: int) -> dict[str, int | None]:
        attributes = self.setting("AXI_ATTRIBUTES")
        found: dict[str, int | None] = {
            "s_axi_awready": int(self.address is None),
            "s_axi_wready": int(self.data is None),
            "s_axi_arready": int(self.read_address is None),
            "s_axi_bvalid": int(self.answer is not None),
            "s_axi_bresp": self.answer,
            "s_axi_rvalid": int(self.word is not None),
            "s_axi_rdata": self.word[0] if self.word else None,
            "s_axi_rresp": self.word[1] if self.word else None,
            "doorbell": starts,
            "abort": abort,
            "soft_reset": reset,
            "irq": int(bool(self.pending & self.setting("IRQ_MASK"))),
            "program_segment": self.setting("PROGRAM_SEGMENT"),
            "program_offset": self.setting("PROGRAM_OFFSET"),
            "watchdog": self.setting("WATCHDOG"),
            "cache": attributes & 15,
            "prot": attributes >> 4 & 7,
            "qos": attributes >> 8 & 15,
        }
        for k in range(self.identity.segments):
            high, low = (self.setting(f"SEGMENT_BASE_{each}", k) for each in ("HIGH", "LOW"))
            found[f"segment_base{k}"] = high << 32 | low
            found[f"segment_limit{k}"] = self.setting("SEGMENT_LIMIT", k)
        for k in range(self.identity.parameters):
            found[f"parameter{k}"] = self.setting("PARAMETER", k)
        return found
