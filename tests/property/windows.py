"""Random convolutions as YAML text, whose data nodes take most of their windows from their neighbours."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.property.generator import Sample, flow_of

PRODUCT = [
    "  - name: mm",
    "    loops: {m: 6, n: 7, k: 5}",
    '    statement: "Y[m,n] += X[m,k] * W[k,n]"',
    "    formats: {X: int8, W: int8, Y: int32}",
]


def window_sample(seed: int) -> Sample:
    """A convolution over one or two axes with strides, dilations, pads and flipped kernels, under one or
    two dataflows, and in some designs a product of matrices beside it."""
    r = random.Random(f"windows {seed}")
    conv = _Convolution(r)
    flows = [conv.dataflow() for _ in range(r.choice([1, 1, 2]))]
    lines = [f"name: w{seed}", "operations:", *conv.lines(), "    dataflows:"]
    lines += [f"      - {{name: d{k}, {flow}}}" for k, flow in enumerate(flows)]
    if r.random() < 0.3:
        sizes = flow_of(dict(zip(r.sample("mnk", 2), conv.sizes, strict=False)))
        way = f"spatial: {sizes}, temporal: [m, n, k], control: {_control(r)}"
        lines += [*PRODUCT, f"    dataflow: {{{way}}}"]
    lines += [f"architecture: {{read_cost: {r.randint(10, 60)}}}", ""]
    bounds = {name: r.randint(1, n) for name, n in conv.extents.items()} | {"m": 3, "n": 2, "k": 4}
    return Sample("\n".join(lines), bounds)


@dataclass(frozen=True, slots=True)
class _Side:
    """One direction: the index is ``stride * o + dilation * k - pad``, or with the kernel turned round."""

    o: int
    k: int
    stride: int
    dilation: int
    pad: int
    flips: bool

    def index(self, name: str) -> str:
        reach = self.dilation * (self.k - 1)
        step, start = (-self.dilation, reach) if self.flips else (self.dilation, 0)
        return f"{self.stride}*o{name}{step:+}*k{name}{start - self.pad:+}"

    @property
    def extent(self) -> int:
        """Elements that aren't pads."""
        return max(1, self.stride * (self.o - 1) + self.dilation * (self.k - 1) + 1 - 2 * self.pad)


class _Convolution:
    """A random convolution."""

    def __init__(self, r: random.Random) -> None:
        self.r = r
        self.sides = {name: self._side() for name in r.choice(["x", "yx", "yx"])}
        self.channels = {name: r.randint(2, 5) for name in r.choice(["", "c", "f", "cf"])}
        self.deep = "c" in self.channels and r.random() < 0.5  # by itself, as depthwise
        self.extents = dict(self.channels)
        for name, side in self.sides.items():
            self.extents |= {f"o{name}": side.o, f"k{name}": side.k}
        self.sizes: list[int] = []

    def _side(self) -> _Side:
        r, k = self.r, self.r.choice([2, 3, 3, 5])
        pad = r.choice([0, 0, 1, k // 2, k - 1])
        return _Side(
            r.randint(3, 9),
            k,
            r.choice([1, 1, 1, 2, 3]),
            r.choice([1, 1, 2]),
            pad,
            r.random() < 0.25,
        )

    def lines(self) -> list[str]:
        """The operation without its dataflows."""
        window = ",".join([*(["c"] if "c" in self.channels else []), *self._indices()])
        kernel = ",".join([*self.channels, *(f"k{name}" for name in self.sides)])
        out = [name for name in self.channels if name == "f" or self.deep]
        result = ",".join([*out, *(f"o{name}" for name in self.sides)])
        shape = [self.channels["c"]] if "c" in self.channels else []
        shape += [side.extent for side in self.sides.values()]
        return [
            "  - name: conv",
            f"    loops: {flow_of(self.extents)}",
            f'    statement: "Q[{result}] += J[{window}] * G[{kernel}]"',
            "    formats: {J: int8, G: int8, Q: int32}",
            f"    shapes: {{J: {shape}}}",
            f"    pad: {{J: {self.r.randint(-3, 3)}}}",
        ]

    def _indices(self) -> list[str]:
        return [side.index(name) for name, side in self.sides.items()]

    def dataflow(self) -> str:
        """Rows, columns or channels in space, kernels innermost in most."""
        r = self.r
        choice = [*(f"o{name}" for name in self.sides), *self.channels]
        axes = len(self.sizes) or min(len(choice), r.choice([1, 2, 2]))
        self.sizes = self.sizes or [r.randint(2, 4) for _ in range(axes)]
        spatial = dict(zip(r.sample(choice, axes), self.sizes, strict=True))
        inner = [f"k{name}" for name in r.sample(sorted(self.sides), len(self.sides))]
        outer = [name for name in self.extents if name not in inner]
        temporal = [*r.sample(outer, len(outer)), *inner]
        if r.random() < 0.2:
            r.shuffle(temporal)
        return f"spatial: {flow_of(spatial)}, temporal: [{', '.join(temporal)}], control: {_control(r)}"


def _control(r: random.Random) -> str:
    return r.choice(["broadcast", "broadcast", "systolic"])
