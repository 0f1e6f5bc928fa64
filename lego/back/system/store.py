"""The store engine: sends words of its own memory to DRAM.

Two nests of one start run apart: one asks the bus master for runs of beats, the other reads the words that
are sent. Registers are those of `lego.ir.engines.STORE_REGISTERS`.
"""

from __future__ import annotations

from lego.back.graph.builder import BIT, Builder
from lego.back.graph.widths import infer_widths
from lego.back.sram.model import sram_model
from lego.back.system.control.fifo import Fifo
from lego.back.system.transfer.registers import held_registers
from lego.back.system.transfer.runs import Runs, build_runs
from lego.back.system.transfer.words import Words, build_words
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module, Op, index_bits
from lego.ir.engines import BEAT_BYTES, STORE_REGISTERS

__all__ = ["build_store"]

_BEAT = (0, (1 << 8 * BEAT_BYTES) - 1)
_LANES = (0, (1 << BEAT_BYTES) - 1)
_ADDRESS = (0, (1 << 16) - 1)
_SHARED = ("segment", "offset", "beats")


def build_store(
    prefix: str, *, depth: int = 512, pending: int = 2, outstanding: int = 32
) -> tuple[Module, Module]:
    """The RAM of `depth` words, 2 to 65536, and the engine `prefix`_store, which holds it.

    At most `pending` starts wait until the words of those before are read, and `outstanding` runs of beats
    for their answers; both are powers of two.

    Ports
    -----
    e_write, e_register, e_value, e_start : from the gate.
    e_ready, e_done, e_idle : to it; done comes with the answer of a start's last run of beats.
    c_valid, c_segment, c_offset, c_beats, c_ready : requests of a write master's client.
    w_valid, w_data, w_strobe, w_ready : beats of that client; all lanes are written.
    w_done, w_error : the oldest run of beats that has no answer gets it.
    s_wen, s_address, s_data, s_mask : words that somebody else writes into the memory, in any cycle.
    fault, fault_code, fault_offset : a pulse; the offset is that of a start that isn't aligned.
    halt : all runs are dropped; the memory keeps its words.
    """
    ram = sram_model(f"{prefix}_ram_store", depth, 8 * BEAT_BYTES, BEAT_BYTES)
    b = Builder(f"{prefix}_store", "control")
    values = held_registers(b, STORE_REGISTERS)
    start, halt = b.input("e_start"), b.input("halt")
    answers = Fifo(b, outstanding, "answer")
    runs = build_runs(b, "send", values, start=start, room=b.invert(answers.full), halt=halt)
    names = [each.name for each in STORE_REGISTERS if not each.name.startswith("send")]
    words = build_words(
        b,
        "take",
        {name: values[name] for name in names if name not in _SHARED},
        {"address": "take_step"},
        start=start,
        halt=halt,
        pending=pending,
    )
    empty = _send(b, words, ram, halt)
    _answer(b, values["offset"], runs, answers, halt)
    b.output("e_idle", b.all([words.idle, empty, answers.empty]))
    ready = b.all([runs.free, words.room, b.invert(halt)])
    b.check(ready, start)
    b.output("e_ready", ready)
    return ram, infer_widths(b.build())


def _send(b: Builder, words: Words, ram: Module, halt: int) -> int:
    """Words on their way to the master: one at the memory's output, one kept behind it; whether none is.

    A word is read if there will be a place for it whatever `w_ready` is; it stays until another is read.
    """
    found, kept = (b.reg(BIT, name=name) for name in ("found", "kept"))
    read = b.all([words.active, b.invert(b.all([found, kept])), b.invert(halt)])
    b.connect(words.step, read)
    word = _memory(b, words.totals["address"], read, ram)
    taken = b.input("w_ready")
    b.drive(found, b.any([read, b.all([found, kept, b.invert(taken), b.invert(halt)])]))
    saved = b.all([found, b.eq(kept, taken)])
    remains = b.mux(kept, b.any([found, b.invert(taken)]), saved)
    b.drive(kept, b.all([remains, b.invert(halt)]))
    behind = b.reg(_BEAT, name="kept_word", resets=False)
    b.drive(behind, word, saved)
    b.output("w_valid", b.any([found, kept]))
    b.output("w_data", b.mux(kept, behind, word))
    b.output("w_strobe", b.const(_LANES[1]))
    return b.all([b.invert(found), b.invert(kept)])


def _memory(b: Builder, address: int, read: int, ram: Module) -> int:
    """The word read in the cycle before; somebody else writes lanes of words."""
    where = b.input("s_address", _ADDRESS)
    data, writes = b.input("s_data", _BEAT), b.input("s_wen")
    (depth,) = (node.extent for node in ram.nodes if node.op is Op.MEMORY)
    if depth <= _ADDRESS[1]:
        b.check(b.less(address, b.const(depth)), read)
        b.check(b.less(where, b.const(depth)), writes)
    bits = index_bits(depth)
    ports = {"raddr": b.slice(address, 0, bits), "ren": read, "waddr": b.slice(where, 0, bits)}
    ports |= {"wdata": data, "wen": writes, "wmask": b.input("s_mask", _LANES)}
    return b.instance(ram, "ram", ports)["rdata"]


def _answer(b: Builder, offset: int, runs: Runs, answers: Fifo, halt: int) -> None:
    """Answers of runs, in order: the last of a start is its end. Faults a cycle later."""
    answered = b.all([b.input("w_done"), b.invert(halt)])
    (last,) = answers.put([b.wrap(runs.last, BIT)], runs.made)
    answers.take(answered, halt)
    b.output("e_done", b.all([answered, last]))
    wrong = b.all([answered, b.input("w_error")])
    fault = b.any([b.all([runs.odd, b.invert(halt)]), wrong])
    code = b.mux(runs.odd, b.const(ErrorCode.ALIGN.value), b.const(ErrorCode.WRITE.value))
    place = b.mux(runs.odd, offset, b.const(0))
    b.output("fault", b.delay(fault, 1, resets=True, name="fault"))
    b.output("fault_code", b.delay(code, 1, name="fault_code"))
    b.output("fault_offset", b.delay(place, 1, name="fault_offset"))
