"""Hints for words that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "known:") -> str:
    """A hint: the closest known word, or all of them after `otherwise`."""
    words = list(known)
    close = difflib.get_close_matches(name, words, 1, 0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"{otherwise} {', '.join(words) or 'none'}" if len(words) <= 16 else otherwise
