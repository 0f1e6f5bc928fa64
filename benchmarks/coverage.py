"""Every network and pipeline of the catalogue as loop nests:
python -m benchmarks.coverage [--write] [NAME...]

Traces each published size in a process of its own, counts its multiply-accumulates by PyTorch's own
counter (torch.utils.flop_counter on the exported program), and prints a table; `--write` puts it
into docs/coverage.md. About half a minute a network.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from frontends.models.catalogue import CATALOGUE
from frontends.models.system import System
from frontends.models.systems import SYSTEMS
from lego.cli.systems import stage_macs
from lego.ir.kinds import kind_of, total_macs
from lego.tools import run

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "coverage.md"
HEAD = """\
# Networks as loop nests

Made by `python -m benchmarks.coverage --write`. Every network of the catalogue at its published \
size, traced on the meta device: parameters, multiply-accumulates
of the contractions (class array), the same by PyTorch's counter (`torch.utils.flop_counter`, \
halved), operations by class, operators that have no
loop nest and are left to the host, seconds from the start of the process to the network \
(imports and building the module included), and the largest
memory of the process. All sums of products are class array, except those of interpolation by \
constant matrices, which PyTorch doesn't count either.

| network | parameters M | GMACs | ratio to PyTorch's | array | post | move | host | s | MB |
|---|---|---|---|---|---|---|---|---|---|
"""

ABOUT_SYSTEMS = """
Systems of several networks, `lego trace NAME`: runs of all stages, and multiply-accumulates of \
one run of the system (a stage that trains counts three times).

| pipeline | one run of it | networks | runs | GMACs |
|---|---|---|---|---|
"""


def measured(name: str) -> dict[str, Any]:
    """One network, in this process."""
    begun = time.monotonic()
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from frontends.models.build import build
    from frontends.torch_export.tracer import trace

    sample = build(name)
    traced = trace(sample.module, sample.args, sample.kwargs, name=name)
    seconds = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        traced.program.module()(*sample.args, **sample.kwargs)
    network = traced.network
    kinds = Counter(kind_of(step).value for step in network.steps)
    return {
        "name": name,
        "parameters": network.parameters,
        "macs": total_macs(network),
        "counted": counter.get_total_flops() // 2,
        "kinds": dict(kinds),
        "host": sorted({f"{call.source}: {call.reason}" for call in network.calls}),
        "seconds": round(seconds, 1),
        "peak_mb": peak,
    }


def row(found: dict[str, Any]) -> str:
    """A row of the table."""
    kinds, counted = found["kinds"], found["counted"]
    ratio = f"{found['macs'] / counted:.4f}" if counted else "no MACs"
    cells = [
        f"`{found['name']}`",
        f"{found['parameters'] / 1e6:,.2f}",
        f"{found['macs'] / 1e9:,.3f}",
        ratio,
    ]
    cells += [f"{kinds.get(kind, 0):,}" for kind in ("array", "post", "move", "host")]
    return "| " + " | ".join([*cells, str(found["seconds"]), f"{found['peak_mb']:,}"]) + " |"


def system_row(pipeline: System, macs: dict[str, int]) -> str:
    """A row of the table of pipelines."""
    total = sum(stage_macs(stage, macs[stage.model]) for stage in pipeline.stages)
    runs = sum(stage.times for stage in pipeline.stages)
    models = len({stage.model for stage in pipeline.stages})
    cells = (f"`{pipeline.name}`", pipeline.about, str(models), f"{runs:,}", f"{total / 1e9:,.1f}")
    return "| " + " | ".join(cells) + " |"


def expanded(names: list[str]) -> list[str]:
    """The networks of these names, a pipeline's for a pipeline, each once."""
    members = {p.name: [stage.model for stage in p.stages] for p in SYSTEMS}
    return list(dict.fromkeys(each for name in names for each in members.get(name, [name])))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/coverage.md")
    parser.add_argument("--one", action="store_true", help="one network in this process, as JSON")
    every = [entry.name for entry in CATALOGUE if not entry.name.endswith("_tiny")]
    parser.add_argument("names", nargs="*", default=every)
    given = parser.parse_args()
    if given.one:
        print("\n" + json.dumps(measured(given.names[0])))
        return
    rows, reasons, macs = [], set(), {}
    for name in expanded(given.names):
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.coverage", "--one", name]
        done = run(command, cwd=ROOT, timeout_s=1200, check=False)
        if done.returncode:
            print(f"{name}: {done.stderr.strip().splitlines()[-1:]}", flush=True)
            continue
        found = json.loads(done.stdout.strip().splitlines()[-1])
        rows.append(row(found))
        macs[name] = found["macs"]
        reasons |= set(found["host"])
        print(rows[-1], flush=True)
    whole = [p for p in SYSTEMS if all(stage.model in macs for stage in p.stages)]
    systems = [system_row(p, macs) for p in whole]
    for line in systems:
        print(line)
    if given.write:
        notes = "".join(f"- {reason}\n" for reason in sorted(reasons))
        host = f"\nLeft to the host:\n\n{notes}" if reasons else "\nNothing is left to the host.\n"
        table = ABOUT_SYSTEMS + "\n".join(systems) + "\n" if systems else ""
        PAGE.write_text(HEAD + "\n".join(rows) + "\n" + table + host)


if __name__ == "__main__":
    main()
