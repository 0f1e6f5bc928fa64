"""Sums of products: linear layers, matrix products, convolutions, attention."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from frontends.torch_export.context import Tracer
from frontends.torch_export.layout import reshaped
from frontends.torch_export.pointwise import apply
from frontends.torch_export.pooling import Sliding, per_axis
from frontends.torch_export.reductions import softmax
from frontends.torch_export.registry import lowers
from frontends.tracing.drafts import At, Draft, Input, product
from frontends.tracing.nests import Label, Term
from frontends.tracing.views import View
from lego.ir.formats import BOOL, Format
from lego.ir.network import Role
from lego.ir.operation import Fn, Reduction

__all__ = ["convolved"]


def contracted(
    t: Tracer, terms: Sequence[tuple[View, Sequence[str]]], out: Sequence[str], *, what: str = ""
) -> View:
    """The sum of products over the labels that `out` doesn't have; a plain product if it has all."""
    every = {label for _, labels in terms for label in labels}
    reduction = Reduction.ADD if every - set(out) else Reduction.ASSIGN
    listed = [Term(view, tuple(labels)) for view, labels in terms]
    body = product(*range(len(listed)))
    name = f"{t.path}.{what}" if what else t.path
    return t.nests.nest(name, t.source, tuple(out), t.fmt(), listed, body, reduction)


def _added(
    t: Tracer, out: Sequence[Label], fmt: Format, terms: Sequence[Term], **more: Any
) -> View:
    """The operation's own nest: products of two terms, added up."""
    how = (product(0, 1), Reduction.ADD)
    return t.nests.nest(t.path, t.source, out, fmt, terms, *how, **more)


def biased(t: Tracer, view: View, bias: Any, dim: int) -> View:
    """The view plus a vector along one of its dimensions."""
    if bias is None:
        return view
    labels = tuple(f"d{k}" for k in range(len(view.dims)))
    terms = [Term(view, labels), Term(t.view(bias), (labels[dim % len(labels)],))]
    body = apply(Fn.ADD, Input(0), Input(1))
    return t.nests.nest(f"{t.path}.bias", t.source, labels, t.format(view), terms, body)


@lowers("linear.default")
def _linear(t: Tracer, x: Any, weight: Any, bias: Any = None) -> View:
    view = t.view(x)
    batch = tuple(f"m{k}" for k in range(len(view.dims) - 1))
    weights = t.view(weight)
    terms = [(view, (*batch, "k")), (weights, ("n", "k")[2 - len(weights.dims) :])]
    return biased(t, contracted(t, terms, (*batch, "n")), bias, -1)


def _product_labels(left: int, right: int) -> tuple[list[str], list[str], list[str]]:
    """Labels of the operands and the result of `torch.matmul` at these ranks."""
    batch = [f"b{k}" for k in range(max(left, right, 2) - 2)]
    a = (["k"] if left == 1 else [*batch[len(batch) - left + 2 :], "m", "k"])  # fmt: skip
    b = (["k"] if right == 1 else [*batch[len(batch) - right + 2 :], "k", "n"])  # fmt: skip
    out = [*batch, *(["m"] if left > 1 else []), *(["n"] if right > 1 else [])]
    return a, b, out


@lowers("matmul.default", "bmm.default", "mm.default", "mv.default", "dot.default")
def _matmul(t: Tracer, x: Any, y: Any) -> View:
    left, right = t.view(x), t.view(y)
    a, b, out = _product_labels(len(left.dims), len(right.dims))
    sizes: dict[str, int] = {}
    for view, labels in ((left, a), (right, b)):
        for label, size in zip(labels, view.shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    left, right = (
        view.expanded([sizes[label] for label in labels])
        for view, labels in ((left, a), (right, b))
    )
    return contracted(t, [(left, a), (right, b)], out)


@lowers("outer.default")
def _outer(t: Tracer, x: Any, y: Any) -> View:
    return contracted(t, [(t.view(x), ["i"]), (t.view(y), ["j"])], ["i", "j"])


@lowers("addmm.default", "baddbmm.default")
def _addmm(t: Tracer, bias: Any, x: Any, y: Any, *, beta: float = 1, alpha: float = 1) -> View:
    view = _matmul(t, x, y)
    labels = tuple(f"d{k}" for k in range(len(view.dims)))
    terms = [Term(view, labels), Term(t.view(bias).expanded(view.shape), labels)]
    if beta == 0:  # what `bias` holds doesn't count, even where it isn't a number
        if alpha == 1:
            return view
        terms = terms[:1]
    left: Draft = Input(0) if alpha == 1 else apply(Fn.MUL, Input(0), float(alpha))
    right: Draft = Input(1) if beta == 1 else apply(Fn.MUL, Input(1), float(beta))
    body = left if beta == 0 else apply(Fn.ADD, left, right)
    return t.nests.nest(f"{t.path}.bias", t.source, labels, t.fmt(), terms, body)


@lowers("einsum.default")
def _einsum(t: Tracer, equation: str, operands: Sequence[Any], **_: Any) -> View:
    views = [t.view(x) for x in operands]
    left, arrow, out = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if "." in equation:
        free = [c for c in string.ascii_letters if c not in equation]
        named = list(zip(views, inputs, strict=True))
        most = max(len(v.dims) - len(i) + 3 for v, i in named if "..." in i)
        dots = "".join(free[:most])
        inputs = [i.replace("...", dots[most - len(v.dims) + len(i) - 3 :]) for v, i in named]
        out = out.replace("...", dots)
    if not arrow:
        every = "".join(inputs)
        out = "".join(sorted(c for c in set(every) if every.count(c) == 1))
    if any(len(set(labels)) < len(labels) for labels in inputs):
        raise t.fail(f"einsum of a diagonal ({equation}) can't be lowered")
    return contracted(t, [(v, list(i)) for v, i in zip(views, inputs, strict=True)], list(out))


@lowers("conv1d.default", "conv2d.default", "conv3d.default")
def _conv(
    t: Tracer,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> View:
    axes = len(t.view(weight).dims) - 2
    how = Sliding(*(per_axis(v, axes) for v in (stride, padding, dilation)))
    return convolved(t, x, weight, bias, how, groups)


@lowers("conv1d.padding", "conv2d.padding", "conv3d.padding")
def _conv_named(
    t: Tracer,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: str = "valid",
    dilation: Any = 1,
    groups: int = 1,
) -> View:
    taps = t.view(weight).shape[2:]
    steps = per_axis(dilation, len(taps))
    before = [
        d * (n - 1) // 2 if padding == "same" else 0 for n, d in zip(taps, steps, strict=True)
    ]
    how = Sliding(per_axis(stride, len(taps)), before, steps)
    return convolved(t, x, weight, bias, how, groups)


def convolved(t: Tracer, x: Any, weight: Any, bias: Any, how: Sliding, groups: int) -> View:
    """A convolution over one to three axes; `x` may lack the batch, the bias may be None."""
    view, weights = t.view(x), t.view(weight)
    outs, inner, *taps = weights.shape
    batched = len(view.dims) == len(taps) + 2
    view = view if batched else view.inserted(0)
    n, _, *space = view.shape
    shape = tuple(t.out().shape)[-len(taps) :]
    pixels, kernel = ([f"{c}{k}" for k in range(len(taps))] for c in "yf")
    split = reshaped(t, view, [n, groups, inner, *space])
    windows = how.windows(pixels, kernel)
    grouped = reshaped(t, weights, [groups, outs // groups, inner, *taps])
    terms = [
        Term(split, ("n", "g", "c", *windows), pad=0.0),
        Term(grouped, ("g", "o", "c", *kernel)),
    ]
    sizes = dict(zip(pixels, shape, strict=True))
    found = _added(t, ("n", "g", "o", *pixels), t.format(view), terms, sizes=sizes)
    found = biased(t, reshaped(t, found, [n, outs, *shape]), bias, 1)
    return found if batched else found.removed([0])


@lowers("conv_transpose1d.default", "conv_transpose2d.input", "conv_transpose3d.input")
def _conv_transposed(
    t: Tracer,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> View:
    """Every input pixel adds to the outputs around it: the output's index is the window."""
    view, weights = t.view(x), t.view(weight)
    inner, outs, *taps = weights.shape
    batched = len(view.dims) == len(taps) + 2
    view = view if batched else view.inserted(0)
    how = Sliding(*(per_axis(v, len(taps)) for v in (stride, padding, dilation)))
    n, _, *space = view.shape
    shape = tuple(t.out().shape)[-len(taps) :]
    pixels, kernel = ([f"{c}{k}" for k in range(len(taps))] for c in "yf")
    out = t.nests.declare(f"{t.path}.out", (n, groups, outs, *shape), t.format(view), Role.RESULT)
    windows = how.windows(pixels, kernel)
    if not all(map(how.reaches_all, range(len(taps)), space, taps, shape)):
        t.nests.filled(out, f"{t.path}.zero", t.source)
    terms = [
        Term(reshaped(t, view, [n, groups, inner // groups, *space]), ("n", "g", "c", *pixels)),
        Term(
            reshaped(t, weights, [groups, inner // groups, outs, *taps]), ("g", "c", "o", *kernel)
        ),
    ]
    _added(t, ("n", "g", "o", *windows), t.format(view), terms, into=out, clipped=True)
    found = biased(t, reshaped(t, out, [n, groups * outs, *shape]), bias, 1)
    return found if batched else found.removed([0])


@lowers("convolution.default")
def _convolution(
    t: Tracer,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    extra: Any,
    groups: int,
) -> View:
    if transposed:
        return _conv_transposed(t, x, weight, bias, stride, padding, extra, groups, dilation)
    return _conv(t, x, weight, bias, stride, padding, dilation, groups)


@lowers("scaled_dot_product_attention.default")
def _attention(
    t: Tracer, q: Any, k: Any, v: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    *, scale: float | None = None, enable_gqa: bool = False,
) -> View:  # fmt: skip
    """softmax(scale Q K' + mask) V; keys of several query heads are repeated by a step of zero.

    A query that meets no key results in zeros.
    """
    if dropout_p:
        raise t.fail("dropout of attention's weights can't be lowered", "set it to 0")
    query, key, value = t.view(q), t.view(k), t.view(v)
    if enable_gqa:
        times = query.shape[-3] // key.shape[-3]
        key, value = (x.repeated(len(x.dims) - 3, times, each=True) for x in (key, value))
    sizes = tuple(t.out().shape)[:-2]
    batch = [f"b{k}" for k in range(len(sizes))]
    query, key, value = (x.expanded([*sizes, *x.shape[-2:]]) for x in (query, key, value))
    scores = contracted(
        t,
        [(query, [*batch, "i", "e"]), (key, [*batch, "j", "e"])],
        [*batch, "i", "j"],
        what="scores",
    )
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    masked = _masked(t, scores, factor, attn_mask, is_causal)
    weights = softmax(t, masked, len(batch) + 1, guarded=True)
    return contracted(
        t,
        [(weights, [*batch, "i", "j"]), (value, [*batch, "j", "d"])],
        [*batch, "i", "d"],
        what="values",
    )


def _masked(t: Tracer, scores: View, factor: float, mask: Any, causal: bool) -> View:
    labels = tuple(f"d{k}" for k in range(len(scores.dims)))
    terms = [Term(scores, labels)]
    body: Any = apply(Fn.MUL, Input(0), float(factor))
    if causal:
        body = apply(Fn.WHERE, apply(Fn.LE, At(labels[-1]), At(labels[-2])), body, float("-inf"))
    if mask is not None:
        view = t.view(mask).expanded(scores.shape)
        terms.append(Term(view, labels))
        added: Draft = Input(1)
        if t.format(view) == BOOL:  # added, so that what isn't a number stays so, as PyTorch's
            added = apply(Fn.WHERE, added, 0.0, float("-inf"))
        body = apply(Fn.ADD, body, added)
    return t.nests.nest(f"{t.path}.scale", t.source, labels, t.format(scores), terms, body)
