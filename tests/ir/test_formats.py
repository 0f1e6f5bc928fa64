"""Number formats: names, ranges, and which holds all of another."""

from __future__ import annotations

import itertools

import pytest

from lego.diag import InternalError
from lego.ir.formats import (
    BFLOAT16,
    BOOL,
    EXACT,
    FLOAT8_E4M3,
    FLOAT16,
    FLOAT32,
    Float,
    Format,
    Integer,
    bytes_of,
    format_named,
    is_within,
)

torch = pytest.importorskip("torch")

INTEGERS = [Integer(s, n) for s in (True, False) for n in range(1 + s, 65)]


def named(name: str) -> Format:
    found = format_named(name)
    assert found is not None
    return found


def within(narrow: str, wide: str) -> bool:
    return is_within(named(narrow), named(wide))


@pytest.mark.parametrize("fmt", [*INTEGERS, BOOL, EXACT, FLOAT16, BFLOAT16, FLOAT8_E4M3])
def test_a_format_has_the_name_that_it_prints(fmt: Format) -> None:
    assert format_named(str(fmt)) == fmt


def test_other_names_and_none() -> None:
    assert named("fp8_e4m3") == FLOAT8_E4M3
    assert (named("bf16"), named("fp16"), named("fp32")) == (BFLOAT16, FLOAT16, FLOAT32)
    assert str(Float(8, 15)) == "e8m15"
    for name in ("int1", "int65", "uint0", "complex64", "e8m15", ""):
        assert format_named(name) is None


@pytest.mark.parametrize("wrong", [(True, 1), (True, 65), (False, 0), (False, 65)])
def test_integers_have_1_to_64_bits(wrong: tuple[bool, int]) -> None:
    with pytest.raises(InternalError):
        Integer(*wrong)


def test_sizes_in_bytes() -> None:
    sizes = {"bool": 1, "int4": 1, "uint9": 2, "int64": 8, "float8_e5m2": 1, "bf16": 2, "fp64": 8}
    assert {name: bytes_of(named(name)) for name in sizes} == sizes
    with pytest.raises(InternalError):
        bytes_of(EXACT)


def test_integers_within_integers_by_their_ends() -> None:
    for narrow, wide in itertools.product(INTEGERS, repeat=2):
        expected = wide.low <= narrow.low and narrow.high <= wide.high
        assert is_within(narrow, wide) == expected
    assert all(is_within(each, EXACT) and not is_within(EXACT, each) for each in INTEGERS)
    assert not is_within(FLOAT32, EXACT)


def test_formats_that_hold_all_of_another() -> None:
    names = (
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float8_e4m3fn",
        "float8_e5m2",
        "bfloat16",
        "float16",
        "float32",
        "float64",
    )
    for narrow in names:
        kind = getattr(torch, narrow)
        if kind.itemsize <= 2:
            count = 2 if narrow == "bool" else 2 ** (8 * kind.itemsize)
            bits = torch.arange(count).to(torch.uint8 if kind.itemsize == 1 else torch.int32)
            every = (
                bits.bool()
                if narrow == "bool"
                else bits.to(torch.uint8).view(kind)
                if kind.itemsize == 1
                else bits.sub(2**15).to(torch.int16).view(kind)
            )
            every = every[every.double().isfinite()]
            for wide in names:
                back = every.to(getattr(torch, wide)).double()
                if within(narrow, wide):
                    assert torch.equal(back, every.double()), (narrow, wide)
                elif wide != narrow:
                    assert not torch.equal(back, every.double()), (narrow, wide)
    assert within("int32", "float64")
    assert not within("int32", "float32")
    assert not within("float64", "float32")
