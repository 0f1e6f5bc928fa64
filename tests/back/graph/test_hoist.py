"""Registers in front of what chooses banks' addresses."""

from __future__ import annotations

from lego.back.pipeline import Options
from tests.designs import cases_of, random_bounds, verdicts_of

# A digit turns the addresses of two rows of FUs, of few distinct ones, over 25 banks.
DIAGONAL = """\
name: diagonal
operations:
  - name: sum
    loops: {i: 6, j: 4}
    statement: "Y[j,i] += A[i,i+j,i]"
    formats: {A: int8, Y: int32}
    dataflow: {spatial: {j: 2, i: 5}, temporal: [i, j], control: broadcast}
architecture: {array: [2, 5]}
"""


def test_a_design_of_one_dataflow_has_no_dataflow_id_to_choose_by() -> None:
    cases = cases_of(DIAGONAL, 1, random_bounds(DIAGONAL, 2, 1), passes=Options(verify=True))
    assert "dataflow" not in {register.name for register in cases[0].stream.device.registers}
    assert [verdict.failures for verdict in verdicts_of(cases)] == [()]
