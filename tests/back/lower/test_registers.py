"""The register file: what the host writes is where it is told, and is read back."""

from __future__ import annotations

import random

import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.lower.control.registers import Registers
from lego.back.lower.registers import build_registers
from lego.back.plan.registers import GAP_BEFORE, Reader
from lego.back.schedule.latencies import settling
from tests.back.designs import CHAIN, GEMM, SEVERAL, design_of
from tests.back.machine import Machine
from tests.sequences import queued

DOUBLE = CHAIN.replace("[3, 2]", "[3, 2], double_buffer: yes")


def written(machine: Machine, address: int, value: int) -> dict[str, int]:
    return machine.cycle({"host_addr": address, "host_wdata": value, "host_wen": 1})


def waited(machine: Machine, address: int = 0) -> dict[str, int]:
    return machine.cycle({"host_addr": address, "host_wdata": 0, "host_wen": 0})


@pytest.mark.parametrize("text", [GEMM, SEVERAL, DOUBLE], ids=["gemm", "several", "double"])
def test_registers_keep_what_was_written_last(text: str) -> None:
    design, r = design_of(text), random.Random(1)
    machine, kept = Machine(build_registers(design)), {}
    for _ in range(3):
        for address in r.sample(range(len(design.registers)), len(design.registers)):
            spec = design.registers[address]
            kept[spec.name] = r.randint(0, spec.high)
            written(machine, address, kept[spec.name])
    for address, spec in enumerate(design.registers):
        waited(machine, address)
        waited(machine)
        found = waited(machine)
        assert found["host_rdata"] == kept[spec.name]
        assert {name: found[name] for name in kept} == kept


@pytest.mark.parametrize("text", [SEVERAL, DOUBLE], ids=["several", "double"])
def test_what_the_whole_design_looks_at_comes_later(text: str) -> None:
    """A register that settles is seen three cycles later; who needs it at once has a port for that."""
    design = design_of(text)
    assert settling(design) == 3
    for address, spec in enumerate(design.registers):
        machine = Machine(build_registers(design))
        written(machine, address, spec.high)
        seen = [waited(machine) for _ in range(5)]
        late = [0, 0, 0, 1, 1] if spec.settles and not spec.at_once else [1] * 5
        assert [each[spec.name] for each in seen] == [spec.high * now for now in late], spec
        if spec.settles and spec.at_once:
            settled = [each[f"{spec.name}_settled"] for each in seen]
            assert settled == [0, 0, 0, spec.high, spec.high]


def test_modules_of_the_control_take_the_registers_that_they_ask_for() -> None:
    design, inner, outer = design_of(GEMM), Builder("agu", "control"), Builder("c", "control")
    registers = Registers(inner, design)
    assert "trip2" in registers
    assert "dataflow" not in registers  # there is one dataflow
    inner.output("y", inner.add(registers.bring("trip2"), inner.input("step0")))
    module = infer_widths(inner.build())
    wires = Registers(outer, design).wires(module)
    assert list(wires) == ["trip2"]
    assert outer.nodes[wires["trip2"]].range == (0, 3)  # k has 4 trips


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("text", [SEVERAL, DOUBLE], ids=["several", "double"])
def test_registers_of_the_next_run_wait_for_it(text: str, late: bool) -> None:
    """What is written is read back, and shows when the run begins: with the swap, for addresses a cycle later
    where events are late; or with what is adopted before it, some cycles later."""
    design, r = design_of(queued(text, 8)), random.Random(3)
    machine = Machine(build_registers(design, late=late))
    still = dict.fromkeys(machine.ports, 0)
    kept: dict[str, int] = {}
    for _ in range(2):
        before = dict(kept)
        for address, spec in enumerate(design.registers):
            kept[spec.name] = r.randint(0, spec.high)
            word = {"write": 1, "write_addr": address, "write_data": kept[spec.name]}
            machine.cycle(still | word)
        specs = [spec for spec in design.registers if spec.name != GAP_BEFORE]
        behind = [spec.name for spec in specs if spec.reader is Reader.BEHIND]
        if before:
            said = machine.cycle(still)
            assert {spec.name: said[spec.name] for spec in specs} == {
                spec.name: before[spec.name] for spec in specs
            }
            assert said["same"] == all(kept[name] == before[name] for name in behind)
        machine.cycle(still | {"adopt": 1})
        said = [machine.cycle(still) for _ in range(4)]
        assert {name: said[-1][name] for name in behind} == {name: kept[name] for name in behind}
        assert said[0]["same"]
        machine.cycle(still | {"swap": 1})
        said = [machine.cycle(still) for _ in range(2)]
        for spec in specs:
            delayed = late and spec.reader is Reader.ADDRESSES
            if before and delayed:
                assert said[0][spec.name] == before[spec.name]
            assert said[int(delayed)][spec.name] == kept[spec.name]
    for address, spec in enumerate(design.registers):
        machine.cycle(still | {"host_addr": address})
        machine.cycle(still)
        assert machine.cycle(still)["host_rdata"] == kept[spec.name]
