"""Ports of FUs: which an FU of a kind may have, and what each brings."""

from __future__ import annotations

from lego.back.plan.array.fu_kind import FuKind, Pick, PortKind, SumKind
from lego.back.plan.array.ports import FIRST, FuPort, PortRole, inputs_of, sum_in, sum_out

KIND = FuKind(
    ports=(
        PortKind(((Pick.LINK, ((-1, 0),)), (Pick.EITHER, ((0, 1), (2, 0)))), passes=True),
        PortKind((None, (Pick.HOLD, ())), passes=False),
    ),
    masks=((0,), (0, 2)),
    sums=(SumKind(1, 1, 2, root=False), SumKind(-1, 0, 4, root=True, tree=0)),
    gives_sum=True,
    bare=False,
)


def test_inputs_of_a_kind() -> None:
    found = {port.name: port for port in inputs_of(KIND, ["X", "W"], split=False)}
    assert found == {
        "X_link0": FuPort("X_link0", PortRole.SOURCE, 0, 0),
        "X_link1": FuPort("X_link1", PortRole.SOURCE, 0, 1),
        "X_node": FuPort("X_node", PortRole.NODE, 0),
        "X_load": FuPort("X_load", PortRole.LOAD, 0),
        "X_reuse0": FuPort("X_reuse0", PortRole.REUSE, 0, 0),
        "X_reuse2": FuPort("X_reuse2", PortRole.REUSE, 0, 2),
        "W_node": FuPort("W_node", PortRole.NODE, 1),
        "W_load": FuPort("W_load", PortRole.LOAD, 1),
        "valid0": FuPort("valid0", PortRole.MASK, number=0),
        "valid2": FuPort("valid2", PortRole.MASK, number=2),
        "sum_in1": FuPort("sum_in1", PortRole.SUM_IN, number=1),
        "total_in0": FuPort("total_in0", PortRole.TOTAL_IN),
        "first": FIRST,
    }


def test_halves_of_sums_come_lower_first() -> None:
    assert [(port.name, port.upper) for port in sum_in(3, split=True)] == [
        ("sum_in3_low", False), ("sum_in3_high", True),
    ]  # fmt: skip
    assert [port.name for port in sum_out(split=True)] == ["sum_out_low", "sum_out_high"]
    assert [port.name for port in sum_out(split=False)] == ["sum_out"]
    names = [port.name for port in inputs_of(KIND, ["X", "W"], split=True)]
    assert [name for name in names if "sum" in name] == ["sum_in1_low", "sum_in1_high"]
