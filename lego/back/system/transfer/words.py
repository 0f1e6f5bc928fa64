"""Words of a memory in the order of a nest: starts wait in a queue until the words before them are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lego.back.graph.builder import BIT, Builder
from lego.back.system.control.fifo import Fifo
from lego.back.system.nest import Total, build_nest
from lego.back.system.transfer.registers import taken
from lego.ir.engines import WORD_COUNTERS

__all__ = ["Words", "build_words"]


@dataclass(frozen=True, slots=True)
class Words:
    """Nodes of the side that walks over words.

    Attributes
    ----------
    active : there is a present word.
    step : a wire, for the user to connect: goes on to the next word, only while `active`.
    last : the present word is the last of its start.
    room : a start may come in this cycle, whatever `step` is.
    idle : no start is under way.
    totals : the present value of each sum, by the register that has its first value.
    kept : the other registers of the start, by name.
    """

    active: int
    step: int
    last: int
    room: int
    idle: int
    totals: dict[str, int]
    kept: dict[str, int]


def build_words(
    b: Builder,
    kind: str,
    values: Mapping[str, int],
    totals: Mapping[str, str],
    *,
    start: int,
    halt: int,
    pending: int,
) -> Words:
    """The nest of registers `kind`_trip over sums, each given as a register and the prefix of its steps.

    `values` are all registers that a start takes with it; at most `pending` starts wait behind that under
    way.
    """
    waiting = Fifo(b, pending, f"{kind}_waiting")
    active = b.reg(BIT, name=f"{kind}_active")
    step, last = b.wire(BIT), b.wire(BIT)
    ends = b.all([step, last])
    load = b.all([b.invert(waiting.empty), b.any([b.invert(active), ends])])
    parts = waiting.put(list(values.values()), start)
    first = {
        name: b.wrap(part, b.nodes[value].range)
        for (name, value), part in zip(values.items(), parts, strict=True)
    }
    waiting.take(load, halt)
    b.drive(active, b.all([load, b.invert(halt)]), b.any([load, ends, halt]))
    now = taken(b, kind, {name: word for name, word in first.items() if name not in totals}, load)
    trips = [now[f"{kind}_trip{k}"] for k in range(WORD_COUNTERS)]
    sums = [
        Total(
            f"{kind}_{name}",
            b.nodes[values[name]].bits,
            first[name],
            [now[f"{by}{k}"] for k in range(WORD_COUNTERS)],
        )
        for name, by in totals.items()
    ]
    nest = build_nest(b, f"{kind}_counter", trips, sums, load, step)
    b.connect(last, nest.last)
    idle = b.all([b.invert(active), waiting.empty])
    found = dict(zip(totals, nest.values, strict=True))
    return Words(active, step, nest.last, b.invert(waiting.full), idle, found, now)
