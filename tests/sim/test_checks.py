"""What failures of a bench say."""

from __future__ import annotations

import json
from pathlib import Path

from sim.checks import check_bench


def test_a_wrong_word_is_told_in_its_own_bits(tmp_path: Path) -> None:
    """Answers are as wide as the host's port, here 128 bits."""
    item = {"kind": "words", "operand": "fc: Y", "words": [0x5, 0x0, 0x7], "index": [[0], [1], [2]]}
    (tmp_path / "0.expected").write_text(json.dumps({"top": "chip", "expected": [item]}))
    (tmp_path / "0.answers").write_text(f"r {0x1F:032x}\nr {0:032x}\nr xx\n")
    verdict = check_bench(tmp_path / "0.expected")
    assert verdict.compared == 3
    assert verdict.failures == ("fc: Y[0] is 1f, expected 5", "fc: Y[2] is xx, expected 7")
    (tmp_path / "0.answers").write_text(f"r 5\nr {0x3:032x}\n")
    assert check_bench(tmp_path / "0.expected").failures == (
        "fc: Y[1] is 3, expected 0",
        "fc: Y[2] is missing, expected 7",
    )
