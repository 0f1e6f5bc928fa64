"""Cells of a library: pins, timing arcs, power, and the tables that hold their figures.

Units are the same for every library: ps, fF, fJ, nW, um2. Tables are those of the non-linear delay
model (NLDM): one figure over the slew at an input and the capacitance that an output drives. What
the attributes mean is in the Liberty Reference Manual.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

__all__ = ["Arc", "Cell", "InternalPower", "Leakage", "Pin", "Table", "WireLoad"]


@dataclass(frozen=True, slots=True)
class Table:
    """A function of up to two quantities, given at points.

    Attributes
    ----------
    axes : what each index is, such as ``input_net_transition`` (ps) and
        ``total_output_net_capacitance`` (fF); none for a constant.
    points : per axis, ascending values of the quantity.
    values : the figures, the last axis fastest; ps for delays, slews and constraints, fJ for internal energy.
    """

    axes: tuple[str, ...]
    points: tuple[tuple[float, ...], ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Arc:
    """Timing from a pin to the pin that holds the arc, or what the one asks of the other.

    Attributes
    ----------
    related : the pin where the arc begins.
    kind : ``timing_type``, such as ``combinational``, ``rising_edge``, ``setup_rising``.
    sense : ``positive_unate``, ``negative_unate``, ``non_unate``, or nothing if the file doesn't say.
    when : the state of other pins in which the arc holds; nothing for any.
    rise, fall : delay to the edge of the output, or the time that an edge of a constrained pin
        needs, in ps; None if there is no such edge.
    rise_slew, fall_slew : slew of the output's edge, in ps.
    """

    related: str
    kind: str
    sense: str
    when: str
    rise: Table | None
    fall: Table | None
    rise_slew: Table | None = None
    fall_slew: Table | None = None


@dataclass(frozen=True, slots=True)
class InternalPower:
    """Energy in fJ that a cell takes when a pin switches, without what charges the nets.

    Attributes
    ----------
    related : the input that makes an output switch; nothing for a pin by itself.
    when : the state of other pins in which the tables hold; nothing for any.
    rise, fall : per edge of the pin, over the slew (of the related pin, if there is one) and the
        output's load.
    """

    related: tuple[str, ...]
    when: str
    rise: Table | None
    fall: Table | None


@dataclass(frozen=True, slots=True)
class Leakage:
    """Leakage in nW in a state of the pins; nothing for any other."""

    when: str
    nw: float


@dataclass(frozen=True, slots=True)
class Pin:
    """A pin, or a bus of pins that are alike.

    Attributes
    ----------
    direction : ``input``, ``output``, ``inout`` or ``internal``.
    bits : width of a bus; 1 for a pin.
    rise_ff, fall_ff : capacitance for either edge; `capacitance_ff` the one that the file gives for both.
    function, three_state : what an output computes of the inputs, and when it is off; nothing if
        the file doesn't say.
    clock : whether it clocks flip-flops or latches, or is the clock of a clock gate.
    max_ff : greatest load of an output; None if the file doesn't say.
    """

    name: str
    direction: str
    bits: int = 1
    capacitance_ff: float = 0.0
    rise_ff: float = 0.0
    fall_ff: float = 0.0
    function: str = ""
    three_state: str = ""
    clock: bool = False
    max_ff: float | None = None
    arcs: tuple[Arc, ...] = ()
    power: tuple[InternalPower, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes
    ----------
    area_um2, leakage_nw : area; leakage whatever its pins are.
    gates : whether it is a clock gate (``clock_gating_integrated_cell``).
    holds : what state it holds: ``ff``, ``latch``, ``statetable``; nothing for a combinational cell.
    next_state : of a flip-flop or latch, what it takes over, in terms of its inputs.
    leakages : leakage by state.
    """

    name: str
    area_um2: float
    leakage_nw: float = 0.0
    gates: bool = False
    holds: str = ""
    next_state: str = ""
    pins: dict[str, Pin] = field(default_factory=dict)
    leakages: tuple[Leakage, ...] = ()

    @property
    def input_ff(self) -> float:
        """Total capacitance of the inputs that aren't clocks."""
        return sum(p.capacitance_ff for p in self.pins.values() if _data(p))

    @property
    def clock_ff(self) -> float:
        """Total capacitance of the clock inputs."""
        return sum(
            p.capacitance_ff for p in self.pins.values() if p.direction == "input" and p.clock
        )


@dataclass(frozen=True, slots=True)
class WireLoad:
    """What a wire adds to a net, by how many pins it leads to.

    Attributes
    ----------
    fanouts, lengths : lengths at some fan-outs, ascending; linear between them.
    slope : length per further pin above the last, and below the first.
    ff_per_length : capacitance. (The wires' resistance, a few hundredths of a ps with the loads of
        cells, isn't counted.)
    """

    fanouts: tuple[float, ...]
    lengths: tuple[float, ...]
    slope: float
    ff_per_length: float

    def ff(self, fanout: int) -> float:
        """Capacitance in fF of a wire that leads to so many pins."""
        xs, ys = self.fanouts, self.lengths
        if not xs:
            return max(0.0, self.slope * fanout) * self.ff_per_length
        if fanout <= xs[0]:
            length = ys[0] - (xs[0] - fanout) * self.slope
        elif fanout >= xs[-1]:
            length = ys[-1] + (fanout - xs[-1]) * self.slope
        else:
            k = bisect.bisect_right(xs, fanout)
            share = (fanout - xs[k - 1]) / (xs[k] - xs[k - 1])
            length = ys[k - 1] + share * (ys[k] - ys[k - 1])
        return max(0.0, length) * self.ff_per_length


def _data(pin: Pin) -> bool:
    return pin.direction == "input" and not pin.clock
