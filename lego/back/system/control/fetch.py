"""Reads a program ahead into a ring of words, and hands out one word after the other.

The program is read in blocks of 16 beats. What was read stays in the ring until newer words take its
place, so that loops with short bodies read nothing again. A beat that is waited for passes by the ring:
its first word can be taken in the cycle in which it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.control.check import INDEX_BITS, INDEX_SPAN
from lego.ir.command_program import PAGE_WORDS
from lego.ir.commands import WORD_BITS
from lego.ir.dag import Module, Op

__all__ = ["AHEAD_BEATS", "BEAT_SPAN", "BLOCK_BEATS", "RING_BEATS", "build_fetch"]

BEAT_WORDS = 2
BEAT_SPAN = (0, (1 << BEAT_WORDS * WORD_BITS) - 1)
BLOCK_BEATS = 16
"""Beats that are asked for at once, from a multiple of as many on."""

RING_BEATS = 256
AHEAD_BEATS = 64
"""Beats that may be asked for ahead of the word that is handed out."""

_NUMBER_BITS = INDEX_BITS - 1
_NUMBERS = (0, (1 << _NUMBER_BITS) - 1)
"""Numbers of beats in a program."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Registers: how far the program is read, and where it goes on.

    Attributes
    ----------
    index : number of the word that is handed out next; beat : of its beat.
    asked, arrived : beats before these were asked for, and have arrived.
    base : first beat since which all have been asked for in order.
    dropped : beats that arrive first and that nobody wants.
    """

    index: int
    beat: int
    asked: int
    arrived: int
    base: int
    dropped: int


def build_fetch(prefix: str) -> Module:
    """The module `PREFIX_fetch`.

    Ports
    -----
    go : pulse: begin with the first word of a program; nothing is under way.
    run : a program runs; without it nothing is asked for, and what arrives is forgotten.
    program_offset : the program's first byte.
    length, length_known : words of the program, and a pulse when it is known.
    take : the word is taken; jump, target : the word of this number comes next, nothing is taken.
    c_valid, c_offset, c_beats, c_ready : what is asked for.
    r_valid, r_data : beats that arrive; they are always taken.
    available, word, index : the next word is there, is this, has this number.
    drained : all that was asked for had arrived in the cycle before, and nothing was asked for then.
    """
    b = Builder(f"{prefix}_fetch", "control")
    index = b.reg(INDEX_SPAN, name="index")
    names = ("asked", "arrived", "base")
    asked, arrived, base = (b.reg(_NUMBERS, name=name) for name in names)
    dropped = b.reg((0, 2 * RING_BEATS - 1), name="dropped")
    place = _Place(index, b.slice(index, 1, _NUMBER_BITS), asked, arrived, base, dropped)
    away = _jumps_away(b, place)
    arrives = b.all([b.input("r_valid"), b.input("run")])
    none_dropped = b.eq(dropped, b.const(0))
    stores = b.all([arrives, none_dropped])
    following = _next_index(b, place)
    _hand_out(b, place, stores, following)
    asks, asked_now = _ask(b, place, away)
    _count(b, place, (stores, away, asks), asked_now)
    outstanding = b.wrap(b.op(Op.SUB, asked, arrived), _NUMBERS)
    _drop(b, place, arrives, away, outstanding)
    settled = b.all([none_dropped, b.eq(asked, arrived), b.invert(asks)])
    b.output("drained", b.delay(settled, 1, resets=True, name="settled"))
    return infer_widths(b.build())


def _jumps_away(b: Builder, place: _Place) -> int:
    """Whether the next word is one that the ring doesn't hold."""
    target = b.slice(b.input("target", INDEX_SPAN), 1, _NUMBER_BITS)
    gone = b.less(b.add(target, b.const(RING_BEATS)), place.asked)
    return b.all([b.input("jump"), b.any([gone, b.less(target, place.base)])])


def _next_index(b: Builder, place: _Place) -> int:
    """The number of the next cycle's word."""
    more = b.wrap(b.add(place.index, b.const(1)), INDEX_SPAN)
    stepped = b.mux(b.input("take"), more, place.index)
    jumped = b.mux(b.input("jump"), b.input("target", INDEX_SPAN), stepped)
    following = b.mux(b.input("go"), b.const(0), jumped)
    b.drive(place.index, following)
    b.output("index", place.index)
    return following


def _hand_out(b: Builder, place: _Place, stores: int, following: int) -> None:
    """The next word: from the beat that arrives, the last one that did, or the ring."""
    data = b.input("r_data", BEAT_SPAN)
    latest = b.reg(BEAT_SPAN, name="latest", resets=False)
    b.drive(latest, data, stores)
    reads = b.slice(following, 1, RING_BEATS.bit_length() - 1)
    writes = b.slice(place.arrived, 0, RING_BEATS.bit_length() - 1)
    bits = BEAT_WORDS * WORD_BITS
    ram = b.memory((reads, b.input("run")), (writes, data, stores), RING_BEATS, bits)
    newest = b.reg(_NUMBERS, name="newest", resets=False)
    b.drive(newest, place.arrived, stores)
    is_latest = b.eq(place.beat, newest)
    arrives = b.eq(place.beat, place.arrived)
    beat = b.mux(arrives, data, b.mux(is_latest, latest, ram))
    halves = [b.slice(beat, k * WORD_BITS, WORD_BITS) for k in range(BEAT_WORDS)]
    b.output("word", b.mux(b.slice(place.index, 0, 1), halves[1], halves[0]))
    b.output("available", b.any([b.invert(arrives), stores]))


def _ask(b: Builder, place: _Place, away: int) -> tuple[int, int]:
    """Ask for blocks; returns when one is, and up to which beat.

    The first block of a program is asked for when it begins: at beat 0 an offset is the program's own.
    """
    go, run = b.input("go"), b.input("run")
    pending = b.reg((0, 1), name="pending")
    end = _end(b, go)
    free = b.any([b.invert(pending), b.input("c_ready")])
    ahead = b.wrap(b.op(Op.SUB, place.asked, place.beat), _NUMBERS)
    near = b.less(ahead, b.const(AHEAD_BEATS - BLOCK_BEATS + 1))
    wants = b.all([run, free, near, b.less(place.asked, end), b.invert(away)])
    asks = b.any([go, wants])
    b.drive(pending, b.any([asks, b.all([run, b.invert(free)])]))
    from_beat = b.mux(go, b.const(0), place.asked)
    span = (0, (1 << 32) - 1)
    moved = b.add(b.input("program_offset", span), b.shl(from_beat, 4))
    offset = b.reg(span, name="offset", resets=False)
    b.drive(offset, b.wrap(moved, span), asks)
    within = b.slice(from_beat, 0, 4)
    count = b.op(Op.SUB, b.const(BLOCK_BEATS), within)
    beats = b.reg((0, BLOCK_BEATS), name="beats", resets=False)
    b.drive(beats, b.wrap(count, (0, BLOCK_BEATS)), asks)
    b.output("c_valid", b.all([pending, run]))
    b.output("c_offset", offset)
    b.output("c_beats", beats)
    return asks, b.wrap(b.add(from_beat, count), _NUMBERS)


def _end(b: Builder, go: int) -> int:
    """The beat behind the program's last block; until its length is known, behind its first page."""
    end = b.reg(_NUMBERS, name="end_beat")
    words = BLOCK_BEATS * BEAT_WORDS
    shift = words.bit_length() - 1
    blocks = b.shr(b.add(b.input("length", INDEX_SPAN), b.const(words - 1)), shift)
    known = b.wrap(b.shl(blocks, shift - 1), _NUMBERS)
    b.drive(
        end,
        b.mux(go, b.const(PAGE_WORDS // BEAT_WORDS), known),
        b.any([go, b.input("length_known")]),
    )
    return end


def _count(b: Builder, place: _Place, events: tuple[int, int, int], asked_now: int) -> None:
    """How far the program is read; what is elsewhere is read from there on."""
    stores, away, asks = events
    go, zero = b.input("go"), b.const(0)
    target = b.slice(b.input("target", INDEX_SPAN), 1, _NUMBER_BITS)
    arrived = b.wrap(b.add(place.arrived, stores), _NUMBERS)
    for register, kept in (
        (place.asked, b.mux(asks, asked_now, place.asked)),
        (place.arrived, b.mux(go, zero, arrived)),
        (place.base, b.mux(go, zero, place.base)),
    ):
        b.drive(register, b.mux(away, target, kept))


def _drop(b: Builder, place: _Place, arrives: int, away: int, outstanding: int) -> None:
    """Beats that are on their way when the program goes on elsewhere are dropped as they arrive."""
    span, zero = (0, 2 * RING_BEATS - 1), b.const(0)
    some = b.invert(b.eq(place.dropped, zero))
    fewer = b.op(Op.SUB, place.dropped, b.all([arrives, some]))
    late = b.op(Op.SUB, outstanding, arrives)
    following = b.mux(away, b.wrap(late, span), b.wrap(fewer, span))
    b.drive(place.dropped, b.mux(b.input("go"), zero, following))
    b.check(b.invert(some), away)
