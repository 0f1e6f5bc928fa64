"""Networks as JSON, and back."""

from __future__ import annotations

from fractions import Fraction
from typing import NotRequired, TypedDict

from lego.diag import InternalError
from lego.ir.affine import AffineMap
from lego.ir.constants import Bits, Constant, Scalar
from lego.ir.domain import Inequality
from lego.ir.formats import Format, format_named
from lego.ir.kinds import kind_of
from lego.ir.network import Buffer, Network, Role, reads_of, writes_of
from lego.ir.operation import (
    Apply,
    Body,
    Fn,
    HostCall,
    Loop,
    Operation,
    Output,
    Place,
    Position,
    Reduction,
    Step,
    Value,
)
from lego.ir.templates import Template, templates, with_names

__all__ = ["SCHEMA", "NetworkJson", "from_json", "to_json"]

SCHEMA = "lego/network/3"

ScalarJson = int | float | str
"""An integer, a fraction (all of them are floating-point numbers), or bits as `0x...`."""
BodyJson = list["str | int | float | BodyJson"]
"""``["value", 0, "int8"]``, ``["constant", 0.5, "float32"]``, ``["position", 1, "int64"]``, or a
function, its format and its arguments."""


class PlaceJson(TypedDict):
    """An access; `format` is the buffer's, for who reads a template by itself."""

    rows: list[list[int]]
    offset: list[int]
    format: str
    pad: NotRequired[tuple[ScalarJson, str]]
    indirect: NotRequired[list[list[int]]]


class OutputJson(TypedDict):
    """What is written, and what with."""

    place: PlaceJson
    body: BodyJson
    reduction: str
    clipped: NotRequired[bool]


class TemplateJson(TypedDict):
    """What alike steps share; loops are names and extents. Those of the host have a reason and the
    formats of what they read and write instead."""

    kind: str
    loops: NotRequired[list[tuple[str, int]]]
    domain: NotRequired[list[tuple[list[int], int]]]
    outputs: list[OutputJson] | list[str]
    inputs: list[PlaceJson] | list[str]
    reason: NotRequired[str]


class NetworkJson(TypedDict):
    """A network: buffers by name, shape, format and role; steps by name, source, template's number,
    what they write and what they read."""

    schema: str
    name: str
    buffers: list[tuple[str, list[int], str, str]]
    templates: list[TemplateJson]
    steps: list[tuple[str, str, int, list[str], list[str]]]
    inputs: list[str]
    outputs: list[str]


def to_json(network: Network) -> NetworkJson:
    """The network as a JSON object: steps name their template and their buffers."""
    found = templates(network)
    number = {id(step): k for k, steps in enumerate(found.values()) for step in steps}
    return {
        "schema": SCHEMA,
        "name": network.name,
        "buffers": [(b.name, list(b.shape), str(b.format), b.role.value) for b in network.buffers],
        "templates": [_template(template) for template in found],
        "steps": [
            (step.name, step.source, number[id(step)], list(writes_of(step)), list(reads_of(step)))
            for step in network.steps
        ],
        "inputs": list(network.inputs),
        "outputs": list(network.outputs),
    }


def _template(template: Template) -> TemplateJson:
    step, kind = template.step, kind_of(template.step).value
    if isinstance(step, HostCall):
        writes, reads = ([str(fmt) for fmt in each] for each in (template.writes, template.reads))
        return {"kind": kind, "outputs": writes, "inputs": reads, "reason": step.reason}
    found: TemplateJson = {
        "kind": kind,
        "loops": [(loop.name, loop.extent) for loop in step.loops],
        "outputs": [_output(*each) for each in zip(step.outputs, template.writes, strict=True)],
        "inputs": [_place(*each) for each in zip(step.inputs, template.reads, strict=True)],
    }
    if step.domain:
        found["domain"] = [(list(each.coefficients), each.limit) for each in step.domain]
    return found


def _output(output: Output, fmt: Format) -> OutputJson:
    found: OutputJson = {
        "place": _place(output.place, fmt),
        "body": _body(output.body),
        "reduction": output.reduction.value,
    }
    if output.clipped:
        found["clipped"] = True
    return found


def _place(place: Place, fmt: Format) -> PlaceJson:
    found: PlaceJson = {
        "rows": [list(row) for row in place.map.rows],
        "offset": list(place.map.offset),
        "format": str(fmt),
    }
    if place.pad is not None:
        found["pad"] = (_scalar(place.pad.value), str(place.pad.format))
    if place.indirect:
        found["indirect"] = [list(pair) for pair in place.indirect]
    return found


def _scalar(value: Scalar) -> ScalarJson:
    match value:
        case Bits(pattern):
            return f"{pattern:#x}"
        case Fraction():
            return float(value)
    return value


def _body(body: Body) -> BodyJson:
    match body:
        case Value(index, fmt):
            return ["value", index, str(fmt)]
        case Constant(value, fmt):
            return ["constant", _scalar(value), str(fmt)]
        case Position(loop, fmt):
            return ["position", loop, str(fmt)]
        case Apply(fn, args, fmt):
            return [fn.value, str(fmt), *(_body(arg) for arg in args)]


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
        tuple(
            with_names(kept[number], name, source, tuple(reads), tuple(writes))
            for name, source, number, writes, reads in document["steps"]
        ),
        tuple(document["inputs"]),
        tuple(document["outputs"]),
    )


def _read_template(given: TemplateJson) -> Step:
    inputs, outputs = given["inputs"], given["outputs"]
    if "loops" not in given:
        return HostCall("", ("",) * len(inputs), ("",) * len(outputs), "", given["reason"])
    return Operation(
        "",
        tuple(Loop(name, extent) for name, extent in given["loops"]),
        tuple(_read_output(each) for each in outputs if not isinstance(each, str)),
        tuple(_read_place(each) for each in inputs if not isinstance(each, str)),
        tuple(Inequality(tuple(row), limit) for row, limit in given.get("domain", ())),
    )


def _read_output(given: OutputJson) -> Output:
    body, how = _read_body(given["body"]), Reduction(given["reduction"])
    return Output(_read_place(given["place"]), body, how, given.get("clipped", False))


def _read_place(given: PlaceJson) -> Place:
    access = AffineMap(tuple(map(tuple, given["rows"])), tuple(given["offset"]))
    pad = (
        Constant(_read_scalar(given["pad"][0]), _format(given["pad"][1]))
        if "pad" in given
        else None
    )
    return Place("", access, pad, tuple((dim, at) for dim, at in given.get("indirect", ())))


def _read_scalar(given: ScalarJson) -> Scalar:
    match given:
        case str():
            return Bits(int(given, 16))
        case float():
            return Fraction(given)
    return given


def _format(name: str) -> Format:
    found = format_named(name)
    if found is None:
        raise InternalError(f"no number format {name!r}")
    return found


def _read_body(given: object) -> Body:
    match given:
        case ["value", int(index), str(fmt)]:
            return Value(index, _format(fmt))
        case ["constant", int() | float() | str() as value, str(fmt)]:
            return Constant(_read_scalar(value), _format(fmt))
        case ["position", int(loop), str(fmt)]:
            return Position(loop, _format(fmt))
        case [str(head), str(fmt), *args]:
            return Apply(Fn(head), tuple(map(_read_body, args)), _format(fmt))
    raise InternalError(f"no body: {given!r}")
