"""Verilog in which names sort alike whatever they are, for synthesis: Yosys and ABC decide ties by them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lego.ir.keywords import KEYWORDS

__all__ = ["neutral", "restored"]

_TOKEN = re.compile(r"//[^\n]*|`[^\n]*|\d*'s?[bodh][0-9a-fxz_]+|\\\S+|[$\w]+")
_NEUTRAL = re.compile(r"z[0-9]{8}")


def neutral(verilog: str) -> tuple[str, dict[str, str]]:
    """The text with identifiers numbered in the order in which they appear, and the new name of each."""
    table: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        word = found[0]
        if not (word[0].isalpha() or word[0] in "_\\") or word in KEYWORDS:
            return word
        return table.setdefault(word, f"z{len(table):08}")

    return _TOKEN.sub(renamed, verilog), table


def restored(text: str, table: Mapping[str, str]) -> str:
    """What a tool made of it, with the identifiers of before."""
    back = {new: old.removeprefix("\\") for old, new in table.items()}
    return _NEUTRAL.sub(lambda found: back[found[0]], text)
