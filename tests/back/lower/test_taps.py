"""Taps: asked for once, by the cycle in which a signal is taken."""

from __future__ import annotations

import pytest

from lego.back.graph.builder import Builder
from lego.back.lower.taps import Tap, Taps
from lego.diag import InternalError
from lego.ir.dag import Op
from tests.back.machine import machine_of


def test_a_signal_has_a_port_per_delay_and_one_only() -> None:
    taps, b = Taps(), Builder("m", "memory")
    first, later = taps.bring(b, "step", 2), taps.bring(b, "step", 3)
    assert first != later
    assert taps.bring(b, "step", 2) == first
    other = taps.bring(Builder("n", "memory"), "step", 2)
    assert other == 0  # in another module, of the same tap
    assert taps.asked == {"step_d2": Tap("step", 2), "step_d3": Tap("step", 3)}


def test_nothing_is_taken_before_it_exists() -> None:
    with pytest.raises(InternalError, match="tap of step before"):
        Taps().ask(Tap("step", -1))


def test_a_tap_a_cycle_later_is_another_tap() -> None:
    taps, b = Taps(), Builder("m", "memory")
    tapped = taps.bring(b, "address", 1, (0, 7))
    later = taps.after(b, tapped)
    assert b.nodes[later].op is Op.INPUT
    assert (b.nodes[later].name, b.nodes[later].range) == ("address_d2", (0, 7))


def test_what_no_tap_brings_passes_a_register() -> None:
    taps, b = Taps(), Builder("m", "memory")
    b.output("y", taps.after(b, b.add(b.input("a", (0, 3)), b.input("b", (0, 3)))))
    machine = machine_of(b)
    found = machine.run({"a": k, "b": 1} for k in range(4))
    assert [each["y"] for each in found] == [0, 1, 2, 3]
    assert not taps.asked
