"""Convolutions, pooling and interpolation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from frontends.onnx_reader.arranging import clean_mode, taken
from frontends.onnx_reader.context import Context, shape_of, translates
from frontends.torch_export.context import Known
from frontends.torch_export.contractions import convolved
from frontends.torch_export.pointwise import apply
from frontends.torch_export.pooling import Sliding, lowest, pooled
from frontends.tracing.drafts import Input
from frontends.tracing.views import View
from lego.ir.operation import Fn, Reduction

__all__: list[str] = []


def _sliding(n: Context, space: Sequence[int], taps: Sequence[int]) -> tuple[Sliding, list[int]]:
    """How the node's kernel slides, and at how many places."""
    axes = len(space)
    stride = list(n.attribute("strides") or [1] * axes)
    dilation = list(n.attribute("dilations") or [1] * axes)
    pads = list(n.attribute("pads") or [0] * 2 * axes)
    reach = [d * (t - 1) + 1 for d, t in zip(dilation, taps, strict=True)]
    auto = n.attribute("auto_pad", "NOTSET")
    if min(*stride, *dilation, *taps) < 1 or min(pads) < 0 or len(pads) != 2 * axes:
        raise n.fail("strides, dilations, pads or kernel out of range")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        places = [-(-i // s) for i, s in zip(space, stride, strict=True)]
        over = [
            max((count - 1) * s + r - i, 0)
            for count, i, s, r in zip(places, space, stride, reach, strict=True)
        ]
        before = [(o + (auto == "SAME_LOWER")) // 2 for o in over]
        return Sliding(stride, before, dilation), places
    if auto == "VALID":
        pads = [0] * 2 * axes
    ceil = bool(n.attribute("ceil_mode", 0))
    places = [
        _places(space[k], pads[k], pads[axes + k], reach[k], stride[k], ceil=ceil)
        for k in range(axes)
    ]
    if min(places) < 1:
        raise n.fail(f"a kernel of {list(taps)} doesn't fit {list(space)} pixels")
    return Sliding(stride, pads[:axes], dilation), places


def _places(size: int, before: int, after: int, reach: int, stride: int, *, ceil: bool) -> int:
    """Places of an axis where a kernel of this reach fits; `ceil`: or begins before the far padding."""
    room = size + before + after - reach
    if not ceil:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - ((count - 1) * stride >= size + before)


@translates("Conv")
def _conv(n: Context, x: Any, weight: Any, bias: Any = None) -> Any:
    (batch, channels, *space), (outs, inner, *taps) = shape_of(x), shape_of(weight)
    groups = n.attribute("group", 1)
    if not taps or channels != inner * groups or outs % groups:
        raise n.fail(f"weights of {list(shape_of(weight))} don't fit {channels} channels")
    how, places = _sliding(n, space, taps)
    n.makes(f"conv{len(taps)}d.default", (batch, outs, *places), x)
    return convolved(n, n.view(x), n.view(weight), bias, how, groups)


@translates("ConvTranspose")
def _conv_transpose(n: Context, x: Any, weight: Any, bias: Any = None) -> Any:
    (batch, _, *space), (_, outs, *taps) = shape_of(x), shape_of(weight)
    axes, groups = len(taps), n.attribute("group", 1)
    if not 1 <= axes <= 3:
        raise n.fail(f"a transposed convolution of {axes} dimensions can't be lowered")
    if n.attribute("auto_pad", "NOTSET") != "NOTSET" or n.attribute("output_shape"):
        raise n.fail("padding to a given shape can't be lowered", "give `pads`")
    stride = list(n.attribute("strides") or [1] * axes)
    dilation = list(n.attribute("dilations") or [1] * axes)
    pads = list(n.attribute("pads") or [0] * 2 * axes)
    extra = list(n.attribute("output_padding") or [0] * axes)
    places = [
        s * (i - 1) + e + d * (t - 1) + 1 - pads[k] - pads[axes + k]
        for k, (i, s, e, d, t) in enumerate(zip(space, stride, extra, dilation, taps, strict=True))
    ]
    name = "conv_transpose1d.default" if axes == 1 else f"conv_transpose{axes}d.input"
    n.makes(name, (batch, outs * groups, *places), x)
    return n.lower(name, x, weight, bias, stride, pads[:axes], extra, groups, dilation)


def _pool(n: Context, x: Any, kind: str) -> tuple[View, list[int], Sliding, tuple[int, ...]]:
    batch, channels, *space = shape_of(x)
    taps = list(n.attribute("kernel_shape"))
    how, places = _sliding(n, space, taps)
    shape = (batch, channels, *places)
    n.makes(f"{kind}_pool{len(taps)}d.default", shape, x)
    return n.view(x), taps, how, shape


@translates("MaxPool")
def _max_pool(n: Context, x: Any) -> Any:
    view, taps, how, _ = _pool(n, x, "max")
    return pooled(n, view, taps, how, Reduction.MAX, Input(0), lowest(n.dtype(x)))


@translates("AveragePool")
def _average_pool(n: Context, x: Any) -> Any:
    view, taps, how, shape = _pool(n, x, "avg")
    counts = _counts(n, how, taps, shape_of(x)[2:], shape[2:])
    if counts is None:
        body = apply(Fn.DIV, Input(0), float(math.prod(taps)))
        return pooled(n, view, taps, how, Reduction.ADD, body, 0.0)
    total = pooled(n, view, taps, how, Reduction.ADD, Input(0), 0.0)
    return n.call("div.Tensor", total, Known(counts.to(n.dtype(x))))


def _counts(
    n: Context, how: Sliding, taps: Sequence[int], space: Sequence[int], places: Sequence[int]
) -> torch.Tensor | None:
    """Pixels under the kernel at each place; None if that is all its taps everywhere."""
    inclusive = n.attribute("count_include_pad", 0)
    if inclusive and n.attribute("auto_pad", "NOTSET").startswith("SAME"):
        return None
    after = list(n.attribute("pads") or [0] * 2 * len(taps))[len(taps) :]
    n.limited(*places)
    n.limited(max(places), max(taps))
    total = torch.ones(())
    for k, size in enumerate(places):
        first = torch.arange(size)[:, None] * how.stride[k] - how.before[k]
        pixels = first + torch.arange(taps[k])[None] * how.dilation[k]
        low, high = (-how.before[k], space[k] + after[k]) if inclusive else (0, space[k])
        inside = ((pixels >= low) & (pixels < high)).sum(1)
        total = total[..., None] * inside
    return None if bool((total == math.prod(taps)).all()) else total


@translates("GlobalAveragePool")
def _global_average_pool(n: Context, x: Any) -> Any:
    return n.call("mean.dim", x, list(range(2, len(shape_of(x)))), True)


@translates("GlobalMaxPool")
def _global_max_pool(n: Context, x: Any) -> Any:
    return n.call("amax.default", x, list(range(2, len(shape_of(x)))), True)


@translates("Resize")
def _resize(n: Context, x: Any, _roi: Any = None, scales: Any = None, sizes: Any = None) -> Any:
    """The nearest pixel by any factor: each axis is repeated, or looked up."""
    shape = shape_of(x)
    axes = [a % len(shape) for a in n.attribute("axes") or range(len(shape))]
    factors = (
        dict(zip(axes, n.known(scales, "a scale"), strict=False)) if scales is not None else {}
    )
    wanted = dict(zip(axes, n.listed("sizes", sizes) or [], strict=False))
    if n.attribute("mode", "nearest") != "nearest":
        raise n.fail(f"interpolation by {clean_mode(n.attribute('mode'))} can't be lowered")
    if n.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise n.fail("a resize that keeps the aspect ratio can't be lowered")
    for axis in axes:
        have = shape[axis]
        factor = factors.get(axis, wanted.get(axis, have) / have)
        want = wanted.get(axis, math.floor(have * factor))
        if not factor > 0 or want < 1 or want > 1 << 16:
            raise n.fail(f"axis {axis} can't be scaled by {factor}")
        pixels = [_nearest(n, k, factor, have, want) for k in range(want)]
        if want % have == 0 and pixels == [k // (want // have) for k in range(want)]:
            x = n.view(x).repeated(axis, want // have, each=True)
        else:
            x = taken(n, x, axis, pixels)
    return x


@translates("Upsample")
def _upsample(n: Context, x: Any, scales: Any = None) -> Any:
    if scales is None:
        scales = Known(torch.tensor(n.attribute("scales")))
    if n.attribute("mode", "nearest") != "nearest":
        raise n.fail(f"interpolation by {clean_mode(n.attribute('mode'))} can't be lowered")
    for axis, factor in enumerate(n.known(scales, "a scale")):
        have = shape_of(x)[axis]
        if not 1 <= factor <= 1 << 16 or have * factor > 1 << 16:
            raise n.fail(f"axis {axis} can't be scaled by {factor}")
        if factor % 1:
            x = taken(n, x, axis, [int(k / factor) for k in range(int(have * factor))])
        else:
            x = n.view(x).repeated(axis, int(factor), each=True)
    return x


def _nearest(n: Context, place: int, factor: float, have: int, want: int) -> int:
    """The pixel that is read at a place, by the node's two modes."""
    where = n.attribute("coordinate_transformation_mode", "half_pixel")
    if where == "asymmetric":
        at = place / factor
    elif where == "align_corners":
        at = place * (have - 1) / (want - 1) if want > 1 else 0.0
    elif where in ("half_pixel", "pytorch_half_pixel"):
        at = 0.0 if where[0] == "p" and want == 1 else (place + 0.5) / factor - 0.5
    else:
        raise n.fail(f"coordinates by {clean_mode(where)} can't be lowered")
    nearest = n.attribute("nearest_mode", "round_prefer_floor")
    rounded = {
        "floor": math.floor(at),
        "ceil": math.ceil(at),
        "round_prefer_floor": math.ceil(at - 0.5),
        "round_prefer_ceil": math.floor(at + 0.5),
    }.get(nearest)
    if rounded is None:
        raise n.fail(f"rounding by {clean_mode(nearest)} can't be lowered")
    return min(max(rounded, 0), have - 1)
