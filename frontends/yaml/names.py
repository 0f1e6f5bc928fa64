"""Names that users give: a closed grammar, no keyword, no two that differ by case only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontends.yaml.schema import WorkloadForm
from lego.diag import LegoError, LegoErrors, Loc
from lego.ir.keywords import KEYWORDS

if TYPE_CHECKING:
    from frontends.yaml.load import Positions

__all__ = ["check_names"]

_RESERVED = frozenset({"clk", "rst", "start", "busy", "done", "tb", "dut", "bench", "lego"})


def check_names(form: WorkloadForm, at: Positions) -> None:
    """Raise E104 for every name that must not reach Verilog, C++ or a file system."""
    errors = [e for name, loc in _names(form, at) if (e := _check(name, loc)) is not None]
    errors += _clashes(form, at)
    if errors:
        raise LegoErrors(tuple(errors))


def _names(form: WorkloadForm, at: Positions) -> list[tuple[str, Loc]]:
    names = [(form.name, at("name"))]
    for k, op in enumerate(form.operations):
        names.append((op.name, at("operations", k, "name")))
        for section in ("loops", "formats"):
            names += [(n, at.key("operations", k, section, n)) for n in getattr(op, section)]
    return names


def _check(name: str, loc: Loc) -> LegoError | None:
    low = name.lower()
    if low in KEYWORDS or low in _RESERVED or low.startswith("host_"):
        return LegoError(
            "E104", f"{name!r} is a reserved word", loc=loc, hint=f"call it {name}_0, for example"
        )
    if "__" in name or name.endswith("_"):
        return LegoError(
            "E104", f"{name!r} is not a legal name", loc=loc, hint="don't double or end with _"
        )
    return None


def _clashes(form: WorkloadForm, at: Positions) -> list[LegoError]:
    errors = []
    seen: dict[str, str] = {}
    for k, op in enumerate(form.operations):
        if op.name.lower() in seen:
            errors.append(
                LegoError(
                    "E105",
                    f"operation {op.name!r} is named like {seen[op.name.lower()]!r}",
                    loc=at("operations", k, "name"),
                    hint="give every operation its own name",
                )
            )
        seen[op.name.lower()] = op.name
        for section in ("loops", "formats"):
            here: dict[str, str] = {}
            for name in getattr(op, section):
                if name.lower() in here:
                    errors.append(
                        LegoError(
                            "E105",
                            f"{name!r} and {here[name.lower()]!r} differ by case only",
                            loc=at.key("operations", k, section, name),
                            hint="rename one of them",
                        )
                    )
                here[name.lower()] = name
    return errors
