"""Located diagnostics: every mistake of the user becomes one of these, never a traceback."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Loc:
    """Position in an input file; `line` and `column` count from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class LegoError(Exception):
    """A mistake in the user's input. `code` is stable across releases (`E` and 3 digits)."""

    def __init__(self, code: str, message: str, *, loc: Loc | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.loc, self.hint = code, message, loc, hint

    def __str__(self) -> str:
        where = f"{self.loc}: " if self.loc else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{where}error[{self.code}]: {self.message}{hint}"


class LegoErrors(LegoError):
    """Several independent mistakes, found in one reading."""

    def __init__(self, errors: tuple[LegoError, ...]) -> None:
        first = errors[0]
        super().__init__(first.code, first.message, loc=first.loc, hint=first.hint)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class InternalError(Exception):
    """An invariant of the compiler is broken. The command line asks for a bug report."""
