"""Loop nests from labelled views: every dimension of every operand is named by the loop that it follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from frontends.tracing.coverage import check_accesses
from frontends.tracing.drafts import Draft, Input, Number, typed
from frontends.tracing.views import Dim, View, common_sizes, size_of, split, whole
from lego.diag import InternalError, LegoError
from lego.ir.affine import AffineMap
from lego.ir.checks.check import checked
from lego.ir.constants import constant
from lego.ir.formats import INT64, Format
from lego.ir.network import Buffer, Network, Role
from lego.ir.operation import (
    Body,
    Fn,
    HostCall,
    Loop,
    Operation,
    Output,
    Place,
    Position,
    Reduction,
    Step,
)
from lego.ir.promotion import applied

__all__ = ["Nests", "Term", "Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """An index that is `offset` plus a sum of (coefficient, label) pairs, as in convolutions."""

    parts: tuple[tuple[int, str], ...]
    offset: int = 0


Label = str | Window | None
"""None: the index comes from another input, or the dimension has one element."""


@dataclass(frozen=True, slots=True)
class Term:
    """An operand: a view and the label of each of its dimensions.

    `pad` is what is read outside the buffer. `indirect` are (dimension, term) pairs: that term's
    value is the index.
    """

    view: View
    labels: tuple[Label, ...]
    pad: float | None = None
    indirect: tuple[tuple[int, int], ...] = ()


@dataclass
class Nests:
    """A network under construction."""

    name: str
    buffers: dict[str, Buffer] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    _names: dict[str, int] = field(default_factory=dict)

    def unique(self, name: str) -> str:
        """The name, with a number if it was there before."""
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        return f"{name}_{count}" if count else name

    def declare(self, name: str, shape: Sequence[int], fmt: Format, role: Role) -> View:
        """A new buffer; returns all of it."""
        buffer = Buffer(self.unique(name), tuple(shape), fmt, role)
        self.buffers[buffer.name] = buffer
        return whole(buffer.name, buffer.shape)

    def network(self, inputs: Sequence[str], outputs: Sequence[str]) -> Network:
        """Freeze.

        Raises InternalError where an access leaves its buffer, or an element of a result isn't
        written.
        """
        buffers = tuple(self.buffers.values())
        network = Network(self.name, buffers, tuple(self.steps), tuple(inputs), tuple(outputs))
        check_accesses(network)
        return checked(network)

    def copied(self, view: View, name: str) -> View:
        """The view's elements in a buffer of their own."""
        labels = tuple(f"d{k}" for k in range(len(view.dims)))
        fmt = self.buffers[view.buffer].format
        return self.nest(f"{name}.copy", "copy", labels, fmt, [Term(view, labels)], Input(0))

    def flattened(self, view: View, name: str) -> View:
        """The view's elements in a buffer of one dimension, which every shape can be cut from."""
        labels = tuple(f"d{k}" for k in range(len(view.dims)))
        fmt = self.buffers[view.buffer].format
        flat = self.declare(f"{name}.flat", (math.prod(view.shape),), fmt, Role.RESULT)
        into = flat.reshaped(view.shape)
        term = Term(view, labels)
        self.nest(f"{name}.copy", "copy", labels, fmt, [term], Input(0), into=into)
        return flat

    def filled(self, view: View, name: str, source: str, value: float = 0.0) -> None:
        """Write a number into every element of a view."""
        labels = tuple(f"d{k}" for k in range(len(view.dims)))
        fmt = self.buffers[view.buffer].format
        self.nest(name, source, labels, fmt, [], Number(value), into=view)

    def host(
        self, name: str, source: str, reason: str, views: Sequence[View],
        results: Sequence[tuple[Sequence[int], Format]],
    ) -> list[View]:  # fmt: skip
        """What no loop nest says: whole buffers in, whole buffers out."""
        name = self.unique(name)
        given = [self._whole(view, name).buffer for view in views]
        outs = [self.declare(f"{name}.out", shape, fmt, Role.RESULT) for shape, fmt in results]
        names = tuple(out.buffer for out in outs)
        self.steps.append(HostCall(name, tuple(given), names, source, reason))
        return outs

    def _whole(self, view: View, name: str) -> View:
        buffer = self.buffers[view.buffer]
        return view if view == whole(buffer.name, buffer.shape) else self.copied(view, name)

    def nest(
        self,
        name: str,
        source: str,
        out: Sequence[Label],
        fmt: Format,
        terms: Sequence[Term],
        body: Draft,
        reduction: Reduction = Reduction.ASSIGN,
        *,
        sizes: Mapping[str, int] | None = None,
        into: View | None = None,
        clipped: bool = False,
    ) -> View:
        """Append an operation; returns what it writes: a new buffer of the labels' sizes, or `into`.

        `clipped` is true where iterations outside the output are dropped. Loops are in the order
        in which the output and then the terms name them. `sizes` are those of labels that no term
        names by itself.
        """
        terms = [self._plain(term, name) for term in terms]
        given = [] if into is None else [Term(into, tuple(out))]
        plain = _plain_dims([*terms, *given])
        known = {label: size_of(dims[0]) for label, dims in plain.items()} | dict(sizes or {})
        parts, terms = self._parts(known, terms, given, name)
        order = _order(out, terms)
        loops = _loops(order, parts)
        if into is None:
            shape = [known[label] if isinstance(label, str) else 1 for label in out]
            into = self.declare(f"{name}.out", shape, fmt, Role.RESULT)
        columns = _columns(order, parts)
        name = self.unique(name)
        place = self._place(Term(into, tuple(out)), parts, columns)
        inputs = tuple(self._place(term, parts, columns) for term in terms)
        formats = [self.buffers[term.view.buffer].format for term in terms]
        stored = self.buffers[into.buffer].format
        indices = _indices(parts, columns)
        try:
            placed = typed(body, reduction, formats, stored, indices)
        except LegoError as error:
            raise LegoError(error.code, f"{name}: {error.message}", hint=error.hint) from None
        output = Output(place, placed, reduction, clipped)
        self.steps.append(Operation(name, loops, (output,), inputs, source=source))
        return into

    def _plain(self, term: Term, name: str) -> Term:
        """The term with a view whose windowed and indirect dimensions are dimensions of the buffer."""
        special = [k for k, label in enumerate(term.labels) if isinstance(label, Window)]
        special += [k for k, _ in term.indirect]
        full = whole(term.view.buffer, self.buffers[term.view.buffer].shape)
        if term.view == full or all(_is_unit(term.view, k, full) for k in special):
            return term
        return replace(term, view=self.copied(term.view, name))

    def _parts(
        self, known: Mapping[str, int], terms: list[Term], given: list[Term], name: str
    ) -> tuple[dict[str, tuple[int, ...]], list[Term]]:
        """How every label's loop is split; operands whose atoms don't fit the others', or those of
        the output that is `given`, are copied first."""
        plain = _plain_dims([*terms, *given])
        parts: dict[str, tuple[int, ...]] = {}
        bad: set[str] = set()
        for label, size in known.items():
            found = common_sizes(plain.get(label, []))
            if found is None:
                bad.add(label)
            parts[label] = found if found else (size,) if size > 1 else ()
        if not bad:
            return parts, terms
        mended = [
            replace(term, view=self.copied(term.view, name))
            if any(
                label in bad and len(dim) > 1
                for dim, label in zip(term.view.dims, term.labels, strict=True)
            )
            else term
            for term in terms
        ]
        if mended == terms:
            raise InternalError(f"{name}: the output can't be written in this arrangement")
        return self._parts(known, mended, given, name)

    def _place(
        self, term: Term, parts: Mapping[str, tuple[int, ...]], columns: Mapping[str, int]
    ) -> Place:
        """The access of one term."""
        buffer, view = self.buffers[term.view.buffer], term.view
        count = sum(len(p) for p in parts.values())
        rows = [[0] * count for _ in buffer.shape]
        offset = list(view.offset)
        for k, (dim, label) in enumerate(zip(view.dims, term.labels, strict=True)):
            if isinstance(label, str):
                for j, atom in enumerate(split(dim, parts[label]) if dim else ()):
                    for d, step in enumerate(atom.step):
                        rows[d][columns[label] + j] += step
            elif isinstance(label, Window):
                d = _dimension(view, k)
                offset[d] += label.offset
                for factor, each in label.parts:
                    for j, weight in enumerate(_weights(parts[each])):
                        rows[d][columns[each] + j] += factor * weight
        access = AffineMap(tuple(map(tuple, rows)), tuple(offset))
        indirect = tuple((_dimension(view, k), source) for k, source in term.indirect)
        pad = None if term.pad is None else constant(term.pad, buffer.format)
        return Place(buffer.name, access, pad, indirect)


def _is_unit(view: View, dim: int, full: View) -> bool:
    """Whether a dimension of a view is one of the buffer, all of it."""
    return any(
        view.dims[dim] == unit and unit and not view.offset[d] for d, unit in enumerate(full.dims)
    )


def _dimension(view: View, dim: int) -> int:
    """The buffer's dimension that a dimension of :func:`_is_unit`, or of all of a buffer, is."""
    steps = [d for atom in view.dims[dim] for d, step in enumerate(atom.step) if step]
    return steps[0] if steps else dim


def _weights(sizes: Sequence[int]) -> list[int]:
    """What each part of a split loop counts: the index is the sum of the parts times these, the
    last being 1."""
    return [math.prod(sizes[k + 1 :]) for k in range(len(sizes))]


def _indices(parts: Mapping[str, tuple[int, ...]], columns: Mapping[str, int]) -> dict[str, Body]:
    """What a label stands for in a body: the parts of its loop, weighted."""
    found: dict[str, Body] = {}
    for label, first in columns.items():
        total: Body | None = None
        for k, weight in reversed(list(enumerate(_weights(parts[label])))):
            place = Position(first + k, INT64)
            step = applied(Fn.MUL, place, constant(weight, INT64))
            total = step if total is None else applied(Fn.ADD, total, step)
        found[label] = constant(0, INT64) if total is None else total
    return found


def _plain_dims(terms: Sequence[Term]) -> dict[str, list[Dim]]:
    """The dimensions that each label names by itself."""
    found: dict[str, list[Dim]] = {}
    for term in terms:
        for dim, label in zip(term.view.dims, term.labels, strict=True):
            if isinstance(label, str):
                found.setdefault(label, []).append(dim)
    return found


def _labels(label: Label) -> tuple[str, ...]:
    if isinstance(label, str):
        return (label,)
    return tuple(each for _, each in label.parts) if isinstance(label, Window) else ()


def _order(out: Sequence[Label], terms: Sequence[Term]) -> list[str]:
    every = [*out, *(label for term in terms for label in term.labels)]
    return list(dict.fromkeys(each for label in every for each in _labels(label)))


def _loops(order: Sequence[str], parts: Mapping[str, tuple[int, ...]]) -> tuple[Loop, ...]:
    """A loop per part of every label, numbered from the second part on."""
    return tuple(
        Loop(f"{label}{k or ''}", n) for label in order for k, n in enumerate(parts[label])
    )


def _columns(order: Sequence[str], parts: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Number of the first loop of each label."""
    columns, at = {}, 0
    for label in order:
        columns[label] = at
        at += len(parts[label])
    return columns
