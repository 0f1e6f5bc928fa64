"""How a client's runs of beats become bursts: checked against their segment, cut at boundaries.

In the cycle in which a run is asked for, its segment is looked up; in the next one its address is made and
its range checked; then it gives one burst per cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.system.axi.asked import BEATS_BITS, OFFSET_BITS, Asked, asked_of
from lego.back.system.nest import plus
from lego.diag import InternalError
from lego.ir.commands import ErrorCode
from lego.ir.dag import Op, index_bits

__all__ = ["BOUNDARY_BYTES", "Bus", "Cut", "Fault", "bursts_of", "report"]

BOUNDARY_BYTES, MOST_BEATS = 4096, 256


@dataclass(frozen=True, slots=True)
class Bus:
    """Sizes of a memory bus, all powers of two but the bits of an address.

    Attributes
    ----------
    address_bits : bits of a byte address, 33 to 64.
    bus_bits : bits of a beat, 32 to 512.
    outstanding : bursts that may be without their last answer at a time, 2 to 256.
    burst : beats of the longest burst; bursts end at multiples of its bytes.
    """

    address_bits: int
    bus_bits: int
    outstanding: int
    burst: int

    def __post_init__(self) -> None:
        allowed = {"bus_bits": (32, 512), "outstanding": (2, 256), "burst": (2, MOST_BEATS)}
        for name, (least, most) in allowed.items():
            value = getattr(self, name)
            if not least <= value <= most or value & (value - 1):
                raise InternalError(f"{name} is {value}, no power of two from {least} to {most}")
        if not OFFSET_BITS < self.address_bits <= 64:
            raise InternalError(f"address_bits is {self.address_bits}, not 33 to 64")

    @property
    def beat_shift(self) -> int:
        """Bits of an address within a beat."""
        return index_bits(self.bus_bits // 8)

    @property
    def beats(self) -> int:
        """Beats between the boundaries at which bursts end."""
        return min(self.burst, BOUNDARY_BYTES >> self.beat_shift)

    @property
    def addresses(self) -> tuple[int, int]:
        """Least and largest byte address."""
        return 0, (1 << self.address_bits) - 1


@dataclass(frozen=True, slots=True)
class Fault:
    """Nodes of a pulse, of its code, and of the byte address that it is about."""

    pulse: int
    code: int
    address: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Nodes of a client's next burst: whether there is one, its first byte's address, its beats less
    one, and whether it is the last of its run. `waits`: a run waits before it. `fault`: of its run."""

    valid: int
    address: int
    length: int
    last: int
    waits: int
    fault: Fault


def bursts_of(b: Builder, bus: Bus, client: str, take: int) -> Cut:
    """The bursts of the ports `client`; `take`: the present one is taken.

    A run that leaves its segment, or begins within a beat, gives no burst, nor does any that follows,
    until `halt`, which drops all runs.
    """
    advance, halt = b.wire((0, 1)), b.input("halt")
    asked = asked_of(b, client, advance, bus.beat_shift, bus.address_bits)
    valid, stuck = b.reg((0, 1), name=f"{client}_run"), b.reg((0, 1), name=f"{client}_stuck")
    bad = b.any([asked.misaligned, b.invert(_fits(b, bus, asked))])
    at, length, last = _left(b, bus, client, asked, valid, b.any([advance, take]))
    ends, goes_on = b.all([take, last]), b.invert(halt)
    free = b.all([b.invert(stuck), b.any([b.invert(valid), ends])])
    b.connect(advance, b.all([asked.valid, free]))
    b.drive(valid, b.all([goes_on, advance, b.invert(bad)]), b.any([halt, advance, ends]))
    b.drive(stuck, b.all([goes_on, advance, bad]), b.any([halt, advance]))
    address = b.wrap(b.shl(at, bus.beat_shift), bus.addresses)
    fault = _fault(b, stuck, address, asked.misaligned)
    return Cut(valid, address, length, last, asked.valid, fault)


def _left(
    b: Builder, bus: Bus, client: str, asked: Asked, valid: int, moves: int
) -> tuple[int, int, int]:
    """What is left of a run: its address in beats, beats less one of the next burst, and whether it is the
    last. When something moves a new run is loaded unless there is one that goes on."""
    inner, span = index_bits(bus.beats), (0, (1 << BEATS_BITS) - 1)
    left = b.reg(span, name=f"{client}_left", resets=False)  # less one
    stays = b.wire((0, 1))
    at = _address(b, bus, client, asked, (stays, moves))
    within = b.slice(at, 0, inner)
    room = b.op(Op.SUB, b.const(bus.beats - 1), within)  # less one
    goes_on = b.less(room, left)
    upper = b.slice(b.const((1 << BEATS_BITS) - 1), 0, BEATS_BITS - inner)
    rest = plus(b, left, b.cat([within, upper]), BEATS_BITS)  # without the room
    b.connect(stays, b.all([valid, goes_on]))
    fewer = b.wrap(b.add(asked.beats, b.const(-1)), span)
    b.drive(left, b.mux(stays, b.wrap(rest, span), fewer), moves)
    return at, b.wrap(b.mux(goes_on, room, left), (0, bus.beats - 1)), b.invert(goes_on)


def _address(b: Builder, bus: Bus, client: str, asked: Asked, moves: tuple[int, int]) -> int:
    """A register of base and offset, which goes on at the next boundary if the run stays.

    A carry out of the bits that offsets have is kept beside them.
    """
    stays, enable = moves
    low, inner = OFFSET_BITS - bus.beat_shift, index_bits(bus.beats)
    span = (0, (2 << low) - 1)
    at = b.reg(span, name=f"{client}_address", resets=False)
    begin = b.wrap(plus(b, b.slice(asked.base, 0, low), asked.offset, low + 1), span)
    size = low + 1 - inner
    further = plus(b, b.slice(at, inner, size), b.const(1), size)
    b.drive(at, b.mux(stays, b.wrap(b.shl(further, inner), span), begin), enable)
    upper = b.slice(asked.base, low, bus.address_bits - OFFSET_BITS)
    load = b.all([enable, b.invert(stays)])
    high = _above(b, client, upper, bus.address_bits - OFFSET_BITS, (load, b.slice(at, low, 1)))
    return b.cat([b.slice(at, 0, low), b.slice(high, 0, bus.address_bits - OFFSET_BITS)])


def _above(b: Builder, client: str, upper: int, bits: int, moves: tuple[int, int]) -> int:
    """Registers of a base's upper bits, of which one more is shown with a carry: half of them are counted up
    when they are loaded, and half behind the registers."""
    load, carry = moves
    half = bits // 2
    counted = b.add(b.slice(upper, 0, half), b.const(1))
    kept = b.reg((0, (1 << bits) - 1), name=f"{client}_upper", resets=False)
    next_one = b.reg((0, 1 << half), name=f"{client}_upper_next", resets=False)
    b.drive(kept, upper, load)
    b.drive(next_one, counted, load)
    over = b.slice(kept, half, bits - half)
    raised = b.mux(b.slice(next_one, half, 1), b.add(over, b.const(1)), over)
    whole = b.cat([b.slice(next_one, 0, half), b.slice(raised, 0, bits - half)])
    return b.mux(carry, whole, kept)


def _fits(b: Builder, bus: Bus, asked: Asked) -> int:
    """Whether a run ends within its segment: the upper bits are compared with and without a carry."""
    above = OFFSET_BITS - bus.beat_shift - BEATS_BITS
    offset, limit = (
        (b.slice(x, 0, BEATS_BITS), b.slice(x, BEATS_BITS, above))
        for x in (asked.offset, asked.limit)
    )
    low = b.add(offset[0], asked.beats)
    carry = b.slice(low, BEATS_BITS, 1)
    next_one = b.add(offset[1], b.const(1))
    below = b.mux(carry, b.less(next_one, limit[1]), b.less(offset[1], limit[1]))
    equal = b.mux(carry, b.eq(next_one, limit[1]), b.eq(offset[1], limit[1]))
    within = b.invert(b.less(limit[0], b.slice(low, 0, BEATS_BITS)))
    return b.any([below, b.all([equal, within])])


def _fault(b: Builder, stuck: int, address: int, misaligned: int) -> Fault:
    """A pulse when a refused run has come from the FIFO; `misaligned` says why in the cycle before."""
    pulse = b.all([stuck, b.invert(b.delay(stuck, 1, resets=True))])
    code = b.mux(b.delay(misaligned, 1), b.const(ErrorCode.ALIGN), b.const(ErrorCode.RANGE))
    return Fault(pulse, code, address)


def report(b: Builder, faults: Sequence[Fault]) -> None:
    """The ports of the first of the faults that there is."""
    first = faults[-1]
    for fault in reversed(faults[:-1]):
        first = Fault(
            b.any([fault.pulse, first.pulse]),
            b.mux(fault.pulse, fault.code, first.code),
            b.mux(fault.pulse, fault.address, first.address),
        )
    b.output("fault", first.pulse)
    b.output("fault_code", b.wrap(first.code, (0, 15)))
    b.output("fault_address", first.address)
