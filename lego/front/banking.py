"""Banks of one operand: as many as its data nodes need, proved free of conflicts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import islpy as isl

from lego.diag import InternalError
from lego.front.reuse import Forms
from lego.ir.adg import Banking

__all__ = ["bank_function", "prove_conflict_free"]


def bank_function(form: Forms, nodes: Sequence[tuple[int, ...]]) -> Banking:
    """Bank counts per dimension from the largest index delta, divided by the deltas' GCD.

    The data nodes `nodes` read at the same timestamp; their elements differ pairwise.
    """
    kappas = [_kappa(form, node) for node in nodes]
    if len(set(kappas)) != len(kappas):
        raise InternalError("two data nodes of one operand touch the same element")
    counts, gcds, origin = [], [], []
    for values in zip(*kappas, strict=True):
        low = min(values)
        span = max(values) - low
        g = math.gcd(*(value - low for value in values)) or 1
        origin.append(low)
        gcds.append(g if span else 1)
        counts.append(span // g + 1 if span else 1)
    fixed = all(
        count == 1 or all(step % (g * count) == 0 for step in row)
        for row, g, count in zip(form.time, gcds, counts, strict=True)
    )
    banking = Banking(tuple(counts), tuple(gcds), tuple(origin), fixed)
    prove_conflict_free(banking)
    return banking


def _kappa(form: Forms, fu: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in form.space)


def prove_conflict_free(banking: Banking) -> None:
    """Prove with isl that distinct digit offsets never meet in one bank.

    Per dimension, nodes at offsets ``x != y`` in ``[0, B)`` touch ``d = u + g x`` and ``u + g y``
    (the origin is part of ``u``); the conflict set over all integers ``u`` must be empty. Nodes
    differ in some dimension, so this proves the whole bank vector distinct.
    """
    for count, g in sorted(set(zip(banking.counts, banking.gcds, strict=True))):
        conflicts = isl.Set(
            f"{{ [u, x, y] : 0 <= x < y < {count} and "
            f"(floor((u + {g}x)/{g})) mod {count} = (floor((u + {g}y)/{g})) mod {count} }}"
        )
        if not conflicts.is_empty():
            raise InternalError(f"bank conflict: {conflicts.sample_point()}")
