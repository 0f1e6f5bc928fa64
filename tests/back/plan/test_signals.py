"""Names of the control's signals: different things have different ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lego.back.plan.signals import events_of, fetch_port, inside_port, variant_port

INDICES = st.tuples(st.integers(0, 12), st.integers(-99, 99))
CARRIES = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), max_size=3).map(tuple)


@given(CARRIES, CARRIES)
def test_addresses_with_other_carries_have_other_names(
    a: tuple[tuple[int, int], ...], b: tuple[tuple[int, int], ...]
) -> None:
    assert (variant_port(a) == variant_port(b)) == (a == b)


@given(
    st.tuples(st.integers(0, 12), st.integers(-99, 99)),
    st.tuples(st.integers(0, 12), st.integers(-99, 99)),
)
def test_other_indices_have_other_names(a: tuple[int, int], b: tuple[int, int]) -> None:
    assert (inside_port(*a) == inside_port(*b)) == (a == b)


def test_names() -> None:
    assert variant_port(()) == "addr"
    assert variant_port(((0, 1), (2, 3))) == "addr_0_2x3"
    assert inside_port(1, -2) == "in1_m2"
    assert fetch_port(()) == "en"
    assert fetch_port((0, 2)) == "fetch_0_2"


def test_events_start_or_write_something() -> None:
    assert events_of(2) == {
        "launch",
        "running",
        "last_held",
        "step0",
        "step1",
        "last0",
        "last1",
        "last2",
    }
