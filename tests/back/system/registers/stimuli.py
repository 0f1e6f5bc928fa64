"""A host that obeys AXI4-Lite and a device that does as it likes, at random."""

from __future__ import annotations

import random
from collections.abc import Mapping

from lego.ir.control_map import Identity, control_registers

__all__ = ["QUIET", "Stimuli"]

QUIET = {
    "busy": 0,
    "finished": 0,
    "failed": 0,
    "interrupt": 0,
    "error_code": 0,
    "error_index": 0,
    "error_address": 0,
    "command_index": 0,
    "semaphores": 0,
    "stall_semaphore": 0,
    "stall_bus": 0,
    "stall_queue": 0,
    "s_axi_awvalid": 0,
    "s_axi_awaddr": 0,
    "s_axi_awprot": 0,
    "s_axi_wvalid": 0,
    "s_axi_wdata": 0,
    "s_axi_wstrb": 0,
    "s_axi_bready": 0,
    "s_axi_arvalid": 0,
    "s_axi_araddr": 0,
    "s_axi_arprot": 0,
    "s_axi_rready": 0,
    **{f"engine_index{k}": 0 for k in range(4)},
}


class Stimuli:
    """Inputs of cycle after cycle; what was valid stays until it was ready."""

    def __init__(self, identity: Identity, seed: int) -> None:
        self.random = random.Random(seed)
        self.offsets = [o for each in control_registers(identity) for o in each.offsets]
        self.inputs = dict(QUIET)
        self.busy = 0

    def address(self) -> int:
        r = self.random
        commands, counters = [0x10, 0x14, 0x28, 0x2C], [0x40, 0x68, 0x6C, 0x70]
        kinds = [self.offsets, commands, counters, range(0, 4096, 4)]
        offset = r.choice(r.choices(kinds, [5, 4, 2, 1])[0])
        return offset + r.randrange(4)

    def data(self) -> int:
        r = self.random
        return r.choice([r.getrandbits(32), r.randrange(16), 1, 1, 0, (1 << 32) - 1])

    def following(self, said: Mapping[str, int]) -> dict[str, int]:
        """The inputs of the next cycle, after the outputs of this one."""
        r, i = self.random, self.inputs
        for channel, made in (
            ("aw", {"addr": self.address}),
            ("ar", {"addr": self.address}),
            ("w", {"data": self.data, "strb": lambda: r.choice([15, 15, r.randrange(16)])}),
        ):
            if not i[f"s_axi_{channel}valid"] or said.get(f"s_axi_{channel}ready", 1):
                i[f"s_axi_{channel}valid"] = int(r.random() < 0.7)
                for name, value in made.items():
                    i[f"s_axi_{channel}{name}"] = value()
        for channel in "br":
            i[f"s_axi_{channel}ready"] = int(r.random() < 0.7)
        self._device(said)
        return dict(i)

    def _device(self, said: Mapping[str, int]) -> None:
        r, i = self.random, self.inputs
        ends = i["finished"] or (i["failed"] and self.busy < 2)
        self.busy = 0 if ends else int(said.get("doorbell", 0) or self.busy)
        i["busy"] = self.busy
        over = self.busy and r.random() < 0.1
        i["finished"] = int(over and r.random() < 0.5)
        i["failed"] = int(over and not i["finished"])
        for name, bits in (("error_code", 8), ("error_index", 32), ("error_address", 64)):
            i[name] = r.getrandbits(bits)
        i["interrupt"] = int(r.random() < 0.1)
        for name in ("stall_semaphore", "stall_bus", "stall_queue"):
            i[name] = r.randrange(2)
        if r.random() < 0.2:
            i["semaphores"], i["command_index"] = r.getrandbits(64), r.getrandbits(32)
            i |= {f"engine_index{k}": r.getrandbits(32) for k in range(4)}
