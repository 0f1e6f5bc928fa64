"""One entry for the checks of all intermediate representations, and the switch for checks after stages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TypeVar

from lego.diag import InternalError
from lego.ir.adg import Adg
from lego.ir.checks.adg_check import adg_faults
from lego.ir.checks.dag_check import dag_faults
from lego.ir.checks.dataflow_check import dataflow_faults
from lego.ir.checks.device_check import device_faults, runs_faults
from lego.ir.checks.fused_check import fused_faults
from lego.ir.checks.network_check import network_faults
from lego.ir.checks.program_check import program_faults
from lego.ir.checks.workload_check import workload_faults
from lego.ir.dag import Dag
from lego.ir.dataflow import Dataflow
from lego.ir.device import Device
from lego.ir.fused import FusedAdg
from lego.ir.network import Network
from lego.ir.program import Program
from lego.ir.workload import Workload

__all__ = ["SWITCH", "Checkable", "check", "check_fits", "checked", "checking"]

Checkable = Network | Workload | Dataflow | Adg | FusedAdg | Dag | Device | Program
Checked = TypeVar("Checked", Network, Workload, Dataflow, Adg, FusedAdg, Dag, Device, Program)

SWITCH = "LEGO_VERIFY"
"""The environment variable that turns the checks after every stage on."""


def check(value: Checkable) -> None:
    """Raise InternalError, with the object and the rule that it breaks, unless all rules hold."""
    for fault in _faults(value):
        raise InternalError(fault)


def checked(value: Checked) -> Checked:
    """What a stage made, after its check if checks are on."""
    if checking():
        check(value)
    return value


def check_fits(program: Program, device: Device) -> None:
    """Raise InternalError unless the device runs the program: it has its dataflow, registers and room."""
    for fault in runs_faults(device, program):
        raise InternalError(f"program of dataflow {program.dataflow} on {device.top}: {fault}")


def checking() -> bool:
    """Whether every stage checks what it made."""
    return bool(os.environ.get(SWITCH))


def _faults(value: Checkable) -> Iterator[str]:
    match value:
        case Network():
            return (f"network {value.name}: {fault}" for fault in network_faults(value))
        case Workload():
            return (f"workload {value.name}: {fault}" for fault in workload_faults(value))
        case Dataflow():
            return (f"dataflow {value.name}: {fault}" for fault in dataflow_faults(value))
        case Adg():
            return (f"architecture {value.name}: {fault}" for fault in adg_faults(value))
        case FusedAdg():
            return (f"design {value.name}: {fault}" for fault in fused_faults(value))
        case Dag():
            return dag_faults(value)
        case Device():
            return (f"device {value.top}: {fault}" for fault in device_faults(value))
        case Program():
            return (f"program of dataflow {value.dataflow}: {x}" for x in program_faults(value))
