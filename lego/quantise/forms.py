"""Bodies as affine forms: what reaches a tensor is a sum of scaled streams and constants, bounded.

A body over real numbers is evaluated with a form in place of every input. Constants have an axis
per loop, of one element along loops that they don't vary with, and are computed in float64. What
isn't of this form raises NotAffine with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lego.ir.constants import Constant, number_of
from lego.ir.formats import Float
from lego.ir.operation import Apply, Body, Fn, Place, Value
from lego.quantise.access import Array, Numbers

__all__ = ["Form", "NotAffine", "Stream", "constant_form", "form_of", "is_one"]


class NotAffine(Exception):
    """A body isn't of the form; the message says what stands in the way."""


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """What an integer buffer holds, times a factor.

    Attributes
    ----------
    place : which element, by the loops.
    factor : an axis per loop.
    """

    place: Place
    factor: Array


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """`max(low, min(high, sum of streams + offset))`, with low <= high.

    Attributes
    ----------
    offset : an axis per loop.
    low, high : infinite where there is no bound. Forms without streams have none.
    """

    streams: tuple[Stream, ...]
    offset: Array
    low: float = -math.inf
    high: float = math.inf

    @property
    def is_bounded(self) -> bool:
        """Whether there is a bound."""
        return self.low > -math.inf or self.high < math.inf


def constant_form(values: Array) -> Form:
    """The form of constants."""
    return Form((), values)


def is_one(values: Numbers) -> bool:
    """Whether all elements are equal."""
    return bool((values == values.flat[0]).all())


def form_of(body: Body, inputs: Sequence[Form], loops: int) -> Form:
    """The form of a body over so many loops, of those of its inputs. Raises NotAffine."""
    match body:
        case Value(index):
            return inputs[index]
        case Constant(_, Float()):
            return constant_form(np.full((1,) * loops, float(number_of(body))))
        case Apply(Fn.CAST, (arg,), Float()):
            return form_of(arg, inputs, loops)
        case Apply(fn, args, Float()):
            return _applied(fn, [form_of(arg, inputs, loops) for arg in args])
    raise NotAffine("its body has steps that aren't of real numbers")


def _applied(fn: Fn, args: Sequence[Form]) -> Form:
    if not any(arg.streams for arg in args):
        return _constants(fn, args)
    match fn:
        case Fn.ADD:
            return _sum(args[0], args[1])
        case Fn.SUB:
            return _sum(args[0], _scaled(args[1], np.float64(-1)))
        case Fn.NEG:
            return _scaled(args[0], np.float64(-1))
        case Fn.MUL if not args[1].streams:
            return _scaled(args[0], args[1].offset)
        case Fn.MUL if not args[0].streams:
            return _scaled(args[1], args[0].offset)
        case Fn.MUL:
            raise NotAffine("it multiplies two tensors element by element")
        case Fn.DIV if not args[1].streams:
            with np.errstate(all="ignore"):  # what isn't finite is refused where it is used
                return _scaled(args[0], 1 / args[1].offset)
        case Fn.MAX | Fn.MIN:
            return _bounded(fn, *args)
    raise NotAffine(f"{fn} of a tensor is no multiple of it")


def _sum(one: Form, other: Form) -> Form:
    if not one.streams:
        one, other = other, one
    if other.is_bounded:
        one, other = other, one
    low, high = one.low, one.high
    if one.is_bounded:
        if other.streams:
            raise NotAffine("it adds to a tensor after a bound")
        if not is_one(other.offset):
            raise NotAffine("it adds constants that vary after a bound")
        low, high = (end + float(other.offset.flat[0]) for end in (low, high))
    return Form(_merged((*one.streams, *other.streams)), one.offset + other.offset, low, high)


def _merged(streams: Sequence[Stream]) -> tuple[Stream, ...]:
    """One stream per element that is read."""
    found: dict[Place, Stream] = {}
    for each in streams:
        before = found.get(each.place)
        factor = each.factor if before is None else before.factor + each.factor
        found[each.place] = replace(each, factor=factor)
    return tuple(found.values())


def _scaled(form: Form, by: Array | np.float64) -> Form:
    by = np.asarray(by)
    low, high = form.low, form.high
    if form.is_bounded:
        if not is_one(by):
            raise NotAffine("it multiplies by constants that vary after a bound")
        if not by.flat[0]:
            raise NotAffine("it multiplies by 0")
        low, high = sorted(end * float(by.flat[0]) for end in (low, high))
    streams = tuple(replace(each, factor=each.factor * by) for each in form.streams)
    return Form(streams, form.offset * by, low, high)


def _bounded(fn: Fn, one: Form, other: Form) -> Form:
    if not one.streams:
        one, other = other, one
    if other.streams:
        raise NotAffine(f"it takes the {fn} of two tensors")
    if not is_one(other.offset):
        raise NotAffine("its bounds vary")
    end = float(other.offset.flat[0])
    pick = max if fn is Fn.MAX else min
    return replace(one, low=pick(one.low, end), high=pick(one.high, end))


def _constants(fn: Fn, args: Sequence[Form]) -> Form:
    if fn not in _FUNCTIONS:
        raise NotAffine(f"{fn} of constants isn't computed here")
    with np.errstate(all="ignore"):
        return constant_form(np.asarray(_FUNCTIONS[fn](*(arg.offset for arg in args))))


_FUNCTIONS: dict[Fn, Callable[..., Array]] = {
    Fn.ADD: np.add,
    Fn.SUB: np.subtract,
    Fn.MUL: np.multiply,
    Fn.DIV: np.divide,
    Fn.MAX: np.maximum,
    Fn.MIN: np.minimum,
    Fn.POW: np.power,
    Fn.NEG: np.negative,
    Fn.ABS: np.abs,
    Fn.EXP: np.exp,
    Fn.LOG: np.log,
    Fn.SQRT: np.sqrt,
    Fn.RSQRT: lambda a: 1 / np.sqrt(a),
    Fn.TANH: np.tanh,
    Fn.SIGMOID: lambda a: 1 / (1 + np.exp(-a)),
}
