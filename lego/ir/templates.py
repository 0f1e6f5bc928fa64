"""Repeated blocks of a network: steps that differ in names only are one template."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lego.ir.formats import Format
from lego.ir.network import Network, reads_of, writes_of
from lego.ir.operation import HostCall, Operation, Place, Step

__all__ = ["Template", "template_of", "templates", "with_names"]


@dataclass(frozen=True, slots=True)
class Template:
    """What steps have in common that need the same hardware and the same time.

    Attributes
    ----------
    step : one of them without names: of itself, of its source and of its buffers.
    reads, writes : the formats of those buffers.
    """

    step: Step
    reads: tuple[Format, ...]
    writes: tuple[Format, ...]


def templates(network: Network) -> dict[Template, list[Step]]:
    """Every template with its steps, both in program order."""
    formats = {buffer.name: buffer.format for buffer in network.buffers}
    found: dict[Template, list[Step]] = {}
    for step in network.steps:
        found.setdefault(template_of(step, formats), []).append(step)
    return found


def template_of(step: Step, formats: dict[str, Format]) -> Template:
    """The template of a step; `formats` are the buffers'."""
    reads, writes = reads_of(step), writes_of(step)
    bare = with_names(step, "", "", ("",) * len(reads), ("",) * len(writes))
    return Template(
        bare, tuple(formats[name] for name in reads), tuple(formats[name] for name in writes)
    )


def with_names(
    step: Step, name: str, source: str, reads: tuple[str, ...], writes: tuple[str, ...]
) -> Step:
    """The same step of other buffers."""
    if isinstance(step, HostCall):
        return HostCall(name, reads, writes, source, step.reason)
    outputs = tuple(
        replace(output, place=_of(output.place, buffer))
        for output, buffer in zip(step.outputs, writes, strict=True)
    )
    inputs = tuple(_of(place, buffer) for place, buffer in zip(step.inputs, reads, strict=True))
    return Operation(name, step.loops, outputs, inputs, step.domain, source)


def _of(place: Place, buffer: str) -> Place:
    return Place(buffer, place.map, place.pad, place.indirect)
