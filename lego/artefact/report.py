"""What report.md says of a compiled workload: operations, passes, pipeline registers, warnings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from lego.advice import Advice
from lego.ir.device import Device
from lego.ir.workload import Workload

__all__ = ["report_of"]


def report_of(
    workload: Workload,
    devices: Sequence[Device],
    passes: Mapping[str, Sequence[Mapping[str, int | str]]],
    advice: Sequence[Advice] = (),
) -> str:
    """The report as Markdown; `passes` are the manifest's."""
    lines = [f"# {workload.name}", "", *_operations(devices), *_domains(workload), ""]
    lines += _passes(passes)
    for device in devices:
        if device.stages:
            stages = ", ".join(device.stages)
            lines += ["", f"{device.top} has pipeline registers for its clock: {stages}."]
    for each in advice:
        lines += ["", f"Warning: {each.text}; {each.hint}."]
    return "\n".join(lines) + "\n"


def _operations(devices: Sequence[Device]) -> Iterator[str]:
    yield "| operation | dataflow | FUs | banks | cycles | utilisation | SRAM words accessed |"
    yield "|---|---|---|---|---|---|---|"
    for device in devices:
        banks = " ".join(f"{memory.name}:{memory.banks_text}" for memory in device.memories)
        for flow in device.dataflows:
            run = flow.program
            busy = f"{100 * run.iterations / (device.fus * run.cycles):.1f} %"
            words = " ".join(f"{name}:{count}" for name, count in run.accesses.items())
            yield (
                f"| {flow.operation} | {flow.about} | {device.fus} | {banks} "
                f"| {run.cycles} | {busy} | {words} |"
            )


def _domains(workload: Workload) -> Iterator[str]:
    """What of each operation's box its inequalities leave."""
    for op in workload.operations:
        if op.domain:
            names = [loop.name for loop in op.loops]
            limits = ", ".join(each.describe(names) for each in op.domain)
            box = math.prod(op.extents)
            masked = 100 * (box - op.iterations) / box
            yield ""
            kept = f"{op.iterations} of {box} iterations have {limits}"
            yield f"{op.name}: {kept}; the other {masked:.1f}% are masked."


def _passes(passes: Mapping[str, Sequence[Mapping[str, int | str]]]) -> Iterator[str]:
    yield "| design | pass | registers | register bits | primitives | area without memories, um2 |"
    yield "|---|---|---|---|---|---|"
    for top, steps in passes.items():
        for step in steps:
            yield f"| {top} | {' | '.join(str(n) for n in step.values())} |"
