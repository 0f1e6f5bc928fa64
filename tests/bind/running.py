"""Runs of bound operations on chips, and operations by plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from frontends.yaml import load_text
from lego.back.plan.array.sums import identity
from lego.bind.program import program_of
from lego.bind.result import Bound
from lego.bind.site import Site, sites_of
from lego.designs import designs_of
from lego.ir.array import ArrayOperation, Tensor, narrowed
from lego.ir.expr import evaluate
from lego.ir.fused import FusedAdg
from lego.ir.operation import Reduction
from sim.adg_sim import run_adg
from tests.bind.walker import Chip, wrapped

Array = NDArray[np.int64]
Vector = tuple[int, ...]


def chip_of(text: str) -> FusedAdg:
    return designs_of(load_text(text))[0]


def sites_of_text(text: str) -> tuple[Site, ...]:
    return sites_of(chip_of(text))


def operation_of(text: str) -> tuple[ArrayOperation, dict[str, Tensor]]:
    tensors, operations = narrowed(load_text(text))
    return operations[0], {tensor.name: tensor for tensor in tensors}


def random_operands(
    op: ArrayOperation, tensors: Mapping[str, Tensor], seed: int
) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    names = dict.fromkeys(access.tensor for access in op.inputs)
    return {
        n: rng.integers(tensors[n].format.low, tensors[n].format.high + 1, tensors[n].shape)
        for n in names
    }


def value_at(array: Array, pad: int | None, element: Vector) -> int:
    if all(0 <= x < n for x, n in zip(element, array.shape, strict=True)):
        return int(array[element])
    assert pad is not None
    return pad


def expected(
    op: ArrayOperation, tensors: Mapping[str, Tensor], operands: Mapping[str, Array]
) -> dict[Vector, int]:
    """The operation by its loops; elements that its domain leaves have the identity, or aren't there."""
    fmt = tensors[op.output.tensor].format
    start = {Reduction.MAX: fmt.low, Reduction.MIN: fmt.high}.get(op.reduction, 0)
    found: dict[Vector, int] = {}
    for point in itertools.product(*map(range, op.extents)):
        element = op.output.map(point)
        inside = all(each.holds(point) for each in op.domain)
        if op.reduction is Reduction.ASSIGN and not inside:
            continue
        found.setdefault(element, start)
        if not inside:
            continue
        value = evaluate(
            op.body,
            [value_at(operands[a.tensor], tensors[a.tensor].pad, a.map(point)) for a in op.inputs],
        )
        match op.reduction:
            case Reduction.ADD:
                found[element] += value
            case Reduction.MAX:
                found[element] = max(found[element], value)
            case Reduction.MIN:
                found[element] = min(found[element], value)
            case Reduction.ASSIGN:
                found[element] = value
    return {element: wrapped(value, fmt) for element, value in found.items()}


def contents(
    bound: Bound, tensors: Mapping[str, Tensor], operands: Mapping[str, Array]
) -> list[Array]:
    """What the host puts at every index of each input."""
    found = []
    for placed, k in zip(bound.placements[:-1], bound.assignment.order, strict=True):
        access = bound.op.inputs[k]
        array, tensor = operands[access.tensor], tensors[access.tensor]
        values = np.zeros(placed.shape, dtype=np.int64)
        for v in itertools.product(*map(range, placed.shape)):
            element = placed.element(v)
            inside = element is not None and all(
                0 <= x < n for x, n in zip(element, array.shape, strict=True)
            )
            values[v] = int(array[element]) if inside else tensor.pad or 0
        found.append(values)
    return found


def ran(
    site: Site, bound: Bound, tensors: Mapping[str, Tensor], operands: Mapping[str, Array]
) -> dict[Vector, int]:
    """What the chip leaves of the operation, by element."""
    program = program_of(site, bound)
    memories: dict[str, dict[tuple[int, int], int]] = {}
    for port, values in zip(site.inputs, contents(bound, tensors, operands), strict=True):
        layout = program.layouts[port.name]
        words = {
            (int(layout.bank(v)), int(layout.word(v))): int(values[v])
            for v in np.ndindex(values.shape)
        }
        assert len(words) == values.size, f"two elements of {port.name} have one word"
        assert all(word < port.words for _, word in words)
        memories[port.name] = words
    layout = program.layouts[site.output.name]
    spots = {e: (int(layout.bank(v)), int(layout.word(v))) for e, v in bound.results().items()}
    assert len(set(spots.values())) == len(spots)
    fresh: dict[tuple[int, int], int] = {}
    injective = site.adg.output.injective
    memories[site.output.name] = fresh if injective else _Everywhere(identity(site.adg))
    left = Chip(site.design, site.index, program, memories).run()
    fmt = tensors[bound.op.output.tensor].format
    return {e: wrapped(left[spot], fmt) for e, spot in spots.items() if spot in left}


def simulated(
    site: Site, bound: Bound, tensors: Mapping[str, Tensor], operands: Mapping[str, Array]
) -> dict[Vector, int]:
    """The same by the simulator of architectures, from the bound one."""
    values = contents(bound, tensors, operands)
    given = {port.name: value for port, value in zip(site.inputs, values, strict=True)}
    run = run_adg(bound.adg, program_of(site, bound), given)
    fmt = tensors[bound.op.output.tensor].format
    return {
        e: wrapped(int(run.values[v]), fmt) for e, v in bound.results().items() if run.written[v]
    }


class _Everywhere(dict[tuple[int, int], int]):
    """A memory that the host filled with one value."""

    def __init__(self, value: int) -> None:
        super().__init__()
        self.value = value

    def __missing__(self, place: tuple[int, int]) -> int:
        return self.value

    def __contains__(self, place: object) -> bool:
        return True
