"""What hardware costs: one table, for the default cell library.

`python benchmarks/costs.py` synthesises a probe for each entry and prints the measured table;
a test compares them. The SRAM entries are from the macro model of docs/ppa.md.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COSTS", "DELAYS", "UNIT", "CostTable", "DelayTable"]

UNIT = 2
"""A unit that adds for a data node, with the choice among banks, costs about as much as adders at so
many banks."""


@dataclass(frozen=True, slots=True)
class CostTable:
    """Area per unit in 1e-3 um2, energy in aJ.

    Attributes
    ----------
    register_bit : one flip-flop.
    mux_bit : one bit of a two-input multiplexer.
    mask_bit : one bit of one of many words, of which one or none is selected by a select per word.
    gate : a one-bit gate of two inputs.
    adder_bit : one bit of an adder, comparator or absolute value.
    multiplier_bit : one partial-product bit of a multiplier (width times width).
    bank : one more SRAM macro, whatever its size; its address and enable.
    sram_bit : one bit of an SRAM.
    stored_bit, stored_word_bit : one bit of a memory that is too small for a macro, with what reads and
        writes it, and one bit of its width.
    register_aj : one flip-flop, per cycle, if its value changes every fourth cycle.
    read_aj, side_aj : one bit of a word that an SRAM reads: a constant, and per cell on the array's side.
    stored_read_aj, stored_side_aj : one bit of a word read from registers: a constant, and per word;
        scaled as `register_aj` is to what `lego ppa` counts for a flip-flop.
    """

    register_bit: int
    mux_bit: int
    mask_bit: int
    gate: int
    adder_bit: int
    multiplier_bit: int
    bank: int
    sram_bit: int
    stored_bit: int
    stored_word_bit: int
    register_aj: int
    read_aj: int
    side_aj: int
    stored_read_aj: int
    stored_side_aj: int


COSTS = CostTable(
    register_bit=4522,
    mux_bit=1937,
    mask_bit=973,
    gate=1064,
    adder_bit=5727,
    multiplier_bit=7145,
    bank=268_612,
    sram_bit=811,
    stored_bit=6995,
    stored_word_bit=3458,
    register_aj=2643,
    read_aj=20_008,
    side_aj=445,
    stored_read_aj=2490,
    stored_side_aj=473,
)


@dataclass(frozen=True, slots=True)
class DelayTable:
    """Delays in ps.

    Attributes
    ----------
    register : clock to output and setup of a flip-flop.
    mux, select_bit : a level of multiplexers, and one bit more that its select drives.
    gate : a level of one-bit logic.
    pin : one pin more on a net that crosses modules, where synthesis puts no buffers.
    adder, adder_bit : an adder, and one bit more of it.
    compare, compare_bit : a comparator, and one bit more of it.
    multiplier, multiplier_bit : a multiplier, and one bit more of either factor.
    sram, sram_side : an SRAM's access, and one more row or column of a square one.
    """

    register: int
    mux: int
    select_bit: int
    gate: int
    pin: int
    adder: int
    adder_bit: int
    compare: int
    compare_bit: int
    multiplier: int
    multiplier_bit: int
    sram: int
    sram_side: int


DELAYS = DelayTable(
    register=117,
    mux=50,
    select_bit=2,
    gate=30,
    pin=5,
    adder=52,
    adder_bit=34,
    compare=70,
    compare_bit=17,
    multiplier=405,
    multiplier_bit=32,
    sram=250,
    sram_side=1,
)
