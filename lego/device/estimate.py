"""How long a tiling takes, roughly, with loads, the vector engine and stores beside the array.

It is to choose among tilings before commands are put together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lego.bind.program import program_of
from lego.bind.result import Bound
from lego.bind.tiles import Run, Tiling
from lego.device.chip import Chip
from lego.device.residency import Need, Use, residency
from lego.device.words import Touched

__all__ = ["estimated"]

LATENCY = 45
"""Cycles from a request to its first beat, and from the last timestamp of a run to its results."""

CHUNK = 30
"""Cycles that a part of the results takes beside its beats."""

COMMANDS = 60
"""Cycles from the doorbell to the first request."""


@dataclass
class _Clock:
    """When engines are free, and when runs of the array end."""

    load: int = COMMANDS
    array: int = 0
    vector: int = 0
    store: int = 0
    ends: list[int] = field(default_factory=list)
    drained: list[int] = field(default_factory=list)


def estimated(chip: Chip, tiling: Tiling) -> int:
    """Cycles that a tiling takes from the doorbell to the last answer of a write."""
    clock, sizes, tile = _Clock(), _Sizes(chip), 0
    uses = _uses(chip, tiling)
    for number, run in enumerate(tiling.runs):
        ready = clock.load
        for memory, use in uses[number].items():
            if use.loads:
                after = [clock.ends[k] for k in use.freed_by]
                clock.load = max(clock.load, *after, 0) + sizes.operand(run.bound, memory)
                ready = clock.load
        begins = max(clock.array, ready + LATENCY)
        if tile > 1:
            begins = max(begins, clock.drained[tile - 2])
        clock.array = begins + run.bound.cycles
        clock.ends.append(clock.array + LATENCY)
        if run.whole:
            _drain(clock, sizes.result(run.bound), chip.store_words // 2)
            tile += 1
    return clock.store + LATENCY


def _drain(clock: _Clock, beats: int, chunk: int) -> None:
    """Results of a tile go through the vector engine, and to DRAM behind it."""
    parts = -(-beats // chunk)
    begins = max(clock.vector, clock.ends[-1])
    clock.vector = begins + beats + CHUNK * parts
    first = begins + min(beats, chunk) + CHUNK
    clock.store = max(clock.store, first) + beats + CHUNK * parts
    clock.drained.append(clock.vector)


def _uses(chip: Chip, tiling: Tiling) -> list[dict[int, Use]]:
    """What every run finds in each operand memory, by the number of its operand."""
    found: list[dict[int, Use]] = [{} for _ in tiling.runs]
    memories = {m.name for m in chip.device.memories[:-1]}
    for memory in sorted(memories):
        needs = [_need(chip, run, memory) for run in tiling.runs]
        for at, use in enumerate(residency([need and need[1] for need in needs])):
            number = needs[at]
            if use is not None and number is not None:
                found[at][number[0]] = use
    return found


def _need(chip: Chip, run: Run, memory: str) -> tuple[int, Need] | None:
    """The operand of a run that lies in a memory, and its tile."""
    bound = run.bound
    site = chip.sites[bound.dataflow]
    for number, k in enumerate(bound.assignment.order):
        port = site.design.fused.layers[bound.dataflow].ports[number]
        if site.design.buffers[port].name == memory:
            rows = bound.op.inputs[k].map.rows
            shift = tuple(sum(map(int.__mul__, row, run.offset)) for row in rows)
            return number, Need((k, id(bound), shift), 1)
    return None


@dataclass
class _Sizes:
    """Beats of tiles."""

    chip: Chip
    touched: Touched = field(default_factory=Touched)
    _known: dict[tuple[int, int], tuple[Bound, int]] = field(default_factory=dict)

    def operand(self, bound: Bound, number: int) -> int:
        """Of an operand, by its number."""
        return self._beats(bound, number)

    def result(self, bound: Bound) -> int:
        """Of the result."""
        return self._beats(bound, len(bound.op.inputs))

    def _beats(self, bound: Bound, number: int) -> int:
        key = id(bound), number
        if key not in self._known:
            site = self.chip.sites[bound.dataflow]
            layout = list(program_of(site, bound).layouts.values())[number]
            words = self.touched.words(bound, number, layout, self.chip.device)
            self._known[key] = bound, len(words.addresses)
        return self._known[key][1]
