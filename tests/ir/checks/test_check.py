"""Checks run after every stage where they are on, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest

from frontends.yaml import load_workload
from lego import compile as whole
from lego.artefact.folder import program
from lego.artefact.publish import publish
from lego.back import pipeline
from lego.back.pipeline import PASSES, Options
from lego.compile import compile_workload
from lego.ir.adg import Adg
from lego.ir.checks import check as entry
from lego.ir.checks.check import SWITCH, Checkable
from lego.ir.dag import Dag
from lego.ir.dataflow import Dataflow
from lego.ir.device import Device
from lego.ir.fused import FusedAdg
from lego.ir.program import Program
from lego.ir.workload import Workload
from tests.ir.checks.broken import SMALL

PATH = SMALL / "fused_gemm_sys.yaml"
Seen = list[type]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The kinds of what is checked from now on."""
    kinds: Seen = []
    for module in (entry, pipeline, whole):
        monkeypatch.setattr(module, "check", recorder(module.check, kinds))
    return kinds


def recorder(check: Callable[[Checkable], None], kinds: Seen) -> Callable[[Checkable], None]:
    def recorded(value: Checkable) -> None:
        kinds.append(type(value))
        check(value)

    return recorded


def compiled(options: Options) -> None:
    compile_workload(load_workload(PATH), source=b"", options=options)


def test_every_stage_of_every_test_is_checked(seen: Seen) -> None:
    assert os.environ[SWITCH]
    compiled(Options())
    found = [(kind, len(list(group))) for kind, group in groupby(seen)]
    assert found == [
        *[(Workload, 1), (Dataflow, 3), (Adg, 3), (FusedAdg, 2)],
        (Dag, 3 + len(PASSES)),  # as lowered, after each pass, with one SRAM per shape
        *[(Program, 3), (Device, 1), (Dag, 1)],  # and the file of the SRAMs
    ]


def test_nothing_is_checked_for_users(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH)
    compiled(Options())
    assert seen == []


def test_verify_checks_designs_graphs_and_devices(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SWITCH)
    compiled(Options(verify=True))
    assert seen == [FusedAdg, *[Dag] * (1 + len(PASSES)), Device]


def test_programs_of_a_folder_are_checked_against_their_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = compile_workload(load_workload(PATH), source=b"")
    folder = tmp_path / "made"
    publish(folder, files)
    fits: list[tuple[Program, Device]] = []
    monkeypatch.setattr(
        "lego.artefact.folder.check_fits", lambda given, device: fits.append((given, device))
    )
    made = program(folder, "ws", {"m": 3})
    assert [(given, device.top) for given, device in fits] == [(made, "fused_gemm_sys")]
