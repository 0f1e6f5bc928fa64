"""Whether a dataflow may run an operation: every iteration exactly once, and never before its cue.

Each refusal shows the iteration, or the FU, that proves it; isl finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import islpy as isl

from lego.diag import InternalError, LegoError
from lego.front.lexmin import least_point
from lego.ir.adg import Adg
from lego.ir.array import ArrayOperation
from lego.ir.dataflow import Dataflow

__all__ = ["check_dataflow", "check_memories", "check_room"]


def check_dataflow(op: ArrayOperation, flow: Dataflow) -> None:
    """Raise E302 if an iteration runs twice, E303 if one never runs, E304 if an FU would have to act
    before its timestamp is issued."""
    box = [*_ranges("t", flow.trips(op)), *_ranges("s", flow.sizes)]
    _check_cues(op, flow)
    twice = _twice(op, flow, box)
    if twice is not None:
        iteration, first, second = twice
        raise LegoError(
            "E302",
            f"dataflow {flow.name!r} runs iteration {_named(op, iteration)} twice: "
            f"at {first} and at {second}",
            loc=op.loc,
            hint="a counter's step must be the number of FUs that its loop is spread over",
        )
    _check_missed(op, flow, box)


def _check_missed(op: ArrayOperation, flow: Dataflow, box: Sequence[str]) -> None:
    loops = [f"i{k}" for k in range(len(op.loops))]
    inside = [f"0 <= i{k} < {loop.extent}" for k, loop in enumerate(op.loops)]
    places = ", ".join(_names(flow))
    done = isl.Map(
        f"{{ [{places}] -> [{', '.join(loops)}] : {' and '.join([*box, *_equal(op, flow, '')])} }}"
    ).range()
    missed = isl.Set(f"{{ [{', '.join(loops)}] : {' and '.join(inside)} }}").subtract(done)
    if not missed.is_empty():
        iteration = _point(missed, len(loops))
        raise LegoError(
            "E303",
            f"dataflow {flow.name!r} never runs iteration {_named(op, iteration)}",
            loc=op.loc,
            hint="a counter's step must be the number of FUs that its loop is spread over",
        )


def _check_cues(op: ArrayOperation, flow: Dataflow) -> None:
    low = tuple(
        size - 1 if cycles < 0 else 0 for cycles, size in zip(flow.control, flow.sizes, strict=True)
    )
    if flow.skew(low) < 0:
        raise LegoError(
            "E304",
            f"dataflow {flow.name!r}: FU {low} would run timestamp 0, iteration "
            f"{_named(op, _iteration(op, flow, low))}, {-flow.skew(low)} cycles before it is issued",
            loc=op.loc,
            hint="links need delays of at least 0; use control skews of at least 0",
        )


def _iteration(op: ArrayOperation, flow: Dataflow, fu: Sequence[int]) -> tuple[int, ...]:
    """Iteration of an FU at timestamp 0."""
    matrix = flow.spatial_matrix(len(op.loops))
    return tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in matrix)


def _names(flow: Dataflow, mark: str = "") -> list[str]:
    """Names of the counters and axes."""
    return [
        *(f"t{k}{mark}" for k in range(len(flow.temporal))),
        *(f"s{k}{mark}" for k in range(len(flow.sizes))),
    ]


def _ranges(letter: str, extents: Sequence[int], mark: str = "") -> Iterator[str]:
    return (f"0 <= {letter}{k}{mark} < {extent}" for k, extent in enumerate(extents))


def _forms(op: ArrayOperation, flow: Dataflow, mark: str) -> list[str]:
    """``M_T t + M_S s`` per loop, as text."""
    time, space = flow.temporal_matrix(len(op.loops)), flow.spatial_matrix(len(op.loops))
    return [
        " + ".join(
            [
                "0",
                *(f"{a} t{k}{mark}" for k, a in enumerate(row_t) if a),
                *(f"{a} s{k}{mark}" for k, a in enumerate(row_s) if a),
            ]
        )
        for row_t, row_s in zip(time, space, strict=True)
    ]


def _equal(op: ArrayOperation, flow: Dataflow, mark: str) -> list[str]:
    return [f"i{k} = {form}" for k, form in enumerate(_forms(op, flow, mark))]


Twice = tuple[tuple[int, ...], str, str]
"""An iteration, and two places that run it."""


def _twice(op: ArrayOperation, flow: Dataflow, box: Sequence[str]) -> Twice | None:
    """An iteration of the domain with two places of the box that run it."""
    names, others = _names(flow), _names(flow, "x")
    if not names:
        return None
    again = [*_ranges("t", flow.trips(op), "x"), *_ranges("s", flow.sizes, "x")]
    mine, theirs = _forms(op, flow, ""), _forms(op, flow, "x")
    same = [f"{a} = {c}" for a, c in zip(mine, theirs, strict=True)]
    inside = [f"{a} < {loop.extent}" for a, loop in zip(mine, op.loops, strict=True)]
    common = " and ".join([*box, *again, *same, *inside])
    space = f"[{', '.join([*names, *others])}]"
    for k, (a, c) in enumerate(zip(names, others, strict=True)):
        equal = [f"{p} = {q}" for p, q in zip(names[:k], others[:k], strict=True)]
        found = isl.Set(f"{{ {space} : {' and '.join([common, *equal])} and {a} < {c} }}")
        if not found.is_empty():
            point = _point(found, 2 * len(names))
            first, second = point[: len(names)], point[len(names) :]
            return _run(op, flow, first), _place(flow, first), _place(flow, second)
    return None


def _run(op: ArrayOperation, flow: Dataflow, place: Sequence[int]) -> tuple[int, ...]:
    n = len(flow.temporal)
    time, space = flow.temporal_matrix(len(op.loops)), flow.spatial_matrix(len(op.loops))
    return tuple(
        sum(a * x for a, x in zip(row_t, place[:n], strict=True))
        + sum(a * x for a, x in zip(row_s, place[n:], strict=True))
        for row_t, row_s in zip(time, space, strict=True)
    )


def _place(flow: Dataflow, place: Sequence[int]) -> str:
    n = len(flow.temporal)
    return f"timestamp {tuple(place[:n])} in FU {tuple(place[n:])}"


def _point(found: isl.Set, size: int) -> tuple[int, ...]:
    """The lexicographically least point, so that everyone sees the same one."""
    point = least_point(found)
    if point is None or len(point) != size:
        raise InternalError("no point of an empty set")
    return point


def _named(op: ArrayOperation, iteration: Sequence[int]) -> str:
    return ", ".join(f"{loop.name}={x}" for loop, x in zip(op.loops, iteration, strict=True))


def check_memories(adg: Adg, limits: dict[str, int]) -> None:
    """Raise E305 if an operand's banks, padding included, need more bits than its tensor's limit."""
    for plan in adg.operands():
        limit = limits.get(plan.tensor.name)
        depth = plan.banking.depth(plan.tensor.shape)
        bits = plan.banking.n_banks * depth * plan.tensor.format.bits
        if limit is not None and bits > limit:
            raise LegoError(
                "E305",
                f"{plan.tensor.name!r} needs {plan.banking.n_banks} banks of {depth} words, "
                f"{-(-bits // 8)} bytes; its memory has {limit // 8}, too few for iteration "
                f"{_named(adg.op, [loop.extent - 1 for loop in adg.op.loops])}",
                loc=adg.op.loc,
                hint="enlarge the memory, shrink the loops, or make extents multiples of the array",
            )


def check_room(adg: Adg) -> None:
    """Raise E306 for what a chip with room compares indices for: pads, and results that edges overlap."""
    padded = [p.name for p in adg.inputs if p.tensor.pad is not None]
    if padded:
        raise LegoError(
            "E306",
            f"{padded[0]!r} has a pad value, and a chip with room doesn't compare indices",
            loc=adg.op.loc,
            hint=f"let {padded[0]!r} hold its border, and leave `pad` out; or leave `room` out",
        )
    if not adg.output.injective or adg.checked_dims:
        raise LegoError(
            "E306",
            f"edges of {adg.output.name!r} overlap other elements of it, and a chip with room doesn't "
            "compare indices",
            loc=adg.op.loc,
            hint="index the output by loops, each times 1; or leave `room` out",
        )
