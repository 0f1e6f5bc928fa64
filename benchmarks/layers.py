"""Layers of networks as plain loop nests: each distinct shape of MobileNetV2, ResNet50, BERT-base, LLaMA-7B.

A layer is a name with the text of its operation: loops, statement, and the shape of a padded X.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from frontends.yaml import load_text
from lego.ir.array import ArrayOperation, Tensor, narrowed
from lego.ir.domain import inside_box

__all__ = ["Layer", "layers", "operation_of"]

Layer = tuple[str, tuple[str, str, str]]
"""A name; loops, statement, and the shape of X where pads are read."""


def conv(c: int, k: int, size: int, kernel: int, stride: int = 1, dilation: int = 1) -> Layer:
    """A convolution of c to k channels on size x size pixels."""
    out, pad = -(-size // stride), (kernel - 1) // 2 * dilation
    steps = "" if stride == 1 else f"{stride}*", "" if dilation == 1 else f"{dilation}*"
    more = f" /{stride}" if stride > 1 else ""
    more += f" dilated {dilation}" if dilation > 1 else ""
    name = f"{kernel}x{kernel} {c} to {k}, {size}x{size}{more}"
    if kernel == 1:
        at = f"{steps[0]}oh,{steps[0]}ow"
        loops = f"oc: {k}, oh: {out}, ow: {out}, ic: {c}"
        shape = f"{c}, {size}, {size}" if stride > 1 else ""
        return name, (loops, f"Y[oc,oh,ow] += X[ic,{at}] * W[oc,ic]", shape)
    at = ",".join(f"{steps[0]}o{d}+{steps[1]}k{d}-{pad}" for d in "hw")
    loops = f"oc: {k}, oh: {out}, ow: {out}, ic: {c}, kh: {kernel}, kw: {kernel}"
    return name, (loops, f"Y[oc,oh,ow] += X[ic,{at}] * W[oc,ic,kh,kw]", f"{c}, {size}, {size}")


def depthwise(c: int, size: int, kernel: int, stride: int = 1) -> Layer:
    """A depthwise convolution of c channels."""
    out, pad, step = -(-size // stride), (kernel - 1) // 2, "" if stride == 1 else f"{stride}*"
    name = f"depthwise {kernel}x{kernel} {c}, {size}x{size}" + (f" /{stride}" if stride > 1 else "")
    loops = f"c: {c}, oh: {out}, ow: {out}, kh: {kernel}, kw: {kernel}"
    at = f"{step}oh+kh-{pad},{step}ow+kw-{pad}"
    return name, (loops, f"Y[c,oh,ow] += X[c,{at}] * W[c,kh,kw]", f"{c}, {size}, {size}")


def grouped(groups: int, c: int, size: int, stride: int = 1) -> Layer:
    """A 3x3 convolution of groups, each of c to c channels."""
    out, step = -(-size // stride), "" if stride == 1 else f"{stride}*"
    name = f"3x3 {groups} groups of {c}, {size}x{size}" + (f" /{stride}" if stride > 1 else "")
    loops = f"g: {groups}, oc: {c}, oh: {out}, ow: {out}, ic: {c}, kh: 3, kw: 3"
    text = f"Y[g,oc,oh,ow] += X[g,ic,{step}oh+kh-1,{step}ow+kw-1] * W[g,oc,ic,kh,kw]"
    return name, (loops, text, f"{groups}, {c}, {size}, {size}")


def patches(c: int, k: int, size: int, patch: int) -> Layer:
    """A convolution whose stride is its kernel."""
    loops = f"oc: {k}, oh: {size // patch}, ow: {size // patch}, ic: {c}, kh: {patch}, kw: {patch}"
    text = f"Y[oc,oh,ow] += X[ic,{patch}*oh+kh,{patch}*ow+kw] * W[oc,ic,kh,kw]"
    return f"patches {patch}x{patch}, {c} to {k}, {size}x{size}", (loops, text, "")


def linear(rows: int, c: int, k: int) -> Layer:
    """A layer from c to k features for so many rows."""
    if rows == 1:
        return f"linear {c} to {k}", (f"n: {k}, k: {c}", "Y[n] += X[k] * W[n,k]", "")
    loops = f"m: {rows}, n: {k}, k: {c}"
    return f"linear {c} to {k}, {rows} rows", (loops, "Y[m,n] += X[m,k] * W[n,k]", "")


def attention(heads: int, rows: int, keys: int, width: int) -> Iterator[Layer]:
    """Scores and values of heads."""
    what = f"{heads} heads of {width}, {rows} rows, {keys} keys"
    row, index = ("", "") if rows == 1 else (f"i: {rows}, ", "i,")
    loops = f"h: {heads}, {row}j: {keys}, d: {width}"
    yield f"scores, {what}", (loops, f"Y[h,{index}j] += X[h,{index}d] * W[h,j,d]", "")
    loops = f"h: {heads}, {row}d: {width}, j: {keys}"
    yield f"values, {what}", (loops, f"Y[h,{index}d] += X[h,{index}j] * W[h,j,d]", "")


def mobilenetv2() -> Iterator[Layer]:
    """MobileNetV2 at 224."""
    yield conv(3, 32, 224, 3, 2)
    size, c = 112, 32
    blocks = "1 16 1 1, 6 24 2 2, 6 32 3 2, 6 64 4 2, 6 96 3 1, 6 160 3 2, 6 320 1 1"
    for factor, k, count, stride in (map(int, each.split()) for each in blocks.split(",")):
        for n in range(count):
            step = 1 if n else stride
            if factor > 1:
                yield conv(c, factor * c, size, 1)
            yield depthwise(factor * c, size, 3, step)
            size //= step
            yield conv(factor * c, k, size, 1)
            c = k
    yield conv(c, 1280, size, 1)
    yield linear(1, 1280, 1000)


def resnet50() -> Iterator[Layer]:
    """ResNet50 at 224, with strides in the 3x3 layers."""
    yield conv(3, 64, 224, 7, 2)
    size, c = 56, 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        yield conv(c, 4 * width, size, 1, stride)
        for n in range(count):
            step = 1 if n else stride
            yield conv(c, width, size, 1)
            yield conv(width, width, size, 3, step)
            size //= step
            yield conv(width, 4 * width, size, 1)
            c = 4 * width
    yield linear(1, c, 1000)


def bert(rows: int) -> Iterator[Layer]:
    """BERT-base."""
    yield linear(rows, 768, 768)
    yield from attention(12, rows, rows, 64)
    yield linear(rows, 768, 3072)
    yield linear(rows, 3072, 768)
    yield linear(1, 768, 768)
    yield linear(1, 768, 2)


def llama(rows: int, keys: int) -> Iterator[Layer]:
    """LLaMA-7B; one row while it decodes."""
    yield linear(rows, 4096, 4096)
    yield from attention(32, rows, keys, 128)
    yield linear(rows, 4096, 11008)
    yield linear(rows, 11008, 4096)
    yield linear(1, 4096, 32000)


def others() -> Iterator[Layer]:
    """What these networks don't have: 5x5 depthwise layers of EfficientNet-B0, groups of ResNeXt50, dilated
    layers of DeepLabV3, patches and heads of ViT-B/16, 7x7 depthwise of ConvNeXt, convolutions along time and
    in three dimensions, heads that share keys, linear attention."""
    for c, size, stride in ((144, 56, 2), (240, 28, 1), (480, 14, 1), (672, 14, 2), (1152, 7, 1)):
        yield depthwise(c, size, 5, stride)
    yield grouped(32, 4, 56)
    yield grouped(32, 8, 56, 2)
    yield grouped(32, 16, 14)
    yield conv(256, 256, 28, 3, dilation=2)
    yield conv(512, 512, 28, 3, dilation=4)
    yield patches(3, 768, 224, 16)
    yield linear(197, 768, 768)
    yield from attention(12, 197, 197, 64)
    yield depthwise(96, 56, 7)
    for c, stride in ((80, 1), (384, 2)):
        loops = f"oc: 384, t: {3000 // stride}, ic: {c}, k: 3"
        at = "t+k-1" if stride == 1 else "2*t+k-1"
        name = f"3 taps, {c} to 384, 3000 samples" + (f" /{stride}" if stride > 1 else "")
        yield name, (loops, f"Y[oc,t] += X[ic,{at}] * W[oc,ic,k]", f"{c}, 3000")
    loops = "g: 8, h: 8, i: 16, j: 256, d: 128"
    text = "Y[g,h,i,j] += X[g,h,i,d] * W[g,j,d]"
    yield "scores, 64 heads of 128 that share 8 keys, 16 rows, 256 keys", (loops, text, "")
    loops = "h: 8, d: 64, e: 64, n: 196"
    yield "sums of outer products, 8 heads of 64", (loops, "Y[h,d,e] += X[h,n,d] * W[h,n,e]", "")
    loops = "oc: 128, od: 8, oh: 28, ow: 28, ic: 64, kd: 3, kh: 3, kw: 3"
    text = "Y[oc,od,oh,ow] += X[ic,od+kd-1,oh+kh-1,ow+kw-1] * W[oc,ic,kd,kh,kw]"
    yield "3x3x3 64 to 128, 8x28x28", (loops, text, "64, 8, 28, 28")


def layers() -> Iterator[tuple[str, Layer]]:
    """Every distinct one, with its network."""
    networks = {
        "MobileNetV2": mobilenetv2(),
        "ResNet50": resnet50(),
        "BERT-base, 128 tokens": bert(128),
        "LLaMA-7B, 128 tokens": llama(128, 128),
        "LLaMA-7B, a token": llama(1, 128),
        "LLaMA-7B, a token of 2048": attention(32, 1, 2048, 128),
        "BERT-base, 384 tokens": bert(384),
        "others": others(),
    }
    known = set()
    for network, found in networks.items():
        for layer in found:
            if layer[1] not in known:
                known.add(layer[1])
                yield network, layer


def operation_of(layer: Layer) -> tuple[ArrayOperation, dict[str, Tensor]]:
    """A layer as an operation, with its tensors: built from a text with short loops, since files of workloads
    have no tensors as large as those of networks."""
    loops, statement, shape = layer[1]
    extents = [int(part.split(":")[1]) for part in loops.split(",")]
    names = [part.split(":")[0].strip() for part in loops.split(",")]
    small = ", ".join(f"{name}: 2" for name in names)
    pads = f"    pad: {{X: 0}}\n    shapes: {{X: [{', '.join('12' for _ in shape.split(','))}]}}\n"
    text = (
        f"name: layers\noperations:\n  - name: layer\n    loops: {{{small}}}\n"
        f'    statement: "{statement}"\n    formats: {{X: int8, W: int8, Y: int32}}\n'
    )
    tensors, (op,) = narrowed(load_text(text + (pads if shape else "")))
    long = zip(op.loops, extents, strict=True)
    op = replace(op, loops=tuple(replace(loop, extent=n) for loop, n in long))
    found = {}
    for access in (*op.inputs, op.output):
        tensor = next(t for t in tensors if t.name == access.tensor)
        sides = tuple(inside_box(row, 0, extents)[1] + 1 for row in access.map.rows)
        if tensor.pad is not None:
            sides = tuple(map(int, shape.split(",")))
        found[tensor.name] = replace(tensor, shape=tuple(map(int, sides)))
    return op, found
