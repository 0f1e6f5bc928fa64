"""Passes on the command line: what options ask for, what each pass did, and what `--help` says of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from difflib import get_close_matches
from itertools import groupby
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from lego.cli.common import note, table, warn
from lego.diag import LegoError

if TYPE_CHECKING:
    from lego.back.graph.measure import Size
    from lego.back.pipeline import Options, Step

__all__ = [
    "HelpWithPasses",
    "PassOptions",
    "options_of",
    "print_steps",
    "print_verified",
    "verified",
]

NONE = "none"
"""What --passes says for no pass at all."""

EXAMPLES = (
    "gemm.yaml -o rtl_out --dump",
    "gemm.yaml --clock 1GHz",
    "gemm_multi.yaml --passes widths,delays --stats",
    "gemm_multi.yaml --dump-after gating",
    "gemm_multi.yaml -O1 --verify",
)


@dataclass(frozen=True, slots=True)
class PassOptions:
    """What the command line says about passes; None for what it doesn't say.

    Attributes
    ----------
    level : of -O.
    passes : names, separated by commas, or `none`.
    max_fanout : pins that a register may drive.
    verify : check what every pass did.
    dump_after : name of a pass.
    clock : such as 1GHz or 1.25ns.
    stats : print what every pass did.
    """

    level: int | None
    passes: str | None
    max_fanout: int | None
    verify: bool
    dump_after: str | None
    clock: str | None
    stats: bool


def options_of(how: PassOptions) -> Options:
    """What the pass manager is to do; says on stderr what of the command line does nothing.

    Raises E904 for names, levels, fan-outs and clocks that can't be, and for --passes beside -O.
    """
    from lego.artefact.handoff import clock_ps
    from lego.back.pipeline import DEFAULT, Options, chosen

    names = None if how.passes is None else _names(how.passes)
    if names is not None and how.level is not None:
        hint = "give -O for the passes of a level, or --passes for these and no others"
        raise LegoError("E904", "--passes and -O are both given", hint=hint)
    options = Options(
        DEFAULT.level if how.level is None else how.level,
        names,
        DEFAULT.fanout if how.max_fanout is None else how.max_fanout,
        how.verify,
        None if how.clock is None else clock_ps(how.clock),
    )
    _tell_unused(how, names, chosen(options))
    return options


def _tell_unused(how: PassOptions, names: Sequence[str] | None, runs: Sequence[str]) -> None:
    """What of the command line does nothing, given the passes that run."""
    if names is not None and names != runs:
        note(f"passes run in an order of their own: {', '.join(runs)}")
    if how.max_fanout is not None and "broadcast" not in runs:
        warn("--max-fanout changes nothing without the pass broadcast", "add broadcast, or use -O2")


def _names(text: str) -> tuple[str, ...]:
    """The passes of --passes, as often and in the order that they are written. Raises E904."""
    from lego.back.pipeline import PASSES

    known = [each.name for each in PASSES]
    names = tuple(name.strip() for name in text.split(","))
    if names == (NONE,):
        return ()
    hint = f"{NONE} for no pass at all, or some of {', '.join(known)}"
    if "" in names:
        raise LegoError("E904", f"--passes {text[:40]!r} leaves a name out", hint=hint)
    for at, name in enumerate(names):
        if name == NONE:
            raise LegoError("E904", f"--passes has {NONE} and other names", hint=hint)
        if name in names[:at]:
            raise LegoError("E904", f"--passes names {name} twice", hint="name every pass once")
        if name not in known:
            raise LegoError("E904", f"no pass {name[:40]!r}", hint=_meant(name, known) or hint)
    return names


def _meant(name: str, known: Sequence[str]) -> str:
    """What a user may have meant by a name that is no pass; empty if nobody knows."""
    if name in dict(_stages()):
        return f"{name} is a stage that --clock puts in where it is needed"
    close = get_close_matches(name.lower(), known, 1)
    return f"did you mean {close[0]}? passes are {', '.join(known)}" if close else ""


def print_steps(steps: Sequence[tuple[str, Step]]) -> None:
    """The table of --stats: what each design was lowered to, and what each pass made of it."""
    rows: list[tuple[object, ...]] = []
    for design, group in groupby(steps, key=lambda each: each[0]):
        mine = [step for _, step in group]
        rows.append((design, "as lowered", *(f"{n:,}" for n in astuple(mine[0].before)), ""))
        rows += [
            (design, step.name, *_sizes(step.before, step.after), round(step.seconds * 1000))
            for step in mine
        ]
    sizes = ("registers", "register bits", "primitives", "um2 of logic")
    table(("design", "pass", *(f"{name} (±)" for name in sizes), "ms"), rows)
    print("(±): change against the row above.", *_about_delays({step.name for _, step in steps}))


def _sizes(before: Size, after: Size) -> list[str]:
    pairs = zip(astuple(before), astuple(after), strict=True)
    return [f"{new:,} ({new - old:+,})" if new != old else f"{new:,} (=)" for old, new in pairs]


def _about_delays(names: set[str]) -> list[str]:
    """Why the row of delay matching has registers more: what is before it isn't a design that works yet."""
    if "delays" in names:
        return [
            "Before delays, paths don't agree: what it adds are the registers in which they wait."
        ]
    if "no delays" in names:
        return [
            "no delays: paths agree without that pass, by more registers than delays would take."
        ]
    return []


def verified(steps: Sequence[tuple[str, Step]]) -> dict[str, list[str]]:
    """Per design the passes whose results were checked."""
    grouped = groupby(steps, key=lambda each: each[0])
    return {design: [step.name for _, step in group] for design, group in grouped}


def print_verified(steps: Sequence[tuple[str, Step]]) -> None:
    """What --verify checked, a line per design; who gets here has no fault."""
    for design, names in verified(steps).items():
        seconds = sum(step.seconds for name, step in steps if name == design)
        checked = ", ".join(names)
        print(
            f"verified {design}: {checked} (each against the graph before it; {seconds:.1f} s "
            "with the passes)"
        )


class HelpWithPasses(TyperCommand):
    """A command whose help ends with examples, the passes and the stages, read when it is asked for."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help; lines of ours as they are, which an epilog's aren't."""
        super().format_help(ctx, formatter)
        formatter.write("".join(f" {line}".rstrip() + "\n" for line in _help_lines()))


def _help_lines() -> list[str]:
    from lego.back.pipeline import PASSES

    width = 2 + max(len(each.name) for each in PASSES)
    lines = [f"Example: lego compile workloads/{given}" for given in EXAMPLES]
    lines = [
        "",
        *lines,
        "",
        "Passes, in the order in which they run, and the first level that has each:",
    ]
    lines += [f"  {each.name:{width}}-O{each.level}  {each.about}" for each in PASSES]
    lines += ["", "Stages of registers, which --clock puts in where the clock needs them:"]
    return lines + [f"  {name:{width}}{about}" for name, about in _stages()]


def _stages() -> list[tuple[str, str]]:
    """Names of the stages, and what their class says about each."""
    from lego.back.schedule.stages import Stages

    told = dict(
        re.findall(r"`(\w+)`: ([^;]+?)[;.]\s", " ".join((Stages.__doc__ or "").split()) + " ")
    )
    return [(each.name, told.get(each.name, "")) for each in fields(Stages)]
