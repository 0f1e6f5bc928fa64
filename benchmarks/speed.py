"""Speed and memory of the path from a workload to a simulated run. Prints a table.

python benchmarks/speed.py            about two minutes on two cores
python benchmarks/speed.py --large    and four dataflows on 64x64 FUs, about two minutes more
python benchmarks/speed.py --curve    only the table of compile times by array size, with --large to 64x64
python benchmarks/speed.py --json

Compile: wall time of `lego compile` in a fresh process (best of three for one dataflow) and the
peak memory of the largest of its processes. Four dataflows are those of workloads/conv_mnicoc.yaml.
Simulate: the model is built without a cache; cycles are all clock cycles, those in which the host
loads and reads back included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from frontends.yaml import load_text
from lego.compile import compile_workload
from lego.ir.device import devices_from_json
from lego.tools import run
from sim.session import Case, Job, default_stream, run_cases

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 1200
SIZES = (4, 8, 16, 32, 64)
GEMM = """\
name: gemm_{size}
operations:
  - name: mm
    loops: {{m: {bound}, n: {bound}, k: {bound}}}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {{X: int8, W: int8, Y: int32}}
    dataflow: {{spatial: {{m: {size}, n: {size}}}, temporal: [m, n, k], control: systolic}}
architecture: {{array: [{size}, {size}]}}
"""


def gemm(size: int) -> str:
    """A GEMM of 64^3."""
    return GEMM.format(size=size, bound=64)


def fused(size: int) -> str:
    """The four dataflows of workloads/conv_mnicoc.yaml, on an array of this size."""
    text = (ROOT / "workloads" / "conv_mnicoc.yaml").read_text()
    return text.replace(": 16", f": {size}").replace("[16, 16]", f"[{size}, {size}]")


def compiled(text: str, repeats: int) -> dict[str, float]:
    """Best wall time in seconds and peak memory in MB of compiling a workload."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "w.yaml").write_text(text)
        argv = [sys.executable, str(Path(__file__).resolve()), "--once", "w.yaml"]
        env = {"PYTHONPATH": str(ROOT)}
        runs = [
            json.loads(run(argv, cwd=folder, timeout_s=TIMEOUT_S, env=env).stdout)
            for _ in range(repeats)
        ]
    return {
        key: pick(one[key] for one in runs) for key, pick in (("seconds", min), ("peak_mb", max))
    }


def once(path: str) -> dict[str, float]:
    """The same for one run; this process starts no others, so its children are the compiler's."""
    argv = [sys.executable, "-m", "lego.cli.main", "compile", path]
    begun = time.monotonic()
    run(argv, cwd=Path.cwd(), timeout_s=TIMEOUT_S, env={"PYTHONPATH": str(ROOT)})
    seconds = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": round(seconds, 2), "peak_mb": round(peak)}


def curve(sizes: Sequence[int]) -> dict[int, dict[str, float]]:
    """Four dataflows on arrays of these sizes; the smallest once before, so that files are in memory."""
    compiled(fused(sizes[0]), 1)
    return {size: compiled(fused(size), 1) for size in sizes}


def table(rows: Mapping[int, Mapping[str, float]]) -> str:
    """The curve as a table in Markdown."""
    lines = [
        "| array, 4 dataflows | functional units | seconds | peak memory, MB |",
        "|---|---|---|---|",
    ]
    for size, row in rows.items():
        seconds, peak = row["seconds"], row["peak_mb"]
        lines.append(f"| {size}x{size} | {size * size:,} | {seconds:.1f} | {peak:,.0f} |")
    return "\n".join(lines)


def simulated(bound: int) -> dict[str, float]:
    """A GEMM of bound^3 on 16x16: build, run, cycles per second, utilisation."""
    text = GEMM.format(size=16, bound=bound)
    workload = load_text(text)
    files = compile_workload(workload, source=text.encode())
    (device,) = devices_from_json(files["device.json"])
    tensors = {buffer.name: buffer for buffer in workload.network.buffers}
    rng = np.random.default_rng(0)
    program = device.dataflows[0].program
    stream = default_stream(device, [Job(workload.operations[0], program)], tensors, rng)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        verilog = "".join(files[name].decode() for name in device.sources)
        outcome = run_cases([Case(verilog, stream)])
    (verdict,) = outcome.verdicts
    assert not verdict.failures, verdict.failures
    cycles = len(stream.commands) + program.cycles
    return {
        "busy_cycles": verdict.cycles[0],
        "predicted_cycles": program.cycles,
        "utilisation_percent": round(100 * bound**3 / (256 * verdict.cycles[0]), 2),
        "build_seconds": round(outcome.build_s, 1),
        "run_seconds": round(outcome.run_s, 1),
        "cycles": cycles,
        "cycles_per_second": round(cycles / outcome.run_s),
        "cycles_per_second_with_build": round(cycles / (outcome.run_s + outcome.build_s)),
    }


def measured(sizes: Sequence[int], *, only_curve: bool) -> dict[str, Any]:
    """Everything, by what it is; the curve as rows by size."""
    results: dict[str, Any] = {"curve": curve(sizes)}
    if not only_curve:
        for size in (16, 32):
            results[f"compile {size}x{size}"] = compiled(gemm(size), 3)
        for bound in (64, 256):
            results[f"simulate {bound}^3 on 16x16"] = simulated(bound)
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--large", action="store_true", help="64x64 as well")
    parser.add_argument("--curve", action="store_true", help="only compile times by array size")
    parser.add_argument("--once", metavar="FILE", help="compile one workload, as JSON")
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.once)))
        return
    results = measured(SIZES[: None if given.large else -1], only_curve=given.curve)
    if given.json:
        print(json.dumps(results, indent=1))
        return
    print(table(results.pop("curve")))
    for name, row in results.items():
        print(name)
        for key, value in row.items():
            print(f"  {key:32} {value:>12,}")


if __name__ == "__main__":
    main()
