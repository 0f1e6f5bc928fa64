"""Random programs."""

from __future__ import annotations

import random

from lego.ir.command_program import encode, words_of
from lego.ir.commands import (
    Command,
    Engine,
    Mode,
    When,
    barrier,
    end,
    following,
    interrupt,
    loop,
    start,
    write,
)
from tests.back.system.control.bench import CHIP, REGISTERS

FEW = 3
"""Registers of each engine that random writes are for: few, so that they meet."""


def encoded(*body: Command) -> list[int]:
    return words_of(encode([*body, end()], CHIP))


def settings(r: random.Random) -> list[Command]:
    """A first value for each register that random programs add to."""
    places = [(e, k) for e in Engine for k in used(e)]
    r.shuffle(places)
    return [write(e, k, r.getrandbits(32)) for e, k in places]


def used(engine: Engine) -> list[int]:
    return [*range(FEW), REGISTERS[engine] - 1]


def simple(r: random.Random) -> Command:
    """A command that opens and closes nothing."""
    engine, when = r.choice(list(Engine)), r.choice([When.ALWAYS, r.choice(list(When))])
    kind = r.random()
    if kind < 0.7:
        register = r.choice(used(engine))
        return write(engine, register, r.getrandbits(32), r.choice(list(Mode)), when)
    if kind < 0.93:
        masks = [r.sample(range(16), r.randrange(3)) for _ in range(2)]
        return start(engine, wait=masks[0], signal=masks[1], when=when)
    return interrupt() if kind < 0.96 else barrier(r.sample(list(Engine), r.randrange(5)))


def body(r: random.Random, words: int, depth: int = 0) -> list[Command]:
    """About so many words, with loops in loops."""
    found: list[Command] = []
    while len(found) < words:
        if depth < 7 and r.random() < 0.12:
            inner = body(r, r.randrange(6 if depth else 12), depth + 1)
            found += [loop(r.choice([1, 2, 2, 3])), *inner, following()]
        else:
            found.append(simple(r))
    return found


def random_program(seed: int, words: int = 80) -> list[int]:
    r = random.Random(seed)
    return encoded(*settings(r), *body(r, words))


def deep_program(seed: int) -> list[int]:
    """As many loops in each other as there can be."""
    r, found = random.Random(seed), list[Command]()
    for _ in range(8):
        found = [loop(2), simple(r), *found, simple(r), following()]
    return encoded(*settings(r), *found)


def long_program(seed: int, words: int, trips: int = 3) -> list[int]:
    """A loop with so many words in its body, among them other loops."""
    r = random.Random(seed)
    inner = body(r, words)[:words]
    opened = 0
    for command in inner:
        opened += (command.opcode is loop(1).opcode) - (command.opcode is following().opcode)
    inner += [following()] * opened
    return encoded(*settings(r), *body(r, 9), loop(trips), *inner, following(), *body(r, 9))


def twice_long_program(words: int) -> list[int]:
    """A loop whose body begins a little before that of a long one, which waits at the end of its first trip.

    Where the bus is slow, less is read ahead of the second end than of the first.
    """
    inner = [write(Engine.LOAD, k % 4, k) for k in range(words)]
    inner += [start(Engine.STORE, when=When.FIRST), barrier([Engine.STORE])]
    twice = [loop(2), *[interrupt()] * 2, loop(2), *inner, following(), following()]
    return encoded(*twice, *[interrupt()] * 200)
