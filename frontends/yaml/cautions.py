"""What is legal in a workload and probably not meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from frontends.yaml.formats import narrowest
from frontends.yaml.intervals import body_interval
from lego.diag import Loc
from lego.ir.dag import bits_for
from lego.ir.workload import Reduction, TensorOp, Workload

__all__ = ["Caution", "cautions_of", "restarted_reductions", "wrapping_sums"]


@dataclass(frozen=True, slots=True)
class Caution:
    """What was found, and what helps."""

    message: str
    hint: str
    loc: Loc | None


def cautions_of(workload: Workload) -> list[Caution]:
    """All cautions about a workload."""
    return [*wrapping_sums(workload), *restarted_reductions(workload)]


def restarted_reductions(workload: Workload) -> list[Caution]:
    """One for every reduction into a tensor that an operation before it wrote: it doesn't go on from that."""
    writers: dict[str, str] = {}
    found = []
    for op in workload.operations:
        name = op.output.tensor
        if name in writers and op.reduction is not Reduction.ASSIGN:
            found.append(_restarted(workload, op, writers[name]))
        writers[name] = op.name
    return found


def _restarted(workload: Workload, op: TensorOp, writer: str) -> Caution:
    name = op.output.tensor
    fmt = workload.tensor(name).format
    start = {Reduction.MAX: fmt.low, Reduction.MIN: fmt.high}.get(op.reduction, 0)
    return Caution(
        f"{op.name!r} starts {name!r} from {start} again: it doesn't go on from what {writer!r} wrote",
        "write into a tensor of another name, and put the two together in an operation after them",
        op.output.loc,
    )


def wrapping_sums(workload: Workload) -> list[Caution]:
    """One for every operation whose sums can leave their format, at the full loop bounds."""
    found = (_wrapping(workload, op) for op in workload.operations)
    return [caution for cautions in found for caution in cautions]


def _wrapping(workload: Workload, op: TensorOp) -> Iterator[Caution]:
    if op.reduction is not Reduction.ADD:
        return
    fmt = workload.tensor(op.output.tensor).format
    formats = [workload.tensor(access.tensor).format for access in op.inputs]
    low, high = body_interval(op.body, [(f.low, f.high) for f in formats])
    low, high = min(0, low, low * op.terms), max(0, high, high * op.terms)
    if fmt.low <= low and high <= fmt.high:
        return
    values = "1 value" if op.terms == 1 else f"up to {op.terms} values"
    yield Caution(
        f"sums of {values} in {op.output.tensor!r} can leave {fmt}, and wrap: they span [{low}, {high}]",
        _remedy(op.output.tensor, low, high),
        op.output.loc,
    )


def _remedy(tensor: str, low: int, high: int) -> str:
    fitting = narrowest(low, high)
    if fitting is not None:
        return f"{fitting} for {tensor} holds every sum"
    bits = bits_for(low, high)
    return (
        f"no format holds {bits} bits; if your values are smaller than their formats allow, "
        "narrower formats say so"
    )
