"""The number formats that a workload file may name."""

from __future__ import annotations

from lego.ir.formats import Integer

__all__ = ["FORMATS", "narrowest"]

FORMATS = {
    str(fmt): fmt
    for fmt in (
        *(Integer(True, bits) for bits in range(2, 33)),
        *(Integer(False, bits) for bits in range(1, 33)),
    )
}


def narrowest(low: int, high: int) -> Integer | None:
    """The format of fewest bits that holds `low` to `high`, if there is one."""
    fitting = [f for f in FORMATS.values() if f.low <= low and high <= f.high]
    return min(fitting, key=lambda f: f.bits, default=None)
