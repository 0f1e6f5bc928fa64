"""Chips for several operations, and operations that they weren't compiled from."""

from __future__ import annotations

import functools

from lego.bind.site import Site
from tests.bind.running import sites_of_text

GEMM = """
name: gemm
operations:
  - name: mm
    loops: {b: 4, m: 16, n: 16, k: 32}
    statement: "Y[b,m,n] += X[b,m,k] * W[b,k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {name: mn, spatial: {m: 4, n: 4}, temporal: [b, m, n, k], control: systolic}
"""

WEIGHTS = """
name: weights
operations:
  - name: conv
    loops: {g: 3, oc: 8, ic: 8, kh: 5, kw: 5, oh: 6, ow: 6}
    statement: "Y[g,oc,oh,ow] += X[g,ic,oh+kh,ow+kw] * W[g,oc,ic,kh,kw]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {name: ic_oc, spatial: {ic: 4, oc: 4}, temporal: [g, oc, ic, kh, kw, oh, ow], control: systolic}
"""

PIXELS = """
name: pixels
operations:
  - name: conv
    loops: {oc: 4, ic: 3, kh: 5, kw: 5, oh: 8, ow: 8}
    statement: "Y[oc,oh,ow] += X[ic,oh+kh,ow+kw] * W[oc,ic,kh,kw]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {name: oh_ow, spatial: {oh: 4, ow: 4}, temporal: [oh, ow, oc, ic, kh, kw], control: broadcast}
"""

DEPTHWISE = """
name: depthwise
operations:
  - name: dw
    loops: {c: 8, oh: 8, ow: 8, kh: 3, kw: 3}
    statement: "Y[c,oh,ow] += X[c,oh+kh,ow+kw] * W[c,kh,kw]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {name: c_ow, spatial: {c: 4, ow: 4}, temporal: [c, oh, ow, kh, kw], control: broadcast}
"""

PADDED = """
name: padded
operations:
  - name: conv
    loops: {oc: 4, oh: 6, ow: 6, ic: 4, kh: 3, kw: 3}
    statement: "Y[oc,oh,ow] += X[ic,oh+kh-1,ow+kw-1] * W[oc,ic,kh,kw]"
    formats: {X: int8, W: int8, Y: int32}
    shapes: {X: [4, 6, 6]}
    pad: {X: 0}
    dataflow: {name: ic_oc, spatial: {ic: 4, oc: 4}, temporal: [oc, ic, kh, kw, oh, ow], control: systolic}
"""

LOOSE = GEMM.replace("gemm", "loose") + "architecture: {memory_style: at-once}\n"

CHIPS = {
    "loose": LOOSE,
    "gemm": GEMM,
    "weights": WEIGHTS,
    "pixels": PIXELS,
    "depthwise": DEPTHWISE,
    "padded": PADDED,
}


@functools.cache
def site(chip: str) -> Site:
    (found,) = sites_of_text(CHIPS[chip])
    return found


def operation(name: str, loops: str, statement: str, more: str = "") -> str:
    """An operation's text; tensors are of 8 bits, Y has 32."""
    return f"""
name: wanted
operations:
  - name: {name}
    loops: {{{loops}}}
    statement: "{statement}"
    formats: {{X: int8, W: int8, Y: int32}}
{more}
"""


LINEAR = operation("linear", "m: 16, n: 12, k: 24", "Y[m,n] += X[m,k] * W[n,k]")
RAGGED = operation("ragged", "m: 15, n: 11, k: 23", "Y[m,n] += X[m,k] * W[n,k]")
GEMV = operation("gemv", "m: 16, k: 24", "Y[m] += X[m,k] * W[k]")
POINTWISE = operation("pointwise", "oc: 8, h: 3, w: 4, ic: 8", "Y[oc,h,w] += X[ic,h,w] * W[oc,ic]")
BATCHED = operation("batched", "b: 3, m: 8, n: 8, k: 8", "Y[b,m,n] += X[b,m,k] * W[b,k,n]")
SCORES = operation("scores", "h: 2, i: 8, j: 8, d: 8", "Y[h,i,j] += X[h,i,d] * W[h,j,d]")
VALUES = operation("values", "h: 2, i: 8, d: 8, j: 8", "Y[h,i,d] += X[h,i,j] * W[h,j,d]")
CONV = operation(
    "conv",
    "oc: 4, ic: 3, oh: 4, ow: 4, kh: 3, kw: 3",
    "Y[oc,oh,ow] += X[ic,oh+kh,ow+kw] * W[oc,ic,kh,kw]",
)
STRIDED = operation(
    "strided",
    "oc: 4, ic: 3, oh: 3, ow: 3, kh: 3, kw: 3",
    "Y[oc,oh,ow] += X[ic,2*oh+kh,2*ow+kw] * W[oc,ic,kh,kw]",
)
WIDE = operation(
    "wide",
    "oc: 4, ic: 3, oh: 4, ow: 4, kh: 5, kw: 5",
    "Y[oc,oh,ow] += X[ic,oh+kh,ow+kw] * W[oc,ic,kh,kw]",
)
DILATED = operation(
    "dilated",
    "oc: 4, ic: 3, oh: 4, ow: 4, kh: 3, kw: 3",
    "Y[oc,oh,ow] += X[ic,oh+2*kh,ow+2*kw] * W[oc,ic,kh,kw]",
)
GROUPED = operation(
    "grouped",
    "g: 2, oc: 4, ic: 4, oh: 4, ow: 4, kh: 3, kw: 3",
    "Y[4*g+oc,oh,ow] += X[4*g+ic,oh+kh,ow+kw] * W[4*g+oc,ic,kh,kw]",
)
CHANNELS = operation(
    "channels",
    "c: 8, oh: 4, ow: 4, kh: 3, kw: 3",
    "Y[c,oh,ow] += X[c,oh+kh,ow+kw] * W[c,kh,kw]",
)
TRANSPOSED = operation(
    # of a transposed convolution with stride 2 and 3x3 weights, the results in even rows and columns
    "transposed",
    "oc: 4, ic: 3, oh: 4, ow: 4, kh: 2, kw: 2",
    "Y[oc,oh,ow] += X[ic,oh-kh,ow-kw] * W[oc,ic,2*kh,2*kw]",
    "    shapes: {X: [3, 4, 4], W: [4, 3, 3, 3]}\n    pad: {X: 0}",
)
PIECE = operation("piece", "oc: 4, h: 3, w: 4, ic: 3", "Y[oc,h,w] += X[ic,h,w] * W[oc,ic]")
SMALL = operation("little", "m: 8, n: 8, k: 8", "Y[m,n] += X[m,k] * W[n,k]")
LINE = operation("line", "oc: 4, w: 8, ic: 3, kw: 3", "Y[oc,w] += X[ic,w+kw] * W[oc,ic,kw]")
PATCH = operation(
    "patch",
    "oc: 4, ic: 2, oh: 4, ow: 4, kh: 2, kw: 3",
    "Y[oc,oh,ow] += X[ic,2*oh+kh,2*ow+kw] * W[oc,ic,kh,kw]",
)
SAME = operation(
    "same",
    "oc: 3, oh: 5, ow: 5, ic: 4, kh: 3, kw: 3",
    "Y[oc,oh,ow] += X[ic,oh+kh-1,ow+kw-1] * W[oc,ic,kh,kw]",
    "    shapes: {X: [4, 5, 5]}\n    pad: {X: 0}",
)
