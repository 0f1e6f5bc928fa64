"""Which dimension of every tensor the lanes of its beats are: one that all who touch it can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lego.device.blocked import Blocked
from lego.device.elements import lane_loop, loop_alone
from lego.device.stages import Stage
from lego.diag import LegoError
from lego.ir.operation import Place

__all__ = ["Lanes", "Link", "links_of"]


@dataclass(frozen=True, slots=True)
class Link:
    """Two tensors whose lanes run along each other: pairs of their dimensions."""

    one: str
    other: str
    pairs: tuple[tuple[int, int], ...]


@dataclass
class Lanes:
    """Dimensions that may be lanes, by tensor; what one may be restricts those that are linked to it."""

    shapes: Mapping[str, tuple[int, ...]]
    allowed: dict[str, list[int]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)

    def restrict(self, name: str, dims: Sequence[int], stage: Stage) -> None:
        """Whoever touches the tensor takes only these. Raises E308 if nothing is left."""
        every = list(range(len(self.shapes[name])))
        self.allowed[name] = [d for d in self.allowed.get(name, every) if d in dims]
        self._demand(name, stage.name)

    def _demand(self, name: str, who: str) -> None:
        if not self.allowed[name]:
            message = (
                f"no dimension of {name!r} suits all who read and write it, {who!r} among them"
            )
            hint = (
                "the engines move 16 indices of one dimension at a time (docs/device.md, layouts)"
            )
            raise LegoError("E308", message, hint=hint)

    def settled(self) -> dict[str, Blocked]:
        """The layout of each tensor."""
        self._spread()
        for name in list(self.allowed):
            self.allowed[name] = self.allowed[name][:1]
            self._spread()
        return {
            name: Blocked(name, self.shapes[name], dims[0]) for name, dims in self.allowed.items()
        }

    def _spread(self) -> None:
        """Take from each tensor what a linked one can't follow."""
        changed = True
        while changed:
            changed = False
            for link in self.links:
                for name, kept in self._kept(link):
                    if kept != self.allowed[name]:
                        self.allowed[name], changed = kept, True
                        self._demand(name, link.other)

    def _kept(self, link: Link) -> Iterator[tuple[str, list[int]]]:
        every = {n: list(range(len(self.shapes[n]))) for n in (link.one, link.other)}
        ours = self.allowed.setdefault(link.one, every[link.one])
        theirs = self.allowed.setdefault(link.other, every[link.other])
        yield link.one, [d for d in ours if any(a == d and b in theirs for a, b in link.pairs)]
        ours = self.allowed[link.one]
        yield link.other, [d for d in theirs if any(b == d and a in ours for a, b in link.pairs)]


def links_of(stage: Stage, tensors: Callable[[str], bool]) -> Iterator[Link]:
    """Streams of a stage with its result; `tensors` says which buffers are in DRAM, in lanes."""
    for k, op in enumerate(stage.post):
        for place in op.inputs:
            if tensors(place.buffer):
                pairs = _pairs(stage, k, place)
                yield Link(place.buffer, stage.result, tuple(pairs))


def _pairs(stage: Stage, k: int, place: Place) -> Iterator[tuple[int, int]]:
    """Dimensions of what operation `k` reads, each with that of the stage's result which runs along it."""
    for dim in range(len(place.map.rows)):
        loop = loop_alone(place.map, dim)
        if loop is not None and not place.map.offset[dim]:
            yield from ((dim, found) for found in carried(stage, k, loop))


def carried(stage: Stage, k: int, loop: int) -> list[int]:
    """Dimensions of a stage's result along which a loop of its operation `k` runs alone."""
    op = stage.post[k]
    dims = [d for d in range(len(op.output.map.rows)) if lane_loop(op, d) == loop]
    if k == len(stage.post) - 1:
        return dims
    following = stage.post[k + 1]
    (place,) = (p for p in following.inputs if p.buffer == op.output.buffer)
    loops = [[n for n, c in enumerate(place.map.rows[d]) if c] for d in dims]
    return [found for each in loops if len(each) == 1 for found in carried(stage, k + 1, each[0])]
