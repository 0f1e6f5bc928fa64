"""Random networks of bytes: chains of products, convolutions, pooling, residuals and means, as text."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["drawn_network"]

MOST_PRODUCTS = 300_000
"""Of a network, so that its program runs for some ten thousand cycles at most."""

IMAGES = ("conv", "conv", "conv", "depthwise", "pointwise", "pool", "average", "add")
MATRICES = ("product", "product", "batched", "transposed", "add", "sum")

Sizes = dict[str, int]
"""Of a tensor: its extents by the letters of its indices, in their order."""


def drawn_network(seed: int) -> str:
    """The text of a workload with one to four stages."""
    r = random.Random(seed)
    images = r.random() < 0.7
    sizes = _image(r) if images else _matrices(r)
    net, stages = _Net(r, f"random{seed}", sizes), r.choice([1, 1, 2, 2, 3, 4])
    for _ in range(4 * stages):
        if net.stages < stages and not net.ended:
            getattr(net, r.choice(IMAGES if images else MATRICES))()
    if net.stages == 0 or (images and r.random() < 0.25):
        net.reduced("hw" if images else "m")
    return net.text()


def _image(r: random.Random) -> Sizes:
    """Channels come first or last."""
    sizes = {"o": _size(r), "h": r.randint(3, 14), "w": r.randint(3, 14)}
    return sizes if r.random() < 0.6 else {k: sizes[k] for k in "hwo"}


def _matrices(r: random.Random) -> Sizes:
    batch = {"b": r.randint(1, 4)} if r.random() < 0.4 else {}
    return {**batch, "m": _size(r), "n": _size(r)}


def _size(r: random.Random) -> int:
    """Often a multiple of the lanes, often not."""
    return r.choice([16, 32, 48, r.randint(1, 15), r.randint(17, 40), r.randint(1, 64)])


@dataclass
class _Net:
    """A network that grows.

    Attributes
    ----------
    sizes : of its input, later of its last tensor, whose name is `last`.
    kept : tensors so far, which residuals may be.
    ended : nothing can follow.
    """

    r: random.Random
    name: str
    sizes: Sizes
    last: str = "X"
    stages: int = 0
    products: int = 0
    ended: bool = False
    lines: list[str] = field(default_factory=list)
    kept: list[tuple[str, Sizes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lanes = "o" if "o" in self.sizes else "n"
        self._input = list(self.sizes.values())
        self.kept.append(("X", dict(self.sizes)))

    def text(self) -> str:
        """The workload."""
        return "\n".join([f"name: {self.name}", "operations:", *self.lines, ""])

    def conv(self) -> None:
        """A convolution."""
        high, wide = self._window(), self._window()
        weight = {"o": _size(self.r), "c": self.sizes["o"], "i": high.taps, "j": wide.taps}
        self._convolved(high, wide, weight, "c")

    def depthwise(self) -> None:
        """A convolution of every channel by itself."""
        high, wide = self._window(), self._window()
        self._convolved(high, wide, {"o": self.sizes["o"], "i": high.taps, "j": wide.taps}, "o")

    def pointwise(self) -> None:
        """A convolution of single points."""
        weight = {"o": _size(self.r), "c": self.sizes["o"]}
        self._summed({**self.sizes, "o": weight["o"]}, {"o": "c"}, weight)

    def _convolved(self, high: _Window, wide: _Window, weight: Sizes, channel: str) -> None:
        sizes = self._slid(high, wide) | {"o": weight["o"]}
        read = {"h": high.index("h", "i"), "w": wide.index("w", "j"), "o": channel}
        if min(sizes.values()) > 0:
            self._summed(sizes, read, weight)

    def product(self) -> None:
        """Matrices times one matrix."""
        weight = {"k": self.sizes["n"], "n": _size(self.r)}
        self._summed({**self.sizes, "n": weight["n"]}, {"n": "k"}, weight)

    def batched(self) -> None:
        """Each matrix times one of its own."""
        if "b" in self.sizes:
            own = {"b": self.sizes["b"]}
            weight = {**own, "k": self.sizes["n"], "n": _size(self.r)}
            self._summed({**self.sizes, "n": weight["n"]}, {"n": "k"}, weight)

    def transposed(self) -> None:
        """A matrix, read by columns, times another."""
        if "b" not in self.sizes:
            weight = {"k": self.sizes["m"], "n": _size(self.r)}
            sizes = {"m": self.sizes["n"], "n": weight["n"]}
            self._summed(sizes, {"m": "k", "n": "m"}, weight)

    def pool(self) -> None:
        """The largest of windows."""
        self._pooled("max=", -128)

    def average(self) -> None:
        """Sums of windows, rounded."""
        self._pooled("+=", 0)

    def _pooled(self, reduction: str, pad: int) -> None:
        high, wide = self._window(), self._window()
        sizes, taps = self._slid(high, wide), {"i": high.taps, "j": wide.taps}
        if min(sizes.values()) < 1:
            return
        read = {"h": high.index("h", "i"), "w": wide.index("w", "j")}
        made = f"S{self.stages}" if reduction == "+=" else f"T{self.stages + 1}"
        fmt = "int32" if reduction == "+=" else "int8"
        self._operation(
            {**sizes, **taps}, made, sizes, reduction, self._read(read), {made: fmt}, pad
        )
        if reduction == "+=":
            self._scaled(made, sizes, high.taps * wide.taps)
        else:
            self._keep(made, sizes)

    def sum(self) -> None:
        """Sums of columns; the last stage."""
        self.reduced("m")

    def reduced(self, over: str) -> None:
        """Means over all of some indices; the last stage."""
        sizes = {k: n for k, n in self.sizes.items() if k not in over}
        made = f"S{self.stages}"
        self._operation(dict(self.sizes), made, sizes, "+=", self._read({}), {made: "int32"}, 0)
        self._scaled(made, sizes, math.prod(self.sizes[k] for k in over))
        self.ended = True

    def add(self) -> None:
        """The last tensor and an earlier one, both scaled."""
        others = [name for name, sizes in self.kept if sizes == self.sizes and name != self.last]
        if others:
            index, shift = ",".join(self.sizes), self.r.randint(1, 4)
            a, b = (self.r.randint(1, 1 << shift) for _ in range(2))
            body = f"{self.last}[{index}] * {a} + {self.r.choice(others)}[{index}] * {b}"
            self._rounded(body, self.sizes, shift, {})

    def _window(self) -> _Window:
        taps = self.r.choice([1, 2, 3, 3, 3])
        dilation = self.r.choice([1, 1, 1, 2]) if taps > 1 else 1
        pad = self.r.choice([0, dilation * (taps // 2)])
        return _Window(taps, self.r.choice([1, 1, 1, 2, 2, 3]), dilation, pad)

    def _slid(self, high: _Window, wide: _Window) -> Sizes:
        """Sizes after windows."""
        return self.sizes | {"h": high.size(self.sizes["h"]), "w": wide.size(self.sizes["w"])}

    def _read(self, changed: Mapping[str, str]) -> str:
        """The last tensor at its own letters or others."""
        return f"{self.last}[{','.join(changed.get(letter, letter) for letter in self.sizes)}]"

    def _summed(self, sizes: Sizes, read: Mapping[str, str], weight: Sizes) -> None:
        """An operation of the array, its sums rounded, at times with a residual."""
        number, loops = self.stages, {**sizes, **weight}
        self.products += math.prod(loops.values())
        if self.products > MOST_PRODUCTS:
            self.ended = True
            return
        made, what = f"S{number}", f"{self._read(read)} * W{number}[{','.join(weight)}]"
        self._operation(loops, made, sizes, "+=", what, {f"W{number}": "int8", made: "int32"}, 0)
        index, lane = ",".join(sizes), self.lanes
        body = f"{made}[{index}] * M{number}[{lane}] + H{number}[{lane}]"
        others = [name for name, known in self.kept if known == sizes]
        if others and self.r.random() < 0.6:
            body += f" + {self.r.choice(others)}[{index}] * {self.r.randint(1, 4000)}"
        depth = math.prod(loops.values()) // math.prod(sizes.values())
        formats = {f"M{number}": "int16", f"H{number}": "int32"}
        self._rounded(body, sizes, 16 + depth.bit_length() // 2, formats)

    def _scaled(self, sums: str, sizes: Sizes, count: int) -> None:
        """Sums divided by about their number."""
        shift = 4 + count.bit_length()
        body = f"{sums}[{','.join(sizes)}] * {(1 << shift) // count} + {1 << shift - 1}"
        self._rounded(body, sizes, shift, {})

    def _rounded(self, body: str, sizes: Sizes, shift: int, formats: Mapping[str, str]) -> None:
        """Bytes of the last tensor's, or of sums."""
        made, low = f"T{self.stages + 1}", self.r.choice([-128, -128, 0])
        body = f"max({low}, min(127, ({body}) >> {shift}))"
        self._operation(dict(sizes), made, sizes, "=", body, {**formats, made: "int8"}, None)
        self._keep(made, sizes)

    def _operation(
        self,
        loops: Sizes,
        made: str,
        sizes: Sizes,
        sign: str,
        body: str,
        formats: Mapping[str, str],
        pad: int | None,
    ) -> None:
        """One operation; `pad` is what lies around the tensor that it reads."""
        new = {"X": "int8"} if not self.lines else {}
        self.lines += [
            f"  - name: {made.lower()}",
            f"    loops: {_flow(loops)}",
            f'    statement: "{made}[{",".join(sizes)}] {sign} {body}"',
            f"    formats: {_flow({**new, **formats})}",
        ]
        if pad is not None and "-" in body:
            self.lines.append(f"    pad: {{{self.last}: {pad}}}")
        if new:
            self.lines.append(f"    shapes: {{X: {self._input}}}")

    def _keep(self, made: str, sizes: Sizes) -> None:
        self.last, self.sizes = made, dict(sizes)
        self.stages += 1
        self.kept.append((made, dict(sizes)))


@dataclass(frozen=True)
class _Window:
    """Taps along one dimension."""

    taps: int
    stride: int
    dilation: int
    pad: int

    def size(self, extent: int) -> int:
        """Positions of the window."""
        return (extent + 2 * self.pad - self.dilation * (self.taps - 1) - 1) // self.stride + 1

    def index(self, position: str, tap: str) -> str:
        """What is read."""
        first = position if self.stride == 1 else f"{self.stride}*{position}"
        second = tap if self.dilation == 1 else f"{self.dilation}*{tap}"
        return f"{first}+{second}" + (f"-{self.pad}" if self.pad else "")


def _flow(values: Mapping[str, int | str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in values.items()) + "}"
