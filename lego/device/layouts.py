"""Layouts in DRAM of a workload's tensors, as the array's memories and the vector engine want them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lego.bind.program import program_of
from lego.bind.tiles import Run, Tiling
from lego.device.blocked import Blocked
from lego.device.chip import Chip
from lego.device.lanes import Lanes, carried, links_of
from lego.device.plan import Plan
from lego.device.stages import Stage
from lego.device.transfers import lanes_of, whole_beats
from lego.device.words import Touched
from lego.ir.array import Tensor
from lego.ir.engines import BEAT_BYTES

__all__ = ["lanes_by", "layouts_of", "of_result"]


def layouts_of(
    plan: Plan,
    stages: Sequence[Stage],
    tilings: Sequence[Tiling | None],
    computed: Callable[[Stage], Sequence[int]],
) -> dict[str, Blocked]:
    """The layout of every tensor that engines read or write, but constants; `computed` says along which
    dimensions of its result the lanes of a stage's chain can run. Raises E308 if there is none."""
    lanes = Lanes({buffer.name: buffer.shape for buffer in plan.network.buffers})
    results = {stage.result for stage in stages}
    inputs = {name for name in plan.network.inputs if name not in plan.constants}
    for stage, tiling in zip(stages, tilings, strict=True):
        lanes.restrict(stage.result, computed(stage), stage)
        for name, dims in _wanted(plan, tiling) if tiling else ():
            if stage.sums is not None and name == stage.sums.output.buffer:
                lanes.restrict(stage.result, of_result(stage, dims), stage)
            else:
                lanes.restrict(name, dims, stage)
        lanes.links += links_of(stage, lambda name: name in results | inputs)
    return lanes.settled()


def of_result(stage: Stage, dims: Sequence[int]) -> list[int]:
    """Dimensions of the result for those of the sums."""
    op = stage.post[0]
    name = "" if stage.sums is None else stage.sums.output.buffer
    (place,) = (p for p in op.inputs if p.buffer == name)
    loops = [[k for k, c in enumerate(place.map.rows[d]) if c] for d in dims]
    return [found for each in loops if len(each) == 1 for found in carried(stage, 0, each[0])]


def _wanted(plan: Plan, tiling: Tiling) -> Iterator[tuple[str, list[int]]]:
    """Tensors that the array reads and writes, each with the dimensions that can be its lanes."""
    return lanes_by(tiling, plan.chip, plan.touched, plan.tensors, plan.constants)


def lanes_by(
    tiling: Tiling,
    chip: Chip,
    touched: Touched,
    tensors: Mapping[str, Tensor],
    constants: Collection[str],
) -> Iterator[tuple[str, list[int]]]:
    """Tensors that runs read and write, but constants, each with the dimensions that can be its lanes."""
    alike: dict[int, list[Run]] = {}
    for run in tiling.runs:
        alike.setdefault(id(run.bound), []).append(run)
    for runs in alike.values():
        bound = runs[0].bound
        layouts = list(program_of(chip.sites[bound.dataflow], bound).layouts.values())
        accesses = [bound.op.inputs[k] for k in bound.assignment.order]
        for number, access in enumerate((*accesses, bound.op.output)):
            if access.tensor in constants:
                continue
            shifts = np.array([run.offset for run in runs]) @ np.array(access.map.rows).T
            words = touched.words(bound, number, layouts[number], chip.device).at(shifts[0])
            shape = tensors[access.tensor].shape
            dims = [d for d in lanes_of(words, shape) if _in_step(shifts[:, d])]
            if number == len(accesses):
                dims = [dim for dim in dims if whole_beats(words, shape, dim)]
            yield access.tensor, dims


def _in_step(shifts: NDArray[np.int64]) -> bool:
    """Whether tiles are whole beats apart."""
    return not ((shifts - shifts[0]) % BEAT_BYTES).any()
