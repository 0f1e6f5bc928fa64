"""Look-ups: operators whose index into one tensor is the value of another.

Some count negative indices from the end, as PyTorch's brackets and ONNX do, which is arithmetic on
the index before the look-up; others take none. What is outside is an error: of the trace where the
indices are known, else of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frontends.torch_export.context import Known, Tracer
from frontends.torch_export.layout import reshaped, sliced
from frontends.torch_export.pointwise import apply
from frontends.torch_export.registry import lowers
from frontends.tracing.drafts import Draft, Input
from frontends.tracing.nests import Term
from frontends.tracing.views import View
from lego.ir.formats import BOOL, UINT8, Integer
from lego.ir.operation import Fn

__all__ = ["gathered"]


def _counted(t: Tracer, index: Any, size: int, *, wraps: bool) -> View:
    """The indices of `size` elements as a view, none negative if they wrap; known ones are checked."""
    if isinstance(index, Known) and index.value.device.type != "meta":
        return _checked(t, index, size, wraps=wraps)
    view = t.view(index)
    if not wraps or (isinstance(fmt := t.format(view), Integer) and not fmt.signed):
        return view
    ahead = apply(Fn.WHERE, apply(Fn.LT, Input(0), 0), apply(Fn.ADD, Input(0), size), Input(0))
    return _before(t, view, ahead)


def _before(t: Tracer, index: View, body: Draft) -> View:
    """Arithmetic on the indices."""
    labels = tuple(f"d{k}" for k in range(len(index.dims)))
    terms = [Term(index, labels)]
    return t.nests.nest(f"{t.path}.wrap", t.source, labels, t.format(index), terms, body)


def _checked(t: Tracer, index: Known, size: int, *, wraps: bool) -> View:
    values = index.value
    outside = values[(values >= size) | (values < (-size if wraps else 0))]
    if outside.numel():
        raise t.fail(
            f"index {int(outside[0])} is outside of {size} elements",
            "" if wraps else "this operator takes no negative index",
        )
    return t.view(Known(values.where(values >= 0, values + size)) if wraps else index)


@lowers("embedding.default")
def _embedding(t: Tracer, table: Any, index: Any, *_: Any) -> View:
    view = t.view(table)
    return _looked_up(t, view, [_counted(t, index, view.shape[0], wraps=False)], 0)


@lowers("index_select.default")
def _index_select(t: Tracer, x: Any, dim: int, index: Any) -> View:
    view = t.view(x)
    dim %= len(view.dims)
    given = _counted(t, index, view.shape[dim], wraps=False)
    return _looked_up(t, view, [given if given.dims else given.inserted(0)], dim)


@lowers("index.Tensor")
def _index(t: Tracer, x: Any, indices: Sequence[Any]) -> View:
    view = t.view(x)
    dims = [k for k, index in enumerate(indices) if index is not None]
    if dims != list(range(dims[0], dims[-1] + 1)):
        raise t.fail("indices of dimensions that aren't neighbours can't be lowered")
    if any(t.format(t.view(indices[k])) in (BOOL, UINT8) for k in dims):
        raise t.fail("a mask as an index gives a shape that depends on values")
    views = [_counted(t, indices[k], view.shape[k], wraps=True) for k in dims]
    rank = max(len(each.dims) for each in views)
    shape = tuple(t.out().shape)[dims[0] : dims[0] + rank]
    return _looked_up(t, view, [each.expanded(shape) for each in views], dims[0])


def _looked_up(t: Tracer, table: View, indices: Sequence[View], at: int) -> View:
    """Dimensions `at` and following are given by the indices, whose own dimensions stand there."""
    inner = tuple(f"i{k}" for k in range(len(indices[0].dims)))
    outer = [f"d{k}" for k in range(len(table.dims))]
    labels = tuple(outer[:at]) + inner + tuple(outer[at + len(indices) :])
    places = tuple(None if at <= k < at + len(indices) else each for k, each in enumerate(outer))
    term = Term(table, places, indirect=tuple((at + k, k) for k in range(len(indices))))
    terms = [*(Term(index, inner) for index in indices), term]
    sizes = dict(zip(labels, t.out().shape, strict=True))
    return t.nests.nest(
        t.path,
        t.source,
        labels,
        t.format(table),
        terms,
        Input(len(indices)),
        sizes=sizes,
    )


@lowers("gather.default")
def _gather(t: Tracer, x: Any, dim: int, index: Any, **_: Any) -> View:
    return gathered(t, t.view(x), dim, index, wraps=False)


def gathered(t: Tracer, view: View, dim: int, index: Any, *, wraps: bool) -> View:
    """Along one dimension by an index of the result's shape, along the others from the first element on."""
    dim %= len(view.dims)
    at = _counted(t, index, view.shape[dim], wraps=wraps)
    labels = tuple(f"d{k}" for k in range(len(view.dims)))
    short = view
    for k, size in enumerate(at.shape):
        if k != dim and size < view.shape[k]:
            short = sliced(t, short, k, 0, size)
    places = tuple(None if k == dim else each for k, each in enumerate(labels))
    terms = [Term(at, labels), Term(short, places, indirect=((dim, 0),))]
    return t.nests.nest(t.path, t.source, labels, t.format(view), terms, Input(1))


@lowers("take_along_dim.default")
def _take_along(t: Tracer, x: Any, index: Any, dim: int | None = None) -> View:
    """As `gather`, the other dimensions broadcast; all elements in their order without a dimension."""
    view, shape = t.view(x), tuple(t.out().shape)
    if dim is None:
        return gathered(t, reshaped(t, view, [_count(view)]), 0, _flat(t, index), wraps=False)
    dim %= len(view.dims)
    wide = view.expanded([n if k == dim else shape[k] for k, n in enumerate(view.shape)])
    return gathered(t, wide, dim, _turned(t, index, view.shape[dim]).expanded(shape), wraps=False)


def _turned(t: Tracer, index: Any, size: int) -> View:
    """The indices modulo `size`, as PyTorch takes them here: none is outside."""
    if isinstance(index, Known):
        return t.view(Known(index.value.remainder(size)))
    return _before(t, t.view(index), apply(Fn.MOD, Input(0), size))


def _count(view: View) -> int:
    total = 1
    for size in view.shape:
        total *= size
    return total


def _flat(t: Tracer, index: Any) -> Any:
    if isinstance(index, Known):
        return Known(index.value.reshape(-1))
    view = t.view(index)
    return reshaped(t, view, [_count(view)])


@lowers("take.default")
def _take(t: Tracer, x: Any, index: Any) -> View:
    """By the number of the element in row-major order."""
    view = t.view(x)
    flat = reshaped(t, view, [_count(view)])
    return _looked_up(t, flat, [_counted(t, index, _count(view), wraps=True)], 0)
