"""What networks read and write element by element: right on the device, or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from frontends.yaml.load import load_text
from lego.device.compile import compiled, is_whole
from lego.device.split import staged
from lego.diag import LegoError
from lego.ir.workload import Workload
from lego.runtime.functional import FunctionalDevice
from sim.device.session import expected, inputs_for
from tests.device.chips import edge

SUMS = """\
  - name: sums
    loops: {m: 16, n: 32, k: 16}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
"""


def workload(*operations: str, sums: str = SUMS) -> Workload:
    """Sums, and operations `loops | statement | more lines` behind them."""
    text = "name: net\noperations:\n" + sums
    for k, each in enumerate(operations):
        loops, statement, *more = each.split(" | ")
        text += f'  - name: op{k}\n    loops: {loops}\n    statement: "{statement}"\n'
        text += "".join(f"    {line}\n" for line in more)
    return load_text(text)


def rounded(body: str) -> str:
    return f"max(-128, min(127, ({body}) >> 8))"


BYTES = "formats: {A: int8, Z: int8}"
RIGHT = {
    "transposed sums": [
        "{m: 16, n: 32} | Z[n,m] = " + rounded("Y[m,n] * 5") + " | formats: {Z: int8}"
    ],
    "fewer sums": ["{m: 12, n: 20} | Z[m,n] = " + rounded("Y[m,n] * 5") + " | formats: {Z: int8}"],
    "one number of several": [
        (
            "{m: 16, n: 32} | Z[m,n] = "
            "max(-128, min(127, (Y[m,n] * M[3]) >> 16))"
            " | formats: {M: int16, Z: int8}"
        )
    ],
}
ALONE = {
    "bytes further on": [
        "{m: 16, n: 16, i: 3} | T[m,n] max= A[m+i,n] | formats: {A: int8, T: int8}",
        "{m: 12, n: 16} | Z[m,n] = " + rounded("T[m+4,n] * 70") + " | formats: {Z: int8}",
    ],
    "transposed means": [
        "{m: 16, n: 32, i: 3} | S[m,n] += A[m+i,n] | formats: {A: int8, S: int32}",
        "{m: 16, n: 32} | Z[n,m] = " + rounded("S[m,n] * 70") + " | formats: {Z: int8}",
    ],
    "means without dimensions": [
        "{h: 4, w: 4, c: 32} | S[0,0,c] += A[h,w,c] | formats: {A: int8, S: int32}",
        "{c: 32} | Z[c] = " + rounded("S[0,0,c] * 15") + " | formats: {Z: int8}",
    ],
    "a residual further on": [
        "{m: 16, n: 32, i: 3} | S[m,n] += A[m+i,n] | formats: {A: int8, S: int32}",
        "{m: 16, n: 32} | Z[m,n] = "
        + rounded("S[m,n] * 70 + A[m+2,n] * 90")
        + " | formats: {Z: int8}",
    ],
}


@pytest.mark.parametrize("name", [*RIGHT, *ALONE])
def test_networks_are_right(name: str) -> None:
    made = workload(*RIGHT[name]) if name in RIGHT else workload(*ALONE[name], sums="")
    program = compiled(edge(), made)
    inputs = inputs_for(program, made, 1)
    wanted = expected(made, {**program.constants, **inputs})["Z"]
    assert len(np.unique(wanted)) > 8
    assert np.array_equal(FunctionalDevice(edge(), 1).run(program.program, inputs)["Z"], wanted)


SMALL = "{m: 16, n: 16}"
REFUSED = {
    "doesn't read Y element by element": "{m: 18, n: 32} | Z[m,n] = "
    + rounded("Y[m-1,n] * 5 + 7000")
    + " | formats: {Z: int8} | pad: {Y: 0}",
    "op0 doesn't read Y element by element": "{m: 12, n: 32} | Z[m,n] = "
    + rounded("Y[m+4,n] * 5")
    + " | formats: {Z: int8}",
    "is the same along m": "{m: 8, n: 32} | Z[m,n] = "
    + rounded("Y[3,n] * 5")
    + " | formats: {Z: int8} | shapes: {Y: [16, 32]}",
    "reads S at 2 places": "{m: 16, n: 32} | Z[m,n] = "
    + rounded("Y[m,n] * S[0] + S[1]")
    + " | formats: {S: int16, Z: int8}",
    "P is a parameter": "{m: 16, n: 32} | Z[m,n] = "
    + rounded("Y[m,n] * 5 + P[m,n] * 9")
    + " | formats: {P: int8, Z: int8}",
    "every element of 'Z'": "{m: 16, n: m+1} | Z[m,n] = "
    + rounded("Y[m,n] * 5")
    + " | formats: {Z: int8}",
}
REFUSED_ALONE = {
    "reads A at 2 places": f"{SMALL} | Z[m,n] = {rounded('A[m,n] * 3 + A[m+1,n] * 5')} | {BYTES}",
    "no loop runs along dimension 0": f"{SMALL} | Z[2*m,n] = {rounded('A[m,n] * 3')} | {BYTES}",
    "every element of 'Z', of [20": f"{SMALL} | Z[m+4,n] = {rounded('A[m,n] * 3')} | {BYTES}",
    "no dimension of 'A' suits": f"{{m: 16}} | Z[m] = {rounded('A[m,m] * 3')} | {BYTES}",
    "'A' holds int32": f"{SMALL} | Z[m,n] = {rounded('A[m,n] * 3')} | formats: {{A: int32, Z: int8}}",
    "'A' holds uint8": f"{SMALL} | Z[m,n] = {rounded('A[m,n] * 3')} | formats: {{A: uint8, Z: int8}}",
    "is no nest of counters": "{m: 4, n: 16, i: 2, j: 2, k: 2, l: 2, q: 2, r: 2} | "
    "Z[m,n] max= A[m+i+3*j+7*k+19*l+47*q+97*r,n] | " + BYTES,
}


@pytest.mark.parametrize("reason", [*REFUSED, *REFUSED_ALONE])
def test_other_networks_are_refused_with_a_reason(reason: str) -> None:
    alone = reason in REFUSED_ALONE
    made = workload(REFUSED_ALONE[reason], sums="") if alone else workload(REFUSED[reason])
    with pytest.raises(LegoError) as caught:
        compiled(edge(), made)
    assert caught.value.code == "E308"
    assert reason in caught.value.message


def test_what_is_read_element_by_element_and_written_by_nobody_declares_a_chip_only() -> None:
    residual = "{m: 16, n: 32} | Z[m,n] = " + rounded("Y[m,n] * 5 + P[m,n] * 9")
    made = workload(residual + " | formats: {P: int8, Z: int8}")
    assert staged(made)
    assert not is_whole(made)
    assert is_whole(workload(*RIGHT["transposed sums"]))
