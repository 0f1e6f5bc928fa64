"""Random workloads with everything that bodies have: shifts, sums that wrap, up to 12 accesses and
loops, all formats."""

from __future__ import annotations

import random

from tests.property.generator import (
    Affine,
    Sample,
    flow_of,
    index_of,
    output_of,
    read_cost_of,
    spatial_of,
    text_of,
    use_all,
)

LOOPS = ("i", "j", "k", "l", "p", "q", "a", "b", "c", "d", "e", "f")
FORMATS = tuple(f"{u}int{n}" for u in ("", "u") for n in (2, 5, 8, 13, 16, 24, 32))
POINTS = 300


def rich_sample(seed: int) -> Sample:
    """The workload of a seed under 1 to 3 dataflows; at most 300 iterations."""
    r = random.Random(f"rich {seed}")
    op = _Operation(r)
    flows = [f"      - {{name: d{n}, {op.dataflow()}}}" for n in range(r.choice([1, 1, 2, 3]))]
    cost = read_cost_of(seed).removeprefix(", ")
    lines = [f"name: rich{seed}", "operations:", *op.lines(), "    dataflows:", *flows]
    text = "\n".join([*lines, f"architecture: {{{cost}}}", ""])
    return Sample(text, {name: r.randint(1, n) for name, n in op.extents.items()})


class _Operation:
    def __init__(self, r: random.Random) -> None:
        self.r = r
        self.extents = _extents(r)
        loops = list(self.extents)
        reduction = r.choice(["+=", "+=", "+=", "max=", "min=", "="])
        output = output_of(r, loops, reduction)
        accesses = self._accesses(loops)
        use_all(r, loops, output, [index for _, index in accesses])
        names = sorted({name for name, _ in accesses})
        self.formats = {name: r.choice(FORMATS) for name in names}
        self.pad = dict.fromkeys(names, 0)
        body = _body(r, [f"{n}[{','.join(map(text_of, index))}]" for n, index in accesses])
        fits = {"int8": "max(-128, min(127, {}))", "uint5": "min(31, max({}, 0))"}
        self.formats["Y"] = r.choice(FORMATS)
        if reduction != "+=":
            self.formats["Y"] = r.choice(sorted(fits))
            body = fits[self.formats["Y"]].format(body)
        self.statement = f"Y[{','.join(map(text_of, output))}] {reduction} {body}"

    def _accesses(self, loops: list[str]) -> list[tuple[str, list[Affine]]]:
        """One to twelve, often several of one tensor."""
        r = self.r
        count = r.choice([1, 2, 2, 3, 3, 4, 5, 6, 8, 12])
        names = [f"T{k}" for k in range(r.randint(1, count))]
        ranks = {name: r.randint(1, 3) for name in names}
        picked = [*names, *(r.choice(names) for _ in range(count - len(names)))]
        found = [(name, [index_of(r, loops) for _ in range(ranks[name])]) for name in picked]
        for k, (name, index) in enumerate(found):
            if k and found[k - 1][0] == name and r.random() < 0.6:  # a neighbour, as in a stencil
                terms, offset = found[k - 1][1][0]
                index[:] = [(dict(terms), offset + r.choice([-1, 1])), *index[1:]]
        return found

    def lines(self) -> list[str]:
        return [
            "  - name: op",
            f"    loops: {flow_of(self.extents)}",
            f'    statement: "{self.statement}"',
            f"    formats: {flow_of(self.formats)}",
            f"    pad: {flow_of(self.pad)}",
        ]

    def dataflow(self) -> str:
        r, loops = self.r, list(self.extents)
        spatial = spatial_of(r, loops)
        if (
            self.statement.count("[") > 5
        ):  # every access has banks of its own, and designs grow with both
            spatial = {name: min(2, size) for name, size in list(spatial.items())[:2]}
        temporal = r.sample(loops, r.randint(0, len(loops)))
        control = r.choice(["systolic", "broadcast", str([r.randint(0, 3) for _ in spatial])])
        parts = f"spatial: {flow_of(spatial)}, temporal: [{', '.join(temporal)}]"
        return f"{parts}, control: {control}"


def _extents(r: random.Random) -> dict[str, int]:
    while True:
        count = r.choice([2, 3, 4, 5, 7, 9, 10, 12])
        sizes = range(1, 8) if count < 6 else (1, 1, 1, 2, 2, 3)
        extents = {name: r.choice(sizes) for name in LOOPS[:count]}
        points = 1
        for extent in extents.values():
            points *= extent
        if points <= POINTS:
            return extents


def _body(r: random.Random, operands: list[str]) -> str:
    """Every operand once, a few integers, in random order."""
    parts = [
        *operands,
        *(str(r.choice([-70000, -3, 1, 2, 64, 999])) for _ in range(r.randint(0, 2))),
    ]
    while len(parts) > 1:
        left, right = (parts.pop(r.randrange(len(parts))) for _ in range(2))
        form = r.choice(
            ["({} + {})", "({} - {})", "{} * {}", "{} * {}", "max({}, {})", "min({}, {})"]
        )
        parts.append(_changed(r, form.format(left, right)))
    return _changed(r, parts[0])


def _changed(r: random.Random, part: str) -> str:
    """Perhaps with its sign changed, or shifted."""
    if r.random() < 0.6:
        return part
    by = r.choice([0, 1, 3, 7, 12])
    return r.choice(
        ["-({})", "abs({})", f"({{}} << {by})", f"({{}} >> {by})", f"({{}} >> {by})"]
    ).format(part)
