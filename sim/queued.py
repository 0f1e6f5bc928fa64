"""Streams of runs out of a queue, without waiting in between: what memory holds in the end is compared.

Memory holds random words, and every run reads what lies where its operands are. So runs may use any bounds
and bases, go on from each other's results, and overwrite them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lego.ir.device import Device
from lego.ir.layout import Layout
from lego.ir.network import Buffer
from lego.ir.operation import Operation, Reduction
from lego.ir.parts import in_part
from lego.ir.program import Program
from lego.ir.queued import busy_cycles, changes
from sim.reference import Array, execute, format_of, wrap
from sim.streams import Stream, addresses, places_of

__all__ = ["Image", "add_queued", "compare", "load", "queued_stream"]

Flags = NDArray[np.bool_]
Run = tuple[Operation, Program]

COMPARED = 4096


@dataclass
class Image:
    """What memories hold, by place; how many low bits of it are known; and what runs have used.

    Only results are written by runs, and of them only the bits of their format are known.
    """

    device: Device
    words: dict[str, Array] = field(default_factory=dict)
    known: dict[str, Array] = field(default_factory=dict)
    used: dict[str, Flags] = field(default_factory=dict)

    @staticmethod
    def random(device: Device, rng: np.random.Generator) -> Image:
        """Random words everywhere."""
        image = Image(device)
        for memory in device.memories:
            size = 1 + max(places_of(memory, range(memory.halves)))
            image.words[memory.name] = rng.integers(0, 1 << memory.bits, size)
            image.known[memory.name] = np.full(size, memory.bits, dtype=np.int64)
            image.used[memory.name] = np.zeros(size, dtype=np.bool_)
        return image

    def copy(self) -> Image:
        """The same, to try runs on."""
        words, known = (
            {name: found.copy() for name, found in each.items()}
            for each in (self.words, self.known)
        )
        used = {name: found.copy() for name, found in self.used.items()}
        return Image(self.device, words, known, used)

    def read(self, layout: Layout, half: int) -> Array:
        """Words of a tensor's elements."""
        places = addresses(self.device.memory(layout.memory), layout, half)
        self.used[layout.memory][places] = True
        return self.words[layout.memory][places]

    def knows(self, layout: Layout, half: int) -> bool:
        """Whether all bits of a tensor are known."""
        places = addresses(self.device.memory(layout.memory), layout, half)
        return bool((self.known[layout.memory][places] >= layout.bits).all())

    def write(self, layout: Layout, half: int, values: Array, where: Flags) -> None:
        """Elements of a result."""
        places = addresses(self.device.memory(layout.memory), layout, half)[where]
        self.words[layout.memory][places] = values[where] & ((1 << layout.bits) - 1)
        self.known[layout.memory][places] = layout.bits
        self.used[layout.memory][places] = True

    def run(self, op: Operation, tensors: Mapping[str, Buffer], program: Program) -> None:
        """What a run does. Raises ValueError if it reads what isn't known, or what nothing here can say."""
        *inputs, output = program.layouts.values()
        operands: dict[str, Array] = {}
        for layout in inputs:
            if layout.tensor in operands:
                raise ValueError(f"{layout.tensor} lies in two memories")
            words = self.read(layout, program.half)
            operands[layout.tensor] = wrap(words, format_of(tensors[layout.tensor]))
        held = None
        if program.resume or output.preload is not None:
            if op.output.reduction is Reduction.ASSIGN or not self.knows(output, program.half):
                raise ValueError(f"{output.tensor} can't go on from what is there")
            held = wrap(self.read(output, program.half), format_of(tensors[output.tensor]))
        found = execute(op, tensors, operands, program.bounds, output.shape, held)
        self.write(output, program.half, found.values, found.written)


def queued_stream(
    stream: Stream,
    image: Image,
    runs: Sequence[Run],
    tensors: Mapping[str, Buffer],
    rng: np.random.Generator,
    ended: int | None = None,
) -> None:
    """Add to a stream that memory gets what the image has, that these runs follow each other, and that memory
    holds then what they leave. The first run's registers are written before it starts.

    `ended` runs will have ended since the reset, if that is known.
    """
    programs, after = [program for _, program in runs], image.copy()
    for op, program in runs:
        after.run(op, tensors, program)
    load(stream, image, after.used)
    stream.program(programs[0])
    stream.idle(int(rng.integers(1, 5)))
    stream.go()
    for changed in changes(programs)[1:]:
        stream.push(changed)
    stream.wait(busy_cycles(stream.device, programs))
    if ended is not None:
        stream.ended(ended)
    compare(stream, after, rng)


def add_queued(
    stream: Stream, runs: Sequence[Run], tensors: Mapping[str, Buffer], rng: np.random.Generator
) -> None:
    """Add a sequence of those of the runs of which an image can tell what they do, each twice; in memories of
    two halves or parts by turns."""
    image, found = Image.random(stream.device, rng), list[Run]()
    trial = image.copy()
    for op, program in (run for run in runs for _ in range(2)):
        moved = program
        if stream.device.double or stream.device.split:
            moved = in_part(stream.device, program, len(found) % 2, strict=False)
        try:
            trial.run(op, tensors, moved)
        except ValueError:
            continue
        found.append((op, moved))
    if found:
        queued_stream(stream, image, found, tensors, rng)


def load(stream: Stream, image: Image, used: Mapping[str, Flags] | None = None) -> None:
    """Write all of memory, or of large ones what is used."""
    for memory in stream.device.memories:
        places, words = places_of(memory, range(memory.halves)), image.words[memory.name]
        if used and len(places) > COMPARED:
            places = np.flatnonzero(used[memory.name]).tolist()
        stream.fill(memory, {place: int(words[place]) for place in places})


def compare(stream: Stream, image: Image, rng: np.random.Generator) -> None:
    """Expect what the image has; of large memories, in some places of those that were used."""
    for memory in stream.device.memories:
        places = places_of(memory, range(memory.halves))
        if len(places) > COMPARED:
            places = np.flatnonzero(image.used[memory.name]).tolist()
        if len(places) > COMPARED:
            places = sorted(rng.choice(places, COMPARED, replace=False).tolist())
        words, known = image.words[memory.name], image.known[memory.name]
        stream.expect(memory, [(at, int(words[at]), int(known[at])) for at in places])
