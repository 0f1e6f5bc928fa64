"""What a run of the vector engine writes: the engine in NumPy, vectorised over the elements of a run.

Low bits are kept where the engine keeps them, so that values out of the plan's intervals, too, come out
as the engine has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.diag import InternalError
from lego.ir.dag import bits_for
from lego.ir.engines import as_written
from lego.ir.intervals import Interval
from lego.ir.operation import Reduction
from lego.ir.vector.chain import BYTE, TABLE_ENTRIES, SlotFn, Source
from lego.ir.vector.plan import (
    ADDRESS_BITS,
    CAN_BE_OFF,
    COUNTERS,
    MODES,
    OWN_MEMORY,
    VALUE_BITS,
    Slot,
    VectorPlan,
)

__all__ = ["VectorModel", "VectorWrites"]

Array = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class VectorWrites:
    """Words in the order in which they are written.

    Attributes
    ----------
    memory : 0 and 1 of the core, 2 of the store, 3 the engine's own.
    addresses : of words; shape (words,).
    data, lanes : bytes, and which of them are written; shape (words, lanes).
    """

    memory: int
    addresses: Array
    data: Bytes
    lanes: NDArray[np.bool_]


class VectorModel:
    """An engine with its own memory, held vectors and table.

    `operands` is the engine's own memory, (words, lanes), which the load writes; registers are those of
    `plan.registers` by name, and 0 where they aren't given.
    """

    def __init__(self, plan: VectorPlan) -> None:
        self.plan = plan
        self.operands: Bytes = np.zeros((plan.words, plan.lanes), dtype=np.uint8)
        self.held: Bytes = np.zeros((plan.held_words, plan.lanes), dtype=np.uint8)
        self.table: Bytes = np.zeros(TABLE_ENTRIES, dtype=np.uint8)

    def run(self, registers: Mapping[str, int], results: Array) -> VectorWrites:
        """A run; `results` is the result memory, (words, lanes) of 32 bits.

        Runs that load write nothing outside; what goes to the engine's own memory is written into
        `operands` as well.
        """
        r = as_written(self.plan.registers, registers)
        counts = _counters(r)
        if r["mode"]:
            self._load(r, counts)
            return self._writes(r, counts[:0], counts[:0])
        self._check_halves(r, counts)
        values, last = self._reduced(r, counts, results)
        second = self._second(r, counts[last])
        for k, slot in enumerate(self.plan.slots):
            values = self._slot(r, k, slot, values, second)
        found = self._writes(r, counts[last], values)
        if found.memory == OWN_MEMORY:
            self._keep(found)
        return found

    def reads_second(self, r: Mapping[str, int]) -> bool:
        """Whether a slot takes the second stream."""
        return any(
            Source.STREAM in slot.sources
            and r[f"slot{k}_choice"] == slot.sources.index(Source.STREAM)
            for k, slot in enumerate(self.plan.slots)
        )

    def _check_halves(self, r: Mapping[str, int], counts: Array) -> None:
        """Raise InternalError if both streams read one half of the engine's memory in one cycle."""
        if r["source"] and self.reads_second(r):
            half = self.plan.words // 2
            a, b = (_address(r, stream, counts) >= half for stream in ("a", "b"))
            if (a == b).any():
                raise InternalError("both streams of the vector engine read one half of its memory")

    def _load(self, r: Mapping[str, int], counts: Array) -> None:
        """Held words, or the table, from the engine's own memory."""
        words = self.operands[_address(r, "a", counts) % self.plan.words]
        if r["mode"] == MODES.index("table") and self.plan.has_table:
            for k, word in enumerate(words):
                self.table[k % TABLE_ENTRIES] = word[k % self.plan.lanes]
            return
        first = r["held"] if r["mode"] == MODES.index("held") else 0
        for k, word in enumerate(words):
            at_word = (first + k) % 256
            if at_word < len(self.held):
                self.held[at_word] = word

    def _reduced(
        self, r: Mapping[str, int], counts: Array, results: Array
    ) -> tuple[Array, NDArray[np.bool_]]:
        """What has come together in each element that is written, and which iterations end one."""
        plan = self.plan
        address = _address(r, "a", counts)
        if r["source"] or plan.first == BYTE:
            a = _wrapped(self.operands[address % plan.words].astype(np.int64), BYTE)
        else:
            a = _wrapped(results[address % len(results)].astype(np.int64), plan.first)
        a = _wrapped(a, plan.reduced)
        inner = [k for k in range(COUNTERS) if k >= COUNTERS - r["inner"]]
        trips = np.array([r[f"trip{k}"] for k in inner], dtype=np.int64)
        last = (counts[:, inner] == trips).all(axis=1)
        size = int((trips + 1).prod())
        if size == 1 or not plan.reductions:
            return a[last], last
        several = len(plan.reductions) > 1
        number = min(r["reduction"], len(plan.reductions) - 1) if several else 0
        groups = _wrapped(a, plan.combined).reshape(-1, size, plan.lanes)
        return _wrapped(_COMBINED[plan.reductions[number]](groups), plan.combined), last

    def _second(self, r: Mapping[str, int], counts: Array) -> Array:
        """The second stream, scaled."""
        plan = self.plan
        if not plan.stream:
            return np.zeros(1, dtype=np.int64)
        address = _address(r, "b", counts)
        words = self.operands[address % plan.words]
        found = _wrapped(words.astype(np.int64), BYTE)
        if plan.scale is None:
            return found
        is_held = plan.scale_held >= 0 and r["scale_choice"]
        scale = self.vector(plan.scale_held) if is_held else _value(r, "scale", plan.scale)
        return found * scale

    def vector(self, number: int) -> Array:
        """The elements of a held vector, one per lane."""
        held = self.plan.held[number]
        raw = self.held[held.at : held.at + held.bytes].reshape(self.plan.lanes, held.bytes)
        shifts = 8 * np.arange(held.bytes, dtype=np.int64)
        return _wrapped((raw.astype(np.int64) << shifts).sum(axis=1), held.span)

    def _slot(
        self, r: Mapping[str, int], k: int, slot: Slot, values: Array, second: Array
    ) -> Array:
        """The values behind a slot."""
        if slot.fn in CAN_BE_OFF and not r[f"slot{k}_on"]:
            return _wrapped(values, slot.after)
        if slot.fn is SlotFn.TABLE:
            return _wrapped(_wrapped(self.table[values & 255].astype(np.int64), BYTE), slot.after)
        operand = _value(r, f"slot{k}", slot.operand)
        several = len(slot.sources) > 1
        source = slot.sources[min(r[f"slot{k}_choice"], len(slot.sources) - 1) if several else 0]
        if source is Source.HELD:
            operand = self.vector(slot.held)
        elif source is Source.STREAM:
            operand = second
        operand = _wrapped(operand, slot.operand) if several else operand
        return _wrapped(_FUNCTIONS[slot.fn](values, operand), slot.after)

    def _writes(self, r: Mapping[str, int], counts: Array, values: Array) -> VectorWrites:
        """Rotated, and where they go."""
        lanes = self.plan.lanes
        rotation = _moving(r, "rotate", "rotate", counts) % lanes
        source = (np.arange(lanes) - rotation[:, None]) % lanes
        mask = np.array([r["mask"] >> lane & 1 for lane in range(lanes)], dtype=np.bool_)
        data = values.reshape(-1, lanes) & 255 if len(counts) else np.zeros((0, lanes))
        moved = np.take_along_axis(data.astype(np.uint8), source, axis=1)
        return VectorWrites(r["memory"], _address(r, "d", counts), moved, mask[source])

    def _keep(self, found: VectorWrites) -> None:
        """Into the engine's own memory, later words over earlier ones."""
        words, lanes = np.nonzero(found.lanes)
        at = found.addresses[words] % self.plan.words
        self.operands[at, lanes] = found.data[words, lanes]


def _counters(r: Mapping[str, int]) -> Array:
    """The counters of every element, in order; shape (elements, counters)."""
    trips = [r[f"trip{k}"] + 1 for k in range(COUNTERS)]
    return np.indices(trips, dtype=np.int64).reshape(COUNTERS, -1).T


def _moving(r: Mapping[str, int], first: str, prefix: str, counts: Array) -> Array:
    steps = np.array([r[f"{prefix}_step{k}"] for k in range(COUNTERS)], dtype=np.int64)
    return r[first] + counts @ steps


def _address(r: Mapping[str, int], stream: str, counts: Array) -> Array:
    return _moving(r, f"{stream}_address", stream, counts) % (1 << ADDRESS_BITS)


def _value(r: Mapping[str, int], name: str, span: Interval) -> Array:
    """An immediate operand."""
    whole = r[f"{name}_value"] | r.get(f"{name}_high", 0) << VALUE_BITS
    return _wrapped(np.array([whole], dtype=np.int64), span)


def _wrapped(values: Array, span: Interval) -> Array:
    """Low bits, read as a word of the interval."""
    bits = bits_for(*span)
    low = values & (1 << bits) - 1
    return np.where(low >> bits - 1 != 0, low - (1 << bits), low) if span[0] < 0 else low


_FUNCTIONS = {
    SlotFn.MUL: np.multiply,
    SlotFn.ADD: np.add,
    SlotFn.SHIFT: np.right_shift,
    SlotFn.MAX: np.maximum,
    SlotFn.MIN: np.minimum,
}

_COMBINED = {
    Reduction.ADD: lambda groups: groups.sum(axis=1),
    Reduction.MAX: lambda groups: groups.max(axis=1),
    Reduction.MIN: lambda groups: groups.min(axis=1),
}
