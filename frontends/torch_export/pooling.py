"""Pooling and interpolation: windows over the pixels of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from frontends.torch_export.context import Known, Tracer
from frontends.torch_export.pointwise import apply
from frontends.torch_export.reductions import labels_of
from frontends.torch_export.registry import lowers
from frontends.tracing.coverage import is_every, sums
from frontends.tracing.nests import Term, Window
from frontends.tracing.views import View
from lego.ir.network import Body, Fn, Kind, Value
from lego.ir.workload import Loop, Reduction

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
    body: Body,
    pad: float,
) -> View:
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
        Kind.POST,
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
    return pooled(t, t.view(x), kernel, how, Reduction.MAX, Value(0), least)


@lowers("avg_pool2d.default", "avg_pool1d.default", "avg_pool3d.default")
def _avg_pool(
    t: Tracer, x: Any, kernel: Any, stride: Any = (), padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> View:  # fmt: skip
    axes = int(t.source.split("pool")[1][0])
    kernel, stride, padding = (per_axis(v, axes) for v in (kernel, stride or kernel, padding))
    if any(padding) and (ceil_mode or not count_include_pad):
        raise t.fail("average pooling that doesn't count its padding can't be lowered")
    count = divisor_override or math.prod(kernel)
    body = apply(Fn.DIV, Value(0), float(count))
    how = Sliding(stride, padding, [1] * axes)
    return pooled(t, t.view(x), kernel, how, Reduction.ADD, body, 0.0)


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
    body = apply(Fn.DIV, Value(0), float(math.prod(kernel)))
    how = Sliding(kernel, [0] * axes, [1] * axes)
    return pooled(t, view, kernel, how, Reduction.ADD, body, 0.0)


def _unequal_windows(have: int, want: int) -> Any:
    import torch

    eye = torch.eye(have)[:, None]
    return torch.nn.functional.adaptive_avg_pool1d(eye, want).reshape(have, want)


@lowers(
    "upsample_bilinear2d.vec", "upsample_bilinear2d.default",
    "upsample_bicubic2d.vec", "upsample_bicubic2d.default",
)  # fmt: skip
def _interpolated(
    t: Tracer, x: Any, size: Any = None, align_corners: bool = False, *_: Any
) -> View:
    import torch

    mode = "bicubic" if "bicubic" in t.source else "bilinear"

    def weights(have: int, want: int) -> Any:
        eye = torch.eye(have).reshape(1, have, have, 1)
        found = torch.nn.functional.interpolate(
            eye, size=(want, 1), mode=mode, align_corners=align_corners
        )  # fmt: skip
        return found.reshape(have, want)

    return _by_matrices(t, t.view(x), weights)


def _by_matrices(t: Tracer, view: View, weights: Callable[[int, int], Any]) -> View:
    """Both axes of an image by a constant banded matrix each, [old, new] of the axis' sizes."""
    shape = tuple(t.out().shape)
    for axis in (len(shape) - 2, len(shape) - 1):
        matrix = weights(view.shape[axis], shape[axis])
        labels = list(labels_of(view))
        inner = [*labels[:axis], "j", *labels[axis + 1 :]]
        terms = [Term(view, tuple(inner)), Term(t.view(Known(matrix)), ("j", labels[axis]))]
        body = apply(Fn.MUL, Value(0), Value(1))
        view = t.nests.nest(
            t.path, t.source, Kind.POST, tuple(labels), t.format(view), terms, body, Reduction.ADD
        )
    return view
