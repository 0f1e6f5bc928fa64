"""The gate before Amaranth, which writes names into RTLIL without escaping them, and before the Verilog."""

from __future__ import annotations

import re

from lego.diag import InternalError
from lego.ir.keywords import KEYWORDS

__all__ = ["check_name"]

_GRAMMAR = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,159}")


def check_name(name: str) -> None:
    """Refuse, as an internal error, any name that isn't a plain Verilog identifier."""
    if not _GRAMMAR.fullmatch(name) or name.lower() in KEYWORDS:
        raise InternalError(f"name {name[:40]!r} must not reach the RTL")
