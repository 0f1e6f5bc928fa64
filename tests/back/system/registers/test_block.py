"""The register block, cycle by cycle against a program, and one register kind after the other."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from lego.back.system.registers.block import build_control
from lego.ir.checks.check import check
from lego.ir.control_map import Access, Identity, Register, control_registers, offset_of
from lego.ir.dag import Dag, Module
from tests.back.machine import Machine
from tests.back.quick import Quick
from tests.back.system.mutants import unnoticed
from tests.back.system.registers.model import Model
from tests.back.system.registers.port import Cycled, Port
from tests.back.system.registers.stimuli import Stimuli
from tests.back.verilated import Verilated

IDENTITY = Identity(0x8BADF00D, bus_bytes=32, lanes=8)


def differing(made: Module | Cycled, seed: int, cycles: int) -> int | None:
    """The first cycle in which the module isn't what the model is."""
    machine = Quick(made) if isinstance(made, Module) else made
    model, stimuli = Model(IDENTITY), Stimuli(IDENTITY, seed)
    said: dict[str, int] = {}
    for cycle in range(cycles):
        inputs = stimuli.following(said)
        said, wanted = machine.cycle(inputs), model.cycle(inputs)
        assert said.keys() == wanted.keys()
        if any(wanted[port] not in (None, value) for port, value in said.items()):
            return cycle
    return None


@pytest.fixture(scope="module")
def module() -> Module:
    made = build_control("unit", IDENTITY)
    check(Dag((made,)))
    return made


@pytest.fixture
def port(module: Module) -> Port:
    return Port(Quick(module))


def test_quick_is_what_a_machine_is(module: Module) -> None:
    """`Quick` runs the tests below; here its outputs are those of the primitives' meanings."""
    machine, quick, stimuli = Machine(module), Quick(module), Stimuli(IDENTITY, 9)
    said: dict[str, int] = {}
    for _ in range(150):
        inputs = stimuli.following(said)
        said = quick.cycle(inputs)
        assert said == machine.cycle(inputs)


def test_every_port_in_every_cycle(module: Module) -> None:
    assert differing(module, seed=1, cycles=4000) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_every_port_in_every_cycle_at_length(module: Module, seed: int) -> None:
    assert differing(module, seed=seed, cycles=8000) is None


@pytest.mark.slow
def test_every_port_of_the_verilog_in_every_cycle(module: Module, tmp_path: Path) -> None:
    machine = Verilated([module], tmp_path)
    assert differing(machine, seed=12, cycles=20_000) is None


def counts_far(module: Module) -> None:
    """Low cycles carry into high ones, and stalls end at their largest value."""
    machine = Quick(module)
    port = Port(machine)
    names = {"cycles_low": 0xFFFFFFFE, "stalls_bus": 0xFFFFFFFE}
    for name, value in names.items():
        machine.set(name, value)
    port.inputs |= {"busy": 1, "stall_bus": 1}
    for _ in range(5):
        port.idle()
    port.inputs |= {"busy": 0}
    assert (port.get("CYCLES_LOW"), port.get("CYCLES_HIGH")) == (3, 1)
    assert (port.get("STALLS_BUS"), port.get("STALLS_QUEUE")) == (0xFFFFFFFF, 0)


def test_counters_far_from_zero(module: Module) -> None:
    counts_far(module)


def test_broken_blocks_are_noticed(module: Module) -> None:
    def same(made: Module) -> None:
        assert differing(made, seed=3, cycles=2000) is None
        counts_far(made)

    assert unnoticed(module, same, count=40) == []


VARIANTS: dict[str, Callable[[Register], Register]] = {
    "no lock": lambda each: replace(each, locked=False),
    "other reset": lambda each: replace(
        each, fields=tuple(replace(f, reset=f.reset ^ (f.name == "QOS")) for f in each.fields)
    ),
    "moved": lambda each: replace(each, offset={0x34: 0x78}.get(each.offset, each.offset)),
    "more locks": lambda each: replace(each, locked=each.locked or each.name == "IRQ_MASK"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_other_tables_are_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    table = tuple(VARIANTS[name](each) for each in control_registers(IDENTITY))
    monkeypatch.setattr("lego.back.system.registers.block.control_registers", lambda _: table)
    assert differing(build_control("unit", IDENTITY), seed=1, cycles=4000) is not None


def test_registers_read_their_resets(port: Port) -> None:
    for register in control_registers(IDENTITY):
        for offset in register.offsets:
            assert port.read(offset) == (register.reset, 0), register.name
    assert port.get("ID") == int.from_bytes(b"LEGO", "little")
    assert port.get("CHIP") == 0x8BADF00D
    assert port.get("CAPABILITY") == 32 | 8 << 8 | 16 << 16 | 4 << 24 | 8 << 28


def test_only_registers_have_addresses(port: Port) -> None:
    known = {offset for each in control_registers(IDENTITY) for offset in each.offsets}
    for offset in (*range(0, 0x180, 4), 0x7FC, 0x800, 0xFFC):
        assert port.read(offset)[1] == (0 if offset in known else 2), hex(offset)
        assert port.write(offset, 0) == (0 if offset in known else 2), hex(offset)


def test_what_is_written_is_kept_byte_by_byte(port: Port) -> None:
    r = random.Random(4)
    for register in control_registers(IDENTITY):
        kept = [f for f in register.fields if f.access is Access.RW]
        mask = sum(field.mask for field in kept)
        for offset in register.offsets if kept else ():
            word = register.reset
            for strobes in (15, *range(1, 16)):
                new, lanes = (
                    r.getrandbits(32),
                    sum(255 << 8 * k for k in range(4) if strobes >> k & 1),
                )
                assert port.write(offset, new, strobes) == 0
                word = word & ~(mask & lanes) | new & mask & lanes
                assert port.read(offset) == (word, 0)


def test_registers_that_are_read_only_stay(port: Port) -> None:
    for name in ("ID", "VERSION", "CHIP", "ERROR", "CYCLES_LOW", "COMMAND_INDEX"):
        before = port.get(name)
        port.put(name, ~before & 0xFFFFFFFF)
        assert port.get(name) == before


def test_a_doorbell_rings_once_and_is_refused_while_busy(port: Port) -> None:
    port.put("CONTROL", 1)
    assert port.pulses["doorbell"] == 1
    port.inputs["busy"] = 1
    port.put("CONTROL", 1)
    assert port.pulses["doorbell"] == 1
    assert port.get("STATUS") == 0b1001
    port.put("STATUS", 0b0111)
    assert port.get("STATUS") == 0b1001
    port.put("STATUS", 0b1000)
    assert port.get("STATUS") == 0b0001
    assert port.get("CONTROL") == 0
    port.pulse("finished")
    port.inputs["busy"] = 0
    assert port.get("STATUS") == 0b0010
    port.put("CONTROL", 1)
    assert port.pulses["doorbell"] == 2
    assert port.get("STATUS") == 0


@pytest.mark.parametrize("word", [0b011, 0b101, 0b111])
def test_a_doorbell_with_another_command_is_refused(port: Port, word: int) -> None:
    port.put("CONTROL", word)
    assert port.pulses == {"doorbell": 0, "abort": word >> 1 & 1, "soft_reset": word >> 2}
    assert port.get("STATUS") == 0b1000


def test_settings_stand_still_while_busy(port: Port) -> None:
    locked = [each for each in control_registers(IDENTITY) if each.locked]
    assert {each.name for each in locked} >= {"PROGRAM_OFFSET", "SEGMENT_LIMIT", "AXI_ATTRIBUTES"}
    port.inputs["busy"] = 1
    for register in locked:
        assert port.write(register.offset, 0xFFFFFFC0) == 2
        assert port.read(register.offset) == (register.reset, 0)
    assert port.write(offset_of("IRQ_MASK"), 7) == 0


def test_interrupts_stay_until_their_bit_is_written(port: Port) -> None:
    sources = ("finished", "interrupt", "failed")
    for k, name in enumerate(sources):
        port.put("IRQ_MASK", 0)
        port.pulse(name)
        assert (port.said["irq"], port.get("IRQ_STATUS")) == (0, 1 << k)
        port.put("IRQ_MASK", 1 << k)
        assert port.idle()["irq"] == 1
        port.put("IRQ_STATUS", 7 & ~(1 << k))
        assert port.idle()["irq"] == 1
        port.put("IRQ_STATUS", 1 << k)
        assert port.idle()["irq"] == 0


def test_an_interrupt_that_comes_while_it_is_cleared_isn_t_lost(port: Port) -> None:
    port.pulse("interrupt")
    port.inputs["interrupt"] = 1
    port.put("IRQ_STATUS", 2)
    port.inputs["interrupt"] = 0
    assert port.get("IRQ_STATUS") == 2


def test_the_first_error_counts(port: Port) -> None:
    port.put("CONTROL", 1)
    for code in (8, 13):
        port.inputs |= {
            "error_code": code,
            "error_index": code * 100,
            "error_address": code << 34 | 5,
        }
        port.pulse("failed")
    found = [port.get(f"ERROR{part}") for part in ("", "_INDEX", "_ADDRESS_LOW", "_ADDRESS_HIGH")]
    assert found == [8, 800, 5, 32]
    assert port.get("STATUS") == 0b0100
    port.put("CONTROL", 1)
    assert [port.get("STATUS"), port.get("ERROR"), port.get("ERROR_INDEX")] == [0, 0, 0]


def test_a_soft_reset_clears_the_state_and_keeps_settings(port: Port) -> None:
    port.put("PROGRAM_OFFSET", 64)
    port.pulse("finished")
    port.pulse("failed")
    port.put("CONTROL", 4)
    assert port.pulses["soft_reset"] == 1
    assert [port.get(name) for name in ("STATUS", "IRQ_STATUS", "PROGRAM_OFFSET")] == [0, 0, 64]


def test_nothing_is_told_of_a_program_that_a_soft_reset_ended(port: Port) -> None:
    port.put("CONTROL", 1)
    port.inputs["busy"] = 1
    port.put("CONTROL", 4)
    for name in ("interrupt", "finished", "failed"):
        port.pulse(name)
    assert [port.get(name) for name in ("STATUS", "IRQ_STATUS", "CYCLES_LOW")] == [1, 0, 0]
    port.inputs["busy"] = 0
    assert port.get("STATUS") == 0
    port.pulse("interrupt")
    assert port.get("IRQ_STATUS") == 2


def test_registers_of_several_have_ports_by_number(port: Port) -> None:
    for k, value in zip(range(8), count(0x1240, 64), strict=False):
        for name in ("SEGMENT_BASE_LOW", "SEGMENT_BASE_HIGH", "SEGMENT_LIMIT", "PARAMETER"):
            port.put(name, value + 7, k)
        said = port.idle()
        assert said[f"segment_base{k}"] == value + 7 << 32 | value
        assert said[f"segment_limit{k}"] == said[f"parameter{k}"] == value + 7
