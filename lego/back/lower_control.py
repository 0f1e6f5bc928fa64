"""Control: one sequencer, one address generator per operand, and delay lines with taps.

Signals are made once, for FUs without skew; whoever needs one later takes a tap.
"""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.builder import Builder
from lego.back.lower_nest import Events, address_nest, affine_value, digit_nest
from lego.back.passes.dead_nodes import remove_dead_nodes
from lego.back.passes.widths import infer_widths
from lego.back.registers import (
    access_of,
    address_bits,
    first_digit,
    levels,
    needs_extent,
    register_specs,
    row_registers,
)
from lego.diag import InternalError
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.dag import Module, Op

__all__ = ["Control", "kappa_offsets"]

Plan = InputPlan | OutputPlan
Fu = tuple[int, ...]


def kappa_offsets(plan: Plan, fu: Fu) -> tuple[int, ...]:
    """Elements by which the data node of `fu` is ahead of the least one, per dimension."""
    return tuple(
        sum(a * s for a, s in zip(row, fu, strict=True)) - origin
        for row, origin in zip(plan.space, plan.banking.origin, strict=True)
    )


def node_digits(plan: Plan, fu: Fu) -> tuple[int, ...]:
    """Digit offset of a data node per dimension, in [0, bank count)."""
    return tuple(
        k // g if count > 1 else 0
        for k, g, count in zip(
            kappa_offsets(plan, fu), plan.banking.gcds, plan.banking.counts, strict=True
        )
    )


def fixed_bank(plan: Plan, fu: Fu) -> tuple[int, tuple[int, ...]]:
    """Bank of a data node under a fixed bank function, and the dimensions whose digit carries."""
    bank, carries = 0, []
    for j, (digit, count) in enumerate(
        zip(node_digits(plan, fu), plan.banking.counts, strict=True)
    ):
        digit += first_digit(plan, j) if count > 1 else 0
        if digit >= count:
            digit -= count
            carries.append(j)
        bank = bank * count + digit
    return bank, tuple(carries)


class Control:
    """Builds the control module; `tap` is called while the rest of the design is lowered."""

    def __init__(self, adg: Adg, prefix: str) -> None:
        self.adg, self.prefix = adg, prefix
        self.modules: list[Module] = []
        self._taps: dict[str, tuple[str, int]] = {}
        self._bounds = {spec.name: spec.high for spec in register_specs(adg)}

    def tap(self, signal: str, delay: int) -> str:
        """Name of the port that carries `signal`, `delay` cycles after its timestamp's issue."""
        if delay < 0:
            raise InternalError(f"tap of {signal} before it exists")
        name = f"{signal}_d{delay}"
        self._taps[name] = (signal, delay)
        return name

    def _register(self, b: Builder, name: str) -> int:
        return b.input(name, (0, (1 << max(1, self._bounds[name].bit_length())) - 1))

    def build(self, tail: int) -> Module:
        """The control module with all taps asked for so far."""
        sequencer = self._sequencer(tail)
        self.modules.append(sequencer)
        b = Builder(f"{self.prefix}_control", "control")
        signals = dict(
            b.instance(
                sequencer,
                "sequencer",
                {"start": b.input("start")} | self._wire_registers(b, sequencer),
            )
        )
        for plan in self.adg.operands():
            agu = self._agu(plan)
            self.modules.append(agu)
            wires = {
                node.name: signals[node.name]
                for node in agu.nodes
                if node.op == "input" and node.name in signals
            }
            outs = b.instance(agu, f"agu_{plan.name}", wires | self._wire_registers(b, agu))
            signals |= {f"{plan.name}_{port}": node for port, node in outs.items()}
        for port in ("busy", "done"):
            b.output(port, signals[port])
        for name, (signal, delay) in sorted(self._taps.items()):
            source = signals[signal]
            commits = signal.startswith("last")  # what is left of a run cut short mustn't write
            b.output(name, b.delay(source, delay, resets=commits, name=signal))
        return infer_widths(b.build())

    def _wire_registers(self, b: Builder, module: Module) -> dict[str, int]:
        return {
            node.name: self._register(b, node.name)
            for node in module.nodes
            if node.op == "input" and node.name in self._bounds
        }

    def _sequencer(self, tail: int) -> Module:
        """Nested counters; ports: counters, events, flags of the held counters, loop masks."""
        b = Builder(f"{self.prefix}_sequencer", "control")
        dims = self.adg.dataflow.temporal
        trips = self.adg.dataflow.trips(self.adg.op)
        running = b.reg((0, 1), name="running")
        left = b.reg((0, tail), name="draining")
        idle_left = b.eq(left, b.const(0))
        busy = b.any([running, b.invert(idle_left)], name="busy_now")
        begin = b.all([b.input("start"), b.invert(busy)], name="begin_now")
        counters = [
            b.reg((0, n - 1), name=f"counter_{d.name}") for d, n in zip(dims, trips, strict=True)
        ]
        last = [
            b.eq(c, self._register(b, f"trip_{d.name}"))
            for c, d in zip(counters, dims, strict=True)
        ]
        zero = [b.eq(c, b.const(0)) for c in counters]
        step = [
            b.all([running, *last[k + 1 :], b.invert(last[k])], name=f"event_{k}")
            for k in range(len(dims))
        ]
        finish = b.all([running, *last], name="finish")
        for k, (counter, trip) in enumerate(zip(counters, trips, strict=True)):
            following = b.mux(
                step[k], b.wrap(b.add(counter, b.const(1)), (0, max(1, trip - 1))), b.const(0)
            )
            b.drive(counter, following, b.any([finish, *step[: k + 1]]))
        b.drive(running, begin, b.any([begin, finish]))
        countdown = b.wrap(b.add(left, b.const(-1)), (0, tail))
        b.drive(left, b.mux(finish, b.const(tail), countdown), b.any([finish, b.invert(idle_left)]))
        done = b.reg((0, 1), name="done_flag")
        b.drive(done, b.invert(begin), b.any([begin, b.eq(left, b.const(1))]))
        b.output("busy", busy)
        b.output("done", done)
        b.output("launch", begin)
        b.output("running", running)
        for k, counter in enumerate(counters):
            b.output(f"step{k}", step[k])
            b.output(f"count{k}", counter)
        for held in range(len(dims) + 1):
            b.output(f"zero{held}", b.all(zero[len(dims) - held :]))
            b.output(f"last{held}", b.all([running, *last[len(dims) - held :]]))
        if isinstance(self.adg.output, OutputPlan):
            b.output("visit", b.all([zero[k] for k in self.adg.output.revisit]))
        self._masks(b, counters)
        return infer_widths(b.build())

    def _masks(self, b: Builder, counters: Sequence[int]) -> None:
        """One comparison per loop on an axis and per coordinate along it but the first, which is
        within the bound in every trip."""
        flow = self.adg.dataflow
        for axis, loop in enumerate(flow.spatial_loops):
            name = self.adg.op.loops[loop].name
            value = b.const(0)
            for k, dim in enumerate(flow.temporal):
                if dim.loop == loop:
                    value = b.times(counters[k], dim.step)
            bound = self._register(b, f"bound_{name}")
            for at in range(1, flow.sizes[axis]):
                b.output(f"valid_{name}_{at}", b.less(b.add(value, b.const(at)), bound))

    def _events(self, b: Builder) -> Events:
        trips = self.adg.dataflow.trips(self.adg.op)
        return Events(
            b.input("launch"),
            tuple(b.input(f"step{k}") for k in range(len(trips))),
            tuple(b.input(f"count{k}", (0, trip - 1)) for k, trip in enumerate(trips)),
        )

    def _agu(self, plan: Plan) -> Module:
        """Address generator; ports `addr`, `addr_J..` (carrying), `digitJ`, `inJ_K`, enables."""
        b = Builder(f"{self.prefix}_agu_{plan.name}", "control")
        events = self._events(b)
        digits, carries = self._digits(b, events, plan)
        rows = {j: self._register(b, f"{plan.name}_row{j}") for j in row_registers(plan)}
        bits = address_bits(plan)
        steps = {k: self._register(b, f"{plan.name}_step{k}") for k in levels(plan)}
        amounts = {
            condition: rows[j] if sign > 0 else b.op(Op.NEG, rows[j])
            for condition, (j, sign) in carries.items()
        }
        base = self._register(b, f"{plan.name}_base")
        address = address_nest(b, events, steps, base, bits, "address", amounts)
        b.output("addr", address)
        span = (0, (1 << bits) - 1)
        if plan.banking.fixed:
            variants = {fixed_bank(plan, fu)[1] for fu in self.adg.data_nodes(plan)}
            for variant in sorted(variants - {()}):
                total = address
                for j in variant:
                    total = b.add(total, rows[j])
                b.output(variant_port(variant), b.wrap(total, span))
        else:
            for j, digit in digits.items():
                b.output(f"digit{j}", digit)
                b.output(f"row{j}", rows[j])
        self._inside(b, events, plan)
        self._enables(b, plan)
        return infer_widths(remove_dead_nodes(b.build()))

    def _digits(
        self, b: Builder, events: Events, plan: Plan
    ) -> tuple[dict[int, int], dict[int, tuple[int, int]]]:
        """Bank digits of the least element, and signed row carries by condition node."""
        digits: dict[int, int] = {}
        carries: dict[int, tuple[int, int]] = {}
        if plan.banking.fixed:
            return digits, carries
        used = levels(plan)
        for j in row_registers(plan):
            g, count = plan.banking.gcds[j], plan.banking.counts[j]
            least = plan.offset[j] + plan.banking.origin[j]
            carry = None
            if g > 1 and any(row_k % g for row_k in plan.time[j]):
                rests = {k: plan.time[j][k] % g for k in used}
                _, carry = digit_nest(b, events, used, rests, least % g, g, f"rest{j}", None)
                carries[carry] = (j, -1)
            parts = {k: plan.time[j][k] // g % count for k in used}
            digits[j], over = digit_nest(
                b, events, used, parts, least // g % count, count, f"digit{j}", carry
            )
            carries[over] = (j, 1)
        return digits, carries

    def _inside(self, b: Builder, events: Events, plan: Plan) -> None:
        """Whether an index lies in the tensor, per dimension that can leave it and per offset."""
        trips = self.adg.dataflow.trips(self.adg.op)
        for j in needs_extent(self.adg, plan, access_of(self.adg, plan)):
            row = plan.time[j]
            low = plan.offset[j] + sum(min(0, c) * (n - 1) for c, n in zip(row, trips, strict=True))
            high = plan.offset[j] + sum(
                max(0, c) * (n - 1) for c, n in zip(row, trips, strict=True)
            )
            value = affine_value(b, events, row, plan.offset[j], (low, high), f"index{j}")
            extent = self._register(b, f"{plan.name}_extent{j}")
            for at in sorted({raw_kappa(plan, fu)[j] for fu in self.adg.data_nodes(plan)}):
                here = b.add(value, b.const(at)) if at else value
                tests = [b.less(here, extent)]
                if low + at < 0:
                    tests.append(b.invert(b.less(here, b.const(0))))
                b.output(inside_port(j, at), b.all(tests))

    def _enables(self, b: Builder, plan: Plan) -> None:
        """`en`: a data node reads; `fetch`: one with delay reuse does; `reuse`: it doesn't."""
        if isinstance(plan, OutputPlan):
            return
        running = b.input("running")
        en = b.all([running, b.input(f"zero{plan.hold}")]) if plan.hold else running
        b.output("en", en)
        if plan.partial is not None:
            steps = plan.partial.steps
            inner = len(self.adg.dataflow.temporal) - 1
            count = b.input(f"count{inner}", (0, self.adg.dataflow.trips(self.adg.op)[inner] - 1))
            if steps > 0:
                reuse = b.invert(b.less(count, b.const(steps)))
            else:
                trip = self._register(b, f"trip_{self.adg.dataflow.temporal[inner].name}")
                reuse = b.invert(b.less(trip, b.add(count, b.const(-steps))))
            b.output("reuse", reuse)
            b.output("fetch", b.all([en, b.invert(reuse)]))


def raw_kappa(plan: Plan, fu: Fu) -> tuple[int, ...]:
    """``F_S s`` per dimension."""
    return tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in plan.space)


def variant_port(carries: tuple[int, ...]) -> str:
    """Port of the address whose bank digit carries in these dimensions."""
    return "addr" + "".join(f"_{j}" for j in carries)


def inside_port(dim: int, kappa: int) -> str:
    """Port of one bounds check."""
    return f"in{dim}_{'m' if kappa < 0 else ''}{abs(kappa)}"
