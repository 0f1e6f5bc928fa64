"""The architecture of a whole design: several dataflows in one array, with shared ports and memories."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from lego.ir.adg import Adg, Fu, InputPlan, OutputPlan, without_places
from lego.ir.dag import bits_for
from lego.ir.formats import Integer
from lego.ir.hardware import Room
from lego.ir.sram import built_words

__all__ = ["BEAT", "FusedAdg", "Fusion", "Layer", "MemoryPlan", "Method", "Plan", "single"]

Plan = InputPlan | OutputPlan

BEAT = 16
"""Bytes of a beat, and words that an engine moves in one cycle."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation under one dataflow; its number is the run-time dataflow id.

    Attributes
    ----------
    adg : links and banks of this dataflow in the shared array; its counters and axes are as many
        as every other layer's.
    ports : operand port of the FUs that each input of the operation uses.
    """

    adg: Adg
    ports: tuple[int, ...]

    def input(self, port: int) -> InputPlan | None:
        """The input at a port, None if the operation doesn't use it."""
        return self.adg.inputs[self.ports.index(port)] if port in self.ports else None

    @property
    def label(self) -> str:
        """Operation and dataflow, for people."""
        return f"{self.adg.op.name}.{self.adg.dataflow.name}"


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """The memory behind one port, shared by the layers; `plans` has one entry per layer.

    `output` tells the memory of the results from those of operands; `capacity` is in bits, 0 where it has as
    many words as its tensors need. `half_bits`: bits of the array's addresses, above those of a word, that
    tell the half. `halves`: 2 if the host uses one while the array uses the other. `parts`: 2 if the host
    uses some words while the array uses others, so that banks have room for two tensors. `engines`: others
    than a host reach it, a beat of banks at once.
    """

    name: str
    index: int
    plans: tuple[Plan | None, ...]
    output: bool
    dma_bits: int = 0
    room: Room | None = None
    capacity: int = 0
    half_bits: int = 0
    halves: int = 1
    parts: int = 1
    engines: bool = False

    def used(self) -> Iterator[Plan]:
        """The plans of the layers that use the memory."""
        return (plan for plan in self.plans if plan is not None)

    @property
    def n_banks(self) -> int:
        """Banks: as many as the layer that needs most."""
        return max(plan.banking.n_banks for plan in self.used())

    @property
    def wide(self) -> int:
        """Banks side by side in one macro."""
        return max(plan.banking.wide for plan in self.used())

    @property
    def n_macros(self) -> int:
        """Macros in one half."""
        return self.n_banks // self.wide

    @property
    def lanes(self) -> int:
        """Banks that the host reaches in one access: a power of two that fits its data port; engines reach
        as many words as a beat has bytes, whatever their bits."""
        most = min(BEAT if self.engines else self.dma_bits // self.bits, self.n_banks)
        return 1 << (most.bit_length() - 1) if most > 1 else 1

    @property
    def groups(self) -> int:
        """Groups of banks that the host addresses."""
        return -(-self.n_banks // self.lanes)

    @property
    def depth(self) -> int:
        """Words of the deepest bank."""
        return self.depth_of(0)

    def depth_of(self, bank: int) -> int:
        """Words of a bank: those of the deepest tensor that reaches into it, at least 2, and as many as
        the smallest SRAM has where that takes less area than registers. With a capacity all have as many;
        else in two parts, the first as deep as the deepest bank needs."""
        words = max(self._needed(bank), self.capacity // (self.n_banks * self.bits))
        if self.parts > 1 and not self.capacity:
            words += self.middle if bank else words
        return built_words(words, self.bits * self.wide)

    def _needed(self, bank: int) -> int:
        """Words of the deepest tensor that reaches into a bank, at least 2."""
        plans = (plan for plan in self.used() if plan.banking.n_banks > bank)
        return max([2, *(plan.banking.depth(plan.tensor.shape) for plan in plans)])

    @property
    def middle(self) -> int:
        """The word with which the second part begins, the same in all banks; 0 where there is one part."""
        return self.depth // 2 if self.parts > 1 else 0

    @property
    def depths(self) -> tuple[tuple[int, int], ...]:
        """(number of banks, their depth), in the banks' order; depths fall."""
        ends = sorted({plan.banking.n_banks for plan in self.used()})
        found: list[tuple[int, int]] = []
        start = 0
        for end in ends:
            depth = self.depth_of(start)
            if found and found[-1][1] == depth:
                found[-1] = (found[-1][0] + end - start, depth)
            else:
                found.append((end - start, depth))
            start = end
        return tuple(found)

    @property
    def bits(self) -> int:
        """Bits per word: the widest tensor's."""
        return max(plan.tensor.format.bits for plan in self.used())

    @property
    def span(self) -> tuple[int, int]:
        """Least and largest value of any tensor."""
        formats = [plan.tensor.format for plan in self.used()]
        return min(f.low for f in formats), max(f.high for f in formats)

    @property
    def word(self) -> tuple[int, int]:
        """Interval as which words are handed on: that of the values, or of unsigned words if those
        need a bit more."""
        return self.span if bits_for(*self.span) == self.bits else (0, (1 << self.bits) - 1)

    @property
    def formats(self) -> tuple[Integer, ...]:
        """Distinct formats, in the order of the layers."""
        return tuple(dict.fromkeys(plan.tensor.format for plan in self.used()))


class Method(StrEnum):
    """How sources are chosen; `NAIVE` multiplexes what each dataflow would choose by itself."""

    NAIVE = "naive"
    HEURISTIC = "heuristic"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the layers were fused: method, modelled area of what the method decides, and a lower
    bound of it (1e-3 um2); the bound is 0 where none was sought."""

    method: str = "none"
    cost: int = 0
    bound: int = 0

    @property
    def optimal(self) -> bool:
        """Whether nothing can be cheaper under the cost model."""
        return self.cost <= self.bound


@dataclass(frozen=True, slots=True)
class FusedAdg:
    """The architecture of a design.

    Attributes
    ----------
    names : of the memories, one per operand port, then the results'.
    layers : one per dataflow id.
    dma_bits : width of the host's data port; 0 for one word of a memory per access.
    halves : 2 if the host fills and drains one half of the memories while the array uses the other.
    parts : only a memory that the array reads and writes has these halves; of others the host reaches the
        port that the array doesn't use.
    room : what depends on the operation is in registers that are as wide as this; None: it is built in.
    capacities : bits of memories, by their names; those that aren't named have what their tensors need.
    queue : words of the queue in which writes of registers and starts wait; 0 for none.
    engines : memories and queue have ports of their own for the engines of a device, in the place of the
        host's port.
    """

    schema: str
    name: str
    names: tuple[str, ...]
    layers: tuple[Layer, ...]
    fusion: Fusion = Fusion()
    halves: int = 1
    dma_bits: int = 0
    room: Room | None = None
    capacities: tuple[tuple[str, int], ...] = ()
    queue: int = 0
    parts: bool = False
    engines: bool = False

    @property
    def travels(self) -> bool:
        """Whether addresses tell the half of the memories, as runs in different halves may overlap."""
        return self.halves > 1 and self.queue > 0

    @property
    def shared(self) -> bool:
        """Whether a source that several dataflows use is one multiplexer input; in naive fusion
        every dataflow has its own."""
        return self.fusion.method != "naive"

    @property
    def sizes(self) -> tuple[int, ...]:
        """FUs per axis of the array: the box around every layer's."""
        return tuple(
            max(sizes)
            for sizes in zip(*(layer.adg.dataflow.sizes for layer in self.layers), strict=True)
        )

    @property
    def n_fus(self) -> int:
        """Number of FUs that some dataflow uses."""
        return len(self.fus())

    @property
    def n_ports(self) -> int:
        """Operand ports per FU."""
        return len(self.names) - 1

    @property
    def n_counters(self) -> int:
        """Counters of the sequencer."""
        return len(self.layers[0].adg.dataflow.temporal)

    def trips(self) -> tuple[int, ...]:
        """Largest trip count of every counter."""
        least = 1 if self.room is None else self.room.trips
        every = [layer.adg.dataflow.trips(layer.adg.op) for layer in self.layers]
        return tuple(max(least, *counts) for counts in zip(*every, strict=True))

    def longest_pauses(self) -> tuple[int, ...]:
        """Most idle cycles after the round of each counter and those inside it; 0 where none ever."""
        every = [layer.adg.longest_pauses for layer in self.layers]
        longest = tuple(map(max, zip(*every, strict=True)))
        return longest if self.room is None else (max(longest),) * len(longest)

    def fus(self) -> list[Fu]:
        """Coordinates of the FUs that some dataflow uses, in lexicographic order."""
        return sorted({fu for layer in self.layers for fu in layer.adg.dataflow.fus()})

    def buffers(self) -> tuple[MemoryPlan, ...]:
        """The memories: operands by port, then the results."""
        inputs = tuple(
            self._buffer(port, tuple(layer.input(port) for layer in self.layers))
            for port in range(self.n_ports)
        )
        outputs = tuple(layer.adg.output for layer in self.layers)
        return (*inputs, self._buffer(self.n_ports, outputs))

    def _buffer(self, index: int, plans: tuple[Plan | None, ...]) -> MemoryPlan:
        name, output = self.names[index], index == self.n_ports
        halves = self.halves if output or not self.parts else 1
        return MemoryPlan(
            name,
            index,
            plans,
            output,
            self.dma_bits,
            self.room,
            dict(self.capacities).get(name, 0),
            half_bits=int(self.queue > 0 and halves > 1),
            halves=halves,
            parts=2 if self.parts and halves == 1 else 1,
            engines=self.engines,
        )

    def to_json(self) -> str:
        """Serialise without places in the user's files; :meth:`from_json` reads it back equal."""
        from pydantic import TypeAdapter

        tree = TypeAdapter(FusedAdg).dump_python(self, mode="json")
        return json.dumps(without_places(tree), indent=1) + "\n"

    @staticmethod
    def from_json(text: str | bytes) -> FusedAdg:
        """Read what :meth:`to_json` wrote."""
        from pydantic import TypeAdapter

        return TypeAdapter(FusedAdg).validate_json(text)

    def __str__(self) -> str:
        if len(self.layers) == 1:
            return str(self.layers[0].adg)
        lines = [f"design {self.name}: {len(self.layers)} dataflows in {list(self.sizes)} FUs"]
        for k, layer in enumerate(self.layers):
            ports = " ".join(
                f"{plan.name}->{self.names[port]}"
                for plan, port in zip(layer.adg.inputs, layer.ports, strict=True)
            )
            lines += [f"dataflow {k} {layer.label}: {ports}", str(layer.adg)]
        return "\n".join(lines)


def single(adg: Adg) -> FusedAdg:
    """A design of one dataflow."""
    names = tuple(plan.name for plan in adg.operands())
    return FusedAdg("lego/adg/3", adg.name, names, (Layer(adg, tuple(range(len(adg.inputs)))),))
