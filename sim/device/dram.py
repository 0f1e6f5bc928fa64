"""The memory of a bench: how it behaves, and what it holds before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

__all__ = ["Dram"]

CHANNELS = ("ar", "r", "aw", "w", "b")


@dataclass(frozen=True, slots=True)
class Dram:
    """The plusargs of `dram.svh`, which says what each means.

    Attributes
    ----------
    base, bytes : its first byte's address and its size, multiples of a beat's bytes.
    latency, answer : least cycles to the first beat of a read and to the answer of a write, from 1.
    rate : beats per 16 cycles, 1 to 16; `shared` by reads and writes, or each way.
    stall : of 256 cycles, those in which a channel pauses; `stalls` of single channels instead.
    order : 1 takes no beat before its address, 2 no address before its beat.
    read_error, write_error : the beat with an error, from 1, or 0; the error is `resp`.
    """

    base: int = 0
    bytes: int = 1 << 20
    latency: int = 1
    answer: int = 1
    rate: int = 16
    shared: bool = False
    stall: int = 0
    stalls: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    mixed: bool = False
    order: int = 0
    depth: int = 64
    read_error: int = 0
    write_error: int = 0
    resp: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.rate <= 16:
            raise ValueError(f"a rate of {self.rate} beats in 16 cycles isn't 1 to 16")
        if unknown := set(self.stalls) - set(CHANNELS):
            raise ValueError(f"there is no channel {min(unknown)!r}, only {', '.join(CHANNELS)}")

    def plusargs(
        self,
        load: Path | None = None,
        dump: Path | None = None,
        part: tuple[int, int] | None = None,
    ) -> list[str]:
        """Arguments of the simulation; the memory's contents come from a file, and go to one.

        `part` are the first of the bytes that go there, and how many do; otherwise all.
        """
        found = [f"+dram_base={self.base:x}"]
        for each in fields(self):
            if each.name not in ("base", "stalls"):
                found.append(f"+dram_{each.name}={int(getattr(self, each.name))}")
        found += [f"+dram_stall_{channel}={n}" for channel, n in sorted(self.stalls.items())]
        if part is not None:
            found += [f"+dram_dump_from={part[0]}", f"+dram_dump_bytes={part[1]}"]
        files = {"load": load, "dump": dump}
        return found + [f"+dram_{name}={path}" for name, path in files.items() if path is not None]
