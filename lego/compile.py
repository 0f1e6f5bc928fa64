"""The whole path from a workload to the files of its accelerators."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lego import __version__
from lego.advice import Advice, advice_of
from lego.artefact.entry import design_entry
from lego.artefact.handoff import TB_WAIVERS, check_apart, handoff_files
from lego.artefact.report import report_of
from lego.back.backend import lower
from lego.back.pipeline import DEFAULT, Options, Step, check_runs, chosen
from lego.back.plan.design import plan_of
from lego.designs import designs_of
from lego.heap import rarely_collected
from lego.ir.fused import Method
from lego.ir.workload import Workload
from lego.tell import Tell, silent

__all__ = ["compile_workload"]

SCHEMA = "lego/manifest/2"
TOOLS = ("amaranth", "pyosys", "islpy", "pulp", "highspy")


@rarely_collected()
def compile_workload(
    workload: Workload,
    *,
    source: bytes,
    dump: bool = False,
    fusion: Method = Method.EXACT,
    options: Options = DEFAULT,
    dump_after: str | None = None,
    watch: Callable[[str, Step], None] | None = None,
    testbench: Callable[[str, Sequence[Mapping[str, Any]]], str] | None = None,
    advise: Callable[[Advice], None] | None = None,
    tell: Tell = silent,
) -> dict[str, bytes]:
    """Files of the artefact folder: Verilog, architecture, manifest, report.

    Byte-identical for the same workload text, fusion, options and versions. `dump` adds the IRs as text,
    `dump_after` the graph after that pass; `watch` is told each design's name and every pass. `testbench`
    makes tb.sv from the workload's name and the designs' manifest entries. `advise` hears what is legal but
    probably not meant, before the long work; `tell` hears of the stages. Raises E105 if designs have modules
    of one name, E904 for passes that don't exist.
    """
    from lego.back.rtl.verilog import to_verilog

    files: dict[str, bytes] = {"workload.yaml": source}
    designs = []
    if dump_after is not None:
        check_runs(dump_after, options)
    fused_designs = designs_of(workload, fusion, tell)
    advice = advice_of(fused_designs, workload.architecture)
    if advise is not None:
        for each in advice:
            advise(each)
    benched = [fused.name for fused in fused_designs] if testbench is not None else []
    for fused in fused_designs:
        steps: list[Step] = []
        plan = plan_of(fused)
        lowered = lower(plan, options, steps.append, tell)
        for step in steps:
            if watch is not None:
                watch(fused.name, step)
            if dump_after is not None and step.name in (dump_after, f"no {dump_after}"):
                files[f"{fused.name}.{dump_after}.dag.txt"] = f"{step.dag}\n".encode()
        tell(f"Verilog of {fused.name}", 0, 0)
        files[f"{fused.name}.v"] = to_verilog(lowered.dag).encode()
        many = len(fused.layers)
        about = f"{fused.n_fus} functional units, {many} dataflow{'s' if many > 1 else ''}"
        files |= handoff_files(
            lowered.dag, about, benched, options.clock_ps, pruned="dead" in chosen(options)
        )
        files[f"{fused.name}.adg.json"] = fused.to_json().encode()
        if dump:
            files[f"{fused.name}.adg.txt"] = f"{fused}\n".encode()
            files[f"{fused.name}.dag.txt"] = f"{lowered.dag}\n".encode()
            files[f"{fused.name}.schedule.txt"] = f"{lowered.times}\n".encode()
        passes = [step.to_json() for step in steps]
        designs.append(design_entry(plan, lowered) | {"passes": passes})
    check_apart(designs)
    if testbench is not None:
        files["tb.sv"] = testbench(workload.name, designs).encode()
        files["tb.vlt"] = TB_WAIVERS.encode()
    files["report.md"] = report_of(workload, designs, advice).encode()
    files["manifest.json"] = _manifest(workload, designs, files, options.clock_ps)
    return files


def _manifest(
    workload: Workload,
    designs: list[dict[str, Any]],
    files: dict[str, bytes],
    clock: int | None,
) -> bytes:
    manifest = {
        "schema": SCHEMA,
        "name": workload.name,
        "clock_ps": clock,
        "versions": {"lego": __version__} | {tool: _version(tool) for tool in TOOLS},
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        "designs": designs,
    }
    return (json.dumps(manifest, indent=1) + "\n").encode()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
