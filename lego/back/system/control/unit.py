"""Sequencer, gates and semaphores as one module: programs in, registers and starts of engines out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.control.gate import build_gate
from lego.back.system.control.semaphores import build_semaphores
from lego.back.system.control.sequencer import build_sequencer
from lego.ir.commands import ENGINES
from lego.ir.dag import Module, Op

__all__ = ["build_control"]

_Outputs = Mapping[str, int]
_INNER = ("done", "starved", "blocked")


def build_control(
    prefix: str,
    *,
    chip: int,
    registers: Sequence[int],
    sources: Sequence[str] = ("read", "write"),
    depth: int = 16,
    runs: int = 8,
) -> tuple[Module, ...]:
    """The module `PREFIX_control`, the last one, and those that it holds.

    Parameters
    ----------
    chip, registers, sources : as of `build_sequencer`; depth, runs : as of `build_gate`.

    Ports
    -----
    Those of the sequencer, without queues, idle engines and `done`; and per engine E, 0 to 3:
    eE_write, eE_register, eE_value, eE_start, eE_ready, eE_done, eE_idle : as of its gate.
    engine_indexE : commands that engine E was given since the program began.
    semaphores : all counters, 4 bits each, the first lowest.
    stall_semaphore, stall_queue, stall_fetch : a start waits for semaphores only; a command for room in
        its queue; the program for its next word.
    """
    held = build_sequencer(prefix, chip=chip, registers=registers, sources=sources)
    gate, semaphores = build_gate(prefix, depth=depth, runs=runs), build_semaphores(prefix)
    b = Builder(f"{prefix}_control", "control")
    wires = {
        name: [b.wire((0, 1)) for _ in range(ENGINES)] for name in ("ready", "idle", "granted")
    }
    sequencer = _sequencer(b, held[-1], wires)
    each = [_gate(b, gate, e, sequencer, wires["granted"][e]) for e in range(ENGINES)]
    for e, found in enumerate(each):
        b.connect(wires["ready"][e], found["in_ready"])
        b.connect(wires["idle"][e], found["idle"])
    given = {"clear": sequencer["clear"]}
    for e, found in enumerate(each):
        given |= {f"wait{e}": found["wait_mask"], f"start{e}": found["e_start"]}
        given[f"signal{e}"] = found["signal_mask"]
    counted = b.instance(semaphores, "semaphores", given)
    for e in range(ENGINES):
        b.connect(wires["granted"][e], counted[f"granted{e}"])
    b.output("semaphores", counted["levels"])
    b.output("stall_semaphore", b.any([found["held_up"] for found in each]))
    return (*held, gate, semaphores, infer_widths(b.build()))


def _sequencer(b: Builder, module: Module, wires: Mapping[str, Sequence[int]]) -> _Outputs:
    """The sequencer; what isn't for the gates goes outside."""
    given = {"done": b.any([b.input(f"e{e}_done") for e in range(ENGINES)])}
    for e in range(ENGINES):
        given |= {f"q{e}_ready": wires["ready"][e], f"e{e}_idle": wires["idle"][e]}
    for node in module.nodes:
        if node.op is Op.INPUT and node.name not in given:
            given[node.name] = b.input(node.name, node.range)
    found = b.instance(module, "sequencer", given)
    for name, said in found.items():
        if not name.startswith("q") and name not in _INNER:
            b.output(name, said)
    b.output("stall_queue", found["blocked"])
    b.output("stall_fetch", found["starved"])
    return found


def _gate(b: Builder, module: Module, e: int, sequencer: _Outputs, granted: int) -> _Outputs:
    """The gate of engine `e`, between the sequencer's queue and the engine."""
    given = {"halt": sequencer["halt"], "clear": sequencer["clear"], "granted": granted}
    for name in ("valid", "start", "register", "value"):
        given[f"in_{name}"] = sequencer[f"q{e}_{name}"]
    given["e_accepts"] = b.const(1)
    for name in ("ready", "done", "idle"):
        given[f"e_{name}"] = b.input(f"e{e}_{name}")
    found = b.instance(module, f"gate{e}", given)
    for name in ("write", "register", "value", "start"):
        b.output(f"e{e}_{name}", found[f"e_{name}"])
    b.output(f"engine_index{e}", found["passed"])
    return found
