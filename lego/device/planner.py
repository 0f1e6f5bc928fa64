"""Stages with their tiles, layouts and places: what is decided before commands are put together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lego.bind.result import Refusal
from lego.bind.tiles import Tiling, tiled
from lego.device.chip import Chip
from lego.device.estimate import estimated
from lego.device.layouts import lanes_by, layouts_of
from lego.device.padded import padded
from lego.device.plan import Plan, PlannedStage, Values
from lego.device.post import Post
from lego.device.stages import Stage, stages_of
from lego.device.tight import tightened
from lego.device.words import Touched
from lego.diag import LegoError
from lego.ir.array import ArrayOperation, Tensor, narrowed
from lego.ir.formats import Format
from lego.ir.intervals import Interval
from lego.ir.operation import Operation
from lego.ir.vector.chain import NotAChain
from lego.ir.vector.plan import VectorPlan
from lego.ir.workload import Workload
from lego.tell import Tell, silent

__all__ = ["planned"]

SHARES = (2, 4, 8)
"""Parts of the room for a tile that smaller tiles have."""

MOST_RUNS = 512
"""Runs of an operation above which smaller tiles aren't worth their commands."""


def planned(chip: Chip, workload: Workload, constants: Values, tell: Tell = silent) -> Plan:
    """Stages, tiles and layouts of a workload. Raises E307 and E308 for what the device doesn't run."""
    network = workload.network
    formats = {buffer.name: buffer.format for buffer in network.buffers}
    spans: dict[str, Interval] = {n: (int(v.min()), int(v.max())) for n, v in constants.items()}

    def computed(ops: Sequence[Operation]) -> tuple[list[int], str]:
        return _computed(chip.vector, formats, constants, ops)

    stages = stages_of(network, spans, lambda ops: computed(ops)[1])
    sums = [stage.sums for stage in stages if stage.sums is not None]
    tensors, narrow = narrowed(_only(workload, sums))
    operations = {op.name: op for op in narrow}
    by_name = {tensor.name: tensor for tensor in tensors}
    tilings: list[Tiling | None] = []
    for k, stage in enumerate(stages):
        tell(f"{stage.name} on {chip.fused.name}", k, len(stages))
        op = operations[stage.sums.name] if stage.sums else None
        tilings.append(_tiled(chip, *padded(op, by_name, constants), constants) if op else None)
    plan = Plan(chip, network, by_name, constants, (), {}, Touched())
    layouts = layouts_of(plan, stages, tilings, lambda stage: computed(stage.post)[0])
    posts = [
        Post.of(stage, chip.vector, layouts[stage.result].lane, formats, constants)
        for stage in stages
    ]
    found = tuple(map(PlannedStage, stages, tilings, posts))
    return replace(plan, stages=found, layouts=layouts)


def _computed(
    vector: VectorPlan, formats: Mapping[str, Format], constants: Values, ops: Sequence[Operation]
) -> tuple[list[int], str]:
    """Dimensions along which the engine computes operations as one chain, or why there is none."""
    found, reasons = list[int](), list[str]()
    for dim in range(len(ops[-1].output.map.rows)):
        try:
            Post.of(Stage(None, tuple(ops)), vector, dim, formats, constants)
            found.append(dim)
        except NotAChain as error:
            reasons.append(str(error))
    reasons.append("it has no dimension")
    return found, "" if found else reasons[0]


def _only(workload: Workload, operations: Sequence[Operation]) -> Workload:
    """The workload with these operations alone, without dataflows."""
    network = replace(workload.network, steps=tuple(operations))
    return replace(workload, network=network, dataflows=tuple(() for _ in operations))


def _tiled(
    chip: Chip, op: ArrayOperation, tensors: Mapping[str, Tensor], constants: Values
) -> Tiling:
    """The tiles that take the fewest cycles, in a dataflow under which words are beats of tensors.

    Smaller tiles than those that fit are tried as well: with these the array begins earlier, and what follows
    it ends earlier. Raises E307 if no dataflow runs the operation, E308 if none does so in beats.
    """
    first = tiled(chip.sites, op, tensors)
    if not isinstance(first, Tiling):
        said = "; ".join(_said(chip, refusal) for refusal in first)
        message = f"{chip.fused.name} doesn't run {op.name!r}: {said}"
        hint = "see docs/binding.md for the conditions, or compile a chip for it"
        raise LegoError("E307", message, loc=op.loc, hint=hint)
    others = (
        tiled([site], op, tensors) for site in chip.sites if site.index not in first.dataflows
    )
    for found in itertools.chain([first], others):
        if isinstance(found, Tiling):
            made = tightened(found, chip.sites, tensors)
            if _in_beats(chip, made, tensors, constants):
                every = [made, *_smaller(chip, made, tensors)]
                return min(every, key=lambda each: estimated(chip, each))
    message = f"no dataflow of {chip.fused.name} runs {op.name!r} on words that are beats"
    raise LegoError("E308", message, loc=op.loc, hint="see docs/device.md, layouts")


def _in_beats(chip: Chip, tiling: Tiling, tensors: Mapping[str, Tensor], constants: Values) -> bool:
    """Whether all that moves between DRAM and memories is whole beats."""
    return all(dims for _, dims in lanes_by(tiling, chip, Touched(), tensors, constants))


def _smaller(chip: Chip, tiling: Tiling, tensors: Mapping[str, Tensor]) -> Iterator[Tiling]:
    """The same operation on the same dataflow in smaller tiles."""
    for share in SHARES:
        sites = chip.shared(share)
        found = tiled([sites[k] for k in tiling.dataflows], tiling.op, tensors)
        if isinstance(found, Tiling) and len(found.runs) <= MOST_RUNS:
            yield tightened(found, sites, tensors)


def _said(chip: Chip, refusal: Refusal) -> str:
    label = chip.fused.layers[refusal.dataflow].label
    return f"{label} by condition ({refusal.condition}), {refusal.reason}"
