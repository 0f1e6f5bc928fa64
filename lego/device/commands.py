"""Commands as they are put together: registers are written where they change only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lego.ir.commands import Command, Engine, end, start, write

__all__ = ["Commands"]


@dataclass
class Commands:
    """A program that grows; it knows what every register holds.

    Attributes
    ----------
    numbers : of registers by name, for every engine.
    starts : of every engine so far.
    """

    numbers: Mapping[Engine, Mapping[str, int]]
    words: list[Command] = field(default_factory=list)
    starts: dict[Engine, int] = field(default_factory=lambda: dict.fromkeys(Engine, 0))
    _held: dict[tuple[Engine, str], int] = field(default_factory=dict)

    def run(
        self,
        engine: Engine,
        registers: Mapping[str, int],
        *,
        wait: Iterable[int] = (),
        signal: Iterable[int] = (),
    ) -> int:
        """Start a run with these register values, after and before semaphores; returns its number."""
        for name, value in registers.items():
            value &= 0xFFFFFFFF
            if self._held.get((engine, name)) != value:
                self._held[engine, name] = value
                self.words.append(write(engine, self.numbers[engine][name], value))
        self.words.append(start(engine, wait=sorted(wait), signal=sorted(signal)))
        self.starts[engine] += 1
        return self.starts[engine] - 1

    def ended(self) -> tuple[Command, ...]:
        """The whole program."""
        return (*self.words, end())
