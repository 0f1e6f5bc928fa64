"""Area of the fused designs, by synthesis: python benchmarks/fusion.py [--size 16] [NAME...]

For each design in workloads/ with several dataflows: the sum of the single-dataflow designs, naive
fusion, the heuristic and the exact programme. Areas in 1,000 um2, Nangate 45 nm and the SRAM model.
`--size` shrinks the arrays.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.pipeline import DEFAULT, Options
from lego.back.plan.design import plan_of
from lego.back.rtl.verilog import to_verilog
from lego.compile import device_of
from lego.designs import adgs_of
from lego.front.fusion import fuse
from lego.ir.device import Device
from lego.ir.fused import FusedAdg, Method
from lego.ir.workload import Workload
from lego.ppa.library import read_library
from lego.ppa.price import areas
from lego.ppa.sram import black_boxes
from lego.ppa.synthesis import Netlist, synthesise

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("gemm_multi", "conv_mnicoc", "attention", "mttkrp_gemm")


def shrunk(workload: Workload, size: int) -> Workload:
    """The workload on an array of at most `size` FUs per axis."""
    flows = tuple(
        tuple(
            replace(spec, spatial=tuple((loop, min(n, size)) for loop, n in spec.spatial))
            for spec in specs
        )
        for specs in workload.dataflows
    )
    array = tuple(min(n, size) for n in workload.architecture.array)
    return replace(
        workload, dataflows=flows, architecture=replace(workload.architecture, array=array)
    )


def area(design: FusedAdg) -> dict[str, int]:
    """Area by category, in 1e-3 um2."""
    with tempfile.TemporaryDirectory() as name:
        netlist, device = synthesised(design, DEFAULT, Path(name))
    return areas(netlist, device, read_library(None))


def synthesised(design: FusedAdg, options: Options, scratch: Path) -> tuple[Netlist, Device]:
    """The netlist of the design after these passes, and its device."""
    plan = plan_of(design)
    lowered = lower(plan, options)
    device = device_of(plan, lowered)
    (scratch / "design.v").write_text(to_verilog(lowered.dag))
    macros = black_boxes(device)
    library = read_library(None)
    netlist = synthesise(
        scratch / "design.v",
        design.name,
        macros,
        library,
        scratch,
        flat=False,
        clock_ps=options.clock_ps,
        categories=device.categories(),
    )
    return netlist, device


def measure(name: str, size: int) -> dict[str, dict[str, int]]:
    """Areas of the design by way of building it."""
    workload = shrunk(load_workload(ROOT / "workloads" / f"{name}.yaml"), size)
    adgs = adgs_of(workload)
    parts = [area(fuse(adg.name, [adg])) for adg in adgs]
    found = {"sum of single": {key: sum(part[key] for part in parts) for key in parts[0]}}
    for method in Method:
        design = fuse(workload.name, adgs, method)
        found[str(method)] = area(design) | {"model": design.fusion.cost}
    return found


def main() -> None:
    """Print the table, and the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--json", type=Path)
    parser.add_argument("names", nargs="*", default=NAMES)
    options = parser.parse_args()
    print(f"{'design':14}{'way':16}" + "".join(f"{k:>14}" for k in COLUMNS) + f"{'s':>8}")
    every = {}
    for name in options.names:
        begun = time.monotonic()
        every[name] = measure(name, options.size)
        for way, parts in every[name].items():
            values = "".join(f"{parts.get(key, 0) / 1e6:14.1f}" for key in COLUMNS)
            print(f"{name:14}{way:16}{values}{time.monotonic() - begun:8.0f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(every, indent=1) + "\n")


COLUMNS = ("fu", "interconnect", "memory", "control", "sram", "total", "model")

if __name__ == "__main__":
    main()
