"""What hardware costs: one table, for the default cell library.

`python benchmarks/costs.py` synthesises a probe for each entry and prints the measured table;
a test compares them. The SRAM entries are from the macro model of docs/ppa.md.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COSTS", "CostTable"]


@dataclass(frozen=True, slots=True)
class CostTable:
    """Area per unit in 1e-3 um2, energy in aJ.

    Attributes
    ----------
    register_bit : one flip-flop.
    mux_bit : one bit of a two-input multiplexer.
    adder_bit : one bit of an adder, comparator or absolute value.
    multiplier_bit : one partial-product bit of a multiplier (width times width).
    bank : one more SRAM macro, whatever its size; its address and enable.
    sram_bit : one bit of an SRAM.
    register_aj : one flip-flop, per cycle, if its value changes every fourth cycle.
    read_aj, side_aj : one bit of a word that an SRAM reads: a constant, and per cell on the array's side.
    """

    register_bit: int
    mux_bit: int
    adder_bit: int
    multiplier_bit: int
    bank: int
    sram_bit: int
    register_aj: int
    read_aj: int
    side_aj: int


COSTS = CostTable(
    register_bit=4522,
    mux_bit=1937,
    adder_bit=5727,
    multiplier_bit=7145,
    bank=268_612,
    sram_bit=811,
    register_aj=2643,
    read_aj=20_008,
    side_aj=445,
)
