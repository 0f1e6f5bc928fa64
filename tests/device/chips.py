"""The chip of the device workloads, without its RTL."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.pipeline import Options
from lego.back.plan.design import plan_of
from lego.compile import device_of
from lego.designs import designs_of
from lego.device.build import with_engines
from lego.device.chip import Chip
from lego.device.split import split
from lego.ir.workload import Workload

FOLDER = Path(__file__).resolve().parents[2] / "workloads" / "device"
NETWORKS = ("gemm_chain", "inverted", "pools")


@cache
def edge() -> Chip:
    """The chip of `edge16.yaml`."""
    array, chains = split(load_workload(FOLDER / "edge16.yaml"))
    (fused,) = designs_of(array)
    plan = plan_of(fused)
    lowered, engines = with_engines(plan, lower(plan, Options(level=0)), chains)
    return Chip(fused, device_of(plan, lowered, engines=engines))


def network(name: str) -> Workload:
    """One of the networks that lie beside it."""
    return load_workload(FOLDER / f"{name}.yaml")
