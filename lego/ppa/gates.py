"""How often clock gates are open, from the simulated signals that enable them.

Synthesis makes gates of registers' enables. An enable is a signal of the Verilog, whose cycles high
the simulation counted, or gates of such signals: then its probability is worked out from theirs, as
if they were independent [1]. A gate whose enable leads to anything else counts as always open, so
that power is never too low for it.

[1] K. Parker, E. McCluskey: Probabilistic treatment of general combinational networks, IEEE Trans.
Computers C-24 (1975).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from lego.ppa.cells import Cell
from lego.ppa.circuit import HIGH, LOW, Circuit
from lego.ppa.functions import truth_table

__all__ = ["Gates", "clock_rates"]

DEPTH = 12
"""Most cells between an enable and the signals that it is made of."""


@dataclass(frozen=True, slots=True)
class Gates:
    """The nets of the clock.

    Attributes
    ----------
    rates : toggles per cycle, by net.
    gates, known : clock gates, and those whose enable the simulation tells.
    """

    rates: dict[int, float]
    gates: int
    known: int


def clock_rates(
    circuit: Circuit, high: Mapping[str, Mapping[str, float]], clock: str = "clk"
) -> Gates:
    """Follow the clock through gates and buffers.

    `high`: share of the cycles in which a signal is high, by path of the instance and signal.
    """
    rates = {int(net): 2.0 for net in circuit.ports.get(clock, ())}
    enables = _Enables(circuit, high)
    gates: dict[tuple[str, int], bool] = {}
    while True:
        found: dict[int, float] = {}
        for kind, row, cell, pins in _fed(circuit, rates):
            rate = max(rates[net] for net in pins.values() if net in rates)
            if cell.gates:
                share = enables.share(kind, row)
                gates[kind, row] = share is not None
                rate *= 1.0 if share is None else share
            outputs = [p.name for p in cell.pins.values() if p.direction == "output"]
            outputs = [name for name in outputs if cell.gates or cell.pins[name].function]
            found |= {pins[p]: rate for p in outputs if pins[p] not in rates}
        if not found:
            return Gates(rates, len(gates), sum(gates.values()))
        rates |= found


def _fed(
    circuit: Circuit, rates: Mapping[int, float]
) -> Iterator[tuple[str, int, Cell, dict[str, int]]]:
    """Clock gates and combinational cells with a clock at an input, and their nets by pin."""
    for kind, held in circuit.instances.items():
        if held.cell.holds and not held.cell.gates:
            continue
        names = [name for name, _ in held.slots]
        inputs = [s for s, name in enumerate(names) if held.cell.pins[name].direction == "input"]
        fed = np.isin(held.nets[:, inputs], list(rates)).any(axis=1)
        for row in np.flatnonzero(fed).tolist():
            yield kind, row, held.cell, dict(zip(names, held.nets[row].tolist(), strict=True))


class _Enables:
    """Shares of the time in which nets are high."""

    def __init__(self, circuit: Circuit, high: Mapping[str, Mapping[str, float]]) -> None:
        self._circuit = circuit
        self._high = high
        self._driver: dict[int, tuple[str, int, str]] | None = None

    def share(self, kind: str, row: int) -> float | None:
        """How often a gate is open."""
        held = self._circuit.instances[kind]
        shares = [
            self._of(kind, row, name, DEPTH)
            for name, _ in held.slots
            if held.cell.pins[name].direction == "input" and not held.cell.pins[name].clock
        ]
        known = [share for share in shares if share is not None]
        if len(known) < len(shares):
            return None
        closed = 1.0
        for share in known:  # an enable, and perhaps one for tests
            closed *= 1 - share
        return 1 - closed

    def _of(self, kind: str, row: int, pin: str, depth: int) -> float | None:
        """How often the net at a pin is high."""
        held = self._circuit.instances[kind]
        net = int(held.nets[row, [name for name, _ in held.slots].index(pin)])
        if net in (LOW, HIGH):
            return float(net == HIGH)
        path, _, signal = self._circuit.signal(kind, row, ((pin, 0),)).rpartition(".")
        simulated = self._high.get(path, {}).get(signal)
        if simulated is not None or depth == 0:
            return simulated
        driver = self._drivers().get(net)
        return None if driver is None else self._computed(*driver, depth - 1)

    def _computed(self, kind: str, row: int, output: str, depth: int) -> float | None:
        """The same of what a cell computes."""
        cell = self._circuit.instances[kind].cell
        names = tuple(p.name for p in cell.pins.values() if p.direction == "input")
        table = None if cell.holds else truth_table(cell.pins[output].function, names)
        shares = [self._of(kind, row, name, depth) for name in names] if table is not None else []
        if table is None or any(share is None for share in shares):
            return None
        total = 0.0
        for state in range(1 << len(names)):
            if table >> state & 1:
                product = 1.0
                for k, share in enumerate(shares):
                    product *= (share or 0.0) if state >> k & 1 else 1 - (share or 0.0)
                total += product
        return total

    def _drivers(self) -> dict[int, tuple[str, int, str]]:
        if self._driver is None:
            self._driver = {
                net: (kind, row, name)
                for kind, held in self._circuit.instances.items()
                for slot, (name, _) in enumerate(held.slots)
                if held.cell.pins[name].direction == "output"
                for row, net in enumerate(held.nets[:, slot].tolist())
            }
        return self._driver
