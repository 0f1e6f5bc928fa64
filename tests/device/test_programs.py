"""Programs of whole networks leave what their operations say, whichever engine goes on first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lego.device.compile import compiled
from lego.device.program import DeviceProgram
from lego.diag import LegoError
from lego.ir.command_program import decode, encode
from lego.ir.commands import Command, Engine, Opcode, start
from lego.runtime.functional import FunctionalDevice
from sim.device.session import expected, inputs_for
from tests.device.campaign import judge
from tests.device.chips import NETWORKS, edge, network


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_leaves_what_its_operations_say(name: str) -> None:
    chip, workload = edge(), network(name)
    made = compiled(chip, workload)
    inputs = inputs_for(made, workload, 1)
    wanted = expected(workload, {**made.constants, **inputs})
    for seed in (None, 0, 1, 2):
        found = FunctionalDevice(chip, seed).run(made.program, inputs)
        assert list(found) == list(made.program.outputs)
        for output, values in found.items():
            assert np.array_equal(values, wanted[output]), (output, seed)
            assert len(np.unique(values)) > 2


def test_programs_are_the_same_every_time() -> None:
    one, other = (compiled(edge(), network("inverted")).program for _ in range(2))
    assert encode(one.commands, one.chip) == encode(other.commands, other.chip)
    assert one.constants == other.constants
    data = encode(one.commands, one.chip)
    assert decode(data, chip=one.chip).commands == one.commands


def without_signals(program: DeviceProgram, engine: Engine) -> DeviceProgram:
    """The program in which no run of an engine signals anything."""
    commands = tuple(
        start(engine, wait=each.wait)
        if each.opcode is Opcode.START and each.engine is engine
        else each
        for each in program.commands
    )
    return replace(program, commands=commands)


@pytest.mark.parametrize("engine", list(Engine))
def test_signals_that_are_missing_are_noticed(engine: Engine) -> None:
    chip, workload = edge(), network("inverted")
    made = compiled(chip, workload)
    inputs = inputs_for(made, workload, 1)
    with pytest.raises(LegoError, match="E309"):
        FunctionalDevice(chip).run(without_signals(made.program, engine), inputs)


def waits(command: Command) -> bool:
    return command.opcode is Opcode.START and bool(command.wait)


@pytest.mark.parametrize("engine", list(Engine))
def test_a_wait_that_is_missing_is_noticed(engine: Engine) -> None:
    """Without one wait some order of the engines reads what isn't there, overflows, or leaves other bytes."""
    chip, workload = edge(), network("inverted")
    made = compiled(chip, workload)
    inputs = inputs_for(made, workload, 1)
    wanted = FunctionalDevice(chip).run(made.program, inputs)
    commands = list(made.program.commands)
    k = next(k for k, c in enumerate(commands) if waits(c) and c.engine is engine)
    commands[k] = start(engine, signal=commands[k].signal)
    broken = replace(made.program, commands=tuple(commands))
    noticed = 0
    for seed in range(12):
        try:
            found = FunctionalDevice(chip, seed).run(broken, inputs)
        except LegoError:
            noticed += 1
            continue
        noticed += any(not np.array_equal(found[n], wanted[n]) for n in wanted)
    assert noticed


FINDINGS = {
    1008: "the largest of a window, added to what the window slides over: two streams",
    1016: "45 channels in tiles of 15, which begin within a beat",
    1057: "lanes along which the scales of a chain don't vary",
    26: "a product whose operand is the same in all lanes of the dataflow for depthwise convolutions",
}
"""Networks by seed that were compiled to programs that left other bytes."""


@pytest.mark.parametrize("seed", FINDINGS, ids=FINDINGS.get)
def test_a_network_that_went_wrong_once(seed: int) -> None:
    """It's right, or refused, now."""
    judge(seed, rtl=False)
