"""What the control tells an FU: whether operands are new, masks hold, and sums start anew."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.lower.taps import Tap, Taps
from lego.back.plan.array import ports
from lego.back.plan.array.fu_kind import FuKind, Pick, PortKind, mask_numbers, mask_signal
from lego.back.plan.array.sums import accumulates_held
from lego.back.plan.design import DesignPlan
from lego.back.plan.room import first_port
from lego.back.plan.signals import fetch_port
from lego.back.schedule.times import Schedule
from lego.ir.adg import Fu, InputPlan
from lego.ir.fused import MemoryPlan

__all__ = ["Told"]

ALWAYS = Tap("", 1)
"""True in every cycle."""


class Told:
    """Brings taps to FUs; under several dataflows, those of the running one."""

    def __init__(self, b: Builder, design: DesignPlan, times: Schedule, taps: Taps) -> None:
        self.b, self.design, self.times, self.taps = b, design, times, taps

    def operand(self, buffer: MemoryPlan, port: PortKind, fu: Fu) -> dict[str, int]:
        """Whether a data node's value is new, and which delay reuses hold, by port."""
        at, name = buffer.index, buffer.name
        loads: list[Tap | None] = []
        reuses: dict[int, list[Tap | None]] = {}
        each_layer = zip(self.design.adgs, buffer.plans, port.picks, strict=True)
        for k, (adg, plan, choice) in enumerate(each_layer):
            loads.append(None)
            if isinstance(plan, InputPlan) and choice and choice[0] is not Pick.LINK:
                cycle = self.times.operand[at] + adg.dataflow.skew(fu)
                held = choice[0] is Pick.HOLD
                loads[-1] = Tap(f"{name}_{fetch_port(())}", cycle) if held else ALWAYS
                for number, _ in choice[1]:
                    each = reuses.setdefault(number, [None] * len(self.design.adgs))
                    each[k] = Tap(f"{name}_reuse{number}", cycle)
        wires = {}
        if any(choice and choice[0] is Pick.HOLD for choice in port.picks):
            wires[ports.load(at, name).name] = self._told(loads)
        return wires | {
            ports.reuse(at, name, k).name: self._told(taps) for k, taps in reuses.items()
        }

    def masks(self, kind: FuKind, fu: Fu) -> dict[str, int]:
        """Whether the FU is within the loops, by port."""
        return {
            ports.mask(number).name: self._mask(kind, number, fu)
            for number in mask_numbers(kind.masks)
        }

    def _mask(self, kind: FuKind, number: int, fu: Fu) -> int:
        taps: list[Tap | None] = []
        for adg, mask in zip(self.design.adgs, kind.masks, strict=True):
            if mask is None:
                taps.append(None)
            elif number in mask:
                at = self.times.valid[number] + adg.dataflow.skew(fu)
                taps.append(Tap(mask_signal(adg, number, fu), at))
            else:
                taps.append(ALWAYS)
        return self._told(taps)

    def first(self, kind: FuKind, fu: Fu) -> int:
        """Whether a root's accumulator starts anew."""
        taps: list[Tap | None] = []
        for k, (adg, part) in enumerate(zip(self.design.adgs, kind.sums, strict=True)):
            tap = None
            if part is not None and part.root:
                at = self.times.totals[k] + adg.dataflow.skew(fu)
                anew = first_port(self.design.results, adg.output)
                tap = Tap(anew, at) if accumulates_held(adg) else ALWAYS
            taps.append(tap)
        return self._told(taps)

    def _told(self, taps: Sequence[Tap | None]) -> int:
        """What control says under the running dataflow.

        Where dataflows differ, the choice is made a cycle earlier and a register follows, which can
        be copied: many FUs are told the same.
        """
        early = len(set(taps) - {None}) > 1 and all(tap is None or tap.delay for tap in taps)
        told = [None if tap is None else self._brought(tap, early) for tap in taps]
        return self.b.delay(self.b.choose(told), int(early))

    def _brought(self, tap: Tap, early: bool) -> int:
        if tap == ALWAYS:
            return self.b.const(1)
        return self.taps.bring(self.b, tap.signal, tap.delay - early)
