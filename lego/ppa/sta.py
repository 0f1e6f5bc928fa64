"""Static timing analysis: the least clock period of a circuit, with the library's own tables.

Slews and arrivals go through the circuit level by level, all arcs of a level at once, the latest of
each edge of a net counting (graph-based; the worst slew goes on). Conventions are those of
OpenSTA's defaults, so that its answers can be compared: one ideal clock with equal halves, whose
edges arrive everywhere at once and with a slew of 0, also behind clock gates; a net's load is the
capacitance of the pins on it and of the library's default wire load; ports other than the clock
neither launch nor capture; tables are interpolated and extrapolated linearly; an edge of a loop of
combinational cells is cut. Latches don't borrow time.

[1] J. Bhasker, R. Chadha: Static Timing Analysis for Nanometer Designs, Springer 2009, chapters 3 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lego.diag import LegoError
from lego.ppa.arcs import BOTH, FALL, RISE, Arcs, Checks, arcs_of
from lego.ppa.cells import WireLoad
from lego.ppa.circuit import Circuit
from lego.ppa.levels import levels

__all__ = ["Analysis", "PathStep", "analyse"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PathStep:
    """A pin on the longest path.

    Attributes
    ----------
    cell, row : the instance, as `Circuit.instances` has it.
    pin : (name, bit).
    edge : 0 rising, 1 falling.
    arrival_ps, slew_ps : when, after the clock's edge, and how fast.
    """

    cell: str
    row: int
    pin: tuple[str, int]
    edge: int
    arrival_ps: float
    slew_ps: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """Timing of a circuit.

    Attributes
    ----------
    period_ps : the least period; infinite if nothing bounds it.
    path : the longest path: the output that launches, each output on the way, and the pin that must
        be stable in time.
    slew_ps : of shape (nets, 2): slew of each net's rising and falling edge, the worst of what
        drives it, and so of every pin on it; 0 for the clock, and for what no cell drives.
    load_ff : of shape (nets, 2): capacitance on each net for either edge, that of its wire included.
    loops : how many edges of combinational loops were cut.
    """

    period_ps: float
    path: tuple[PathStep, ...]
    slew_ps: Floats
    load_ff: Floats
    loops: int


def analyse(circuit: Circuit, wire: WireLoad | None = None, clock: str = "clk") -> Analysis:
    """Time the circuit; `clock` is the port that clocks it. Raises E803 if there is no path to time."""
    arcs, checks = arcs_of(circuit)
    loads = load_ff(circuit, wire)
    phases = _clocked(arcs, circuit, clock)
    ideal: Bools = phases[0] | phases[1]
    arcs = arcs.where(~ideal[arcs.target])
    net = arcs.source // 2
    wires = ~ideal[arcs.source]
    level, cut = levels(circuit.n_nets, net[wires], arcs.target[wires] // 2)
    broken = np.isin(net.astype(np.int64) * circuit.n_nets + arcs.target // 2, cut)
    arcs = arcs.where(~broken | ~wires)
    order = np.lexsort((arcs.target, level[arcs.target // 2]))
    arcs = arcs.where(order)
    flow = _Flow(arcs, loads.ravel(), np.where(phases, 0.0, -np.inf))
    flow.propagate(level)
    ends = _latest(flow, checks, phases)
    path = _path(circuit, flow, checks, *ends[1:])
    return Analysis(ends[0], path, flow.slew.reshape(-1, 2), loads, len(cut))


def load_ff(circuit: Circuit, wire: WireLoad | None) -> Floats:
    """Capacitance of all pins on each net, for either edge, and of its wire; of shape (nets, 2)."""
    loads = np.zeros((circuit.n_nets, 2))
    fanout = np.zeros(circuit.n_nets, dtype=np.int64)
    for held in circuit.instances.values():
        for slot, (name, _) in enumerate(held.slots):
            pin = held.cell.pins[name]
            nets, counts = np.unique(held.nets[:, slot], return_counts=True)
            loads[nets, RISE] += counts * pin.rise_ff
            loads[nets, FALL] += counts * pin.fall_ff
            fanout[nets] += counts * (pin.direction != "output")
    np.add.at(fanout, circuit.outputs, 1)
    if wire is not None:
        found, which = np.unique(fanout, return_inverse=True)
        loads += np.array([wire.ff(n) for n in found.tolist()])[which][:, None]
    return loads


def _clocked(arcs: Arcs, circuit: Circuit, clock: str) -> Bools:
    """Of shape (2, nodes): which edges of nets are made by the clock's rising, and which by its
    falling edge."""
    if clock not in circuit.ports:
        raise LegoError("E803", f"the netlist has no port {clock}")
    reached = np.zeros((2, 2 * circuit.n_nets), dtype=bool)
    for edge in BOTH:
        reached[edge, 2 * circuit.ports[clock] + edge] = True
    follows = arcs.launches == 0
    for phase in reached:
        while True:
            more = arcs.target[follows & phase[arcs.source]]
            if phase[more].all():
                break
            phase[more] = True
    return reached


class _Flow:
    """Slews per node, and arrivals per edge of the clock that launches and node."""

    def __init__(self, arcs: Arcs, loads: Floats, arrival: Floats) -> None:
        self.arcs = arcs
        self.loads = loads
        self.slew = np.zeros(len(loads))
        self.arrival = arrival
        self.delay = np.zeros(len(arcs.source))

    def propagate(self, level: NDArray[np.int64]) -> None:
        """Go through the arcs, which are in the order of their targets' levels."""
        of_arc = level[self.arcs.target // 2]
        bounds = np.flatnonzero(np.diff(of_arc, prepend=-1, append=np.iinfo(np.int64).max))
        for begin, end in pairwise(bounds.tolist()):
            self._level(slice(begin, end))

    def _level(self, part: slice) -> None:
        arcs = self.arcs
        source, target = arcs.source[part], arcs.target[part]
        slew, load = self.slew[source], self.loads[target]
        self.delay[part] = arcs.tables.at(arcs.delay[part], slew, load)
        after = arcs.tables.at(arcs.slew[part], slew, load)
        first = np.flatnonzero(np.diff(target, prepend=-1))
        nodes = target[first]
        self.slew[nodes] = np.maximum(np.maximum.reduceat(after, first), 0)
        for arrival in self.arrival:
            at = arrival[source] + self.delay[part]
            arrival[nodes] = np.maximum.reduceat(at, first)


def _latest(flow: _Flow, checks: Checks, phases: Bools) -> tuple[float, int, int]:
    """The least period, the check that needs it, and the clock edge that launches.

    Raises E803 if nothing is checked.
    """
    need = checks.tables.at(checks.table, flow.slew[checks.data], flow.slew[checks.clock])
    found = []
    for launch, arrival in enumerate(flow.arrival):
        for capture, reached in enumerate(phases):
            period = (arrival[checks.data] + need) * (1 if launch == capture else 2)
            period[~reached[checks.clock]] = -np.inf
            if len(period):
                worst = int(np.argmax(period))
                found.append((float(period[worst]), worst, launch))
    latest = max(found, key=lambda each: each[0], default=(-np.inf, 0, 0))
    if latest[0] == -np.inf:
        raise LegoError("E803", "no path leads from one register to another")
    return latest


def _path(
    circuit: Circuit, flow: _Flow, checks: Checks, check: int, launch: int
) -> tuple[PathStep, ...]:
    """Back from the check to the register that launches."""
    arcs, arrival = flow.arcs, flow.arrival[launch]
    cells = list(circuit.instances)

    def step(cell: int, row: int, slot: int, node: int) -> PathStep:
        name = cells[cell]
        at = float(arrival[node]), float(flow.slew[node])
        return PathStep(name, int(row), circuit.instances[name].slots[slot], int(node % 2), *at)

    node = checks.data[check]
    steps = [step(checks.cell[check], checks.row[check], checks.slot[check], node)]
    while True:
        into = np.flatnonzero(arcs.target == node)
        if not len(into):
            return tuple(reversed(steps))
        late = arrival[arcs.source[into]] + flow.delay[into]
        arc = into[int(np.argmax(late))]
        steps.append(step(arcs.cell[arc], arcs.row[arc], arcs.slot[arc], node))
        node = arcs.source[arc]
