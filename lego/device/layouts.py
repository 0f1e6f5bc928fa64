"""Layouts in DRAM of a workload's tensors, as the array's memories and the vector engine want them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lego.bind.tiles import Tiling
from lego.device.blocked import Blocked
from lego.device.lanes import Lanes, carried, links_of
from lego.device.plan import Plan
from lego.device.stages import Stage
from lego.device.transfers import lanes_of

__all__ = ["layouts_of"]


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
                lanes.restrict(stage.result, _of_result(stage, dims), stage)
            else:
                lanes.restrict(name, dims, stage)
        lanes.links += links_of(stage, lambda name: name in results | inputs)
    return lanes.settled()


def _of_result(stage: Stage, dims: Sequence[int]) -> list[int]:
    """Dimensions of the result for those of the sums."""
    op = stage.post[0]
    name = "" if stage.sums is None else stage.sums.output.buffer
    (place,) = (p for p in op.inputs if p.buffer == name)
    loops = [[k for k, c in enumerate(place.map.rows[d]) if c] for d in dims]
    return [found for each in loops if len(each) == 1 for found in carried(stage, 0, each[0])]


def _wanted(plan: Plan, tiling: Tiling) -> Iterator[tuple[str, list[int]]]:
    """Tensors that the array reads and writes, each with the dimensions that can be its lanes."""
    seen = set()
    for run in tiling.runs:
        bound = run.bound
        program = plan.run_program(run, [0] * len(bound.op.inputs), 0)
        accesses = [bound.op.inputs[k] for k in bound.assignment.order]
        for number, access in enumerate((*accesses, bound.op.output)):
            shift = np.array(access.map.rows, dtype=np.int64) @ np.array(run.offset)
            key = id(bound), number, tuple(map(int, shift))
            if access.tensor not in plan.constants and key not in seen:
                seen.add(key)
                words = plan.words(bound, number, program).at(shift)
                yield access.tensor, lanes_of(words, plan.tensors[access.tensor].shape)
