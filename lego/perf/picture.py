"""Draws when the engines of a device work, and what they wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from xml.etree import ElementTree

from lego.device.tokens import OPERANDS, Token
from lego.diag import LegoError
from lego.ir.commands import Engine
from lego.perf.result import Cause, EngineRun, Played

__all__ = ["semaphore_name", "timeline_html", "timeline_of", "timeline_svg", "waits_of"]

LEFT, WIDTH, ROW, TOP, BAR = 70, 1500, 46, 50, 22
COLOURS = {
    Engine.ARRAY: "#1f77b4",
    Engine.VECTOR: "#2ca02c",
    Engine.LOAD: "#9467bd",
    Engine.STORE: "#8c564b",
}
WAITS = {Cause.COMMANDS: "#ff7f0e", Cause.ENGINE: "#bbb", Cause.SEMAPHORE: "#d62728"}
ABOUT = {
    Cause.COMMANDS: "waits for its commands",
    Cause.ENGINE: "waits for the run before",
    Cause.SEMAPHORE: "waits for another engine",
}


def timeline_of(path: Path) -> Callable[[Played, str], str]:
    """What draws the picture of a file's name. Raises E904 for one that ends neither in svg nor in html."""
    found = {".svg": timeline_svg, ".html": timeline_html}.get(path.suffix)
    if found is None:
        message = f"--timeline {path.name} is no name of a picture"
        raise LegoError("E904", message, hint="let it end in .svg or .html")
    return found


def semaphore_name(number: int) -> str:
    """What a semaphore says."""
    if number < 2 * OPERANDS:
        return f"operand {number // 2} {'freed' if number % 2 else 'loaded'}"
    names = {token.value: token.name.lower().replace("_", " ") for token in Token}
    return names.get(number, f"semaphore {number}")


def waits_of(runs: tuple[EngineRun, ...]) -> dict[str, int]:
    """Cycles in which runs waited, by what for."""
    found: dict[str, int] = {}
    for run in runs:
        about = semaphore_name(run.semaphore) if run.cause is Cause.SEMAPHORE else str(run.cause)
        if run.waited and run.cause is not Cause.ENGINE:
            found[about] = found.get(about, 0) + run.waited
    return found


def busy_cycles(runs: tuple[EngineRun, ...]) -> int:
    """Cycles in which any of the runs is under way."""
    total, until = 0, 0
    for run in runs:
        total += max(0, run.end - max(run.start, until))
        until = max(until, run.end)
    return total


def timeline_svg(played: Played, name: str) -> str:
    """A row per engine; cycles go to the right."""
    height = TOP + ROW * len(Engine) + 30
    root = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", width=str(LEFT + WIDTH + 20), height=str(height),
        style="font-family: sans-serif; font-size: 11px; background: white",
    )  # fmt: skip
    scale = WIDTH / max(1, played.cycles)
    _text(root, LEFT, 16, f"{name}: {played.cycles:,} cycles, at least {played.limit.cycles:,}")
    for k, (cause, colour) in enumerate(WAITS.items()):
        _rect(root, (LEFT + 170 * k, 24, 12, 8), colour, "")
        _text(root, LEFT + 170 * k + 16, 32, ABOUT[cause])
    _ruler(root, played.cycles, scale, height)
    for row, engine in enumerate(Engine):
        _text(root, 6, TOP + ROW * row + BAR - 6, engine.name.lower())
        for number, run in enumerate(played.runs[engine]):
            _run(root, TOP + ROW * row, scale, (engine, number, run))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def timeline_html(played: Played, name: str) -> str:
    """A page with the picture and, per engine, runs, busy cycles and waits."""
    lines = [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>{escape(name)}</title>',
        "<style>body { font-family: sans-serif } td, th { padding-right: 1.5em; text-align: left }</style>",
        timeline_svg(played, escape(name)),
        "<table><tr><th>engine<th>runs<th>cycles at work<th>cycles of waiting, by what for</tr>",
    ]
    for engine, runs in played.runs.items():
        waits = ", ".join(f"{escape(what)} {count:,}" for what, count in waits_of(runs).items())
        cells = (engine.name.lower(), str(len(runs)), f"{busy_cycles(runs):,}", waits)
        lines.append("<tr>" + "".join(f"<td>{cell}" for cell in cells) + "</tr>")
    return "\n".join([*lines, "</table></html>", ""])


def _ruler(root: ElementTree.Element, cycles: int, scale: float, height: int) -> None:
    """A line every so many cycles, about ten of them."""
    for at in _marks(cycles):
        x = f"{LEFT + at * scale:.1f}"
        ElementTree.SubElement(
            root, "line", x1=x, x2=x, y1=str(TOP - 8), y2=str(height - 22), stroke="#ddd"
        )
        _text(root, LEFT + at * scale, height - 8, f"{at:,}")


def _marks(cycles: int) -> Iterator[int]:
    step = 1
    steps: tuple[Callable[[int], int], ...] = (
        lambda n: n * 2, lambda n: n * 5 // 2, lambda n: n * 2,
    )  # fmt: skip
    for k in range(60):
        if cycles <= 10 * step:
            break
        step = steps[k % 3](step)
    yield from range(0, cycles + 1, step)


def _run(
    root: ElementTree.Element, top: float, scale: float, what: tuple[Engine, int, EngineRun]
) -> None:
    """A run, with its wait below the bar."""
    engine, number, run = what
    x, width = LEFT + run.start * scale, max(0.5, (run.end - run.start) * scale)
    title = f"{engine.name.lower()} {number}: {run.start:,} to {run.end:,}"
    _rect(root, (x, top, width, BAR), COLOURS[engine], title)
    if run.waited:
        about = ABOUT[run.cause]
        if run.cause is Cause.SEMAPHORE:
            about = f"waits for {semaphore_name(run.semaphore)}"
        before = (LEFT + (run.start - run.waited) * scale, top + BAR + 3, run.waited * scale, 8)
        _rect(root, before, WAITS[run.cause], f"{title}; {about}, {run.waited:,} cycles")


def _rect(
    root: ElementTree.Element, box: tuple[float, float, float, float], colour: str, title: str
) -> None:
    x, y, width, height = (f"{value:.1f}" for value in box)
    found = ElementTree.SubElement(
        root, "rect", x=x, y=y, width=width, height=height, fill=colour,
        attrib={"fill-opacity": "0.8"},
    )  # fmt: skip
    if title:
        ElementTree.SubElement(found, "title").text = title


def _text(root: ElementTree.Element, x: float, y: float, text: str) -> None:
    ElementTree.SubElement(root, "text", x=f"{x:.1f}", y=f"{y:.1f}").text = text
