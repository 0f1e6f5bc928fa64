"""Workload files to workloads."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from frontends.yaml.compose import (
    MapNode,
    ScalarNode,
    SeqNode,
    YamlNode,
    compose_file,
    compose_text,
)
from frontends.yaml.meaning import Reader
from frontends.yaml.schema import (
    ArchitectureForm,
    DataflowForm,
    OperationForm,
    WorkloadForm,
)
from lego.diag import LegoError, LegoErrors, Loc
from lego.ir.workload import Workload

__all__ = ["load_text", "load_workload"]

MAX_ERRORS = 20
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,9})")


def load_workload(path: Path) -> Workload:
    """Read a workload file. Raises LegoError (codes E0xx, E1xx, E2xx) with positions."""
    root, _ = compose_file(Path(path))
    return _load(root)


def load_text(text: str, name: str = "workload.yaml") -> Workload:
    """The same from a string."""
    return _load(compose_text(text.encode(), name))


def _load(root: MapNode) -> Workload:
    try:
        form = WorkloadForm.model_validate(_plain(root))
    except ValidationError as error:
        found = [_explain(root, dict(item)) for item in error.errors(include_url=False)]
        unique = {str(e): e for e in found}
        raise LegoErrors(tuple(unique.values())[:MAX_ERRORS]) from None
    return Reader(form, Positions(root)).workload()


class Positions:
    """Finds the position of a value by its path of keys and indices."""

    def __init__(self, root: YamlNode) -> None:
        self.root = root

    def node(self, *path: str | int) -> YamlNode:
        """The deepest node on the path."""
        node = self.root
        for step in path:
            below = _step(node, step)
            if below is None:
                break
            node = below
        return node

    def __call__(self, *path: str | int) -> Loc:
        """Position of the value."""
        return self.node(*path).loc

    def key(self, *path: str | int) -> Loc:
        """Position of the key that ends the path."""
        node = self.node(*path[:-1])
        if isinstance(node, MapNode):
            for item in node.items:
                if item.key.text == path[-1]:
                    return item.key.loc
        return node.loc

    def quoted(self, *path: str | int) -> bool:
        """Whether the scalar has quotes."""
        node = self.node(*path)
        return isinstance(node, ScalarNode) and node.quoted


def _step(node: YamlNode, step: str | int) -> YamlNode | None:
    if isinstance(node, MapNode):
        return next((item.value for item in node.items if item.key.text == step), None)
    if isinstance(node, SeqNode) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def _plain(node: YamlNode) -> Any:
    if isinstance(node, MapNode):
        return {item.key.text: _plain(item.value) for item in node.items}
    if isinstance(node, SeqNode):
        return [_plain(item) for item in node.items]
    if not node.quoted and _INTEGER.fullmatch(node.text):
        return int(node.text)
    return node.text


_FORMS: dict[str, Sequence[str]] = {
    "operations": tuple(OperationForm.model_fields),
    "dataflow": tuple(DataflowForm.model_fields),
    "architecture": tuple(ArchitectureForm.model_fields),
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
        allowed = _allowed(path)
        close = difflib.get_close_matches(str(path[-1]), allowed, 1, 0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys here: {', '.join(allowed)}"
        return LegoError(
            "E101", f"unknown key {str(path[-1])[:40]!r}", loc=positions.key(*path), hint=hint
        )
    if kind == "missing":
        return LegoError(
            "E102",
            f"key {path[-1]!r} is missing",
            loc=positions(*path[:-1]),
            hint=f"add `{path[-1]}:` here",
        )
    if "[key]" in item["loc"] or kind == "string_pattern_mismatch":
        return _bad_word(positions, path, item)
    shown = str(item.get("input"))[:40]
    message = f"{where} is {shown!r}: {_wanted(item)}"
    return LegoError("E102", message, loc=positions(*path), hint=_form_hint(path))


def _bad_word(positions: Positions, path: list[Any], item: dict[str, Any]) -> LegoError:
    text = str(item["input"])[:40]
    loc = positions.key(*path) if "[key]" in item["loc"] else positions(*path)
    if "formats" in path and "[key]" not in item["loc"]:
        return LegoError(
            "E103",
            f"{text!r} is not a number format",
            loc=loc,
            hint="formats are int2 to int32 and uint1 to uint32",
        )
    return LegoError(
        "E104",
        f"{text!r} is not a legal name",
        loc=loc,
        hint="names have letters, digits and _, start with a letter, and have at most 32 characters",
    )


def _allowed(path: list[Any]) -> Sequence[str]:
    words = [step for step in path[:-1] if isinstance(step, str)]
    return _FORMS.get(words[-1] if words else "", _FORMS[""])


def _wanted(item: dict[str, Any]) -> str:
    context = item.get("ctx") or {}
    match item["type"]:
        case "int_type" | "int_parsing":
            return "a decimal integer is expected"
        case "greater_than_equal":
            return f"it must be at least {context['ge']}"
        case "less_than_equal":
            return f"it must be at most {context['le']}"
        case "dict_type" | "model_type" | "model_attributes_type":
            return "a mapping is expected"
        case "list_type":
            return "a list is expected"
        case "string_type":
            return "text is expected"
        case "too_short":
            return f"it needs at least {context['min_length']} entries"
        case "too_long":
            return f"it may have at most {context['max_length']} entries"
        case "literal_error":
            return f"it must be {context['expected']}, or a list of cycles per axis"
    return str(item["msg"]).lower()


def _form_hint(path: list[Any]) -> str:
    words = [step for step in path if isinstance(step, str)]
    hints = {
        "loops": "write, for example, {m: 64, n: 64, k: 64}",
        "spatial": "write, for example, {m: 16, n: 16}",
        "control": "use systolic, broadcast, or a list such as [1, 0]",
        "array": "write, for example, [16, 16]",
        "shapes": "write, for example, {X: [64, 64]}",
        "temporal": "write, for example, [m, n, k]",
    }
    return next(
        (hints[w] for w in reversed(words) if w in hints),
        "see docs/workloads.md for the form of a workload",
    )
