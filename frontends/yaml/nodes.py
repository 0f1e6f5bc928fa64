"""Positioned nodes of a workload's text: scalars, sequences and mappings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lego.diag import Loc

__all__ = ["Item", "MapNode", "ScalarNode", "SeqNode", "YamlNode", "is_integer", "plain", "spot"]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,9})")
_BLOCK = re.compile(r"[|>][^\n]*\n\s*")
_FOLD = re.compile(r"[ \t]*\r?\n\s*")


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """Text that was meant; `quoted` if it had quotes or was a block; `source` as it was written."""

    text: str
    quoted: bool
    loc: Loc
    source: str = ""


@dataclass(frozen=True, slots=True)
class SeqNode:
    """A sequence."""

    items: tuple[YamlNode, ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a mapping."""

    key: ScalarNode
    value: YamlNode


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping, in the order of the text."""

    items: tuple[Item, ...]
    loc: Loc


YamlNode = ScalarNode | SeqNode | MapNode


def spot(node: ScalarNode, offset: int) -> Loc:
    """Position of character `offset` of a scalar's text; the scalar's start if that is unclear."""
    source = node.source
    block = _BLOCK.match(source)
    at = block.end() if block else int(source[:1] in ("'", '"'))
    for char in node.text[:offset]:
        fold = _FOLD.match(source, at) if char in " \n" else None
        if fold:
            at = fold.end()
        elif source.startswith("''", at) and char == "'" and source[0] == "'":
            at += 2
        elif source[at : at + 1] == char:
            at += 1
        else:
            return node.loc
    lines = source[:at].split("\n")
    column = len(lines[-1]) + (node.loc.column if len(lines) == 1 else 1)
    return Loc(node.loc.path, node.loc.line + len(lines) - 1, column)


def is_integer(text: str) -> bool:
    """Whether text is an integer in decimal, of at most ten digits."""
    return _INTEGER.fullmatch(text) is not None


def plain(node: YamlNode) -> object:
    """A node without positions: dicts, lists, and text, or integers where they have no quotes."""
    if isinstance(node, MapNode):
        return {item.key.text: plain(item.value) for item in node.items}
    if isinstance(node, SeqNode):
        return [plain(item) for item in node.items]
    if not node.quoted and is_integer(node.text):
        return int(node.text)
    return node.text
