"""Names that users give: a closed grammar, no keyword, no two that differ by case only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from frontends.yaml.positions import Path, Positions
from frontends.yaml.schema import WorkloadForm
from lego.diag import LegoError, Loc
from lego.ir.keywords import KEYWORDS

__all__ = ["check_names", "is_legal"]

# Words of C++ and SystemVerilog beside those that the generated identifiers avoid.
_MORE = frozenset(
    [
        "accept_on",
        "and_eq",
        "atomic_cancel",
        "atomic_commit",
        "atomic_noexcept",
        "bitand",
        "bitor",
        "char16_t",
        "char32_t",
        "char8_t",
        "co_await",
        "co_return",
        "co_yield",
        "consteval",
        "constinit",
        "reflexpr",
        "std",
        "synchronized",
        "xor_eq",
    ]
)
_RESERVED = frozenset({"clk", "rst", "start", "busy", "done", "tb", "dut", "bench", "lego"})


def check_names(form: WorkloadForm, at: Positions) -> list[LegoError]:
    """E104 for every name that must not reach Verilog, C++ or a file system; E105 for clashes."""
    errors = {loc: e for name, loc in _names(form, at) if (e := _check(name, loc)) is not None}
    return [*errors.values(), *_clashes(form, at)]


def is_legal(name: str) -> bool:
    """Whether a name of the right characters and length is neither reserved nor has `_` where none may be."""
    return _check(name, Loc("", 0, 0)) is None


def _names(form: WorkloadForm, at: Positions) -> list[tuple[str, Loc]]:
    names = [(form.name, at("name"))]
    for k, op in enumerate(form.operations):
        names.append((op.name, at("operations", k, "name")))
        for section in ("loops", "formats"):
            names += [(n, at.key("operations", k, section, n)) for n in getattr(op, section)]
    return names


def _check(name: str, loc: Loc) -> LegoError | None:
    low = name.lower()
    if low in KEYWORDS | _MORE | _RESERVED or low.startswith(("host_", "lego_")):
        return LegoError(
            "E104", f"{name!r} is a reserved word", loc=loc, hint=f"call it my_{name}, for example"
        )
    if "__" in name or name.endswith("_"):
        return LegoError(
            "E104", f"{name!r} is not a legal name", loc=loc, hint="don't double or end with _"
        )
    return None


def _clashes(form: WorkloadForm, at: Positions) -> list[LegoError]:
    errors: list[LegoError] = []
    operations: dict[str, str] = {}
    tensors: dict[str, str] = {}
    for k, op in enumerate(form.operations):
        path = ("operations", k)
        if op.name.lower() in operations:
            message = f"operation {op.name!r} is named like {operations[op.name.lower()]!r}"
            hint = "give every operation its own name"
            errors.append(LegoError("E105", message, loc=at(*path, "name"), hint=hint))
        operations.setdefault(op.name.lower(), op.name)
        errors += _by_case({}, op.loops, at, (*path, "loops"))
        errors += _by_case(tensors, op.formats, at, (*path, "formats"))
    return errors


def _by_case(
    known: dict[str, str], names: Iterable[str], at: Positions, path: Path
) -> Iterator[LegoError]:
    """E105 for names that differ by case only from those `known`, to which they are added."""
    for name in names:
        other = known.setdefault(name.lower(), name)
        if other != name:
            message = f"{name!r} and {other!r} differ by case only"
            yield LegoError("E105", message, loc=at.key(*path, name), hint="rename one of them")
