"""A chip as its RTL works, in plain integers, cycle by cycle where that matters.

Nothing here knows what was bound: bank digits, links, holds, masks and the set of revisited counters are
those of the chip that was compiled, and all else comes from registers.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from lego.back.plan.array.fifo import capacities, segments
from lego.back.plan.design import DesignPlan
from lego.back.plan.registers import access_of, address_bits, needs_extent
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.expr import evaluate
from lego.ir.formats import Integer
from lego.ir.fused import MemoryPlan
from lego.ir.operation import Reduction
from lego.ir.program import Program

Vector = tuple[int, ...]
Words = dict[tuple[int, int], int]
Plan = InputPlan | OutputPlan


def wrapped(value: int, fmt: Integer) -> int:
    return (value - fmt.low) % (1 << fmt.bits) + fmt.low


def dot(row: Vector, at: Vector) -> int:
    return sum(a * x for a, x in zip(row, at, strict=True))


@dataclass
class Nodes:
    """The address generator and data nodes of a memory: wired digits, addresses from registers."""

    adg: Adg
    plan: Plan
    memory: MemoryPlan
    registers: Mapping[str, int]

    def __post_init__(self) -> None:
        b = self.plan.banking
        self.least = tuple(
            f + o + b.shift * (j == b.along)
            for j, (f, o) in enumerate(zip(self.plan.offset, b.origin, strict=True))
        )
        self.bits = address_bits(self.memory.depth)

    def register(self, name: str) -> int:
        return self.registers.get(f"{self.memory.name}_{name}", 0)

    def place(self, fu: Vector) -> Vector:
        rows = zip(self.plan.space, self.plan.banking.origin, strict=True)
        return tuple(dot(row, fu) - origin for row, origin in rows)

    def read(self, t: Vector, fu: Vector) -> tuple[int, int]:
        """Bank and address that a node uses."""
        b, place = self.plan.banking, self.place(fu)
        address = self.register("base")
        address += sum(self.register(f"step{k}") * x for k, x in enumerate(t))
        digits = []
        for j, (g, count, skew) in enumerate(zip(b.gcds, b.counts, b.skews, strict=True)):
            row = self.plan.time[j]
            turning = count > 1 and any(a % (g * count) for a in row)
            rest = self.least[j] % g + sum(a % g * x for a, x in zip(row, t, strict=True))
            own = self.least[j] // g % count
            if turning:
                own += sum(a // g % count * x for a, x in zip(row, t, strict=True)) + rest // g
                address += (own // count - rest // g) * self.register(f"row{j}")
            times = (own % count + place[j] // g) // count
            address += times * self.register(f"row{j}")
            first = own + place[j] // g
            first += sum(
                a * (low + x + dot(line, t))
                for a, low, x, line in zip(skew, self.least, place, self.plan.time, strict=True)
            )
            digits.append(first % count)
        macro = lane = 0  # banks of a macro follow each other
        for j, (digit, count) in enumerate(zip(digits, b.counts, strict=True)):
            lanes = b.wide if j == b.along else 1
            macro = macro * (count // lanes) + digit // lanes
            lane = digit % lanes if j == b.along else lane
        bank = macro * b.wide + lane
        return bank, address % (1 << self.bits)

    def inside(self, t: Vector, fu: Vector) -> bool:
        """What comparators of indices say."""
        for j in needs_extent(self.adg, self.plan, access_of(self.adg, self.plan)):
            at = dot(self.plan.time[j], t) + dot(self.plan.space[j], fu) + self.plan.offset[j]
            if not 0 <= at < self.register(f"extent{j}"):
                return False
        return True


@dataclass
class Chip:
    """One run of a dataflow."""

    design: DesignPlan
    index: int
    program: Program
    memories: dict[str, Words]
    adg: Adg = field(init=False)

    def __post_init__(self) -> None:
        self.adg = self.design.fused.layers[self.index].adg
        flow, r = self.adg.dataflow, self.program.registers
        self.trips = tuple(r[f"trip{k}"] + 1 for k in range(len(flow.temporal)))
        self.times = list(itertools.product(*map(range, self.trips)))
        self.issued, cycle = {}, 0
        for t in self.times:
            self.issued[t] = cycle
            cycle += 1
            for k in range(len(t)):  # the round of counters from k on ends here
                if all(x == n - 1 for x, n in zip(t[k:], self.trips[k:], strict=True)):
                    cycle += r.get(f"pause{k}", 0)
        self.at = {cycle: t for t, cycle in self.issued.items()}
        layer = self.design.fused.layers[self.index]
        numbers = (*layer.ports, self.design.fused.n_ports)
        self.nodes = [
            Nodes(self.adg, plan, self.design.buffers[n], r)
            for n, plan in zip(numbers, self.adg.operands(), strict=True)
        ]
        self.known: dict[tuple[int, Vector, Vector], int] = {}
        self.used: set[tuple[int, int, int]] = set()
        self.rows: dict[tuple[int, Vector, int], int] = {}

    def run(self) -> Words:
        """The memory of results after a run."""
        adg, out = self.adg, self.adg.output
        memory = self.memories[out.name]
        sums: dict[Vector, int] = {}
        held = len(self.trips) - (out.hold if adg.reduction is not Reduction.ASSIGN else 0)
        root = {fu: c.root for c in out.classes for level in c.levels for fu in level}
        for t in self.times:
            first = not any(t[held:])
            here: dict[Vector, int] = {}
            for fu in adg.dataflow.fus():
                value = self.contribution(t, fu)
                to = root[fu]
                here[to] = value if to not in here else self.combine(here[to], value)
            for to, value in here.items():
                sums[to] = value if first else self.combine(sums[to], value)
                if all(x == n - 1 for x, n in zip(t[held:], self.trips[held:], strict=True)):
                    self.commit(memory, t, to, sums[to])
        return memory

    def combine(self, a: int, b: int) -> int:
        match self.adg.reduction:
            case Reduction.MAX:
                return max(a, b)
            case Reduction.MIN:
                return min(a, b)
            case _:
                return a + b

    def commit(self, memory: Words, t: Vector, fu: Vector, value: int) -> None:
        out, nodes = self.adg.output, self.nodes[-1]
        if not nodes.inside(t, fu) or (out.injective and not self.counts(t, fu, results=True)):
            return
        if self.adg.guarded_commits and not self.guarded(t, fu):
            return
        place = nodes.read(t, fu)
        assert place[1] < nodes.memory.depth_of(place[0])
        self.demand_alone(len(self.adg.inputs), out, t, fu, place[0])
        first = out.injective and not any(t[k] for k in out.revisit)
        if out.accumulates and not first:
            value = self.combine(memory[place], value)
        memory[place] = wrapped(value, self.adg.output_format)

    def demand_one_row(self, number: int, plan: Plan, t: Vector, bank: int, address: int) -> None:
        """Banks of a macro that nodes read together are at one row."""
        if plan.banking.wide > 1 and not plan.banking.shared:
            row = self.rows.setdefault((number, t, bank // plan.banking.wide), address)
            assert row == address, f"a macro of {plan.name} is asked for two rows"

    def demand_alone(self, number: int, plan: Plan, t: Vector, fu: Vector, bank: int) -> None:
        lag = plan.banking.lag or (0,) * len(fu)
        use = number, self.issued[t] + dot(lag, fu) // plan.banking.per, bank
        assert use not in self.used, f"two nodes of {plan.name} meet in bank {bank}"
        self.used.add(use)

    def counts(self, t: Vector, fu: Vector, *, results: bool = False) -> bool:
        """Whether an FU is within the bounds of the loops on axes; of those that move the results only."""
        flow, r = self.adg.dataflow, self.program.registers
        for axis, loop in enumerate(flow.spatial_loops):
            if loop < 0 or (results and not any(x[loop] for x in self.adg.op.output.map.rows)):
                continue
            at = fu[axis] + sum(
                d.step * x for d, x in zip(flow.temporal, t, strict=True) if d.loop == loop
            )
            if at >= r[f"bound{axis}"]:
                return False
        return True

    def guarded(self, t: Vector, fu: Vector) -> bool:
        return all(
            dot(guard.time, t) + guard.start + guard.at(fu) < self.program.registers[f"guard{k}"]
            for k, guard in enumerate(self.adg.guards)
        )

    def contribution(self, t: Vector, fu: Vector) -> int:
        fmt = self.adg.output_format
        identity = {Reduction.MAX: fmt.low, Reduction.MIN: fmt.high}.get(self.adg.reduction, 0)
        if not self.counts(t, fu) or not self.guarded(t, fu):
            self.operands(t, fu)
            return identity
        return evaluate(self.adg.op.body, self.operands(t, fu))

    def operands(self, t: Vector, fu: Vector) -> list[int]:
        return [self.operand(number, t, fu) for number in range(len(self.adg.inputs))]

    def operand(self, number: int, t: Vector, fu: Vector) -> int:
        key = number, t, fu
        if key not in self.known:
            self.known[key] = self._operand(number, t, fu)
        return self.known[key]

    def _operand(self, number: int, t: Vector, fu: Vector) -> int:
        plan = self.adg.inputs[number]
        source = plan.sources[self.adg.dataflow.rank(fu)]
        if source.link is not None:
            return self._before(number, t, fu, source.link, source.delay)
        for k in plan.levels(fu):
            depth = self._depth(number, k)
            if depth is not None and self._has_source(plan, k, t):
                there = tuple(a - b for a, b in zip(fu, plan.delays[k].shift, strict=True))
                return self._before(number, t, fu, there, depth)
        held = len(t) - plan.hold
        start = (*t[:held], *(0 for _ in t[held:]))
        nodes = self.nodes[number]
        bank, address = nodes.read(start, fu)
        if start == t:
            self.demand_alone(number, plan, t, fu, bank)
            self.demand_one_row(number, plan, t, bank, address)
        if plan.tensor.pad is not None and not nodes.inside(start, fu):
            return plan.tensor.pad
        return self.memories[plan.name].get((bank, address), plan.tensor.format.low)

    def _before(self, number: int, t: Vector, fu: Vector, there: Vector, delay: int) -> int:
        skew = self.adg.dataflow.skew
        return self.operand(number, self.at[self.issued[t] + skew(fu) - skew(there) - delay], there)

    def _depth(self, number: int, k: int) -> int | None:
        """Cycles that a delay reuse takes; None if it is off."""
        plan, memory = self.adg.inputs[number], self.nodes[number].memory
        reuse = plan.delays[k]
        if not reuse.programmable:
            return reuse.delay
        value = self.program.registers[f"{memory.name}_delay{k}"]
        if not value & 1:
            return None
        parts = segments(reuse.delay, capacities(memory)[k])
        return 1 + sum(part for n, part in enumerate(parts) if n and value >> n & 1)

    def _has_source(self, plan: InputPlan, k: int, t: Vector) -> bool:
        return all(
            0 <= x - step < n
            for x, step, n in zip(t, plan.delays[k].dt, self.trips, strict=True)
            if step
        )
