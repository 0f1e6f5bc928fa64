"""Switching activity of a simulated run, from the SAIF that Verilator writes."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["DEFAULT_ACTIVITY", "activity_by_category"]

DEFAULT_ACTIVITY = 0.2
"""Toggles per bit and cycle where no simulation was recorded."""

_LINE = re.compile(r"\(INSTANCE (?:\S+ )?\"?([\w.\[\]]+)\"?|\(TC (\d+)\)|\(NET|[()]")


def activity_by_category(saif: str, cycles: int, categories: Mapping[str, str]) -> dict[str, float]:
    """Mean toggles per bit and busy cycle, by the category of the instance that holds the bit.

    `categories` maps instance-name prefixes to categories; an instance without one inherits.
    """
    toggles: dict[str, int] = {}
    bits: dict[str, int] = {}
    stack: list[str] = [""]
    for match in _LINE.finditer(saif):
        found = match.group(0)
        if found.startswith("(INSTANCE"):
            stack.append(_category(match.group(1), categories, stack[-1]))
        elif found.startswith("(TC"):
            here = stack[-1]
            toggles[here] = toggles.get(here, 0) + int(match.group(2))
            bits[here] = bits.get(here, 0) + 1
        elif found == ")":
            stack.pop()
            stack = stack or [""]
        else:
            stack.append(stack[-1])
    return {name: toggles[name] / (bits[name] * max(1, cycles)) for name in sorted(bits) if name}


def _category(instance: str, categories: Mapping[str, str], inherited: str) -> str:
    for prefix, category in categories.items():
        if instance.startswith(prefix):
            return category
    return inherited
