"""Random affine domains: the workloads of the generators, with bounds that depend on other loops, and
their meaning by plain Python loops, which knows nothing of the compiler."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from tests.property.generator import Sample, fused_sample, sample

__all__ = ["domain_sample", "fused_domain_sample", "naive", "points_of"]

_LOOPS = re.compile(r"(?m)^(    loops: )\{(.*)\}$")


def domain_sample(seed: int) -> Sample:
    """:func:`sample` with affine domains."""
    return _cut(sample(seed), random.Random(f"domain {seed}"))


def fused_domain_sample(seed: int) -> Sample:
    """:func:`fused_sample` with affine domains in most of its operations."""
    return _cut(fused_sample(seed), random.Random(f"domains {seed}"))


def _cut(drawn: Sample, r: random.Random) -> Sample:
    """Other loops than each operation's first get bounds that depend on those before, or not."""

    def replaced(match: re.Match[str]) -> str:
        pairs = [pair.split(": ") for pair in match[2].split(", ")]
        names = [name for name, _ in pairs]
        shown = [
            f"{name}: {_range(r, names[:k], int(extent)) if k and r.random() < 0.7 else extent}"
            for k, (name, extent) in enumerate(pairs)
        ]
        return f"{match[1]}{{{', '.join(shown)}}}"

    return Sample(_LOOPS.sub(replaced, drawn.text), drawn.bounds)


def _range(r: random.Random, before: list[str], extent: int) -> str:
    """A range within `extent`, as text of YAML."""
    bound = _affine(r, before, extent)
    kind = r.random()
    if kind < 0.55:
        return f'"min({bound}, {extent})"'
    if kind < 0.7:
        return f'"min({bound}, {_affine(r, before, extent)}, {extent})"'
    first = r.choice([f"max({_affine(r, before, 0)}, 0)", f"max({before[-1]}-1, 0)", "0", "1"])
    return (
        f'["{first}", {r.choice([extent, extent, chr(34) + f"min({bound}, {extent})" + chr(34)])}]'
    )


def _affine(r: random.Random, before: list[str], around: int) -> str:
    terms = {
        name: r.choice([1, 1, 1, -1, 2, -2])
        for name in r.sample(before, min(len(before), r.choice([1, 1, 2])))
    }
    constant = r.randint(0, 3) if min(terms.values()) > 0 else around + r.randint(-2, 4)
    return "+".join([str(constant), *(f"{a}*{name}" for name, a in terms.items())]).replace(
        "+-", "-"
    )


def points_of(
    loops: Mapping[str, Any], bounds: Mapping[str, int], chosen: Mapping[str, int] | None = None
) -> Iterator[dict[str, int]]:
    """The iterations of loops as a file gives them, within run-time bounds: plain nested ranges."""
    chosen = dict(chosen or {})
    if len(chosen) == len(loops):
        yield chosen
        return
    name = list(loops)[len(chosen)]
    given = loops[name]
    first, bound = given if isinstance(given, list) else (0, given)
    for value in range(_value(first, chosen), min(_value(bound, chosen), bounds[name])):
        yield from points_of(loops, bounds, chosen | {name: value})


def _value(text: str | int, chosen: Mapping[str, int]) -> int:
    return int(eval(str(text), {"min": min, "max": max}, dict(chosen)))  # noqa: S307


class _Reader:
    """A tensor in an expression: pads outside."""

    def __init__(self, values: Any, pad: int | None) -> None:
        self.values, self.pad = values, pad

    def __getitem__(self, index: int | tuple[int, ...]) -> int:
        place = index if isinstance(index, tuple) else (index,)
        inside = all(0 <= at < n for at, n in zip(place, self.values.shape, strict=True))
        if not inside and self.pad is None:
            raise IndexError(place)
        return int(self.values[place]) if inside else int(self.pad or 0)


_STATEMENT = re.compile(r"^\w+\[(.*?)\] (\+=|max=|min=|=) (.*)$")
_COMBINE: dict[str, Callable[[int, int], int]] = {
    "+=": lambda a, b: a + b,
    "max=": max,
    "min=": min,
    "=": lambda _, b: b,
}


def naive(
    operation: Mapping[str, Any], operands: Mapping[str, Any], bounds: Mapping[str, int]
) -> dict[tuple[int, ...], int]:
    """Value of every element that an iteration of the domain writes, before it wraps into its format."""
    match = _STATEMENT.match(operation["statement"])
    assert match, operation["statement"]
    index = compile(f"({match[1]},)", "index", "eval")
    body = compile(match[3], "body", "eval")
    pads = operation.get("pad", {})
    world: dict[str, Any] = {name: _Reader(v, pads.get(name)) for name, v in operands.items()}
    world |= {"min": min, "max": max, "abs": abs}
    found: dict[tuple[int, ...], int] = {}
    for point in points_of(operation["loops"], bounds):
        place = eval(index, world, point)  # noqa: S307
        value = eval(body, world, point)  # noqa: S307
        found[place] = _COMBINE[match[2]](found[place], value) if place in found else value
    return found


def operations_of(text: str) -> list[dict[str, Any]]:
    """The operations of a file, as YAML alone reads them."""
    read: list[dict[str, Any]] = yaml.safe_load(text)["operations"]
    return read
