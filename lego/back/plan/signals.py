"""Signals of the control by name: those of the sequencer, and the ports of address generators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Signal", "events_of", "fetch_port", "inside_port", "variant_port"]


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal of the control.

    `acts`: it starts or writes something, or enables a memory: what is left of a run cut short mustn't, nor
    keep the host from reading.
    """

    node: int
    acts: bool = False


def events_of(counters: int) -> frozenset[str]:
    """Ports of the sequencer that start or write something."""
    steps = (f"step{k}" for k in range(counters))
    ends = (f"last{held}" for held in range(counters + 1))
    return frozenset({"launch", "running", "last_held", *steps, *ends})


def fetch_port(numbers: Sequence[int]) -> str:
    """Port that tells when data nodes served by these delay reuses read memory."""
    return "_".join(["fetch", *map(str, numbers)]) if numbers else "en"


def variant_port(carries: Sequence[tuple[int, int]]) -> str:
    """Port of the address whose row is carried so many times in these dimensions."""
    return "addr" + "".join(f"_{j}" if n == 1 else f"_{j}x{n}" for j, n in carries)


def inside_port(dim: int, kappa: int) -> str:
    """Port of one bounds check."""
    return f"in{dim}_{'m' if kappa < 0 else ''}{abs(kappa)}"
