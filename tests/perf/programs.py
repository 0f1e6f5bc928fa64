"""Programs that no network gives: loops, barriers, and engines by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lego.device.program import DeviceProgram
from lego.ir.commands import (
    Command,
    Engine,
    Mode,
    Opcode,
    When,
    barrier,
    end,
    following,
    loop,
    start,
    write,
)
from lego.ir.engines import LOAD_REGISTERS, STORE_REGISTERS, register_numbers
from lego.ir.vector.plan import VectorPlan

__all__ = ["changed", "program_of", "run_of"]


def program_of(commands: Sequence[Command], chip: int = 0) -> DeviceProgram:
    """Commands without tensors or runs of the array."""
    return DeviceProgram("by hand", chip, (*commands, end()), b"", 0, {}, (), (), ())


def run_of(
    engine: Engine,
    plan: VectorPlan,
    values: Mapping[str, int],
    wait: Sequence[int] = (),
    signal: Sequence[int] = (),
) -> list[Command]:
    """Registers of an engine, and a start."""
    numbers = {
        Engine.VECTOR: plan.register_numbers,
        Engine.LOAD: register_numbers(LOAD_REGISTERS),
        Engine.STORE: register_numbers(STORE_REGISTERS),
    }[engine]
    writes = [write(engine, numbers[name], value) for name, value in values.items()]
    return [*writes, start(engine, wait=wait, signal=signal)]


def changed(program: DeviceProgram) -> Iterator[tuple[str, DeviceProgram]]:
    """The program with barriers in it, in a loop, and behind loops that end within the ring of words that
    were read, or go back to what was dropped."""
    body = program.commands[:-1]
    barred: list[Command] = []
    for each in body:
        barred += [barrier()] * (each.opcode is Opcode.START and not each.wait) + [each]
    yield "barriers", replace(program, commands=(*barred, barrier(), end()))
    again = (loop(3), *body, barrier(), following(), end())
    yield "loop", replace(program, commands=again, runs=program.runs * 3)
    nested = (
        loop(5),
        write(Engine.LOAD, 15, 1),
        write(Engine.LOAD, 15, 2, Mode.ADD, When.NOT_LAST),
        loop(2),
        write(Engine.STORE, 0, 2, Mode.XOR, When.NOT_FIRST),
        following(),
        following(),
        write(Engine.STORE, 0, 2),
    )
    nested = (write(Engine.STORE, 0, 2), *nested)
    yield "nested", replace(program, commands=(*nested, *body, barrier(), end()))
    for name, words in (("ring", 120), ("away", 600)):
        fills = (write(Engine.LOAD, 15, k & 0xFF) for k in range(words))
        yield name, replace(program, commands=(loop(3), *fills, following(), *body, end()))
