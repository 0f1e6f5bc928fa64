"""The workloads in the documentation load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontends.yaml import load_text

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = [
    block
    for page in ("README.md", "docs/workloads.md")
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
]


@pytest.mark.parametrize("text", BLOCKS, ids=lambda text: text.split("\n")[0])
def test_block_loads(text: str) -> None:
    assert load_text(text).operations
