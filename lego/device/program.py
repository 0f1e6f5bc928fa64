"""A program for a device, with what its host and its models need to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lego.bind.result import Bound
from lego.device.memory_map import Located
from lego.ir.commands import Command
from lego.ir.layout import Layout

__all__ = ["ArrayRun", "DeviceProgram"]


@dataclass(frozen=True)
class ArrayRun:
    """What a run of the array is: its operation, and where operands and results lie.

    Attributes
    ----------
    layouts : of the operands in the chip's order, then of the result.
    half : of the result memory.
    resume : it goes on from the sums there.
    cycles : from its first timestamp to the end of its last commit.
    """

    bound: Bound
    layouts: tuple[Layout, ...]
    half: int
    resume: bool
    cycles: int


@dataclass(frozen=True)
class DeviceProgram:
    """Commands, data and their places.

    Attributes
    ----------
    chip : 32-bit hash of the chip.
    constants : bytes of the segment of constants.
    data_bytes : size of the segment of tensors.
    tensors : those in the segment of tensors, by name.
    inputs, outputs : names of them.
    runs : of the array, in the order of its starts.
    """

    name: str
    chip: int
    commands: tuple[Command, ...]
    constants: bytes
    data_bytes: int
    tensors: Mapping[str, Located]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    runs: tuple[ArrayRun, ...]
