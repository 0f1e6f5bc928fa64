"""Architecture description graph: FUs, data nodes, links and banks of one dataflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from lego.ir.array import ArrayOperation, Tensor
from lego.ir.banking import Banking
from lego.ir.dataflow import Dataflow
from lego.ir.delay_reuse import DelayReuse, Fu
from lego.ir.domain import inside_box
from lego.ir.formats import Integer
from lego.ir.guard import Guard, guards_of
from lego.ir.operation import Reduction

__all__ = [
    "Adg",
    "Fu",
    "InputPlan",
    "OutputClass",
    "OutputPlan",
    "Source",
    "without_places",
]

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where one FU gets an operand: from FU `link`, `delay` cycles later, or from its data node."""

    link: Fu | None
    delay: int = 0


@dataclass(frozen=True, slots=True)
class InputPlan:
    """Interconnect and memory of one input access.

    Attributes
    ----------
    time, space, offset : ``F_T``, ``F_S``, ``f_0``: element ``d = F_T t + F_S s + f_0``.
    sources : one per FU, in lexicographic order of the FUs.
    hold : number of innermost counters over which a data node's value stays in a register.
    delays : delay reuse of the data nodes that is worth its registers, the first that holds serves.
    """

    name: str
    tensor: Tensor
    time: tuple[tuple[int, ...], ...]
    space: tuple[tuple[int, ...], ...]
    offset: tuple[int, ...]
    sources: tuple[Source, ...]
    hold: int
    delays: tuple[DelayReuse, ...]
    banking: Banking

    def levels(self, fu: Fu) -> tuple[int, ...]:
        """Numbers of the delay reuse that serves an FU."""
        return tuple(k for k, reuse in enumerate(self.delays) if reuse.serves(fu))

    def opening(self, fu: Fu) -> int:
        """Trips of the innermost counter in which the data node of an FU may read; 0: in all."""
        found = [reuse.opening for reuse in self.delays if reuse.opening and reuse.serves(fu)]
        return min(found, default=0)


@dataclass(frozen=True, slots=True)
class OutputClass:
    """FUs that contribute to the same element at the same timestamp.

    `levels` holds them by rising skew; FUs of one level are reduced by a tree, the levels by a
    chain; the first FU of the last level is the root, whose data node commits the result.
    """

    levels: tuple[tuple[Fu, ...], ...]

    @property
    def root(self) -> Fu:
        """The FU whose data node commits."""
        return self.levels[-1][0]


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """Reduction and memory of the output.

    Attributes
    ----------
    hold : number of innermost counters over which the root accumulates in a register.
    revisit : counters outside `hold` over which an element is accumulated in memory.
    injective : distinct values of the loops in the output's indices mean distinct elements, over all FUs
        and timestamps; if not, the memory is preloaded with the identity and every commit accumulates.
    resumes : a run may go on from what the memory holds.
    """

    name: str
    tensor: Tensor
    time: tuple[tuple[int, ...], ...]
    space: tuple[tuple[int, ...], ...]
    offset: tuple[int, ...]
    classes: tuple[OutputClass, ...]
    hold: int
    revisit: tuple[int, ...]
    injective: bool
    banking: Banking
    resumes: bool = False

    @property
    def accumulates(self) -> bool:
        """Whether commits read, modify and write."""
        return bool(self.revisit) or not self.injective or self.resumes


@dataclass(frozen=True, slots=True)
class Adg:
    """The architecture of one operation under one dataflow.

    Attributes
    ----------
    terms : sums hold at least so many, should the operation have fewer.
    """

    schema: str
    name: str
    op: ArrayOperation
    dataflow: Dataflow
    inputs: tuple[InputPlan, ...]
    output: OutputPlan
    terms: int = 1

    def data_nodes(self, plan: InputPlan | OutputPlan) -> tuple[Fu, ...]:
        """FUs with a data node for the operand, in lexicographic order."""
        if isinstance(plan, OutputPlan):
            return tuple(sorted(c.root for c in plan.classes))
        return tuple(
            fu
            for fu, source in zip(self.dataflow.fus(), plan.sources, strict=True)
            if source.link is None
        )

    def operands(self) -> Iterator[InputPlan | OutputPlan]:
        """Inputs in order, then the output."""
        yield from self.inputs
        yield self.output

    def to_json(self) -> str:
        """Serialise without places in the user's files; :meth:`from_json` reads it back equal."""
        from pydantic import TypeAdapter

        tree = TypeAdapter(Adg).dump_python(self, mode="json")
        return json.dumps(without_places(tree), indent=1) + "\n"

    @staticmethod
    def from_json(text: str | bytes) -> Adg:
        """Read what :meth:`to_json` wrote."""
        from pydantic import TypeAdapter

        return TypeAdapter(Adg).validate_json(text)

    def __str__(self) -> str:
        lines = [f"adg {self.name} : {self.dataflow.describe(self.op)}"]
        for plan in self.inputs:
            lines += self._input_lines(plan)
        out = self.output
        lines.append(f"  out {out.name} {out.tensor.format} {list(out.tensor.shape)}")
        shapes = sorted({tuple(len(level) for level in c.levels) for c in out.classes})
        lines.append(f"    {self.op.reduction} over levels {[list(s) for s in shapes]}")
        lines.append(
            f"    data nodes x{len(out.classes)}, held over {out.hold} counters"
            f"{', accumulated in memory' if out.accumulates else ''}"
        )
        lines.append(f"    {_banks(out.banking)}")
        return "\n".join(lines)

    def _input_lines(self, plan: InputPlan) -> Iterator[str]:
        links: dict[tuple[Fu, int], int] = {}
        for fu, source in zip(self.dataflow.fus(), plan.sources, strict=True):
            if source.link is not None:
                step = tuple(a - b for a, b in zip(fu, source.link, strict=True))
                links[step, source.delay] = links.get((step, source.delay), 0) + 1
        yield f"  in  {plan.name} {plan.tensor.format} {list(plan.tensor.shape)}"
        for (step, delay), count in sorted(links.items()):
            yield f"    {'delay' if delay else 'direct'} link {step} x{count} delay {delay}"
        held = f", held over {plan.hold} counters" if plan.hold else ""
        yield f"    data nodes x{len(self.data_nodes(plan))}{held}"
        for reuse in plan.delays:
            yield f"    {_delayed(reuse)}"
        yield f"    {_banks(plan.banking)}"

    @property
    def reduction(self) -> Reduction:
        """How the hardware combines values.

        An assignment adds to a preloaded zero where ragged edges overlap other elements, or points outside
        the domain are at the same element: each element gets one valid value, and masked ones add nothing.
        """
        if self.op.reduction is Reduction.ASSIGN and not self.output.injective:
            return Reduction.ADD
        return self.op.reduction

    @property
    def longest_pauses(self) -> tuple[int, ...]:
        """What the idle cycles after the round of each counter and those inside it never exceed."""
        sharing = [plan.banking for plan in self.operands() if plan.banking.pause]
        levels = {banking.pause for banking in sharing}
        counters = len(self.dataflow.temporal)
        return tuple(
            max(b.apart for b in sharing if b.pause <= level) if level in levels else 0
            for level in range(counters, 0, -1)
        )

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The inequalities of the operation's domain in time and space."""
        return guards_of(self.op, self.dataflow)

    @property
    def guarded_commits(self) -> bool:
        """Whether an element is committed inside the domain only: an assignment's. Reductions commit
        what is outside, too: the identity."""
        return bool(self.op.domain) and self.reduction is Reduction.ASSIGN

    @property
    def checked_dims(self) -> tuple[int, ...]:
        """Dimensions of the output whose index must lie in the tensor for a commit.

        All, where elements of ragged edges overlap others; else those that only points outside
        the domain leave.
        """
        access, shape = self.op.output.map, self.output.tensor.shape
        if not self.output.injective:
            return tuple(range(len(shape)))
        spans = [
            inside_box(row, offset, self.op.extents)
            for row, offset in zip(access.rows, access.offset, strict=True)
        ]
        return tuple(
            j
            for j, ((low, high), extent) in enumerate(zip(spans, shape, strict=True))
            if low < 0 or high >= extent
        )

    @property
    def output_format(self) -> Integer:
        """Integer of the output's elements."""
        return self.output.tensor.format


Json = dict[str, "Json"] | list["Json"] | str | float | bool | None


def without_places(tree: Json) -> Json:
    """A JSON value without the places in the user's file, at any depth."""
    if isinstance(tree, dict):
        return {key: without_places(value) for key, value in tree.items() if key != "loc"}
    return [without_places(value) for value in tree] if isinstance(tree, list) else tree


def _delayed(reuse: DelayReuse) -> str:
    at_most = "at most " if reuse.programmable else ""
    return f"delay reuse {reuse.shift} dt {reuse.dt} x{len(reuse.fus)} delay {at_most}{reuse.delay}"


def _banks(banking: Banking) -> str:
    how = "fixed" if banking.fixed else "rotating"
    how += ", in turn" if banking.shared else ""
    skewed = f" skew {[list(s) for s in banking.skews]}" if any(map(any, banking.skews)) else ""
    return f"banks {list(banking.counts)} gcd {list(banking.gcds)}{skewed} {how}"
