"""Faster versions of how Amaranth walks expressions and makes nets of them.

Amaranth asks every expression for its shape once its nets are made, and an operator's shape is worked out
from those of all expressions below it: in time that grows with the square of the depth. Here an expression is
as wide as its nets, and tuples are joined instead of being copied net by net.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth import Const, Signal
from amaranth.hdl import _ast
from amaranth.hdl._ir import Design, Fragment, NetlistEmitter
from amaranth.hdl._nir import Net, Value

__all__ = ["collect_used_signals", "emit_rhs", "extend"]

Found = tuple[Value, bool]
"""Nets, and whether the value that they hold is signed."""

_BITS = (Net(0), Net(1))


def emit_rhs(self: NetlistEmitter, module: int, value: _ast.Value) -> Found:
    """The nets of an expression, each made once."""
    if type(value) is Signal:
        return self.emit_signal(value), value._signed
    known = self.rhs_cache.get(id(value))
    if known is not None:
        return known[0], known[1]
    rule = _RULES.get(type(value))
    found = None if rule is None else rule(self, module, value)
    if found is None:
        other: Found = _EMIT_RHS(self, module, value)
        return other
    self.rhs_cache[id(value)] = (*found, value)  # the value itself, so that no other gets its id
    return found


def extend(_self: NetlistEmitter, value: Value, signed: bool, width: int) -> Value:
    """The nets with more of the last one, or of zeros, above them."""
    more = width - len(value)
    if more <= 0:
        return value
    last = value[-1] if signed else _BITS[0]
    return _value((*value, *((last,) * more)))


def collect_used_signals(self: Design, fragment: Fragment, value: _ast.Value) -> None:
    """Note the signals of an expression as used in a fragment."""
    kind = type(value)
    if kind is Signal:
        self._use_signal(fragment, value)
    elif kind is _ast.Operator:
        for operand in value._operands:
            collect_used_signals(self, fragment, operand)
    elif kind is not Const:
        _COLLECT(self, fragment, value)


def _value(nets: tuple[Net, ...]) -> Value:
    return tuple.__new__(Value, nets)


def _const(_emitter: NetlistEmitter, _module: int, value: Any) -> Found:
    shape = value.shape()
    bits = range(shape.width)
    return _value(tuple(_BITS[value.value >> k & 1] for k in bits)), shape.signed


def _slice(emitter: NetlistEmitter, module: int, value: Any) -> Found:
    inner, _ = emitter.emit_rhs(module, value.value)
    return _value(tuple.__getitem__(inner, slice(value.start, value.stop))), False


def _concat(emitter: NetlistEmitter, module: int, value: Any) -> Found:
    nets: list[Net] = []
    for part in value.parts:
        nets += emitter.emit_rhs(module, part)[0]
    return _value(tuple(nets)), False


def _choice(emitter: NetlistEmitter, module: int, value: Any) -> Found | None:
    """A multiplexer; None if it is another choice."""
    if len(value.cases) != 2 or value.cases[0][0] != ("0",) or value.cases[1][0] is not None:
        return None
    test, _ = emitter.emit_rhs(module, value.test)
    if len(test) != 1:
        return None
    yes, yes_signed = emitter.emit_rhs(module, value.cases[1][1])
    no, no_signed = emitter.emit_rhs(module, value.cases[0][1])
    yes, no, signed = _unified(emitter, yes, yes_signed, no, no_signed)
    return emitter.emit_operator(module, "m", test, yes, no, src_loc=value.src_loc), signed


def _operator(emitter: NetlistEmitter, module: int, value: Any) -> Found | None:
    """An operator of one or two operands; None if it isn't in the tables."""
    kind, operands = value._operator, value._operands
    if len(operands) == 1:
        if kind not in _UNARY:
            return None
        given, signed = emitter.emit_rhs(module, operands[0])
        if kind in ("s", "u"):
            return given, kind == "s"
        result = emitter.emit_operator(module, kind, given, src_loc=value.src_loc)
        return result, signed and kind == "~"
    if kind not in _BINARY:
        return None
    a, a_signed = emitter.emit_rhs(module, operands[0])
    b, b_signed = emitter.emit_rhs(module, operands[1])
    a, b, signed = _unified(emitter, a, a_signed, b, b_signed)
    if kind in ("+", "-"):
        width = len(a) + 1
        a, b = extend(emitter, a, signed, width), extend(emitter, b, signed, width)
    name = ("s<" if signed else "u<") if kind == "<" else kind
    result = emitter.emit_operator(module, name, a, b, src_loc=value.src_loc)
    return result, kind == "-" or (signed and kind not in ("==", "<"))


def _unified(
    emitter: NetlistEmitter, a: Value, a_signed: bool, b: Value, b_signed: bool
) -> tuple[Value, Value, bool]:
    """Both as wide as holds both; one that isn't signed has a zero above it beside one that is."""
    signed = a_signed or b_signed
    width = max(len(a) + (signed and not a_signed), len(b) + (signed and not b_signed))
    return extend(emitter, a, a_signed, width), extend(emitter, b, b_signed, width), signed


_UNARY = frozenset(("s", "u", "~", "b", "r|", "r&", "r^"))
_BINARY = frozenset(("&", "|", "^", "+", "-", "==", "<"))

_RULES: dict[type, Callable[[NetlistEmitter, int, Any], Found | None]] = {
    Const: _const,
    _ast.Slice: _slice,
    _ast.Concat: _concat,
    _ast.SwitchValue: _choice,
    _ast.Operator: _operator,
}

_EMIT_RHS: Callable[..., Any] = NetlistEmitter.emit_rhs
_COLLECT: Callable[..., Any] = Design._collect_used_signals_value
