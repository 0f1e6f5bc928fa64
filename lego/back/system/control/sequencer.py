"""The sequencer: carries out a program, word by word, and fills the queues of the engines' gates.

A word is taken from the ring in one cycle, and its register's old value is read in that cycle as well. In
the next one it is carried out: what is for an engine goes to registers, which are given to its queue a cycle
later. So one command leaves per cycle, and the first one two cycles after it came from the bus. A loop that
goes back costs one cycle more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.control.check import CODE_SPAN, INDEX_SPAN, WORD_SPAN, build_check, field
from lego.back.system.control.fetch import BEAT_SPAN, build_fetch
from lego.back.system.control.gate import REGISTER_SPAN, VALUE_SPAN
from lego.back.system.control.loops import TRIP_SPAN, build_loops
from lego.back.system.control.shadow import build_shadow
from lego.back.system.control.state import ADDRESS_SPAN, OFFSET_SPAN, build_state
from lego.diag import InternalError
from lego.ir.command_program import HEADER_WORDS
from lego.ir.commands import ENGINES, Opcode, When
from lego.ir.dag import Module, Op

__all__ = ["build_sequencer"]

_Outputs = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Now:
    """The word whose turn it is, in registers.

    Attributes
    ----------
    full : there is one; index : its number; is_op : which command it is.
    """

    word: int
    index: int
    full: int
    is_op: Mapping[Opcode, int]


@dataclass(frozen=True, slots=True)
class _Out:
    """Registers between the word and the queues: they take a command now; they hold none."""

    free: int
    empty: int


@dataclass(frozen=True, slots=True)
class _Wires:
    """What is used before it is known.

    Attributes
    ----------
    run, begins : a program runs, or begins.
    sound : nothing is wrong with the word; leaves : it goes, and the next one may come; take : it comes.
    """

    run: int
    begins: int
    sound: int
    leaves: int
    take: int


def build_sequencer(
    prefix: str,
    *,
    chip: int,
    registers: Sequence[int],
    sources: Sequence[str] = ("read", "write"),
) -> tuple[Module, ...]:
    """The module `PREFIX_sequencer`, the last one, and those that it holds.

    Parameters
    ----------
    chip : 32-bit hash that programs must name.
    registers : how many registers each engine has.
    sources : who reports faults; the first is believed first.

    Ports
    -----
    go, abort : pulses of the host; program_segment, program_offset : where the program is.
    watchdog : cycles without progress after which the device stops, 0: never; done : any engine's run ended.
    c_valid, c_segment, c_offset, c_beats, c_ready : to the read master.
    r_valid, r_data, r_error, r_ready : from the read master; `r_ready` is always 1.
    qE_valid, qE_start, qE_register, qE_value, qE_ready : to the queue of engine E, 0 to 3.
    eE_idle : its queue is empty and it is idle; bus_idle : nothing is under way on the bus.
    S_fault, S_fault_code, S_fault_address : of each source.
    busy, halt, clear, finished, failed, error_code, error_index, error_address : see `build_state`.
    interrupt : pulse: the program asks for an interrupt.
    command_index : the word whose turn it is.
    starved, blocked : the program runs and there is no word; its engine's queue is full.
    """
    if len(registers) != ENGINES or not all(0 < count <= 256 for count in registers):
        raise InternalError(f"{ENGINES} engines can't have {registers} registers")
    held = (
        build_fetch(prefix),
        build_check(prefix, chip=chip, registers=registers),
        build_loops(prefix),
        build_shadow(prefix, registers=registers),
        build_state(prefix, sources=sources),
    )
    b = Builder(f"{prefix}_sequencer", "control")
    wires = _Wires(*(b.wire((0, 1)) for _ in range(5)))
    now = _word_now(b)
    loops = _loops(b, held[2], now, wires)
    code = _code(b, held[1], now, loops)
    b.connect(wires.sound, b.all([now.full, wires.run, b.eq(code, b.const(0))]))
    fetch = _fetch(b, held[0], now, loops, wires)
    acts = _acts(b, now, loops)
    out = _queues(b, held[3], (now, wires), fetch["word"], acts)
    goes = _goes_on(b, now, out, fetch["drained"])
    b.connect(wires.leaves, b.all([now.full, out.free, goes]))
    _take(b, now, fetch, wires)
    told = b.mux(out.free, code, b.const(0))  # once everything before the word is with its queue
    _state(b, held[4], (now, wires), (told, fetch["index"]), sources)
    return (*held, infer_widths(b.build()))


def _word_now(b: Builder) -> _Now:
    """The registers of the word whose turn it is."""
    word = b.reg(WORD_SPAN, name="word", resets=False)
    index = b.reg(INDEX_SPAN, name="index", resets=False)
    full = b.reg((0, 1), name="full")
    header = b.less(index, b.const(HEADER_WORDS))
    opcode = field(b, word, "opcode")
    is_op = {
        each: b.all([b.invert(header), b.eq(opcode, b.const(each))])
        for each in Opcode
        if each is not Opcode.HEADER
    }
    return _Now(word, index, full, is_op | {Opcode.HEADER: header})


def _loops(b: Builder, module: Module, now: _Now, wires: _Wires) -> _Outputs:
    """Loops open and close; that the word may be wrong doesn't matter, as the program stops then."""
    value = field(b, now.word, "value")
    following = b.wrap(b.add(now.index, b.const(1)), INDEX_SPAN)
    return b.instance(
        module,
        "loops",
        {
            "open": b.all([wires.leaves, now.is_op[Opcode.LOOP]]),
            "next": b.all([wires.leaves, now.is_op[Opcode.NEXT]]),
            "clear": wires.begins,
            "trips": b.wrap(value, TRIP_SPAN),
            "start": following,
        },
    )


def _length_known(b: Builder, now: _Now) -> int:
    """Whether the word tells the program's length."""
    return b.all([now.full, b.eq(now.index, b.const(1))])


def _code(b: Builder, module: Module, now: _Now, loops: _Outputs) -> int:
    """What is wrong with the word; 0 if there is none."""
    length = field(b, now.word, "value")
    last = b.reg(INDEX_SPAN, name="last_index", resets=False)
    before = b.wrap(b.op(Op.SUB, length, b.const(1)), INDEX_SPAN)
    b.drive(last, before, _length_known(b, now))
    checked = b.instance(
        module,
        "check",
        {
            "word": now.word,
            "index": now.index,
            "last": b.eq(now.index, last),
            "no_loops": loops["no_loops"],
            "all_loops": loops["all_loops"],
        },
    )
    return b.mux(now.full, checked["code"], b.const(0))


def _fetch(b: Builder, module: Module, now: _Now, loops: _Outputs, wires: _Wires) -> _Outputs:
    """The next word, which after the end of a trip is the first of the loop's body."""
    again = b.all([wires.leaves, now.is_op[Opcode.NEXT], b.invert(loops["last"])])
    fetched = b.instance(
        module,
        "fetch",
        {
            "go": wires.begins,
            "run": wires.run,
            "program_offset": b.input("program_offset", OFFSET_SPAN),
            "length": b.wrap(field(b, now.word, "value"), INDEX_SPAN),
            "length_known": _length_known(b, now),
            "take": wires.take,
            "jump": again,
            "target": loops["body"],
            "c_ready": b.input("c_ready"),
            "r_valid": b.input("r_valid"),
            "r_data": b.input("r_data", BEAT_SPAN),
        },
    )
    free = b.any([b.invert(now.full), wires.leaves])
    b.connect(wires.take, b.all([wires.run, fetched["available"], free, b.invert(again)]))
    for name in ("c_valid", "c_offset", "c_beats"):
        b.output(name, fetched[name])
    b.output("c_segment", b.input("program_segment", (0, 7)))
    b.output("r_ready", b.const(1))
    return fetched


def _acts(b: Builder, now: _Now, loops: _Outputs) -> int:
    """Whether the trip is one in which the command acts."""
    first, last = loops["first"], loops["last"]
    holds = {
        When.ALWAYS: b.const(1),
        When.FIRST: first,
        When.NOT_FIRST: b.invert(first),
        When.LAST: last,
        When.NOT_LAST: b.invert(last),
    }
    return b.select(field(b, now.word, "when"), 3, [holds[each] for each in When])


def _queues(b: Builder, module: Module, turn: tuple[_Now, _Wires], ahead: int, acts: int) -> _Out:
    """Writes and starts go to their engines' queues."""
    now, wires = turn
    write, start = now.is_op[Opcode.WRITE], now.is_op[Opcode.START]
    queued = b.any([write, start])
    writes = b.all([wires.leaves, wires.sound, write, acts])
    shadow = b.instance(
        module,
        "shadow",
        {"ahead": ahead, "load": wires.take, "word": now.word, "write": writes},
    )
    return _out(b, turn, (b.all([queued, wires.sound, acts]), start), shadow["value"])


def _out(b: Builder, turn: tuple[_Now, _Wires], sends: tuple[int, int], value: int) -> _Out:
    """The registers whose command the queues are given."""
    now, wires = turn
    sent, start = sends
    engine = field(b, now.word, "engine")
    valid = [b.reg((0, 1), name=f"valid{e}") for e in range(ENGINES)]
    taken = b.any([b.all([each, b.input(f"q{e}_ready")]) for e, each in enumerate(valid)])
    empty = b.invert(b.any(valid))
    free = b.any([empty, taken])
    for e, each in enumerate(valid):
        here = b.all([sent, b.eq(engine, b.const(e))])
        b.drive(each, here, b.any([free, b.invert(wires.run)]))
        b.output(f"q{e}_valid", each)
    for name, part, span in (
        ("start", start, (0, 1)),
        ("register", field(b, now.word, "register"), REGISTER_SPAN),
        ("value", value, VALUE_SPAN),
    ):
        kept = b.reg(span, name=f"out_{name}", resets=False)
        b.drive(kept, part, free)
        for e in range(ENGINES):
            b.output(f"q{e}_{name}", kept)
    b.output("blocked", b.invert(free))
    return _Out(free, empty)


def _goes_on(b: Builder, now: _Now, out: _Out, drained: int) -> int:
    """Whether the word may leave, as far as it doesn't wait for those before it."""
    idle = [b.input(f"e{e}_idle") for e in range(ENGINES)]
    mask = field(b, now.word, "value")
    awaited = [b.any([b.invert(b.slice(mask, e, 1)), each]) for e, each in enumerate(idle)]
    waits = (Opcode.BARRIER, Opcode.END)
    return b.any(
        [
            *(now.is_op[each] for each in Opcode if each not in waits),
            b.all([now.is_op[Opcode.BARRIER], out.empty, *awaited]),
            b.all([now.is_op[Opcode.END], out.empty, *idle, b.input("bus_idle"), drained]),
        ]
    )


def _take(b: Builder, now: _Now, fetch: _Outputs, wires: _Wires) -> None:
    """The next word comes where the one before leaves."""
    stays = b.all([now.full, b.invert(wires.leaves)])
    b.drive(now.full, b.all([wires.run, b.any([wires.take, stays])]))
    b.drive(now.word, fetch["word"], wires.take)
    b.drive(now.index, fetch["index"], wires.take)
    b.output("starved", b.all([wires.run, b.invert(now.full)]))


def _state(
    b: Builder,
    module: Module,
    turn: tuple[_Now, _Wires],
    found: tuple[int, int],
    sources: Sequence[str],
) -> None:
    """Begin, end and stop."""
    now, wires = turn
    code, ahead = found
    index = b.mux(now.full, now.index, ahead)
    idle = [b.input(f"e{e}_idle") for e in range(ENGINES)]
    done = b.all([wires.leaves, wires.sound])
    given = {
        "go": b.input("go"),
        "abort": b.input("abort"),
        "program_offset": b.input("program_offset", OFFSET_SPAN),
        "watchdog": b.input("watchdog", VALUE_SPAN),
        "read_error": b.all([b.input("r_valid"), b.input("r_error")]),
        "code": code,
        "index": b.wrap(index, INDEX_SPAN),
        "ended": b.all([done, now.is_op[Opcode.END]]),
        "progress": b.any([wires.leaves, b.input("done")]),
        "quiet": b.all([*idle, b.input("bus_idle")]),
    }
    for source in sources:
        given[f"{source}_fault"] = b.input(f"{source}_fault")
        given[f"{source}_fault_code"] = b.input(f"{source}_fault_code", CODE_SPAN)
        given[f"{source}_fault_address"] = b.input(f"{source}_fault_address", ADDRESS_SPAN)
    state = b.instance(module, "state", given)
    b.connect(wires.run, state["run"])
    b.connect(wires.begins, state["begins"])
    for name in ("busy", "halt", "clear", "finished", "failed"):
        b.output(name, state[name])
    for name in ("error_code", "error_index", "error_address"):
        b.output(name, state[name])
    b.output("interrupt", b.all([done, now.is_op[Opcode.INTERRUPT]]))
    b.output("command_index", given["index"])
