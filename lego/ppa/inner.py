"""Energy that cells take inside when their pins switch, by the library's tables (`internal_power`).

A table holds for one pin and edge: of an output, for one input that made it switch, over the slew
there and the load; of an input, for what stirs inside while the outputs stay, over the slew. A
toggle is as often a rise as a fall. Where tables hold in states (`when`), each counts with its
state's share; inputs and what a cell holds are taken to be high half of the time and independent
[1]. Of the inputs that can make an output switch, each counts as often as it toggles in a state in
which the output follows it.

[1] J. Bhasker, R. Chadha: Static Timing Analysis for Nanometer Designs, Springer 2009, section 3.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lego.ppa.cells import Cell, InternalPower, Pin, Table
from lego.ppa.circuit import OPEN, Circuit, Instances
from lego.ppa.functions import MOST_INPUTS, assignments, cofactor, sense_of, truth_table
from lego.ppa.tables import Tables

__all__ = ["Counting", "Share", "inner_fj"]

Floats = NDArray[np.float64]
RISE, FALL = 0, 1
_WORD = re.compile(r"[A-Za-z_]\w*(?:\[\d+\])?")


class Share(NamedTuple):
    """Tables of a pin, what made it switch (-1: itself), how the edges there follow, and the share
    of states in which they hold."""

    slot: int
    source: int
    opposite: bool
    share: float
    power: InternalPower


Counting = Callable[[Instances, Sequence["Share"], Floats, bool], "list[Floats | float]"]
"""How often each of a pin's tables counts per toggle, given toggles per cycle of each net and
whether the pin is an output."""


def inner_fj(
    circuit: Circuit,
    slew_ps: Floats,
    load_ff: Floats,
    rates: Floats,
    counting: Counting | None = None,
) -> dict[str, Floats]:
    """fJ per cycle inside each instance, at each of its pins, by cell; of shape (instances, slots).

    Parameters
    ----------
    slew_ps, load_ff : as `lego.ppa.sta.Analysis` has them.
    rates : toggles per cycle of each net.
    counting : to compare with what counts otherwise.
    """
    counting = counting or _once
    shares = {kind: list(_shares(held)) for kind, held in circuit.instances.items()}
    tables = [
        t for each in shares.values() for s in each for t in (s.power.rise, s.power.fall) if t
    ]
    numbers = {table: k for k, table in enumerate(dict.fromkeys(tables))}
    lookup = Tables(list(numbers))

    def mean(held: Instances, share: Share) -> Floats:
        return _mean_fj(held, share, lookup, numbers, slew_ps, load_ff)

    return {
        kind: _energy(held, shares[kind], rates, counting, mean)
        for kind, held in circuit.instances.items()
    }


def _energy(
    held: Instances,
    shares: Sequence[Share],
    rates: Floats,
    counting: Counting,
    mean: Callable[[Instances, Share], Floats],
) -> Floats:
    """fJ per cycle at the pins of one cell's instances; `mean` is what a toggle takes by a share."""
    energy = np.zeros(held.nets.shape)
    for slot, (name, _) in enumerate(held.slots):
        of_pin = [share for share in shares if share.slot == slot]
        if of_pin:
            output = held.cell.pins[name].direction != "input"
            weights = counting(held, of_pin, rates, output)
            for share, weight in zip(of_pin, weights, strict=True):
                energy[:, slot] += weight * mean(held, share)
            energy[:, slot] *= rates[held.nets[:, slot]]
    return energy


def _once(
    held: Instances, shares: Sequence[Share], rates: Floats, output: bool
) -> list[Floats | float]:
    """Each toggle of an output is served by one table, and of an input by those of its states."""
    if not output:
        return [share.share for share in shares]
    causes = [
        share.share
        * (rates[held.nets[:, share.source]] if share.source >= 0 else np.ones(len(held.nets)))
        for share in shares
    ]
    total = sum(causes)
    even = sum(share.share for share in shares)
    return [
        np.divide(cause, total, out=np.full(len(cause), share.share / even), where=total > 0)
        for cause, share in zip(causes, shares, strict=True)
    ]


def _mean_fj(
    held: Instances,
    share: Share,
    lookup: Tables,
    numbers: dict[Table, int],
    slew_ps: Floats,
    load_ff: Floats,
) -> Floats:
    """Mean of the energies of a rise and a fall, per instance."""
    source = held.nets[:, share.slot if share.source < 0 else share.source]
    target = held.nets[:, share.slot]
    load = np.where(target == OPEN, 0.0, load_ff[target].max(axis=1))
    total = np.zeros(len(target))
    for edge, table in ((RISE, share.power.rise), (FALL, share.power.fall)):
        if table is not None:
            slew = slew_ps[source, 1 - edge if share.opposite else edge]
            which = np.full(len(target), numbers[table])
            total += lookup.at(which, slew, load) / 2
    return total


def _shares(held: Instances) -> Iterator[Share]:
    """All tables of a cell, bit by bit of its pins."""
    cell = held.cell
    slots = {pin: s for s, pin in reversed(list(enumerate(p for p, _ in held.slots)))}
    for slot, (name, _) in enumerate(held.slots):
        pin = cell.pins[name]
        shares = []
        for power in pin.power:
            sources = [r for r in power.related if r in slots] if pin.direction != "input" else []
            for source in sources or [""]:
                share = _share(cell, pin, source, power.when)
                opposite = bool(source) and _opposite(cell, pin, source)
                at = slots[source] if source else -1
                shares.append(Share(slot, at, opposite, share / max(1, len(sources)), power))
        if pin.direction != "input" and shares and not any(s.share for s in shares):
            shares = [s._replace(share=1.0) for s in shares]  # states that contradict the function
        yield from shares


def _variables(cell: Cell) -> tuple[tuple[str, ...], dict[str, str]]:
    """Inputs and state that a cell's pins are functions of, and each output in terms of them.

    A cell that holds something names it and its inverse in its outputs' functions.
    """
    inputs = tuple(p.name for p in cell.pins.values() if p.direction == "input" and p.bits == 1)
    outputs = {
        p.name: p.function for p in cell.pins.values() if p.direction != "input" and p.function
    }
    held = [w for text in outputs.values() for w in _WORD.findall(text)]
    states = [w for w in dict.fromkeys(held) if w not in inputs and w not in outputs]
    if states:
        inverse = dict.fromkeys(states[1:2], f"!{states[0]}")
        outputs |= inverse
        outputs = {k: _replaced(text, inverse) for k, text in outputs.items()}
    return (*inputs, *states[:1]), outputs


def _replaced(text: str, by: dict[str, str]) -> str:
    return _WORD.sub(lambda m: f"({by[m[0]]})" if m[0] in by else m[0], text)


def _share(cell: Cell, pin: Pin, source: str, when: str) -> float:
    """Share of states in which tables hold, and in which the pin follows the source; alike where
    that can't be told."""
    names, outputs = _variables(cell)
    table = truth_table(_replaced(when, outputs), names) if when else assignments(names)
    if len(names) > MOST_INPUTS or table is None:
        return 1.0 / len(pin.power)
    if source in names and (function := _function(cell, pin, names)) is not None:
        k, n = names.index(source), len(names)
        table &= cofactor(function, k, 0, n) ^ cofactor(function, k, 1, n)
    return table.bit_count() / (1 << len(names))


def _function(cell: Cell, pin: Pin, names: tuple[str, ...]) -> int | None:
    """The pin's function, if it is one of the inputs alone."""
    alone = all(word in cell.pins for word in _WORD.findall(pin.function))
    return truth_table(pin.function, names) if alone else None


def _opposite(cell: Cell, pin: Pin, source: str) -> bool:
    """Whether the pin rises where the source falls."""
    names, _ = _variables(cell)
    function = _function(cell, pin, names)
    if function is None or source not in names:
        return False
    return sense_of(function, names.index(source), len(names)) == "negative_unate"
