"""Random legal workloads as YAML text: affine operations, dataflows, and ragged sizes."""

from __future__ import annotations

import random
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
    extents = _extents(r)
    loops = list(extents)
    reduction = r.choice(["+=", "+=", "+=", "+=", "max=", "min=", "="])
    output = _output(r, loops, reduction)
    count = r.randint(1, 3)
    names = ["A", "B", "C"][:count]
    if count == 2 and r.random() < 0.15:
        names[1] = "A"
    ranks: dict[str, int] = {}
    inputs = []
    for name in names:
        ranks.setdefault(name, r.randint(1, 3))
        inputs.append([_index(r, loops) for _ in range(ranks[name])])
    _use_all(r, loops, output, inputs)
    formats = {
        name: r.choice(["int2", "int5", "int8", "uint1", "uint7", "uint8"]) for name in names
    }
    body = _body(
        r, [f"{n}[{','.join(map(_text, index))}]" for n, index in zip(names, inputs, strict=True)]
    )
    pad = {name: r.choice([0, 0, 1]) for name in names}
    formats["Y"] = "int32" if reduction != "+=" else r.choice(["int32", "int32", "int9", "uint16"])
    spatial = _spatial(r, loops)
    temporal = r.sample(loops, r.randint(0, len(loops)))
    control = r.choice(["systolic", "broadcast", str([r.randint(0, 3) for _ in spatial])])
    lines = [
        f"name: r{seed}",
        "operations:",
        "  - name: op",
        f"    loops: {_flow(extents)}",
        f'    statement: "Y[{",".join(map(_text, output))}] {reduction} {body}"',
        f"    formats: {_flow(formats)}",
        f"    pad: {_flow(pad)}",
        f"    dataflow: {{spatial: {_flow(spatial)}, temporal: [{', '.join(temporal)}], control: {control}}}",
        f"architecture: {{array: {list(spatial.values())}}}",
        "",
    ]
    bounds = {name: r.randint(1, extent) for name, extent in extents.items()}
    return Sample("\n".join(lines), bounds)


Affine = tuple[dict[str, int], int]


def _extents(r: random.Random) -> dict[str, int]:
    while True:
        extents = {name: r.randint(1, 9) for name in LOOPS[: r.randint(2, 6)]}
        points = 1
        for extent in extents.values():
            points *= extent
        if points <= 800:
            return extents


def _index(r: random.Random, loops: list[str]) -> Affine:
    chosen = r.sample(loops, min(len(loops), r.choice([1, 1, 1, 2, 2, 3])))
    return {name: r.choice([1, 1, 1, 1, 2, 3, -1]) for name in chosen}, r.choice(
        [0, 0, 0, 1, -1, -2]
    )


def _output(r: random.Random, loops: list[str], reduction: str) -> list[Affine]:
    if reduction == "=":
        return [({name: 1}, 0) for name in r.sample(loops, len(loops))]
    if r.random() < 0.2 and len(loops) >= 2:
        a, b, *rest = r.sample(loops, len(loops))
        plain: list[Affine] = [({name: 1}, 0) for name in rest[: r.randint(0, 1)]]
        return [({a: r.choice([1, 1, 2]), b: 1}, r.choice([0, 0, 2])), *plain]
    picked = r.sample(loops, r.randint(1, min(3, len(loops))))
    return [({name: r.choice([1, 1, 1, 2])}, r.choice([0, 0, 0, 1])) for name in picked]


def _use_all(
    r: random.Random, loops: list[str], output: list[Affine], inputs: list[list[Affine]]
) -> None:
    used = {name for index in [output, *inputs] for terms, _ in index for name in terms}
    for name in loops:
        if name not in used:
            terms, _ = r.choice(r.choice(inputs))
            terms[name] = 1


def _text(affine: Affine) -> str:
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


def _spatial(r: random.Random, loops: list[str]) -> dict[str, int]:
    axes = r.choice([1, 2, 2, 2, 3])
    return {
        name: r.randint(1, 4 if axes < 3 else 2) for name in r.sample(loops, min(axes, len(loops)))
    }


def _flow(mapping: dict[str, int] | dict[str, str]) -> str:
    return "{" + ", ".join(f"{k}: {v}" for k, v in mapping.items()) + "}"
