"""Progress without a terminal: a line for every stage that takes long."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lego.tell import Tell

__all__ = ["lines"]

QUIET_S = 2.0
"""How long a stage may take before it is told of."""


class _Stages:
    """The stage that runs now, watched by a thread of its own."""

    def __init__(self, what: str) -> None:
        self.what, self.stage = what, ""
        self.number, self.over = 0, False
        self.change = threading.Condition()

    def tell(self, stage: str, _done: int, _steps: int) -> None:
        """This stage begins, or goes on."""
        with self.change:
            if stage != self.stage:
                self.stage = stage
                self.number += 1
                self.change.notify()

    def end(self) -> None:
        """The work is done."""
        with self.change:
            self.over = True
            self.change.notify()

    def watch(self) -> None:
        """Print the stages that take long, until the end."""
        with self.change:
            while not self.over:
                number = self.number
                if not self._changes(number, QUIET_S):
                    stage = f": {self.stage}" if self.stage else ""
                    print(f"{self.what}{stage} ...", file=sys.stderr)
                    self._changes(number)

    def _changes(self, number: int, seconds: float | None = None) -> bool:
        return self.change.wait_for(lambda: self.over or self.number != number, seconds)


@contextmanager
def lines(what: str) -> Iterator[Tell]:
    """What is yielded is told the stages of `what`; those that take over two seconds are lines on stderr."""
    stages = _Stages(what)
    watcher = threading.Thread(target=stages.watch, daemon=True)
    watcher.start()
    try:
        yield stages.tell
    finally:
        stages.end()
        watcher.join()
