"""Workload files that name a network of the catalogue."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from frontends.models.catalogue import CATALOGUE, nearest
from frontends.models.systems import SYSTEMS
from frontends.models.techniques.names import ATTENTION, PLAIN, QUANTIZE, Techniques
from frontends.yaml.compose import compose_file
from frontends.yaml.nodes import ScalarNode
from lego.diag import LegoError

__all__ = ["ModelFile", "load_model"]

KEYS = ("name", "model")
NAMES = {entry.name for entry in CATALOGUE} | {system.name for system in SYSTEMS}
CHOICES = {"quantize": QUANTIZE, "attention": ATTENTION}
"""Keys that may be left out, and what they may say."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The name of the artefacts, the network's or system's in the catalogue, and the techniques
    applied to it."""

    name: str
    model: str
    techniques: Techniques = PLAIN


def load_model(path: Path) -> ModelFile:
    """Read such a file.

    Raises E0xx for what isn't YAML, E101 for another key, E102 for a missing or wrong value, E604
    for a name that isn't in the catalogue: nothing else can be named, and nothing is imported by
    name.
    """
    root, _ = compose_file(path)
    found: dict[str, str] = {}
    for item in root.items:
        key = item.key.text
        if key not in KEYS and key not in CHOICES:
            hint = "a file with `model:` has name and model, and may have quantize and attention"
            raise LegoError("E101", f"unknown key {key[:40]!r}", loc=item.key.loc, hint=hint)
        if not isinstance(item.value, ScalarNode):
            raise LegoError("E102", f"{key} must be a name", loc=item.value.loc)
        _check_value(key, item.value)
        found[key] = item.value.text
    for key in KEYS:
        if key not in found:
            raise LegoError("E102", f"{key} is missing", loc=root.loc, hint=f"write `{key}: ...`")
    how = Techniques(found.get("quantize"), found.get("attention"))
    if how != PLAIN and found["model"] not in {entry.name for entry in CATALOGUE}:
        message = f"{found['model']} is several networks, which techniques don't change"
        raise LegoError("E102", message, loc=root.loc, hint="name one of its networks")
    return ModelFile(found["name"], found["model"], how)


def _check_value(key: str, value: ScalarNode) -> None:
    """Raises E102 or E604 for what the key can't say."""
    said = value.text
    if key == "name" and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", said):
        hint = "a letter, then up to 31 letters, digits and underscores"
        raise LegoError("E102", "not a name", loc=value.loc, hint=hint)
    if key == "model" and said not in NAMES:
        raise LegoError("E604", f"unknown model {said[:40]!r}", loc=value.loc, hint=nearest(said))
    if key in CHOICES and said not in CHOICES[key]:
        message = f"unknown technique {said[:40]!r} for {key}"
        hint = f"one of {', '.join(CHOICES[key])}"
        raise LegoError("E102", message, loc=value.loc, hint=hint)
