"""Programs of operations over the buffers that they share: what files and models become."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from lego.ir.formats import Format
from lego.ir.operation import HostCall, Operation, Step

__all__ = ["Buffer", "Network", "Role", "reads_of", "writes_of"]


class Role(StrEnum):
    """Where a buffer's contents come from."""

    INPUT = "input"
    PARAMETER = "parameter"
    CONSTANT = "constant"  # depends on nothing that the network is given
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Buffer:
    """A named array.

    Attributes
    ----------
    shape : elements per dimension, at the maximum of run-time bounds.
    format : number format of the elements.
    """

    name: str
    shape: tuple[int, ...]
    format: Format
    role: Role = Role.RESULT

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Network:
    """Steps in program order, with the buffers that they share.

    `inputs` and `outputs` are buffers; everything that isn't an input, a parameter or a constant is
    written before it is read.
    """

    name: str
    buffers: tuple[Buffer, ...]
    steps: tuple[Step, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def buffer(self, name: str) -> Buffer:
        """The buffer of this name; KeyError if there is none."""
        for buffer in self.buffers:
            if buffer.name == name:
                return buffer
        raise KeyError(name)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The steps that are loop nests."""
        return tuple(step for step in self.steps if isinstance(step, Operation))

    @property
    def calls(self) -> tuple[HostCall, ...]:
        """The steps that are the host's."""
        return tuple(step for step in self.steps if isinstance(step, HostCall))

    @property
    def parameters(self) -> int:
        """Elements of all parameters."""
        return sum(b.elements for b in self.buffers if b.role is Role.PARAMETER)


def reads_of(step: Step) -> tuple[str, ...]:
    """The buffers that a step reads, an input at a time."""
    if isinstance(step, HostCall):
        return step.inputs
    return tuple(place.buffer for place in step.inputs)


def writes_of(step: Step) -> tuple[str, ...]:
    """The buffers that a step writes, an output at a time."""
    if isinstance(step, HostCall):
        return step.outputs
    return tuple(output.buffer for output in step.outputs)
