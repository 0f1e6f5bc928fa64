"""Runs of consecutive beats in DRAM: a nest of counters makes one request to a bus master per cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.system.control.fifo import Fifo
from lego.back.system.nest import Total, build_nest
from lego.back.system.transfer.registers import taken
from lego.ir.engines import BEAT_BYTES, RUN_COUNTERS

__all__ = ["Runs", "build_runs"]

_LOW = (BEAT_BYTES - 1).bit_length()
_BEAT = 32 - _LOW
"""Bits of an offset within a beat, and of its number of a beat."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Nodes of the side that asks for runs.

    Attributes
    ----------
    free : a start may come in this cycle.
    active, asks : requests are to be made; one waits for the bus master.
    made, last : a request was made in this cycle; it is the last of its start.
    odd : the start of this cycle has an offset or a step that isn't a multiple of a beat: nothing starts.
    """

    free: int
    active: int
    asks: int
    made: int
    last: int
    odd: int


def build_runs(
    b: Builder, kind: str, values: Mapping[str, int], *, start: int, room: int, halt: int
) -> Runs:
    """Requests for the runs that registers `kind`_trip and `kind`_step describe, one per cycle and `room`.

    Ports `c_valid`, `c_segment`, `c_offset`, `c_beats` come from a queue of two requests, so that neither
    `free` nor a request depends on `c_ready` of the same cycle.
    """
    steps = [values[f"{kind}_step{k}"] for k in range(RUN_COUNTERS)]
    low = [b.slice(each, 0, _LOW) for each in (values["offset"], *steps)]
    odd = b.all([start, b.invert(b.all([b.eq(each, b.const(0)) for each in low]))])
    load = b.all([start, b.invert(odd)])
    trips = {f"trip{k}": values[f"{kind}_trip{k}"] for k in range(RUN_COUNTERS)}
    most = (1 << 16) - 1
    b.check(b.invert(b.eq(values["beats"], b.const(most))), load)
    beats = b.wrap(b.add(values["beats"], b.const(1)), (0, most))
    whole = {f"step{k}": b.slice(each, _LOW, _BEAT) for k, each in enumerate(steps)}
    now = taken(b, kind, {"segment": values["segment"], "beats": beats, **trips, **whole}, load)
    requests = Fifo(b, 2, f"{kind}_request")
    active = b.reg((0, 1), name=f"{kind}_active")
    made = b.all([active, b.invert(requests.full), room])
    total = Total(
        f"{kind}_offset",
        _BEAT,
        b.slice(values["offset"], _LOW, _BEAT),
        [now[name] for name in whole],
    )
    nest = build_nest(b, f"{kind}_counter", [now[name] for name in trips], [total], load, made)
    ends = b.all([made, nest.last])
    b.drive(active, b.all([load, b.invert(halt)]), b.any([load, ends, halt]))
    segment, offset, beats = requests.put([now["segment"], nest.values[0], now["beats"]], made)
    asks = b.invert(requests.empty)
    requests.take(b.all([asks, b.input("c_ready")]), halt)
    b.output("c_valid", asks)
    b.output("c_segment", segment)
    b.output("c_offset", b.shl(offset, _LOW))
    b.output("c_beats", beats)
    free = b.any([b.invert(active), ends])
    return Runs(free, active, asks, made, nest.last, odd)
