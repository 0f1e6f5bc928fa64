"""The front end's cost table is what synthesis measures."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from lego.front.costs import body_cost
from lego.ir.costs import COSTS
from lego.ir.expr import Binary, BinaryOp, Operand

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "costs.py"


def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("costs_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_calibrated() -> None:
    assert benchmark().measured() == asdict(COSTS)


def test_delays_are_estimated_within_a_quarter() -> None:
    for name, (measured, estimate) in benchmark().delays().items():
        assert abs(estimate - measured) * 4 <= measured, name


def test_bodies_share_what_has_the_same_operands() -> None:
    product = Binary(BinaryOp.MUL, Operand(0), Operand(1))
    three = Binary(BinaryOp.MUL, product, Operand(2))
    ports = dict.fromkeys(range(3), (-128, 127))
    alone = body_cost([(three, (0, 1, 2))], ports)
    assert body_cost([(three, (0, 1, 2)), (product, (1, 0))], ports) == alone
    assert body_cost([(three, (0, 1, 2)), (product, (2, 0))], ports) > alone
