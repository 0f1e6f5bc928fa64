"""Programs of bound operations: registers of the chip, and layouts of its memories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.memory.nests import DigitNest, digit_nests
from lego.back.plan.room import digit_first, digit_step
from lego.bind.placing.placement import Placement
from lego.bind.result import Bound
from lego.bind.site import Port, Site
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


def program_of(
    site: Site,
    bound: Bound,
    tail: int = 0,
    *,
    bases: Mapping[str, int] | None = None,
    half: int = 0,
) -> Program:
    """Every register of the chip, and where elements lie, for a bound operation; `tail` are the cycles after
    the last timestamp, `bases` the first words of the chip's operands, by name. Raises E203 for a base that
    leaves no room."""
    plan = replace(site.design, fused=design_of(site, bound))
    program = configure(
        plan,
        bound.bounds,
        dataflow=bound.dataflow,
        bases=bases,
        half=half,
        shapes=bound.shapes,
        tail=tail,
    )
    registers = program.registers | dict(_guards(site, bound))
    for port, placed in zip(site.ports, bound.placements, strict=True):
        memory = program.layouts[port.name].memory
        registers |= {f"{memory}_extent{dim}": extent for dim, extent in placed.extents}
        registers |= dict(_digits(site, port, placed, memory))
    return replace(program, registers=registers, iterations=bound.op.iterations)


def _guards(site: Site, bound: Bound) -> Iterator[tuple[str, int]]:
    """What the chip's comparators, as they are wired, have to be below."""
    pairs = zip(site.adg.guards, bound.adg.op.domain, strict=True)
    for k, (guard, wanted) in enumerate(pairs):
        limit = replace(guard, limit=wanted.limit).register
        yield f"guard{k}", limit if any(wanted.coefficients) else guard.high + 1


def _digits(site: Site, port: Port, placed: Placement, memory: str) -> Iterator[tuple[str, int]]:
    """Values of the registers of bank digits, of a chip that has them: of the digits that are wired to move,
    whether the operation moves them or not."""
    if site.design.fused.room is None:
        return
    view = BankView(site.adg, port.plan)
    (number,) = (b.index for b in site.design.buffers if b.name == memory)
    banking = port.plan.banking
    start = banking.moved(tuple(map(sum, zip(placed.base, banking.origin, strict=True))))
    for nest in digit_nests(site.design.views[number], free=True):
        if not nest.kept(view):
            continue
        steps = nest.steps(view, len(site.limits))
        first = nest.first(view)
        if not nest.skewed:
            first = _digit(nest, start[nest.dim])
            steps = tuple(_digit(nest, step) for step in placed.time[nest.dim])
        yield digit_first(memory, nest), first
        yield from ((digit_step(memory, nest, k), step) for k, step in enumerate(steps))


def _digit(nest: DigitNest, index: int) -> int:
    return index % nest.gcd if nest.rest else index // nest.gcd % nest.count
