"""The whole path from a workload to the files of its accelerators."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lego import __version__
from lego.advice import Advice, advice_of
from lego.back.lower_top import host_map, lower
from lego.back.measure import counts_of
from lego.back.pipeline import DEFAULT, Options, Step, check_runs, chosen
from lego.back.registers import register_specs
from lego.back.timing import Schedule
from lego.diag import LegoError
from lego.front.architecture import build_adg
from lego.front.fusion import fuse
from lego.front.legality import check_memories
from lego.handoff import TB_WAIVERS, check_apart, handoff_files
from lego.heap import rarely_collected
from lego.ir.adg import Adg
from lego.ir.dag import Dag, Op
from lego.ir.expr import Binary, BinaryOp, Expr, Unary
from lego.ir.fused import FusedAdg, Method
from lego.ir.workload import Workload
from lego.mapping.strip_mine import dataflow_of
from lego.program import Program, configure
from lego.report import report_of
from lego.tell import Tell, silent

__all__ = [
    "adgs_of",
    "compile_workload",
    "designs_of",
    "draw",
    "explain",
    "find_dataflows",
    "load_design",
    "names_of",
    "program",
]

SCHEMA = "lego/manifest/2"
TOOLS = ("amaranth", "pyosys", "islpy", "pulp", "highspy")


def adgs_of(workload: Workload, tell: Tell = silent) -> list[Adg]:
    """The architecture of every dataflow of every operation by itself, in program order; `tell` hears of each."""
    found = []
    for op, specs in zip(workload.operations, workload.dataflows, strict=True):
        for spec in specs or (None,):
            found.append((op, dataflow_of(op, spec, workload.architecture)))
    counters = max(len(flow.temporal) for _, flow in found)
    axes = max(len(flow.sizes) for _, flow in found)
    many = {op.name for op, specs in zip(workload.operations, workload.dataflows, strict=True) if len(specs) > 1}  # fmt: skip
    adgs = []
    for k, (op, flow) in enumerate(found):
        tell(f"links and banks of {op.name}.{flow.name}", k, len(found))
        name = f"{workload.name}_{op.name}" + (f"_{flow.name}" if op.name in many else "")
        if workload.architecture.fused:
            flow = flow.aligned(counters, axes)
        adgs.append(build_adg(name, op, workload.tensors, flow, workload.architecture.read_cost))
    return adgs


def designs_of(
    workload: Workload, method: Method = Method.EXACT, tell: Tell = silent
) -> list[FusedAdg]:
    """The designs to build: one that runs everything, or one per dataflow if not fused; `tell` hears of the stages."""
    adgs = adgs_of(workload, tell)
    tell("fusion", 0, 0)
    if len(adgs) == 1 or not workload.architecture.fused:
        found = [fuse(adg.name, [adg]) for adg in adgs]
    else:
        found = [fuse(workload.name, adgs, method)]
    for fused in found:
        for layer in fused.layers:
            check_memories(layer.adg, dict(workload.architecture.memory_bits))
    halves = 2 if workload.architecture.double_buffer else 1
    dma_bits = workload.architecture.dma_bits
    return [replace(fused, halves=halves, dma_bits=dma_bits) for fused in found]


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

    Byte-identical for the same workload text, fusion, options and versions. `dump` adds the IRs as
    text, `dump_after` the graph after that pass; `watch` is told each design's name and every pass. `testbench` makes
    tb.sv from the workload's name and the designs' manifest entries. `advise` hears what is legal but probably not
    meant, before the long work; `tell` hears of the stages. Raises E105 if designs have
    modules of one name, E904 for passes that don't exist.
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
        dag, times = lower(fused, options, steps.append, tell)
        for step in steps:
            if watch is not None:
                watch(fused.name, step)
            if dump_after is not None and step.name in (dump_after, f"no {dump_after}"):
                files[f"{fused.name}.{dump_after}.dag.txt"] = f"{step.dag}\n".encode()
        tell(f"Verilog of {fused.name}", 0, 0)
        files[f"{fused.name}.v"] = to_verilog(dag).encode()
        many = len(fused.layers)
        about = f"{fused.n_fus} functional units, {many} dataflow{'s' if many > 1 else ''}"
        files |= handoff_files(
            dag, about, benched, options.clock_ps, pruned="dead" in chosen(options)
        )
        files[f"{fused.name}.adg.json"] = fused.to_json().encode()
        if dump:
            files[f"{fused.name}.adg.txt"] = f"{fused}\n".encode()
            files[f"{fused.name}.dag.txt"] = f"{dag}\n".encode()
            files[f"{fused.name}.schedule.txt"] = f"{times}\n".encode()
        passes = [step.to_json() for step in steps]
        designs.append(design_entry(fused, dag, times) | {"passes": passes})
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


def design_entry(fused: FusedAdg, dag: Dag, times: Schedule) -> dict[str, Any]:
    """Manifest entry of one design."""
    host = host_map(fused)
    return {
        "top": fused.name,
        "verilog": f"{fused.name}.v",
        "array": list(fused.sizes),
        "fus": fused.n_fus,
        "host": {
            "address_bits": host.address_bits,
            "data_bits": host.data_bits,
            "mask_bits": host.mask_bits,
            "read_latency": 2,
        },
        "registers": [
            {"name": spec.name, "address": i, "bits": spec.bits, "about": spec.about}
            for i, spec in enumerate(register_specs(fused))
        ],
        "memories": _memories(fused),
        "stages": [name for name, there in asdict(times.stages).items() if there],
        "macros": _macros(dag),
        "modules": {module.name: module.category for module in dag.modules},
        "dataflows": [
            {
                "id": k,
                "operation": layer.adg.op.name,
                "name": layer.adg.dataflow.name,
                "dataflow": layer.adg.dataflow.describe(layer.adg.op),
                "macs_per_fu": _multiplications(layer.adg.op.body),
                "tail": times.tails[k],
                "program": configure(fused, dataflow=k, tail=times.tails[k]).to_json(),
            }
            for k, layer in enumerate(fused.layers)
        ],
    }


def _multiplications(expr: Expr) -> int:
    match expr:
        case Binary(op, left, right):
            return (op is BinaryOp.MUL) + _multiplications(left) + _multiplications(right)
        case Unary(_, arg):
            return _multiplications(arg)
    return 0


def _memories(fused: FusedAdg) -> list[dict[str, Any]]:
    from lego.back.builder import index_bits
    from lego.back.registers import address_bits

    host = host_map(fused)
    return [
        {
            "name": buffer.name,
            "direction": "out" if buffer.output else "in",
            "base_address": host.base(1 + buffer.index),
            "bank_stride": 1 << address_bits(buffer.depth),
            "halves": fused.halves,
            "half_stride": 1 << (address_bits(buffer.depth) + index_bits(buffer.groups)),
            "lanes": buffer.lanes,
            "banks": buffer.n_banks,
            "depths": [list(part) for part in buffer.depths],
            "bits": buffer.bits,
        }
        for buffer in fused.buffers()
    ]


def _macros(dag: Dag) -> list[dict[str, Any]]:
    """RAM modules and how often the design holds each."""
    counts = counts_of(dag)
    return [
        {
            "module": m.name,
            "operand": m.name.removeprefix(f"{dag.top.name}_ram_{node.bits}x{node.extent}_"),
            "bits": node.bits,
            "depth": node.extent,
            "count": counts[m.name],
        }
        for m in dag.modules
        for node in m.nodes
        if node.op is Op.MEMORY
    ]


def explain(workload: Workload, method: Method = Method.EXACT) -> str:
    """Reuse, choices and costs of every design as text."""
    from lego.front.explain_fused import explain_design

    return "\n".join(explain_design(fused) for fused in designs_of(workload, method))


def draw(
    workload: Workload,
    operation: str | None = None,
    *,
    form: str = "svg",
    every: bool = False,
    method: Method = Method.EXACT,
) -> dict[str, bytes]:
    """A picture per design, by file name; only the dataflows of one operation if asked.

    `form` is svg, html or dot; `every` FU is drawn if asked. Raises E902, E904.
    """
    from lego.front import picture

    if form not in picture.FORMATS:
        known = ", ".join(picture.FORMATS)
        raise LegoError("E904", f"no format {form!r}", hint=f"formats are {known}")
    makers = {"svg": picture.svg, "html": picture.html, "dot": picture.dot}
    files = {}
    for fused in designs_of(workload, method):
        layers = tuple(x for x in fused.layers if operation in (None, x.adg.op.name, x.label))
        if layers:
            shown = replace(fused, layers=layers)
            files[f"{fused.name}.{form}"] = makers[form](shown, every=every).encode()
    if not files:
        known = ", ".join(op.name for op in workload.operations)
        raise LegoError("E902", f"no operation {operation!r}; operations are {known}")
    return files


def load_design(folder: Path, top: str) -> FusedAdg:
    """Read a design's architecture back from its artefact folder. Raises E504."""
    try:
        return FusedAdg.from_json((folder / f"{top}.adg.json").read_bytes())
    except (OSError, ValueError) as error:
        raise LegoError(
            "E504", f"{folder} holds no usable {top}.adg.json", hint="compile again"
        ) from error


def find_dataflows(
    designs: Sequence[Mapping[str, Any]], wanted: str | None
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(design, dataflow) entries of a manifest that `wanted` names: all if it is None.

    A design's top, an operation, a dataflow's name, or `operation.dataflow`. Raises E903 if there
    is none.
    """
    found = [
        (entry, flow)
        for entry in designs
        for flow in entry["dataflows"]
        if wanted
        in (
            None,
            entry["top"],
            flow["operation"],
            flow["name"],
            f"{flow['operation']}.{flow['name']}",
        )
    ]
    if not found:
        known = ", ".join(names_of(designs))
        raise LegoError("E903", f"no design {wanted!r} here", hint=f"designs are {known}")
    return found


def names_of(designs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a user may call the dataflows of a manifest: short where that is unambiguous."""
    flows = [flow for entry in designs for flow in entry["dataflows"]]
    operations = [flow["operation"] for flow in flows]
    return [
        flow["operation"]
        if operations.count(flow["operation"]) == 1
        else f"{flow['operation']}.{flow['name']}"
        for flow in flows
    ]


def program(
    folder: Path,
    design: str | None,
    bounds: Mapping[str, int],
    bases: Mapping[str, int] | None = None,
    half: int = 0,
) -> dict[str, object]:
    """Register values and layouts for other loop bounds, bases and half, as in the manifest.

    Raises E903 if `design` names no dataflow of the folder's, or several.
    """
    entries = json.loads((folder / "manifest.json").read_text())["designs"]
    found = find_dataflows(entries, design)
    if len(found) != 1:
        known = ", ".join(names_of(entries))
        raise LegoError("E903", "which dataflow?", hint=f"give --design; one of {known}")
    entry, flow = found[0]
    fused = load_design(folder, entry["top"])
    result: Program = configure(
        fused, bounds, dataflow=flow["id"], bases=bases, half=half, tail=flow["tail"]
    )
    return result.to_json()
