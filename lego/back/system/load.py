"""The load engine: copies beats from DRAM into memories, or fills words.

Two nests of one start run apart: one asks the bus master for runs of beats, the other says where each beat
goes that arrives. Registers are those of `lego.ir.engines.LOAD_REGISTERS`.
"""

from __future__ import annotations

from lego.back.graph.builder import BIT, Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.transfer.registers import held_registers
from lego.back.system.transfer.runs import Runs, build_runs
from lego.back.system.transfer.words import Words, build_words
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module
from lego.ir.engines import BEAT_BYTES, LOAD_REGISTERS

__all__ = ["build_load"]

_BEAT = (0, (1 << 8 * BEAT_BYTES) - 1)
_LANES = (0, (1 << BEAT_BYTES) - 1)
_SHARED = ("segment", "offset", "beats")


def build_load(prefix: str, *, pending: int = 4) -> Module:
    """The engine `prefix`_load; `pending` starts, a power of two, may wait for the data of those before.

    Ports
    -----
    e_write, e_register, e_value, e_start : from the gate.
    e_ready, e_done, e_idle : to it; done comes with the last word of a run.
    c_valid, c_segment, c_offset, c_beats, c_ready : requests of a read master's client.
    r_valid, r_data, r_last, r_error, r_ready : beats of that client.
    p_valid, p_memory, p_address, p_data, p_mask, p_ready : words that are written, each a beat.
    fault, fault_code, fault_offset : a pulse; the offset is that of a start that isn't aligned.
    halt : all runs are dropped, requests and words that wait too.
    """
    b = Builder(f"{prefix}_load", "control")
    values = held_registers(b, LOAD_REGISTERS)
    start, halt = b.input("e_start"), b.input("halt")
    fills = b.slice(values["mode"], 0, 1)
    copies = b.all([start, b.invert(fills)])
    runs = build_runs(b, "fetch", values, start=copies, room=b.const(1), halt=halt)
    words = build_words(
        b,
        "place",
        {"fills": fills, **{name: values[name] for name in _placed()}},
        {"address": "place_step", "rotate": "rotate_step"},
        start=start,
        halt=halt,
        pending=pending,
    )
    _report(b, values["offset"], runs, _place(b, words, runs, halt), halt)
    ready = b.all([runs.free, words.room, b.invert(halt)])
    b.check(ready, start)
    b.output("e_ready", ready)
    return infer_widths(b.build())


def _placed() -> list[str]:
    """Registers that the words of a run need."""
    names = [each.name for each in LOAD_REGISTERS if not each.name.startswith("fetch")]
    return [name for name in names if name not in ("mode", *_SHARED)]


def _place(b: Builder, words: Words, runs: Runs, halt: int) -> int:
    """Beats that arrive, or are made, through a register onto the port of words; whether one is wrong."""
    valid = b.reg(BIT, name="placed")
    leaves = b.all([valid, b.input("p_ready")])
    open_ = b.any([b.invert(valid), leaves])
    takes = b.all([words.active, b.invert(words.kept["fills"]), open_])
    arrives = b.all([takes, b.input("r_valid")])
    enters = b.any([arrives, b.all([words.active, words.kept["fills"], open_])])
    b.connect(words.step, enters)
    b.drive(valid, b.all([enters, b.invert(halt)]), b.any([open_, halt]))
    b.check(b.input("r_last"), b.all([arrives, words.last, b.invert(halt)]))
    wrong = b.all([arrives, b.input("r_error")])
    last = b.reg(BIT, name="placed_last", resets=False)
    b.drive(last, words.last, enters)
    b.output("r_ready", takes)
    b.output("p_valid", valid)
    b.output("e_done", b.all([leaves, last, b.invert(halt)]))
    asks = b.any([runs.active, runs.asks])
    b.output("e_idle", b.all([b.invert(asks), words.idle, b.invert(valid)]))
    _word(b, words, enters, wrong)
    return wrong


def _word(b: Builder, words: Words, enters: int, wrong: int) -> None:
    """What is written: lanes of data and mask rotated alike; a beat that came with an error isn't."""
    fill = b.cat([words.kept["fill"]] * BEAT_BYTES)
    data = b.mux(words.kept["fills"], fill, b.input("r_data", _BEAT))
    by = words.totals["rotate"]
    mask = b.mux(wrong, b.const(0), _rotated(b, words.kept["mask"], by, 1))
    for name, word, span in (
        ("memory", words.kept["memory"], (0, 3)),
        ("address", words.totals["address"], (0, (1 << 16) - 1)),
        ("data", _rotated(b, data, by, 8), _BEAT),
        ("mask", mask, _LANES),
    ):
        kept = b.reg(span, name=f"placed_{name}", resets=False)
        b.drive(kept, word, enters)
        b.output(f"p_{name}", kept)


def _rotated(b: Builder, word: int, by: int, lane: int) -> int:
    """A word of 16 lanes of so many bits, each moved up by so many lanes; those at the top come in below."""
    bits = lane * BEAT_BYTES
    for k in range(BEAT_BYTES.bit_length() - 1):
        up = lane << k
        moved = b.cat([b.slice(word, bits - up, up), b.slice(word, 0, bits - up)])
        word = b.mux(b.slice(by, k, 1), moved, word)
    return word


def _report(b: Builder, offset: int, runs: Runs, wrong: int, halt: int) -> None:
    """Faults, a cycle later: where a start is odd, its offset."""
    fault = b.all([b.any([runs.odd, wrong]), b.invert(halt)])
    code = b.mux(runs.odd, b.const(ErrorCode.ALIGN.value), b.const(ErrorCode.READ.value))
    place = b.mux(runs.odd, offset, b.const(0))
    b.output("fault", b.delay(fault, 1, resets=True, name="fault"))
    b.output("fault_code", b.delay(code, 1, name="fault_code"))
    b.output("fault_offset", b.delay(place, 1, name="fault_offset"))
