"""The whole path from a workload to the files of its accelerators."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lego import __version__
from lego.back.lower_top import host_map, lower
from lego.back.registers import register_specs
from lego.back.timing import Schedule
from lego.diag import LegoError
from lego.front.architecture import build_adg
from lego.ir.adg import Adg, InputPlan
from lego.ir.dag import Dag, Op
from lego.ir.expr import Binary, BinaryOp, Expr, Unary
from lego.ir.workload import Workload
from lego.mapping.strip_mine import dataflow_of
from lego.program import Program, configure

__all__ = ["adgs_of", "compile_workload", "describe", "draw", "explain", "load_design", "program"]

SCHEMA = "lego/manifest/1"
TOOLS = ("amaranth", "pyosys", "islpy", "pulp", "highspy")


def adgs_of(workload: Workload) -> list[Adg]:
    """The architecture of every operation, in program order."""
    adgs = []
    for op, spec in zip(workload.operations, workload.dataflows, strict=True):
        dataflow = dataflow_of(op, spec, workload.architecture)
        adgs.append(build_adg(f"{workload.name}_{op.name}", op, workload.tensors, dataflow))
    return adgs


def compile_workload(
    workload: Workload,
    *,
    source: bytes,
    dump: bool = False,
    testbench: Callable[[str, Sequence[Mapping[str, Any]]], str] | None = None,
) -> dict[str, bytes]:
    """Files of the artefact folder: Verilog, architecture, manifest, report.

    Byte-identical for the same workload text and versions. `dump` adds the IRs as text,
    `testbench` makes tb.sv from the workload's name and the designs' manifest entries.
    """
    from lego.back.rtl.verilog import to_verilog

    files: dict[str, bytes] = {"workload.yaml": source}
    designs = []
    for adg in adgs_of(workload):
        dag, times = lower(adg)
        files[f"{adg.name}.v"] = to_verilog(dag).encode()
        files[f"{adg.name}.adg.json"] = adg.to_json().encode()
        if dump:
            files[f"{adg.name}.adg.txt"] = f"{adg}\n".encode()
            files[f"{adg.name}.dag.txt"] = f"{dag}\n".encode()
            files[f"{adg.name}.schedule.txt"] = f"{times}\n".encode()
        designs.append(design_entry(adg, dag, times))
    if testbench is not None:
        files["tb.sv"] = testbench(workload.name, designs).encode()
    files["report.md"] = _report(workload, designs).encode()
    files["manifest.json"] = _manifest(workload, designs, files)
    return files


def _manifest(workload: Workload, designs: list[dict[str, Any]], files: dict[str, bytes]) -> bytes:
    manifest = {
        "schema": SCHEMA,
        "name": workload.name,
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


def design_entry(adg: Adg, dag: Dag, times: Schedule) -> dict[str, Any]:
    """Manifest entry of one design."""
    host = host_map(adg)
    return {
        "operation": adg.op.name,
        "top": adg.name,
        "verilog": f"{adg.name}.v",
        "dataflow": adg.dataflow.describe(adg.op),
        "array": list(adg.dataflow.sizes),
        "fus": adg.dataflow.n_fus,
        "macs_per_fu": _multiplications(adg.op.body),
        "host": {"address_bits": host.address_bits, "data_bits": host.data_bits, "read_latency": 2},
        "registers": [
            {"name": spec.name, "address": i, "bits": spec.bits, "about": spec.about}
            for i, spec in enumerate(register_specs(adg))
        ],
        "memories": _memories(adg),
        "macros": _macros(dag),
        "modules": {module.name: module.category for module in dag.modules},
        "program": configure(adg, tail=times.tail).to_json(),
    }


def _multiplications(expr: Expr) -> int:
    match expr:
        case Binary(op, left, right):
            return (op is BinaryOp.MUL) + _multiplications(left) + _multiplications(right)
        case Unary(_, arg):
            return _multiplications(arg)
    return 0


def _memories(adg: Adg) -> list[dict[str, Any]]:
    from lego.back.registers import address_bits

    host = host_map(adg)
    return [
        {
            "operand": plan.name,
            "tensor": plan.tensor.name,
            "direction": "in" if isinstance(plan, InputPlan) else "out",
            "base_address": host.base(1 + k),
            "bank_stride": 1 << address_bits(plan),
            "banks": plan.banking.n_banks,
            "depth": max(2, plan.banking.depth(plan.tensor.shape)),
            "bits": plan.tensor.format.bits,
            "signed": plan.tensor.format.signed,
        }
        for k, plan in enumerate(adg.operands())
    ]


def _macros(dag: Dag) -> list[dict[str, Any]]:
    """RAM modules and how often the design holds each."""
    counts = {dag.top.name: 1}
    for module in reversed(dag.modules):
        for node in module.nodes:
            if node.op is Op.INSTANCE:
                counts[node.text] = counts.get(node.text, 0) + counts.get(module.name, 0)
    return [
        {
            "module": m.name,
            "operand": m.name.removeprefix(f"{dag.top.name}_ram_{node.bits}x{node.extent}_"),
            "bits": node.bits,
            "depth": node.extent,
            "count": counts.get(m.name, 0),
        }
        for m in dag.modules
        for node in m.nodes
        if node.op is Op.MEMORY
    ]


def _report(workload: Workload, designs: list[dict[str, Any]]) -> str:
    lines = [f"# {workload.name}", ""]
    lines += [
        "| operation | dataflow | FUs | banks | cycles | utilisation | SRAM words accessed |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in designs:
        run = entry["program"]
        memories = entry["memories"]
        fus = entry["fus"]
        banks = " ".join(f"{m['operand']}:{m['banks']}" for m in memories)
        busy = f"{100 * run['iterations'] / (fus * run['cycles']):.1f} %"
        words = " ".join(f"{name}:{count}" for name, count in run["accesses"].items())
        lines.append(
            f"| {entry['operation']} | {entry['dataflow']} | {fus} | {banks} | {run['cycles']} | {busy} | {words} |"
        )
    return "\n".join(lines) + "\n"


def describe(workload: Workload) -> str:
    """The architecture of every operation as text."""
    return "\n".join(str(adg) for adg in adgs_of(workload))


def explain(workload: Workload) -> str:
    """Reuse, choices and costs of every operation as text."""
    from lego.front.explain import explain as explain_adg

    return "\n".join(explain_adg(adg) for adg in adgs_of(workload))


def draw(workload: Workload, operation: str | None = None) -> dict[str, bytes]:
    """SVG picture per operation, by file name."""
    from lego.front.picture import svg

    adgs = [adg for adg in adgs_of(workload) if operation in (None, adg.op.name)]
    if not adgs:
        known = ", ".join(op.name for op in workload.operations)
        raise LegoError("E902", f"no operation {operation!r}; operations are {known}")
    return {f"{adg.name}.svg": svg(adg).encode() for adg in adgs}


def load_design(folder: Path, top: str) -> Adg:
    """Read a design's architecture back from its artefact folder. Raises E504."""
    try:
        return Adg.from_json((folder / f"{top}.adg.json").read_bytes())
    except (OSError, ValueError) as error:
        raise LegoError(
            "E504", f"{folder} holds no usable {top}.adg.json", hint="compile again"
        ) from error


def program(
    folder: Path,
    design: str | None,
    bounds: Mapping[str, int],
    bases: Mapping[str, int] | None = None,
) -> dict[str, object]:
    """Register values and layouts for other loop bounds and bases, as in the manifest.

    Raises E903 if `design` is none of the folder's, or isn't given where there are several.
    """
    entries = json.loads((folder / "manifest.json").read_text())["designs"]
    tops = [e["top"] for e in entries if design in (None, e["top"], e["operation"])]
    if len(tops) != 1:
        known = ", ".join(e["operation"] for e in entries)
        what = "which design?" if tops else f"no design {design!r} here"
        raise LegoError("E903", what, hint=f"give --design; one of {known}")
    result: Program = configure(load_design(folder, tops[0]), bounds, bases=bases)
    return result.to_json()
