"""Faster versions of a few functions of Amaranth, in force while a module is converted.

Amaranth handles every bit of every signal in Python, several times. These give the same netlist and the
same text for what :mod:`lego.back.rtl.amaranth.fragment` builds: one module without submodules, signals
driven whole and once, clocked by one domain. They are used with the versions of Amaranth in `KNOWN`,
against which tests compare them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any, Generic, TypeVar

import amaranth
from amaranth import Const, Shape, Signal
from amaranth.back.rtlil import ModuleEmitter, Wire
from amaranth.hdl import _ast, _ir, _nir
from amaranth.hdl._ir import NetlistDriver, NetlistEmitter
from amaranth.hdl._nir import Net, Netlist, SignalField, Value

from lego.back.rtl.amaranth.wide import BITS
from lego.diag import InternalError

__all__ = ["KNOWN", "quick"]

KNOWN = ("0.5.10",)

T = TypeVar("T")


class SignalDict(Generic[T]):
    """A dict by signals, which can't be compared; found by their serial numbers."""

    def __init__(self) -> None:
        self._signals: dict[int, Signal] = {}
        self._values: dict[int, T] = {}

    def __getitem__(self, signal: Signal) -> T:
        return self._values[signal.duid]

    def __setitem__(self, signal: Signal, value: T) -> None:
        self._signals[signal.duid] = signal
        self._values[signal.duid] = value

    def __contains__(self, signal: Signal) -> bool:
        return signal.duid in self._values

    def __iter__(self) -> Iterator[Signal]:
        return iter(self._signals.values())

    def setdefault(self, signal: Signal, value: T) -> T:
        """The signal's value; this one if it has none."""
        self._signals[signal.duid] = signal
        return self._values.setdefault(signal.duid, value)

    def items(self) -> Iterable[tuple[Signal, T]]:
        """(signal, value), in the order in which signals were added."""
        return zip(self._signals.values(), self._values.values(), strict=True)

    def values(self) -> Iterable[T]:
        """Values, in the order in which signals were added."""
        return self._values.values()


def _len(self: _ast.Value) -> int:
    return self._width if type(self) is Signal else self.shape().width


def _initial(init: int | None, shape: Shape, what: str = "signal") -> int:
    if type(init) is int and type(shape) is Shape:
        return Const(init, shape).value if init else 0
    value: int = _BEFORE[_ast, "_get_init_value"](init, shape, what)
    return value


class Format:
    """Stands for how a simulator prints a signal."""

    def __init__(self, *_parts: object) -> None:
        pass


def _value(cls: type[Value], nets: Iterable[Net] | Net = ()) -> Value:
    if type(nets) is cls:
        return nets
    return tuple.__new__(cls, (nets,) if type(nets) is Net else nets)


def _add_value_cell(self: Netlist, width: int, cell: Any) -> Value:
    first = self.add_cell(cell) << 16
    if width > BITS:
        raise InternalError(f"a cell with {width} bits")
    return Value(map(Net, range(first, first + width)))


def _alloc_late_value(self: Netlist, signal: Signal) -> Value:
    stop = self.last_late_net
    self.last_late_net = stop - len(signal)
    return Value(map(Net, range(self.last_late_net, stop)))


def _resolve_value(self: Netlist, value: Value) -> Value:
    return Value(map(self.connections.get, value, value))


def _resolve_all_nets(self: Netlist) -> None:
    for late, net in self.connections.items():
        while net < 0:
            net = self.connections[net]
        self.connections[late] = net
    _BEFORE[Netlist, "resolve_all_nets"](self)


def _check_comb_cycles(_netlist: Netlist) -> None:
    """There are none: see `quick`."""


def _compute_net_flows(netlist: Netlist) -> None:
    if len(netlist.modules) > 1:
        _BEFORE[_ir, "_compute_net_flows"](netlist)


def _emit_signal(self: NetlistEmitter, signal: Signal) -> Value:
    signals = self.netlist.signals
    if signal not in signals:
        signals[signal] = self.netlist.alloc_late_value(signal)
    return signals[signal]


def _emit_rhs(self: NetlistEmitter, module: int, value: _ast.Value) -> tuple[Value, bool]:
    if type(value) is Signal:
        return _emit_signal(self, value), value._signed
    found: tuple[Value, bool] = _BEFORE[NetlistEmitter, "emit_rhs"](self, module, value)
    return found


def _emit_signal_fields(self: NetlistEmitter) -> None:
    for signal in self.design.signal_lca:
        field = SignalField(_emit_signal(self, signal), signed=signal._signed)
        self.netlist.signal_fields[signal] = {(): field}


def _connect(self: NetlistEmitter, left: Value, right: Value, *, src_loc: object) -> None:
    known = self.netlist.connections
    if not known.keys().isdisjoint(left):
        raise InternalError(f"two drivers, at {src_loc} and elsewhere")
    known.update(zip(left, right, strict=True))


def _emit_value(self: NetlistDriver, builder: NetlistEmitter, start: int, stop: int) -> Value:
    only = self.assignments[0]
    whole = only.cond == 1 and only.start == start and len(only.value) == stop - start
    if whole and len(self.assignments) == 1:
        return only.value
    return _BEFORE[NetlistDriver, "emit_value"](self, builder, start, stop)


def _emit_driven_wire(self: ModuleEmitter, value: Value) -> Wire:
    if value in self.value_names:
        name = self.value_names[value]
        wire, _ = self.sigport_wires[name]
        self.driven_sigports.add(name)
    else:
        wire = self.builder.wire(len(value), attrs=self.value_attrs.get(value, {}))
    self.nets.update(zip(value, zip(repeat(wire), range(len(value)), strict=False), strict=True))
    return wire


def _collect_init_attrs(_emitter: ModuleEmitter) -> None:
    """Only the reset gives state a value."""


def _sigspec(self: ModuleEmitter, *parts: Iterable[Net]) -> str:
    value = tuple(parts[0]) if len(parts) == 1 and type(parts[0]) is Value else _joined(parts)
    chunks: list[str] = []
    begin, stop = 0, len(value)
    while begin < stop:
        end = begin + 1
        first = value[begin]
        if first < 2:
            while end < stop and 0 <= value[end] < 2:
                end += 1
            bits = "".join(map(_DIGITS.__getitem__, value[begin:end]))
            chunks.append(f"{end - begin}'{bits[::-1]}")
        else:
            wire, low = self.nets[first]
            most = min(stop, begin + wire.width - low)
            while end < most and value[end] - first == end - begin:
                end += 1
            high = low + end - begin - 1
            chunks.append(f"{wire.name} [{high}:{low}]" if high > low else f"{wire.name} [{low}]")
        begin = end
    return chunks[0] if len(chunks) == 1 else f"{{ {' '.join(reversed(chunks))} }}"


_DIGITS = ("0", "1")


def _joined(parts: Iterable[Iterable[Net] | Net]) -> tuple[Net, ...]:
    return tuple(net for part in parts for net in Value(part))


_QUICK: dict[tuple[Any, str], Any] = {
    (_ast, "SignalDict"): SignalDict,
    (_nir, "SignalDict"): SignalDict,
    (_ast, "Format"): Format,
    (_ast, "_get_init_value"): _initial,
    (_ast.Value, "__len__"): _len,
    (Value, "__new__"): _value,
    (Netlist, "add_value_cell"): _add_value_cell,
    (Netlist, "alloc_late_value"): _alloc_late_value,
    (Netlist, "resolve_value"): _resolve_value,
    (Netlist, "resolve_all_nets"): _resolve_all_nets,
    (Netlist, "check_comb_cycles"): _check_comb_cycles,
    (_ir, "_compute_net_flows"): _compute_net_flows,
    (NetlistEmitter, "emit_signal"): _emit_signal,
    (NetlistEmitter, "emit_rhs"): _emit_rhs,
    (NetlistEmitter, "emit_signal_fields"): _emit_signal_fields,
    (NetlistEmitter, "connect"): _connect,
    (NetlistDriver, "emit_value"): _emit_value,
    (ModuleEmitter, "collect_init_attrs"): _collect_init_attrs,
    (ModuleEmitter, "emit_driven_wire"): _emit_driven_wire,
    (ModuleEmitter, "sigspec"): _sigspec,
}
_BEFORE: dict[tuple[Any, str], Callable[..., Any]] = {
    (owner, name): vars(owner)[name] for owner, name in _QUICK
}


@contextmanager
def quick() -> Iterator[None]:
    """Use the faster functions if they are known to fit this version of Amaranth.

    They don't look for combinational loops: not for modules of which
    :func:`lego.back.rtl.amaranth.loops.may_loop` holds.
    """
    if amaranth.__version__ not in KNOWN:
        yield
        return
    for (owner, name), function in _QUICK.items():
        setattr(owner, name, function)
    try:
        yield
    finally:
        for (owner, name), function in _BEFORE.items():
            setattr(owner, name, function)
