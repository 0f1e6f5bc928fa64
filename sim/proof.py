"""Formal proof that a pass keeps the behaviour of a design, module by module, from the RTL of both.

Every pair of corresponding modules is proven equal with the modules that they hold cut out: what an
instance is given is an output to be equal, what it gives an input that is equal. From the smallest
module upwards the whole designs are equal then. Ports hold values of their declared intervals. An
interval that the pass narrows is proven; those of the lowering, and what it claims of sums, are
assumed: they follow from the loops.

Registers start at zero on both sides; ABC finds what stays equal (`scorr`) and proves the rest (`pdr`).

Passes that keep the behaviour only while the dataflow id stands still (`steady`) are proven once
per id. What :mod:`lego.back.passes.analysis.usage` says not to matter under that id may then differ: as an
input of a module, it is any value on either side; as an output, or as what an instance is given, it
isn't compared. The outputs of the top always are. The analysis isn't trusted: whoever gives a value
that matters to somebody must give the same on both sides, and is proven to. As nothing depends on
itself within a cycle, whole designs are equal then, cycle by cycle. A module that is the same on
both sides needs no proof by ABC if whatever a node needs under an id, for a value that matters
under it, matters as well: this is checked node by node, and says that equal inputs give equal
values.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyosys

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.passes.analysis.usage import every, selected, usage
from lego.back.rtl.verilog import to_verilog
from lego.diag import InternalError, LegoError
from lego.ir.checks.check import check
from lego.ir.dag import Dag, Module, Node, Op
from lego.tools import run
from sim.yosys import run_passes, silence

__all__ = ["unproven"]

Range = tuple[int, int]

SLACK = 10
"""Wall time for all of ABC's commands, in times of that for the last one."""

ABC = str(Path(pyosys.__file__).parent / "yosys-abc")


@dataclass(frozen=True, slots=True)
class _Case:
    """One value of the dataflow id, and the ports that may differ under it; -1: any value, and none may."""

    id: int = -1
    free: frozenset[str] = frozenset()


def unproven(before: Dag, after: Dag, *, timeout_s: int = 120, steady: bool = False) -> list[str]:
    """Names of the modules that aren't proven to be in `after` what they are in `before`; if `steady`, while
    the dataflow id stands still.

    Modules that only `after` has (copies of registers) count as parts of those that hold them. Raises
    InternalError if a module or an output of the top is missing.
    """
    ours = {module.name: module for module in before.modules}
    theirs = {module.name: module for module in after.modules}
    if not set(ours) <= set(theirs) or not set(dict(before.top.outputs)) <= set(
        dict(after.top.outputs)
    ):
        raise InternalError("a module or an output of the top is lost")
    check(after)
    added = [module for module in after.modules if module.name not in ours]
    whole = every(before)
    masks = usage(before) if steady else {}
    uses = _uses(before, masks) if steady else {}
    failed = []
    for module in before.modules:
        new = theirs[module.name]
        golden, other = _opened(module, ours, ours), _opened(new, theirs, ours)
        alike = _comparable(module, new, ours, top=module is before.top)
        if alike and golden == other:
            alike = not steady or _closed(module, masks[module.name], uses, whole)
        elif alike:
            cases = _cases(module, golden, uses, whole) if steady else [_Case()]
            alike = all(_proven(golden, other, added, timeout_s, case) for case in cases)
        if not alike:
            failed.append(module.name)
    return failed


def _uses(dag: Dag, masks: Mapping[str, list[int]]) -> dict[tuple[str, str], int]:
    """Under which dataflows the ports of each module matter to what reads them, by (module, port)."""
    found = {(dag.top.name, name): every(dag) for name, _ in dag.top.outputs}
    for module in dag.modules:
        for i, node in enumerate(module.nodes):
            if node.op is Op.INPUT:
                found[module.name, node.name] = masks[module.name][i]
            elif node.op is Op.PORT:
                key = module.nodes[node.srcs[0]].text, node.text
                found[key] = found.get(key, 0) | masks[module.name][i]
    return found


def _cases(
    module: Module, golden: Module, uses: Mapping[tuple[str, str], int], whole: int
) -> list[_Case]:
    """What to prove of an opened module, each once."""
    owners = {n.name: n.text for n in module.nodes if n.op is Op.INSTANCE}
    masks = {}
    for name in sorted({n.name for n in _inputs(golden)} | {name for name, _ in golden.outputs}):
        holder, _, port = name.rpartition("__")
        key = (owners[holder], port) if holder in owners else (module.name, name)
        masks[name] = uses.get(key, 0)
    known = any(n.name == "dataflow" for n in _inputs(golden))
    found = []
    for d in range(whole.bit_length()):
        free = frozenset(name for name, mask in masks.items() if not mask >> d & 1)
        found.append(_Case(d if known else -1, free - {"dataflow"}))
    return list(dict.fromkeys(found))


def _closed(
    module: Module, masks: list[int], uses: Mapping[tuple[str, str], int], whole: int
) -> bool:
    """Whether what matters depends only on what matters under the same dataflow; a multiplexer that
    the id selects depends on the value that it takes."""
    for i, node in enumerate(module.nodes):
        needs = [masks[i]] * len(node.srcs)
        if node.op is Op.INSTANCE:
            needs = [uses[node.text, port] for port in node.ports]
        elif node.op is Op.PORT:
            needs = [0]
        elif node.op is Op.MUX and (taken := selected(module, node.srcs[0], whole)):
            needs = [0, masks[i] & taken[0], masks[i] & taken[1]]
        if any(need & ~masks[s] for need, s in zip(needs, node.srcs, strict=True)):
            return False
    ends = ((uses.get((module.name, name), 0), masks[node]) for name, node in module.outputs)
    return not any(need & ~mask for need, mask in ends)


def _comparable(module: Module, new: Module, known: Container[str], *, top: bool) -> bool:
    """Whether a proof of the opened modules says something of both: they hold the same modules
    under the same names, each once; nothing is claimed that wasn't before; RAMs are the same, and
    so are the inputs of the top.
    """
    held = [sorted(_held(each, known)) for each in (module, new)]
    claims = [Counter(n.claim for n in each.nodes if n.claim) for each in (module, new)]
    ports = [sorted((n.name, n.range) for n in _inputs(each)) for each in (module, new)]
    outputs = [sorted(name for name, _ in each.outputs) for each in (module, new)]
    macro = any(node.op is Op.MEMORY for each in (module, new) for node in each.nodes)
    return (
        held[0] == held[1]
        and len({name for name, _ in held[1]}) == len(held[1])
        and claims[1] <= claims[0]
        and (not top or (ports[0] == ports[1] and outputs[0] == outputs[1]))
        and (not macro or module == new)
    )


def _held(module: Module, known: Container[str]) -> Iterator[tuple[str, str]]:
    return ((n.name, n.text) for n in module.nodes if n.op is Op.INSTANCE and n.text in known)


def _base(port: str, known: Container[str]) -> str:
    """The port of the module before the pass that this one is, or of which it is a part."""
    return port if port in known else re.sub(r"_part\d+$", "", port)


def _opened(module: Module, known: Mapping[str, Module], cut: Container[str]) -> Module:
    """The module with its instances of modules in `cut` taken out: their ports are ports of its own."""
    module = _assumed(module)
    nodes, outputs = list(module.nodes), list(module.outputs)
    for i, node in enumerate(module.nodes):
        if node.op is Op.CHECK:
            nodes[i] = _constant(0)
        elif node.op is Op.INSTANCE and node.text in cut:
            nodes[i] = _constant(0)
            spans = {n.name: n.range for n in _inputs(known[node.text])}
            for port, source in zip(node.ports, node.srcs, strict=True):
                outputs.append((f"{node.name}__{port}", len(nodes)))
                nodes.append(Node(Op.WRAP, (source,), *spans[port]))
        elif node.op is Op.PORT and module.nodes[node.srcs[0]].text in cut:
            name = f"{module.nodes[node.srcs[0]].name}__{node.text}"
            nodes[i] = Node(Op.INPUT, (), *node.range, name=name)
    return replace(module, nodes=tuple(nodes), outputs=tuple(sorted(outputs)), contract=None)


def _assumed(module: Module) -> Module:
    """The module with every value that is claimed to stay in an interval forced into it.

    Where the claim is true, as the loops tell, that changes nothing. Of sums that wrap only the
    interval of their format is claimed, which says nothing of what is wrapped.
    """
    nodes: list[Node] = []
    where: list[int] = []
    for node in module.nodes:
        if node.claim is not None and _says_something(node, node.claim):
            source = _forced(nodes, where[node.srcs[0]], node.claim)
            nodes.append(replace(node, srcs=(source,)))
        else:
            nodes.append(node)
        where.append(len(nodes) - 1)
    for i, old in enumerate(module.nodes):
        if nodes[where[i]] == old:
            nodes[where[i]] = old.reading(tuple(where[s] for s in old.srcs))
    outputs = tuple((name, where[node]) for name, node in module.outputs)
    return replace(module, nodes=tuple(nodes), outputs=outputs)


def _says_something(node: Node, claim: Range) -> bool:
    """Whether a claim leaves out values that the bits of the node can hold."""
    low, high = _whole(node.range)
    return claim[0] > low or claim[1] < high


def _forced(nodes: list[Node], source: int, claim: Range) -> int:
    """Append the value of `source`, or the nearer end of `claim`."""
    (low, high), given, at = claim, nodes[source].range, len(nodes)
    nodes += [
        _constant(low),
        _constant(high),
        Node(Op.LT, (source, at), 0, 1),
        Node(Op.LT, (at + 1, source), 0, 1),
        Node(Op.MUX, (at + 2, at, source), min(low, given[0]), max(low, given[1])),
        Node(Op.MUX, (at + 3, at + 1, at + 4), min(low, given[0]), max(high, given[1])),
        Node(Op.WRAP, (at + 5,), max(low, given[0]), min(high, given[1])),
    ]
    return at + 6


def _constant(value: int) -> Node:
    return Node(Op.CONST, (), value, value, value=value)


def _inputs(module: Module) -> Iterator[Node]:
    return (node for node in module.nodes if node.op is Op.INPUT)


def _proven(
    golden: Module, other: Module, added: list[Module], timeout_s: int, case: _Case
) -> bool:
    miter = _miter(golden, other, case)
    dag = Dag((replace(golden, name="golden"), *added, replace(other, name="other"), miter))
    with tempfile.TemporaryDirectory(prefix="lego-proof-") as name:
        scratch = Path(name)
        (scratch / "miter.v").write_text(to_verilog(dag))
        _write_aiger(scratch)
        script = "read_aiger miter.aig; strash; scorr; scorr -F 2; dc2; write_aiger rest.aig"
        command = [ABC, "-c", f"{script}; pdr -T {timeout_s}"]
        try:
            done = run(command, cwd=scratch, timeout_s=SLACK * timeout_s, check=False)
        except LegoError:  # out of time
            return False
        rest = scratch / "rest.aig"
        return (rest.is_file() and _never(rest)) or "Property proved" in done.stdout


def _write_aiger(scratch: Path) -> None:
    """The miter as and-gates and flip-flops that start at 0."""
    with silence():
        run_passes(
            f"read_verilog {scratch}/miter.v",
            "hierarchy -top miter",
            "proc",
            "flatten",
            # before any optimisation: it may take undefined values for equal
            "setundef -init -zero",
            "setundef -undriven -zero",
            "opt -full",
            "wreduce",
            "opt -full -share_all",
            "techmap",
            "opt -full",
            "dffunmap",
            "simplemap",
            "aigmap",
            "opt_clean",
            "setundef -zero",
            "setundef -init -zero",
            f"write_aiger -zinit {scratch}/miter.aig",
        )


def _never(aiger: Path) -> bool:
    """Whether the only output of a network is the constant zero."""
    header, *lines = aiger.read_bytes().split(b"\n")
    latches, outputs = (int(field) for field in header.split()[3:5])
    return outputs == 1 and lines[latches] == b"0"


def _miter(golden: Module, other: Module, case: _Case) -> Module:
    """Both modules with equal inputs; the output `differ` says whether any output of `other` is another
    integer than in `golden`, or leaves its interval. Ports that are free in this case may differ."""
    b = Builder("miter", "proof")
    known = {node.name for node in _inputs(golden)}
    spans = _spans(golden, other)
    values = {name: _any_in(b, name, span) for name, span in sorted(spans.items())}
    if case.id >= 0 and "dataflow" in values:
        values["dataflow"] = b.const(case.id)
    others = {
        name: _any_in(b, f"other__{name}", spans[name]) for name in sorted(case.free & {*spans})
    }
    found = []
    for name, module, drives in (
        ("golden", golden, values),
        ("other", other, values | others),
    ):
        wires = {n.name: b.wrap(drives[_base(n.name, known)], n.range) for n in _inputs(module)}
        found.append(b.instance(replace(module, name=name), name, wires))
    apart = _apart(b, golden, other, found, case)
    while len(apart) > 1:
        apart = [b.any(apart[k : k + 8]) for k in range(0, len(apart), 8)]
    b.output("differ", b.any(apart))
    return infer_widths(b.build())


def _spans(golden: Module, other: Module) -> dict[str, Range]:
    """The narrower of the intervals that either side gives an input."""
    spans = {node.name: node.range for node in _inputs(golden)}
    known = set(spans)
    for node in _inputs(other):
        name = _base(node.name, known)
        spans[name] = min(spans.get(name, node.range), node.range, key=lambda s: s[1] - s[0])
    return spans


def _apart(
    b: Builder, golden: Module, other: Module, found: Sequence[Mapping[str, int]], case: _Case
) -> list[int]:
    """Per output that counts, whether it differs or leaves an interval that is another than before."""
    wanted = dict(golden.outputs)
    apart = []
    for name, place in other.outputs:
        base = _base(name, wanted)
        if base not in wanted:
            raise InternalError(f"{other.name} has an output {name} that wasn't there")
        if base in case.free:
            continue
        given, span = found[1][name], other.nodes[place].range
        apart.append(b.invert(b.eq(given, found[0][base])))
        if span != golden.nodes[wanted[base]].range:
            apart += _outside(b, given, span)
    return apart


def _any_in(b: Builder, name: str, span: Range) -> int:
    """A free value in the interval, or zero."""
    value = b.input(name, _whole(span))
    for outside in _outside(b, value, span):
        value = b.mux(outside, b.const(0), value)
    return b.wrap(value, span)


def _outside(b: Builder, value: int, span: Range) -> list[int]:
    """Whether the value is outside the interval and isn't zero, which registers start with."""
    whole = _whole(span)
    value = b.wrap(value, whole)
    found = []
    if span[0] > whole[0] and span[0] <= 0:
        found.append(b.less(value, b.const(span[0])))
    if whole[1] > span[1] >= 0:
        found.append(b.less(b.const(span[1]), value))
    return found


def _whole(span: Range) -> Range:
    """All values with as many bits."""
    bits = Node(Op.INPUT, (), *span).bits
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if span[0] < 0 else (0, (1 << bits) - 1)
