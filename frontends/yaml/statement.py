"""The statement of an operation: parsed with `ast`, then admitted by a small grammar.

    T[index, ...] += body        also max=  min=  =

Indices are affine in the loops; the body has operands, integers, `+ - * max min abs << >>`.
Nothing is ever evaluated by Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce

from frontends.yaml.indices import EXAMPLE, IndexParser, operator_of
from lego.diag import LegoError, Loc
from lego.ir.affine import AffineMap
from lego.ir.array import MAX_SHIFT
from lego.ir.constants import Constant
from lego.ir.formats import EXACT
from lego.ir.operation import Apply, Body, Fn, Place, Reduction, Value

__all__ = ["Statement", "parse_statement"]

MAX_LENGTH = 2000
MAX_INPUTS = 12
_STRANGE = re.compile(r"[^ -~]|[#\\\"'`;$?]")
_TOKEN = re.compile(r"[\[\](){}]|(?:\b(?:max|min))?[-+*/%&|^<>!:@~]*=+")
_BINARY: dict[type[ast.operator], Fn] = {ast.Add: Fn.ADD, ast.Sub: Fn.SUB, ast.Mult: Fn.MUL}
_SHIFTS: dict[type[ast.operator], Fn] = {ast.LShift: Fn.SHL, ast.RShift: Fn.SHIFT}
_SIGNS = {Fn.SHL: "<<", Fn.SHIFT: ">>"}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement says."""

    output: Place
    inputs: tuple[Place, ...]
    body: Body
    reduction: Reduction


def _exact(fn: Fn, *args: Body) -> Apply:
    return Apply(fn, args, EXACT)


def parse_statement(
    text: str, loops: Sequence[str], loc: Loc, spot: Callable[[int], Loc] | None = None
) -> Statement:
    """Parse one statement over the named loops.

    Parameters
    ----------
    loc : where the text begins in the file.
    spot : position in the file of a character of the text; by default counted from `loc`.

    Raises E110 (syntax), E111 (not affine), E112 (unknown loop), E113 (an operator or form that
    bodies don't have), E114 (too many operands, integers too large).
    """

    def count(offset: int) -> Loc:
        return Loc(loc.path, loc.line, loc.column + offset)

    return _Parser(text.rstrip(" \n"), loops, spot or count).statement()


class _Parser(IndexParser):
    """Reads the statement that is the text."""

    def __init__(self, text: str, loops: Sequence[str], spot: Callable[[int], Loc]) -> None:
        super().__init__(text, loops, spot)
        self.inputs: list[Place] = []

    def statement(self) -> Statement:
        """The whole statement."""
        if len(self.text) > MAX_LENGTH:
            message = f"the statement is longer than {MAX_LENGTH} characters"
            raise self.error("E110", message, 0, "split the operation")
        strange = _STRANGE.search(self.text)
        if strange:
            message = f"character {strange.group()!a} can't stand in a statement"
            hint = f"a statement is one line without comments; {EXAMPLE}"
            raise self.error("E110", message, strange.start(), hint)
        sign = self._assignment()
        output = self._tensor(*self.parse(0, sign.start()))
        body = self._body(*self.parse(sign.end(), len(self.text)))
        if not self.inputs:
            hint = "a body needs at least one tensor with indices"
            raise self.error("E113", "the body reads no tensor", sign.end(), hint)
        return Statement(output, tuple(self.inputs), body, Reduction(sign.group()))

    def _assignment(self) -> re.Match[str]:
        """The assignment operator: the first one outside all brackets."""
        depth = 0
        for match in _TOKEN.finditer(self.text):
            if match.group() in "[({":
                depth += 1
            elif match.group() in "])}":
                depth -= 1
            elif depth == 0 and match.group() in set(Reduction):
                return match
            elif depth == 0:
                message = f"{match.group()!r} is not an assignment operator"
                raise self.error("E110", message, match.start(), "use one of += max= min= =")
        hint = "use one of += max= min= ="
        raise self.error("E110", "the statement has no assignment", 0, hint)

    def _tensor(self, node: ast.expr, base: int) -> Place:
        at = base + node.col_offset
        if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)):
            raise self.error("E110", "expected a tensor with indices", at, "write it as Y[m,n]")
        inner = node.slice
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if not parts:
            raise self.error(
                "E110",
                f"tensor {node.value.id[:40]!r} has no index",
                at,
                "write it as Y[m,n]; Y[0] for a scalar",
            )
        rows, offsets = [], []
        for part in parts:
            row, offset = self.affine(part, base)
            rows.append(tuple(row))
            offsets.append(offset)
        return Place(node.value.id, AffineMap(tuple(rows), tuple(offsets)), loc=self.spot(at))

    def _body(self, node: ast.expr, base: int) -> Body:
        match node:
            case ast.Subscript():
                return self._operand(self._tensor(node, base), base + node.col_offset)
            case ast.Constant(value=int() as value) if type(value) is int:
                return Constant(self.integer(node, base), EXACT)
            case ast.UnaryOp(op=ast.USub(), operand=arg):
                return self._negated(arg, base, touches=arg.col_offset == node.col_offset + 1)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _SHIFTS:
                a, shift = self._body(left, base), _SHIFTS[type(op)]
                return _exact(shift, a, self._distance(right, base, shift))
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _BINARY:
                a = self._body(left, base)
                return _exact(_BINARY[type(op)], a, self._body(right, base))
            case ast.Call(func=ast.Name(id="abs"), args=[arg], keywords=[]):
                return _exact(Fn.ABS, self._body(arg, base))
            case ast.Call(
                func=ast.Name(id="max" | "min" as name), args=[_, _, *_] as args, keywords=[]
            ):
                return reduce(partial(_exact, Fn(name)), [self._body(a, base) for a in args])
        raise self._refused(node, base + node.col_offset)

    def _negated(self, arg: ast.expr, base: int, *, touches: bool) -> Body:
        """What follows a minus sign: a negative literal if it is an integer right behind the sign."""
        if touches and isinstance(arg, ast.Constant) and type(arg.value) is int:
            return Constant(-self.integer(arg, base), EXACT)
        return _exact(Fn.NEG, self._body(arg, base))

    def _refused(self, node: ast.expr, at: int) -> LegoError:
        """E113 for a node that bodies don't have."""
        if isinstance(node, ast.Name):
            message = f"{node.id[:40]!r} stands in the body without indices"
            hint = "a body has tensors with indices and integers; loops only occur in indices"
            return self.error("E113", message, at, hint)
        message = f"the body can't have this form{operator_of(node)}"
        parts = f"+ - * max(a,b) min(a,b) abs(a), << and >> by 0 to {MAX_SHIFT}"
        return self.error("E113", message, at, f"bodies have tensors, integers, {parts}")

    def _distance(self, node: ast.expr, base: int, shift: Fn) -> Constant:
        """Right side of a shift."""
        if isinstance(node, ast.Constant) and type(node.value) is int:
            value = self.integer(node, base)
            if value <= MAX_SHIFT:
                return Constant(value, EXACT)
        raise self.error(
            "E113",
            f"the right side of {_SIGNS[shift]} must be an integer from 0 to {MAX_SHIFT}",
            base + node.col_offset,
            "shift by a number; to scale by a tensor, multiply by it",
        )

    def _operand(self, access: Place, at: int) -> Body:
        for k, known in enumerate(self.inputs):
            if (known.buffer, known.map) == (access.buffer, access.map):
                return Value(k, EXACT)
        if len(self.inputs) == MAX_INPUTS:
            raise self.error(
                "E114",
                f"more than {MAX_INPUTS} different operands",
                at,
                "split the operation in two",
            )
        self.inputs.append(access)
        return Value(len(self.inputs) - 1, EXACT)
