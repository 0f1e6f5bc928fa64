"""Order by value: sort, top-k.

An element's rank is the number of elements that come before it: of the square of indices, those
with a larger value, or an equal one further ahead, what isn't a number being larger than all
(PyTorch's own top-k leaves open which of equal ones it takes). Element r of the result is at the
index whose rank is r. Both are nests, so nothing is left to the host unless the square is large.
"""

from __future__ import annotations

from typing import Any

from frontends.torch_export.context import Tracer, format_of
from frontends.torch_export.pointwise import apply
from frontends.torch_export.reductions import is_real, labels_of
from frontends.torch_export.registry import lowers
from frontends.tracing.drafts import At, Draft, Input
from frontends.tracing.nests import Term
from frontends.tracing.views import View
from lego.ir.formats import INT64
from lego.ir.operation import Fn, Reduction

__all__ = ["LONGEST", "ordered"]

LONGEST = 4096
"""Elements of a row that nests sort; the host sorts longer ones."""


def ordered(t: Tracer, view: View, dim: int, count: int, *, descending: bool) -> list[View]:
    """The first `count` elements along a dimension in order, and their indices."""
    labels = labels_of(view)
    dim %= len(labels)
    other = (*labels[:dim], "j", *labels[dim + 1 :])
    mine, its = (Input(0), Input(1)) if descending else (Input(1), Input(0))
    real = is_real(t, view)
    earlier = apply(Fn.LT, At("j"), At(labels[dim]))
    ahead = apply(Fn.AND, apply(Fn.NOT, _less(its, mine, real=real)), earlier)
    before = apply(Fn.OR, _less(mine, its, real=real), ahead)
    rank = t.nests.nest(
        f"{t.path}.rank", t.source, labels, INT64, [Term(view, labels), Term(view, other)],
        apply(Fn.WHERE, before, 1, 0), Reduction.ADD,
    )  # fmt: skip
    out = (*labels[:dim], "r", *labels[dim + 1 :])
    found: Draft = apply(Fn.WHERE, apply(Fn.EQ, Input(0), At("r")), At(labels[dim]), 0)
    index = t.nests.nest(
        f"{t.path}.at", t.source, out, INT64, [Term(rank, labels)], found, Reduction.ADD,
        sizes={"r": count},
    )  # fmt: skip
    places = tuple(None if k == dim else each for k, each in enumerate(labels))
    terms = [Term(index, out), Term(view, places, indirect=((dim, 0),))]
    values = t.nests.nest(t.path, t.source, out, t.format(view), terms, Input(1))
    return [values, index]


def _less(a: Draft, b: Draft, *, real: bool) -> Draft:
    """Whether a number comes before another in ascending order; what isn't a number comes last."""
    if not real:
        return apply(Fn.LT, a, b)
    return apply(Fn.AND, apply(Fn.EQ, a, a), apply(Fn.NOT, apply(Fn.LE, b, a)))


def _sorted(t: Tracer, x: Any, dim: int, count: int | None, *, descending: bool) -> list[View]:
    view = t.view(x)
    size = view.shape[dim]
    if size <= LONGEST:
        return ordered(t, view, dim, size if count is None else count, descending=descending)
    out = t.out()
    parts = list(out) if isinstance(out, tuple | list) else [out]
    results = [(tuple(p.shape), format_of(p.dtype)) for p in parts]
    reason = f"a sort of {size} elements: its order depends on the values"
    return t.nests.host(t.path, t.source, reason, [view], results)


@lowers("topk.default")
def _topk(t: Tracer, x: Any, k: int, dim: int = -1, largest: bool = True, *_: Any) -> list[View]:
    return _sorted(t, x, dim, k, descending=largest)


@lowers("sort.default")
def _sort(t: Tracer, x: Any, dim: int = -1, descending: bool = False) -> list[View]:
    return _sorted(t, x, dim, None, descending=descending)


@lowers("sort.stable")
def _sort_stable(
    t: Tracer, x: Any, *, stable: bool | None = None, dim: int = -1, descending: bool = False
) -> list[View]:
    return _sorted(t, x, dim, None, descending=descending)


@lowers("argsort.default")
def _argsort(t: Tracer, x: Any, dim: int = -1, descending: bool = False) -> View:
    return _sorted(t, x, dim, None, descending=descending)[-1]


@lowers("argsort.stable")
def _argsort_stable(
    t: Tracer, x: Any, *, stable: bool = False, dim: int = -1, descending: bool = False
) -> View:
    return _sorted(t, x, dim, None, descending=descending)[-1]
