"""Tables of the registers of engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from lego.ir.engines import (
    LOAD_REGISTERS,
    STORE_REGISTERS,
    as_written,
    documented,
    register_numbers,
)


@pytest.mark.parametrize("table", [LOAD_REGISTERS, STORE_REGISTERS], ids=["load", "store"])
def test_names_are_unique_and_registers_fit_command_words(table) -> None:
    assert len(register_numbers(table)) == len(table) <= 256
    assert all(1 <= each.bits <= 32 for each in table)


def test_numbers_are_those_that_programs_use() -> None:
    load, store = map(register_numbers, (LOAD_REGISTERS, STORE_REGISTERS))
    known = {"beats": 4, "fetch_trip0": 5, "fetch_step3": 12, "mask": 16, "place_trip0": 17}
    assert {name: load[name] for name in known} == known
    assert (load["place_step4"], load["rotate_step4"], len(load)) == (26, 31, 32)
    known = {"segment": 0, "send_trip0": 3, "send_step3": 10, "address": 11, "take_step4": 21}
    assert {name: store[name] for name in known} == known
    assert len(store) == 22


def test_registers_hold_low_bits() -> None:
    held = as_written(STORE_REGISTERS, {"send_step0": -16, "take_step1": -1, "segment": 9})
    assert (held["send_step0"], held["take_step1"], held["segment"]) == (2**32 - 16, 2**16 - 1, 1)
    assert sum(held.values()) == sum((2**32 - 16, 2**16 - 1, 1))


def test_unknown_registers_are_refused() -> None:
    with pytest.raises(KeyError, match="rotate"):
        as_written(STORE_REGISTERS, {"rotate": 1})


@pytest.mark.parametrize("table", [LOAD_REGISTERS, STORE_REGISTERS], ids=["load", "store"])
def test_the_documentation_has_the_table(table) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "device.md"
    assert "\n".join(documented(table)) in page.read_text()
