"""The table of control registers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lego.ir.control_map import (
    ADDRESS_BITS,
    BUSY,
    Access,
    Field,
    Identity,
    Register,
    control_registers,
    offset_of,
)

REGISTERS = control_registers(Identity(0xCAFE0123, bus_bytes=64, lanes=128))


def test_registers_are_apart_and_in_order() -> None:
    offsets = [offset for each in REGISTERS for offset in each.offsets]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] < 1 << ADDRESS_BITS
    names = [each.name for each in REGISTERS]
    assert len(set(names)) == len(names)
    for each in REGISTERS:
        fields = [field.name for field in each.fields]
        assert len(set(fields)) == len(fields)


def test_fields_of_pulses_and_of_ones_that_clear_have_one_bit() -> None:
    for each in REGISTERS:
        for field in each.fields:
            assert field.bits == 1 or field.access not in (Access.PULSE, Access.W1C)


def test_a_device_tells_who_it_is() -> None:
    found = {each.name: each.reset for each in REGISTERS}
    assert found["ID"].to_bytes(4, "little") == b"LEGO"
    assert found["CHIP"] == 0xCAFE0123
    assert found["CAPABILITY"] == 64 | 128 << 8 | 16 << 16 | 4 << 24 | 8 << 28
    with pytest.raises(ValueError, match=r"^LANES has 8 bits and can't be 256$"):
        control_registers(Identity(0, lanes=256))


def test_offsets_by_name() -> None:
    assert (offset_of("CONTROL"), offset_of("SEGMENT_LIMIT", 3)) == (0x010, 0x14C)
    with pytest.raises(KeyError, match="SEGMENT_LIMITS"):
        offset_of("SEGMENT_LIMITS")
    with pytest.raises(IndexError):
        offset_of("SEGMENT_LIMIT", 8)


def test_what_locks_is_a_field() -> None:
    register, name = BUSY.split(".")
    (found,) = (each for each in REGISTERS if each.name == register)
    assert found.field(name).access is Access.RO
    with pytest.raises(KeyError, match=r"STATUS\.IDLE"):
        found.field("IDLE")


FIELD = Field("A", 4, 4, Access.RW, "")


@pytest.mark.parametrize(
    ("low", "bits", "reset"), [(30, 3, 0), (-1, 2, 0), (0, 0, 0), (0, 2, 4), (0, 2, -1)]
)
def test_fields_that_fit_no_register(low: int, bits: int, reset: int) -> None:
    with pytest.raises(ValueError, match=r"^A has"):
        replace(FIELD, low=low, bits=bits, reset=reset)


def test_registers_that_cannot_be() -> None:
    for fields in ((FIELD, replace(FIELD, low=7)), (FIELD, replace(FIELD, low=0, bits=4))):
        with pytest.raises(ValueError, match="overlap or are out of order"):
            Register("R", 0, fields, "")
    for offset, count in ((2, 1), (0xFFC, 2)):
        with pytest.raises(ValueError, match="is at no address"):
            Register("R", offset, (FIELD,), "", count)
