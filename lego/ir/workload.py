"""Workloads: a network of operations, how each is to be mapped, and the chip."""

from __future__ import annotations

from dataclasses import dataclass, field

from lego.diag import Loc
from lego.ir.hardware import Architecture
from lego.ir.network import Network
from lego.ir.operation import Operation

__all__ = ["DataflowSpec", "Workload"]


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
    """A network with the chip that it is for.

    `dataflows[i]` are the user's mappings of operation number i, empty where the compiler chooses.
    """

    network: Network
    dataflows: tuple[tuple[DataflowSpec, ...], ...]
    architecture: Architecture

    @property
    def name(self) -> str:
        """The network's."""
        return self.network.name

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The network's loop nests."""
        return self.network.operations

    def operation(self, name: str) -> Operation:
        """The operation of this name; KeyError if there is none."""
        for op in self.operations:
            if op.name == name:
                return op
        raise KeyError(name)
