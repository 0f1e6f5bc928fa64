"""Control: one sequencer, one address generator per memory, and delay lines with taps.

Counters and address generators are shared by all dataflows: steps and bounds are registers, and what
differs in structure is chosen by the dataflow id. Signals are made once, for FUs without skew;
whoever needs one later takes a tap.
"""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.lower.control.agu import build_agu
from lego.back.lower.control.enables import served
from lego.back.lower.control.registers import Registers
from lego.back.lower.control.sequencer import build_sequencer
from lego.back.lower.control.starts import asked_of, told_by
from lego.back.lower.taps import Taps
from lego.back.plan.design import DesignPlan
from lego.back.plan.signals import Signal, events_of, fetch_port
from lego.back.schedule.times import Schedule
from lego.ir.dag import Module, Op

__all__ = ["LoweredControl", "lower_control"]


@dataclass(frozen=True, slots=True)
class LoweredControl:
    """The control's module, and those that it holds; one address generator per memory."""

    module: Module
    sequencer: Module
    agus: tuple[Module, ...]


def lower_control(design: DesignPlan, times: Schedule, taps: Taps) -> LoweredControl:
    """The control module with all taps asked for."""
    fused, late = design.fused, times.stages.events
    sequencer = build_sequencer(design, times.tails)
    b = Builder(f"{fused.name}_control", "control", len(fused.layers))
    registers = Registers(b, design)
    wires = {name: b.input(name) for name in asked_of(design)} | registers.wires(sequencer)
    outs = b.instance(sequencer, "sequencer", wires)
    acting = events_of(fused.n_counters)
    signals = {port: Signal(node, port in acting) for port, node in outs.items()}
    status = {port: signals.pop(port).node for port in told_by(design)}
    if late:
        signals = _late(b, signals, fused.n_counters)
    asked = frozenset(tap.signal for tap in taps.asked.values())
    agus = []
    for buffer in design.buffers:
        agu = build_agu(design, buffer, asked, late=late, narrow=times.narrow)
        agus.append(agu)
        wires = {
            node.name: signals[node.name].node
            for node in agu.nodes
            if node.op is Op.INPUT and node.name in signals
        }
        outs = b.instance(agu, f"agu_{buffer.name}", wires | registers.wires(agu, late=late))
        acting = frozenset(fetch_port(numbers) for numbers in ((), *served(design, buffer)))
        signals |= {
            f"{buffer.name}_{port}": Signal(node, port in acting) for port, node in outs.items()
        }
    for port, node in status.items():
        b.output(port, node)
    for name, tap in taps.asked.items():
        source = signals[tap.signal]
        b.output(name, b.delay(source.node, tap.delay, resets=source.acts, name=tap.signal))
    return LoweredControl(infer_widths(b.build()), sequencer, tuple(agus))


def _late(b: Builder, signals: dict[str, Signal], counters: int) -> dict[str, Signal]:
    """The sequencer's signals a cycle later, and for every event whether no counter outside steps."""
    outer = [signals[f"step{k}"].node for k in range(counters)]
    signals |= {f"still{k}": Signal(b.invert(b.any(outer[:k]))) for k in range(counters)}
    return {
        name: Signal(b.delay(s.node, 1, resets=s.acts, name=f"{name}_late"), s.acts)
        for name, s in signals.items()
    }
