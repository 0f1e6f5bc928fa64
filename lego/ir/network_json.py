"""Networks as JSON, and back."""

from __future__ import annotations

from typing import Any

from lego.diag import InternalError
from lego.ir.affine import AffineMap
from lego.ir.network import (
    Apply,
    Body,
    Buffer,
    Fn,
    Kind,
    Network,
    Number,
    Operation,
    Place,
    Position,
    Role,
    Value,
)
from lego.ir.workload import Loop, Reduction

__all__ = ["SCHEMA", "from_json", "to_json"]

SCHEMA = "lego/network/1"


def to_json(network: Network) -> dict[str, Any]:
    """The network as a JSON object. Infinities, which JSON lacks, are strings."""
    return {
        "schema": SCHEMA,
        "name": network.name,
        "buffers": [[b.name, list(b.shape), b.format, b.role.value] for b in network.buffers],
        "operations": [_operation(op) for op in network.operations],
        "inputs": list(network.inputs),
        "outputs": list(network.outputs),
    }


def _operation(op: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": op.name,
        "source": op.source,
        "kind": op.kind.value,
        "loops": [[loop.name, loop.extent] for loop in op.loops],
        "output": _place(op.output),
        "inputs": [_place(place) for place in op.inputs],
        "body": _body(op.body),
        "reduction": op.reduction.value,
    }
    return found | ({"reason": op.reason} if op.reason else {})


def _place(place: Place) -> list[Any]:
    return [
        place.buffer,
        [list(row) for row in place.map.rows],
        list(place.map.offset),
        None if place.pad is None else _number(place.pad),
        [list(pair) for pair in place.indirect],
    ]


def _number(value: float) -> float | str:
    return str(value) if value in (float("inf"), float("-inf")) else value


def _body(body: Body) -> list[Any]:
    match body:
        case Value(index):
            return ["value", index]
        case Number(value):
            return ["number", _number(value)]
        case Position(loop):
            return ["position", loop]
        case Apply(fn, args):
            return [fn.value, *(_body(arg) for arg in args)]
    raise InternalError("a finished body has no labels")


def from_json(document: dict[str, Any]) -> Network:
    """The network of a JSON object that :func:`to_json` made. Raises InternalError for another schema."""
    if document.get("schema") != SCHEMA:
        raise InternalError(f"a network of schema {document.get('schema')!r}, not {SCHEMA}")
    return Network(
        document["name"],
        tuple(
            Buffer(name, tuple(shape), fmt, Role(role))
            for name, shape, fmt, role in document["buffers"]
        ),
        tuple(_read_operation(each) for each in document["operations"]),
        tuple(document["inputs"]),
        tuple(document["outputs"]),
    )


def _read_operation(given: dict[str, Any]) -> Operation:
    return Operation(
        given["name"],
        given["source"],
        Kind(given["kind"]),
        tuple(Loop(name, extent) for name, extent in given["loops"]),
        _read_place(given["output"]),
        tuple(map(_read_place, given["inputs"])),
        _read_body(given["body"]),
        Reduction(given["reduction"]),
        given.get("reason", ""),
    )


def _read_place(given: list[Any]) -> Place:
    buffer, rows, offset, pad, indirect = given
    access = AffineMap(tuple(map(tuple, rows)), tuple(offset))
    pairs = tuple((dim, source) for dim, source in indirect)
    return Place(buffer, access, None if pad is None else float(pad), pairs)


def _read_body(given: list[Any]) -> Body:
    head, *rest = given
    match head:
        case "value":
            return Value(rest[0])
        case "number":
            return Number(float(rest[0]) if isinstance(rest[0], str) else rest[0])
        case "position":
            return Position(rest[0])
    return Apply(Fn(head), tuple(map(_read_body, rest)))
