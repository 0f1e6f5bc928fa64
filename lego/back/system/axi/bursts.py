"""How a client's runs of beats become bursts: checked against their segment, cut at boundaries.

A run waits in a FIFO of two, so that its client never looks at the bus in the cycle in which it asks.
In the next cycle its address is made and its range checked, and then it gives one burst per cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.system.control.fifo import Fifo
from lego.diag import InternalError
from lego.ir.commands import ErrorCode
from lego.ir.dag import Op, index_bits

__all__ = ["BOUNDARY_BYTES", "Bus", "Cut", "Fault", "bursts_of", "report"]

SEGMENTS, OFFSET_BITS, BEATS_BITS = 8, 32, 16
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


def bursts_of(b: Builder, bus: Bus, client: str, take: int, halt: int) -> Cut:
    """The bursts of the ports `client`; `take`: the present one is taken.

    A run that leaves its segment, or begins within a beat, gives no burst, nor does any that follows,
    until `halt`, which drops all runs.
    """
    advance = b.wire((0, 1))
    empty, asked = _asked(b, client, advance, halt)
    address, bad, misaligned = _checked(b, bus, asked)
    valid, stuck = b.reg((0, 1), name=f"{client}_run"), b.reg((0, 1), name=f"{client}_stuck")
    at, beats, last = _left(b, bus, client, (address, asked[2]), (advance, take))
    ends, goes_on = b.all([take, last]), b.invert(halt)
    free = b.all([b.invert(stuck), b.any([b.invert(valid), ends])])
    b.connect(advance, b.all([b.invert(empty), free]))
    b.drive(valid, b.all([goes_on, advance, b.invert(bad)]), b.any([halt, advance, ends]))
    b.drive(stuck, b.all([goes_on, advance, bad]), b.any([halt, advance]))
    length = b.wrap(b.add(beats, b.const(-1)), (0, bus.beats - 1))
    fault = _fault(b, stuck, at, misaligned)
    return Cut(valid, at, length, last, b.invert(empty), fault)


def _left(
    b: Builder, bus: Bus, client: str, run: tuple[int, int], moves: tuple[int, int]
) -> tuple[int, int, int]:
    """What is left of a run: its address, how many beats the next burst has, and whether it is the last.

    `run` are the address and beats of one that comes; `moves` says that it does, and that a burst goes.
    """
    address, beats = run
    comes, _ = moves
    span = (0, (1 << BEATS_BITS) - 1)
    left = b.reg(span, name=f"{client}_left", resets=False)
    at = b.reg(bus.addresses, name=f"{client}_address", resets=False)
    room = b.op(Op.SUB, b.const(bus.beats), b.slice(at, bus.beat_shift, index_bits(bus.beats)))
    last = b.invert(b.less(room, left))
    now = b.mux(last, left, room)
    rest = b.wrap(b.op(Op.SUB, left, now), span)
    b.drive(left, b.mux(comes, beats, rest), b.any(moves))
    b.drive(at, b.mux(comes, address, _boundary(b, bus, at)), b.any(moves))
    return at, now, last


def _asked(b: Builder, client: str, advance: int, halt: int) -> tuple[int, list[int]]:
    """The client's ports, and the first run that it asked for, if any: segment, offset and beats."""
    valid = b.input(f"{client}_valid")
    fields = [
        b.input(f"{client}_{name}", (0, (1 << bits) - 1))
        for name, bits in (("segment", 3), ("offset", OFFSET_BITS), ("beats", BEATS_BITS))
    ]
    runs = Fifo(b, 2, f"{client}_asked")
    ready = b.all([b.invert(runs.full), b.invert(halt)])
    enters = b.all([valid, ready])
    asked = runs.put(fields, enters)
    runs.take(advance, halt)
    b.check(b.invert(b.eq(fields[2], b.const(0))), enters)
    b.output(f"{client}_ready", ready)
    return runs.empty, asked


def _checked(b: Builder, bus: Bus, run: Sequence[int]) -> tuple[int, int, int]:
    """The address of a run's first byte, whether the run is refused, and whether for its alignment."""
    segment, offset, beats = run
    bases = [b.input(f"segment_base{k}", bus.addresses) for k in range(SEGMENTS)]
    limits = [b.input(f"segment_limit{k}", (0, (1 << OFFSET_BITS) - 1)) for k in range(SEGMENTS)]
    base, limit = (b.select(segment, 3, each) for each in (bases, limits))
    address = b.wrap(b.add(base, offset), bus.addresses)
    end = b.add(offset, b.shl(beats, bus.beat_shift))
    misaligned = b.invert(b.eq(b.slice(offset, 0, bus.beat_shift), b.const(0)))
    return address, b.any([b.less(limit, end), misaligned]), misaligned


def _boundary(b: Builder, bus: Bus, address: int) -> int:
    """The next address at which a burst must begin."""
    shift = bus.beat_shift + index_bits(bus.beats)
    upper = b.add(b.slice(address, shift, bus.address_bits - shift), b.const(1))
    return b.wrap(b.shl(upper, shift), bus.addresses)


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
