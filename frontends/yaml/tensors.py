"""Formats, shapes and pad values of the tensors that the operations share.

A tensor is described once or several times, in any operation, but always alike. Its shape is the
declared one, else what the statements that write it need, else what those that read it need.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from frontends.yaml.formats import FORMATS
from frontends.yaml.hints import did_you_mean
from frontends.yaml.intervals import escape, index_interval
from frontends.yaml.positions import Positions
from frontends.yaml.schema import WorkloadForm
from lego.diag import LegoError, Loc
from lego.ir.array import Tensor
from lego.ir.domain import Inequality
from lego.ir.formats import Integer
from lego.ir.operation import Loop, Place

__all__ = ["Declarations", "Use", "describe"]

MAX_RANK = 12
MAX_ELEMENTS = 1 << 24
MAX_INDEX = (1 << 31) - 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Use:
    """One access, with the loops that it runs over."""

    access: Place
    loops: tuple[Loop, ...]
    writes: bool
    domain: tuple[Inequality, ...] = ()

    def spans(self) -> list[tuple[int, int]]:
        """Least and largest index per dimension, over the domain."""
        return index_interval(self.access.map, self.loops, self.domain)


@dataclass(frozen=True, slots=True)
class Given(Generic[T]):
    """A declared property."""

    value: T
    loc: Loc


@dataclass
class Declarations:
    """What the sections `formats`, `shapes` and `pad` say, over all operations."""

    formats: dict[str, Given[Integer]] = field(default_factory=dict)
    shapes: dict[str, Given[tuple[int, ...]]] = field(default_factory=dict)
    pads: dict[str, Given[int]] = field(default_factory=dict)
    errors: list[LegoError] = field(default_factory=list)

    @classmethod
    def of(cls, form: WorkloadForm, at: Positions) -> Declarations:
        """Gather them; E103 for what is no format, E121 for contradictions."""
        found = cls()
        for k, op in enumerate(form.operations):
            for name, text in op.formats.items():
                loc = at("operations", k, "formats", name)
                if text in FORMATS:
                    found._add(found.formats, name, Given(FORMATS[text], loc))
                else:
                    found.errors.append(_no_format(text, loc))
            for name, shape in op.shapes.items():
                loc = at("operations", k, "shapes", name)
                found._add(found.shapes, name, Given(tuple(shape), loc))
            for name, pad in op.pad.items():
                found._add(found.pads, name, Given(pad, at("operations", k, "pad", name)))
        return found

    def _add(self, known: dict[str, Given[T]], name: str, given: Given[T]) -> None:
        first = known.setdefault(name, given)
        if first.value != given.value:
            line = first.loc.line
            self.errors.append(
                LegoError(
                    "E121",
                    f"{name!r} is declared {_text(given.value)} here and {_text(first.value)} before",
                    loc=given.loc,
                    hint=f"the other one is at line {line}; give the same in both, or one only",
                )
            )


def _no_format(text: str, loc: Loc) -> LegoError:
    allowed = "formats are int2 to int32 and uint1 to uint32"
    return LegoError("E103", f"{text!r} is not a number format", loc=loc, hint=allowed)


def _text(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def describe(
    uses: Mapping[str, Sequence[Use]], given: Declarations
) -> tuple[dict[str, Tensor], list[LegoError]]:
    """The tensors that could be made, in order of first use, and what is wrong with them."""
    tensors: dict[str, Tensor] = {}
    errors: list[LegoError] = []
    for name, accesses in uses.items():
        fmt = given.formats.get(name)
        wrong = list(_rank_errors(name, accesses, given))
        if not wrong:
            shape = _shape(name, accesses, given)
            pad = given.pads.get(name)
            wrong = list(_shape_errors(name, accesses, shape, pad))
            if fmt is not None:
                wrong += _pad_errors(name, accesses, fmt.value, pad)
                value = None if pad is None else pad.value
                tensors[name] = Tensor(name, shape, fmt.value, value)
        errors += wrong
    return tensors, errors


def _rank_errors(name: str, uses: Sequence[Use], given: Declarations) -> Iterator[LegoError]:
    first = uses[0].access
    declared = given.shapes.get(name)
    rank = first.map.n_out if declared is None else len(declared.value)
    source = f"at line {first.loc.line}" if first.loc else "before"
    where = source if declared is None else f"in `shapes` at line {declared.loc.line}"
    if rank > MAX_RANK:
        message = f"{name!r} has {rank} dimensions, at most {MAX_RANK} are allowed"
        yield LegoError("E123", message, loc=first.loc, hint="merge dimensions")
    for use in uses:
        if use.access.map.n_out != rank:
            yield LegoError(
                "E123",
                f"{name!r} has {use.access.map.n_out} indices here and {rank} {where}",
                loc=use.access.loc,
                hint="every use of a tensor has the same number of indices",
            )


def _shape(name: str, uses: Sequence[Use], given: Declarations) -> tuple[int, ...]:
    if name in given.shapes:
        return given.shapes[name].value
    spans = [use.spans() for use in uses if use.writes] or [use.spans() for use in uses]
    return tuple(max(1, *(high + 1 for _, high in column)) for column in zip(*spans, strict=True))


def _shape_errors(
    name: str, uses: Sequence[Use], shape: tuple[int, ...], pad: Given[int] | None
) -> Iterator[LegoError]:
    if math.prod(shape) > MAX_ELEMENTS:
        yield LegoError(
            "E120",
            f"tensor {name!r} has {math.prod(shape)} elements, more than 2^24",
            loc=uses[0].access.loc,
            hint="tile the operation; its memory must hold the whole tensor",
        )
        return
    for use in uses:
        error = _bounds_error(name, use, shape, padded=pad is not None and not use.writes)
        if error is not None:
            yield error


def _bounds_error(name: str, use: Use, shape: tuple[int, ...], *, padded: bool) -> LegoError | None:
    for j, (low, high) in enumerate(use.spans()):
        value = low if low < 0 else high
        if max(-low, high) > MAX_INDEX:
            message = f"index {j} of {name!r} spans [{low}, {high}], beyond 32 bits"
            hint = "use smaller multipliers or bounds"
            return LegoError("E122", message, loc=use.access.loc, hint=hint)
        if not padded and not 0 <= value < shape[j]:
            point = escape(use.access.map.rows[j], use.loops, use.domain, high=low >= 0)
            remedy = f"give `pad: {{{name}: 0}}`, or change bounds or `shapes`"
            return LegoError(
                "E122",
                f"index {j} of {name!r} reaches {value}, outside [0, {shape[j] - 1}], at {point}",
                loc=use.access.loc,
                hint="an output is never padded; change bounds or `shapes`"
                if use.writes
                else remedy,
            )
    return None


def _pad_errors(
    name: str, uses: Sequence[Use], fmt: Integer, pad: Given[int] | None
) -> list[LegoError]:
    if pad is None:
        return []
    if all(use.writes for use in uses):
        hint = "only tensors that are read have a pad value"
        return [LegoError("E119", f"output {name!r} can't be padded", loc=pad.loc, hint=hint)]
    if not fmt.low <= pad.value <= fmt.high:
        hint = f"{fmt} holds {fmt.low} to {fmt.high}"
        message = f"pad value {pad.value} doesn't fit {fmt}"
        return [LegoError("E119", message, loc=pad.loc, hint=hint)]
    return []


def unknown_tensor(name: str, section: str, known: Sequence[str], loc: Loc) -> LegoError:
    """E115: a section names a tensor that isn't there."""
    message = f"{name!r} under {section} is no tensor of the statement"
    return LegoError("E115", message, loc=loc, hint=did_you_mean(name, known, "tensors are"))
