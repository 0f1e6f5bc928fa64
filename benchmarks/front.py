"""Time of the front end (reuse, interconnect, fusion, banks) against the size of the array. Prints a table.

python benchmarks/front.py
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from frontends.yaml import load_text
from lego.designs import designs_of

GEMM = """\
name: gemm
operations:
  - name: mm
    loops: {{m: 256, n: 256, k: 256}}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {{X: int8, W: int8, Y: int32}}
    dataflow: {{spatial: {{m: {size}, n: {size}}}, temporal: [m, n, k], control: systolic}}
"""
CONV = """\
name: conv
operations:
  - name: conv
    loops: {{oc: 64, oh: 64, ow: 64, ic: 16, kh: 3, kw: 3}}
    statement: "Y[oc,oh,ow] += X[ic,oh+kh-1,ow+kw-1] * W[oc,ic,kh,kw]"
    formats: {{X: int8, W: int8, Y: int32}}
    pad: {{X: 0}}
    shapes: {{X: [16, 64, 64]}}
    dataflow: {{spatial: {{oh: {size}, ow: {size}}}, temporal: [oc, ic, kh, kw], control: systolic}}
"""


FUSED = """\
name: fused
operations:
  - name: mm
    loops: {{m: 256, n: 256, k: 256}}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {{X: int8, W: int8, Y: int32}}
    dataflows:
      - {{name: os, spatial: {{m: {size}, n: {size}}}, temporal: [m, n, k], control: systolic}}
      - {{name: ws, spatial: {{k: {size}, n: {size}}}, temporal: [n, k, m], control: systolic}}
  - name: conv
    loops: {{oc: 64, oh: 64, ow: 64, ic: 64, kh: 3, kw: 3}}
    statement: "P[oc,oh,ow] += I[ic,oh+kh-1,ow+kw-1] * F[oc,ic,kh,kw]"
    formats: {{I: int8, F: int8, P: int32}}
    pad: {{I: 0}}
    shapes: {{I: [64, 64, 64]}}
    dataflows:
      - {{name: oh_ow, spatial: {{oh: {size}, ow: {size}}}, temporal: [oc, ic, kh, kw], control: systolic}}
      - {{name: ic_oc, spatial: {{ic: {size}, oc: {size}}}, temporal: [kh, kw, oh, ow], control: systolic}}
"""


def seconds(text: str) -> float:
    """Best of three."""
    workload = load_text(text)
    times = []
    for _ in range(3):
        begun = time.monotonic()
        designs_of(workload)
        times.append(time.monotonic() - begun)
    return min(times)


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(f"{'array':>8} {'gemm s':>8} {'conv s':>8} {'4 dataflows s':>14}")
    for size in (4, 8, 16, 32, 64):
        row = [seconds(text.format(size=size)) for text in (GEMM, CONV, FUSED)]
        print(f"{size:>4}x{size:<3} {row[0]:8.3f} {row[1]:8.3f} {row[2]:14.3f}")


if __name__ == "__main__":
    main()
