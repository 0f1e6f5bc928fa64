"""What report.md says of a compiled workload: operations, passes, pipeline registers, warnings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lego.advice import Advice
from lego.ir.workload import Workload

__all__ = ["report_of"]


def report_of(
    workload: Workload, designs: Sequence[Mapping[str, Any]], advice: Sequence[Advice] = ()
) -> str:
    """The report as Markdown; `designs` are the manifest's entries."""
    lines = [f"# {workload.name}", "", *_operations(designs), *_domains(workload), ""]
    lines += _passes(designs)
    for entry in designs:
        if entry["stages"]:
            stages = ", ".join(entry["stages"])
            lines += ["", f"{entry['top']} has pipeline registers for its clock: {stages}."]
    for each in advice:
        lines += ["", f"Warning: {each.text}; {each.hint}."]
    return "\n".join(lines) + "\n"


def _operations(designs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| operation | dataflow | FUs | banks | cycles | utilisation | SRAM words accessed |"
    yield "|---|---|---|---|---|---|---|"
    for entry in designs:
        fus = entry["fus"]
        banks = " ".join(f"{m['name']}:{m['banks']}" for m in entry["memories"])
        for flow in entry["dataflows"]:
            run = flow["program"]
            busy = f"{100 * run['iterations'] / (fus * run['cycles']):.1f} %"
            words = " ".join(f"{name}:{count}" for name, count in run["accesses"].items())
            yield (
                f"| {flow['operation']} | {flow['dataflow']} | {fus} | {banks} "
                f"| {run['cycles']} | {busy} | {words} |"
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


def _passes(designs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| design | pass | registers | register bits | primitives | area without memories, um2 |"
    yield "|---|---|---|---|---|---|"
    for entry in designs:
        for step in entry["passes"]:
            yield f"| {entry['top']} | {' | '.join(str(n) for n in step.values())} |"
