"""Loop nests from labelled views: every dimension of every operand is named by the loop that it follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from frontends.tracing.coverage import check_accesses
from frontends.tracing.views import Dim, View, common_sizes, size_of, split, whole
from lego.diag import InternalError
from lego.ir.affine import AffineMap
from lego.ir.formats import Format
from lego.ir.network import (
    Apply,
    At,
    Body,
    Buffer,
    Fn,
    Kind,
    Network,
    Number,
    Operation,
    Place,
    Position,
    Role,
    Value,
)
from lego.ir.workload import Loop, Reduction

__all__ = ["Nests", "Term", "Window", "product"]


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


def product(*indices: int) -> Body:
    """The product of these inputs."""
    body: Body = Value(indices[0])
    for index in indices[1:]:
        body = Apply(Fn.MUL, (body, Value(index)))
    return body


@dataclass
class Nests:
    """A network under construction."""

    name: str
    buffers: dict[str, Buffer] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
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
        network = Network(self.name, buffers, tuple(self.operations), tuple(inputs), tuple(outputs))
        check_accesses(network)
        return network

    def copied(self, view: View, name: str) -> View:
        """The view's elements in a buffer of their own."""
        labels = tuple(f"d{k}" for k in range(len(view.dims)))
        fmt = self.buffers[view.buffer].format
        return self.nest(
            f"{name}.copy", "copy", Kind.MOVE, labels, fmt, [Term(view, labels)], Value(0)
        )

    def flattened(self, view: View, name: str) -> View:
        """The view's elements in a buffer of one dimension, which every shape can be cut from."""
        labels = tuple(f"d{k}" for k in range(len(view.dims)))
        fmt = self.buffers[view.buffer].format
        flat = self.declare(f"{name}.flat", (math.prod(view.shape),), fmt, Role.RESULT)
        into = flat.reshaped(view.shape)
        term = Term(view, labels)
        self.nest(f"{name}.copy", "copy", Kind.MOVE, labels, fmt, [term], Value(0), into=into)
        return flat

    def filled(self, view: View, name: str, source: str, value: float = 0.0) -> None:
        """Write a number into every element of a view."""
        labels = tuple(f"d{k}" for k in range(len(view.dims)))
        fmt = self.buffers[view.buffer].format
        self.nest(name, source, Kind.MOVE, labels, fmt, [], Number(value), into=view)

    def host(
        self, name: str, source: str, reason: str, views: Sequence[View],
        results: Sequence[tuple[Sequence[int], Format]],
    ) -> list[View]:  # fmt: skip
        """What no loop nest says: whole buffers in, whole buffers out."""
        name = self.unique(name)
        given = [self._whole(view, name) for view in views]
        outs = [self.declare(f"{name}.out", shape, fmt, Role.RESULT) for shape, fmt in results]
        for k, out in enumerate(outs):
            op = Operation(
                name if k == 0 else f"{name}.{k}", source, Kind.HOST, (),
                Place(out.buffer, _still(out)), tuple(Place(v.buffer, _still(v)) for v in given),
                Value(k), reason=reason,
            )  # fmt: skip
            self.operations.append(op)
        return outs

    def _whole(self, view: View, name: str) -> View:
        buffer = self.buffers[view.buffer]
        return view if view == whole(buffer.name, buffer.shape) else self.copied(view, name)

    def nest(
        self,
        name: str,
        source: str,
        kind: Kind,
        out: Sequence[Label],
        fmt: Format,
        terms: Sequence[Term],
        body: Body,
        reduction: Reduction = Reduction.ASSIGN,
        *,
        sizes: Mapping[str, int] | None = None,
        into: View | None = None,
        clipped: float | None = None,
    ) -> View:
        """Append an operation; returns what it writes: a new buffer of the labels' sizes, or `into`.

        `clipped` is given where iterations outside the output are dropped. Loops are in the order
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
        placed = _placed(body, parts, columns)
        name = self.unique(name)
        output = self._place(Term(into, tuple(out), clipped), parts, columns)
        inputs = tuple(self._place(term, parts, columns) for term in terms)
        self.operations.append(
            Operation(name, source, kind, loops, output, inputs, placed, reduction)
        )
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
        return Place(buffer.name, access, term.pad, indirect)


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


def _placed(body: Body, parts: Mapping[str, tuple[int, ...]], columns: Mapping[str, int]) -> Body:
    """The body with loops instead of labels."""
    match body:
        case At(label):
            total: Body = Number(0)
            for k, weight in reversed(list(enumerate(_weights(parts[label])))):
                step = Apply(Fn.MUL, (Position(columns[label] + k), Number(weight)))
                total = step if total == Number(0) else Apply(Fn.ADD, (total, step))
            return total
        case Apply(fn, args):
            return Apply(fn, tuple(_placed(arg, parts, columns) for arg in args))
    return body


def _still(view: View) -> AffineMap:
    return AffineMap(tuple(() for _ in view.offset), (0,) * len(view.offset))


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
