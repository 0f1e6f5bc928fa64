"""Runs as clients ask for them, with what the host said of their segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.ir.dag import Op

__all__ = ["BEATS_BITS", "OFFSET_BITS", "Asked", "asked_of"]

SEGMENTS, OFFSET_BITS, BEATS_BITS = 8, 32, 16


@dataclass(frozen=True, slots=True)
class Asked:
    """Nodes of the run that waits first: whether there is one, and in beats its segment's base and limit, its
    offset and its length; `misaligned`: it begins within a beat."""

    valid: int
    base: int
    limit: int
    offset: int
    beats: int
    misaligned: int


def asked_of(b: Builder, client: str, advance: int, shift: int, address_bits: int) -> Asked:
    """A client's ports, and two places for its runs; with `advance` the first one goes, with `halt` all do.

    The client sees whether there is a place without looking at the bus. `shift` are the bits of an address
    within a beat.
    """
    halt = b.input("halt")
    held, behind = b.reg((0, 1), name=f"{client}_asked"), b.reg((0, 1), name=f"{client}_behind")
    ready = b.all([b.invert(behind), b.invert(halt)])
    enters = b.all([b.input(f"{client}_valid"), ready])
    b.output(f"{client}_ready", ready)
    free = b.any([b.invert(held), advance])
    fields = _fields(b, client, shift, address_bits, enters)
    kept = {
        name: _kept(b, f"{client}_{name}", node, (behind, free)) for name, node in fields.items()
    }
    goes_on = b.invert(halt)
    b.drive(held, b.all([goes_on, b.any([behind, enters])]), b.any([halt, free]))
    b.drive(behind, b.all([goes_on, enters, b.invert(free)]), b.any([halt, free, enters]))
    return Asked(held, **kept)


def _kept(b: Builder, name: str, node: int, moves: tuple[int, int]) -> int:
    """A register for the first run, and one behind it; the first takes from there or from the client."""
    behind, free = moves
    span = b.nodes[node].range
    second = b.reg(span, name=f"{name}_behind", resets=False)
    b.drive(second, node, b.invert(behind))
    first = b.reg(span, name=f"{name}_asked", resets=False)
    b.drive(first, b.mux(behind, second, node), free)
    return first


def _fields(
    b: Builder, client: str, shift: int, address_bits: int, enters: int
) -> Mapping[str, int]:
    """What is kept of a run."""
    segment = b.input(f"{client}_segment", (0, SEGMENTS - 1))
    offset = b.input(f"{client}_offset", (0, (1 << OFFSET_BITS) - 1))
    beats = b.input(f"{client}_beats", (0, (1 << BEATS_BITS) - 1))
    here = [b.eq(segment, b.const(k)) for k in range(SEGMENTS)]
    base, limit = (
        _looked_up(b, name, here, bits)
        for name, bits in (("base", address_bits), ("limit", OFFSET_BITS))
    )
    b.check(b.eq(b.slice(base, 0, shift), b.const(0)), enters)
    b.check(b.invert(b.eq(beats, b.const(0))), enters)
    within = b.invert(b.eq(b.slice(offset, 0, shift), b.const(0)))
    return {
        "base": b.slice(base, shift, address_bits - shift),
        "limit": b.slice(limit, shift, OFFSET_BITS - shift),
        "offset": b.slice(offset, shift, OFFSET_BITS - shift),
        "beats": beats,
        "misaligned": b.wrap(within, (0, 1)),
    }


def _looked_up(b: Builder, name: str, here: list[int], bits: int) -> int:
    """Of the segment that is `here`."""
    ports = [b.input(f"segment_{name}{k}", (0, (1 << bits) - 1)) for k in range(SEGMENTS)]
    return b.op(Op.ONEHOT, *(node for pair in zip(here, ports, strict=True) for node in pair))
