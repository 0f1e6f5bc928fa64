"""What registers and held vectors hold for a chain on an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.diag import InternalError
from lego.ir.operation import Reduction
from lego.ir.vector.chain import Chain, NotAChain, Operand, Source
from lego.ir.vector.plan import CAN_BE_OFF, VALUE_BITS, WITHOUT_OPERAND, VectorPlan
from lego.ir.vector.planning import NEUTRAL, placed

__all__ = ["held_bytes", "settings_of", "split_value"]


def settings_of(
    plan: VectorPlan, chain: Chain, scalars: Mapping[str, int] | None = None
) -> dict[str, int]:
    """The registers that say what is computed; not those of addresses, the nest and the destination.

    `scalars` are what buffers of one number hold. Raises NotAChain if the chain doesn't run on the engine,
    or if a number isn't in the interval that the chain was made for.
    """
    given = scalars or {}
    steps = dict(zip(placed(plan, chain), chain.steps, strict=True))
    found = {"mode": 0, "source": int(not chain.is_wide)}
    if len(plan.reductions) > 1:
        is_reduced = chain.reduction is not Reduction.ASSIGN
        found["reduction"] = plan.reductions.index(chain.reduction) if is_reduced else 0
    scale = next((s.operand.scale for s in chain.steps if s.operand and s.operand.scale), None)
    if plan.scale is not None:
        found |= split_value("scale", 1 if scale is None else _number(scale, given))
        if plan.scale_held >= 0:
            found["scale_choice"] = int(scale is not None and scale.source is Source.HELD)
    for k, slot in enumerate(plan.slots):
        step = steps.get(k)
        if slot.fn in CAN_BE_OFF:
            found[f"slot{k}_on"] = int(step is not None)
        if slot.fn in WITHOUT_OPERAND:
            continue
        operand = None if step is None else step.operand
        number = NEUTRAL.get(slot.fn, 0) if operand is None else _number(operand, given)
        found |= split_value(f"slot{k}", number)
        source = Source.IMMEDIATE if operand is None else operand.source
        if len(slot.sources) > 1:
            found[f"slot{k}_choice"] = slot.sources.index(source)
    return _of(plan, found)


def _number(operand: Operand, given: Mapping[str, int]) -> int:
    """What an operand's register holds; 0 if it comes from elsewhere."""
    if operand.source is not Source.IMMEDIATE:
        return 0
    if not operand.buffer:
        return operand.value
    return _checked(operand, given[operand.buffer])


def _checked(operand: Operand, value: int) -> int:
    """The value with its sign changed if the operand's is. Raises NotAChain for one out of its interval."""
    number = -value if operand.negated else value
    if not operand.span[0] <= number <= operand.span[1]:
        raise NotAChain(f"{operand.buffer} holds {value}, which the chain wasn't made for")
    return number


def split_value(name: str, value: int) -> dict[str, int]:
    """The registers of a value, in two's complement: its low bits, and those above."""
    low = (1 << VALUE_BITS) - 1
    return {f"{name}_value": value & low, f"{name}_high": value >> VALUE_BITS & low}


def _of(plan: VectorPlan, found: Mapping[str, int]) -> dict[str, int]:
    """Those that the engine has, with the bits that it has of them."""
    bits = {register.name: register.bits for register in plan.registers}
    return {name: value & (1 << bits[name]) - 1 for name, value in found.items() if name in bits}


def held_bytes(
    plan: VectorPlan, chain: Chain, vectors: Mapping[str, Sequence[int]]
) -> tuple[tuple[int, bytes], ...]:
    """The held vectors that a chain needs: each one's first held word, and what lies in the operand memory.

    `vectors` are what buffers hold along the lanes, at most one value per lane; missing ones are 0. A run of
    mode 1 with the register `held` at the first word loads as many words as the bytes fill.
    """
    operands = dict(zip(placed(plan, chain), (step.operand for step in chain.steps), strict=True))
    found = []
    for k, operand in operands.items():
        if operand is None:
            continue
        for each, number in ((operand, plan.slots[k].held), (operand.scale, plan.scale_held)):
            if each is not None and each.source is Source.HELD:
                found.append((plan.held[number].at, _packed(plan, each, number, vectors)))
    return tuple(sorted(found))


def _packed(
    plan: VectorPlan, operand: Operand, number: int, vectors: Mapping[str, Sequence[int]]
) -> bytes:
    values = [_checked(operand, int(value)) for value in vectors[operand.buffer]]
    if len(values) > plan.lanes:
        raise InternalError(f"{operand.buffer} has {len(values)} values for {plan.lanes} lanes")
    values += [0] * (plan.lanes - len(values))
    size = plan.held[number].bytes
    mask = (1 << 8 * size) - 1
    return b"".join((value & mask).to_bytes(size, "little") for value in values)
