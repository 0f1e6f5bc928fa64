"""The statement of an operation: parsed with `ast`, then admitted by a small grammar.

    T[index, ...] += body        also max=  min=  =

Indices are affine in the loops; the body has operands, integers, `+ - * max min abs <<`.
Nothing is ever evaluated by Python.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from lego.diag import LegoError, Loc
from lego.ir.affine import AffineMap
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.workload import Access, Reduction

__all__ = ["Statement", "parse_statement"]

MAX_LENGTH = 2000
MAX_LITERAL = (1 << 31) - 1
MAX_SHIFT = 31
MAX_INPUTS = 4
_ASSIGN = re.compile(r"(\+=|max=|min=|=)(?!=)")
_BINARY: dict[type[ast.operator], BinaryOp] = {
    ast.Add: BinaryOp.ADD,
    ast.Sub: BinaryOp.SUB,
    ast.Mult: BinaryOp.MUL,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement says."""

    output: Access
    inputs: tuple[Access, ...]
    body: Expr
    reduction: Reduction


def parse_statement(text: str, loops: Sequence[str], loc: Loc, quoted: bool = True) -> Statement:
    """Parse one statement over the named loops; `loc` is where its text begins in the file.

    Raises E110 (syntax), E111 (not affine), E112 (unknown loop), E113 (an operator or form that
    bodies don't have), E114 (too many operands, literals too large).
    """
    return _Parser(text, loops, loc, 1 if quoted else 0).statement()


class _Parser:
    def __init__(self, text: str, loops: Sequence[str], loc: Loc, shift: int) -> None:
        self.text, self.loops, self.loc, self.shift = text, list(loops), loc, shift
        self.inputs: list[Access] = []

    def error(self, code: str, message: str, at: int, hint: str) -> LegoError:
        """An error at character `at` of the statement."""
        lines = self.text[:at].split("\n")
        if len(lines) > 1:
            return LegoError(code, message, loc=self.loc, hint=hint)
        return LegoError(
            code,
            message,
            loc=Loc(self.loc.path, self.loc.line, self.loc.column + self.shift + at),
            hint=hint,
        )

    def statement(self) -> Statement:
        if len(self.text) > MAX_LENGTH:
            raise self.error(
                "E110",
                f"the statement is longer than {MAX_LENGTH} characters",
                0,
                "split the operation",
            )
        if not self.text.isascii() or "\n" in self.text:
            raise self.error(
                "E110",
                "a statement is one line of ASCII text",
                0,
                'write "Y[m,n] += X[m,k] * W[k,n]"',
            )
        depth = 0
        found = None
        for match in re.finditer(r"[\[\]()]|(\+=|max=|min=|=)(?!=)", self.text):
            if match.group() in "[(":
                depth += 1
            elif match.group() in "])":
                depth -= 1
            elif depth == 0:
                found = match
                break
        if found is None:
            raise self.error(
                "E110", "the statement has no assignment", 0, "use one of += max= min= ="
            )
        output = self._tensor(self._parse(self.text[: found.start()], 0), 0)
        start = found.end()
        body = self._body(self._parse(self.text[start:], start), start)
        return Statement(output, tuple(self.inputs), body, Reduction(found.group()))

    def _parse(self, source: str, at: int) -> ast.expr:
        stripped = source.lstrip()
        lead = len(source) - len(stripped)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(" " * 0 + stripped, mode="eval").body
        except SyntaxError as error:
            column = at + lead + max(0, (error.offset or 1) - 1)
            raise self.error(
                "E110",
                "the statement can't be read here",
                min(column, len(self.text)),
                'write, for example, "Y[m,n] += X[m,k] * W[k,n]"',
            ) from error
        except (RecursionError, MemoryError, ValueError) as error:
            raise self.error(
                "E110",
                "the statement can't be read: too deeply nested or bad number",
                at,
                "simplify the expression",
            ) from error
        for node in ast.walk(tree):
            if isinstance(node, ast.expr):
                node.col_offset += lead
        return tree

    def _tensor(self, node: ast.expr, base: int) -> Access:
        at = base + node.col_offset
        if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)):
            raise self.error("E110", "expected a tensor with indices", at, "write it as Y[m,n]")
        inner = node.slice
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if not parts:
            raise self.error(
                "E110",
                f"tensor {node.value.id!r} has no index",
                at,
                "write it as Y[m,n]; Y[0] for a scalar",
            )
        rows, offsets = [], []
        for part in parts:
            row, offset = self._affine(part, base)
            rows.append(tuple(row))
            offsets.append(offset)
        loc = Loc(self.loc.path, self.loc.line, self.loc.column + self.shift + at)
        return Access(node.value.id, AffineMap(tuple(rows), tuple(offsets)), loc)

    def _affine(self, node: ast.expr, base: int) -> tuple[list[int], int]:
        at = base + node.col_offset
        zero = [0] * len(self.loops)
        match node:
            case ast.Constant(value=int() as value) if type(value) is int:
                self._bound(value, at)
                return zero, value
            case ast.Name(id=name):
                if name not in self.loops:
                    close = difflib.get_close_matches(name, self.loops, 1)
                    hint = (
                        f"did you mean {close[0]!r}?"
                        if close
                        else f"loops are {', '.join(self.loops)}"
                    )
                    raise self.error("E112", f"{name!r} is not a loop of this operation", at, hint)
                zero[self.loops.index(name)] = 1
                return zero, 0
            case ast.UnaryOp(op=ast.USub(), operand=arg):
                row, offset = self._affine(arg, base)
                return [-a for a in row], -offset
            case ast.BinOp(op=ast.Add() | ast.Sub() as op, left=left, right=right):
                (a, c), (b, d) = self._affine(left, base), self._affine(right, base)
                sign = 1 if isinstance(op, ast.Add) else -1
                return [x + sign * y for x, y in zip(a, b, strict=True)], c + sign * d
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                (a, c), (b, d) = self._affine(left, base), self._affine(right, base)
                if any(a) and any(b):
                    raise self.error(
                        "E111",
                        "the index is not affine: it multiplies two loops",
                        at,
                        "an index may only multiply a loop by a number",
                    )
                if any(b):
                    a, c, d = b, d, c
                self._bound(c * d, at)
                return [x * d for x in a], c * d
        raise self.error(
            "E111",
            "the index is not affine",
            at,
            "an index is made of loops, integers, + - and multiplication by an integer",
        )

    def _bound(self, value: int, at: int) -> None:
        if abs(value) > MAX_LITERAL:
            raise self.error(
                "E114", f"an integer here must lie within {MAX_LITERAL}", at, "use a smaller number"
            )

    def _body(self, node: ast.expr, base: int) -> Expr:
        at = base + node.col_offset
        match node:
            case ast.Subscript():
                return self._operand(self._tensor(node, base), at)
            case ast.Constant(value=int() as value) if type(value) is int:
                self._bound(value, at)
                return Literal(value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)) if (
                type(value) is int
            ):
                self._bound(value, at)
                return Literal(-value)
            case ast.UnaryOp(op=ast.USub(), operand=arg):
                return Unary(UnaryOp.NEG, self._body(arg, base))
            case ast.BinOp(
                op=ast.LShift(), left=left, right=ast.Constant(value=int() as value)
            ) if type(value) is int and 0 <= value <= MAX_SHIFT:
                return Binary(BinaryOp.SHL, self._body(left, base), Literal(value))
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
                    f"{name!r} stands in the body without indices",
                    at,
                    "a body has tensors with indices and integers; loops only occur in indices",
                )
        raise self.error(
            "E113",
            "the body has a form that isn't supported",
            at,
            "bodies have tensors, integers, + - * max(a,b) min(a,b) abs(a) and << by 0 to 31",
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
