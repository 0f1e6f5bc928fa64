"""The statement of an operation: parsed with `ast`, then admitted by a small grammar.

    T[index, ...] += body        also max=  min=  =

Indices are affine in the loops; the body has operands, integers, `+ - * max min abs << >>`.
Nothing is ever evaluated by Python.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lego.diag import LegoError, Loc
from lego.ir.affine import AffineMap
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.workload import Access, Reduction

__all__ = ["Statement", "parse_statement"]

MAX_LENGTH = 2000
MAX_DEPTH = 64
MAX_LITERAL = (1 << 31) - 1
MAX_SHIFT = 62
MAX_INPUTS = 12
_EXAMPLE = 'write, for example, "Y[m,n] += X[m,k] * W[k,n]"'
_STRANGE = re.compile(r"[^ -~]|[#\\\"'`;$?]")
_TOKEN = re.compile(r"[\[\](){}]|(?:\b(?:max|min))?[-+*/%&|^<>!:@~]*=+")
_DECIMAL = re.compile(r"0|[1-9][0-9]*")
_BINARY: dict[type[ast.operator], BinaryOp] = {
    ast.Add: BinaryOp.ADD,
    ast.Sub: BinaryOp.SUB,
    ast.Mult: BinaryOp.MUL,
}
_SHIFTS: dict[type[ast.operator], BinaryOp] = {
    ast.LShift: BinaryOp.SHL,
    ast.RShift: BinaryOp.SHR,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement says."""

    output: Access
    inputs: tuple[Access, ...]
    body: Expr
    reduction: Reduction


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


class _Parser:
    article, what = "an", "index"

    def __init__(self, text: str, loops: Sequence[str], spot: Callable[[int], Loc]) -> None:
        self.text, self.loops, self.spot = text, list(loops), spot
        self.inputs: list[Access] = []

    def error(self, code: str, message: str, at: int, hint: str) -> LegoError:
        """An error at character `at` of the statement."""
        return LegoError(code, message, loc=self.spot(min(at, len(self.text))), hint=hint)

    def statement(self) -> Statement:
        """The whole statement."""
        if len(self.text) > MAX_LENGTH:
            message = f"the statement is longer than {MAX_LENGTH} characters"
            raise self.error("E110", message, 0, "split the operation")
        strange = _STRANGE.search(self.text)
        if strange:
            message = f"character {strange.group()!a} can't stand in a statement"
            hint = f"a statement is one line without comments; {_EXAMPLE}"
            raise self.error("E110", message, strange.start(), hint)
        sign = self._assignment()
        output = self._tensor(*self._parse(0, sign.start()))
        body = self._body(*self._parse(sign.end(), len(self.text)))
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

    def _parse(self, start: int, end: int) -> tuple[ast.expr, int]:
        """Syntax tree of a part of the text, and what to add to its columns."""
        source = self.text[start:end].lstrip()
        base = end - len(source)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(source, mode="eval").body
        except SyntaxError as error:
            at = base + error.offset - 1 if error.offset else end
            raise self.error("E110", "the statement can't be read here", at, _EXAMPLE) from error
        except (RecursionError, MemoryError, ValueError) as error:
            raise self._too_deep(base) from error
        level: list[ast.AST] = [tree]
        for _ in range(MAX_DEPTH):
            level = [below for node in level for below in ast.iter_child_nodes(node)]
        if level:
            raise self._too_deep(base)
        return tree, base

    def _too_deep(self, at: int) -> LegoError:
        message = f"the expression is nested deeper than {MAX_DEPTH}"
        return self.error("E110", message, at, "use fewer terms and brackets, or split it")

    def _tensor(self, node: ast.expr, base: int) -> Access:
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
            row, offset = self._affine(part, base)
            rows.append(tuple(row))
            offsets.append(offset)
        return Access(node.value.id, AffineMap(tuple(rows), tuple(offsets)), self.spot(at))

    def _affine(self, node: ast.expr, base: int) -> tuple[list[int], int]:
        """Coefficients and constant of an index."""
        at = base + node.col_offset
        match node:
            case ast.Constant(value=int() as value) if type(value) is int:
                return [0] * len(self.loops), self._integer(node, base)
            case ast.Name(id=name):
                return [int(loop == name) for loop in self._known(name, at)], 0
            case ast.UnaryOp(op=ast.USub(), operand=arg):
                row, offset = self._affine(arg, base)
                return [-a for a in row], -offset
            case ast.BinOp(op=ast.Add() | ast.Sub() as op, left=left, right=right):
                (row, offset), (b, d) = self._affine(left, base), self._affine(right, base)
                sign = 1 if isinstance(op, ast.Add) else -1
                total = [x + sign * y for x, y in zip(row, b, strict=True)]
                return self._bounded(total, offset + sign * d, at)
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                (row, offset), (b, d) = self._affine(left, base), self._affine(right, base)
                if any(row) and any(b):
                    raise self.error(
                        "E111",
                        f"the {self.what} is not affine: it multiplies two loops",
                        at,
                        f"{self.article} {self.what} may only multiply a loop by a number",
                    )
                if any(b):
                    row, offset, d = b, d, offset
                return self._bounded([x * d for x in row], offset * d, at)
        raise self.error(
            "E111",
            f"the {self.what} is not affine{_operator(node)}",
            at,
            f"{self.article} {self.what} is made of loops, integers, + - and multiplication by an integer",
        )

    def _known(self, name: str, at: int) -> list[str]:
        """The loops, of which `name` must be one."""
        if name not in self.loops:
            close = difflib.get_close_matches(name, self.loops, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"loops are {', '.join(self.loops)}"
            raise self.error("E112", f"{name[:40]!r} is not a loop of this operation", at, hint)
        return self.loops

    def _bounded(self, row: list[int], offset: int, at: int) -> tuple[list[int], int]:
        if any(abs(value) > MAX_LITERAL for value in (*row, offset)):
            raise self._too_large(at)
        return row, offset

    def _integer(self, node: ast.expr, base: int) -> int:
        """Value of an integer, which must be written in decimal."""
        at = base + node.col_offset
        text = self.text[at : base + (node.end_col_offset or 0)]
        if not _DECIMAL.fullmatch(text):
            hint = "write digits only, without a leading zero"
            raise self.error("E110", f"{text[:20]!r} is not a decimal integer", at, hint)
        if len(text) > 10 or int(text) > MAX_LITERAL:
            raise self._too_large(at)
        return int(text)

    def _too_large(self, at: int) -> LegoError:
        message = f"an integer here must lie within {MAX_LITERAL}"
        return self.error("E114", message, at, "use a smaller number")

    def _body(self, node: ast.expr, base: int) -> Expr:
        at = base + node.col_offset
        match node:
            case ast.Subscript():
                return self._operand(self._tensor(node, base), at)
            case ast.Constant(value=int() as value) if type(value) is int:
                return Literal(self._integer(node, base))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value) as arg) if (
                type(value) is int and arg.col_offset == node.col_offset + 1
            ):
                return Literal(-self._integer(arg, base))
            case ast.UnaryOp(op=ast.USub(), operand=arg):
                return Unary(UnaryOp.NEG, self._body(arg, base))
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _SHIFTS:
                a, shift = self._body(left, base), _SHIFTS[type(op)]
                return Binary(shift, a, self._distance(right, base, shift))
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _BINARY:
                a = self._body(left, base)
                return Binary(_BINARY[type(op)], a, self._body(right, base))
            case ast.Call(func=ast.Name(id="abs"), args=[arg], keywords=[]):
                return Unary(UnaryOp.ABS, self._body(arg, base))
            case ast.Call(
                func=ast.Name(id="max" | "min" as name), args=[first, second, *rest], keywords=[]
            ):
                total: Expr = self._body(first, base)
                for other in (second, *rest):
                    total = Binary(BinaryOp(name), total, self._body(other, base))
                return total
            case ast.Name(id=name):
                raise self.error(
                    "E113",
                    f"{name[:40]!r} stands in the body without indices",
                    at,
                    "a body has tensors with indices and integers; loops only occur in indices",
                )
        raise self.error(
            "E113",
            f"the body can't have this form{_operator(node)}",
            at,
            f"bodies have tensors, integers, + - * max(a,b) min(a,b) abs(a), << and >> by 0 to {MAX_SHIFT}",
        )

    def _distance(self, node: ast.expr, base: int, shift: BinaryOp) -> Literal:
        """Right side of a shift."""
        if isinstance(node, ast.Constant) and type(node.value) is int:
            value = self._integer(node, base)
            if value <= MAX_SHIFT:
                return Literal(value)
        raise self.error(
            "E113",
            f"the right side of {shift} must be an integer from 0 to {MAX_SHIFT}",
            base + node.col_offset,
            "shift by a number; to scale by a tensor, multiply by it",
        )

    def _operand(self, access: Access, at: int) -> Expr:
        for k, known in enumerate(self.inputs):
            if (known.tensor, known.map) == (access.tensor, access.map):
                return Operand(k)
        if len(self.inputs) == MAX_INPUTS:
            raise self.error(
                "E114",
                f"more than {MAX_INPUTS} different operands",
                at,
                "split the operation in two",
            )
        self.inputs.append(access)
        return Operand(len(self.inputs) - 1)


_SIGNS: dict[type[ast.AST], str] = {
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.MatMult: "@",
    ast.UAdd: "+",
    ast.Invert: "~",
    ast.Not: "not",
}


def _operator(node: ast.expr) -> str:
    """What the offending node is, as a clause of the message."""
    if isinstance(node, ast.BinOp | ast.UnaryOp) and type(node.op) in _SIGNS:
        return f": it has the operator {_SIGNS[type(node.op)]}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return f": it calls {node.func.id[:20]!r} in a way that isn't known"
    if isinstance(node, ast.Constant):
        return f": {str(node.value)[:20]!r} is not an integer"
    return ""
