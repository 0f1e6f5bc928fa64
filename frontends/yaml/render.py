"""Workloads back to YAML text: `load_text(render_workload(w))` equals `w` but for positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.ir.affine import AffineMap
from lego.ir.domain import affine_text
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.workload import Access, DataflowSpec, TensorOp, Workload

__all__ = ["render_statement", "render_workload"]

_SHIFT, _SUM, _PRODUCT, _SIGN, _ATOM = range(5)
_BINDING = {
    BinaryOp.SHL: _SHIFT,
    BinaryOp.SHR: _SHIFT,
    BinaryOp.ADD: _SUM,
    BinaryOp.SUB: _SUM,
    BinaryOp.MUL: _PRODUCT,
}


def render_workload(workload: Workload) -> str:
    """The text of a workload file."""
    lines = [f"name: {workload.name}", "operations:"]
    for op, flows in zip(workload.operations, workload.dataflows, strict=True):
        lines += _operation(workload, op, flows)
    memories = {name: bits // 8 for name, bits in workload.architecture.memory_bits}
    limits = f"array: {list(workload.architecture.array)}"
    if memories:
        limits += f", memories: {_flow(memories)}"
    if not workload.architecture.fused:
        limits += ", fused: no"
    if workload.architecture.dma_bits:
        limits += f", dma_bits: {workload.architecture.dma_bits}"
    if workload.architecture.read_cost:
        limits += f", read_cost: {workload.architecture.read_cost}"
    if workload.architecture.double_buffer:
        limits += ", double_buffer: yes"
    return "\n".join([*lines, f"architecture: {{{limits}}}", ""])


def _operation(workload: Workload, op: TensorOp, flows: Sequence[DataflowSpec]) -> list[str]:
    names = list(dict.fromkeys(access.tensor for access in (op.output, *op.inputs)))
    tensors = [workload.tensor(name) for name in names]
    pads = {t.name: t.pad for t in tensors if t.pad is not None and t.name != op.output.tensor}
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


def _range(op: TensorOp, k: int) -> str:
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


def render_statement(op: TensorOp) -> str:
    """One statement: `Y[m,n] += X[m,k] * W[k,n]`."""
    loops = [loop.name for loop in op.loops]
    operands = [_access(access, loops) for access in op.inputs]
    return f"{_access(op.output, loops)} {op.reduction} {_body(op.body, operands)}"


def _access(access: Access, loops: Sequence[str]) -> str:
    return f"{access.tensor}[{','.join(_indices(access.map, loops))}]"


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


def _body(expr: Expr, operands: Sequence[str], least: int = _SHIFT) -> str:
    """Text of an expression, in brackets if it binds less than `least`."""
    text, binding = _loose(expr, operands)
    return text if binding >= least else f"({text})"


def _loose(expr: Expr, operands: Sequence[str]) -> tuple[str, int]:
    """Text of an expression without outer brackets, and how strongly it binds."""
    match expr:
        case Operand(index):
            return operands[index], _ATOM
        case Literal(value):
            return str(value), _ATOM if value >= 0 else _SIGN
        case Unary(UnaryOp.ABS, arg):
            return f"abs({_body(arg, operands)})", _ATOM
        case Unary(_, arg):
            text = _body(arg, operands, _ATOM)
            return (
                f"-({text})" if isinstance(arg, Literal) and arg.value >= 0 else f"-{text}"
            ), _SIGN
        case Binary(BinaryOp.MAX | BinaryOp.MIN as op, left, right):
            return f"{op}({_body(left, operands)}, {_body(right, operands)})", _ATOM
        case Binary(op, left, right):
            own = _BINDING[op]
            return f"{_body(left, operands, own)} {op} {_body(right, operands, own + 1)}", own
