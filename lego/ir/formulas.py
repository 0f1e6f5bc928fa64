"""Closed forms as text, as device.json has them, and their values.

The text is Python's: numbers, names, ``+ - * / **``, comparisons, ``&`` and ``|``, and sympy's ``floor``,
``ceiling``, ``Min``, ``Max``, ``Mod``, ``Eq``, ``Piecewise`` and ``Sum``; ``_else`` is the condition of a
last case. A name is a loop's bound, ``_base_X`` the first word of operand ``X`` in its banks, ``_half`` the
half of the memories in use, ``_resume`` 1 for a run that goes on from results in memory; ``_t0`` and ``_s0``
are what a sum runs over, both ends included.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from lego.ir.closed import cases, maximum, minimum, modulo, symbol, symbolic

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["HALF", "RESUME", "Formulas", "base_of", "evaluated", "expression"]

HALF = "_half"
RESUME = "_resume"
_NAME = re.compile(r"\b[A-Za-z_]\w*\b(?!\()")


@dataclass(frozen=True, slots=True)
class Formulas:
    """Closed forms of one dataflow, as text.

    Attributes
    ----------
    cycles : length of a run.
    accesses : words that each operand's SRAMs read and write.
    registers : values, by name.
    """

    cycles: str
    accesses: dict[str, str]
    registers: dict[str, str]


def base_of(operand: str) -> str:
    """What an operand's first word in its banks is called."""
    return f"_base_{operand}"


def evaluated(text: str, values: Mapping[str, int]) -> int:
    """What a closed form is for these bounds, by the names of the loops, and other names' values.

    Raises ValueError if it is no closed form, KeyError for a name without a value.
    """
    return int(_read(text, values))


def expression(text: str, names: Mapping[str, Expr]) -> Expr:
    """The expression of a text, with these symbols; errors as :func:`evaluated`."""
    from sympy import sympify

    return sympify(_read(text, names))


def _read(text: str, values: Mapping[str, Expr]) -> Expr:
    """Names become ``v_name``, so that words of Python's may be names."""
    try:
        tree = ast.parse(_NAME.sub(lambda name: f"v_{name[0]}", text), mode="eval")
    except SyntaxError:
        raise ValueError(f"{text[:60]!r} is no closed form") from None
    return _Reader({"_else": True, **values}).read(tree.body)


_OPERATORS: dict[type[ast.AST], Callable[[Expr, Expr], Expr]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class _Reader:
    """The value of a tree, with these values of its names."""

    values: Mapping[str, Expr]

    def read(self, node: ast.AST) -> Expr:
        match node:
            case ast.Constant(int() as number):
                return number
            case ast.Name(name):
                return self.values[name.removeprefix("v_")]
            case ast.UnaryOp(ast.USub(), operand):
                return -self.read(operand)
            case ast.BinOp(left, ast.Div(), right):
                return _divided(self.read(left), self.read(right))
            case ast.BinOp(left, kind, right) | ast.Compare(left, [kind], [right]):
                if type(kind) in _OPERATORS:
                    return _OPERATORS[type(kind)](self.read(left), self.read(right))
            case ast.Call(ast.Name("Piecewise"), pairs):
                return self._chosen(pairs)
            case ast.Call(ast.Name("Ne"), [left, right]):
                return _differ(self.read(left), self.read(right))
            case ast.Call(ast.Name("Sum"), [body, *ranges]):
                return self._summed(body, ranges)
            case ast.Call(ast.Name(name), arguments) if name in _FUNCTIONS:
                return _called(name, [self.read(each) for each in arguments])
        raise ValueError(f"{ast.unparse(node)[:60]!r} is no closed form")

    def _chosen(self, pairs: list[ast.expr]) -> Expr:
        """The first case whose condition holds."""
        found: list[tuple[Expr, Expr]] = []
        for pair in pairs:
            value, condition = _elements(pair, 2)
            holds = self.read(condition)
            if holds is True and not found:
                return self.read(value)
            if holds is not False:
                found.append((self.read(value), holds))
        return cases(*found)

    def _summed(self, body: ast.expr, ranges: list[ast.expr]) -> Expr:
        if not ranges:
            return self.read(body)
        *others, last = ranges
        variable, low, high = _elements(last, 3)
        name, first, end = ast.unparse(variable).removeprefix("v_"), self.read(low), self.read(high)
        if symbolic(first, end, *self.values.values()):
            inner = _Reader({**self.values, name: symbol(name, least=0)})
            return _symbolic_sum(inner._summed(body, others), inner.values[name], first, end)
        steps = range(first, end + 1)
        return sum(_Reader({**self.values, name: k})._summed(body, others) for k in steps)


def _elements(node: ast.expr, count: int) -> list[ast.expr]:
    if not isinstance(node, ast.Tuple) or len(node.elts) != count:
        raise ValueError(f"{ast.unparse(node)[:60]!r} isn't of {count} parts")
    return node.elts


def _symbolic_sum(body: Expr, variable: Expr, first: Expr, end: Expr) -> Expr:
    from sympy import Sum

    return Sum(body, (variable, first, end))


def _differ(left: Expr, right: Expr) -> Expr:
    if not symbolic(left, right):
        return left != right
    from sympy import Ne

    return Ne(left, right)


def _divided(above: Expr, below: int) -> Expr:
    return above / below if symbolic(above) else Fraction(above, below)


_FUNCTIONS: dict[str, Callable[..., Expr]] = {
    "floor": math.floor,
    "ceiling": math.ceil,
    "Min": minimum,
    "Max": maximum,
    "Mod": modulo,
    "Eq": operator.eq,
}


def _called(name: str, arguments: list[Expr]) -> Expr:
    if symbolic(*arguments) and name not in ("Min", "Max", "Mod"):
        import sympy

        return getattr(sympy, name)(*arguments)
    return _FUNCTIONS[name](*arguments)
