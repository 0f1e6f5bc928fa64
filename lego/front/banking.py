"""Banks of one tensor's memory: as few as all dataflows that use it need, proved free of conflicts.

Data node ``s`` touches ``d = u(t) + kappa(s)``; element ``d`` lies in bank digit ``(d // g) mod B`` per
dimension. The data nodes of one dataflow are active together, so their digit vectors must differ at
every timestamp; one choice of ``(g, B)`` serves all dataflows.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import islpy as isl

from lego.diag import InternalError
from lego.front.reuse import Forms
from lego.ir.adg import Banking

__all__ = ["Nodes", "bank_function", "least_banks", "prove_conflict_free", "shared_banks"]

Vector = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nodes:
    """The data nodes of one operand under one dataflow."""

    form: Forms
    fus: tuple[Vector, ...]

    def kappas(self) -> list[Vector]:
        """``kappa`` of every node."""
        return [
            tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in self.form.space)
            for fu in self.fus
        ]


def bank_function(form: Forms, nodes: Sequence[Vector]) -> Banking:
    """The banks of one dataflow's data nodes, whose elements differ pairwise."""
    return shared_banks([Nodes(form, tuple(nodes))])[0]


def least_banks(every: Sequence[Nodes]) -> int:
    """No fewer banks can do: as many nodes are active at once."""
    return max(len(nodes.fus) for nodes in every)


def shared_banks(every: Sequence[Nodes]) -> list[Banking]:
    """One bank function for several dataflows; the list differs in `origin` and `fixed` only.

    Bank counts are searched by rising product from the lower bound, so the result is the least of
    its family: offsets are divided by their GCD over all dataflows, and a dataflow accepts counts
    under which every bank belongs to one node, or all offsets are within the counts.
    """
    kappas = [nodes.kappas() for nodes in every]
    for values in kappas:
        if len(set(values)) != len(values):
            raise InternalError("two data nodes of one operand touch the same element")
    origins = [tuple(map(min, zip(*values, strict=True))) for values in kappas]
    offsets = [
        [tuple(k - o for k, o in zip(kappa, origin, strict=True)) for kappa in values]
        for values, origin in zip(kappas, origins, strict=True)
    ]
    rank = len(origins[0])
    gcds = [math.gcd(*(x[j] for values in offsets for x in values)) or 1 for j in range(rank)]
    scaled = [
        [tuple(x // g for x, g in zip(offset, gcds, strict=True)) for offset in values]
        for values in offsets
    ]
    spans = [max(x[j] for values in scaled for x in values) for j in range(rank)]
    counts = next(
        counts
        for counts in _candidates(spans, least_banks(every))
        if all(
            _accepts(nodes, values, origin, gcds, counts)
            for nodes, values, origin in zip(every, scaled, origins, strict=True)
        )
    )
    for values in scaled:
        prove_conflict_free(counts, gcds, values)
    kept = tuple(g if n > 1 else 1 for g, n in zip(gcds, counts, strict=True))
    return [
        Banking(counts, kept, origin, not _moving(nodes.form, kept, counts))
        for nodes, origin in zip(every, origins, strict=True)
    ]


def _candidates(spans: Sequence[int], least: int) -> Iterator[Vector]:
    """Counts up to the spans plus one, by rising product; the last always serves."""
    full = tuple(span + 1 for span in spans)
    if math.prod(full) > least:
        ranges = [range(1, n + 1) for n in full]
        fitting = [counts for counts in itertools.product(*ranges) if math.prod(counts) >= least]
        yield from sorted(fitting, key=lambda counts: (math.prod(counts), counts))
    yield full


def _moving(form: Forms, gcds: Sequence[int], counts: Vector) -> list[int]:
    """Dimensions whose digit changes with the timestamp."""
    return [
        j
        for j, (row, g, count) in enumerate(zip(form.time, gcds, counts, strict=True))
        if count > 1 and any(step % (g * count) for step in row)
    ]


def _accepts(
    nodes: Nodes, offsets: Sequence[Vector], origin: Vector, gcds: Sequence[int], counts: Vector
) -> bool:
    """Whether the hardware can serve a dataflow with these counts."""
    moving = _moving(nodes.form, gcds, counts)
    still = [j for j in range(len(counts)) if j not in moving]
    if len({tuple(x[j] % counts[j] for j in still) for x in offsets}) == len(offsets):
        return True
    return all(x[j] < counts[j] for x in offsets for j in range(len(counts)))


def prove_conflict_free(
    counts: Sequence[int], gcds: Sequence[int], offsets: Sequence[Vector]
) -> None:
    """Prove that nodes at these offsets (in units of ``g``) never meet in one bank.

    isl proves, per dimension and over all integers ``u``, that elements ``u + g x`` and ``u + g y``
    share a digit only if ``x = y`` modulo the count: the conflict set is empty. That the nodes differ
    modulo the counts in some dimension is then checked on the nodes themselves.
    """
    for j, (count, g) in enumerate(zip(counts, gcds, strict=True)):
        _lemma(count, g, max(x[j] for x in offsets))
    digits = {tuple(x % n for x, n in zip(offset, counts, strict=True)) for offset in offsets}
    if len(digits) != len(offsets):
        raise InternalError(f"bank conflict: {len(offsets)} nodes meet {len(digits)} banks")


_PROVED: set[tuple[int, int, int]] = set()


def _lemma(count: int, g: int, span: int) -> None:
    if count == 1 or (count, g, span) in _PROVED:
        return
    conflicts = isl.Set(
        f"{{ [u, x, y] : 0 <= x < y <= {span} and (y - x) mod {count} > 0 and "
        f"(floor((u + {g}x)/{g})) mod {count} = (floor((u + {g}y)/{g})) mod {count} }}"
    )
    if not conflicts.is_empty():
        raise InternalError(f"bank conflict: {conflicts.sample_point()}")
    _PROVED.add((count, g, span))
