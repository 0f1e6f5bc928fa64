"""Functions of one byte that no slots compute are tables, which the vector engine is given."""

from __future__ import annotations

import numpy as np

from frontends.yaml import load_text
from lego.device.compile import compiled
from lego.runtime.functional import FunctionalDevice
from sim.device.session import expected, inputs_for
from tests.device.chips import FOLDER, chip_of

NETWORK = """
name: functions
operations:
  - name: product
    loops: {m: 20, n: 20, k: 16}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
  - name: rounded
    loops: {m: 20, n: 20}
    statement: "Z[m,n] = max(-128, min(127, (Y[m,n] * M[n] + B[n]) >> 16))"
    formats: {M: int16, B: int32, Z: int8}
  - name: folded
    loops: {m: 20, n: 20}
    statement: "A[m,n] = abs(Z[m,n]) >> 1"
    formats: {A: int8}
  - name: second
    loops: {m: 20, n: 20, k: 20}
    statement: "P[m,n] += A[m,k] * V[k,n]"
    formats: {V: int8, P: int32}
  - name: second_rounded
    loops: {m: 20, n: 20}
    statement: "Q[m,n] = max(-128, min(127, (P[m,n] * N[n] + C[n]) >> 16))"
    formats: {N: int16, C: int32, Q: int8}
  - name: squared
    loops: {m: 20, n: 20}
    statement: "R[m,n] = (Q[m,n] * Q[m,n]) >> 8"
    formats: {R: int8}
"""


def test_two_tables_in_one_network() -> None:
    text = (FOLDER / "edge16.yaml").read_text()
    operation = """  - name: folded
    loops: {p: 64, c: 32}
    statement: "F[p,c] = abs(V[p,c]) >> 1"
    formats: {F: int8}
    shapes: {V: [64, 32]}
architecture:
"""
    text = text.replace("architecture:\n", operation).replace("{p: 4, c: 32}", "{p: 64, c: 32}")
    text = text.replace("{p: 4, c: 32, i: 256}", "{p: 64, c: 32, i: 256}")
    chip = chip_of(load_text(text))
    assert chip.vector.has_table
    workload = load_text(NETWORK)
    made = compiled(chip, workload)
    inputs = inputs_for(made, workload, 0)
    wanted = expected(workload, {**made.constants, **inputs})
    for seed in (None, 1):
        (found,) = FunctionalDevice(chip, seed).run(made.program, inputs).values()
        assert np.array_equal(found, wanted["R"])
        assert len(np.unique(found)) > 8
