"""Switching activity and SRAM accesses of a simulated run, from the SAIF that Verilator writes.

The SAIF covers the busy cycles only: what the host does before and after isn't in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lego.diag import LegoError

__all__ = ["Activity", "outdated", "read_activities", "read_saif", "write_activities"]

SCHEMA = "lego/activity/2"
CATEGORIES = (
    ("fu_", "fu"),
    ("array", "interconnect"),
    ("control", "control"),
    ("registers", "control"),
)
"""Category by the beginning of an instance's name; others belong to what holds them."""

_ACCESS = frozenset({"ren", "wen", "raddr", "waddr"})
"""What enables the words of an SRAM that is made of registers."""

NARROW = 4
"""Most bits of a signal that may enable something by one of them: a choice, not data."""

ADDRESS = 6
"""Most bits of the address of an SRAM that may be made of registers."""

_INSTANCE = re.compile(r"\(INSTANCE (\S+)")
_BIT = re.compile(r"\((\S+) \(T0 \d+\) \(T1 (\d+)\) .*\(TC (\d+)\)\)")
_DURATION = re.compile(r"\(DURATION (\d+)\)")


@dataclass(frozen=True, slots=True)
class Activity:
    """What one design did while busy.

    Attributes
    ----------
    cycles : clock cycles recorded.
    toggles, bits : per category, toggles of all bits over all cycles, and the number of bits.
    accesses : per operand, reads and writes of its SRAM macros over all cycles.
    high_cycles : per path of an instance (``array.fu_0_0``; the top's is empty) and bit of a signal
        of up to `NARROW` bits (``go``, ``choice[1]``), the cycles in which it is high.
    """

    cycles: int
    toggles: dict[str, int]
    bits: dict[str, int]
    accesses: dict[str, int]
    high_cycles: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def high(self) -> dict[str, dict[str, float]]:
        """Share of the cycles in which bits of narrow signals are high."""
        cycles = max(1, self.cycles)
        return {
            path: {name: min(1.0, n / cycles) for name, n in signals.items()}
            for path, signals in self.high_cycles.items()
        }

    def rate(self, category: str) -> float:
        """Mean toggles per bit and cycle; the whole design's where a category has no bit."""
        bits = self.bits.get(category, 0)
        toggles = self.toggles.get(category, 0)
        if not bits:
            toggles, bits = sum(self.toggles.values()), sum(self.bits.values())
        return toggles / max(1, bits * self.cycles)

    def to_json(self) -> dict[str, object]:
        """As a JSON object."""
        return {
            "cycles": self.cycles,
            "toggles": self.toggles,
            "bits": self.bits,
            "sram_accesses": self.accesses,
            "high_cycles": self.high_cycles,
        }


def read_activities(text: str) -> dict[str, Activity]:
    """The designs' activities from activity.json. Raises E805."""
    try:
        document = json.loads(text)
        return {
            top: Activity(
                d["cycles"], d["toggles"], d["bits"], d["sram_accesses"], d["high_cycles"]
            )
            for top, d in document["designs"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LegoError(
            "E805", "activity.json is not an activity record", hint="delete it and run again"
        ) from error


def outdated(text: str) -> bool:
    """Whether another version of LEGO wrote this activity.json."""
    found = re.search(r'"schema":\s*"(lego/activity/\d+)"', text)
    return found is not None and found[1] != SCHEMA


def write_activities(activities: Mapping[str, Activity]) -> str:
    """The text of activity.json."""
    designs = {top: activity.to_json() for top, activity in sorted(activities.items())}
    return json.dumps({"schema": SCHEMA, "designs": designs}, indent=1) + "\n"


def read_saif(saif: str, memories: Mapping[str, str]) -> Activity:
    """Sum up the instance `dut` but for bits inside RAM macros, whose enables count as accesses.

    Raises E805 if the text isn't the SAIF of a bench."""
    duration = _DURATION.search(saif)
    if duration is None or "(INSTANCE dut" not in saif:
        raise LegoError("E805", "the simulation left no switching activity of the design")
    found = _Toggles()
    around = [_Group()]
    for line in map(str.strip, saif.split("\n")):
        here = around[-1]
        if line == ")":
            around.pop()
        elif bit := _BIT.match(line):
            found.add(here, bit.group(1), int(bit.group(2)), int(bit.group(3)))
        elif instance := _INSTANCE.match(line):
            around.append(_enter(instance.group(1), here, memories))
        elif line.startswith("("):
            around.append(here)
    return found.activity(int(duration.group(1)) // 2)


def _narrow(signals: Mapping[str, int]) -> dict[str, int]:
    """The signals of few bits."""
    bits: dict[str, int] = {}
    for name in signals:
        base = name.partition("[")[0]
        bits[base] = bits.get(base, 0) + 1
    most = {name: ADDRESS if name in ("raddr", "waddr") else NARROW for name in bits}
    return {
        name: n
        for name, n in sorted(signals.items())
        if bits[base := name.partition("[")[0]] <= most[base]
    }


@dataclass(slots=True)
class _Toggles:
    """What was added up so far; a cycle of the clock is two units of time."""

    toggles: dict[str, int] = field(default_factory=dict)
    bits: dict[str, int] = field(default_factory=dict)
    accesses: dict[str, int] = field(default_factory=dict)
    high: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, here: _Group, net: str, ones: int, toggles: int) -> None:
        """One bit, which was 1 for so long."""
        if here.category == "sram":
            if net in ("ren", "wen"):
                self.accesses[here.operand] = self.accesses.get(here.operand, 0) + ones // 2
            if net.partition("\\")[0] in _ACCESS:
                self.high.setdefault(here.path, {})[net.replace("\\", "")] = ones // 2
        elif here.category not in ("", "sram", "macro") and net != "clk":
            self.toggles[here.category] = self.toggles.get(here.category, 0) + toggles
            self.bits[here.category] = self.bits.get(here.category, 0) + 1
            self.high.setdefault(here.path, {})[net.replace("\\", "")] = ones // 2

    def activity(self, cycles: int) -> Activity:
        """Everything in the order of names."""
        return Activity(
            cycles,
            dict(sorted(self.toggles.items())),
            dict(sorted(self.bits.items())),
            dict(sorted(self.accesses.items())),
            {path: _narrow(signals) for path, signals in sorted(self.high.items())},
        )


@dataclass(frozen=True, slots=True)
class _Group:
    """Where a line of SAIF stands: what it counts as, whose memory it is, path from the top."""

    category: str = ""
    operand: str = ""
    path: str = ""


def _enter(instance: str, outer: _Group, memories: Mapping[str, str]) -> _Group:
    if not outer.category:
        return _Group("control") if instance == "dut" else _Group()
    path = f"{outer.path}.{instance}".lstrip(".")
    if outer.category in ("sram", "macro"):
        return _Group("macro", outer.operand, path)
    if instance in ("ram", "ram_0", "ram_1"):
        return _Group("sram", outer.operand, path)
    if not outer.path and instance in memories:
        return _Group("memory", memories[instance], path)
    for prefix, name in CATEGORIES:
        if instance.startswith(prefix):
            return _Group(name, outer.operand, path)
    return replace(outer, path=path)
