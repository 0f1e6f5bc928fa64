"""The slots of a vector engine: the shortest sequence in which all chains of a chip are found.

Every slot can be passed by: it multiplies by one, adds or shifts by zero, or is off. So a chain that the
chip wasn't made of runs on it, too, if its functions come in this order and its values fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from lego.diag import InternalError
from lego.ir import intervals
from lego.ir.dag import bits_for
from lego.ir.formats import INT32
from lego.ir.intervals import Interval
from lego.ir.operation import Reduction
from lego.ir.vector.chain import BYTE, Chain, NotAChain, Operand, SlotFn, Source, Step, is_inside
from lego.ir.vector.common import common_sequence
from lego.ir.vector.plan import Held, Slot, VectorPlan

__all__ = ["NEUTRAL", "placed", "plan_vector", "word_span"]

NEUTRAL = {SlotFn.MUL: 1, SlotFn.ADD: 0, SlotFn.SHIFT: 0}
"""Operands that change nothing."""

FEWEST_LANES = 4
"""So that no element of a held vector is longer than a word."""

_SOURCES = (Source.IMMEDIATE, Source.HELD, Source.STREAM)
_INT32: Interval = (INT32.low, INT32.high)


def word_span(*spans: Interval) -> Interval:
    """All integers of the narrowest two's complement (or unsigned) word that holds these intervals."""
    low, high = intervals.hull(*spans)
    bits = bits_for(low, high)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if low < 0 else (0, (1 << bits) - 1)


def plan_vector(chains: Sequence[Chain], *, lanes: int = 16, words: int = 1024) -> VectorPlan:
    """The engine that runs all these chains; at least one.

    Raises NotAChain where there are two tables, or operands of more than 32 bits that aren't constants.
    """
    if not chains or lanes < FEWEST_LANES or lanes & lanes - 1 or words % 2:
        raise InternalError("an engine has chains, 4, 8, 16... lanes, and an even number of words")
    fns = common_sequence([tuple(step.fn for step in chain.steps) for chain in chains])
    if fns.count(SlotFn.TABLE) > 1:
        raise NotAChain("chains look up tables in two places")
    parts = [_spread(fns, chain) for chain in chains]
    slots, held = _slots(fns, chains, parts)
    scales = [s for chain in chains for s in _scales(chain)]
    reductions = {chain.reduction for chain in chains} - {Reduction.ASSIGN}
    scale = word_span(*(s.span for s in scales), (0, 1)) if scales else None
    scale_held = -1
    if any(s.source is Source.HELD for s in scales):
        scale_held = len(held)
        held = (*held, _held_behind(held, [s for s in scales if s.source is Source.HELD]))
    return VectorPlan(
        lanes,
        words,
        _INT32 if any(chain.is_wide for chain in chains) else BYTE,
        word_span(*(chain.reduced for chain in chains)),
        _combined(chains),
        tuple(r for r in Reduction if r in reductions),
        slots,
        held,
        any(chain.second for chain in chains),
        scale,
        scale_held,
    )


def _combined(chains: Sequence[Chain]) -> Interval:
    """The interval of what reductions take and make."""
    reducing = [chain for chain in chains if chain.reduction is not Reduction.ASSIGN]
    return word_span(*(chain.span for chain in reducing), *(c.reduced for c in reducing), (0, 0))


def _scales(chain: Chain) -> list[Operand]:
    """What the chain's second stream is multiplied by."""
    found = [step.operand.scale for step in chain.steps if step.operand is not None]
    return [scale for scale in found if scale is not None]


def _held_behind(held: Sequence[Held], operands: Sequence[Operand]) -> Held:
    span = word_span(*(operand.span for operand in operands))
    if bits_for(*span) > INT32.bits:
        raise NotAChain(f"an operand per lane has {bits_for(*span)} bits, more than {INT32.bits}")
    return Held(span, sum(vector.bytes for vector in held))


def _spread(fns: Sequence[SlotFn], chain: Chain) -> list[Step | None]:
    """The chain's step at every slot, as early as can be."""
    found: list[Step | None] = [None] * len(fns)
    at = 0
    for step in chain.steps:
        at = fns.index(step.fn, at)
        found[at] = step
        at += 1
    return found


def _slots(
    fns: Sequence[SlotFn], chains: Sequence[Chain], parts: Sequence[Sequence[Step | None]]
) -> tuple[tuple[Slot, ...], tuple[Held, ...]]:
    """Slots as wide as the chains' values, and the vectors that they hold."""
    now = [chain.reduced for chain in chains]
    before = word_span(*now)
    slots: list[Slot] = []
    held: tuple[Held, ...] = ()
    for k, fn in enumerate(fns):
        steps = [part[k] for part in parts]
        now = [step.span if step else span for step, span in zip(steps, now, strict=True)]
        operands = [step.operand for step in steps if step and step.operand]
        which = {operand.source for operand in operands} | {Source.IMMEDIATE}
        number = -1
        if Source.HELD in which:
            number = len(held)
            held = (
                *held,
                _held_behind(held, [each for each in operands if each.source is Source.HELD]),
            )
        neutral = NEUTRAL.get(fn)
        spans = [operand.span for operand in operands]
        spans += [] if neutral is None else [(neutral, neutral)]
        operand = word_span(*spans) if spans else (0, 0)
        after = word_span(*now)
        sources = tuple(s for s in _SOURCES if s in which)
        slots.append(Slot(fn, before, operand, after, sources, number))
        before = after
    return tuple(slots), held


def placed(plan: VectorPlan, chain: Chain) -> tuple[int, ...]:
    """The slot of each step. Raises NotAChain with the reason if the chain doesn't run on the engine."""
    _check_streams(plan, chain)
    found = _placed(plan, chain, 0, 0)
    if found is None:
        names = ", ".join(step.fn for step in chain.steps)
        raise NotAChain(f"no slots do {names} in this order with values as wide")
    return found


def _check_streams(plan: VectorPlan, chain: Chain) -> None:
    if not is_inside(chain.span, plan.first) or not is_inside(chain.reduced, plan.reduced):
        raise NotAChain("elements of the first stream, or their sums, are wider than the engine")
    if chain.reduction not in (Reduction.ASSIGN, *plan.reductions):
        raise NotAChain(f"the engine has no reduction {chain.reduction}")
    if chain.reduction is not Reduction.ASSIGN and not is_inside(chain.reduced, plan.combined):
        raise NotAChain("what is reduced is wider than the engine")
    if chain.second and not plan.stream:
        raise NotAChain("the engine has no second stream")
    for scale in _scales(chain):
        is_wide = plan.scale is None or not is_inside(scale.span, plan.scale)
        if is_wide or (scale.source is Source.HELD and plan.scale_held < 0):
            raise NotAChain("the engine doesn't scale its second stream so")


def _placed(plan: VectorPlan, chain: Chain, step: int, slot: int) -> tuple[int, ...] | None:
    """The slots of the steps from one on, at or behind a slot."""
    spans = chain.spans()
    if slot == len(plan.slots):
        return () if step == len(chain.steps) else None
    here = plan.slots[slot]
    if not is_inside(spans[step], here.before):
        return None
    if step < len(chain.steps) and _does(plan, here, chain.steps[step]):
        rest = _placed(plan, chain, step + 1, slot + 1)
        if rest is not None:
            return (slot, *rest)
    passes = is_inside(spans[step], here.after)
    return _placed(plan, chain, step, slot + 1) if passes else None


def _does(plan: VectorPlan, slot: Slot, step: Step) -> bool:
    if slot.fn is not step.fn or not is_inside(step.span, slot.after):
        return False
    operand = step.operand
    if operand is None:
        return True
    fits = operand.source in slot.sources and is_inside(operand.span, slot.operand)
    if fits and operand.source is Source.HELD:
        return is_inside(operand.span, plan.held[slot.held].span)
    return fits
