"""Workloads back to YAML text: `load_text(render_workload(w))` equals `w` but for positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from lego.diag import InternalError
from lego.ir.affine import AffineMap
from lego.ir.constants import Constant, number_of
from lego.ir.domain import affine_text
from lego.ir.hardware import Architecture, Buffering, MemoryStyle
from lego.ir.network import reads_of
from lego.ir.operation import Apply, Body, Fn, Operation, Place, Value
from lego.ir.workload import DataflowSpec, Workload

__all__ = ["render_statement", "render_workload"]

_SHIFT, _SUM, _PRODUCT, _SIGN, _ATOM = range(5)
_BINDING = {
    Fn.SHL: (_SHIFT, "<<"),
    Fn.SHIFT: (_SHIFT, ">>"),
    Fn.ADD: (_SUM, "+"),
    Fn.SUB: (_SUM, "-"),
    Fn.MUL: (_PRODUCT, "*"),
}
"""How strongly operators bind, and how they are written."""


def render_workload(workload: Workload) -> str:
    """The text of a workload file."""
    lines = [f"name: {workload.name}", "operations:"]
    for op, flows in zip(workload.operations, workload.dataflows, strict=True):
        lines += _operation(workload, op, flows)
    return "\n".join([*lines, f"architecture: {_flow(_limits(workload.architecture))}", ""])


def _limits(chip: Architecture) -> dict[str, object]:
    """What of the hardware isn't as by default, and the array."""
    memories = {name: bits // 8 for name, bits in chip.memory_bits}
    found: dict[str, object] = {"array": list(chip.array)}
    found |= {"memories": _flow(memories)} if memories else {}
    found |= {} if chip.fused else {"fused": "no"}
    found |= {"dma_bits": chip.dma_bits} if chip.dma_bits else {}
    found |= {"read_cost": chip.read_cost} if chip.read_cost else {}
    found |= {"queue": chip.queue} if chip.queue else {}
    found |= {"interface": "axi"} if chip.engines else {}
    if chip.memory_style is not MemoryStyle.CHEAPEST:
        found["memory_style"] = chip.memory_style
    if chip.room is not None:
        found["room"] = _flow(asdict(chip.room))
    if chip.double_buffer is not Buffering.NO:
        found["double_buffer"] = chip.double_buffer
    return found | ({"resume": "yes"} if chip.resume else {})


def _operation(workload: Workload, op: Operation, flows: Sequence[DataflowSpec]) -> list[str]:
    names = list(dict.fromkeys((op.output.buffer, *reads_of(op))))
    tensors = [workload.network.buffer(name) for name in names]
    pads = {p.buffer: number_of(p.pad) for p in op.inputs if p.pad is not None}
    lines = [
        f"  - name: {op.name}",
        f"    loops: {_flow({loop.name: _range(op, k) for k, loop in enumerate(op.loops)})}",
        f'    statement: "{render_statement(op)}"',
        f"    formats: {_flow({t.name: t.format for t in tensors})}",
        f"    shapes: {_flow({t.name: list(t.shape) for t in tensors})}",
    ]
    if pads:
        lines.append(f"    pad: {_flow(pads)}")
    if len(flows) == 1:
        lines.append(f"    dataflow: {_dataflow(flows[0])}")
    elif flows:
        lines += ["    dataflows:", *(f"      - {_dataflow(flow)}" for flow in flows)]
    return lines


def _dataflow(flow: DataflowSpec) -> str:
    return _flow(
        {
            "name": flow.name,
            "spatial": _flow(dict(flow.spatial)),
            "temporal": f"[{', '.join(flow.temporal)}]",
            "control": list(flow.control),
        }
    )


def _flow(mapping: Mapping[str, object]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in mapping.items()) + "}"


def _range(op: Operation, k: int) -> str:
    """A loop's bound, or its range; the box's extent last, so that it is the same when read back."""
    names = [loop.name for loop in op.loops]
    firsts: list[str] = []
    bounds: list[str] = []
    for each in op.domain:
        row = each.coefficients
        if not row[k] or any(row[k + 1 :]):
            continue
        text = affine_text([-row[k] * a for a in row[:k]], names)
        constant = each.limit if row[k] > 0 else 1 - each.limit
        ends = bounds if row[k] > 0 else firsts
        ends.append(f"{text}{constant:+}".removeprefix("+") if constant or not text else text)
    extent = op.loops[k].extent
    bound = f"min({', '.join([*bounds, str(extent)])})" if bounds else str(extent)
    if firsts:
        return f'["max({", ".join([*firsts, "0"])})", "{bound}"]'
    return f'"{bound}"' if bounds else bound


def render_statement(op: Operation) -> str:
    """One statement: `Y[m,n] += X[m,k] * W[k,n]`."""
    loops = [loop.name for loop in op.loops]
    operands = [_access(place, loops) for place in op.inputs]
    output = op.output
    return f"{_access(output.place, loops)} {output.reduction} {_body(output.body, operands)}"


def _access(place: Place, loops: Sequence[str]) -> str:
    return f"{place.buffer}[{','.join(_indices(place.map, loops))}]"


def _indices(access: AffineMap, loops: Sequence[str]) -> list[str]:
    texts = []
    for row, offset in zip(access.rows, access.offset, strict=True):
        terms = [_term(a, loop) for a, loop in zip(row, loops, strict=True) if a]
        if offset or not terms:
            terms.append(str(offset))
        texts.append("+".join(terms).replace("+-", "-"))
    return texts


def _term(factor: int, loop: str) -> str:
    if abs(factor) == 1:
        return loop if factor > 0 else f"-{loop}"
    return f"{factor}*{loop}"


def _body(body: Body, operands: Sequence[str], least: int = _SHIFT) -> str:
    """Text of a body, in brackets if it binds less than `least`."""
    text, binding = _loose(body, operands)
    return text if binding >= least else f"({text})"


def _loose(body: Body, operands: Sequence[str]) -> tuple[str, int]:
    """Text of a body without outer brackets, and how strongly it binds. Raises InternalError for
    what no statement says."""
    match body:
        case Value(index):
            return operands[index], _ATOM
        case Constant(int(value)):
            return str(value), _ATOM if value >= 0 else _SIGN
        case Apply(Fn.ABS, (arg,)):
            return f"abs({_body(arg, operands)})", _ATOM
        case Apply(Fn.NEG, (arg,)):
            text = _body(arg, operands, _ATOM)
            positive = isinstance(arg, Constant) and number_of(arg) >= 0
            return f"-({text})" if positive else f"-{text}", _SIGN
        case Apply(Fn.MAX | Fn.MIN as fn, (left, right)):
            return f"{fn}({_body(left, operands)}, {_body(right, operands)})", _ATOM
        case Apply(fn, (left, right)) if fn in _BINDING:
            own, sign = _BINDING[fn]
            return f"{_body(left, operands, own)} {sign} {_body(right, operands, own + 1)}", own
    raise InternalError(f"no statement says {body}")
