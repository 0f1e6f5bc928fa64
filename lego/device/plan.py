"""What a program is made of: stages with tiles and chains, layouts of tensors, words of memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lego.bind.program import program_of
from lego.bind.result import Bound
from lego.bind.tiles import Run, Tiling
from lego.device.blocked import Blocked
from lego.device.chip import Chip
from lego.device.post import Post
from lego.device.stages import Stage
from lego.device.words import Touched, Words
from lego.ir.array import Tensor
from lego.ir.network import Network
from lego.ir.program import Program

__all__ = ["Plan", "PlannedStage", "Values"]

Values = Mapping[str, NDArray[np.integer]]


@dataclass(frozen=True)
class PlannedStage:
    """A stage with its runs of the array, and its chain."""

    stage: Stage
    tiling: Tiling | None
    post: Post


@dataclass
class Plan:
    """What a program is made of.

    Attributes
    ----------
    constants : values of tensors that are known.
    layouts : of tensors in DRAM.
    """

    chip: Chip
    network: Network
    tensors: Mapping[str, Tensor]
    constants: Values
    stages: tuple[PlannedStage, ...]
    layouts: Mapping[str, Blocked]
    touched: Touched = field(default_factory=Touched)
    _programs: dict[tuple[int, tuple[int, ...], int, bool], tuple[Bound, Program]] = field(
        default_factory=dict
    )

    def run_program(self, run: Run, bases: Sequence[int], half: int) -> Program:
        """Registers and layouts of a run whose operands, in the chip's order, begin at these words."""
        key = id(run.bound), tuple(bases), half, run.resumes
        if key not in self._programs:
            self._programs[key] = run.bound, self._made(run, bases, half)
        return self._programs[key][1]

    def _made(self, run: Run, bases: Sequence[int], half: int) -> Program:
        site, bound = self.chip.sites[run.bound.dataflow], run.bound
        tail = self.chip.device.dataflows[site.index].tail
        named = {port.name: base for port, base in zip(site.inputs, bases, strict=True)}
        made = program_of(site, bound, tail, bases=named, half=half)
        resume = {"resume": int(run.resumes)} if "resume" in made.registers else {}
        return replace(made, registers=made.registers | resume, resume=run.resumes)

    def words(self, bound: Bound, number: int, program: Program) -> Words:
        """What a run touches of an operand."""
        layout = list(program.layouts.values())[number]
        return self.touched.words(bound, number, layout, self.chip.device)
