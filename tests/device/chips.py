"""The chip of the device workloads, and its RTL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.pipeline import Options
from lego.back.plan.design import plan_of
from lego.compile import compile_workload, device_of
from lego.designs import designs_of
from lego.device.build import with_engines
from lego.device.chip import Chip
from lego.device.split import split
from lego.ir.device import devices_from_json
from lego.ir.workload import Workload
from sim.device.rtl import RtlDevice

FOLDER = Path(__file__).resolve().parents[2] / "workloads" / "device"
NETWORKS = ("gemm_chain", "inverted", "pools", "classifier", "batched")


def chip_of(workload: Workload) -> Chip:
    """The chip of a workload whose interface is AXI."""
    array, chains = split(workload)
    (fused,) = designs_of(array)
    plan = plan_of(fused)
    lowered, engines = with_engines(plan, lower(plan, Options(level=0)), chains)
    return Chip(fused, device_of(plan, lowered, engines=engines))


@cache
def edge() -> Chip:
    """The chip of `edge16.yaml`."""
    return chip_of(load_workload(FOLDER / "edge16.yaml"))


@cache
def edge_files() -> Mapping[str, bytes]:
    """The files of the same, as it is compiled for users."""
    path = FOLDER / "edge16.yaml"
    return compile_workload(load_workload(path), source=path.read_bytes())


@cache
def edge_compiled() -> Chip:
    """The chip as these files describe it, with the latencies that it has."""
    (device,) = devices_from_json(edge_files()["device.json"])
    return Chip(edge().fused, device)


@cache
def edge_rtl() -> RtlDevice:
    """The same in Verilog."""
    chip, files = edge().device, edge_files()
    names = (*chip.sources, *chip.models)
    return RtlDevice(chip.top, "".join(files[name].decode() for name in names))


def network(name: str) -> Workload:
    """One of the networks that lie beside it."""
    return load_workload(FOLDER / f"{name}.yaml")
