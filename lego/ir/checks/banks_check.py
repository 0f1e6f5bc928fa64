"""What the banks of an operand satisfy: every element has a word of its own, and no two data nodes meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lego.ir.adg import Adg, Fu, InputPlan, OutputPlan
from lego.ir.banking import Banking

__all__ = ["bank_faults", "form_faults", "place", "shift_faults", "word_faults"]

Plan = InputPlan | OutputPlan


def place(plan: Plan, fu: Fu) -> tuple[int, ...]:
    """Elements by which an FU is ahead of the first, per dimension: ``F_S s``."""
    return tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in plan.space)


def bank_faults(adg: Adg, plan: Plan) -> Iterator[str]:
    """Broken rules of an operand's bank function."""
    banking = plan.banking
    if len(banking.origin) != len(plan.tensor.shape):
        yield f"the origin has {len(banking.origin)} dimensions"
    yield from form_faults(len(plan.tensor.shape), banking.counts, banking.gcds, banking.skews)
    yield from word_faults(banking.counts, banking.wide, banking.along)
    yield from shift_faults(banking.gcds, banking.wide, banking.along, banking.shift)
    if not 0 <= banking.skip < banking.wide:
        yield f"words begin {banking.skip} banks after the first, of {banking.wide}"
    nodes = adg.data_nodes(plan)
    yield from _lag_faults(adg, plan)
    if not 0 <= banking.pause <= len(adg.dataflow.temporal):
        yield f"a pause after rounds of {banking.pause} of {len(adg.dataflow.temporal)} counters"
    groups: dict[int, list[tuple[int, ...]]] = {}
    for fu in nodes:
        groups.setdefault(banking.phase(fu), []).append(place(plan, fu))
    least = tuple(map(min, zip(*(place(plan, fu) for fu in nodes), strict=True)))
    if nodes and banking.origin != least:
        yield f"the origin is {banking.origin}, the least element of a data node {least}"
    for places in groups.values():
        yield from _node_faults(banking, places)


def _lag_faults(adg: Adg, plan: Plan) -> Iterator[str]:
    """Nodes act all at once, when control reaches them, or, with results that FUs hold, later."""
    banking, skew = plan.banking, adg.dataflow.skew
    if banking.per < 1 or (banking.lag and len(banking.lag) != len(adg.dataflow.control)):
        yield f"data nodes lag by {banking.lag} / {banking.per}"
    elif any(banking.lag) and banking.lag != adg.dataflow.control:
        late = [banking.phase(fu) >= skew(fu) for fu in adg.data_nodes(plan)]
        if not isinstance(plan, OutputPlan) or not plan.hold or not all(late):
            yield f"data nodes lag by {banking.lag}, control by {adg.dataflow.control}"


def form_faults(
    rank: int, counts: Sequence[int], gcds: Sequence[int], skews: Sequence[Sequence[int]]
) -> Iterator[str]:
    """Broken rules by which bank and row tell the element."""
    if not len(counts) == len(gcds) == len(skews) == rank:
        yield f"counts, divisors and skews of banks don't have {rank} dimensions"
    if any(len(skew) != rank for skew in skews):
        yield f"a skew doesn't have {rank} dimensions"
    if min((*counts, *gcds), default=1) < 1:
        yield f"a count or divisor of banks is {min(*counts, *gcds)}"
    for j, (count, gcd, skew) in enumerate(zip(counts, gcds, skews, strict=True)):
        if count == 1 and (gcd != 1 or any(skew)):
            yield f"dimension {j} has one bank, but a divisor or a skew"
        if any(a and counts[i] > 1 for i, a in enumerate(skew)):
            yield f"the skew of dimension {j} adds a dimension with banks of its own"


def word_faults(counts: Sequence[int], wide: int, along: int) -> Iterator[str]:
    """Broken rules of the banks of a macro."""
    if wide < 1 or not -1 <= along < len(counts):
        yield f"{wide} banks of a macro lie along dimension {along} of {len(counts)}"
    elif along >= 0 and counts[along] % wide:
        yield f"dimension {along} has {counts[along]} banks, no macros of {wide}"


def shift_faults(gcds: Sequence[int], wide: int, along: int, shift: int) -> Iterator[str]:
    """Broken rules of what is added to an index: less than a macro holds, where there is one."""
    if not 0 <= shift < (gcds[along] * wide if 0 <= along < len(gcds) else 1):
        yield f"indices along dimension {along} are shifted by {shift}"


def _node_faults(banking: Banking, places: Sequence[tuple[int, ...]]) -> Iterator[str]:
    """Data nodes of one cycle, at these places, are apart by whole digits, and in different banks."""
    met: set[tuple[int, ...]] = set()
    for at in places:
        ahead = tuple(x - o for x, o in zip(at, banking.origin, strict=True))
        if any(x % g for x, g in zip(ahead, banking.gcds, strict=True)):
            yield f"a data node is {ahead} elements ahead, no multiple of {banking.gcds}"
        digits = banking.digits(ahead)
        met.add(tuple(d % n for d, n in zip(digits, banking.counts, strict=True)))
    if len(met) < len(places):
        yield f"{len(places)} data nodes meet {len(met)} banks"
