"""What is legal in a workload and probably not meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from frontends.yaml.formats import narrowest
from frontends.yaml.intervals import body_interval
from lego.diag import InternalError, Loc
from lego.ir.array import most_terms
from lego.ir.dag import bits_for
from lego.ir.formats import Integer
from lego.ir.operation import Operation, Reduction
from lego.ir.workload import Workload

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
        name = op.output.buffer
        if name in writers and op.output.reduction is not Reduction.ASSIGN:
            found.append(_restarted(workload, op, writers[name]))
        writers[name] = op.name
    return found


def _restarted(workload: Workload, op: Operation, writer: str) -> Caution:
    name = op.output.buffer
    fmt = _format(workload, name)
    start = {Reduction.MAX: fmt.low, Reduction.MIN: fmt.high}.get(op.output.reduction, 0)
    return Caution(
        f"{op.name!r} starts {name!r} from {start} again: it doesn't go on from what {writer!r} wrote",
        "write into a tensor of another name, and put the two together in an operation after them; runs of "
        "one operation go on from each other with `resume: yes` in `architecture` and the register `resume`",
        op.output.place.loc,
    )


def wrapping_sums(workload: Workload) -> list[Caution]:
    """One for every operation whose sums can leave their format, at the full loop bounds."""
    found = (_wrapping(workload, op) for op in workload.operations)
    return [caution for cautions in found for caution in cautions]


def _wrapping(workload: Workload, op: Operation) -> Iterator[Caution]:
    output, terms = op.output, most_terms(op.extents, op.output.map)
    if output.reduction is not Reduction.ADD:
        return
    fmt = _format(workload, output.buffer)
    formats = [_format(workload, place.buffer) for place in op.inputs]
    low, high = body_interval(output.body, [(f.low, f.high) for f in formats])
    low, high = min(0, low, low * terms), max(0, high, high * terms)
    if fmt.low <= low and high <= fmt.high:
        return
    values = "1 value" if terms == 1 else f"up to {terms} values"
    yield Caution(
        f"sums of {values} in {output.buffer!r} can leave {fmt}, and wrap: they span [{low}, {high}]",
        _remedy(output.buffer, low, high),
        op.output.place.loc,
    )


def _format(workload: Workload, name: str) -> Integer:
    fmt = workload.network.buffer(name).format
    if not isinstance(fmt, Integer):
        raise InternalError(f"{name} is of {fmt}, which no workload file has")
    return fmt


def _remedy(tensor: str, low: int, high: int) -> str:
    fitting = narrowest(low, high)
    if fitting is not None:
        return f"{fitting} for {tensor} holds every sum"
    bits = bits_for(low, high)
    return (
        f"no format holds {bits} bits; if your values are smaller than their formats allow, "
        "narrower formats say so"
    )
