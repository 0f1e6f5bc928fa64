"""Pooling and interpolation: windows over the pixels of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from frontends.torch_export.context import Known, Tracer
from frontends.torch_export.pointwise import apply, pointwise
from frontends.torch_export.reductions import labels_of
from frontends.torch_export.registry import lowers
from frontends.tracing.coverage import is_every, sums
from frontends.tracing.drafts import Draft, Input
from frontends.tracing.nests import Term, Window
from frontends.tracing.views import View
from lego.ir.operation import Fn, Loop, Reduction

__all__ = ["Sliding", "lowest", "per_axis", "pooled"]


@dataclass(frozen=True, slots=True)
class Sliding:
    """How a kernel slides, per axis: pixels from one place to the next, padding before the first, and
    pixels between taps."""

    stride: list[int]
    before: list[int]
    dilation: list[int]

    def windows(self, pixels: Sequence[str], taps: Sequence[str]) -> tuple[Window, ...]:
        """The index of the pixel under each tap, by the labels of places and taps."""
        return tuple(
            Window(((s, pixel), (d, tap)), -b)
            for s, b, d, pixel, tap in zip(
                self.stride, self.before, self.dilation, pixels, taps, strict=True
            )
        )

    def reaches_all(self, axis: int, places: int, taps: int, size: int) -> bool:
        """Whether every one of `size` pixels of an axis is under some tap at one of the places."""
        steps = (self.stride[axis], self.dilation[axis])
        loops = (Loop("place", places), Loop("tap", taps))
        return is_every(sums(steps, -self.before[axis], loops, size), size)


def per_axis(values: Any, axes: int) -> list[int]:
    """One number per axis of an image; a single one stands for all."""
    found: list[int] = [values] if isinstance(values, int) else list(values)
    return found * axes if len(found) == 1 else found


def lowest(dtype: Any) -> float:
    """What no element of a type is below."""
    import torch

    return float("-inf") if dtype.is_floating_point else torch.iinfo(dtype).min


def pooled(
    t: Tracer,
    view: View,
    kernel: Sequence[int],
    how: Sliding,
    reduction: Reduction,
    body: Draft,
    pad: float,
) -> View:
    """Windows of the last axes reduced; `pad` is read outside, leading axes are kept."""
    axes = len(kernel)
    shape = tuple(t.out().shape if not isinstance(t.out(), tuple | list) else t.out(0).shape)
    batch = [f"n{k}" for k in range(len(view.dims) - axes)]
    pixels, taps = ([f"{c}{k}" for k in range(axes)] for c in "yf")
    windows = how.windows(pixels, taps)
    sizes = dict(zip([*pixels, *taps], [*shape[-axes:], *kernel], strict=True))
    term = Term(view, (*batch, *windows), pad=pad)
    return t.nests.nest(
        t.path,
        t.source,
        (*batch, *pixels),
        t.format(view),
        [term],
        body,
        reduction,
        sizes=sizes,
    )


@lowers("max_pool2d.default", "max_pool1d.default", "max_pool3d.default")
def _max_pool(
    t: Tracer,
    x: Any,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> View:
    axes = int(t.source.split("pool")[1][0])
    kernel = per_axis(kernel, axes)
    how = Sliding(*(per_axis(v, axes) for v in (stride or kernel, padding, dilation)))
    least = lowest(t.out().dtype)
    return pooled(t, t.view(x), kernel, how, Reduction.MAX, Input(0), least)


@lowers("avg_pool2d.default", "avg_pool1d.default", "avg_pool3d.default")
def _avg_pool(
    t: Tracer, x: Any, kernel: Any, stride: Any = (), padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> View:  # fmt: skip
    axes = int(t.source.split("pool")[1][0])
    kernel, stride, padding = (per_axis(v, axes) for v in (kernel, stride or kernel, padding))
    view, how = t.view(x), Sliding(stride, padding, [1] * axes)
    counts = _counts(view.shape[-axes:], t.out().shape[-axes:], kernel, how, count_include_pad)
    if divisor_override or set(counts.flatten().tolist()) == {math.prod(kernel)}:
        body = apply(Fn.DIV, Input(0), float(divisor_override or math.prod(kernel)))
        return pooled(t, view, kernel, how, Reduction.ADD, body, 0.0)
    total = pooled(t, view, kernel, how, Reduction.ADD, Input(0), 0.0)
    return pointwise(t, [total, Known(counts.to(t.out().dtype))], lambda a, b: apply(Fn.DIV, a, b))


def _counts(
    space: Sequence[int], places: Sequence[int], kernel: Sequence[int], how: Sliding, padding: bool
) -> Any:
    """Pixels under the kernel at each place, those of the padding too if they count; none is beyond
    the padding."""
    total = torch.ones(())
    for size, count, taps, stride, before in zip(
        space, places, kernel, how.stride, how.before, strict=True
    ):
        start = torch.arange(count) * stride - before
        end = (start + taps).clamp(max=size + before)
        inside = end - start if padding else end.clamp(max=size) - start.clamp(min=0)
        total = total[..., None] * inside
    return total


@lowers(
    "adaptive_avg_pool2d.default", "_adaptive_avg_pool2d.default", "adaptive_avg_pool1d.default"
)
def _adaptive(t: Tracer, x: Any, size: Any) -> View:
    view, shape = t.view(x), tuple(t.out().shape)
    axes = 1 if "1d" in t.source else 2
    kernel = []
    for have, want in zip(view.shape[-axes:], shape[-axes:], strict=True):
        if have % want and axes == 1:
            raise t.fail(
                f"adaptive pooling of {have} to {want} elements needs windows of unequal size"
            )
        if have % want:
            return _by_matrices(t, view, _unequal_windows)
        kernel.append(have // want)
    body = apply(Fn.DIV, Input(0), float(math.prod(kernel)))
    how = Sliding(kernel, [0] * axes, [1] * axes)
    return pooled(t, view, kernel, how, Reduction.ADD, body, 0.0)


def _unequal_windows(eye: Tensor, want: int) -> Tensor:
    return torch.nn.functional.adaptive_avg_pool1d(eye[:, None], want)[:, 0]


@lowers(
    "upsample_bilinear2d.vec", "upsample_bilinear2d.default",
    "upsample_bicubic2d.vec", "upsample_bicubic2d.default",
)  # fmt: skip
def _interpolated(
    t: Tracer, x: Any, size: Any = None, align_corners: bool = False, *_: Any
) -> View:
    mode = "bicubic" if "bicubic" in t.source else "bilinear"

    def weights(eye: Tensor, want: int) -> Tensor:
        found = torch.nn.functional.interpolate(
            eye[None, :, :, None], size=(want, 1), mode=mode, align_corners=align_corners
        )
        return found[0, :, :, 0]

    return _by_matrices(t, t.view(x), weights)


def _by_matrices(t: Tracer, view: View, weights: Callable[[Tensor, int], Tensor]) -> View:
    """Both axes of an image by a constant banded matrix each, [old, new] of the axis' sizes, the
    last axis first. `weights` are those of rows of pixels, of which one isn't 0. Pixels that
    PyTorch doesn't read for an element are left out of its sum, whatever they are; those that it
    multiplies by 0 aren't."""
    shape = tuple(t.out().shape)
    for axis in (len(shape) - 1, len(shape) - 2):
        eye = torch.eye(view.shape[axis])
        matrix = weights(eye, shape[axis])
        read = weights(torch.where(eye == 1, math.nan, 0.0), shape[axis]).isnan()
        labels = list(labels_of(view))
        inner = [*labels[:axis], "j", *labels[axis + 1 :]]
        known = [Term(t.view(Known(each)), ("j", labels[axis])) for each in (matrix, read)]
        terms = [Term(view, tuple(inner)), *known]
        body = apply(Fn.WHERE, Input(2), apply(Fn.MUL, Input(0), Input(1)), 0.0)
        view = t.nests.nest(
            t.path, t.source, tuple(labels), t.format(view), terms, body, Reduction.ADD
        )
    return view
