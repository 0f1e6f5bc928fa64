"""The two sides of an AXI4-Lite port with 32 bits of data: one access at a time each way.

Addresses and data of writes are taken in any order. What an access finds is known the cycle after it was
taken, and its answer is there in the next; no output depends on an input of the same cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.ir.control_map import ADDRESS_BITS

__all__ = [
    "WORD",
    "ReadSide",
    "WriteSide",
    "answered_read",
    "answered_write",
    "taken_read",
    "taken_write",
]

PORT = "s_axi_"
BIT = (0, 1)
WORD = (0, (1 << 32) - 1)


@dataclass(frozen=True, slots=True)
class WriteSide:
    """A write whose address and data are both there.

    Attributes
    ----------
    acts : it takes effect at the end of this cycle; the others mean something then only.
    word : number of the 32-bit word.
    data : its four bytes, lowest first.
    strobes : which of these are written.
    answers : the register that says that an answer waits to be taken.
    """

    acts: int
    word: int
    data: tuple[int, ...]
    strobes: tuple[int, ...]
    answers: int


@dataclass(frozen=True, slots=True)
class ReadSide:
    """A read: in the cycle in which it `acts` it looks at the word of number `word`."""

    acts: int
    word: int
    answers: int


def taken_write(b: Builder) -> WriteSide:
    """Hold an address and a word until both are there and the answer before was taken."""
    addressed, filled, answers = (b.reg(BIT, name=name) for name in ("aw_held", "w_held", "bvalid"))
    acts = b.all([addressed, filled, b.invert(answers)], name="writes")
    word = _address(b, "aw", _takes(b, "aw", addressed, acts))
    takes = _takes(b, "w", filled, acts)
    wdata, wstrb = b.input(f"{PORT}wdata", WORD), b.input(f"{PORT}wstrb", (0, 15))
    bytes_ = [b.slice(wdata, 8 * k, 8) for k in range(4)]
    data = _kept(b, {f"wdata_b{k}": byte for k, byte in enumerate(bytes_)}, takes)
    bits = {f"wstrb_b{k}": b.slice(wstrb, k, 1) for k in range(4)}
    return WriteSide(acts, word, data, _kept(b, bits, takes), answers)


def answered_write(b: Builder, side: WriteSide, error: int) -> None:
    """Answer a write, with SLVERR if there is an `error` in the cycle in which it acts."""
    _answer(b, "b", side.acts, side.answers, error)


def taken_read(b: Builder) -> ReadSide:
    """Hold an address until the answer before was taken."""
    addressed, answers = b.reg(BIT, name="ar_held"), b.reg(BIT, name="rvalid")
    acts = b.all([addressed, b.invert(answers)], name="reads")
    return ReadSide(acts, _address(b, "ar", _takes(b, "ar", addressed, acts)), answers)


def answered_read(b: Builder, side: ReadSide, data: int, error: int) -> None:
    """Answer a read with the word that is there in the cycle in which it acts."""
    (kept,) = _kept(b, {"rdata": b.wrap(data, WORD)}, side.acts)
    b.output(f"{PORT}rdata", kept)
    _answer(b, "r", side.acts, side.answers, error)


def _takes(b: Builder, channel: str, held: int, leaves: int) -> int:
    """Whether a channel is taken in this cycle; it is until `held`, which lasts until it `leaves`."""
    ready = b.invert(held)
    takes = b.all([b.input(f"{PORT}{channel}valid"), ready])
    b.drive(held, b.any([takes, b.all([held, b.invert(leaves)])]))
    b.output(f"{PORT}{channel}ready", ready)
    return takes


def _address(b: Builder, channel: str, takes: int) -> int:
    """The number of the word at the address that a channel was given; protection bits aren't looked at."""
    address = b.input(f"{PORT}{channel}addr", (0, (1 << ADDRESS_BITS) - 1))
    b.input(f"{PORT}{channel}prot", (0, 7))
    (word,) = _kept(b, {f"{channel}_word": b.slice(address, 2, ADDRESS_BITS - 2)}, takes)
    return word


def _kept(b: Builder, values: Mapping[str, int], when: int) -> tuple[int, ...]:
    """Registers of these names that take their values then."""
    found = []
    for name, value in values.items():
        register = b.reg(b.nodes[value].range, name=name, resets=False)
        b.drive(register, value, when)
        found.append(register)
    return tuple(found)


def _answer(b: Builder, channel: str, acts: int, answers: int, error: int) -> None:
    """The channel of an answer, which waits until it is taken."""
    waits = b.all([answers, b.invert(b.input(f"{PORT}{channel}ready"))])
    b.drive(answers, b.any([acts, waits]))
    (failed,) = _kept(b, {f"{channel}_failed": b.wrap(error, BIT)}, acts)
    b.output(f"{PORT}{channel}valid", answers)
    b.output(f"{PORT}{channel}resp", b.wrap(b.shl(failed, 1), (0, 3)))
