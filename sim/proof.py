"""Formal proof that a pass keeps the behaviour of a design, module by module, from the RTL of both.

Every pair of corresponding modules is proven equal with the modules that they hold cut out: what an instance is
given is an output to be equal, what it gives an input that is equal. From the smallest module upwards the
whole designs are equal then. Ports hold values of their declared intervals. An interval that the pass narrows is
proven; those of the lowering, and what it claims of sums, are assumed: they follow from the loops.

Registers start at zero on both sides; ABC finds what stays equal (`scorr`) and proves the rest (`pdr`).
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pyosys

from lego.back.builder import Builder
from lego.back.passes.form import check_form
from lego.back.passes.widths import infer_widths
from lego.back.rtl.verilog import run_passes, silence, to_verilog
from lego.diag import InternalError, LegoError
from lego.ir.dag import Dag, Module, Node, Op
from lego.tools import run

__all__ = ["unproven"]

Range = tuple[int, int]

SLACK = 10
"""Wall time for all of ABC's commands, in times of that for the last one."""

ABC = str(Path(pyosys.__file__).parent / "yosys-abc")


def unproven(before: Dag, after: Dag, *, timeout_s: int = 120) -> list[str]:
    """Names of the modules that aren't proven to be in `after` what they are in `before`.

    Modules that only `after` has (copies of registers) count as parts of those that hold them. Raises
    InternalError if a module or an output of the top is missing.
    """
    ours = {module.name: module for module in before.modules}
    theirs = {module.name: module for module in after.modules}
    if not set(ours) <= set(theirs) or not set(dict(before.top.outputs)) <= set(
        dict(after.top.outputs)
    ):
        raise InternalError("a module or an output of the top is lost")
    check_form(after)
    added = [module for module in after.modules if module.name not in ours]
    failed = []
    for module in before.modules:
        new = theirs[module.name]
        golden, other = _opened(module, ours, ours), _opened(new, theirs, ours)
        alike = _comparable(module, new, ours, top=module is before.top)
        if not alike or (golden != other and not _proven(golden, other, added, timeout_s)):
            failed.append(module.name)
    return failed


def _comparable(module: Module, new: Module, known: Container[str], *, top: bool) -> bool:
    """Whether a proof of the opened modules says something of both: they hold the same modules under the same
    names, each once; nothing is claimed that wasn't before; RAMs are the same, and so are the inputs of the top.
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

    Where the claim is true, as the loops tell, that changes nothing.
    """
    nodes: list[Node] = []
    where: list[int] = []
    for node in module.nodes:
        if node.claim is not None:
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


def _proven(golden: Module, other: Module, added: list[Module], timeout_s: int) -> bool:
    miter = _miter(golden, other)
    dag = Dag((replace(golden, name="golden"), *added, replace(other, name="other"), miter))
    with tempfile.TemporaryDirectory(prefix="lego-proof-") as name:
        scratch = Path(name)
        (scratch / "miter.v").write_text(to_verilog(dag))
        with silence():
            run_passes(
                f"read_verilog {scratch}/miter.v",
                "hierarchy -top miter",
                "proc",
                "flatten",
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
        script = "read_aiger miter.aig; strash; scorr; scorr -F 2; dc2; write_aiger rest.aig"
        command = [ABC, "-c", f"{script}; pdr -T {timeout_s}"]
        try:
            done = run(command, cwd=scratch, timeout_s=SLACK * timeout_s, check=False)
        except LegoError:  # out of time
            return False
        rest = scratch / "rest.aig"
        return (rest.is_file() and _never(rest)) or "Property proved" in done.stdout


def _never(aiger: Path) -> bool:
    """Whether the only output of a network is the constant zero."""
    header, *lines = aiger.read_bytes().split(b"\n")
    latches, outputs = (int(field) for field in header.split()[3:5])
    return outputs == 1 and lines[latches] == b"0"


def _miter(golden: Module, other: Module) -> Module:
    """Both modules with equal inputs; the output `differ` says whether any output of `other` is another
    integer than in `golden`, or leaves its interval."""
    b = Builder("miter", "proof")
    spans = {node.name: node.range for node in _inputs(golden)}
    known = set(spans)
    for node in _inputs(other):
        name = _base(node.name, known)
        spans[name] = min(spans.get(name, node.range), node.range, key=lambda s: s[1] - s[0])
    values = {name: _any_in(b, name, span) for name, span in sorted(spans.items())}
    found = []
    for name, module in (("golden", golden), ("other", other)):
        wires = {n.name: b.wrap(values[_base(n.name, known)], n.range) for n in _inputs(module)}
        found.append(b.instance(replace(module, name=name), name, wires))
    wanted = dict(golden.outputs)
    apart = []
    for name, place in other.outputs:
        base = _base(name, wanted)
        if base not in wanted:
            raise InternalError(f"{other.name} has an output {name} that wasn't there")
        given, span = found[1][name], other.nodes[place].range
        apart.append(b.invert(b.eq(given, found[0][base])))
        if span != golden.nodes[wanted[base]].range:
            apart += _outside(b, given, span)
    while len(apart) > 1:
        apart = [b.any(apart[k : k + 8]) for k in range(0, len(apart), 8)]
    b.output("differ", b.any(apart))
    return infer_widths(b.build())


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
