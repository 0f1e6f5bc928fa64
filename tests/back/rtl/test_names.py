"""What users call things decides names, and nothing else: no register, no order, no cell."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.back.backend import lower
from lego.back.pipeline import DEFAULT, Options
from lego.back.rtl.neutral import neutral, restored
from lego.back.rtl.verilog import to_verilog
from lego.compile import compile_workload
from lego.designs import designs_of
from lego.diag import InternalError, LegoError
from lego.ir.dag import Dag, Module, Node, Op
from lego.ir.operation import Place
from lego.ir.workload import Workload
from tests.designs import shipped
from tests.property.generator import fused_sample, sample

ROOT = Path(__file__).resolve().parents[3]
SMALL = sorted((ROOT / "tests" / "workloads").glob("*.yaml"))

HOSTILE = (
    "my_row last_x row half busy_x step0 launch running a_en b_fetch_0 my_delay x_row3 zzz dataflow host "
    "valid0 total_in0 q_half event_0 counter0 addr en count0 zero1 late first q_part0 mem_node visit "
    "q_late wen "
    "rdata active_1 contribution contribution_ready acc sum old total isolated value_x fu memory "
    "control array "
    "sequencer registers agu in0 in1 out A0 result x_d1 sum_in0 half_settled copy0 kept ram"
)
"""Legal names that the generated RTL, or decisions about it, might mistake for their own."""


def renamed(workload: Workload, new: Callable[[str], str]) -> Workload:
    """The workload with other names for tensors, loops and operations."""

    def place(given: Place) -> Place:
        return replace(given, buffer=new(given.buffer))

    network = workload.network
    steps = tuple(
        replace(
            op,
            name=new(op.name),
            loops=tuple(replace(loop, name=new(loop.name)) for loop in op.loops),
            outputs=(replace(op.output, place=place(op.output.place)),),
            inputs=tuple(map(place, op.inputs)),
        )
        for op in network.operations
    )
    flows = tuple(
        tuple(
            replace(
                spec,
                spatial=tuple((new(name), size) for name, size in spec.spatial),
                temporal=tuple(map(new, spec.temporal)),
            )
            for spec in specs
        )
        for specs in workload.dataflows
    )
    limits = tuple((new(name), bits) for name, bits in workload.architecture.memory_bits)
    return replace(
        workload,
        network=replace(
            network,
            buffers=tuple(replace(buffer, name=new(buffer.name)) for buffer in network.buffers),
            steps=steps,
            inputs=tuple(map(new, network.inputs)),
            outputs=tuple(map(new, network.outputs)),
        ),
        dataflows=flows,
        architecture=replace(workload.architecture, memory_bits=limits),
    )


def names_of(workload: Workload) -> list[str]:
    found = [tensor.name for tensor in workload.network.buffers]
    for op in workload.operations:
        found += [op.name, *(loop.name for loop in op.loops)]
    return list(dict.fromkeys(found))


def random_names(workload: Workload, seed: int) -> dict[str, str]:
    """Other names for everything: hostile ones for some, the order of the alphabet turned for others."""
    r = random.Random(seed)
    old = names_of(workload)
    pool = [*HOSTILE.split(), *(f"z{99 - k}" for k in range(len(old)))]
    return dict(zip(old, r.sample(pool, len(old)), strict=True))


def difference(ours: Dag, theirs: Dag) -> str:
    """Where two graphs differ in more than what things are called; "" if nowhere."""
    to: dict[str, str] = {}
    back: dict[str, str] = {}

    def alike(mine: tuple[str, ...], other: tuple[str, ...]) -> bool:
        pairs = list(zip(mine, other, strict=True))
        return all(to.setdefault(a, b) == b and back.setdefault(b, a) == a for a, b in pairs)

    if len(ours.modules) != len(theirs.modules):
        return f"{len(ours.modules)} modules, and {len(theirs.modules)}"
    for one, two in zip(ours.modules, theirs.modules, strict=True):
        if _frame(one) != _frame(two) or not alike((one.name,), (two.name,)):
            return f"{one.name} and {two.name}"
        to, back = dict(_modules(ours, theirs)), dict(_modules(theirs, ours))
        for i, (a, c) in enumerate(zip(one.nodes, two.nodes, strict=True)):
            same = len(a.ports) == len(c.ports) and _bare(a) == _bare(c)
            if not same or not alike(_names(a), _names(c)):
                return f"%{i} of {one.name}: {a} and {c}"
    return ""


def _modules(ours: Dag, theirs: Dag) -> list[tuple[str, str]]:
    return [(m.name, n.name) for m, n in zip(ours.modules, theirs.modules, strict=True)]


def _names(node: Node) -> tuple[str, ...]:
    """A port's wire has a name that the emitter may number: an input may be called the same."""
    wire = " of an instance" if node.op is Op.PORT else ""
    return node.name + wire, node.text, *node.ports


def _bare(node: Node) -> Node:
    return replace(node, name="", text="", ports=())


def _frame(module: Module) -> object:
    return module.category, len(module.nodes), [node for _, node in module.outputs]


def graphs(workload: Workload, options: Options = DEFAULT) -> list[Dag]:
    return [lower(fused, options).dag for fused in designs_of(workload)]


def check(text: str, seed: int, options: Options = DEFAULT) -> None:
    workload = load_text(text)
    table = random_names(workload, seed)
    other = renamed(workload, table.__getitem__)
    pairs = zip(graphs(workload, options), graphs(other, options), strict=True)
    assert [difference(a, c) for a, c in pairs if difference(a, c)] == [], table


@pytest.mark.parametrize("path", SMALL[::8], ids=lambda p: p.stem)
def test_names_decide_nothing(path: Path) -> None:
    check(path.read_text(), SMALL.index(path))


def test_a_tensor_may_be_called_like_an_instance() -> None:
    """The register of step 2 of the tensor `sequencer`, and the port `step2` of the instance `sequencer`."""
    workload = load_text((ROOT / "tests" / "workloads" / "twelve_small.yaml").read_text())
    other = renamed(workload, lambda name: "sequencer" if name == "I" else name)
    (ours,), (theirs,) = graphs(workload), graphs(other)
    assert difference(ours, theirs) == ""


@pytest.mark.parametrize("seed", [1])
def test_names_decide_nothing_in_random_designs(seed: int) -> None:
    check(sample(seed).text, seed)
    check(fused_sample(seed).text, seed)


def test_names_decide_no_pipeline_register() -> None:
    """`host` and `busy` are what the estimate of a clock looks for."""
    text = (ROOT / "tests" / "workloads" / "gemm_ws_sys.yaml").read_text()
    workload = load_text(text)
    table = {name: f"{name}_x" for name in names_of(workload)} | {"X": "host", "W": "busy_x"}
    options = Options(clock_ps=700)
    (ours,), (theirs,) = graphs(workload, options), graphs(renamed(workload, table.get), options)  # type: ignore[arg-type]
    assert difference(ours, theirs) == ""


def cells(workload: Workload, folder: Path) -> list[list[tuple[str, int]]]:
    """Cells of every module, from synthesis; equal ones have equal areas."""
    from lego.ppa.library import read_library
    from lego.ppa.synthesis import synthesise

    (dag,) = graphs(workload)
    (folder / "d.v").write_text(to_verilog(dag))
    found = synthesise(folder / "d.v", dag.top.name, [], read_library(None), folder, flat=False)
    return sorted(sorted(kinds.items()) for kinds in found.cells.values())


def test_names_decide_no_cell(tmp_path: Path) -> None:
    """Not in Yosys and ABC either, which sort by names and decide ties by the order."""
    workload = load_text((ROOT / "tests" / "workloads" / "short_tensor.yaml").read_text())
    other = renamed(workload, random_names(workload, 5).__getitem__)
    assert cells(workload, tmp_path) == cells(other, tmp_path)


def test_every_name_comes_back_and_stands_for_one_thing() -> None:
    """A register called like an output of its module is told from it."""
    bit = {"low": 0, "high": 1}
    nodes = (
        Node(Op.INPUT, name="a", **bit),
        Node(Op.NOT, (0,), name="y", **bit),
        Node(Op.NOT, (1,), name="n0", **bit),
    )
    named, names = neutral(Dag((Module("top", "fu", nodes, (("y", 2),)),)))
    found = restored(
        " ".join((named.top.name, *(n.name for n in named.top.nodes), named.top.outputs[0][0])),
        names,
    )
    assert found == "top a y_2 n0_2 y"


@pytest.mark.parametrize("name", ["a b", "$display", "wire", "", "x\n", "1a"])
def test_no_other_name_reaches_the_verilog(name: str) -> None:
    nodes = (Node(Op.INPUT, low=0, high=1, name=name),)
    with pytest.raises(InternalError, match="must not reach the RTL"):
        to_verilog(Dag((Module("top", "fu", nodes, (("y", 0),)),)))


def test_designs_with_a_module_of_one_name_are_refused() -> None:
    text = (ROOT / "tests" / "workloads" / "outer_small.yaml").read_text()
    workload = load_text(text)
    (op,), (flows,) = workload.operations, workload.dataflows
    twin = replace(op, name=f"{op.name}_array")
    unfused = replace(workload.architecture, fused=False)
    network = replace(workload.network, steps=(op, twin))
    both = replace(workload, network=network, dataflows=(flows, flows), architecture=unfused)
    with pytest.raises(LegoError, match=r"both have a module 'outer_small_\w+_array'") as caught:
        compile_workload(both, source=b"")
    assert caught.value.code == "E105"


@pytest.mark.slow
@pytest.mark.parametrize("options", [DEFAULT, Options(clock_ps=1000), Options(level=0)], ids=str)
@pytest.mark.parametrize("path", [*SMALL, *shipped()], ids=lambda p: p.stem)
def test_names_decide_nothing_anywhere(path: Path, options: Options) -> None:
    for seed in range(3):
        check(path.read_text(), seed, options)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_names_decide_nothing_in_more_random_designs(seed: int) -> None:
    check(sample(seed).text, seed)
    check(fused_sample(seed).text, seed)
