"""Bodies as the lowering of an operator writes them: labels for indices, plain numbers, no formats.

:func:`typed` makes the body of an operation of one, in which every node has the number format that
PyTorch computes it in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.ir.constants import constant
from lego.ir.formats import FLOAT32, FLOAT64, INT64, Float, Format
from lego.ir.operation import Apply, Body, Fn, Reduction, Value
from lego.ir.promotion import applied, joined, widened

__all__ = ["At", "Call", "Draft", "Input", "Number", "is_product", "product", "typed"]


@dataclass(frozen=True, slots=True)
class Input:
    """The value of input number `index`."""

    index: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the model."""

    value: float


@dataclass(frozen=True, slots=True)
class At:
    """The index that a label stands for."""

    label: str


@dataclass(frozen=True, slots=True)
class Call:
    """`fn(args)`; a cast is to the format of the result."""

    fn: Fn
    args: tuple[Draft, ...]


Draft = Input | Number | At | Call


def product(*indices: int) -> Draft:
    """The product of these inputs."""
    body: Draft = Input(indices[0])
    for index in indices[1:]:
        body = Call(Fn.MUL, (body, Input(index)))
    return body


def is_product(draft: Draft) -> bool:
    """Whether it is a product of inputs and nothing else."""
    match draft:
        case Input():
            return True
        case Call(Fn.MUL, args):
            return all(map(is_product, args))
    return False


def typed(
    draft: Draft, reduction: Reduction, inputs: Sequence[Format], out: Format, indices: Mapping[str, Body]
) -> Body:  # fmt: skip
    """The body with formats: of inputs in these, stored in `out`; `indices` are what labels stand for.

    Products of several inputs that are added up are computed in the result's format, as PyTorch's
    matrix products are; all else is promoted step by step.
    """
    if reduction is Reduction.ADD and len(_used(draft)) > 1 and is_product(draft):
        return _all_in(draft, out)
    if isinstance(draft, Input):
        return Value(draft.index, inputs[draft.index])
    return _Typing([widened(fmt) for fmt in inputs], out, indices).of(draft)


def _used(draft: Draft) -> set[int]:
    match draft:
        case Input(index):
            return {index}
        case Call(_, args):
            return {index for arg in args for index in _used(arg)}
    return set()


def _all_in(draft: Draft, fmt: Format) -> Body:
    """A product in one format."""
    if isinstance(draft, Input):
        return Value(draft.index, fmt)
    assert isinstance(draft, Call)  # noqa: S101
    return Apply(draft.fn, tuple(_all_in(arg, fmt) for arg in draft.args), fmt)


@dataclass(frozen=True, slots=True)
class _Typing:
    inputs: Sequence[Format]
    out: Format
    indices: Mapping[str, Body]

    def of(self, draft: Draft) -> Body:
        """The body of a draft."""
        match draft:
            case Input(index):
                return Value(index, self.inputs[index])
            case Number(value):
                return constant(value, self._format(value))
            case At(label):
                return self.indices[label]
            case Call(Fn.CAST, (arg,)):
                return Apply(Fn.CAST, (self.of(arg),), self.out)
            case Call(fn, (Number(value), other)) if fn in _IN_ITS_FORMAT:
                right = self.of(other)
                return applied(fn, constant(value, _beside(right.format, value)), right)
            case Call(fn, (other, Number(value))) if fn in _IN_ITS_FORMAT:
                left = self.of(other)
                return applied(fn, left, constant(value, _beside(left.format, value)))
            case Call(fn, args):
                return applied(fn, *map(self.of, args))

    def _format(self, value: float) -> Format:
        """Of a number that stands beside tensors: integers count as such where the result is one."""
        if isinstance(self.out, Float):
            return FLOAT64 if self.out == FLOAT64 else FLOAT32
        return INT64 if _is_whole(value) else FLOAT32


_IN_ITS_FORMAT = frozenset({Fn.LT, Fn.LE, Fn.EQ, Fn.MOD})
"""Functions that round a number to the format of what it stands beside; others compute in float32
where that is narrower."""


def _beside(fmt: Format, value: float) -> Format:
    """The format of a number beside something in a format, for these functions: the same beside
    floating point; beside integers an integer, or float32 if it is none."""
    if isinstance(fmt, Float):
        return joined(fmt)
    return INT64 if _is_whole(value) and not isinstance(value, float) else FLOAT32


def _is_whole(value: float) -> bool:
    """Whether it is an integer of 64 bits."""
    return float(value).is_integer() and INT64.low <= value <= INT64.high
