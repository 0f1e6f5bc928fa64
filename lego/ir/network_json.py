"""Networks as JSON, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from lego.diag import InternalError
from lego.ir.affine import AffineMap
from lego.ir.formats import Format, format_named
from lego.ir.network import (
    Apply,
    Body,
    Buffer,
    Fn,
    Kind,
    Network,
    Number,
    Operation,
    Position,
    Role,
    Value,
)
from lego.ir.templates import Template, TemplateAccess, templates
from lego.ir.workload import Loop, Reduction

__all__ = ["SCHEMA", "NetworkJson", "from_json", "to_json"]

SCHEMA = "lego/network/2"

BodyJson = list["str | int | float | BodyJson"]
"""``["value", 0]``, ``["number", 0.5]``, ``["position", 1]``, or a function and its arguments."""
AccessJson = tuple[list[list[int]], list[int], float | str | None, list[list[int]], str]
"""Rows, offset, padding, (dimension, input) pairs and number format. Tuples are lists once read."""


class TemplateJson(TypedDict):
    """What alike operations share; loops are names and extents."""

    kind: str
    loops: list[tuple[str, int]]
    output: AccessJson
    inputs: list[AccessJson]
    body: BodyJson
    reduction: str
    reason: NotRequired[str]


class NetworkJson(TypedDict):
    """A network: buffers by name, shape, format and role; operations by name, source, template's
    number, output and inputs."""

    schema: str
    name: str
    buffers: list[tuple[str, list[int], str, str]]
    templates: list[TemplateJson]
    operations: list[tuple[str, str, int, str, list[str]]]
    inputs: list[str]
    outputs: list[str]


def to_json(network: Network) -> NetworkJson:
    """The network as a JSON object: operations name their template and their buffers.

    Infinities, which JSON lacks, are strings.
    """
    found = templates(network)
    number = {id(op): k for k, ops in enumerate(found.values()) for op in ops}
    return {
        "schema": SCHEMA,
        "name": network.name,
        "buffers": [(b.name, list(b.shape), str(b.format), b.role.value) for b in network.buffers],
        "templates": [_template(template) for template in found],
        "operations": [
            (op.name, op.source, number[id(op)], op.output.buffer, [p.buffer for p in op.inputs])
            for op in network.operations
        ],
        "inputs": list(network.inputs),
        "outputs": list(network.outputs),
    }


def _template(template: Template) -> TemplateJson:
    found: TemplateJson = {
        "kind": template.kind.value,
        "loops": [(loop.name, loop.extent) for loop in template.loops],
        "output": _access(template.output),
        "inputs": [_access(access) for access in template.inputs],
        "body": _body(template.body),
        "reduction": template.reduction.value,
    }
    if template.reason:
        found["reason"] = template.reason
    return found


def _access(access: TemplateAccess) -> AccessJson:
    return (
        [list(row) for row in access.map.rows],
        list(access.map.offset),
        None if access.pad is None else _number(access.pad),
        [list(pair) for pair in access.indirect],
        str(access.format),
    )


def _number(value: float) -> float | str:
    return str(value) if value in (float("inf"), float("-inf")) else value


def _body(body: Body) -> BodyJson:
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


def from_json(document: NetworkJson) -> Network:
    """The network of a JSON object that :func:`to_json` made. Raises InternalError for another schema."""
    if document.get("schema") != SCHEMA:
        raise InternalError(f"a network of schema {document.get('schema')!r}, not {SCHEMA}")
    kept = [_read_template(each) for each in document["templates"]]
    return Network(
        document["name"],
        tuple(
            Buffer(name, tuple(shape), _format(fmt), Role(role))
            for name, shape, fmt, role in document["buffers"]
        ),
        tuple(_read_operation(each, kept) for each in document["operations"]),
        tuple(document["inputs"]),
        tuple(document["outputs"]),
    )


def _read_template(given: TemplateJson) -> Template:
    return Template(
        Kind(given["kind"]),
        tuple(Loop(name, extent) for name, extent in given["loops"]),
        _read_access(given["output"]),
        tuple(map(_read_access, given["inputs"])),
        _read_body(given["body"]),
        Reduction(given["reduction"]),
        given.get("reason", ""),
    )


def _read_operation(
    given: tuple[str, str, int, str, list[str]], kept: Sequence[Template]
) -> Operation:
    name, source, number, output, inputs = given
    like = kept[number]
    return Operation(
        name,
        source,
        like.kind,
        like.loops,
        like.output.of(output),
        tuple(access.of(each) for access, each in zip(like.inputs, inputs, strict=True)),
        like.body,
        like.reduction,
        like.reason,
    )


def _read_access(given: AccessJson) -> TemplateAccess:
    rows, offset, pad, indirect, fmt = given
    access = AffineMap(tuple(map(tuple, rows)), tuple(offset))
    pairs = tuple((dim, source) for dim, source in indirect)
    return TemplateAccess(access, None if pad is None else float(pad), pairs, _format(fmt))


def _format(name: str) -> Format:
    found = format_named(name)
    if found is None:
        raise InternalError(f"no number format {name!r}")
    return found


def _read_body(given: object) -> Body:
    match given:
        case ["value", int(index)]:
            return Value(index)
        case ["number", str(text)]:
            return Number(float(text))
        case ["number", int() | float() as value]:
            return Number(value)
        case ["position", int(loop)]:
            return Position(loop)
        case [str(head), *args]:
            return Apply(Fn(head), tuple(map(_read_body, args)))
    raise InternalError(f"no body: {given!r}")
