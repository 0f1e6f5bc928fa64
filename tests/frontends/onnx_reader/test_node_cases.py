"""The node tests of the package `onnx`: every one is equal in type, shape and values, or refused by
its node's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from tests.frontends.onnx_reader.node_cases import VARIANTS, Case, all_cases, counts, outcome

MEASURED = "1.23.2"
"""The version of `onnx` that the figures below are of."""

COUNTED = 1659
LEAST_EQUAL = {"shipped": 745, "initialisers": 660, "folded": 928}


@pytest.fixture(scope="module")
def cases(request: pytest.FixtureRequest) -> Sequence[Case]:
    """Those that count."""
    cache = request.config.cache
    assert cache is not None
    found = [case for case in all_cases(cache.mkdir("onnx_node_cases")) if counts(case)]
    if version("onnx") == MEASURED:
        assert len(found) == COUNTED
    return found


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_none_is_wrong(
    variant: str, cases: Sequence[Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [case for case in map(VARIANTS[variant], cases) if case is not None]
    found = [outcome(case, tmp_path) for case in made]
    kinds = Counter(each.kind for each in found)
    with capsys.disabled():
        print(f"\n{variant}: {len(made)} of {len(cases)} node tests that count, {dict(kinds)}")
    bad = [each for each in found if each.kind not in ("equal", "refused")]
    assert not bad
    assert len(made) > len(cases) // 2
    if version("onnx") == MEASURED:
        assert kinds["equal"] >= LEAST_EQUAL[variant]


def test_the_comparison_sees_types_shapes_and_values(cases: Sequence[Case], tmp_path: Path) -> None:
    """A case with another result in place of its own isn't equal."""
    (case,) = (each for each in cases if each.name == "test_add")
    (right,) = case.outputs
    assert outcome(case, tmp_path).kind == "equal"
    changed: dict[str, Any] = {
        "type": right.astype("float64"),
        "shape": right[:1],
        "values": right + (right == right.flat[5]) * 0.01,
    }
    for what, wrong in changed.items():
        assert (
            outcome(Case(case.name, case.model, case.inputs, (wrong,)), tmp_path).kind == "wrong"
        ), what
