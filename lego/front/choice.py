"""Which source each region takes under each dataflow: heuristic, exact, and naive.

Cost of one port, in the units of :mod:`lego.ir.costs`: per FU one multiplexer input for every distinct
source but one, and per FU that others take from the longest delay of its taps, in registers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lego.diag import InternalError
from lego.front.candidates import Option, Port
from lego.ir.adg import Fu
from lego.ir.costs import COSTS

if TYPE_CHECKING:
    import pulp

    Picks = Mapping[tuple[tuple[int, int], Option], pulp.LpVariable]
    """Per (region, dataflow) and option, whether it is taken."""

__all__ = ["NODE_LIMIT", "Choice", "cost_of", "exact", "heuristic", "sources_of"]

Key = tuple[int, int]

NODE_LIMIT = 20_000
"""Branch-and-bound nodes per port after which the exact programme gives up: a limit on work, not on
time, so that every machine gets the same answer."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Option per (region, dataflow), its cost, and a bound below which no choice can cost."""

    options: Mapping[Key, Option]
    cost: int
    bound: int

    @property
    def optimal(self) -> bool:
        """Whether nothing can be cheaper."""
        return self.cost <= self.bound


def _cells(port: Port) -> Iterator[tuple[Key, tuple[Option, ...]]]:
    """(region, dataflow) pairs with their options, where there are any."""
    for r, region in enumerate(port.regions):
        for layer, options in enumerate(region.options):
            if options:
                yield (r, layer), options


def _lines(port: Port) -> Counter[tuple[tuple[Fu, int], ...]]:
    """How many FUs have takers in these (displacement, region) places."""
    steps = sorted({o.ds for _, options in _cells(port) for o in options if o.ds})
    place = {fu: r for r, region in enumerate(port.regions) for fu in region.fus}
    count: Counter[tuple[tuple[Fu, int], ...]] = Counter()
    for fu in place:
        takers = tuple(
            (ds, place[taker])
            for ds in steps
            if (taker := tuple(a + d for a, d in zip(fu, ds, strict=True))) in place
        )
        count[takers] += 1
    return count


def cost_of(port: Port, options: Mapping[Key, Option], *, shared: bool = True) -> int:
    """Area of the links and multiplexers; not `shared`: one input per dataflow."""
    muxes = 0
    for r, region in enumerate(port.regions):
        used = [options[r, k] for k in range(len(region.options)) if (r, k) in options]
        inputs = len(set(used)) if shared else len(used)
        muxes += max(0, inputs - 1) * len(region.fus)
    registers = 0
    for takers, count in _lines(port).items():
        taps = [
            options[r, k].delay
            for ds, r in takers
            for k in range(len(port.regions[r].options))
            if (r, k) in options and options[r, k].ds == ds
        ]
        registers += count * max(taps, default=0)
    return port.bits * (muxes * COSTS.mux_bit + registers * COSTS.register_bit)


def heuristic(port: Port) -> Choice:
    """Most-shared sources first: every FU takes, for each dataflow, the source that most of its own
    dataflows can share, then the one that most FUs can, then the shortest."""
    everywhere: Counter[Option] = Counter()
    here: dict[int, Counter[Option]] = defaultdict(Counter)
    for (r, _), options in _cells(port):
        for option in options:
            everywhere[option] += len(port.regions[r].fus)
            here[r][option] += 1
    chosen = {
        (r, layer): max(
            options,
            key=lambda o, r=r: (here[r][o], everywhere[o], -o.delay, o),  # type: ignore[misc]
        )
        for (r, layer), options in _cells(port)
    }
    return Choice(chosen, cost_of(port, chosen), 0)


def exact(port: Port) -> Choice | None:
    """The cheapest choice, by a 0-1 programme over regions; None if the node limit stops it."""
    import pulp

    problem = pulp.LpProblem("fusion", pulp.LpMinimize)
    pick = {
        (key, option): pulp.LpVariable(f"x{key[0]}_{key[1]}_{n}", cat="Binary")
        for key, options in _cells(port)
        for n, option in enumerate(options)
    }
    for key, options in _cells(port):
        problem += pulp.lpSum(pick[key, option] for option in options) == 1
    cost, constant = _input_costs(problem, port, pick)
    for n, (takers, count) in enumerate(sorted(_lines(port).items())):
        cost += _line_cost(problem, port, pick, takers, count, n)
    ties = [n * variable for n, variable in enumerate(pick.values())]
    scale = 1 + 2 * len(pick) ** 2
    problem.setObjective(scale * pulp.lpSum(cost) + pulp.lpSum(ties))
    if not _is_solved(problem):
        return None
    chosen = {
        key: max(options, key=lambda o, key=key: pick[key, o].value() or 0)  # type: ignore[misc]
        for key, options in _cells(port)
    }
    total = cost_of(port, chosen)
    least = round(pulp.value(problem.objective) or 0) // scale
    if port.bits * (least + constant) != total:
        raise InternalError("fusion: the programme's optimum isn't its choice's cost")
    return Choice(chosen, total, total)


def _is_solved(problem: pulp.LpProblem) -> bool:
    """Whether the node limit let the solver finish. Raises InternalError if there is no optimum."""
    import pulp

    try:
        status = problem.solve(pulp.HiGHS(msg=False, threads=1, mip_max_nodes=NODE_LIMIT, gapRel=0))
    except KeyError:  # PuLP knows no status for a solver stopped by its node limit
        return False
    if pulp.LpStatus[status] != "Optimal":
        raise InternalError(f"fusion ended {pulp.LpStatus[status]}")
    return True


def _input_costs(
    problem: pulp.LpProblem, port: Port, pick: Picks
) -> tuple[list[pulp.LpAffineExpression], int]:
    """Multiplexer inputs, one per distinct source of a region, and what the first of each doesn't cost."""
    import pulp

    cost, constant = [], 0
    for r, region in enumerate(port.regions):
        cells = [(r, k) for k, options in enumerate(region.options) if options]
        if not cells:
            continue
        weight = COSTS.mux_bit * len(region.fus)
        constant -= weight
        for n, option in enumerate(sorted({o for key in cells for o in region.options[key[1]]})):
            used = pulp.LpVariable(f"z{r}_{n}", 0, 1)
            for key in cells:
                if (key, option) in pick:
                    problem += used >= pick[key, option]
            cost.append(weight * used)
    return cost, constant


def _line_cost(
    problem: pulp.LpProblem,
    port: Port,
    pick: Picks,
    takers: tuple[tuple[Fu, int], ...],
    count: int,
    number: int,
) -> list[pulp.LpAffineExpression]:
    """Registers behind one kind of FU: one per cycle of the longest tap."""
    import pulp

    taps = [
        ((r, k), option)
        for ds, r in takers
        for k, options in enumerate(port.regions[r].options)
        for option in options
        if option.ds == ds
    ]
    terms = []
    for depth in range(1, max((o.delay for _, o in taps), default=0) + 1):
        line = pulp.LpVariable(f"l{number}_{depth}", 0, 1)
        for key, option in taps:
            if option.delay >= depth:
                problem += line >= pick[key, option]
        terms.append(COSTS.register_bit * count * line)
    return terms


def sources_of(port: Port, choice: Choice, layer: int) -> dict[Fu, tuple[Fu | None, int]]:
    """Link and delay per FU under one dataflow."""
    found: dict[Fu, tuple[Fu | None, int]] = {}
    for r, region in enumerate(port.regions):
        option = choice.options.get((r, layer))
        if option is None:
            continue
        for fu in region.fus:
            if option.node:
                found[fu] = None, 0
            elif option.star >= 0:
                found[fu] = port.stars[layer][fu], 0
            else:
                found[fu] = tuple(a - d for a, d in zip(fu, option.ds, strict=True)), option.delay
    return found
