"""Macros of several banks: the memories with wide words, where these cost less.

All tensors in a memory share its macros, so they are looked at together, after operands were bound to
memories: for each number of banks in a macro every tensor gets the bank function that costs least beside the
others'. One bank per macro, as each tensor has it by itself, is always possible.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lego.front.bank_use import Form, Use, User, digits_of, nodes_of, user_of, uses
from lego.front.banking import banking_of, cheapest_form, prove_conflict_free
from lego.front.costs import macro_cost
from lego.front.meetings import prove_apart
from lego.front.result_use import (
    BEAT_BITS,
    adders_area,
    prove_results,
    result_uses,
    written_together,
)
from lego.front.wide_use import prove_one_row, wide_uses
from lego.ir.adg import Adg
from lego.ir.banking import Banking
from lego.ir.fused import FusedAdg, Layer, MemoryPlan
from lego.ir.hardware import MemoryStyle

__all__ = ["WIDEST", "areas", "widened"]

WIDEST = 16
"""Most banks in a macro: the elements of 8 bits in a beat of a bus of 128."""

ROUNDS = 4
"""Times that every tensor looks for a bank function beside those of the others, at most."""

Vector = tuple[int, ...]


@dataclass(frozen=True)
class _Tensor:
    """A tensor in a memory, and its users: layers, and how each meets banks."""

    name: str
    layers: tuple[int, ...]
    users: tuple[User, ...]
    narrow: Form
    room: int | None

    @property
    def shape(self) -> Vector:
        """Elements per dimension."""
        return self.users[0].nodes.shape

    @property
    def gcds(self) -> Vector:
        """What all nodes' distances have in common, per dimension."""
        offsets = [x for user in self.users for x in user.offsets]
        return tuple(math.gcd(*column) or 1 for column in zip(*offsets, strict=True))

    def depth(self, form: Form) -> int:
        """Words per bank."""
        return max(2, form.depth(self.shape))


@dataclass(frozen=True, slots=True, order=True)
class _Choice:
    """A tensor's bank function with what its users add to the cost of the macros, and their uses."""

    cost: int
    counts: Vector
    along: int
    shift: int
    form: Form = field(compare=False)
    uses: tuple[Use, ...] = field(compare=False)


def widened(
    fused: FusedAdg,
    style: MemoryStyle,
    limits: Mapping[str, int] | None = None,
) -> FusedAdg:
    """The design with macros of several banks in the memories that get cheaper by them; with the style
    `wide`, in all that can have them. `limits`: bits that a tensor's banks may have, by its name.
    """
    if style not in (MemoryStyle.CHEAPEST, MemoryStyle.WIDE):
        return fused
    for memory in fused.buffers():
        tensors = _tensors(fused, memory, style, limits or {})
        found = _cheapest(tensors, memory.bits, always=style is MemoryStyle.WIDE)
        if found is not None:
            for tensor, choice in zip(tensors, found, strict=True):
                fused = _with(fused, memory, tensor, choice)
    return fused


def areas(fused: FusedAdg, memory: MemoryPlan) -> tuple[int, int]:
    """Area of a memory with what it takes to use its macros, and what it would be with a bank per
    macro (1e-3 um2)."""
    tensors = _tensors(fused, memory, MemoryStyle.CHEAPEST, {})
    plans = [plan for t in tensors if (plan := memory.plans[t.layers[0]]) is not None]
    bankings = [plan.banking for plan in plans]
    mine = [Form(b.counts, b.gcds, b.skews, b.wide, b.along, b.shift) for b in bankings]
    alone = [cheapest_form([user.nodes for user in tensor.users]) for tensor in tensors]
    both = []
    for forms in (mine, alone):
        priced = [_priced(tensor, form) for tensor, form in zip(tensors, forms, strict=True)]
        both.append(_cost(tensors, [each for each in priced if each is not None], memory.bits))
    return both[0], both[1]


def _tensors(
    fused: FusedAdg, memory: MemoryPlan, style: MemoryStyle, limits: Mapping[str, int]
) -> list[_Tensor]:
    groups: dict[str, list[int]] = {}
    for k, plan in enumerate(memory.plans):
        if plan is not None:
            groups.setdefault(plan.tensor.name, []).append(k)
    found = []
    for name, layers in groups.items():
        plans = [plan for k in layers if (plan := memory.plans[k]) is not None]
        nodes = [
            nodes_of(fused.layers[k].adg, p, style) for k, p in zip(layers, plans, strict=True)
        ]
        banking = plans[0].banking
        narrow = Form(banking.counts, banking.gcds, banking.skews)
        users = tuple(map(user_of, nodes))
        found.append(_Tensor(name, tuple(layers), users, narrow, limits.get(name)))
    return found


def _cheapest(tensors: Sequence[_Tensor], bits: int, *, always: bool) -> list[_Choice] | None:
    """The cheapest bank functions with macros of several banks; None if single banks are cheaper."""
    least: tuple[int, int, list[_Choice]] | None = None
    base = [_priced(replace(tensor, room=None), tensor.narrow) for tensor in tensors]
    known = [choice for choice in base if choice is not None]
    most = None if always else _cost(tensors, known, bits)
    for wide in _widths(tensors, bits):
        options = [_options(tensor, wide, bits, most) for tensor in tensors]
        if not all(options):
            continue
        chosen = _joint(tensors, options, bits)
        if not always and _macros(chosen) >= _macros(known) and not _together(tensors, chosen):
            continue  # words as wide as no node needs
        price = _cost(tensors, chosen, bits), wide, chosen
        if (most is None or price[0] < most) and (least is None or price[:2] < least[:2]):
            least = price
    if least is None or all(choice.along < 0 for choice in least[2]):
        return None
    return least[2]


def _widths(tensors: Sequence[_Tensor], bits: int) -> list[int]:
    """Numbers of banks in a macro: divisors of how many digits nodes are apart along some dimension."""
    most = min(WIDEST, BEAT_BITS // bits) if tensors[0].users[0].nodes.output else WIDEST
    sides = {
        span // g + 1
        for tensor in tensors
        for user in tensor.users
        for span, g in zip(user.spans, tensor.gcds, strict=True)
    }
    return [n for n in range(2, most + 1) if any(side % n == 0 for side in sides)]


def _options(tensor: _Tensor, wide: int, bits: int, most: int | None) -> list[_Choice]:
    """The tensor's bank functions with so many banks in a macro."""
    forms = [replace(tensor.narrow, wide=wide)]
    for along in range(len(tensor.shape)):
        forms += _forms(tensor, wide, along)
    found = []
    for form in forms:
        area = form.macros * macro_cost(bits * wide, tensor.depth(form))
        if (most is None or area < most) and (choice := _priced(tensor, form)):
            found.append(choice)
    return found


def _forms(tensor: _Tensor, wide: int, along: int) -> Iterator[Form]:
    """Bank functions without skews whose macros lie along a dimension, from the first element on, or so that
    the nodes of one of the users begin with a macro at timestamp zero."""
    users, narrow, gcds = tensor.users, tensor.narrow, tensor.gcds
    sides = []
    for j, g in enumerate(gcds):
        counts = {1, narrow.counts[j], *(user.spans[j] // g + 1 for user in users)}
        if j == along:
            windows = {user.spans[j] // g + wide for user in users}
            counts = {-(-count // wide) * wide for count in counts | windows}
        sides.append(sorted(counts))
    for found in itertools.product(*sides):
        scales = tuple(g if n > 1 else 1 for g, n in zip(gcds, found, strict=True))
        none = ((0,) * len(found),) * len(found)
        holds = scales[along] * wide
        for shift in sorted({0, *(-user.first[along] % holds for user in users)}):
            yield Form(found, scales, none, wide, along, shift)


def _priced(tensor: _Tensor, form: Form) -> _Choice | None:
    """A bank function with everyone's cheapest use of it; None if it doesn't serve someone."""
    banks = form.macros * form.wide
    size = banks * form.depth(tensor.shape) * tensor.users[0].nodes.bits
    if tensor.room is not None and size > tensor.room:
        return None
    found = []
    for user in tensor.users:
        use = min(_uses(user, form), default=None)
        if use is None:
            return None
        found.append(use)
    cost = sum(use.cost for use in found)
    return _Choice(cost, form.counts, form.along, form.shift, form, tuple(found))


def _uses(user: User, form: Form) -> Iterator[Use]:
    if form.wide == 1:
        return uses(user, form)
    return result_uses(user, form) if user.nodes.output else wide_uses(user, form)


def _macros(chosen: Sequence[_Choice]) -> int:
    return max(choice.form.macros for choice in chosen)


def _together(tensors: Sequence[_Tensor], chosen: Sequence[_Choice]) -> bool:
    """Whether some word is written by several nodes."""
    return any(
        written_together(user, choice.form, use)
        for tensor, choice in zip(tensors, chosen, strict=True)
        for user, use in zip(tensor.users, choice.uses, strict=True)
    )


def _cost(tensors: Sequence[_Tensor], chosen: Sequence[_Choice], bits: int) -> int:
    """Area of the macros, each as deep as the deepest tensor that reaches into it, and of their use."""
    total, start = sum(choice.cost for choice in chosen), 0
    wide = chosen[0].form.wide
    reach = [(c.form.macros, t.depth(c.form)) for t, c in zip(tensors, chosen, strict=True)]
    for end in sorted({macros for macros, _ in reach}):
        depth = max(depth for macros, depth in reach if macros > start)
        total += (end - start) * macro_cost(bits * wide, depth)
        start = end
    pairs = [(user, c.form) for t, c in zip(tensors, chosen, strict=True) for user in t.users]
    return total + adders_area(pairs, bits)


def _joint(
    tensors: Sequence[_Tensor], options: Sequence[Sequence[_Choice]], bits: int
) -> list[_Choice]:
    """A bank function per tensor: the cheapest alone, then each the cheapest beside the others."""
    chosen = [
        min(each, key=lambda c, t=tensor: (_cost([t], [c], bits), c))  # type: ignore[misc]
        for tensor, each in zip(tensors, options, strict=True)
    ]
    for _ in range(ROUNDS):
        before = list(chosen)
        for k, each in enumerate(options):
            others = chosen[:k], chosen[k + 1 :]
            chosen[k] = min(
                each,
                key=lambda c, o=others: (_cost(tensors, [*o[0], c, *o[1]], bits), c),  # type: ignore[misc]
            )
        if chosen == before:
            break
    return chosen


def _with(fused: FusedAdg, memory: MemoryPlan, tensor: _Tensor, choice: _Choice) -> FusedAdg:
    """The design with a tensor's new bank function, proved free of conflicts, in one memory."""
    layers = list(fused.layers)
    for k, user, use in zip(tensor.layers, tensor.users, choice.uses, strict=True):
        _prove(user, choice.form, use)
        banking = banking_of(user, choice.form, use)
        layers[k] = replace(layers[k], adg=_having(layers[k], memory, banking))
    return replace(fused, layers=tuple(layers))


def _having(layer: Layer, memory: MemoryPlan, banking: Banking) -> Adg:
    """A layer's architecture with this bank function in a memory."""
    adg = layer.adg
    if memory.output:
        return replace(adg, output=replace(adg.output, banking=banking))
    at, inputs = layer.ports.index(memory.index), list(adg.inputs)
    inputs[at] = replace(inputs[at], banking=banking)
    return replace(adg, inputs=tuple(inputs))


def _prove(user: User, form: Form, use: Use) -> None:
    if user.nodes.output:
        prove_results(user, form, use)
        return
    if use.turns is not None:
        prove_apart(use.turns, user.trips)
        return
    prove_conflict_free(form.counts, [digits_of(x, form) for x in user.offsets])
    prove_one_row(user, form, use.skip)
