"""Control: one sequencer, one address generator per memory, and delay lines with taps.

Counters and address generators are shared by all dataflows: steps and bounds are registers, and what
differs in structure is chosen by the dataflow id. Signals are made once, for FUs without skew;
whoever needs one later takes a tap.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lego.back.bank_view import BankView
from lego.back.builder import Builder
from lego.back.lower_masks import axis_masks, guard_masks
from lego.back.lower_nest import Events, address_nest, affine_value, digit_nest
from lego.back.passes.dead_nodes import remove_dead_nodes
from lego.back.passes.widths import infer_widths
from lego.back.registers import (
    access_of,
    address_bits,
    delay_register,
    levels,
    needs_extent,
    register_specs,
    row_registers,
)
from lego.back.signals import Signal, events_of, fetch_port, inside_port, variant_port
from lego.back.timing import settling
from lego.back.turn import add_turns, digit_name, plain_digit
from lego.diag import InternalError
from lego.ir.adg import Fu, InputPlan
from lego.ir.dag import Module, Op
from lego.ir.fused import Buffer, FusedAdg, Plan

__all__ = ["Control", "raw_kappa"]


class Control:
    """Builds the control module; `tap` is called while the rest of the design is lowered.

    `views[k][c]` is how layer `c` meets the banks of memory `k`, None if it doesn't use it.
    """

    def __init__(self, fused: FusedAdg, prefix: str) -> None:
        self.fused, self.prefix = fused, prefix
        self.modules: list[Module] = []
        self.views: list[list[BankView | None]] = [
            [
                None if plan is None else BankView(layer.adg, plan)
                for layer, plan in zip(fused.layers, buffer.plans, strict=True)
            ]
            for buffer in fused.buffers()
        ]
        self._taps: dict[str, tuple[str, int]] = {}
        self._bounds = {spec.name: spec.high for spec in register_specs(fused)}
        self._n = len(fused.layers)

    def tap(self, signal: str, delay: int) -> str:
        """Name of the port that carries `signal`, `delay` cycles after its timestamp's issue."""
        if delay < 0:
            raise InternalError(f"tap of {signal} before it exists")
        name = f"{signal}_d{delay}"
        self._taps[name] = (signal, delay)
        return name

    def after(self, b: Builder, node: int) -> int:
        """What a module is given or computes, a cycle later: a tap of the next cycle, or a register."""
        port = b.nodes[node]
        if port.op is not Op.INPUT or port.name not in self._taps:
            return b.delay(node, 1)
        signal, delay = self._taps[port.name]
        return b.input(self.tap(signal, delay + 1), port.range)

    def _register(self, b: Builder, name: str) -> int:
        return b.input(name, (0, (1 << max(1, self._bounds[name].bit_length())) - 1))

    def build(self, tails: Sequence[int], *, late: bool = False, narrow: bool = False) -> Module:
        """The control module with all taps asked for so far; `tails` per dataflow.

        `late`: everything follows the counters a cycle later, through registers. `narrow`: switches route only what
        nodes meet.
        """
        sequencer = self._sequencer(tails)
        self.modules.append(sequencer)
        b = Builder(f"{self.prefix}_control", "control", self._n)
        outs = b.instance(
            sequencer,
            "sequencer",
            {"start": b.input("start")} | self._wire_registers(b, sequencer),
        )
        acting = events_of(self.fused.n_counters)
        signals = {port: Signal(node, port in acting) for port, node in outs.items()}
        status = {port: signals.pop(port).node for port in ("busy", "done")}
        if late:
            outer = [signals[f"step{k}"].node for k in range(self.fused.n_counters)]
            signals |= {f"still{k}": Signal(b.invert(b.any(outer[:k]))) for k in range(len(outer))}
            signals = {
                name: Signal(b.delay(s.node, 1, resets=s.acts, name=f"{name}_late"), s.acts)
                for name, s in signals.items()
            }
        for buffer in self.fused.buffers():
            agu = self._agu(buffer, late=late, narrow=narrow)
            self.modules.append(agu)
            wires = {
                node.name: signals[node.name].node
                for node in agu.nodes
                if node.op == "input" and node.name in signals
            }
            outs = b.instance(agu, f"agu_{buffer.name}", wires | self._wire_registers(b, agu))
            acting = frozenset(fetch_port(numbers) for numbers in ((), *self._served(buffer)))
            signals |= {
                f"{buffer.name}_{port}": Signal(node, port in acting) for port, node in outs.items()
            }
        for port, node in status.items():
            b.output(port, node)
        for name, (signal, delay) in self._taps.items():
            source = signals[signal]
            b.output(name, b.delay(source.node, delay, resets=source.acts, name=signal))
        return infer_widths(b.build())

    def _wire_registers(self, b: Builder, module: Module) -> dict[str, int]:
        return {
            node.name: self._register(b, node.name)
            for node in module.nodes
            if node.op == "input" and node.name in self._bounds
        }

    def _sequencer(self, tails: Sequence[int]) -> Module:
        """Nested counters; ports: counters, events, flags of the held counters, loop masks."""
        b = Builder(f"{self.prefix}_sequencer", "control", self._n)
        b.origin = "start, stop and counters of the loops"
        trips = self.fused.trips()
        register = {name: partial(self._register, b, name) for name in self._bounds}
        running = b.reg((0, 1), name="running")
        left = b.reg((0, max(tails)), name="draining")
        idle_left = b.eq(left, b.const(0))
        settle = settling(self.fused)
        warming = [b.wire((0, 1)) for _ in range(settle)]
        busy = b.any([running, b.invert(idle_left), *warming], name="busy_now")
        begin = b.all([b.input("start"), b.invert(busy)], name="begin_now")
        for k, wire in enumerate(warming, start=1):
            b.connect(wire, b.delay(begin, k, resets=True, name="begin"))
        launch = b.delay(begin, settle, resets=True, name="begin")
        counters = [b.reg((0, n - 1), name=f"counter{k}") for k, n in enumerate(trips)]
        last = [b.eq(c, self._register(b, f"trip{k}")) for k, c in enumerate(counters)]
        zero = [b.eq(c, b.const(0)) for c in counters]
        step = [
            b.all([running, *last[k + 1 :], b.invert(last[k])], name=f"event_{k}")
            for k in range(len(trips))
        ]
        finish = b.all([running, *last], name="finish")
        for k, (counter, trip) in enumerate(zip(counters, trips, strict=True)):
            following = b.mux(
                step[k], b.wrap(b.add(counter, b.const(1)), (0, max(1, trip - 1))), b.const(0)
            )
            b.drive(counter, following, b.any([finish, *step[: k + 1]]))
        b.drive(running, launch, b.any([launch, finish]))
        tail = b.choose([b.const(tail) for tail in tails])
        countdown = b.wrap(b.add(left, b.const(-1)), (0, max(tails)))
        b.drive(left, b.mux(finish, tail, countdown), b.any([finish, b.invert(idle_left)]))
        done = b.reg((0, 1), name="done_flag")
        b.drive(done, b.invert(begin), b.any([begin, b.eq(left, b.const(1))]))
        b.output("busy", busy)
        b.output("done", done)
        b.output("launch", launch)
        b.output("running", running)
        for k, counter in enumerate(counters):
            b.output(f"step{k}", step[k])
            b.output(f"count{k}", counter)
        for held in range(len(trips) + 1):
            b.output(f"zero{held}", b.all(zero[len(trips) - held :]))
            b.output(f"last{held}", b.all([running, *last[len(trips) - held :]]))
        visits = [
            b.all([zero[k] for k in layer.adg.output.revisit])
            if layer.adg.output.injective
            else b.const(0)
            for layer in self.fused.layers
        ]
        b.output("visit", b.choose(visits))
        b.origin = "coordinates of FUs that are within the loops"
        axis_masks(b, self.fused, counters, register)
        b.origin = "inequalities of the domain"
        events = Events(launch, tuple(step), tuple(counters))
        guard_masks(b, self.fused, events, register)
        return infer_widths(remove_dead_nodes(b.build()))

    def _events(self, b: Builder, *, late: bool) -> Events:
        trips = self.fused.trips()
        still = tuple(b.input(f"still{k}") for k in range(len(trips))) if late else ()
        return Events(
            b.input("launch"),
            tuple(b.input(f"step{k}") for k in range(len(trips))),
            tuple(b.input(f"count{k}", (0, trip - 1)) for k, trip in enumerate(trips)),
            still,
        )

    def _agu(self, buffer: Buffer, *, late: bool, narrow: bool) -> Module:
        """Address generator; ports `addr`, `addr_J..` (carrying), digits, `inJ_K`, enables.

        `late`: there is time to tell it what no event does, too, and for multiples of what the host wrote.
        """
        b = Builder(f"{self.prefix}_agu_{buffer.name}", "control", self._n)
        events = self._events(b, late=late)
        views = self.views[buffer.index]
        digits, carries = self._digits(b, events, buffer)
        rows = {
            j: self._register(b, f"{buffer.name}_row{j}") for j in row_registers(self.fused, buffer)
        }
        bits = address_bits(buffer.depth)
        steps = {k: self._register(b, f"{buffer.name}_step{k}") for k in levels(buffer.plans)}
        amounts = {
            condition: rows[j] if sign > 0 else b.op(Op.NEG, rows[j])
            for condition, (j, sign) in carries.items()
        }
        b.origin = f"address of {buffer.name}"
        base = self._register(b, f"{buffer.name}_base")
        address = address_nest(b, events, steps, base, bits, "address", amounts)
        b.output("addr", address)
        span = (0, (1 << bits) - 1)
        variants = {variant for view in views if view is not None for variant in view.variants}
        for variant in sorted(variants - {()}):
            total = address
            for j, times in variant:
                total = b.add(total, b.delay(b.times(rows[j], times), int(late)))
            b.output(variant_port(variant), b.wrap(total, span))
        for name, (digit, count) in digits.items():
            b.output(name, digit)
            for value in range(count):
                b.output(f"{name}_is{value}", b.eq(digit, b.const(value)))
        if narrow:
            asked = frozenset(signal for signal, _ in self._taps.values())
            add_turns(b, buffer.name, views, digits, asked)
        for j, row in rows.items():
            b.output(f"row{j}", row)
        b.origin = f"index of {buffer.name} within the tensor"
        self._inside(b, events, buffer)
        b.origin = f"when {buffer.name} is read"
        self._enables(b, buffer)
        return infer_widths(remove_dead_nodes(b.build()))

    def _digits(
        self, b: Builder, events: Events, buffer: Buffer
    ) -> tuple[dict[str, tuple[int, int]], dict[int, tuple[int, int]]]:
        """Bank digits of the least element, and signed row carries by condition node.

        Layers with the same number of banks along a dimension share its counters.
        """
        found: dict[str, tuple[int, int]] = {}
        carries: dict[int, tuple[int, int]] = {}
        used = levels(buffer.plans)
        views = self.views[buffer.index]
        turning = {
            (j, v.plan.banking.gcds[j], v.plan.banking.counts[j])
            for v in views
            if v is not None
            for j in v.turning
        }
        for j, g, count in sorted(turning):
            mine = [
                v is not None
                and j in v.turning
                and (v.plan.banking.gcds[j], v.plan.banking.counts[j]) == (g, count)
                for v in views
            ]
            least = [v.least[j] if v and yes else 0 for v, yes in zip(views, mine, strict=True)]
            rows = [
                v.plan.time[j] if v and yes else (0,) * self.fused.n_counters
                for v, yes in zip(views, mine, strict=True)
            ]
            name = plain_digit(j, g, count)
            carry = None
            if g > 1 and any(step % g for row in rows for step in row):
                rests = {k: [row[k] % g for row in rows] for k in used}
                first = [value % g for value in least]
                _, carry = digit_nest(b, events, used, rests, first, g, f"rest_{name}", None)
                carries[carry] = (j, -1)
            parts = {k: [row[k] // g % count for row in rows] for k in used}
            first = [value // g % count for value in least]
            digit, over = digit_nest(b, events, used, parts, first, count, name, carry)
            found[name] = digit, count
            carries[over] = (j, 1)
        for name, j, count in sorted(
            {
                (digit_name(v.plan, j), j, v.plan.banking.counts[j])
                for v in views
                if v is not None
                for j in v.moving
                if any(v.plan.banking.skews[j])
            }
        ):
            mine = [
                v is not None and j in v.moving and digit_name(v.plan, j) == name for v in views
            ]
            parts = {k: [] for k in used}
            for v, yes in zip(views, mine, strict=True):
                for k in used:
                    step = v.plan.time[j][k] + v.added_steps(j)[k] if v and yes else 0
                    parts[k].append(step % count)
            first = [v.first[j] if v and yes else 0 for v, yes in zip(views, mine, strict=True)]
            found[name] = digit_nest(b, events, used, parts, first, count, name, None)[0], count
        return found, carries

    def _inside(self, b: Builder, events: Events, buffer: Buffer) -> None:
        """Whether an index lies in the tensor, per dimension that can leave it and per offset."""
        tests: dict[int, list[BankView]] = {}
        for view in self.views[buffer.index]:
            if view is not None:
                for j in needs_extent(view.adg, view.plan, access_of(view.adg, view.plan)):
                    tests.setdefault(j, []).append(view)
        for j, views in sorted(tests.items()):
            rows = [_row_of(plan, j, self.fused.n_counters) for plan in buffer.plans]
            offsets = [
                plan.offset[j] if plan and j < len(plan.offset) else 0 for plan in buffer.plans
            ]
            trips = self.fused.trips()
            low = min(
                f + sum(min(0, c) * (n - 1) for c, n in zip(row, trips, strict=True))
                for row, f in zip(rows, offsets, strict=True)
            )
            high = max(
                f + sum(max(0, c) * (n - 1) for c, n in zip(row, trips, strict=True))
                for row, f in zip(rows, offsets, strict=True)
            )
            value = affine_value(b, events, rows, offsets, (low, high), f"index{j}")
            extent = self._register(b, f"{buffer.name}_extent{j}")
            for at in sorted({raw_kappa(v.plan, fu)[j] for v in views for fu in v.nodes}):
                here = b.add(value, b.const(at)) if at else value
                within = [b.less(here, extent)]
                if low + at < 0:
                    within.append(b.invert(b.less(here, b.const(0))))
                b.output(inside_port(j, at), b.all(within))

    def _enables(self, b: Builder, buffer: Buffer) -> None:
        """`en`: a data node reads; `reuseN`: a delay reuse holds; `fetch_N`: a node that it serves reads."""
        if buffer.output:
            return
        plans = [plan for plan in buffer.plans if plan is None or isinstance(plan, InputPlan)]
        zeros = [
            None if p is None else b.input(f"zero{p.hold}") if p.hold else b.const(1) for p in plans
        ]
        running = b.input("running")
        held = b.choose(zeros)
        en = running if held == b.const(1) else b.all([running, held])
        b.output("en", en)
        reuse = []
        for number in range(max((len(p.delays) for p in plans if p is not None), default=0)):
            each = [None if p is None else self._reuse(b, buffer, p, number) for p in plans]
            reuse.append(b.choose(each))
            b.output(f"reuse{number}", reuse[-1])
        for numbers in self._served(buffer):
            unserved = [b.invert(reuse[number]) for number in numbers]
            b.output(fetch_port(numbers), b.all([en, *unserved]))

    def _served(self, buffer: Buffer) -> list[tuple[int, ...]]:
        """The sets of delay reuses, but the empty one, that serve some data node."""
        served = {
            plan.levels(fu)
            for view, plan in zip(self.views[buffer.index], buffer.plans, strict=True)
            if view is not None and isinstance(plan, InputPlan)
            for fu in view.nodes
        }
        return sorted(served - {()})

    def _reuse(self, b: Builder, buffer: Buffer, plan: InputPlan, number: int) -> int:
        """Whether the source of a delay reuse lies in the domain."""
        if number >= len(plan.delays):
            return b.const(0)
        reuse = plan.delays[number]
        tests = []
        if reuse.programmable:
            tests.append(b.slice(self._register(b, delay_register(buffer, number)), 0, 1))
        for k, (step, trips) in enumerate(zip(reuse.dt, self.fused.trips(), strict=True)):
            count = b.input(f"count{k}", (0, trips - 1)) if step else -1
            if step > 0:
                tests.append(b.invert(b.less(count, b.const(step))))
            elif step < 0:
                trip = self._register(b, f"trip{k}")
                tests.append(b.invert(b.less(trip, b.add(count, b.const(-step)))))
        return b.all(tests)


def _row_of(plan: Plan | None, dim: int, counters: int) -> tuple[int, ...]:
    return plan.time[dim] if plan is not None and dim < len(plan.time) else (0,) * counters


def raw_kappa(plan: Plan, fu: Fu) -> tuple[int, ...]:
    """``F_S s`` per dimension."""
    return tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in plan.space)
