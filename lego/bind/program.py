"""Programs of bound operations: registers of the chip, and layouts of its memories."""

from __future__ import annotations

from dataclasses import replace

from lego.back.plan.design import plan_of
from lego.bind.result import Bound
from lego.bind.site import Site
from lego.ir.fused import FusedAdg
from lego.ir.program import Program
from lego.program import configure

__all__ = ["design_of", "program_of"]


def design_of(site: Site, bound: Bound) -> FusedAdg:
    """The chip with the operation's architecture as that of its dataflow."""
    fused = site.design.fused
    layers = list(fused.layers)
    layers[bound.dataflow] = replace(layers[bound.dataflow], adg=bound.adg)
    return replace(fused, layers=tuple(layers))


def program_of(site: Site, bound: Bound, tail: int = 0) -> Program:
    """Every register of the chip, and where elements lie, for a bound operation; `tail` are the cycles after
    the last timestamp."""
    plan = replace(plan_of(design_of(site, bound)), registers=site.design.registers)
    program = configure(plan, bound.bounds, dataflow=bound.dataflow, shapes=bound.shapes, tail=tail)
    registers = dict(program.registers)
    for port, placed in zip(site.ports, bound.placements, strict=True):
        memory = program.layouts[port.name].memory
        for dim, extent in placed.extents:
            registers[f"{memory}_extent{dim}"] = extent
    return replace(program, registers=registers, iterations=bound.op.iterations)
