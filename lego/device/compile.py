"""A workload on a chip with engines: its program, with the values of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.device.chip import Chip
from lego.device.emission import emitted
from lego.device.parameters import parameters_of, values_of
from lego.device.plan import Plan
from lego.device.planner import planned
from lego.device.program import DeviceProgram
from lego.device.split import chain_along, staged
from lego.diag import LegoError
from lego.ir.workload import Workload
from lego.tell import Tell, silent

__all__ = ["Made", "compiled", "is_whole"]


@dataclass(frozen=True)
class Made:
    """A program with what it was made of.

    Attributes
    ----------
    constants : values of the parameters, by name.
    source : where they come from, in words.
    """

    program: DeviceProgram
    plan: Plan
    constants: Mapping[str, NDArray[np.int64]]
    source: str


def is_whole(workload: Workload) -> bool:
    """Whether the operations make a program: no sums are left that nothing rounds, and all tensors but the
    first one that are read element by element are written."""
    try:
        chains = [chain_along(stage.post, workload) for stage in staged(workload)]
    except LegoError:
        return False
    known = parameters_of(workload.network)
    return bool(chains) and not any({chain.first, chain.second} & {*known} for chain in chains)


def compiled(
    chip: Chip,
    workload: Workload,
    given: Mapping[str, NDArray[np.integer]] | None = None,
    seed: int = 0,
    tell: Tell = silent,
) -> Made:
    """The program of a workload; parameters that aren't given are drawn from the seed.

    Raises E307 and E308 for what the device doesn't run, E311 for parameters that don't fit.
    """
    values, drawn = values_of(workload.network, given or {}, seed)
    plan = planned(chip, workload, values, tell)
    tell("commands", 0, 0)
    program = emitted(plan, workload.name)
    return Made(program, plan, values, _source(len(values), len(drawn), seed))


def _source(every: int, drawn: int, seed: int) -> str:
    """Where parameters come from, of which some are drawn."""
    if not drawn:
        return "given"
    given = f"{every - drawn} given, {drawn} " if drawn < every else ""
    return f"{given}drawn from seed {seed}"
