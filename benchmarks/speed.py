"""Speed and memory of the path from a workload to a simulated run. Prints a table.

python benchmarks/speed.py            about three minutes on two cores
python benchmarks/speed.py --large    and four dataflows on 64x64 FUs, about four minutes more
python benchmarks/speed.py --json

Compile: wall time of `lego compile` in a fresh process (best of three) and its peak memory.
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
from pathlib import Path

import numpy as np

from frontends.yaml import load_text
from lego.flow import compile_workload
from lego.tools import run
from sim.session import Case, default_stream, run_cases

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
    text = (Path(__file__).resolve().parents[1] / "workloads" / "conv_mnicoc.yaml").read_text()
    return text.replace(": 16", f": {size}").replace("[16, 16]", f"[{size}, {size}]")


def compiled(text: str, repeats: int) -> dict[str, float]:
    """Best wall time in seconds and peak memory in MB of compiling a workload; the memory is that of the
    largest process so far."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "w.yaml").write_text(text)
        times = []
        for _ in range(repeats):
            begun = time.monotonic()
            run(
                [sys.executable, "-m", "lego.cli.main", "compile", "w.yaml"],
                cwd=folder,
                timeout_s=600,
                env={"PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
            )
            times.append(time.monotonic() - begun)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": round(min(times), 2), "peak_mb": round(peak)}


def simulated(bound: int) -> dict[str, float]:
    """A GEMM of bound^3 on 16x16: build, run, cycles per second, utilisation."""
    text = GEMM.format(size=16, bound=bound)
    workload = load_text(text)
    files = compile_workload(workload, source=text.encode())
    (entry,) = json.loads(files["manifest.json"])["designs"]
    tensors = {tensor.name: tensor for tensor in workload.tensors}
    rng = np.random.default_rng(0)
    stream = default_stream(entry, workload.operations[0], tensors, rng)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        outcome = run_cases([Case(files[entry["verilog"]].decode(), stream)])
    (verdict,) = outcome.verdicts
    assert not verdict.failures, verdict.failures
    program = entry["program"]
    cycles = len(stream.commands) + program["cycles"]
    return {
        "busy_cycles": verdict.cycles[0],
        "predicted_cycles": program["cycles"],
        "utilisation_percent": round(100 * bound**3 / (256 * verdict.cycles[0]), 2),
        "build_seconds": round(outcome.build_s, 1),
        "run_seconds": round(outcome.run_s, 1),
        "cycles": cycles,
        "cycles_per_second": round(cycles / outcome.run_s),
        "cycles_per_second_with_build": round(cycles / (outcome.run_s + outcome.build_s)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--large", action="store_true", help="64x64 as well")
    given = parser.parse_args()
    results = {f"compile {n}x{n}": compiled(gemm(n), 3) for n in (16, 32)}
    for n in (16, 32, 64)[: 2 + given.large]:
        results[f"compile {n}x{n}, 4 dataflows"] = compiled(fused(n), 1)
    for bound in (64, 256):
        results[f"simulate {bound}^3 on 16x16"] = simulated(bound)
    if given.json:
        print(json.dumps(results, indent=1))
        return
    for name, row in results.items():
        print(name)
        for key, value in row.items():
            print(f"  {key:32} {value:>12,}")


if __name__ == "__main__":
    main()
