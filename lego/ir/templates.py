"""Repeated blocks of a network: operations that differ in names only are one template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lego.ir.affine import AffineMap
from lego.ir.formats import Format
from lego.ir.network import Body, Kind, Network, Operation, Place
from lego.ir.workload import Loop, Reduction

__all__ = ["Template", "TemplateAccess", "templates"]


@dataclass(frozen=True, slots=True)
class TemplateAccess:
    """How an operation gets at a buffer, whichever it is; fields as in :class:`lego.ir.network.Place`."""

    map: AffineMap
    pad: float | None
    indirect: tuple[tuple[int, int], ...]
    format: Format

    def of(self, buffer: str) -> Place:
        """The same access of a buffer."""
        return Place(buffer, self.map, self.pad, self.indirect)


@dataclass(frozen=True, slots=True)
class Template:
    """What operations have in common that need the same hardware and the same time."""

    kind: Kind
    loops: tuple[Loop, ...]
    output: TemplateAccess
    inputs: tuple[TemplateAccess, ...]
    body: Body
    reduction: Reduction
    reason: str


def templates(network: Network) -> dict[Template, list[Operation]]:
    """Every template with its operations, both in program order."""
    formats = {buffer.name: buffer.format for buffer in network.buffers}
    found: dict[Template, list[Operation]] = {}
    for op in network.operations:
        output, *inputs = _accesses((op.output, *op.inputs), formats)
        template = Template(
            op.kind, op.loops, output, tuple(inputs), op.body, op.reduction, op.reason
        )
        found.setdefault(template, []).append(op)
    return found


def _accesses(places: Iterable[Place], formats: dict[str, Format]) -> list[TemplateAccess]:
    return [TemplateAccess(p.map, p.pad, p.indirect, formats[p.buffer]) for p in places]
