"""Taps: what modules take of the control's signals, and how many cycles after a timestamp's issue.

Memories and the array ask for taps while they are lowered; the control is built last, and has them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lego.back.graph.builder import Builder
from lego.diag import InternalError
from lego.ir.dag import Op

__all__ = ["Tap", "Taps"]


@dataclass(frozen=True, slots=True)
class Tap:
    """A signal of the control, so many cycles after its timestamp's issue."""

    signal: str
    delay: int

    @property
    def port(self) -> str:
        """The port that carries it."""
        return f"{self.signal}_d{self.delay}"


class Taps:
    """The taps asked for so far."""

    def __init__(self) -> None:
        self._asked: dict[str, Tap] = {}

    @property
    def asked(self) -> Mapping[str, Tap]:
        """By port, in the order in which they were first asked for."""
        return MappingProxyType(self._asked)

    def ask(self, tap: Tap) -> str:
        """The port that carries a tap. Raises InternalError for one before its timestamp's issue."""
        if tap.delay < 0:
            raise InternalError(f"tap of {tap.signal} before it exists")
        return self._asked.setdefault(tap.port, tap).port

    def bring(self, b: Builder, signal: str, delay: int, span: tuple[int, int] = (0, 1)) -> int:
        """A signal as an input of a module."""
        return b.input(self.ask(Tap(signal, delay)), span)

    def after(self, b: Builder, node: int) -> int:
        """What a module is given or computes, a cycle later: a tap of the next cycle, or a register."""
        port = b.nodes[node]
        if port.op is not Op.INPUT or port.name not in self._asked:
            return b.delay(node, 1)
        tap = self._asked[port.name]
        return self.bring(b, tap.signal, tap.delay + 1, port.range)
