"""Good representations, and how a test breaks one field of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.plan.design import plan_of
from lego.compile import device_of
from lego.designs import designs_of
from lego.diag import InternalError
from lego.ir.adg import Adg
from lego.ir.checks.check import Checkable, check
from lego.ir.device import Device
from lego.ir.fused import FusedAdg

SMALL = Path(__file__).resolve().parents[2] / "workloads"
T = TypeVar("T")


@cache
def design(name: str) -> FusedAdg:
    """The design of a small workload of the tests."""
    (fused,) = designs_of(load_workload(SMALL / f"{name}.yaml"))
    return fused


@cache
def compiled(name: str) -> Device:
    """The device of a small workload of the tests."""
    plan = plan_of(design(name))
    return device_of(plan, lower(plan))


def refuse(good: T, breaks: Callable[[T], Checkable], rule: str) -> None:
    """The representation keeps all rules, and broken the one that `rule` tells."""
    check(good)  # type: ignore[arg-type]
    with pytest.raises(InternalError, match=re.escape(rule)):
        check(breaks(good))


def put(items: tuple[T, ...], at: int, **fields: Any) -> tuple[T, ...]:
    """The items, one of them with other fields."""
    new = replace(items[at], **fields)  # type: ignore[type-var]
    return (*items[:at], new, *items[at + 1 :])


def on_input(adg: Adg, at: int, **fields: Any) -> Adg:
    """The architecture, one of its inputs with other fields."""
    return replace(adg, inputs=put(adg.inputs, at, **fields))


def on_output(adg: Adg, **fields: Any) -> Adg:
    """The architecture, its output with other fields."""
    return replace(adg, output=replace(adg.output, **fields))


def on_banks(adg: Adg, **fields: Any) -> Adg:
    """The architecture, the banks of its first input with other fields."""
    return on_input(adg, 0, banking=replace(adg.inputs[0].banking, **fields))


def on_reuse(adg: Adg, at: int, **fields: Any) -> Adg:
    """The architecture, a delay reuse of its first input with other fields."""
    return on_input(adg, 0, delays=put(adg.inputs[0].delays, at, **fields))
