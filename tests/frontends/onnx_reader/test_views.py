"""Windowed operators on views, in every pair, against ONNX's own evaluator."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from tests.frontends.onnx_reader.compare import compare, model
from tests.frontends.onnx_reader.windows import OPERATORS, Drawn, draw, pairs

GROUP = 30
GROUPS = len(pairs()) // GROUP


def agree(drawn: list[Drawn], folder: Path) -> None:
    made = model(
        [node for each in drawn for node in each.nodes],
        {f"{each.prefix}x": each.start for each in drawn},
        {name: value for each in drawn for name, value in each.initial.items()},
        [each.last for each in drawn],
    )
    compare(made, {f"{each.prefix}x": each.start for each in drawn}, folder)


@pytest.mark.parametrize("number", range(GROUPS))
def test_every_operator_after_every_view(number: int, tmp_path: Path) -> None:
    mine = pairs()[number::GROUPS]
    assert set(Counter(op for _, op, _ in mine)) <= set(OPERATORS)
    agree([draw(f"s{k}_", *pair) for k, pair in enumerate(mine)], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("number", range(GROUPS))
def test_more_of_them(number: int, seed: int, tmp_path: Path) -> None:
    agree([draw(f"t{seed}_{k}_", *p) for k, p in enumerate(pairs()[number::GROUPS])], tmp_path)
