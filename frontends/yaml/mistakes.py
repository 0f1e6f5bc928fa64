"""What a malformed workload file has wrong, in the user's words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from frontends.yaml.formats import FORMATS
from frontends.yaml.hints import did_you_mean
from frontends.yaml.nodes import MapNode, ScalarNode, YamlNode, is_integer
from frontends.yaml.positions import Positions
from frontends.yaml.schema import (
    ArchitectureForm,
    DataflowForm,
    OperationForm,
    RoomForm,
    WorkloadForm,
)
from lego.diag import LegoError, Loc

__all__ = ["explained"]

MAX_ERRORS = 20
SWITCHES = {
    "fused": "yes: one array for all operations and dataflows; no: a design for each",
    "dma_bits": "the host then moves as many words at once as fit",
    "double_buffer": "yes: the host loads one half of the memories while the array uses the other; "
    "parts: other words of the same memory",
    "queue": "the host then writes registers and starts while a run goes on",
    "interface": "axi: a device that runs programs out of DRAM; host: the array with a host port",
    "resume": "yes: a register tells reductions to go on from what the memory of results holds",
}
_LONG = re.compile(r"[1-9][0-9]{10,}")


def explained(root: MapNode, error: ValidationError) -> tuple[LegoError, ...]:
    """The first errors of the form, one per position."""
    first: dict[Loc | None, LegoError] = {}
    for item in error.errors(include_url=False)[: 3 * MAX_ERRORS]:
        if item["type"] == "literal_error" and _is_list_of_cycles(item):
            continue  # the list's entries have errors of their own
        mistake = _explain(root, dict(item))
        first.setdefault(mistake.loc, mistake)
    return tuple(first.values())[:MAX_ERRORS]


def _is_list_of_cycles(item: Mapping[str, Any]) -> bool:
    return "control" in item["loc"] and isinstance(item["input"], list)


_FORMS: dict[str, Sequence[str]] = {
    "operations": tuple(OperationForm.model_fields),
    "dataflow": tuple(DataflowForm.model_fields),
    "dataflows": tuple(DataflowForm.model_fields),
    "architecture": tuple(ArchitectureForm.model_fields),
    "room": tuple(RoomForm.model_fields),
    "": tuple(WorkloadForm.model_fields),
}


def _explain(root: MapNode, item: dict[str, Any]) -> LegoError:
    """A pydantic error in the user's words, at the position of the value or key."""
    positions = Positions(root)
    path = [step for step in item["loc"] if step not in ("[key]", "list[constrained-int]")]
    path = [s for s in path if not (isinstance(s, str) and s.startswith(("literal[", "list[")))]
    kind = item["type"]
    where = ".".join(str(step) for step in path) or "the workload"
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), _allowed(path), "keys here are")
        message = f"unknown key {str(path[-1])[:40]!r}"
        return LegoError("E101", message, loc=positions.key(*path), hint=hint)
    if kind == "missing":
        message, hint = f"key {path[-1]!r} is missing", f"add `{path[-1]}:` here"
        return LegoError("E102", message, loc=positions(*path[:-1]), hint=hint)
    if "[key]" in item["loc"] or kind == "string_pattern_mismatch":
        return _bad_word(positions, path, item)
    if _is_quoted_number(positions.node(*path), kind):
        message = f"{where} is text, as it is in quotes: a decimal integer is expected"
        hint = f"write {item['input']} without the quotes"
        return LegoError("E102", message, loc=positions(*path), hint=hint)
    message = f"{where} is {_shown(item.get('input'))}: {_wanted(item)}"
    return LegoError("E102", message, loc=positions(*path), hint=_form_hint(path, item))


def _is_quoted_number(node: YamlNode, kind: str) -> bool:
    """Whether a value is refused only because quotes make text of it."""
    quoted = isinstance(node, ScalarNode) and node.quoted and is_integer(node.text)
    return quoted and kind in ("int_type", "literal_error")


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind} of {_entries(len(value))}" if value else f"an empty {kind}"
    if value in (None, ""):
        return "empty"
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


_NAMES = "names have letters, digits and _, start with a letter, and have at most 32 characters"
_QUOTES = (
    'a comma ends an entry here: write bounds that have one in quotes, such as j: "min(i+1, 64)"'
)


def _bad_word(positions: Positions, path: list[Any], item: dict[str, Any]) -> LegoError:
    text = str(item["input"])[:40]
    loc = positions.key(*path) if "[key]" in item["loc"] else positions(*path)
    if "formats" in path and "[key]" not in item["loc"]:
        return LegoError(
            "E103",
            f"{text!r} is not a number format",
            loc=loc,
            hint=did_you_mean(text, FORMATS, "formats are int2 to int32 and uint1 to uint32"),
        )
    return LegoError(
        "E104",
        f"{text!r} is not a legal name",
        loc=loc,
        hint=_QUOTES if "loops" in path and ")" in text else _NAMES,
    )


def _allowed(path: list[Any]) -> Sequence[str]:
    words = [step for step in path[:-1] if isinstance(step, str)]
    return _FORMS.get(words[-1] if words else "", _FORMS[""])


_KINDS = {
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "string_type": "text",
}


def _wanted(item: dict[str, Any]) -> str:
    context = item.get("ctx") or {}
    match item["type"]:
        case "int_type" if _LONG.fullmatch(str(item.get("input"))):
            return "it must be at most 2147483648"
        case "int_type" if "memories" in item["loc"]:
            return "bytes are expected, such as 65536, 64KiB or 1MiB"
        case "int_type":
            return "a decimal integer is expected, such as 64"
        case "greater_than_equal":
            return f"it must be at least {context['ge']}"
        case "less_than_equal":
            return f"it must be at most {context['le']}"
        case kind if kind in _KINDS:
            return f"{_KINDS[kind]} is expected"
        case "too_short":
            return f"it needs at least {_entries(context['min_length'])}"
        case "too_long":
            return f"it may have at most {_entries(context['max_length'])}"
        case "literal_error":
            more = ", or a list of cycles per axis" if "control" in item["loc"] else ""
            return f"it must be {context['expected']}{more}"
    return str(item["msg"]).lower()


_TOO_MANY = {
    "loops": "leave out loops of bound 1, and run one loop over neighbouring dimensions that no index splits "
    "(784 for 28x28)",
    "spatial": "an array has up to 3 axes; the other loops run in time, in the order that `temporal` gives",
    "array": "an array has up to 3 axes; give the FUs of two of them as their product",
    "operations": "split the file: operations of one file share one array",
    "dataflows": "put the operation under some of the dataflows into another file",
}
"""What helps against too many entries."""

_EXAMPLES = {
    "loops": "write, for example, {m: 64, n: 64, k: 64}",
    "spatial": "write, for example, {m: 16, n: 16}",
    "control": "use systolic, broadcast, or a list such as [1, 0]",
    "array": "write, for example, [16, 16]",
    "memory_style": "leave it out for the cheapest",
    "shapes": "write, for example, {X: [64, 64]}",
    "temporal": "write, for example, [m, n, k]",
}
"""What helps otherwise."""


def _form_hint(path: list[Any], item: dict[str, Any]) -> str:
    text = item.get("input")
    if path and path[-1] in SWITCHES:
        return SWITCHES[path[-1]]
    if item["type"] == "literal_error" and isinstance(text, str):
        words = re.findall(r"'([^']+)'", item["ctx"]["expected"])
        return did_you_mean(text, words, f"{path[-1]} is one of")
    words = [step for step in path if isinstance(step, str)]
    if item["type"] == "too_long" and words and words[-1] in _TOO_MANY:
        return _TOO_MANY[words[-1]]
    fitting = (_EXAMPLES[w] for w in reversed(words) if w in _EXAMPLES)
    return next(fitting, "see docs/workloads.md for the form of a workload")
