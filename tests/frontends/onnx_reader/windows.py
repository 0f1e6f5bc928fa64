"""Nodes that make views, and windowed operators, with parameters drawn at random, for every pair of
the two."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

from tests.frontends.onnx_reader.compare import model

__all__ = ["OPERATORS", "VIEWS", "Drawn", "draw", "pairs"]

TRIES = 100


@dataclass
class Drawn:
    """A chain of nodes under construction; `value` is what the last one gives."""

    prefix: str
    rng: random.Random
    value: Any
    nodes: list[Any] = field(default_factory=list)
    initial: dict[str, Any] = field(default_factory=dict)
    last: str = ""
    count: int = 0

    def __post_init__(self) -> None:
        self.start, self.last = self.value, f"{self.prefix}x"

    @property
    def shape(self) -> list[int]:
        """Of the last result."""
        return list(self.value.shape)

    def node(
        self, op: str, *inputs: Any, results: int = 1, keep: int = 0, **attributes: Any
    ) -> None:
        """A node on the last result and these constants; result number `keep` is the next one's operand."""
        names = [self.last, *(self.constant(each) if each is not None else "" for each in inputs)]
        outputs = [f"{self.prefix}{self._number()}" for _ in range(results)]
        made = helper.make_node(op, names, outputs, name=f"{self.prefix}{op}", **attributes)
        given = {self.last: self.value}
        constants = {n: self.initial[n] for n in names[1:] if n}
        alone = model([made], given, constants, outputs)
        self.value = ReferenceEvaluator(alone).run(None, given)[keep]
        inferred = alone.graph.output[keep].type.tensor_type.shape.dim
        if [dim.dim_value for dim in inferred] != self.shape:
            raise ValueError(
                "the evaluator contradicts shape inference, as for MaxPool of one axis"
            )
        self.nodes.append(made)
        self.last = outputs[keep]

    def constant(self, value: Any) -> str:
        """The name of a new initialiser; lists are of int64."""
        name = f"{self.prefix}c{self._number()}"
        self.initial[name] = np.asarray(value, np.int64) if isinstance(value, list) else value
        return name

    def _number(self) -> int:
        self.count += 1
        return self.count

    def weights(self, *shape: int) -> Any:
        """Random numbers."""
        made = np.random.default_rng(self.rng.randrange(1 << 30)).standard_normal(shape)
        return made.astype(np.float32)


def _reshape(d: Drawn) -> None:
    n, c, h, w = d.shape
    d.node(
        "Reshape",
        d.rng.choice(
            [
                [n, c * h, 1, w],
                [n, c, w, h],
                [n, -1, h * 2, w],
                [n, c // 2, h, -1],
                [0, c // 2, h * 2, w],
            ]
        ),
    )


def _transpose(d: Drawn) -> None:
    d.node("Transpose", perm=[0, *d.rng.sample([1, 2, 3], 3)])


def _slice(d: Drawn) -> None:
    axis, step = d.rng.randint(1, 3), d.rng.choice([1, 2, -1, -2])
    first, last = (1, 1000) if step > 0 else (-1, -1000)
    d.node("Slice", [first], [last], [axis], [step])


def _expand(d: Drawn) -> None:
    axis = d.rng.randint(1, 3)
    d.node("Slice", [1], [2], [axis])
    d.node("Expand", [d.rng.choice([2, 4]) if k == axis else 1 for k in range(4)])


def _split(d: Drawn) -> None:
    axis = d.rng.randint(1, 3)
    size = d.shape[axis]
    d.node("Split", [1, size - 1], results=2, keep=1, axis=axis)


def _gather(d: Drawn) -> None:
    axis = d.rng.randint(1, 3)
    d.node(
        "Gather", [d.rng.randint(-d.shape[axis], d.shape[axis] - 1) for _ in range(4)], axis=axis
    )


def _flatten(d: Drawn) -> None:
    shape = d.shape
    d.node("Transpose", perm=d.rng.sample(range(4), 4))
    d.node("Flatten", axis=d.rng.randint(0, 3))
    d.node("Reshape", shape)


def _resize(d: Drawn) -> None:
    factors = [1, 1, d.rng.choice([1, 2, 3]), d.rng.choice([2, 3])]
    d.node(
        "Resize",
        None,
        np.array(factors, np.float32),
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )


def _squeeze(d: Drawn) -> None:
    d.node("Unsqueeze", [2, 4])
    d.node("Transpose", perm=[0, 2, 3, 4, 1, 5])
    d.node("Squeeze", [1, 3])


VIEWS: dict[str, Callable[[Drawn], None]] = {
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Slice": _slice,
    "Expand": _expand,
    "Split": _split,
    "Gather": _gather,
    "Flatten": _flatten,
    "Resize": _resize,
    "Squeeze": _squeeze,
    "Tile": lambda d: d.node("Tile", [1, *d.rng.sample([1, 2, 3], 3)]),
    "DepthToSpace": lambda d: d.node(
        "DepthToSpace", blocksize=2, mode=d.rng.choice(["DCR", "CRD"])
    ),
    "SpaceToDepth": lambda d: d.node("SpaceToDepth", blocksize=2),
}


def _image(d: Drawn, axes: int) -> None:
    """The pixels in one row, as they are, or with the channels' pairs as depth."""
    n, c, h, w = d.shape
    if axes != 2:
        d.node("Reshape", [n, c, h * w] if axes == 1 else [n, c // 2, 2, h, w])


def _window(d: Drawn, axes: int, *, apart: bool = True) -> dict[str, Any]:
    some = lambda *values: [d.rng.choice(values) for _ in range(axes)]  # noqa: E731
    return {
        "kernel_shape": some(1, 2, 3),
        "strides": some(1, 2, 3),
        **({"dilations": some(1, 1, 2)} if apart else {}),
        "pads": [d.rng.choice([0, 0, 1]) for _ in range(2 * axes)],
    }


def _group(d: Drawn) -> int:
    return d.rng.choice([g for g in (1, 2, 3, 4) if d.shape[1] % g == 0])


def _conv(d: Drawn, axes: int) -> None:
    how, group = _window(d, axes), _group(d)
    weights = d.weights(group * d.rng.randint(1, 2), d.shape[1] // group, *how["kernel_shape"])
    d.node("Conv", weights, d.weights(len(weights)), group=group, **how)


def _conv_transpose(d: Drawn, axes: int) -> None:
    """In one group: onnx 1.23's evaluator takes wrong weights and biases where there are several."""
    how = _window(d, axes)
    weights = d.weights(d.shape[1], d.rng.randint(1, 3), *how["kernel_shape"])
    extra = [d.rng.randrange(stride) for stride in how["strides"]]
    d.node("ConvTranspose", weights, d.weights(weights.shape[1]), output_padding=extra, **how)


def _pool(d: Drawn, axes: int) -> None:
    """Every window has a pixel: of none, the evaluator says 0, NaN or minus infinity."""
    how = _window(d, axes)
    how["kernel_shape"] = [max(2, k) for k in how["kernel_shape"]]
    sizes = d.shape[2:]
    d.node("MaxPool", **how)
    steps = zip(how["kernel_shape"], how["strides"], how["dilations"], how["pads"], strict=False)
    for size, places, (taps, stride, apart, pad) in zip(sizes, d.shape[2:], steps, strict=True):
        for place in range(places):
            if not any(0 <= place * stride - pad + apart * tap < size for tap in range(taps)):
                raise ValueError("a window without a pixel")


def _average(d: Drawn, axes: int) -> None:
    how = _window(d, axes, apart=False)
    taps = [max(2, k) for k in how["kernel_shape"]]
    d.node("AveragePool", **(how | {"kernel_shape": taps, "count_include_pad": d.rng.randrange(2)}))


def _pad(d: Drawn, axes: int) -> None:
    sides = [d.rng.randint(0, 2) if k % (axes + 2) > 1 else 0 for k in range(2 * axes + 4)]
    d.node("Pad", sides, np.float32(0.5).reshape(()), mode="constant")


OPERATORS: dict[str, Callable[[Drawn, int], None]] = {
    "Conv": _conv, "ConvTranspose": _conv_transpose, "MaxPool": _pool, "AveragePool": _average, "Pad": _pad,
}  # fmt: skip


def pairs() -> Sequence[tuple[str, str, int]]:
    """Every view with every operator, on images of one to three axes."""
    return list(product(VIEWS, OPERATORS, (1, 2, 3)))


def draw(prefix: str, view: str, operator: str, axes: int) -> Drawn:
    """A view of a random image and the operator on it, drawn until it fits and the reference evaluates it."""
    rng = random.Random(f"{prefix} {view} {operator} {axes}")
    for _ in range(TRIES):
        shape = (
            rng.randint(1, 2),
            rng.choice([4, 8]),
            rng.choice([2, 4, 6]),
            rng.choice([2, 4, 6]),
        )
        values = np.random.default_rng(rng.randrange(1 << 30)).standard_normal(shape)
        d = Drawn(prefix, rng, values.astype(np.float32))
        try:
            VIEWS[view](d)
            _image(d, axes)
            OPERATORS[operator](d, axes)
        except Exception:  # noqa: BLE001, S112 - whatever the reference doesn't take
            continue
        if 0 < d.value.size < 20000 and min(d.shape) > 0:
            return d
    raise AssertionError(f"nothing fits {view} {operator}")
