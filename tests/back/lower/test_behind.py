"""Which registers may change while the tail of a run is on its way: what the table says, against the graphs.

A register may change with the first timestamp of a run if only the counters and the address generators look
at it, and what they say travels with the timestamp.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lego.back.lower.core import build
from lego.back.lower.registers import NEXT
from lego.back.plan.registers import Reader
from lego.back.schedule.stages import NO_STAGES, Stages
from lego.ir.dag import Dag, Module, Op
from tests.back.designs import CHAIN, DESIGNS, IN_TURN, SEVERAL, design_of
from tests.back.timeline import FAST
from tests.sequences import queued

DOUBLE = CHAIN.replace("[3, 2]", "[3, 2], double_buffer: yes")
TWICE = SEVERAL.replace("[2, 2]}", "[2, 2], double_buffer: yes, resume: yes}")
ROOMY = TWICE.replace("[2, 2]", "[2, 2], room: {counters: 5}")
TEXTS = DESIGNS | IN_TURN | {"double": DOUBLE, "twice": TWICE, "roomy": ROOMY}
GUARD = {"half"}
"""What memories look at, too, to keep the host off: no signal of the array's comes of it."""


def cone(module: Module, start: int) -> Iterator[int]:
    """Nodes that a node follows in the same cycle."""
    seen, stack = set[int](), [start]
    while stack:
        at = stack.pop()
        if at in seen:
            continue
        seen.add(at)
        yield at
        node = module.nodes[at]
        if node.op not in (Op.REG, Op.DELAY, Op.MEMORY, Op.PORT):
            stack += node.srcs


def ports(dag: Dag, holder: Module) -> Iterator[tuple[Module, str, str]]:
    """The instances of a module: what they hold, their ports, and the names of the inputs behind them."""
    for node in holder.nodes:
        if node.op is Op.INSTANCE:
            for port, source in zip(node.ports, node.srcs, strict=True):
                yield dag.module(node.text), port, holder.nodes[source].name


def behind(dag: Dag, names: set[str]) -> set[str]:
    """The registers that something looks at but the sequencer and the address generators; and those of which
    these make what stands still in a run, and is taken without a delay, whenever it is used."""
    prefix = dag.top.name
    found: set[str] = set()
    for module, port, _ in ports(dag, dag.top):
        if module.name not in (f"{prefix}_registers", f"{prefix}_control", f"{prefix}_queue"):
            found |= {port} & names
    control = dag.module(f"{prefix}_control")
    held = {module.name for module, _, _ in ports(dag, control)}
    for name in sorted(held):
        module = dag.module(name)
        for port, node in module.outputs:
            met = [module.nodes[k] for k in cone(module, node)]
            known = {n.name.removesuffix(NEXT) for n in met if n.op is Op.INPUT}
            moving = any(n.op in (Op.REG, Op.DELAY, Op.PORT) for n in met) or known - names
            signal = f"{name.removeprefix(f'{prefix}_agu_')}_{port}" if "_agu_" in name else port
            taken = {tap for tap, _ in control.outputs if tap.rpartition("_d")[0] == signal}
            if not moving and f"{signal}_d0" in taken and not port.startswith("addr"):
                found |= known & names
    direct = [n for n in control.nodes if n.op is Op.INPUT and n.name in names]
    through = {
        control.nodes[k].name
        for _, node in control.outputs
        for k in cone(control, node)
        if control.nodes[k] in direct
    }
    return found | through


@pytest.mark.parametrize("stages", [NO_STAGES, FAST], ids=["plain", "fast"])
@pytest.mark.parametrize("name", TEXTS)
def test_the_table_names_all_that_is_read_behind(name: str, stages: Stages) -> None:
    design = design_of(queued(TEXTS[name], 8))
    told = {spec.name for spec in design.registers if spec.reader is Reader.BEHIND}
    names = {spec.name for spec in design.registers}
    found = behind(build(design, stages=stages).dag, names)
    assert found - GUARD <= told
    # rows that only carries need, and FIFOs of one length
    assert told - found <= {spec for spec in told if "_row" in spec or "_delay" in spec}


def test_some_registers_are_read_behind() -> None:
    every = {
        spec.name
        for text in TEXTS.values()
        for spec in design_of(queued(text, 8)).registers
        if spec.reader is Reader.BEHIND
    }
    assert {"dataflow", "Y_row0", "W_delay0"} <= every
    assert not {"half", "trip0", "X_base", "X_step0", "X_extent1", "resume"} & every


def test_memories_look_at_the_half_only_to_keep_the_host_off() -> None:
    dag = build(design_of(queued(DOUBLE, 8))).dag
    for name in ("X", "W", "Y"):
        memory = dag.module(f"gemm_mm_memory_{name}")
        users = [n for n in memory.nodes if any(memory.nodes[s].name == "half" for s in n.srcs)]
        assert [n.op for n in users] == [Op.EQ]
        banks = [n for n in memory.nodes if n.op is Op.INSTANCE]
        for bank in banks:
            for port, source in zip(bank.ports, bank.srcs, strict=True):
                met = {memory.nodes[k].name for k in cone(memory, source)}
                assert ("half" in met) == (port in ("host_ren", "host_wen"))
