"""Workload files to workloads."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from frontends.yaml.chips import chip_file, named_chip, with_chip
from frontends.yaml.compose import compose_file, compose_text
from frontends.yaml.meaning import Reader
from frontends.yaml.mistakes import explained
from frontends.yaml.nodes import MapNode, plain
from frontends.yaml.positions import Positions
from frontends.yaml.schema import WorkloadForm
from lego.diag import LegoError, LegoErrors
from lego.ir.workload import Workload

__all__ = ["beside", "load_text", "load_workload"]


def load_workload(path: Path) -> Workload:
    """Read a workload file. Raises LegoError (codes E0xx, E1xx, E2xx) with positions."""
    root, _ = compose_file(Path(path))
    return _load(root, Path(path).parent)


def load_text(text: str, name: str = "workload.yaml") -> Workload:
    """The same from a string."""
    return _load(compose_text(text.encode(), name), None)


def beside(path: Path) -> dict[str, bytes]:
    """The file of the architecture that a workload file names, by its name; none if it names none."""
    root, _ = compose_file(Path(path))
    name = named_chip(root)
    if name is None:
        return {}
    _, data = compose_file(chip_file(name, Path(path).parent))
    return {f"{name.text}.yaml": data}


def _load(root: MapNode, folder: Path | None) -> Workload:
    for item in root.items:
        if item.key.text == "model":
            hint = "`lego trace FILE --ops` lists its operations, --extract NAME takes one out"
            raise LegoError("E407", "a whole network isn't compiled", loc=item.key.loc, hint=hint)
    root = with_chip(root, folder)
    try:
        form = WorkloadForm.model_validate(plain(root))
    except ValidationError as error:
        raise LegoErrors(explained(root, error)) from None
    return Reader(form, Positions(root)).workload()
