"""Pipelines: their members exist, their stages read what there is; needs no PyTorch but for shapes."""

from __future__ import annotations

import re
from importlib.util import find_spec
from math import prod
from typing import Any

import pytest

from frontends.models.catalogue import CATALOGUE, nearest
from frontends.models.system import System, SystemStage
from frontends.models.systems import SYSTEMS

NAMES = {entry.name for entry in CATALOGUE}
WITH_SHAPES = [
    (system, stage, flow)
    for system in SYSTEMS
    for stage in system.stages
    for flow in stage.reads
    if flow.shape
]


def stage_of(system: System, name: str) -> SystemStage:
    return next(stage for stage in system.stages if stage.name == name)


def test_names_are_unique_and_not_those_of_networks() -> None:
    names = [system.name for system in SYSTEMS]
    assert len(names) == len(set(names))
    assert not set(names) & NAMES
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name) for name in names)
    assert {"vila2", "wolf", "xvila", "nvila", "vila15", "longvila", "hart"} <= set(names)
    assert {"sana", "vilau", "sparserefine"} <= set(names)
    assert nearest("wol") == "nearest: wolf"


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda p: p.name)
def test_stages_are_networks_and_read_stages(system: System) -> None:
    names = [stage.name for stage in system.stages]
    assert len(names) == len(set(names))
    for stage in system.stages:
        assert stage.model in NAMES
        assert stage.times > 0 and stage.reads
        assert {flow.source for flow in stage.reads} <= {"input", *names}
        assert all(flow.what for flow in stage.reads)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda p: p.name)
def test_every_stage_is_reached_from_outside_and_all_but_one_are_read(system: System) -> None:
    reached: set[str] = {"input"}
    for _ in system.stages:
        reached |= {
            stage.name
            for stage in system.stages
            if any(flow.source in reached for flow in stage.reads)
        }
    assert reached == {"input", *(stage.name for stage in system.stages)}
    read = {flow.source for stage in system.stages for flow in stage.reads}
    loose = [stage.name for stage in system.stages if stage.name not in read]
    assert len(loose) <= 3


@pytest.mark.skipif(find_spec("torch") is None, reason="the extra `models` isn't installed")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "stage", "flow"),
    WITH_SHAPES,
    ids=[f"{p.name}-{f.source}-{s.name}" for p, s, f in WITH_SHAPES],
)
def test_what_flows_leaves_the_one_and_enters_the_other(
    system: System, stage: SystemStage, flow: Any
) -> None:
    from torch.utils._pytree import tree_leaves

    from frontends.models.build import build

    target = build(stage.model)
    entered = [x.numel() for x in tree_leaves((target.args, target.kwargs)) if hasattr(x, "numel")]
    assert prod(flow.shape) in entered
    source = build(stage_of(system, flow.source).model)
    import torch

    with torch.no_grad(), torch.device("meta"):
        out = tree_leaves(source.module(*source.args, **source.kwargs))
    given = [x.numel() for x in out if hasattr(x, "numel")]
    assert prod(flow.shape) in given
