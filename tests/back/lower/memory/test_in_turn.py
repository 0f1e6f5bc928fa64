"""Banks that serve several data nodes in turn: what each is asked in every cycle is what the loops say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from lego.back.graph.builder import Builder
from lego.back.lower.memory.in_turn import in_turn
from lego.back.lower.memory.side import Keep, Side
from lego.back.lower.node_ports import node_port
from lego.back.lower.taps import Taps
from lego.back.plan.memory.bank_view import BankView, Mode
from lego.back.schedule.stages import NO_STAGES, Stages
from lego.back.schedule.times import schedule
from lego.ir.adg import InputPlan
from lego.ir.fused import MemoryPlan
from lego.ir.operation import Reduction
from tests.back.designs import (
    CHAIN,
    GEMM,
    ROTATING,
    ROUNDS,
    SEVERAL,
    TREE,
    TRIANGLE,
    WAITING,
    WINDOWS,
    design_of,
)  # fmt: skip
from tests.back.machine import Machine, fitted, machine_of
from tests.back.timeline import FAST, Timeline, runs_of

SHARED = {
    "held results": GEMM, "results held for long": WINDOWS, "results beside a domain": TRIANGLE,
    "held operands": CHAIN, "held operands and results": ROUNDS, "rotating": ROTATING,
    "waiting results": TREE, "waiting results of many": WAITING, "several": SEVERAL,
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What a macro is asked, with the results by lane; `visit`: whether nothing was added before."""

    word: int
    data: dict[int, int]
    visit: int | None


def sides_of(text: str, stages: Stages) -> Iterator[tuple[MemoryPlan, Side, Taps, Machine]]:
    """The memories whose banks are used in turn, with the ports of these under one dataflow."""
    design = design_of(text)
    times = schedule(design, stages=stages)
    for buffer in design.buffers:
        for index, view in enumerate(design.views[buffer.index]):
            if view is None or view.mode is not Mode.IN_TURN:
                continue
            taps, b = Taps(), Builder("memory", "memory", len(design.adgs))
            keep = Keep(b, buffer, len(design.adgs))
            side = Side(buffer, view, taps, times, b, index, [], keep)
            for bank, ports in in_turn(side).items():
                for name, node in ports.items():
                    b.output(f"{name}_{bank}", node)
            keep.drive()
            yield buffer, side, taps, machine_of(b)


def runs_under(view: BankView, text: str, seed: int) -> Iterator[Timeline]:
    """Runs of the view's dataflow: some with longer pauses than they need."""
    design, r = design_of(text), random.Random(seed)
    (layer,) = (k for k, adg in enumerate(design.adgs) if adg == view.adg)
    for run in runs_of(design, seed, count=4):
        if run.layer == layer:
            yield run
            least, most = run.pauses, run.adg.longest_pauses
            yield run.paused({k: r.choice([least[k], n]) for k, n in enumerate(most) if n})


def acts(run: Timeline, view: BankView, t: tuple[int, ...], fu: tuple[int, ...]) -> bool:
    if isinstance(view.plan, InputPlan):
        return run.fetched(view.plan, t, fu)
    return run.commits(t, fu)


def check_run(buffer: MemoryPlan, side: Side, taps: Taps, machine: Machine, run: Timeline) -> int:
    """Every bank, or macro of several, in every cycle; returns how often one is used."""
    view, r = side.view, random.Random(len(run.timestamps))
    ports = [node_port(buffer, fu) for fu in view.nodes] if buffer.output else []
    given: dict[tuple[int, str], int] = {}
    asked: dict[tuple[int, int], Asked] = {}
    layout, skew = run.program.layouts[view.plan.name], run.adg.dataflow.skew
    for t in run.timestamps:
        for fu in view.nodes:
            value = r.randint(*buffer.word) if buffer.output else None
            if value is not None:
                given[run.issued[t] + side.issue + skew(fu), node_port(buffer, fu)] = value
            if acts(run, view, t, fu):
                element = run.element(view.plan, t, fu)
                cycle = run.issued[t] + side.issue + waits(view, fu)
                macro, lane = divmod(int(layout.bank(element)), buffer.wide)
                visit = run.signals(t)["visit"] if buffer.output else None
                word = layout.word(element) % (side.address[1] + 1)  # beside the tensor it wraps
                mine = Asked(word, {} if value is None else {lane: value}, visit)
                asked[cycle, macro] = joined(asked.get((cycle, macro)), mine)
    end = run.span + side.issue + max(waits(view, fu) for fu in view.nodes) + 2
    said = []
    for cycle in range(end):
        nodes = {port: given.get((cycle, port), r.randint(*buffer.word)) for port in ports}
        still = {port: run.program.registers.get(port, 0) for port in machine.ports}
        said.append(machine.cycle(still | run.taps(taps, cycle) | nodes))
    for cycle, bank in asked:
        check_asked(buffer, side, bank, asked[cycle, bank], said, cycle)
    check_rest(side, asked, said)
    return len(asked)


def joined(one: Asked | None, other: Asked) -> Asked:
    """What a macro is asked of by several nodes in a cycle: results of one row, each in a lane of its own."""
    if one is None:
        return other
    assert one.data and not one.data.keys() & other.data.keys(), "two nodes at once"
    assert (one.word, one.visit) == (other.word, other.visit), "two rows at once"
    return replace(one, data=one.data | other.data)


def check_asked(
    buffer: MemoryPlan, side: Side, bank: int, wanted: Asked, said: list[dict[str, int]], at: int
) -> None:
    """Results come a cycle after the rest of the request, where that passes registers."""
    told = said[at - side.early]
    assert told[f"en_{bank}"] == 1
    assert told[f"addr_{bank}"] == wanted.word
    if not buffer.output:
        return
    for lane, value in wanted.data.items():
        data = said[at][f"data_{bank}"] >> (lane * buffer.bits)
        assert fitted(data, *buffer.word) == fitted(value, *buffer.word)
    if buffer.wide > 1:
        assert told[f"mask_{bank}"] == sum(1 << lane for lane in wanted.data)
    if side.apart:
        assert (told[f"waddr_{bank}"], told[f"wen_{bank}"]) == (wanted.word, 1)
    elif f"visit_{bank}" in told:
        assert told[f"visit_{bank}"] == wanted.visit


def check_rest(side: Side, asked: dict[tuple[int, int], Asked], said: list[dict[str, int]]) -> None:
    """A bank that no node uses in a cycle isn't enabled."""
    for cycle, told in enumerate(said):
        for bank in range(side.buffer.n_macros):
            if f"en_{bank}" in told:
                used = (cycle + side.early, bank) in asked
                assert told[f"en_{bank}"] == used, (cycle, bank)
                assert told.get(f"wen_{bank}", used) == used


def waits(view: BankView, fu: tuple[int, ...]) -> int:
    """Cycles by which a node uses its bank later than the first: as control reaches it; results that
    control reaches all at once go along an axis, some at a time."""
    skew = view.adg.dataflow.skew(fu)
    if any(view.adg.dataflow.control) or isinstance(view.plan, InputPlan):
        return skew
    banking = view.plan.banking
    (axis,) = (k for k, a in enumerate(banking.lag) if a)
    return fu[axis] // banking.per


@pytest.mark.parametrize("stages", [NO_STAGES, FAST], ids=["slow", "fast"])
@pytest.mark.parametrize("name", SHARED)
def test_banks_are_asked_what_the_loops_say(name: str, stages: Stages) -> None:
    used = 0
    for buffer, side, taps, machine in sides_of(SHARED[name], stages):
        for run in runs_under(side.view, SHARED[name], seed=15):
            used += check_run(buffer, side, taps, machine, run)
    assert used


def test_results_wait_in_a_register_where_control_reaches_all_at_once() -> None:
    """The nodes of the first turn need none; with skewed control nobody does."""
    kept = {
        name: [
            sum(node.name == "kept" for node in side.b.build().nodes)
            for buffer, side, _, _ in sides_of(SHARED[name], NO_STAGES)
            if buffer.output
        ]
        for name in ("held results", "waiting results", "waiting results of many")
    }
    assert kept == {"held results": [0], "waiting results": [1], "waiting results of many": [4]}


def test_an_address_is_put_together_once() -> None:
    """All rows of FUs use their bank alike, a cycle after the row above: one choice, and registers."""
    ((_, side, _, machine),) = sides_of(GEMM, NO_STAGES)
    assert side.plan.banking.n_banks == 2
    names = [name for name, _ in machine.module.outputs]
    assert [name for name in names if name.startswith("addr")] == ["addr_0", "addr_1"]
    assert sum(node.name.startswith("addr") for node in side.b.build().nodes) == 1


def test_a_mode_of_its_own_for_every_kind_of_operand() -> None:
    """The designs have banks in turn for fixed and for moving digits, for operands and for results."""
    found = {
        (buffer.output, bool(side.view.moving), bool(side.plan.banking.pause))
        for text in SHARED.values()
        for buffer, side, _, _ in sides_of(text, NO_STAGES)
    }
    assert {(output, moving, True) for output in (False, True) for moving in (False, True)} <= found


def test_reductions_of_shared_banks_differ() -> None:
    """A maximum waits for its turn, too."""
    adgs = [
        side.adg.reduction for buffer, side, _, _ in sides_of(SEVERAL, NO_STAGES) if buffer.output
    ]
    assert adgs == [Reduction.ADD, Reduction.MAX]
