"""Small designs whose control, memories and arrays differ."""

from __future__ import annotations

from frontends.yaml import load_text
from lego.back.plan.design import DesignPlan, plan_of
from lego.designs import designs_of

GEMM = """\
name: gemm
operations:
  - name: mm
    loops: {m: 5, n: 3, k: 4}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {m: 2, n: 2}, temporal: [m, n, k], control: systolic}
architecture: {array: [2, 2], read_cost: 1}
"""
CHAIN = GEMM.replace("{m: 2, n: 2}", "{k: 3, n: 2}").replace("[m, n, k]", "[n, k, m]").replace(
    "[2, 2]", "[3, 2]"
)  # fmt: skip
RESUMED = GEMM.replace("[2, 2]", "[2, 2], resume: yes")
TREE = GEMM.replace("{m: 2, n: 2}", "{k: 3, n: 2}").replace("systolic", "broadcast").replace(
    "[2, 2], read_cost: 1", "[3, 2], read_cost: 12"
)  # fmt: skip
WINDOWS = """\
name: windows
operations:
  - name: conv
    loops: {oc: 2, oh: 3, ow: 5, ic: 2, kh: 3, kw: 2}
    statement: "Y[oc,oh,ow] += X[ic,oh+kh-1,2*ow+kw-1] * W[oc,ic,kh,kw]"
    formats: {X: uint8, W: int5, Y: int20}
    pad: {X: 7}
    shapes: {X: [2, 3, 8]}
    dataflow: {spatial: {oh: 2, ow: 3}, temporal: [oc, ic, kh, kw], control: systolic}
architecture: {array: [2, 3]}
"""
TRIANGLE = """\
name: triangle
operations:
  - name: scores
    loops: {i: 5, j: i+1, d: 3}
    statement: "S[i,j] += Q[i,d] * K[j,d]"
    formats: {Q: int8, K: int8, S: int32}
    dataflow: {spatial: {i: 2, j: 2}, temporal: [i, j, d], control: systolic}
architecture: {array: [2, 2]}
"""
FIFOS = """\
name: fifos
operations:
  - name: dw
    loops: {c: 3, oh: 4, ow: 5, kh: 3, kw: 3}
    statement: "Y[c,oh,ow] += X[c,oh+kh-1,ow+kw-1] * W[c,kh,kw]"
    formats: {X: int8, W: int8, Y: int32}
    pad: {X: 3}
    shapes: {X: [3, 4, 5]}
    dataflow: {spatial: {c: 2, ow: 3}, temporal: [c, ow, oh, kh, kw], control: systolic}
architecture: {array: [2, 3], read_cost: 60}
"""
SEVERAL = """\
name: several
operations:
  - name: mm
    loops: {m: 5, n: 4, k: 6}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: os, spatial: {m: 2, n: 2}, temporal: [m, n, k], control: systolic}
      - {name: ws, spatial: {k: 2, n: 2}, temporal: [n, k, m], control: systolic}
  - name: pool
    loops: {c: 3, oh: 3, kh: 2}
    statement: "P[c,oh] max= I[c,2*oh+kh]"
    formats: {P: int8, I: int8}
    dataflow: {spatial: {c: 2, oh: 2}, temporal: [c, oh, kh], control: broadcast}
architecture: {array: [2, 2]}
"""
EDGES = """\
name: edges
operations:
  - name: op
    loops: {i: 5, j: 2}
    statement: "Y[2*i+j] += 3 * A[j]"
    formats: {A: int8, Y: int32}
    dataflow: {spatial: {j: 3, i: 2}, temporal: [j, i], control: [2, 1]}
architecture: {array: [3, 2]}
"""
SHIFTED = """\
name: shifted
operations:
  - name: op
    loops: {y: 5, x: 5, k: 3}
    statement: "Y[y,x] += X[y+1,x+k] * W[k]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {y: 2, x: 2}, temporal: [y, k, x], control: broadcast}
architecture: {array: [2, 2]}
"""
WANDERING = """\
name: wandering
operations:
  - name: op
    loops: {m: 3, n: 4, k: 2}
    statement: "Y[m,n] += X[m,n,k] * W[k]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {m: 2, n: 3}, temporal: [m, n, k], control: [1, 0]}
architecture: {array: [2, 3]}
"""
LEVELS = """\
name: levels
operations:
  - name: op
    loops: {m: 3, k: 5, l: 3}
    statement: "Y[m] += X[m,k,l] * W[k,l]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {k: 3, l: 2}, temporal: [m, k, l], control: [2, 0]}
architecture: {array: [3, 2]}
"""
ROUNDS = """\
name: rounds
operations:
  - name: op
    loops: {m: 5, n: 7, k: 3}
    statement: "Y[m,n] += X[m,n,k] * W[n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {m: 2, n: 3}, temporal: [n, m, k], control: systolic}
architecture: {array: [2, 3]}
"""
ROTATING = """\
name: rotating
operations:
  - name: mm
    loops: {m: 8, n: 4, k: 6}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: os, spatial: {m: 4, n: 4}, temporal: [m, n, k], control: systolic}
      - {name: ws, spatial: {k: 4, n: 4}, temporal: [n, k, m], control: systolic}
      - {name: is, spatial: {m: 4, k: 4}, temporal: [m, k, n], control: systolic}
architecture: {array: [4, 4]}
"""
WAITING = """\
name: waiting
operations:
  - name: mm
    loops: {m: 7, n: 6, k: 4}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {m: 3, n: 2}, temporal: [m, n, k], control: broadcast}
architecture: {array: [3, 2]}
"""
IN_TURN = {"rounds": ROUNDS, "rotating": ROTATING, "waiting": WAITING}
DESIGNS = {
    "gemm": GEMM, "chain": CHAIN, "tree": TREE, "windows": WINDOWS, "triangle": TRIANGLE,
    "fifos": FIFOS, "several": SEVERAL, "edges": EDGES, "shifted": SHIFTED, "levels": LEVELS,
    "wandering": WANDERING,
}  # fmt: skip


def design_of(text: str) -> DesignPlan:
    """The plan of a text's only design."""
    (fused,) = designs_of(load_text(text))
    return plan_of(fused)
