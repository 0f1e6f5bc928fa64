"""Operations on a chip that exists: runs for each, and the programs that a host needs for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from lego.bind.program import program_of
from lego.bind.result import Refusal
from lego.bind.site import Site, sites_of
from lego.bind.tiles import Run, Tiling, tiled
from lego.diag import LegoError, LegoErrors
from lego.ir.array import Tensor, narrowed
from lego.ir.device import Device
from lego.ir.fused import FusedAdg
from lego.ir.program import Program
from lego.ir.workload import Workload
from lego.tell import Tell, silent

__all__ = ["PROGRAMS", "Onto", "onto", "programs_json", "summary"]

PROGRAMS = "programs.json"
"""The file of an artefact folder that holds the programs of operations that were put onto a chip."""
SCHEMA = "lego/programs/1"


@dataclass(frozen=True)
class Onto:
    """A workload's operations on a chip; `tilings` are in their order, `tensors` theirs by name."""

    sites: tuple[Site, ...]
    tilings: tuple[Tiling, ...]
    tensors: Mapping[str, Tensor]

    def program(self, run: Run, device: Device) -> Program:
        """What the host writes for a run."""
        site = self.sites[run.bound.dataflow]
        made = program_of(site, run.bound, device.dataflows[site.index].tail)
        made = self._cut(made, site, run)
        if not run.resumes:
            return made
        return replace(made, registers=made.registers | {"resume": 1}, resume=True)

    def _cut(self, made: Program, site: Site, run: Run) -> Program:
        """The program whose result has the bits of the operation's: of a word of memory only they count."""
        bits = self.tensors[run.bound.op.output.tensor].format.bits
        layout = made.layouts[site.output.name]
        found = replace(layout, bits=min(bits, layout.bits))
        return replace(made, layouts=made.layouts | {site.output.name: found})


def onto(chip: FusedAdg, workload: Workload, tell: Tell = silent) -> Onto:
    """Every operation as runs of the chip. Raises E307 for those that it doesn't run, with what each of its
    dataflows says."""
    tensors, operations = narrowed(workload)
    known = {tensor.name: tensor for tensor in tensors}
    sites, found, errors = sites_of(chip), list[Tiling](), list[LegoError]()
    for k, op in enumerate(operations):
        tell(f"{op.name} on {chip.name}", k, len(operations))
        made = tiled(sites, op, known)
        if isinstance(made, Tiling):
            found.append(made)
            continue
        said = "; ".join(_said(chip, refusal) for refusal in made)
        hint = "see docs/binding.md for the conditions, or compile a chip for it"
        message = f"{chip.name} doesn't run {op.name!r}: {said}"
        errors.append(LegoError("E307", message, loc=op.loc, hint=hint))
    if errors:
        raise errors[0] if len(errors) == 1 else LegoErrors(tuple(errors))
    return Onto(sites, tuple(found), known)


def _said(chip: FusedAdg, refusal: Refusal) -> str:
    return f"{chip.layers[refusal.dataflow].label} by condition ({refusal.condition}), {refusal.reason}"


def programs_json(made: Onto, device: Device) -> str:
    """The text of programs.json: per operation its runs, and each program once.

    A word of operand ``X`` at index ``v = time t + space s + base`` of its layout holds the element
    ``rows i + offset`` of its tensor, where the loops' values ``i`` are sums of the strips, `factor` times
    the counter's or the axis's value, and the run's first point.
    """
    programs: dict[tuple[int, bool], int] = {}
    texts: list[object] = []
    operations = []
    for tiling in made.tilings:
        runs = []
        for run in tiling.runs:
            key = id(run.bound), run.resumes
            if key not in programs:
                programs[key] = len(texts)
                texts.append(_described(made, tiling, run, device))
            runs.append({"program": programs[key], "offset": run.offset, "whole": run.whole})
        operations.append({"name": tiling.op.name, "tile": _named(tiling), "runs": runs})
    document = {"schema": SCHEMA, "chip": device.top, "operations": operations, "programs": texts}
    return json.dumps(document, indent=1) + "\n"


def _named(tiling: Tiling) -> Mapping[str, int]:
    return {loop.name: n for loop, n in zip(tiling.op.loops, tiling.tile, strict=True)}


def _described(made: Onto, tiling: Tiling, run: Run, device: Device) -> dict[str, object]:
    """A program with its strips and placements."""
    bound, program = run.bound, made.program(run, device)
    given = bound.assignment
    return {
        "dataflow": device.dataflows[bound.dataflow].full_name,
        "cycles": program.cycles,
        "resume": run.resumes,
        "registers": program.registers,
        "counters": [_strip(tiling, strip) for strip in given.counters],
        "axes": [_strip(tiling, strip) for strip in given.axes],
        "operands": list(_operands(made.sites[bound.dataflow], tiling, run, program)),
    }


def _strip(tiling: Tiling, strip: object) -> dict[str, object] | None:
    if strip is None:
        return None
    found = asdict(strip)  # type: ignore[call-overload]
    return found | {"loop": tiling.op.loops[found["loop"]].name}


def _operands(
    site: Site, tiling: Tiling, run: Run, program: Program
) -> Iterator[dict[str, object]]:
    op, bound = tiling.op, run.bound
    accesses = [op.inputs[k] for k in bound.assignment.order] + [op.output]
    for port, access, placed in zip(site.ports, accesses, bound.placements, strict=True):
        yield {
            "tensor": access.tensor,
            "rows": access.map.rows,
            "offset": access.map.offset,
            "time": placed.time,
            "space": placed.space,
            "base": placed.base,
            "layout": asdict(program.layouts[port.name]),
        }


def summary(made: Onto, device: Device) -> Sequence[tuple[object, ...]]:
    """A row per operation: its name, dataflows, tile, runs, cycles with tails, and utilisation."""
    rows, known = [], dict[int, int]()
    for tiling in made.tilings:
        for run in tiling.runs:
            if id(run.bound) not in known:
                known[id(run.bound)] = made.program(run, device).cycles
        flows = ", ".join(device.dataflows[k].full_name for k in tiling.dataflows)
        tile = " ".join(f"{name}:{n}" for name, n in _named(tiling).items())
        cycles = sum(known[id(run.bound)] for run in tiling.runs)
        busy = tiling.op.iterations / (device.fus * cycles)
        rows.append((tiling.op.name, flows, tile, len(tiling.runs), cycles, f"{busy:.1%}"))
    return rows
