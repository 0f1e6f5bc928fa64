"""When runs start and end: at once while nothing is under way, or out of a queue, one behind the other."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.lower.control.registers import Registers
from lego.back.lower.registers import NEXT
from lego.back.plan.design import DesignPlan
from lego.back.plan.registers import GAP_AFTER, GAP_BEFORE
from lego.back.schedule.latencies import settling
from lego.ir.gaps import moves_on, safe_gap

__all__ = ["FINISHED_BITS", "Starts", "asked_of", "starts_of", "told_by"]

FINISHED_BITS = 8
"""Bits of the number of runs that have ended; fewer are under way at a time than it tells apart."""


def asked_of(design: DesignPlan) -> tuple[str, ...]:
    """What the sequencer is told of starts: the host's; or that the queue took one, that one left it, and
    that the next run changes nothing that is read behind counters and addresses."""
    return ("started", "go", "same") if design.fused.queue else ("start",)


def told_by(design: DesignPlan) -> tuple[str, ...]:
    """What the sequencer tells beside what travels with timestamps.

    `pending`: a start waits for its run; `adopt`: the registers behind it change; `swap`: the others do.
    """
    if not design.fused.queue:
        return "busy", "done"
    halves = ("under_way", "other_half") if design.fused.travels else ()
    return ("busy", "done", "finished", "pending", "adopt", "swap", *halves)


class Starts:
    """Starts while nothing is under way. `running` is set while timestamps are left, `left` counts down to
    the end of the last commit, and `launch` is set in the cycle before the first issue."""

    def __init__(self, b: Builder, design: DesignPlan, tails: Sequence[int]) -> None:
        self.b, self.design, self.tails = b, design, tails
        self.told: dict[str, int] = {}
        self.running = b.reg((0, 1), name="running")
        self.left = b.reg((0, max(tails)), name="draining")
        self.idle_left = b.eq(self.left, b.const(0))
        self.launch = self._launched()

    def _launched(self) -> int:
        b, settle = self.b, settling(self.design)
        warming = [b.wire((0, 1)) for _ in range(settle)]
        busy = b.any([self.running, b.invert(self.idle_left), *warming], name="busy_now")
        self.begin = b.all([b.input("start"), b.invert(busy)], name="begin_now")
        for k, wire in enumerate(warming, start=1):
            b.connect(wire, b.delay(self.begin, k, resets=True, name="begin"))
        self.told["busy"] = busy
        return b.delay(self.begin, settle, resets=True, name="begin")

    def end(self, registers: Registers, finish: int) -> None:
        """What follows from the last issue of a run."""
        b = self.b
        self._drain(finish)
        done = b.reg((0, 1), name="done_flag")
        b.drive(done, b.invert(self.begin), b.any([self.begin, b.eq(self.left, b.const(1))]))
        self.told["done"] = done

    def _drain(self, finish: int) -> tuple[int, int]:
        """Count down after the last issue; returns from where, and the count less one."""
        b, most = self.b, max(self.tails)
        b.drive(self.running, self.launch, b.any([self.launch, finish]))
        tail = self._drains()
        countdown = b.wrap(b.add(self.left, b.const(-1)), (0, most))
        following = b.mux(finish, tail, countdown)
        b.drive(self.left, following, b.any([finish, b.invert(self.idle_left)]))
        return tail, countdown

    def _drains(self) -> int:
        """Cycles from the last issue of a run until nothing of it is on its way."""
        return self.b.choose([self.b.const(tail) for tail in self.tails])


class _Queued(Starts):
    """Starts out of the queue.

    While nothing is under way, a start first lets the registers change that are read behind counters and
    addresses, and waits until they have settled. If it changes none of them, it may as well follow the run
    before it at once, or while that one's tail is on its way. The longest tail of all dataflows counts: what
    the control said of a run would act once more under a dataflow with a longer one.
    """

    def _launched(self) -> int:
        self.pending = self.b.reg((0, 1), name="pending")
        return self.b.wire((0, 1))

    def end(self, registers: Registers, finish: int) -> None:
        b, still = self.b, self.b.invert(self.running)
        drained = b.less(self.left, b.const(2))
        adopt, fresh = self._adopted(b.all([still, drained]))
        tailing = b.all([still, b.invert(drained)])
        apart = self._apart(registers, finish)
        same = b.all([self.pending, b.input("same"), b.any([finish, tailing]), *apart])
        swap = b.any([fresh, same], name="swap_now")
        b.connect(self.launch, swap)
        go = b.input("go")
        b.drive(self.pending, go, b.any([go, swap]))
        tail, countdown = self._drain(finish)
        self.told |= {"pending": self.pending, "adopt": adopt, "swap": swap}
        self._count(finish)
        if self.design.fused.travels:
            remains = b.mux(finish, tail, b.mux(self.idle_left, b.const(0), countdown))
            self._follow_halves(registers, swap, remains)

    def _drains(self) -> int:
        return self.b.const(max(self.tails))

    def _adopted(self, idle: int) -> tuple[int, int]:
        """When registers behind change, and when they have settled."""
        b, cycles = self.b, settling(self.design) + 1
        warming = [b.wire((0, 1)) for _ in range(cycles)]
        adopt = b.all([self.pending, idle, *map(b.invert, warming)], name="adopt_now")
        for k, wire in enumerate(warming, start=1):
            b.connect(wire, b.delay(adopt, k, resets=True, name="adopt"))
        return adopt, warming[-1]

    def _apart(self, registers: Registers, finish: int) -> list[int]:
        """Whether the run that ended last and the next are far enough apart."""
        b, adgs = self.b, self.design.adgs
        most = max(map(safe_gap, adgs))
        if not any(name in registers for name in (GAP_AFTER, GAP_BEFORE)):
            return []
        span = (0, most)
        since = b.reg(span, name="since")
        now = b.mux(finish, b.const(0), since)
        grown = b.wrap(b.add(now, b.const(1)), span)
        b.drive(since, grown, b.any([finish, b.invert(b.eq(since, b.const(most)))]))
        found = []
        if GAP_AFTER in registers:
            after = registers.bring(GAP_AFTER)
            exact = [
                b.any([b.eq(now, after), b.invert(b.less(now, b.const(safe_gap(adg))))])
                if moves_on(adg)
                else b.invert(b.less(now, after))
                for adg in adgs
            ]
            found.append(b.choose(exact))
        if GAP_BEFORE in registers:
            found.append(b.invert(b.less(now, registers.bring(GAP_BEFORE, NEXT))))
        return found

    def _ended(self, finish: int) -> int:
        """Whether a run ends: its last issue, a tail later, which enters a line where so much is left."""
        b, line = self.b, self.b.const(0)
        for left in range(max(self.tails), 0, -1):
            here = b.choose([b.const(int(tail == left)) for tail in self.tails])
            enters = [finish] if here == b.const(1) else [finish, here]
            if left in self.tails:
                line = b.any([line, b.all(enters)]) if line != b.const(0) else b.all(enters)
            line = b.delay(line, 1, resets=True, name="end")
        return line

    def _count(self, finish: int) -> None:
        """How many runs are owed, and how many have ended."""
        b, started = self.b, self.b.input("started")
        ended = self._ended(finish)
        span = (0, self.design.fused.queue + 2 + max(self.tails))
        owed = b.reg(span, name="owed")
        counted = b.mux(started, b.add(owed, b.const(1)), b.add(owed, b.const(-1)))
        only = [b.all([started, b.invert(ended)]), b.all([ended, b.invert(started)])]
        b.drive(owed, b.wrap(counted, span), b.any(only))
        done = b.reg((0, 1), name="done_flag")
        last = b.all([ended, b.eq(owed, b.const(1))])
        b.drive(done, b.invert(started), b.any([started, last]))
        whole = (0, (1 << FINISHED_BITS) - 1)
        finished = b.reg(whole, name="finished")
        b.drive(finished, b.wrap(b.add(finished, b.const(1)), whole), ended)
        busy = b.invert(b.eq(owed, b.const(0)))
        self.told |= {"busy": busy, "done": done, "finished": finished}

    def _follow_halves(self, registers: Registers, swap: int, remains: int) -> None:
        """Whether runs are under way, in the half of the last of them, and in the other.

        `remains`: cycles until the last commit of the runs before one that begins.
        """
        b, span = self.b, (0, max(self.tails))
        half, ahead = registers.bring("half"), registers.bring("half", NEXT)
        changes = b.all([swap, b.invert(b.eq(half, ahead))])
        other = b.reg(span, name="other_draining")
        counting = b.invert(b.eq(other, b.const(0)))
        less = b.wrap(b.add(other, b.const(-1)), span)
        b.drive(other, b.mux(changes, remains, less), b.any([changes, counting]))
        # what is left when the last commit has ended, if other dataflows' tails are longer
        rest = b.choose([b.const(span[1] - tail) for tail in self.tails])
        under_way = b.any([self.running, b.less(rest, self.left)])
        self.told |= {"under_way": under_way, "other_half": b.less(rest, other)}


def starts_of(b: Builder, design: DesignPlan, tails: Sequence[int]) -> Starts:
    """How runs of a design start."""
    return (_Queued if design.fused.queue else Starts)(b, design, tails)
