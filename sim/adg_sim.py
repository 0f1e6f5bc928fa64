"""A functional simulator of the ADG: links, holds, banks and commits, timestamp by timestamp.

It runs the architecture, not the loop nest: a value that an FU uses is followed back over links
and holding registers to the bank word that a data node read. No RTL is involved, so it takes
milliseconds and tells a wrong plan from a wrong lowering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lego.diag import InternalError
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.layout import Layout
from lego.ir.operation import Reduction
from lego.ir.program import Program
from sim.adg_body import contributions
from sim.adg_words import Array, Flags, Time, holds, read_words, written_words
from sim.reference import wrap

__all__ = ["Run", "run_adg"]

Plan = InputPlan | OutputPlan


@dataclass(frozen=True, slots=True)
class Run:
    """What one run left: the output's elements, which of them were written, and word accesses.

    `accesses` counts, per operand, the words that its banks read and wrote.
    """

    values: Array
    written: Flags
    accesses: dict[str, int]


def run_adg(
    adg: Adg,
    program: Program,
    operands: Mapping[str, Array],
    seed: int = 0,
    held: Array | None = None,
) -> Run:
    """Run the architecture; `operands` are tensors by name, `held` what the memory of results holds where a
    program resumes. Words never written are random.

    Raises InternalError for a bank conflict, a value that nobody read, or an element outside its banks.
    """
    rng = np.random.default_rng(seed)
    time = _timestamps(adg, program)
    used, accesses = [], {}
    for plan in adg.inputs:
        values, count = _operand(adg, plan, program, operands[plan.tensor.name], time, rng)
        used.append(values)
        accesses[plan.name] = count
    body, valid = _contributed(adg, used, time), _within_bounds(adg, program, time)
    values, written, accesses[adg.output.name] = _commit(adg, program, body, valid, time, held)
    return Run(values, written, accesses)


def _contributed(adg: Adg, used: Sequence[Array], time: Time) -> Array:
    """The body's value of every FU and timestamp."""
    formats = [plan.tensor.format for plan in adg.inputs]
    into = adg.output_format if adg.reduction is Reduction.ADD else None
    found = contributions(adg.op.body, used, formats, into)
    return np.broadcast_to(found, (len(time.fus), len(time.t)))


def _timestamps(adg: Adg, program: Program) -> Time:
    trips = adg.dataflow.trips(adg.op, program.bounds)
    count = int(np.prod(trips, dtype=np.int64))
    t = np.stack(np.unravel_index(np.arange(count), trips), axis=1) if trips else np.zeros((1, 0))
    fus = np.array(list(adg.dataflow.fus()), dtype=np.int64)
    skew = fus @ np.array(adg.dataflow.control, dtype=np.int64)
    pauses = tuple(program.registers.get(f"pause{k}", 0) for k in range(len(trips)))
    return Time(t.astype(np.int64), fus, skew, trips, pauses, _issued(trips, pauses))


def _issued(trips: Sequence[int], pauses: Sequence[int]) -> Array:
    """The cycle of every timestamp: as the sequencer counts, a cycle each and idle ones after rounds."""
    count = int(np.prod(trips, dtype=np.int64))
    idle = np.zeros(count, dtype=np.int64)
    for k, pause in enumerate(pauses):
        inner = int(np.prod(trips[k:], dtype=np.int64))
        idle[inner::inner] += pause
    return np.arange(count) + np.cumsum(idle)


def _elements(plan: Plan, time: Time) -> Array:
    """Element per FU and timestamp, shape (fus, timestamps, dimensions)."""
    rank = len(plan.offset)
    by_time = time.t @ np.array(plan.time, dtype=np.int64).reshape(rank, -1).T
    by_fu = time.fus @ np.array(plan.space, dtype=np.int64).reshape(rank, -1).T
    return by_fu[:, None, :] + by_time[None, :, :] + np.array(plan.offset, dtype=np.int64)


def _words(plan: Plan, layout: Layout, elements: Array) -> tuple[Array, Array]:
    """Bank and word of elements, whose indices are along the last axis."""
    index = [elements[..., j] for j in range(len(layout.shape))]
    sides = elements.shape[:-1]
    bank, word = (np.broadcast_to(each, sides) for each in (layout.bank(index), layout.word(index)))
    return bank, word


def _inside(elements: Array, shape: Sequence[int]) -> Flags:
    inside: Flags = np.all((elements >= 0) & (elements < np.array(shape)), axis=-1)
    return inside


def _every_element(shape: Sequence[int]) -> Array:
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)


def _memory(plan: Plan, layout: Layout, tensor: Array, rng: np.random.Generator) -> Array:
    """Banks by words: the tensor where the layout puts it, random elsewhere."""
    fmt = plan.tensor.format
    shape = (plan.banking.n_banks, max(2, plan.banking.depth(plan.tensor.shape)))
    memory = rng.integers(fmt.low, fmt.high, size=shape, endpoint=True, dtype=np.int64)
    bank, word = _words(plan, layout, _every_element(layout.shape))
    if word.max() >= shape[1] or len(set(zip(bank.flat, word.flat, strict=True))) != bank.size:
        raise InternalError(f"the layout of {plan.name} doesn't give every element its own word")
    memory[bank, word] = tensor
    return memory


def _origins(adg: Adg, plan: InputPlan, time: Time) -> Array:
    """Per FU and timestamp, the flat index of the use whose data node read the value."""
    n_fus, n_times = len(time.fus), len(time.t)
    place = {tuple(fu): k for k, fu in enumerate(time.fus.tolist())}
    now = np.arange(n_times)
    source = np.empty((n_fus, n_times), dtype=np.int64)
    held = int(np.prod(time.trips[len(time.trips) - plan.hold :], dtype=np.int64))
    for k, origin in enumerate(plan.sources):
        source[k] = k * n_times + now // held * held
        if origin.link is not None:
            source[k] = _use(time, k, place[origin.link], origin.delay, now)
            continue
        fu = tuple(time.fus[k].tolist())
        for reuse in reversed([plan.delays[n] for n in plan.levels(fu)]):
            skew = adg.dataflow.skew(reuse.shift)
            before = place[tuple(a - b for a, b in zip(fu, reuse.shift, strict=True))]
            delay = reuse.cycles(time.trips, skew, time.pauses)
            linked = _use(time, k, before, delay, now)
            box = reuse.domain(time.trips, skew, time.pauses)
            source[k] = np.where(holds(box, time), linked, source[k])
    if (source < 0).any():
        raise InternalError(f"{plan.name} takes a value from before the first timestamp")
    return _followed(plan, source.ravel()).reshape(n_fus, n_times)


def _followed(plan: InputPlan, flat: Array) -> Array:
    """Per use the one at the end of its links. Raises InternalError if they go round."""
    for _ in range(flat.size.bit_length() + 1):
        following = flat[flat]
        if (following == flat).all():
            return flat
        flat = following
    raise InternalError(f"the links of {plan.name} form a cycle")


def _use(time: Time, fu: int, source: int, delay: int, now: Array) -> Array:
    """Flat index of what FU `source` used `delay` cycles before FU `fu` uses it."""
    cycle = time.issued[now] + time.skew[fu] - time.skew[source] - delay
    then = np.searchsorted(time.issued, cycle)
    found = time.issued[np.minimum(then, len(time.t) - 1)] == cycle
    return np.where(found, source * len(time.t) + then, -1)


def _operand(
    adg: Adg,
    plan: InputPlan,
    program: Program,
    tensor: Array,
    time: Time,
    rng: np.random.Generator,
) -> tuple[Array, int]:
    """Value that every FU uses at every timestamp, and the words read."""
    layout = program.layouts[plan.name]
    memory = _memory(plan, layout, tensor, rng)
    origins = _origins(adg, plan, time)
    elements = _elements(plan, time)
    bank, word = _words(plan, layout, elements)
    reads = origins == np.arange(origins.size).reshape(origins.shape)
    if plan.banking.wide == 1:
        _demand_no_conflict(plan, bank, reads, _used(plan, time, time.fus, slice(None)))
        count = int(reads.sum())
    else:
        count = read_words(adg, plan, time, (bank, word, reads))
    value = memory[bank, word % memory.shape[1]]
    if plan.tensor.pad is not None:
        value = np.where(_inside(elements, layout.shape), value, plan.tensor.pad)
    return value.ravel()[origins], count


def _used(plan: Plan, time: Time, fus: Array, which: Array | slice) -> Array:
    """The cycle in which each node uses memory, shape (fus, timestamps)."""
    lag = np.array(plan.banking.lag or (0,) * fus.shape[1], dtype=np.int64)
    return (fus @ lag // plan.banking.per)[:, None] + time.issued[which][None, :]


def _demand_no_conflict(plan: Plan, bank: Array, active: Flags, cycle: Array) -> None:
    """In any one cycle the data nodes' banks are distinct."""
    pairs = np.stack([cycle[active], bank[active]], axis=1)
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    if (counts > 1).any():
        at = int(found[counts > 1][0][0])
        raise InternalError(f"two data nodes of {plan.name} meet in one bank in cycle {at}")


def _within_bounds(adg: Adg, program: Program, time: Time) -> dict[int, Flags]:
    """Per loop on an axis: whether its value is below its bound, shape (fus, timestamps)."""
    flow = adg.dataflow
    matrix = np.array(flow.temporal_matrix(len(adg.op.loops)), dtype=np.int64)
    matrix = matrix.reshape(len(adg.op.loops), -1)
    return {
        loop: time.fus[:, axis, None] + (time.t @ matrix[loop])[None, :]
        < program.bounds[adg.op.loops[loop].name]
        for axis, loop in enumerate(flow.spatial_loops)
        if loop >= 0
    }


def _in_domain(adg: Adg, program: Program, time: Time) -> Flags:
    """Whether every inequality holds, by the values of the registers, shape (fus, timestamps)."""
    inside = np.ones((len(time.fus), len(time.t)), dtype=np.bool_)
    for k, guard in enumerate(adg.guards):
        left = time.t @ np.array(guard.time, dtype=np.int64) + guard.start
        at = np.array([guard.at(fu) for fu in time.fus.tolist()], dtype=np.int64)
        inside &= left[None, :] + at[:, None] < program.registers[f"guard{k}"]
    return inside


_COMBINE = {Reduction.ADD: np.add, Reduction.MAX: np.maximum, Reduction.MIN: np.minimum}


def _commit(
    adg: Adg,
    program: Program,
    body: Array,
    valid: Mapping[int, Flags],
    time: Time,
    before: Array | None,
) -> tuple[Array, Flags, int]:
    """Reduce over classes and held counters, and commit to the banks, which hold `before`."""
    plan, layout = adg.output, program.layouts[adg.output.name]
    fmt, combine = plan.tensor.format, _COMBINE.get(adg.reduction)
    inside = _in_domain(adg, program, time)
    identity = {Reduction.MAX: fmt.low, Reduction.MIN: fmt.high}.get(adg.reduction, 0)
    counts = np.ones_like(body, dtype=np.bool_)
    for flags in (*valid.values(), inside):
        counts = counts & flags
    held = int(np.prod(time.trips[len(time.trips) - plan.hold :], dtype=np.int64))
    place = {tuple(fu): k for k, fu in enumerate(time.fus.tolist())}
    roots = [place[c.root] for c in plan.classes]
    if combine is None:
        sums, last = body[roots], np.arange(len(time.t))
    else:
        masked = np.where(counts, body, identity)
        members = [[place[fu] for level in c.levels for fu in level] for c in plan.classes]
        totals = np.stack([combine.reduce(masked[group], axis=0) for group in members])
        sums = combine.reduce(totals.reshape(len(roots), -1, held), axis=2)
        last = np.arange(held - 1, len(time.t), held)
    elements = _elements(plan, time)[roots][:, last]
    enable = _enabled(adg, plan, layout, elements, valid, roots, last)
    if adg.guarded_commits:
        enable = enable & inside[roots][:, last]
    first = (time.t[last][:, list(plan.revisit)] == 0).all(axis=1) & plan.injective
    first &= not program.resume
    used = _used(plan, time, time.fus[roots], last)
    return _written(adg, plan, layout, (sums, elements, enable, first), used, before)


def _enabled(
    adg: Adg,
    plan: OutputPlan,
    layout: Layout,
    elements: Array,
    valid: Mapping[int, Flags],
    roots: Sequence[int],
    last: Array,
) -> Flags:
    if not plan.injective:
        return _inside(elements, layout.shape)
    checked = list(adg.checked_dims)
    enable = _inside(elements[..., checked], [layout.shape[j] for j in checked])
    for loop, flags in valid.items():
        if any(row[loop] for row in adg.op.output.map.rows):
            enable &= flags[roots][:, last]
    return enable


def _written(
    adg: Adg,
    plan: OutputPlan,
    layout: Layout,
    commits: tuple[Array, Array, Flags, Flags],
    used: Array,
    before: Array | None,
) -> tuple[Array, Flags, int]:
    sums, elements, enable, first = commits
    fmt, combine = plan.tensor.format, _COMBINE.get(adg.reduction, np.add)
    loaded = layout.preload is not None
    values = np.full(layout.shape, layout.preload or 0, dtype=np.int64)
    values = values if before is None else before.copy()
    written = np.full(layout.shape, loaded, dtype=np.bool_)
    known = written | (before is not None)
    bank, row = _words(plan, layout, elements)
    _demand_no_conflict(plan, bank, enable, used)
    words = written_words(plan, (used[enable], bank[enable], row[enable]))
    for at in range(len(first)):
        here = enable[:, at]
        index = tuple(elements[here, at].T)
        if not _inside(elements[here, at], layout.shape).all():
            raise InternalError(f"{plan.name} commits an element outside the tensor")
        fresh = sums[here, at]
        if plan.accumulates and not first[at]:
            if not known[index].all():
                raise InternalError(f"{plan.name} adds to a word that was never written")
            fresh = combine(values[index], fresh)
        values[index] = wrap(fresh, fmt)
        written[index] = known[index] = True
    return values, written, words * (2 if plan.accumulates else 1)
