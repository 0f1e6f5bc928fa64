"""Counters that are alike: strips on them may change places, and nothing else changes."""

from __future__ import annotations

from lego.bind.freedom import Freedom
from lego.bind.site import Port, Site
from lego.bind.strips import Table
from lego.ir.adg import InputPlan

__all__ = ["kinds_of"]


def kinds_of(site: Site, freedom: Freedom, table: Table) -> tuple[int, ...]:
    """By counter the first one of those beside it that are like it."""
    if freedom.holds and not site.adg.output.accumulates:  # sums are over innermost counters
        return tuple(range(len(site.limits)))
    found = list[int]()
    for k in range(len(site.limits)):
        alike = k > 0 and _alike(site, freedom, table, k - 1) == _alike(site, freedom, table, k)
        found.append(found[-1] if alike else k)
    return tuple(found)


def _alike(site: Site, freedom: Freedom, table: Table, k: int) -> object:
    """What of a counter binding depends on."""
    last = len(site.limits) - 1
    own = [(axis.counter == k) * (n + 1) for n, axis in enumerate(site.axes)]
    passes = {plan.banking.pause for plan in site.adg.operands() if plan.banking.pause}
    again = any(plan.banking.again for plan in site.adg.operands())
    delays = any(isinstance(p.plan, InputPlan) and p.plan.delays for p in site.ports)
    return (
        [bool(reason) for reason in table.counters[k]],
        site.limits[k],
        None if freedom.masks else own,
        [k > last - level for level in sorted(passes)],
        (again or delays) and k == last,
        [_wired(port, k) for port in site.ports],
        [guard.time[k] for guard in site.adg.guards],
    )


def _wired(port: Port, k: int) -> object:
    """What is wired for a counter at an operand."""
    plan = port.plan
    delays = plan.delays if isinstance(plan, InputPlan) else ()
    return (
        [row[k] % m for row, m in zip(plan.time, port.moduli, strict=True)],
        [reuse.dt[k] for reuse in delays],
        [plan.time[dim][k] for dim, _ in port.compared],
        k in port.held,
        k in port.stepped,
    )
