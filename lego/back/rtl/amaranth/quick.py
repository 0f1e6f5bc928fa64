"""Faster versions of a few functions of Amaranth, in force while a module is converted.

Amaranth handles every bit of every signal in Python, several times. These give the same netlist and the
same text for what :mod:`lego.back.rtl.amaranth.fragment` builds: one module without submodules, signals
driven whole and once, clocked by one domain. They are used with the versions of Amaranth in `KNOWN`,
against which tests compare them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import amaranth
from amaranth import Const, Shape, Signal
from amaranth.back.rtlil import Cell, ModuleEmitter, Wire
from amaranth.hdl import _ast, _ir, _nir
from amaranth.hdl._ir import NetlistDriver, NetlistEmitter
from amaranth.hdl._nir import Net, Netlist, SignalField, Value

from lego.back.rtl.amaranth.expressions import collect_used_signals, emit_rhs, extend
from lego.back.rtl.amaranth.printing import emit_cell, emit_wire
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


def _nets_of(cell: int, start: int, bits: int) -> Value:
    """So many nets of a cell's output, from one on."""
    first = (cell << 16) + start
    return tuple.__new__(Value, map(Net, range(first, first + bits)))


def _add_value_cell(self: Netlist, width: int, cell: Any) -> Value:
    if width > BITS:
        raise InternalError(f"a cell with {width} bits")
    return _nets_of(self.add_cell(cell), 0, width)


def _alloc_late_value(self: Netlist, signal: Signal) -> Value:
    stop = self.last_late_net
    self.last_late_net = stop - len(signal)
    return tuple.__new__(Value, map(Net, range(self.last_late_net, stop)))


def _resolve_value(self: Netlist, value: Value) -> Value:
    return tuple.__new__(Value, map(self.connections.get, value, value))


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
    known = value[:1] if value and not value[0] & BITS - 1 else value
    self.nets.update((net, (wire, k)) for k, net in enumerate(known))
    return wire


class _Wires(dict[Net, tuple[Wire, int]]):
    """The wire of each net, and its place there: where a cell's outputs are one wire, only the first net's
    is kept."""

    def __missing__(self, net: Net) -> tuple[Wire, int]:
        bit = net & BITS - 1
        if not bit:
            raise KeyError(net)
        return self[Net(net - bit)][0], bit


def _collect_memory_info(self: ModuleEmitter) -> None:
    self.nets = _Wires()
    _BEFORE[ModuleEmitter, "collect_memory_info"](self)


def _emit_cell_wires(self: ModuleEmitter) -> None:
    for index in self.module.cells:
        cell = self.netlist.cells[index]
        if type(cell) is _nir.Instance:
            for name, (start, width) in cell.ports_o.items():
                wire = _emit_driven_wire(self, _nets_of(index, start, width))
                self.instance_wires[index, name] = wire
        elif type(cell) in _WIDTHS:
            width = _WIDTHS[type(cell)](cell)
            self.cell_wires[index] = _emit_driven_wire(self, _nets_of(index, 0, width))
        elif type(cell) not in _WITHOUT_WIRES:
            raise InternalError(f"a cell of the type {type(cell).__name__}")


_WIDTHS: dict[type, Callable[[Any], int]] = {
    _nir.Operator: lambda cell: cell.width,
    _nir.SyncReadPort: lambda cell: cell.width,
    _nir.AssignmentList: lambda cell: len(cell.default),
    _nir.FlipFlop: lambda cell: len(cell.data),
}
_WITHOUT_WIRES = frozenset(
    (
        *(_nir.Top, _nir.PriorityMatch, _nir.Matches),
        *(_nir.SyncProperty, _nir.Memory, _nir.SyncWritePort),
    )
)


def _emit_assignment_list(self: ModuleEmitter, index: int, cell: _nir.AssignmentList) -> None:
    """Without a function within that knows itself: such a cycle keeps all of the netlist alive."""
    target = _nets_of(index, 0, len(cell.default))
    process = self.builder.process(src_loc=cell.src_loc)
    process.assign(_sigspec(self, target), _sigspec(self, cell.default))
    _assign(self, process, _ALWAYS, target, list(reversed(cell.assignments)))


def _assign(
    self: ModuleEmitter, case: Any, condition: Net, target: Value, waiting: list[_nir.Assignment]
) -> None:
    """Assign under a condition, and in switches what has conditions within it; the rest is left waiting."""
    while waiting:
        first = waiting[-1]
        if first.cond == condition:
            waiting.pop()
            part = target[first.start : first.start + len(first.value)]
            case.assign(_sigspec(self, part), _sigspec(self, first.value))
            continue
        number = _within(self.netlist, first.cond, condition)
        if number is None:
            return
        priority = self.netlist.cells[number]
        tested = [self.netlist.cells[n.cell] for n in priority.inputs if n != _ALWAYS]
        switch = case.switch(_sigspec(self, tested[0].value if tested else Value()))
        for bit, net in enumerate(priority.inputs):
            always = net == _ALWAYS
            inner = (
                switch.default() if always else switch.case(self.netlist.cells[net.cell].patterns)
            )
            _assign(self, inner, _nets_of(number, bit, 1)[0], target, waiting)


def _within(netlist: Netlist, condition: Net, outer: Net) -> int | None:
    """The cell of conditions right below an outer one that leads to a condition; None if it isn't below."""
    number = None
    while condition != outer:
        if condition == _ALWAYS:
            return None
        number = condition.cell
        condition = netlist.cells[number].en
    return number


_ALWAYS = Net(1)


def _shorten_operand(_self: ModuleEmitter, value: Value, *, signed: bool) -> Value:
    nets = tuple(value)
    stop = len(nets)
    while signed and stop > 1 and nets[stop - 1] == nets[stop - 2]:
        stop -= 1
    while not signed and stop > 0 and nets[stop - 1] == 0:
        stop -= 1
    return value if stop == len(nets) else tuple.__new__(Value, nets[:stop])


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
    (_ir.Design, "_collect_used_signals_value"): collect_used_signals,
    (_ir, "_compute_net_flows"): _compute_net_flows,
    (NetlistEmitter, "emit_signal"): _emit_signal,
    (NetlistEmitter, "emit_rhs"): emit_rhs,
    (NetlistEmitter, "extend"): extend,
    (NetlistEmitter, "emit_signal_fields"): _emit_signal_fields,
    (NetlistEmitter, "connect"): _connect,
    (NetlistDriver, "emit_value"): _emit_value,
    (ModuleEmitter, "collect_init_attrs"): _collect_init_attrs,
    (ModuleEmitter, "collect_memory_info"): _collect_memory_info,
    (ModuleEmitter, "emit_cell_wires"): _emit_cell_wires,
    (ModuleEmitter, "emit_driven_wire"): _emit_driven_wire,
    (ModuleEmitter, "emit_assignment_list"): _emit_assignment_list,
    (ModuleEmitter, "shorten_operand"): _shorten_operand,
    (ModuleEmitter, "sigspec"): _sigspec,
    (Cell, "emit"): emit_cell,
    (Wire, "emit"): emit_wire,
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
