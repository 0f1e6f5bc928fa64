"""Boolean functions as Liberty files write them, as truth tables.

``!`` before and ``'`` behind negate; then ``^``, then ``*``, ``&`` and mere juxtaposition, then
``+`` and ``|`` bind weaker.
"""

from __future__ import annotations

import functools
import re

__all__ = ["assignments", "cofactor", "sense_of", "truth_table"]

MOST_INPUTS = 12
_TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w\[\].]*)|([01](?!\w))|([!'^*&+|()]))")


@functools.lru_cache(maxsize=4096)
def truth_table(text: str, inputs: tuple[str, ...]) -> int | None:
    """The function's value for every assignment: bit ``sum(value of inputs[k] << k)``.

    None where it isn't a function of these inputs, such as that of a flip-flop's state, or they are too many.
    """
    tokens = _tokens(text)
    if not tokens or len(inputs) > MOST_INPUTS:
        return None
    try:
        value, rest = _sum(tokens, inputs)
    except (KeyError, IndexError):
        return None
    return value if not rest else None


def _tokens(text: str) -> tuple[str, ...]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return ()
        tokens.append(found.group().strip())
        at = found.end()
    return tuple(tokens)


Tokens = tuple[str, ...]


def _sum(tokens: Tokens, inputs: tuple[str, ...]) -> tuple[int, Tokens]:
    value, tokens = _product(tokens, inputs)
    while tokens and tokens[0] in "+|":
        more, tokens = _product(tokens[1:], inputs)
        value |= more
    return value, tokens


def _product(tokens: Tokens, inputs: tuple[str, ...]) -> tuple[int, Tokens]:
    value, tokens = _exclusive(tokens, inputs)
    while tokens and tokens[0] not in "+|)":
        more, tokens = _exclusive(tokens[1:] if tokens[0] in "*&" else tokens, inputs)
        value &= more
    return value, tokens


def _exclusive(tokens: Tokens, inputs: tuple[str, ...]) -> tuple[int, Tokens]:
    value, tokens = _factor(tokens, inputs)
    while tokens and tokens[0] == "^":
        more, tokens = _factor(tokens[1:], inputs)
        value ^= more
    return value, tokens


def _factor(tokens: Tokens, inputs: tuple[str, ...]) -> tuple[int, Tokens]:
    every = assignments(inputs)
    head, tokens = tokens[0], tokens[1:]
    if head == "!":
        value, tokens = _factor(tokens, inputs)
        return every ^ value, tokens
    if head == "(":
        value, tokens = _sum(tokens, inputs)
        if tokens[0] != ")":
            raise KeyError(tokens[0])
        tokens = tokens[1:]
    elif head in "01":
        value = every if head == "1" else 0
    else:
        value = _variable({name: k for k, name in enumerate(inputs)}[head], len(inputs))
    while tokens and tokens[0] == "'":
        value, tokens = every ^ value, tokens[1:]
    return value, tokens


def assignments(inputs: tuple[str, ...]) -> int:
    """The table of the function that is always true."""
    return (1 << (1 << len(inputs))) - 1


@functools.lru_cache
def _variable(k: int, n: int) -> int:
    return sum(1 << row for row in range(1 << n) if row >> k & 1)


def cofactor(table: int, k: int, value: int, n: int) -> int:
    """The function of `n` inputs where input `k` has a value, as a function of all of them."""
    mask, step = _variable(k, n), 1 << k
    if value:
        half = table & mask
        return half | half >> step
    half = table & ~mask
    return half | half << step


def sense_of(table: int, k: int, n: int) -> str:
    """How a function of `n` inputs follows input `k`: as `timing_sense` calls it, or nothing if it
    doesn't."""
    low, high = cofactor(table, k, 0, n), cofactor(table, k, 1, n)
    if low == high:
        return ""
    if low & ~high == 0:
        return "positive_unate"
    return "negative_unate" if high & ~low == 0 else "non_unate"
