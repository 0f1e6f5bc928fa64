"""Links between FUs: where every operand comes from, and the registers and FIFOs on the way.

An FU's operand port has one input per distinct source over all dataflows. Fixed delays of one FU's operand are
taps of one line; delays that depend on run-time bounds are FIFOs of programmable depth, which dataflows share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lego.back.builder import Builder
from lego.back.fifo import build_fifo, capacities, segments
from lego.back.fu_kind import Pick
from lego.back.lower_side import node_port
from lego.back.registers import delay_register
from lego.back.spread import entry, is_plain, spread_levels
from lego.ir.adg import Fu, InputPlan
from lego.ir.dag import Module
from lego.ir.fused import Buffer, FusedAdg

__all__ = ["Choice", "Link", "Links", "ordered"]


@dataclass(frozen=True, slots=True)
class Link:
    """A source of an operand or a sum: an FU, and cycles of delay.

    `fifo` is the number of the delay reuse whose FIFO delays instead, -1 for none; `layer` the
    dataflow if the link isn't shared; `node` tells that the value comes from the FU's data node.
    """

    fu: Fu
    delay: int
    layer: int = -1
    fifo: int = -1
    node: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What one FU takes under one dataflow: links by the number of their delay reuse, -1 for none."""

    pick: Pick
    links: tuple[tuple[int, Link], ...] = ()


class Links:
    """The links of all operands; `modules` collects the kinds of FIFOs as they are met."""

    def __init__(self, fused: FusedAdg, prefix: str) -> None:
        self.fused, self.prefix = fused, prefix
        self.modules: list[Module] = []
        self._buffers = fused.buffers()[:-1]
        self._kinds: dict[tuple[tuple[int, int], tuple[int, ...], int], Module] = {}
        self._wires: dict[tuple[int, Fu], int] = {}
        self._fifos: dict[tuple[int, Link], int] = {}
        self._most = [capacities(buffer) for buffer in self._buffers]
        self._spread = [spread_levels(fused, buffer) > 0 for buffer in self._buffers]
        self._depths: dict[tuple[int, Link], int] = {}
        self._choices = [
            {fu: tuple(self._port_choices(buffer, fu)) for fu in fused.fus()}
            for buffer in self._buffers
        ]
        self._passers = [
            {link.fu for choices in found.values() for link in ordered(choices) if not link.node}
            for found in self._choices
        ]

    def choices(self, buffer: Buffer, fu: Fu) -> tuple[Choice | None, ...]:
        """What the FU takes at a port, per dataflow; None where it doesn't use it."""
        return self._choices[buffer.index][fu]

    def passes(self, buffer: Buffer, fu: Fu) -> bool:
        """Whether another FU takes the operand from this one."""
        return fu in self._passers[buffer.index]

    def _port_choices(self, buffer: Buffer, fu: Fu) -> Iterator[Choice | None]:
        for index, plan in enumerate(buffer.plans):
            sizes = self.fused.layers[index].adg.dataflow.sizes
            here = all(a < n for a, n in zip(fu, sizes, strict=True))
            if isinstance(plan, InputPlan) and here:
                yield self._choice(buffer, index, plan, fu)
            else:
                yield None

    def _choice(self, buffer: Buffer, index: int, plan: InputPlan, fu: Fu) -> Choice:
        """A link without delay is followed to the FU where the value enters, or to its data node,
        so that broadcasts aren't chains of multiplexers."""
        layer = -1 if self.fused.shared else index
        adg = self.fused.layers[index].adg
        found = entry(adg, plan, fu)
        if found is None:
            links = []
            for number in plan.levels(fu):
                reuse = plan.delays[number]
                other = tuple(a - d for a, d in zip(fu, reuse.shift, strict=True))
                if reuse.programmable:
                    link = Link(other, 0, layer, number)
                    depth = max(reuse.delay, self._depths.get((buffer.index, link), 0))
                    self._depths[buffer.index, link] = depth
                else:
                    link = Link(other, reuse.delay, layer)
                links.append((number, link))
            if links:
                return Choice(Pick.EITHER, tuple(links))
            return Choice(Pick.HOLD if plan.hold else Pick.NODE)
        source, delay = found
        node = delay == 0 and self._spread[buffer.index] and is_plain(adg, plan, source)
        return Choice(Pick.LINK, ((-1, Link(source, delay, layer, node=node)),))

    def declare(self, b: Builder) -> None:
        """A wire per operand and passing FU, driven once the FUs exist."""
        for buffer, passers in zip(self._buffers, self._passers, strict=True):
            for fu in sorted(passers):
                self._wires[buffer.index, fu] = b.wire(buffer.span)

    def connect(self, b: Builder, fu: Fu, outs: Mapping[str, int]) -> None:
        """Drive the wires that start at an FU from its ports."""
        for buffer in self._buffers:
            if self.passes(buffer, fu):
                b.connect(self._wires[buffer.index, fu], outs[f"{buffer.name}_pass"])

    def bring(self, b: Builder, buffer: Buffer, fu: Fu) -> dict[str, int]:
        """The inputs of an FU's port that come from other FUs, by port name."""
        label = f"{buffer.name}_link_" + "_".join(map(str, fu))
        found = {}
        for link, number in ordered(self.choices(buffer, fu)).items():
            if link.node:
                value = b.input(node_port(buffer, link.fu), buffer.span)
            elif link.fifo >= 0:
                value = self._fifo(b, buffer, link)
            else:
                value = b.delay(self._wires[buffer.index, link.fu], link.delay, name=label)
            found[f"{buffer.name}_link{number}"] = value
        return found

    def _fifo(self, b: Builder, buffer: Buffer, link: Link) -> int:
        """The end of the FIFO behind an FU, made when it is first asked for."""
        key = buffer.index, link
        if key not in self._fifos:
            parts = segments(self._depths[key], self._most[buffer.index][link.fifo])
            most = self._most[buffer.index][link.fifo]
            bits = len(segments(most, most))
            module = self._kind(buffer.span, parts, bits)
            ports = {"value": self._wires[buffer.index, link.fu]}
            if len(parts) > 1:
                register = delay_register(buffer, link.fifo)
                ports["depth"] = b.input(register, (0, (1 << bits) - 1))
            name = f"fifo{link.fifo}_{buffer.name}_" + "_".join(map(str, link.fu))
            own = f"_{link.layer}" if link.layer >= 0 else ""
            self._fifos[key] = b.instance(module, name + own, ports)["late"]
        return self._fifos[key]

    def _kind(self, span: tuple[int, int], parts: tuple[int, ...], bits: int) -> Module:
        if (span, parts, bits) not in self._kinds:
            name = f"{self.prefix}_fifo_{len(self._kinds)}"
            self._kinds[span, parts, bits] = build_fifo(name, span, parts, bits)
            self.modules.append(self._kinds[span, parts, bits])
        return self._kinds[span, parts, bits]


def ordered(choices: Sequence[Choice | None]) -> dict[Link, int]:
    """Number of every distinct link of a port."""
    links = (link for choice in choices if choice is not None for _, link in choice.links)
    return {link: k for k, link in enumerate(dict.fromkeys(links))}
