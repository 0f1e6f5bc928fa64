"""Affine texts over loops, such as the index of a tensor: parsed with `ast`, then admitted by a
small grammar.

Nothing is ever evaluated by Python.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Callable, Sequence

from lego.diag import LegoError, Loc

__all__ = ["EXAMPLE", "MAX_LITERAL", "Affine", "IndexParser", "operator_of"]

MAX_DEPTH = 64
MAX_LITERAL = (1 << 31) - 1
EXAMPLE = 'write, for example, "Y[m,n] += X[m,k] * W[k,n]"'
_DECIMAL = re.compile(r"0|[1-9][0-9]*")
Affine = tuple[list[int], int]
"""Coefficients of the loops, and a constant."""


class IndexParser:
    """Reads affine expressions over `loops` out of one text."""

    article, what = "an", "index"

    def __init__(self, text: str, loops: Sequence[str], spot: Callable[[int], Loc]) -> None:
        self.text, self.loops, self.spot = text, list(loops), spot

    def error(self, code: str, message: str, at: int, hint: str) -> LegoError:
        """An error at character `at` of the statement."""
        return LegoError(code, message, loc=self.spot(min(at, len(self.text))), hint=hint)

    def parse(self, start: int, end: int) -> tuple[ast.expr, int]:
        """Syntax tree of a part of the text, and what to add to its columns."""
        source = self.text[start:end].lstrip()
        base = end - len(source)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(source, mode="eval").body
        except SyntaxError as error:
            at = base + error.offset - 1 if error.offset else end
            raise self.error("E110", "the statement can't be read here", at, EXAMPLE) from error
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

    def affine(self, node: ast.expr, base: int) -> Affine:
        """Coefficients and constant of an index. Raises E111 if it isn't affine, E112 and E114."""
        at = base + node.col_offset
        match node:
            case ast.Constant(value=int() as value) if type(value) is int:
                return [0] * len(self.loops), self.integer(node, base)
            case ast.Name(id=name):
                return [int(loop == name) for loop in self.known(name, at)], 0
            case ast.UnaryOp(op=ast.USub(), operand=arg):
                row, offset = self.affine(arg, base)
                return [-a for a in row], -offset
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._sum(self.affine(left, base), 1, self.affine(right, base), at)
            case ast.BinOp(op=ast.Sub(), left=left, right=right):
                return self._sum(self.affine(left, base), -1, self.affine(right, base), at)
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return self._product(self.affine(left, base), self.affine(right, base), at)
        message = f"the {self.what} is not affine{operator_of(node)}"
        made_of = "loops, integers, + - and multiplication by an integer"
        raise self.error("E111", message, at, f"{self.article} {self.what} is made of {made_of}")

    def _sum(self, left: Affine, sign: int, right: Affine, at: int) -> Affine:
        row = [x + sign * y for x, y in zip(left[0], right[0], strict=True)]
        return self._bounded(row, left[1] + sign * right[1], at)

    def _product(self, left: Affine, right: Affine, at: int) -> Affine:
        (row, offset), (other, factor) = left, right
        if any(row) and any(other):
            message = f"the {self.what} is not affine: it multiplies two loops"
            hint = f"{self.article} {self.what} may only multiply a loop by a number"
            raise self.error("E111", message, at, hint)
        if any(other):
            row, offset, factor = other, factor, offset
        return self._bounded([x * factor for x in row], offset * factor, at)

    def known(self, name: str, at: int) -> list[str]:
        """The loops, of which `name` must be one."""
        if name not in self.loops:
            close = difflib.get_close_matches(name, self.loops, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"loops are {', '.join(self.loops)}"
            raise self.error("E112", f"{name[:40]!r} is not a loop of this operation", at, hint)
        return self.loops

    def _bounded(self, row: list[int], offset: int, at: int) -> Affine:
        if any(abs(value) > MAX_LITERAL for value in (*row, offset)):
            raise self._too_large(at)
        return row, offset

    def integer(self, node: ast.expr, base: int) -> int:
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


def operator_of(node: ast.expr) -> str:
    """What the offending node is, as a clause of the message."""
    if isinstance(node, ast.BinOp | ast.UnaryOp) and type(node.op) in _SIGNS:
        return f": it has the operator {_SIGNS[type(node.op)]}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return f": it calls {node.func.id[:20]!r} in a way that isn't known"
    if isinstance(node, ast.Constant):
        return f": {str(node.value)[:20]!r} is not an integer"
    return ""
