"""Random legal workloads as YAML text: affine operations, dataflows, and ragged sizes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

LOOPS = ("i", "j", "k", "l", "p", "q")


@dataclass(frozen=True, slots=True)
class Sample:
    """A workload and smaller run-time bounds for it."""

    text: str
    bounds: dict[str, int]


def sample(seed: int) -> Sample:
    """The workload of a seed; 2 to 6 loops, 1 to 3 inputs, at most about 800 iterations."""
    r = random.Random(seed)
    op = _Operation(r, "op", 800)
    flow = op.dataflow()
    lines = [f"name: r{seed}", "operations:", *op.lines(), f"    dataflow: {{{flow}}}"]
    lines += [f"architecture: {{array: {op.sizes}{read_cost_of(seed)}}}", ""]
    return Sample("\n".join(lines), op.bounds())


def fused_sample(seed: int) -> Sample:
    """1 to 3 operations with 1 to 4 dataflows in all; operations may share an input."""
    r = random.Random(seed)
    flows = r.randint(1, 4)
    count = r.randint(1, min(3, flows))
    split = [1] * count
    for _ in range(flows - count):
        split[r.randrange(count)] += 1
    lines = [f"name: f{seed}", "operations:"]
    bounds: dict[str, int] = {}
    shared: dict[str, tuple[int, str, int]] = {}
    for k, several in enumerate(split):
        op = _Operation(r, f"op{k}", 300, prefix=f"T{k}", shared=shared)
        lines += [*op.lines(), "    dataflows:"]
        lines += [f"      - {{name: d{n}, {op.dataflow()}}}" for n in range(several)]
        bounds |= op.bounds()
    cost = read_cost_of(seed).removeprefix(", ")
    return Sample("\n".join([*lines, f"architecture: {{{cost}}}", ""]), bounds)


def resuming(draw: Callable[[int], Sample]) -> Callable[[int], Sample]:
    """These draws in hardware whose reductions can go on from what memory holds."""

    def drawn(seed: int) -> Sample:
        found = draw(seed)
        text = found.text.replace("architecture: {", "architecture: {resume: yes, ")
        return Sample(text.replace(", }", "}"), found.bounds)

    return drawn


def read_cost_of(seed: int) -> str:
    """Dear reads in half of the designs, so that values travel through deep FIFOs."""
    r = random.Random(f"read cost {seed}")
    return r.choice(["", f", read_cost: {r.randint(10, 60)}"])


class _Operation:
    """A random operation; `shared` holds (rank, format, pad) of inputs of earlier ones."""

    def __init__(
        self,
        r: random.Random,
        name: str,
        points: int,
        prefix: str = "",
        shared: dict[str, tuple[int, str, int]] | None = None,
    ) -> None:
        self.r, self.name = r, name
        self.extents = _extents(r, points)
        loops = list(self.extents)
        reduction = r.choice(["+=", "+=", "+=", "+=", "max=", "min=", "="])
        output = output_of(r, loops, reduction)
        count = r.randint(1, 3)
        names = [f"{prefix}{letter}" for letter in "ABC"[:count]]
        if count == 2 and r.random() < 0.15:
            names[1] = names[0]
        if shared and r.random() < 0.4:
            names[0] = r.choice(sorted(shared))
        known = shared if shared is not None else {}
        ranks = {name: known[name][0] for name in names if name in known}
        inputs = []
        for tensor in names:
            ranks.setdefault(tensor, r.randint(1, 3))
            inputs.append([index_of(r, loops) for _ in range(ranks[tensor])])
        use_all(r, loops, output, inputs)
        self.formats = {
            tensor: known[tensor][1]
            if tensor in known
            else r.choice(["int2", "int5", "int8", "uint1", "uint7", "uint8"])
            for tensor in names
        }
        texts = [f"{n}[{','.join(map(text_of, i))}]" for n, i in zip(names, inputs, strict=True)]
        body = _body(r, texts)
        self.pad = {n: known[n][2] if n in known else r.choice([0, 0, 1]) for n in names}
        self.shapes: dict[str, str] = {}
        if r.random() < 0.25 and names[0] not in known and names.count(names[0]) == 1:
            self.shapes[names[0]] = str(_shorter(r, inputs[0], self.extents))
        for tensor in names:
            known[tensor] = ranks[tensor], self.formats[tensor], self.pad[tensor]
        self.formats[f"{prefix}Y"] = (
            "int32" if reduction != "+=" else r.choice(["int32", "int32", "int9", "uint16"])
        )
        self.statement = f"{prefix}Y[{','.join(map(text_of, output))}] {reduction} {body}"
        self.sizes: list[int] = []

    def lines(self) -> list[str]:
        """The operation without its dataflows."""
        return [
            f"  - name: {self.name}",
            f"    loops: {flow_of(self.extents)}",
            f'    statement: "{self.statement}"',
            f"    formats: {flow_of(self.formats)}",
            f"    pad: {flow_of(self.pad)}",
            *([f"    shapes: {flow_of(self.shapes)}"] if self.shapes else []),
        ]

    def dataflow(self) -> str:
        """A random dataflow of the operation."""
        r, loops = self.r, list(self.extents)
        spatial = spatial_of(r, loops)
        temporal = r.sample(loops, r.randint(0, len(loops)))
        control = r.choice(["systolic", "broadcast", str([r.randint(0, 3) for _ in spatial])])
        self.sizes = list(spatial.values())
        return f"spatial: {flow_of(spatial)}, temporal: [{', '.join(temporal)}], control: {control}"

    def bounds(self) -> dict[str, int]:
        """Run-time bounds up to the extents."""
        return {name: self.r.randint(1, extent) for name, extent in self.extents.items()}


Affine = tuple[dict[str, int], int]


def _extents(r: random.Random, most: int) -> dict[str, int]:
    while True:
        extents = {name: r.randint(1, 9) for name in LOOPS[: r.randint(2, 6)]}
        points = 1
        for extent in extents.values():
            points *= extent
        if points <= most:
            return extents


def index_of(r: random.Random, loops: list[str]) -> Affine:
    chosen = r.sample(loops, min(len(loops), r.choice([1, 1, 1, 2, 2, 3])))
    return {name: r.choice([1, 1, 1, 1, 2, 3, -1]) for name in chosen}, r.choice(
        [0, 0, 0, 1, -1, -2]
    )


def output_of(r: random.Random, loops: list[str], reduction: str) -> list[Affine]:
    if reduction == "=":
        return [({name: 1}, 0) for name in r.sample(loops, len(loops))]
    if r.random() < 0.2 and len(loops) >= 2:
        a, b, *rest = r.sample(loops, len(loops))
        plain: list[Affine] = [({name: 1}, 0) for name in rest[: r.randint(0, 1)]]
        return [({a: r.choice([1, 1, 2]), b: 1}, r.choice([0, 0, 2])), *plain]
    picked = r.sample(loops, r.randint(1, min(3, len(loops))))
    return [({name: r.choice([1, 1, 1, 2])}, r.choice([0, 0, 0, 1])) for name in picked]


def use_all(
    r: random.Random, loops: list[str], output: list[Affine], inputs: list[list[Affine]]
) -> None:
    used = {name for index in [output, *inputs] for terms, _ in index for name in terms}
    for name in loops:
        if name not in used:
            terms, _ = r.choice(r.choice(inputs))
            terms[name] = 1


def _shorter(r: random.Random, index: list[Affine], extents: dict[str, int]) -> list[int]:
    """Extents up to the largest index, so that reads may leave the tensor at its far side."""
    shape = []
    for terms, offset in index:
        top = offset + sum(max(0, c) * (extents[name] - 1) for name, c in terms.items())
        shape.append(r.randint(1, max(1, top + 1)))
    return shape


def text_of(affine: Affine) -> str:
    terms, offset = affine
    parts = [f"{c}*{name}" if c != 1 else name for name, c in sorted(terms.items())]
    if offset:
        parts.append(str(offset))
    return "+".join(parts).replace("+-", "-")


def _body(r: random.Random, operands: list[str]) -> str:
    if len(operands) == 1:
        return r.choice(["{0}", "abs({0})", "{0} << 2", "3 - {0}", "-{0}", "max({0}, 1)"]).format(
            *operands
        )
    if len(operands) == 2:
        return r.choice(
            [
                "{0} * {1}",
                "{0} * {1}",
                "{0} + {1}",
                "abs({0} - {1})",
                "max({0}, {1}) - 1",
                "{0} * ({1} + 2)",
            ]
        ).format(*operands)
    return r.choice(
        [
            "{0} * {1} * {2}",
            "{0} * {1} + {2}",
            "max({0}, {1}, {2})",
            "({0} - {1}) * {2}",
            "{0} + min({1}, {2})",
        ]
    ).format(*operands)


def spatial_of(r: random.Random, loops: list[str]) -> dict[str, int]:
    axes = r.choice([1, 2, 2, 2, 3])
    return {
        name: r.randint(1, 4 if axes < 3 else 2) for name in r.sample(loops, min(axes, len(loops)))
    }


def flow_of(mapping: dict[str, int] | dict[str, str]) -> str:
    return "{" + ", ".join(f"{k}: {v}" for k, v in mapping.items()) + "}"
