"""Maps of SRAMs: the macros of a memory compiler that memories are made of, as YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from frontends.yaml.compose import compose_file, read_file
from frontends.yaml.hints import did_you_mean
from frontends.yaml.nodes import plain
from frontends.yaml.positions import Path as Place
from frontends.yaml.positions import Positions
from lego.diag import LegoError, LegoErrors, Loc
from lego.ir.keywords import KEYWORDS
from lego.ir.sram import PREFIX, SramCell, SramMap

__all__ = ["load_sram_map"]

START = "start with `macros:`"
ONE_READ_ONE_WRITE = (
    "a macro has one read and one write port (1R1W): "
    "ports: {clock: CLK, read: {address, enable, data}, write: {address, enable, data}}; "
    "single-port macros can't be used"
)
MAX_ERRORS = 20

Name = Annotated[str, Field(min_length=1, max_length=64)]
Names = Annotated[
    list[Name],
    Field(min_length=1, max_length=8),
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
]
Bits = Annotated[
    str,
    Field(pattern=r"^[01]{1,64}$"),
    BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
]
Size = Annotated[int, Field(strict=True)]
Amount = Annotated[Decimal, Field(gt=0, lt=10**9, max_digits=12, decimal_places=3)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PortForm(_Form):
    """One port: an address, what enables it, and the word."""

    address: Name
    enable: Names
    data: Name


class MaskForm(_Form):
    """A bus that tells which bits of a word are written."""

    pin: Name
    bits: Annotated[Size, Field(ge=1, le=1024)]


class PortsForm(_Form):
    """The pins of a macro."""

    clock: Names
    read: PortForm
    write: PortForm


class MacroForm(_Form):
    """One macro."""

    module: Name
    words: Annotated[Size, Field(ge=2, le=2**20)]
    bits: Annotated[Size, Field(ge=1, le=1024)]
    ports: PortsForm
    write_mask: MaskForm | None = None
    active_low: Names = []
    ties: dict[Name, Bits] = {}
    area_um2: Amount | None = None
    energy_pj: Amount | None = None
    access_ns: Amount | None = None


class MapForm(_Form):
    """The file."""

    models: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.s?v$")] | None = None
    macros: Annotated[list[MacroForm], Field(min_length=1, max_length=256)]


def load_sram_map(path: Path) -> SramMap:
    """Read a map of SRAMs.

    Raises E0xx for what is no plain YAML, E001 if the models can't be read, E131 for a form that isn't
    one, E133 for names that clash, E134 for names that can't be Verilog's; with positions.
    """
    root, _ = compose_file(path, START)
    at = Positions(root)
    try:
        form = MapForm.model_validate(plain(root))
    except ValidationError as error:
        raise LegoErrors(_explained(at, error)) from None
    errors = [*_names(form, at)]
    if errors:
        raise LegoErrors(tuple(errors[:MAX_ERRORS]))
    models = b"" if form.models is None else _models(form.models, path, at("models"))
    return SramMap(tuple(map(_cell, form.macros)), models)


def _models(name: str, path: Path, loc: Loc) -> bytes:
    """The file of models beside the map. Raises E001, where the map names it."""
    try:
        data = read_file(path.with_name(name))
    except LegoError as error:
        message = f"the models {name!r} beside this file: {error.message}"
        raise LegoError(error.code, message, loc=loc, hint=error.hint) from None
    if b"module" not in data:
        message, hint = f"{name!r} holds no module", "name the Verilog of the macros' models"
        raise LegoError("E131", message, loc=loc, hint=hint)
    return data


def _cell(form: MacroForm) -> SramCell:
    read, write, mask = form.ports.read, form.ports.write, form.write_mask
    return SramCell(
        form.module, form.words, form.bits, tuple(form.ports.clock),
        read.address, tuple(read.enable), read.data,
        write.address, tuple(write.enable), write.data,
        tuple(form.active_low), tuple(form.ties.items()),
        _thousandths(form.area_um2), _thousandths(form.energy_pj), _thousandths(form.access_ns),
        mask.pin if mask else "", mask.bits if mask else 0,
    )  # fmt: skip


def _thousandths(amount: Decimal | None) -> int:
    return 0 if amount is None else int(amount * 1000)


def _explained(at: Positions, error: ValidationError) -> tuple[LegoError, ...]:
    """The first errors of the form, one per position."""
    first: dict[Loc, LegoError] = {}
    for item in error.errors(include_url=False):
        mistake = _explain(at, dict(item))
        if mistake.loc is not None:
            first.setdefault(mistake.loc, mistake)
    return tuple(first.values())[:MAX_ERRORS]


def _explain(at: Positions, item: dict[str, Any]) -> LegoError:
    place: Place = tuple(step for step in item["loc"] if step != "[key]")
    key, ports = str(place[-1]) if place else "macros", "ports" in place
    if item["type"] == "extra_forbidden":
        hint = did_you_mean(key, _keys(place), "keys here are")
        return LegoError(
            "E131",
            f"unknown key {key[:40]!r}",
            loc=at.key(*place),
            hint=ONE_READ_ONE_WRITE if ports else hint,
        )
    if item["type"] == "missing":
        hint = ONE_READ_ONE_WRITE if ports else f"add `{key}:` here"
        return LegoError("E131", f"key {key!r} is missing", loc=at(*place[:-1]), hint=hint)
    name = next((step for step in reversed(place) if isinstance(step, str)), "the map")
    message = f"{name}: {str(item['msg'])[:1].lower()}{str(item['msg'])[1:120]}"
    hint = (
        ONE_READ_ONE_WRITE if ports else _HINTS.get(name, "see docs/srams.md for the form of a map")
    )
    return LegoError("E131", message, loc=at(*place), hint=hint)


_HINTS = {
    "models": "name a Verilog file beside this one, such as models.v",
    "words": "from 2 to 1048576",
    "bits": "from 1 to 1024",
    "active_low": "a list of the pins that are on when low",
    "write_mask": "{pin: BWE, bits: 8}: a bus, and the bits of a word that one of it lets be written",
    "macros": "a list of macros, each with module, words, bits and ports",
}


def _keys(place: Place) -> list[str]:
    """The keys that there are beside the last of a path."""
    holder: type[_Form] = MapForm
    if place[0] == "macros" and len(place) > 2:
        holder = MacroForm
    return list(holder.model_fields)


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def _names(form: MapForm, at: Positions) -> Iterator[LegoError]:
    """E134 for names that can't stand in Verilog, E133 for those that are given twice or are no pin."""
    known: dict[str, str] = {}
    for k, macro in enumerate(form.macros):
        place: Place = ("macros", k, "module")
        yield from _legal(macro.module, at(*place))
        if macro.module.lower() in known:
            message = f"macro {macro.module!r} is named like {known[macro.module.lower()]!r}"
            hint = "list every macro once; names differ by more than case"
            yield LegoError("E133", message, loc=at(*place), hint=hint)
        known[macro.module.lower()] = macro.module
        yield from _pin_names(_cell(macro), macro, at, ("macros", k))


def _pin_names(cell: SramCell, form: MacroForm, at: Positions, place: Place) -> Iterator[LegoError]:
    known: set[str] = set()
    ports, ties = at(*place, "ports"), at(*place, "ties")
    for pin in cell.pins:
        loc = ties if pin in form.ties else ports
        if pin == cell.mask:
            loc = at(*place, "write_mask", "pin")
        yield from _legal(pin, loc)
        if pin.lower() in known:
            message = f"pin {pin!r} of {cell.module!r} is given twice"
            yield LegoError("E133", message, loc=loc, hint=f"name it once; {ONE_READ_ONE_WRITE}")
        known.add(pin.lower())
    if form.write_mask and form.bits % form.write_mask.bits:
        message = f"{form.write_mask.bits} bits per bit of the mask don't divide {form.bits}"
        loc = at(*place, "write_mask", "bits")
        yield LegoError("E131", message, loc=loc, hint=_HINTS["write_mask"])
    for k, pin in enumerate(form.active_low):
        if pin not in (*cell.read_enables, *cell.write_enables, cell.mask):
            message = f"{pin[:40]!r} is no enable of {cell.module!r}"
            hint = "active_low lists pins of `enable`, and of `write_mask`"
            yield LegoError("E131", message, loc=at(*place, "active_low", k), hint=hint)


def _legal(name: str, loc: Loc) -> Iterator[LegoError]:
    if not _NAME.fullmatch(name) or name.lower() in KEYWORDS or name.lower().startswith(PREFIX):
        message = f"{name[:40]!r} can't be a name in the Verilog"
        hint = f"letters, digits and _, no keyword, and no {PREFIX} in front"
        yield LegoError("E134", message, loc=loc, hint=hint)
