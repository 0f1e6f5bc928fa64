"""Stages with their tiles, layouts and places: what is decided before commands are put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lego.bind.tiles import Tiling
from lego.device.chip import Chip
from lego.device.layouts import layouts_of, of_result
from lego.device.plan import Plan, PlannedStage, Values
from lego.device.post import Post
from lego.device.stages import Stage, stages_of
from lego.device.tiler import Tiler
from lego.device.words import Touched
from lego.diag import LegoError
from lego.ir.array import narrowed
from lego.ir.formats import Format
from lego.ir.intervals import Interval
from lego.ir.operation import Operation
from lego.ir.vector.chain import BYTE, NotAChain, is_inside
from lego.ir.vector.operand import span_of
from lego.ir.vector.plan import VectorPlan
from lego.ir.workload import Workload
from lego.tell import Tell, silent

__all__ = ["planned"]


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
    allowed = {stage.result: computed(stage.post)[0] for stage in stages}
    allowed |= dict(_of_sums(stage, allowed[stage.result]) for stage in stages if stage.sums)
    tiler = Tiler(chip, by_name, constants, allowed)
    tilings: list[Tiling | None] = []
    for k, stage in enumerate(stages):
        tell(f"{stage.name} on {chip.fused.name}", k, len(stages))
        op = operations[stage.sums.name] if stage.sums else None
        tilings.append(tiler.tiled(op) if op else None)
    plan = Plan(chip, network, by_name, constants, (), {}, Touched())
    layouts = layouts_of(plan, stages, tilings, lambda stage: allowed[stage.result])
    posts = [
        Post.of(stage, chip.vector, layouts[stage.result].lane, formats, constants)
        for stage in stages
    ]
    _check_bytes(posts, formats)
    found = tuple(map(PlannedStage, stages, tilings, posts))
    return replace(plan, stages=found, layouts=layouts)


def _check_bytes(posts: Sequence[Post], formats: Mapping[str, Format]) -> None:
    """Raises E308 for a tensor in DRAM whose elements aren't bytes from -128 to 127."""
    for post in posts:
        sums, chain = post.stage.sums, post.chain
        names = [chain.first] if sums is None else [place.buffer for place in sums.inputs]
        wide = [name for name in names if not is_inside(span_of(formats[name]), BYTE)]
        wide += [] if is_inside(chain.spans()[-1], BYTE) else [post.stage.result]
        if wide:
            op = sums or post.stage.post[0]
            message = f"{wide[0]!r} holds {formats[wide[0]]}, and tensors of a device int8"
            raise LegoError("E308", message, loc=op.loc, hint="shift its values into -128 to 127")


def _of_sums(stage: Stage, dims: Sequence[int]) -> tuple[str, list[int]]:
    """The sums of a stage, and their dimensions that run along these of the result."""
    assert stage.sums is not None  # noqa: S101  the caller asks for stages with sums only
    every = range(len(stage.sums.output.map.rows))
    return stage.sums.output.buffer, [d for d in every if set(of_result(stage, [d])) & set(dims)]


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
