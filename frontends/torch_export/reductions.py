"""Reductions along dimensions, and what is made of them: softmax, normalisations, pooling, arg-min
and -max."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from frontends.torch_export.context import Tracer
from frontends.torch_export.layout import reshaped
from frontends.torch_export.pointwise import apply
from frontends.torch_export.registry import lowers
from frontends.tracing.drafts import At, Draft, Input
from frontends.tracing.nests import Term
from frontends.tracing.views import View
from lego.ir.formats import BOOL, INT64, Float, Format
from lego.ir.operation import Fn, Reduction

__all__ = ["is_real", "labels_of", "reduced", "softmax"]


def labels_of(view: View) -> tuple[str, ...]:
    """A label per dimension of a view."""
    return tuple(f"d{k}" for k in range(len(view.dims)))


def reduced(
    t: Tracer, view: View, dims: Sequence[int], reduction: Reduction, body: Draft | None = None, *, what: str,
    others: Sequence[View] = (), fmt: Format | None = None,
) -> View:  # fmt: skip
    """The reduction over these dimensions, which stay with one element, in the view's number format
    or `fmt`. `others` are more operands, of the view's shape or one element along a dimension."""
    labels = labels_of(view)
    gone = {d % len(view.dims) for d in dims}
    out = tuple(None if k in gone else each for k, each in enumerate(labels))
    terms = [Term(view, labels), *(Term(other.expanded(view.shape), labels) for other in others)]
    return t.nests.nest(
        f"{t.path}.{what}",
        t.source,
        out,
        fmt or t.format(view),
        terms,
        body or Input(0),
        reduction,
    )


def mapped(
    t: Tracer, views: Sequence[View], body: Draft, *, what: str, fmt: Format | None = None
) -> View:
    """A body on operands that broadcast to the first one's shape."""
    labels = labels_of(views[0])
    terms = [Term(view.expanded(views[0].shape), labels) for view in views]
    return t.nests.nest(
        f"{t.path}.{what}", t.source, labels, fmt or t.format(views[0]), terms, body
    )


def softmax(t: Tracer, view: View, dim: int, *, guarded: bool = False) -> View:
    """exp(x - max) / sum, in four nests; `guarded` gives zeros instead of no numbers for a row of
    -inf only."""
    most = reduced(t, view, [dim], Reduction.MAX, what="max")
    power: Draft = apply(Fn.EXP, apply(Fn.SUB, Input(0), Input(1)))
    share: Draft = apply(Fn.DIV, Input(0), Input(1))
    if guarded:
        power = apply(Fn.WHERE, apply(Fn.EQ, Input(1), -math.inf), 0.0, power)
        share = apply(Fn.WHERE, apply(Fn.EQ, Input(1), 0.0), 0.0, share)
    powers = mapped(t, [view, most], power, what="exp")
    total = reduced(t, powers, [dim], Reduction.ADD, what="sum")
    return mapped(t, [powers, total], share, what="div")


def _in_format(t: Tracer, x: Any) -> View:
    """The operand in the result's number format."""
    view = t.view(x)
    if t.format(view) == t.fmt():
        return view
    return mapped(t, [view], apply(Fn.CAST, Input(0)), what="cast", fmt=t.fmt())


@lowers("softmax.int", "_softmax.default")
def _softmax(t: Tracer, x: Any, dim: int, *_: Any, **__: Any) -> View:
    return softmax(t, _in_format(t, x), dim)


@lowers("log_softmax.int", "_log_softmax.default")
def _log_softmax(t: Tracer, x: Any, dim: int, *_: Any, **__: Any) -> View:
    """(x - max) - log(sum of exp(x - max)): finite where the softmax itself would round to zero."""
    view = _in_format(t, x)
    most = reduced(t, view, [dim], Reduction.MAX, what="max")
    below = apply(Fn.SUB, Input(0), Input(1))
    powers = mapped(t, [view, most], apply(Fn.EXP, below), what="exp")
    total = reduced(t, powers, [dim], Reduction.ADD, what="sum")
    body = apply(Fn.SUB, below, apply(Fn.LOG, Input(2)))
    return mapped(t, [view, most, total], body, what="log")


def _dims(view: View, dims: Any) -> list[int]:
    if dims is None or dims == []:
        return list(range(len(view.dims)))
    return [d % len(view.dims) for d in ([dims] if isinstance(dims, int) else dims)]


def _kept(view: View, dims: Sequence[int], keep: bool) -> View:
    return view if keep else view.removed(dims)


def _along(
    t: Tracer, x: Any, dims: Any, keep: bool, reduction: Reduction, body: Any = None
) -> View:
    """In the result's number format; of reals that is taken before anything is added."""
    view = _in_format(t, x) if t.out().dtype.is_floating_point else t.view(x)
    over = _dims(view, dims)
    made = body(view, over) if body else None
    found = reduced(t, view, over, reduction, made, what="reduce", fmt=t.fmt())
    return _kept(found, over, keep)


@lowers("sum.dim_IntList", "sum.default")
def _sum(t: Tracer, x: Any, dims: Any = None, keepdim: bool = False, **_: Any) -> View:
    return _along(t, x, dims, keepdim, Reduction.ADD)


@lowers("mean.dim", "mean.default")
def _mean(t: Tracer, x: Any, dims: Any = None, keepdim: bool = False, **_: Any) -> View:
    return _along(t, x, dims, keepdim, Reduction.ADD, lambda view, over: _share(view, over))


def _count(view: View, dims: Sequence[int]) -> int:
    total = 1
    for d in dims:
        total *= view.shape[d]
    return total


def _share(view: View, dims: Sequence[int], value: Draft | None = None) -> Draft:
    """A term of a mean."""
    return apply(Fn.DIV, value or Input(0), float(_count(view, dims)))


@lowers("amax.default")
def _amax(t: Tracer, x: Any, dims: Any = None, keepdim: bool = False) -> View:
    return _along(t, x, dims, keepdim, Reduction.MAX)


@lowers("amin.default")
def _amin(t: Tracer, x: Any, dims: Any = None, keepdim: bool = False) -> View:
    return _along(t, x, dims, keepdim, Reduction.MIN)


@lowers("any.dim", "any.default")
def _any(t: Tracer, x: Any, dims: Any = None, keepdim: bool = False) -> View:
    view = t.view(x)
    if t.format(view) != BOOL:
        labels = labels_of(view)
        body = apply(Fn.NOT, apply(Fn.EQ, Input(0), 0))
        view = t.nests.nest(f"{t.path}.true", t.source, labels, BOOL, [Term(view, labels)], body)
    return _along(t, view, dims, keepdim, Reduction.MAX)


def _first_at(t: Tracer, view: View, dim: int, best: View) -> View:
    """The lowest index along a dimension at which the value is `best`."""
    labels = labels_of(view)
    dim %= len(labels)
    out = tuple(None if k == dim else each for k, each in enumerate(labels))
    terms = [Term(view, labels), Term(best.expanded(view.shape), labels)]
    hit = apply(Fn.EQ, Input(0), Input(1))
    if is_real(t, view):  # what isn't a number is the best of its row
        hit = apply(Fn.OR, hit, apply(Fn.NOT, apply(Fn.EQ, Input(0), Input(0))))
    body: Any = apply(Fn.WHERE, hit, At(labels[dim]), view.shape[dim])
    return t.nests.nest(f"{t.path}.at", t.source, out, INT64, terms, body, Reduction.MIN)


def is_real(t: Tracer, view: View) -> bool:
    """Whether elements may be no numbers."""
    return isinstance(t.format(view), Float)


def _arg(t: Tracer, x: Any, dim: int | None, keepdim: bool, reduction: Reduction) -> View:
    view = t.view(x)
    if dim is None:
        view, dim = reshaped(t, view, [_count(view, range(len(view.dims)))]), 0
    dim %= len(view.dims)
    best = reduced(t, view, [dim], reduction, what="best")
    return _kept(_first_at(t, view, dim, best), [dim], keepdim)


@lowers("argmax.default")
def _argmax(t: Tracer, x: Any, dim: int | None = None, keepdim: bool = False) -> View:
    return _arg(t, x, dim, keepdim, Reduction.MAX)


@lowers("argmin.default")
def _argmin(t: Tracer, x: Any, dim: int | None = None, keepdim: bool = False) -> View:
    return _arg(t, x, dim, keepdim, Reduction.MIN)


@lowers("max.dim", "min.dim")
def _max_dim(t: Tracer, x: Any, dim: int, keepdim: bool = False) -> tuple[View, View]:
    view, way = t.view(x), Reduction.MAX if "max" in t.source else Reduction.MIN
    dim %= len(view.dims)
    best = reduced(t, view, [dim], way, what="best")
    return _kept(best, [dim], keepdim), _kept(_first_at(t, view, dim, best), [dim], keepdim)


@lowers("cumsum.default")
def _cumsum(t: Tracer, x: Any, dim: int, **_: Any) -> View:
    """y[i] = sum of x[j] over j <= i: a triangle of the square of indices."""
    view = _in_format(t, x)
    labels = list(labels_of(view))
    dim %= len(labels)
    inner = [*labels[:dim], "j", *labels[dim + 1 :]]
    body: Any = apply(Fn.WHERE, apply(Fn.LE, At("j"), At(labels[dim])), Input(0), 0)
    return t.nests.nest(
        t.path, t.source, tuple(labels), t.fmt(), [Term(view, tuple(inner))], body, Reduction.ADD,
        sizes={labels[dim]: view.shape[dim]},
    )  # fmt: skip


def _moments(
    t: Tracer, view: View, dims: Sequence[int], *, correction: float = 0
) -> tuple[View, View]:
    """Mean and variance, their dimensions kept."""
    mean = reduced(t, view, dims, Reduction.ADD, _share(view, dims), what="mean")
    apart = apply(Fn.SUB, Input(0), Input(1))
    square = apply(
        Fn.DIV, apply(Fn.MUL, apart, apart), float(max(0, _count(view, dims) - correction))
    )
    return mean, reduced(t, view, dims, Reduction.ADD, square, what="var", others=[mean])


def _normalised(value: Draft, mean: Draft, variance: Draft, eps: float) -> Draft:
    scale = apply(Fn.RSQRT, apply(Fn.ADD, variance, float(eps)))
    return apply(Fn.MUL, apply(Fn.SUB, value, mean), scale)


def _affine(t: Tracer, view: View, weight: Any, bias: Any, *, what: str = "affine") -> View:
    """Times `weight`, plus `bias`, whichever there are; both views of the right rank."""
    views, body = [view], Input(0)
    made: Draft = body
    for extra, fn in ((weight, Fn.MUL), (bias, Fn.ADD)):
        if extra is not None:
            views.append(extra)
            made = apply(fn, made, Input(len(views) - 1))
    return view if len(views) == 1 else mapped(t, views, made, what=what)


@lowers("layer_norm.default")
def _layer_norm(
    t: Tracer,
    x: Any,
    shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    *_: Any,
) -> View:
    view = t.view(x)
    dims = list(range(len(view.dims) - len(shape), len(view.dims)))
    mean, variance = _moments(t, view, dims)
    body = _normalised(Input(0), Input(1), Input(2), eps)
    normal = mapped(t, [view, mean, variance], body, what="norm")
    return _affine(t, normal, *(None if p is None else t.view(p) for p in (weight, bias)))


@lowers("rms_norm.default")
def _rms_norm(
    t: Tracer, x: Any, shape: Sequence[int], weight: Any = None, eps: float | None = None
) -> View:
    view = t.view(x)
    dims = list(range(len(view.dims) - len(shape), len(view.dims)))
    square = _share(view, dims, apply(Fn.MUL, Input(0), Input(0)))
    power = reduced(t, view, dims, Reduction.ADD, square, what="power")
    least = torch.finfo(t.out().dtype).eps if eps is None else float(eps)
    scale = apply(Fn.RSQRT, apply(Fn.ADD, Input(1), least))
    normal = mapped(t, [view, power], apply(Fn.MUL, Input(0), scale), what="norm")
    return _affine(t, normal, None if weight is None else t.view(weight), None)


@lowers("group_norm.default")
def _group_norm(
    t: Tracer,
    x: Any,
    groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    *_: Any,
) -> View:
    view = t.view(x)
    n, channels, *space = view.shape
    split = reshaped(t, view, [n, groups, channels // groups, *space])
    mean, variance = _moments(t, split, list(range(2, len(split.dims))))
    body = _normalised(Input(0), Input(1), Input(2), eps)
    normal = reshaped(t, mapped(t, [split, mean, variance], body, what="norm"), view.shape)
    return _affine(t, normal, *(_channels(t, p, len(space)) for p in (weight, bias)))


def _channels(t: Tracer, vector: Any, space: int) -> View | None:
    """A vector along the channels of an image."""
    if vector is None:
        return None
    view = t.view(vector)
    for _ in range(space):
        view = view.inserted(len(view.dims))
    return view


@lowers("batch_norm.default")
def _batch_norm(
    t: Tracer,
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool,
    momentum: float,
    eps: float,
    *_: Any,
) -> View:
    if training:
        raise t.fail("batch norm in training mode can't be lowered", "call .eval() on the module")
    view = t.view(x)
    space = len(view.dims) - 2
    views = [view, *(v for v in (_channels(t, p, space) for p in (mean, variance)) if v)]
    normal = mapped(t, views, _normalised(Input(0), Input(1), Input(2), eps), what="norm")
    return _affine(t, normal, _channels(t, weight, space), _channels(t, bias, space))


@lowers("_native_batch_norm_legit_no_training.default")
def _native_batch_norm(
    t: Tracer,
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    momentum: float,
    eps: float,
) -> tuple[View, None, None]:
    return _batch_norm(t, x, weight, bias, mean, variance, False, momentum, eps), None, None


@lowers("var.correction", "var.dim")
def _var(
    t: Tracer, x: Any, dims: Any = None, *args: Any, correction: float = 1, keepdim: bool = False
) -> View:
    view = t.view(x)
    over = _dims(view, dims)
    if args:
        correction = int(args[0])
    _, variance = _moments(t, view, over, correction=correction)
    return _kept(variance, over, keepdim)


@lowers("linalg_vector_norm.default", "norm.ScalarOpt_dim")
def _norm(
    t: Tracer, x: Any, order: float = 2, dims: Any = None, keepdim: bool = False, **_: Any
) -> View:
    if order not in (2, None):
        raise t.fail(f"a norm of order {order} can't be lowered")
    view = t.view(x)
    over = _dims(view, dims)
    total = reduced(t, view, over, Reduction.ADD, apply(Fn.MUL, Input(0), Input(0)), what="power")
    return _kept(mapped(t, [total], apply(Fn.SQRT, Input(0)), what="sqrt"), over, keepdim)
