"""Views and windowed operators with parameters drawn at random, for every pair of the two.

A draw is a function, a text that tells it, and whether it fits a tensor; what doesn't fit is drawn again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

__all__ = ["OPERATORS", "VIEWS", "Chain", "Together", "chain", "pairs"]

Step = Callable[..., Tensor]
LARGEST = 6000
TRIES = 400


def _factor(rng: random.Random, size: int) -> int:
    return rng.choice([d for d in range(1, size + 1) if size % d == 0])


def _axis(rng: random.Random, x: Tensor) -> int:
    return rng.randrange(-min(3, x.dim()), 0)


def _split_and_merge(rng: random.Random, x: Tensor) -> Step:
    """A dimension in two, one of which goes into another dimension."""
    a, b = rng.sample(range(1, x.dim()), 2)
    inner, first = _factor(rng, x.shape[a]), rng.random() < 0.5
    sizes = list(x.shape)
    sizes[a : a + 1] = [x.shape[a] // inner, inner]
    order = list(range(len(sizes)))
    moved = order.pop(a + 1 if rng.random() < 0.5 else a)
    at = next(k for k, d in enumerate(order) if d == (b if b < a else b + 1))
    order.insert(at if first else at + 1, moved)
    return lambda y: y.reshape(sizes).permute(order).flatten(at, at + 1)


def _other_shape(rng: random.Random, x: Tensor) -> Step:
    """Pixels or channels in other rows."""
    at = rng.randrange(1, x.dim() - 1)
    total = x.shape[at] * x.shape[at + 1]
    new = _factor(rng, total)
    return lambda y: y.reshape(*x.shape[:at], new, total // new, *x.shape[at + 2 :])


def _flat_and_back(rng: random.Random, x: Tensor) -> Step:
    order = rng.sample(range(x.dim()), x.dim())
    return lambda y: y.permute(order).flatten().unflatten(0, x.shape)


def _permuted(rng: random.Random, x: Tensor) -> Step:
    order = [0, *rng.sample(range(1, x.dim()), x.dim() - 1)]
    return lambda y: y.permute(order)


def _strided(rng: random.Random, x: Tensor) -> Step:
    dim, step = _axis(rng, x), rng.choice([1, 2, 3])
    start = rng.randrange(x.shape[dim])
    index = [slice(None)] * x.dim()
    index[dim] = slice(start, None, step)
    return lambda y: y[tuple(index)]


def _repeated(rng: random.Random, x: Tensor) -> Step:
    times = [1] * x.dim()
    times[_axis(rng, x)] = rng.choice([2, 3])
    return lambda y: y.repeat(times)


def _interleaved(rng: random.Random, x: Tensor) -> Step:
    dim, times = _axis(rng, x), rng.choice([2, 3])
    return lambda y: y.repeat_interleave(times, dim)


def _expanded(rng: random.Random, x: Tensor) -> Step:
    dim, at = _axis(rng, x), rng.random()
    shape = list(x.shape)
    shape[dim] = rng.choice([2, 4])
    return lambda y: y.narrow(dim, int(at * y.shape[dim]), 1).expand(shape)


def _nearest(rng: random.Random, x: Tensor) -> Step:
    factors = [rng.choice([1, 2, 3]), rng.choice([2, 3])]
    return lambda y: F.interpolate(y, scale_factor=factors, mode="nearest")


def _chunks(rng: random.Random, x: Tensor) -> Step:
    dim, count = _axis(rng, x), rng.choice([2, 3])
    which = rng.randrange(2)
    return lambda y: y.chunk(count, dim)[which]


def _swapped_halves(rng: random.Random, x: Tensor) -> Step:
    dim = _axis(rng, x)
    return lambda y: torch.cat(y.split(max(1, y.shape[dim] // 2), dim)[::-1], dim)


def _restacked(rng: random.Random, x: Tensor) -> Step:
    dim, to = _axis(rng, x), _axis(rng, x)
    return lambda y: torch.stack(y.unbind(dim), to)


def _flipped(rng: random.Random, x: Tensor) -> Step:
    dims = [_axis(rng, x)]
    return lambda y: y.flip(dims)


def _rolled(rng: random.Random, x: Tensor) -> Step:
    dim, by = _axis(rng, x), rng.randint(-3, 3)
    return lambda y: y.roll((by,), (dim,))


VIEWS: dict[str, Callable[[random.Random, Tensor], Step]] = {
    "split_and_merge": _split_and_merge,
    "other_shape": _other_shape,
    "flat_and_back": _flat_and_back,
    "permuted": _permuted,
    "strided": _strided,
    "repeated": _repeated,
    "interleaved": _interleaved,
    "expanded": _expanded,
    "nearest": _nearest,
    "chunks": _chunks,
    "swapped_halves": _swapped_halves,
    "restacked": _restacked,
    "flipped": _flipped,
    "rolled": _rolled,
    "shuffled": lambda rng, x: lambda y: F.pixel_shuffle(y, 2),
    "unshuffled": lambda rng, x: lambda y: F.pixel_unshuffle(y, 2),
}


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Parameters of a window per axis."""

    taps: list[int]
    stride: list[int]
    padding: list[int]
    dilation: list[int]

    @classmethod
    def draw(cls, rng: random.Random, axes: int) -> _Sizes:
        """Each axis by itself; a third of all have stride 1, a third no padding, a half no dilation."""
        return cls(
            [rng.randint(1, 3) for _ in range(axes)],
            [rng.randint(1, 3) for _ in range(axes)],
            [rng.choice([0, 0, 1, 2]) for _ in range(axes)],
            [rng.choice([1, 1, 2, 3]) for _ in range(axes)],
        )


def _values(rng: random.Random, *shape: int) -> Tensor:
    made = torch.Generator().manual_seed(rng.randrange(1 << 30))
    return torch.randn(shape, generator=made)


def _groups(rng: random.Random, x: Tensor, axes: int) -> tuple[int, int]:
    channels = x.shape[-axes - 1]
    return channels, _factor(rng, channels)


def _convolution(axes: int) -> Callable[[random.Random, Tensor], Step]:
    def draw(rng: random.Random, x: Tensor) -> Step:
        s, (channels, groups) = _Sizes.draw(rng, axes), _groups(rng, x, axes)
        weight = _values(rng, groups * rng.randint(1, 3), channels // groups, *s.taps)
        bias = rng.choice([None, _values(rng, weight.shape[0])])
        same = rng.random() < 0.2
        stride, padding = ([1] * axes, "same") if same else (s.stride, s.padding)
        function = getattr(F, f"conv{axes}d")
        return lambda y: function(y, weight, bias, stride, padding, s.dilation, groups)

    return draw


def _transposed(axes: int) -> Callable[[random.Random, Tensor], Step]:
    def draw(rng: random.Random, x: Tensor) -> Step:
        s, (channels, groups) = _Sizes.draw(rng, axes), _groups(rng, x, axes)
        weight = _values(rng, channels, rng.randint(1, 3), *s.taps)
        bias = rng.choice([None, _values(rng, weight.shape[1] * groups)])
        extra = [rng.randrange(max(a, b)) for a, b in zip(s.stride, s.dilation, strict=True)]
        function = getattr(F, f"conv_transpose{axes}d")
        return lambda y: function(y, weight, bias, s.stride, s.padding, extra, groups, s.dilation)

    return draw


def _max_pool(axes: int) -> Callable[[random.Random, Tensor], Step]:
    def draw(rng: random.Random, x: Tensor) -> Step:
        s, up = _Sizes.draw(rng, axes), rng.random() < 0.4
        padding = [min(p, k // 2) for p, k in zip(s.padding, s.taps, strict=True)]
        function = getattr(F, f"max_pool{axes}d")
        return lambda y: function(y, s.taps, s.stride, padding, s.dilation, up)

    return draw


def _average_pool(axes: int) -> Callable[[random.Random, Tensor], Step]:
    def draw(rng: random.Random, x: Tensor) -> Step:
        s = _Sizes.draw(rng, axes)
        padding = [min(p, k // 2) for p, k in zip(s.padding, s.taps, strict=True)]
        function = getattr(F, f"avg_pool{axes}d")
        return lambda y: function(y, s.taps, s.stride, padding)

    return draw


def _adaptive(rng: random.Random, x: Tensor) -> Step:
    size = [rng.randint(1, 4), rng.randint(1, 4)]
    return lambda y: F.adaptive_avg_pool2d(y, size)


def _interpolated(rng: random.Random, x: Tensor) -> Step:
    size, corners = [rng.randint(1, 9), rng.randint(1, 9)], rng.random() < 0.5
    mode = rng.choice(["bilinear", "bicubic"])
    return lambda y: F.interpolate(y, size=size, mode=mode, align_corners=corners)


def _padded(rng: random.Random, x: Tensor) -> Step:
    sides = [rng.randint(-1, 2) for _ in range(2 * rng.randint(1, 3))]
    return lambda y: F.pad(y, sides, value=0.5)


def _looked_up(rng: random.Random, x: Tensor) -> Step:
    dim = _axis(rng, x)
    index = torch.tensor([rng.randrange(x.shape[dim]) for _ in range(3)])
    return lambda y: y.index_select(dim, index)


def _summed_so_far(rng: random.Random, x: Tensor) -> Step:
    dim = _axis(rng, x)
    return lambda y: y.cumsum(dim)


OPERATORS: dict[str, tuple[int, Callable[[random.Random, Tensor], Step]]] = {
    **{f"conv{n}d": (n, _convolution(n)) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": (n, _transposed(n)) for n in (1, 2, 3)},
    **{f"max_pool{n}d": (n, _max_pool(n)) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": (n, _average_pool(n)) for n in (1, 2, 3)},
    "adaptive": (2, _adaptive),
    "interpolated": (2, _interpolated),
    "padded": (2, _padded),
    "looked_up": (2, _looked_up),
    "summed_so_far": (2, _summed_so_far),
}
"""Axes of an image, and how one is drawn."""


class Chain(nn.Module):
    """Steps one after another; all have the shapes that they were drawn for."""

    def __init__(self, name: str, x: Tensor, steps: list[Step]) -> None:
        super().__init__()
        self.name, self.x, self.steps = name, x, steps

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step(x)
        return x


class Together(nn.Module):
    """Chains beside each other, each on its own input."""

    def __init__(self, chains: list[Chain]) -> None:
        super().__init__()
        self.chains = nn.ModuleList(chains)

    def forward(self, *inputs: Tensor) -> Any:
        return tuple(each(x) for each, x in zip(self.chains, inputs, strict=True))


def pairs() -> Iterator[tuple[str, str]]:
    """Every view with every operator; what is only there for images stays with them."""
    for view, operator in product(VIEWS, OPERATORS):
        if OPERATORS[operator][0] == 2 or view not in ("nearest", "shuffled", "unshuffled"):
            yield view, operator


def chain(seed: str, names: list[str]) -> Chain:
    """These steps in turn, their parameters drawn until they fit an image that is drawn as well."""
    rng = random.Random(seed)
    axes = next((OPERATORS[name][0] for name in names if name in OPERATORS), 2)
    for _ in range(TRIES):
        batch = [rng.randint(1, 2)] if axes == 2 or rng.random() < 0.8 else []
        x = _values(
            rng, *batch, rng.choice([1, 2, 4, 6, 8]), *(rng.randint(2, 6) for _ in range(axes))
        )
        steps, y = [], x
        try:
            for name in names:
                draw = OPERATORS[name][1] if name in OPERATORS else VIEWS[name]
                steps.append(draw(rng, y))
                y = steps[-1](y)
        except (RuntimeError, ValueError, IndexError):
            continue
        if 0 < y.numel() < LARGEST and x.numel() < LARGEST:
            return Chain(f"{seed} {' '.join(names)} of {list(x.shape)}", x, steps)
    raise AssertionError(f"nothing fits {names}")
