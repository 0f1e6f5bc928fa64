"""The functional unit: operand selection, the bodies, masking, and accumulation.

One module per kind of FU; the kind is what its place in the array asks for in every dataflow: the
sources of its operands, whether it passes them on, and its part in the reduction. The dataflow id
selects; what several dataflows have in common exists once.
"""

from __future__ import annotations

from lego.back.fu.halves import reduce_halves
from lego.back.fu.reduce import reduce_merged, reduce_sums
from lego.back.graph.body import build_body
from lego.back.graph.builder import Builder
from lego.back.plan.array.fu_kind import FuKind, Pick, PortKind, SumStages, mask_numbers
from lego.back.plan.array.ports import load, mask, node, reuse, source
from lego.back.plan.array.sums import identity, wraps_in
from lego.ir.fused import FusedAdg, MemoryPlan

__all__ = ["CONTRIBUTION", "build_fu"]

CONTRIBUTION = "contribution_ready"
"""The node whose time is alike in all FUs, whatever their bodies' depths."""


def build_fu(
    fused: FusedAdg, name: str, kind: FuKind, stages: SumStages, *, chosen: bool = False, halved: bool = False
) -> Builder:  # fmt: skip
    """The FU before delay matching; ports are named after memories and axes.

    `chosen`: a register follows the choice of every operand; `halved`: multipliers take two cycles.
    """
    b = Builder(name, "fu", len(fused.layers))
    operands = []
    for buffer, port in zip(fused.buffers()[:-1], kind.ports, strict=True):
        b.origin = f"operand {buffer.name}"
        value = _pick(b, buffer, port)
        operand = b.stage(value, 1) if chosen else value
        operands.append(operand)
        if port.passes:
            b.output(f"{buffer.name}_pass", value)
    bodies: list[int | None] = []
    for layer, masks in zip(fused.layers, kind.masks, strict=True):
        b.origin = f"body of {layer.adg.op.name}"
        given = [operands[p] for p in layer.ports]
        adg = layer.adg
        bodies.append(
            None
            if masks is None
            else build_body(b, adg.op.body, given, into=wraps_in(adg), halved=halved)
        )
    b.origin = "contribution, where the FU is within the loops"
    contribution = _masked(b, fused, kind, b.choose(bodies))
    contribution = b.stage(contribution, name=CONTRIBUTION)
    if kind.bare:
        b.output("contribution", contribution)
    if any(kind.sums):
        whole = reduce_merged if stages.merged else reduce_sums
        reduce = reduce_halves if stages.split else whole
        reduce(b, fused, kind, contribution, stages)
    return b


def _masked(b: Builder, fused: FusedAdg, kind: FuKind, contribution: int) -> int:
    numbers = mask_numbers(kind.masks)
    if not numbers:
        return contribution
    valid = b.all([b.input(mask(number).name) for number in numbers])
    other = b.choose(
        [
            None if not masks else b.const(identity(layer.adg))
            for layer, masks in zip(fused.layers, kind.masks, strict=True)
        ]
    )
    return b.mux(valid, contribution, other, name="contribution")


def _pick(b: Builder, buffer: MemoryPlan, port: PortKind) -> int:
    """The operand under the running dataflow."""
    at, name, span = buffer.index, buffer.name, buffer.span
    kinds = {pick for pick, _ in filter(None, port.picks)}
    if not kinds:
        return b.const(0)
    given = held = 0
    if kinds - {Pick.LINK}:
        given = held = b.input(node(at, name).name, span)
    if Pick.HOLD in kinds:
        register = b.reg(span, name=f"{name}_held", resets=False)
        held = b.mux(b.input(load(at, name).name), given, register, name=f"{name}_now")
        b.drive(register, held)
    values: list[int | None] = []
    for choice in port.picks:
        if choice is None:
            values.append(None)
            continue
        pick, links = choice
        brought = [(level, b.input(source(at, name, link).name, span)) for level, link in links]
        if pick is Pick.LINK:
            values.append(brought[0][1])
        elif pick is Pick.EITHER:
            value = held
            for level, other in reversed(brought):
                value = b.mux(
                    b.input(reuse(at, name, level).name), other, value, name=f"{name}_now"
                )
            values.append(value)
        else:
            values.append(held)
    return b.choose(values)
