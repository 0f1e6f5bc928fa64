"""Workloads: tensors, and operations on them as affine loop nests."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from lego.diag import Loc
from lego.ir.affine import AffineMap
from lego.ir.domain import Inequality, points
from lego.ir.expr import Expr
from lego.ir.formats import Integer
from lego.ir.hardware import Architecture

__all__ = [
    "Access",
    "DataflowSpec",
    "Loop",
    "Reduction",
    "Tensor",
    "TensorOp",
    "Workload",
]


class Reduction(StrEnum):
    """How values that meet in one output element are combined."""

    ADD = "+="
    MAX = "max="
    MIN = "min="
    ASSIGN = "="


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array.

    Attributes
    ----------
    shape : elements per dimension, each >= 1: the maximum over all run-time sizes.
    format : number format of the elements.
    pad : value read outside the tensor; None means that no access may leave it.
    """

    name: str
    shape: tuple[int, ...]
    format: Integer
    pad: int | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop `0 <= name < extent`; the extent is the maximum of the run-time bound."""

    name: str
    extent: int


@dataclass(frozen=True, slots=True)
class Access:
    """Reads or writes `tensor[map(iteration)]`; `map` sends loops (in order) to dimensions."""

    tensor: str
    map: AffineMap
    loc: Loc | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class TensorOp:
    """`output reduction= body(inputs)` for every point of the domain: of the loop box, those that obey
    the inequalities.

    `body` refers to `inputs` by position; the same access appears in `inputs` only once.
    Elements of the output that only points of the box outside the domain reach get the reduction's
    identity (0 for `+=`, the format's lowest value for `max=`, its highest for `min=`); an assignment
    doesn't write them.

    Attributes
    ----------
    domain : inequalities over the loops, none of which holds in the whole box.
    """

    name: str
    loops: tuple[Loop, ...]
    output: Access
    inputs: tuple[Access, ...]
    body: Expr
    reduction: Reduction
    domain: tuple[Inequality, ...] = ()
    loc: Loc | None = field(default=None, compare=False)

    @property
    def extents(self) -> tuple[int, ...]:
        """The box at the maximum bounds."""
        return tuple(loop.extent for loop in self.loops)

    @property
    def iterations(self) -> int:
        """Number of points of the iteration domain at the maximum bounds."""
        return points(self.extents, self.domain)

    @property
    def terms(self) -> int:
        """Most contributions that one element gets: iterations of the box of all loops but one per
        dimension, which moves that dimension only."""
        rows = self.output.map.rows
        terms = math.prod(self.extents)
        for row in rows:
            terms //= max(
                (
                    loop.extent
                    for i, loop in enumerate(self.loops)
                    if row[i] and sum(other[i] != 0 for other in rows) == 1
                ),
                default=1,
            )
        return terms

    def loop_index(self, name: str) -> int:
        """Position of the loop called `name`; ValueError if there is none."""
        return [loop.name for loop in self.loops].index(name)


@dataclass(frozen=True, slots=True)
class DataflowSpec:
    """What the user asked of the mapping of one operation.

    Attributes
    ----------
    spatial : (loop, number of FUs) per array axis, in order; 1 to 3 axes.
    temporal : loops from the outermost to the innermost; loops not named come before them.
    control : cycles of control skew per array axis: zeros for broadcast, ones for systolic.
    """

    name: str
    spatial: tuple[tuple[str, int], ...]
    temporal: tuple[str, ...]
    control: tuple[int, ...]
    loc: Loc | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Workload:
    """Operations in program order with the tensors they share.

    `dataflows[i]` are the user's mappings of `operations[i]`, empty where the compiler chooses.
    """

    name: str
    tensors: tuple[Tensor, ...]
    operations: tuple[TensorOp, ...]
    dataflows: tuple[tuple[DataflowSpec, ...], ...]
    architecture: Architecture

    def tensor(self, name: str) -> Tensor:
        """The tensor called `name`; KeyError if there is none."""
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise KeyError(name)
