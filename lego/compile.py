"""The whole path from a workload to the files of its accelerators."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from lego import __version__
from lego.advice import Advice, advice_of
from lego.artefact.handoff import check_apart, handoff_files
from lego.artefact.host_files import host_files
from lego.artefact.manifest import DEVICES, SCHEMA, Manifest
from lego.artefact.report import report_of
from lego.artefact.waivers import TB_WAIVERS
from lego.back.backend import lower
from lego.back.describe import describe
from lego.back.lower.core import Lowered
from lego.back.pipeline import DEFAULT, Options, Step, check_runs, chosen
from lego.back.plan.design import DesignPlan, plan_of
from lego.designs import designs_of
from lego.device.build import with_engines
from lego.device.chip import Chip
from lego.device.compile import compiled, is_whole
from lego.device.files import program_files
from lego.device.split import split
from lego.formulas import formulas
from lego.heap import HARDLY, rarely_collected
from lego.ir.checks.check import check
from lego.ir.device import Device, Engines, devices_to_json
from lego.ir.fused import FusedAdg, Method
from lego.ir.sram import SramMap
from lego.ir.vector.chain import Chain
from lego.ir.workload import Workload
from lego.program import configure
from lego.tell import Tell, silent

__all__ = ["compile_workload", "device_of"]

TOOLS = ("amaranth", "pyosys", "islpy", "pulp", "highspy", "sympy")


@rarely_collected(HARDLY)
def compile_workload(
    workload: Workload,
    *,
    source: bytes,
    beside: Mapping[str, bytes] | None = None,
    dump: bool = False,
    fusion: Method = Method.EXACT,
    options: Options = DEFAULT,
    dump_after: str | None = None,
    watch: Callable[[str, Step], None] | None = None,
    testbench: Callable[[str, Sequence[Device]], str] | None = None,
    advise: Callable[[Advice], None] | None = None,
    tell: Tell = silent,
    sram_map: SramMap | None = None,
    weight_seed: int = 0,
) -> dict[str, bytes]:
    """Files of the artefact folder: Verilog, architecture, manifest, report.

    `source` is the workload's text, `beside` holds files that it names.

    Byte-identical for the same workload text, fusion, options and versions. `dump` adds the IRs as text,
    `dump_after` the graph after that pass; `watch` is told each design's name and every pass. `testbench`
    makes tb.sv from the workload's name and the devices. `advise` hears what is legal but probably not meant,
    before the long work; `tell` hears of the stages. `sram_map` has macros that memories are made of, not
    models; `weight_seed` is for parameters of a device. Raises E105 if designs have modules of one name, E132
    if no macros make a memory, E133 if one is named like a module, E904 for passes that don't exist.
    """
    from lego.back.sram.files import sram_files

    if dump_after is not None:
        check_runs(dump_after, options)
    array, chains = _parts_of(workload)
    fused_designs = designs_of(array, fusion, tell)
    advice = advice_of(fused_designs, workload.architecture)
    if advise is not None:
        for each in advice:
            advise(each)
    testbench = None if chains else testbench
    benched = [fused.name for fused in fused_designs] if testbench is not None else []
    job = _Job(options, benched, dump, dump_after, watch, tell, sram_map, chains)
    files = dict(beside or {}) | {"workload.yaml": source}
    devices: list[Device] = []
    passes: dict[str, list[dict[str, int | str]]] = {}
    for fused in fused_designs:
        made = _compiled(fused, job)
        files |= made.files
        devices.append(made.device)
        passes[fused.name] = [step.to_json() for step in made.steps]
    if chains and is_whole(workload):
        files |= _program(workload, Chip(fused_designs[0], devices[0]), weight_seed, tell)
    check_apart(devices)
    files |= sram_files(devices, sram_map)
    if testbench is not None:
        bench = testbench(workload.name, devices).encode()
        files |= {"tb.sv": bench, "tb.vlt": TB_WAIVERS.encode()}
    files["report.md"] = report_of(workload, devices, passes, advice).encode()
    files |= host_files(devices)
    files[DEVICES] = devices_to_json(devices).encode()
    files["manifest.json"] = _manifest(workload.name, options, files, passes)
    return files


def _manifest(
    name: str,
    options: Options,
    files: Mapping[str, bytes],
    passes: dict[str, list[dict[str, int | str]]],
) -> bytes:
    """The text of manifest.json."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    versions = {"lego": __version__} | {tool: _version(tool) for tool in TOOLS}
    manifest = Manifest(SCHEMA, name, options.clock_ps, versions, digests, passes)
    return manifest.to_json().encode()


def _program(workload: Workload, chip: Chip, seed: int, tell: Tell) -> dict[str, bytes]:
    """Files of the program that runs all operations."""
    made = compiled(chip, workload, seed=seed, tell=tell)
    return program_files(made.program, made.source)


@dataclass(frozen=True, slots=True)
class _Job:
    """How designs are compiled, and who watches."""

    options: Options
    benched: Sequence[str]
    dump: bool
    dump_after: str | None
    watch: Callable[[str, Step], None] | None
    tell: Tell
    sram_map: SramMap | None
    chains: Sequence[Chain]


@dataclass(frozen=True, slots=True)
class _Made:
    """What one design became."""

    files: dict[str, bytes]
    device: Device
    steps: Sequence[Step]


def _compiled(fused: FusedAdg, job: _Job) -> _Made:
    from lego.back.rtl.verilog import to_verilog

    name, steps = fused.name, list[Step]()
    if job.options.verify:
        check(fused)
    plan = plan_of(fused)
    lowered = lower(plan, job.options, steps.append, job.tell)
    files: dict[str, bytes] = {}
    for step in steps:
        if job.watch is not None:
            job.watch(name, step)
        if job.dump_after is not None and step.name in (job.dump_after, f"no {job.dump_after}"):
            files[f"{name}.{job.dump_after}.dag.txt"] = f"{step.dag}\n".encode()
    job.tell(f"Verilog of {name}", 0, 0)
    engines = None
    if fused.engines:
        lowered, engines = with_engines(plan, lowered, job.chains, job.options)
    device = device_of(plan, lowered, job.sram_map, engines)
    verilog = to_verilog(lowered.dag, [macro.module for macro in device.srams])
    files[f"{name}.v"] = verilog.encode()
    many = len(fused.layers)
    about = f"{fused.n_fus} functional units, {many} dataflow{'s' if many > 1 else ''}"
    pruned = "dead" in chosen(job.options)
    files |= handoff_files(
        lowered.dag, device, verilog, about, job.benched, job.options.clock_ps, pruned=pruned
    )
    files[f"{name}.adg.json"] = fused.to_json().encode()
    if job.dump:
        files[f"{name}.adg.txt"] = f"{fused}\n".encode()
        files[f"{name}.dag.txt"] = f"{lowered.dag}\n".encode()
        files[f"{name}.schedule.txt"] = f"{lowered.times}\n".encode()
    if job.options.verify:
        check(device)
    return _Made(files, device, steps)


def _parts_of(workload: Workload) -> tuple[Workload, tuple[Chain, ...]]:
    """What the array is made for, and the chains of the vector engine, if the chip has one."""
    return split(workload) if workload.architecture.engines else (workload, ())


def device_of(
    plan: DesignPlan,
    lowered: Lowered,
    sram_map: SramMap | None = None,
    engines: Engines | None = None,
) -> Device:
    """The device of a design, with programs at the full bounds, and closed forms."""
    tails = lowered.times.tails
    programs = [configure(plan, dataflow=k, tail=tail) for k, tail in enumerate(tails)]
    closed = [formulas(plan, dataflow=k, tail=tail) for k, tail in enumerate(tails)]
    return describe(plan, lowered, programs, closed, sram_map, engines)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
