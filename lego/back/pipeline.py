"""The pass manager: which passes run on the graph of a design, in what order, and what each saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lego.back.graph.limits import MAX_FANOUT
from lego.back.graph.measure import Size, size_of
from lego.back.passes.broadcast import rewire_broadcasts
from lego.back.passes.checks.broadcast_check import check_rewired
from lego.back.passes.checks.gating_check import check_gated
from lego.back.passes.checks.onehot_check import check_onehot
from lego.back.passes.checks.pins_check import check_shared
from lego.back.passes.dead import check_pruned, remove_dead_ports
from lego.back.passes.delays import check_matched, delay_early, match_all
from lego.back.passes.gating import gate_idle
from lego.back.passes.onehot import select_onehot
from lego.back.passes.pins import share_pins
from lego.back.passes.reductions import balance_reductions, check_balanced
from lego.back.passes.widths import check_narrowed, narrow_widths
from lego.diag import LegoError
from lego.ir.checks.check import check, checking
from lego.ir.dag import Dag, Module
from lego.tell import Tell, silent

__all__ = ["DEFAULT", "PASSES", "Options", "Pass", "Step", "check_runs", "chosen", "optimise"]

MAX_LEVEL = 2
MIN_FANOUT, TOP_FANOUT = 2, 1 << 20


@dataclass(frozen=True, slots=True)
class Options:
    """How to optimise. Raises E904 for a level or fan-out that can't be.

    Attributes
    ----------
    level : 0 to 2; passes up to this level run.
    passes : names of the passes to run instead; None for those of the level.
    fanout : most pins that a register drives after broadcast rewiring.
    verify : check the graph, and the invariants of every pass on its result, even if stages don't check.
    clock_ps : the period to aim at, by pipeline registers where paths are too long for it; None for none.
    """

    level: int = MAX_LEVEL
    passes: tuple[str, ...] | None = None
    fanout: int = MAX_FANOUT
    verify: bool = False
    clock_ps: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.level <= MAX_LEVEL:
            raise LegoError("E904", f"no level -O{self.level}", hint=f"levels are 0 to {MAX_LEVEL}")
        if not MIN_FANOUT <= self.fanout <= TOP_FANOUT:
            hint = f"between {MIN_FANOUT} and {TOP_FANOUT}"
            raise LegoError("E904", f"a fan-out of {self.fanout} pins can't be", hint=hint)


DEFAULT = Options()


@dataclass(frozen=True, slots=True)
class Pass:
    """A function from graph to graph, the lowest level that runs it, and the check of its invariants.

    `instead` is what runs where the pass is off and something must be done all the same. `steady`: it keeps
    the behaviour only while the dataflow id stands still, as it does while the array runs.
    """

    name: str
    about: str
    level: int
    run: Callable[[Dag, Options], Dag]
    check: Callable[[Dag, Dag], None]
    instead: Callable[[Dag], Dag] | None = None
    steady: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What one pass did: the graph after it, sizes before and after, and seconds."""

    name: str
    dag: Dag
    before: Size
    after: Size
    seconds: float

    def to_json(self) -> dict[str, str | int]:
        """Its name and what the graph is like after it; alike on every machine."""
        return {
            "name": self.name,
            "registers": self.after.registers,
            "register_bits": self.after.bits,
            "primitives": self.after.primitives,
            "area_um2": self.after.area_um2,
        }


PASSES: tuple[Pass, ...] = (
    Pass(
        "reductions",
        "chains of sums, products, minima and maxima become trees",
        1,
        lambda dag, _: balance_reductions(dag),
        check_balanced,
    ),
    Pass(
        "pins",
        "adders and multipliers of different dataflows share a unit",
        1,
        lambda dag, _: share_pins(dag),
        check_shared,
        steady=True,
    ),
    Pass(
        "widths",
        "every primitive as wide as the values that reach it",
        1,
        lambda dag, _: narrow_widths(dag),
        check_narrowed,
    ),
    Pass(
        "delays",
        "all paths of a module agree with the fewest register bits",
        1,
        lambda dag, _: match_all(dag),
        check_matched,
        delay_early,
    ),
    Pass(
        "dead",
        "ports and primitives that nothing depends on go",
        1,
        lambda dag, _: remove_dead_ports(dag),
        check_pruned,
    ),
    Pass(
        "gating",
        "registers and multipliers stand still under dataflows that don't use them",
        2,
        lambda dag, _: gate_idle(dag),
        check_gated,
        steady=True,
    ),
    Pass(
        "onehot",
        "trees of multiplexers become disjunctions of masked words",
        1,
        lambda dag, _: select_onehot(dag),
        check_onehot,
    ),
    Pass(
        "broadcast",
        "registers with many sinks become trees",
        2,
        lambda dag, options: rewire_broadcasts(dag, options.fanout),
        check_rewired,
    ),
)


def chosen(options: Options) -> tuple[str, ...]:
    """Names of the passes that run, in order. Raises E904 for names that don't exist."""
    if options.passes is None:
        return tuple(each.name for each in PASSES if each.level <= options.level)
    known = [each.name for each in PASSES]
    for name in options.passes:
        if name not in known:
            raise LegoError("E904", f"no pass {name!r}", hint=f"passes are {', '.join(known)}")
    return tuple(name for name in known if name in options.passes)


def check_runs(name: str, options: Options) -> None:
    """Raise E904 unless there is a graph after the pass of this name, or after what runs instead."""
    names = chosen(options)
    known = [each.name for each in PASSES if each.name in names or each.instead is not None]
    if name not in known:
        hint = f"there is a graph after {', '.join(known)}" if known else "no pass runs"
        raise LegoError("E904", f"pass {name!r} doesn't run", hint=hint)


def optimise(
    dag: Dag,
    options: Options,
    watch: Callable[[Step], None] | None = None,
    tell: Tell = silent,
) -> Dag:
    """Run the passes;

    `watch` sees every step, `tell` hears what begins. Raises InternalError if `verify` finds a fault.
    """
    names = chosen(options)
    verify = options.verify or checking()
    if verify:
        check(dag)
    size, known = None, dict[int, tuple[Module, Size]]()
    for k, each in enumerate(PASSES):
        if each.name not in names and each.instead is None:
            continue
        tell(f"pass {each.name}", k, len(PASSES))
        begun = time.monotonic()
        if each.name in names:
            after = each.run(dag, options)
        elif each.instead is not None:
            after = each.instead(dag)
        if verify:
            each.check(dag, after)
            check(after)
        if watch is not None:
            name = each.name if each.name in names else f"no {each.name}"
            seconds = time.monotonic() - begun
            before, size = size or size_of(dag, known), size_of(after, known)
            watch(Step(name, after, before, size, seconds))
        dag = after
    return dag
