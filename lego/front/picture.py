"""Draws a design: FUs, links coloured by operand, data nodes, a legend; one layer per dataflow.

FUs that are alike are drawn once (see :mod:`lego.front.fold`), so that large arrays stay readable.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from xml.etree import ElementTree

from lego.front.fold import Fold, fold_of
from lego.ir.adg import Adg, Fu, InputPlan
from lego.ir.fused import FusedAdg, Layer

__all__ = ["FORMATS", "dot", "html", "svg"]

CELL, GAP, LEFT, TOP = 44, 30, 70, 60
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#17becf")
FORMATS = ("svg", "html", "dot")


def svg(fused: FusedAdg, *, every: bool = False) -> str:
    """All layers below each other; axis 0 runs down, axis 1 to the right, further axes to the right
    in blocks. `every` FU is drawn if asked."""
    panels = [_Panel(fused, layer, every) for layer in fused.layers]
    width = max(panel.width for panel in panels)
    height = sum(panel.height for panel in panels)
    root = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", width=str(width), height=str(height),
        viewBox=f"0 0 {width} {height}", style="font-family: sans-serif; font-size: 11px; background: white",
    )  # fmt: skip
    _marker(root)
    top = 0
    for panel in panels:
        group = ElementTree.SubElement(root, "g", transform=f"translate(0 {top})")
        panel.draw(group)
        top += panel.height
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def html(fused: FusedAdg, *, every: bool = False) -> str:
    """One page that needs nothing else: a tab per dataflow."""
    tabs, pages, rules = [], [], []
    for k, layer in enumerate(fused.layers):
        one = FusedAdg(fused.schema, fused.name, fused.names, (layer,), fused.fusion)
        checked = " checked" if k == 0 else ""
        tabs.append(
            f'<input type="radio" name="tab" id="t{k}"{checked}>'
            f'<label for="t{k}">{k}: {escape(layer.label)}</label>'
        )
        pages.append(f'<section id="s{k}">\n{svg(one, every=every)}</section>')
        rules.append(f"#t{k}:checked ~ #s{k} {{ display: block }}")
    title = f"{escape(fused.name)}: {len(fused.layers)} dataflows, {list(fused.sizes)} FUs"
    body = ["</style>", f"<h1>{title}</h1>", *tabs, *pages, "</html>", ""]
    return "\n".join([*_head(fused.name), *rules, *body])


def _head(name: str) -> list[str]:
    return [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>{escape(name)}</title>',
        "<style>body { font-family: sans-serif } section { display: none; overflow: auto }",
        "label { margin-right: 1.5em }",
    ]


def dot(fused: FusedAdg, *, every: bool = False) -> str:
    """Graphviz text, a cluster per dataflow; edges carry operand and delay."""
    lines = [f'digraph "{fused.name}" {{', "  node [shape=box];"]
    for k, layer in enumerate(fused.layers):
        fold = fold_of(layer.adg, every=every)
        lines += [f"  subgraph cluster_{k} {{", f'    label="{layer.label}";']
        lines += [f'    "{k}:{_name(fu)}" [label="{_name(fu)}"];' for fu in fold.fus()]
        for edge in _edges(fused, layer):
            if fold.shows(edge.fu):
                lines += _dot_edge(edge, k, fold)
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _dot_edge(edge: _Edge, cluster: int, fold: Fold) -> Iterator[str]:
    """An edge to an FU that is shown, after the node where it starts if that is no FU shown."""
    if edge.source is None:
        start = f"{cluster}:{edge.operand}:{_name(edge.fu)}"
        yield f'    "{start}" [label="{edge.operand}", shape=ellipse];'
    elif fold.shows(edge.source):
        start = f"{cluster}:{_name(edge.source)}"
    else:
        start = f"{cluster}:..{_name(edge.source)}"
        yield f'    "{start}" [label="{_name(edge.source)}", style=dotted];'
    ends = (start, f"{cluster}:{_name(edge.fu)}")
    first, second = reversed(ends) if edge.out else ends
    yield (
        f'    "{first}" -> "{second}" '
        f'[label="{edge.operand}:{edge.delay}", color="{COLOURS[edge.colour]}"];'
    )


def _name(fu: Fu) -> str:
    return ",".join(map(str, fu))


@dataclass(frozen=True, slots=True)
class _Edge:
    """A link into an FU, or its data node if there is no source; `out` if the node is the result's."""

    operand: str
    colour: int
    fu: Fu
    source: Fu | None
    delay: int
    out: bool = False


def _edges(fused: FusedAdg, layer: Layer) -> Iterator[_Edge]:
    adg = layer.adg
    for plan, port in zip(adg.inputs, layer.ports, strict=True):
        for fu, source in zip(adg.dataflow.fus(), plan.sources, strict=True):
            yield _Edge(plan.name, port % len(COLOURS), fu, source.link, source.delay)
    colour, name = fused.n_ports % len(COLOURS), adg.output.name
    for group in adg.output.classes:
        flat = [fu for level in group.levels for fu in level]
        for before, after in itertools.pairwise(flat):
            delay = adg.dataflow.skew(after) - adg.dataflow.skew(before)
            yield _Edge(name, colour, after, before, delay)
        yield _Edge(name, colour, group.root, None, 0, out=True)


class _Panel:
    """The drawing of one layer."""

    def __init__(self, fused: FusedAdg, layer: Layer, every: bool) -> None:
        self.fused, self.layer, self.adg = fused, layer, layer.adg
        self.fold: Fold = fold_of(layer.adg, every=every)
        columns = 1
        for kept in self.fold.kept[1:]:
            columns *= len(kept)
        notes = len(self.adg.inputs) + 2 + any(self.fold.hidden)
        self.width = max(LEFT + columns * (CELL + GAP) + 40, 640)
        self.height = TOP + len(self.fold.kept[0]) * (CELL + GAP) + 40 + 18 * notes

    def draw(self, root: ElementTree.Element) -> None:
        """Draw into a group."""
        adg = self.adg
        title = f"{self.layer.label}: {adg.dataflow.describe(adg.op)}"
        _text(root, LEFT, 20, title, "#000")
        for fu in self.fold.fus():
            x, y = self._corner(fu)
            ElementTree.SubElement(
                root, "rect", x=str(x), y=str(y), width=str(CELL), height=str(CELL), rx="4",
                fill="#f2f2f2", stroke="#555",
            )  # fmt: skip
            _text(root, x + 4, y + CELL - 5, _name(fu), "#777")
        for edge in _edges(self.fused, self.layer):
            if self.fold.shows(edge.fu):
                self._edge(root, edge)
        for k, (note, colour) in enumerate(self._notes()):
            bottom = TOP + len(self.fold.kept[0]) * (CELL + GAP) + 20
            _text(root, LEFT, bottom + 18 * k, note, colour)

    def _notes(self) -> Iterator[tuple[str, str]]:
        adg = self.adg
        for axis, hidden in enumerate(self.fold.hidden):
            if hidden:
                size = adg.dataflow.sizes[axis]
                yield f"axis {axis}: FUs 3 to {size - 2} are like FU 2 and not drawn", "#777"
        for plan, port in zip(adg.inputs, self.layer.ports, strict=True):
            yield f"{plan.name}: {_about(adg, plan)}", COLOURS[port % len(COLOURS)]
        way = "accumulated in memory" if adg.output.accumulates else "written once"
        banks = adg.output.banking.n_banks
        text = f"{adg.output.name}: {len(adg.output.classes)} data nodes, {banks} banks, {way}"
        yield text, COLOURS[self.fused.n_ports % len(COLOURS)]

    def _corner(self, fu: Fu) -> tuple[int, int]:
        places = [kept.index(x) for x, kept in zip(fu, self.fold.kept, strict=True)]
        column = 0
        for at, kept in zip(places[1:], self.fold.kept[1:], strict=True):
            column = column * len(kept) + at
        return LEFT + column * (CELL + GAP), TOP + places[0] * (CELL + GAP)

    def _anchor(self, fu: Fu, colour: int) -> tuple[int, int]:
        x, y = self._corner(fu)
        return x + 6 + 7 * (colour % 5), y + 6 + 7 * (colour % 5)

    def _edge(self, root: ElementTree.Element, edge: _Edge) -> None:
        at = self._anchor(edge.fu, edge.colour)
        colour = COLOURS[edge.colour]
        if edge.source is None:
            circle = ElementTree.SubElement(
                root, "circle", cx=str(at[0]), cy=str(at[1]), r="4", fill=colour
            )
            ElementTree.SubElement(circle, "title").text = f"data node of {edge.operand}"
            return
        if self.fold.shows(edge.source):
            start = self._anchor(edge.source, edge.colour)
        else:  # from an FU in the gap: a stub
            step = [(a > b) - (a < b) for a, b in zip(edge.fu, edge.source, strict=True)]
            down, right = step[0], next((d for d in step[1:] if d), 0)
            start = at[0] - right * GAP, at[1] - down * GAP
        _line(root, start, at, colour, edge.delay)


def _about(adg: Adg, plan: InputPlan) -> str:
    banks = f"banks {'x'.join(map(str, plan.banking.counts))}"
    kind = "same bank always" if plan.banking.fixed else "rotating banks"
    held = f", held over {plan.hold} counters" if plan.hold else ""
    reuse = "".join(f", delay reuse {each.shift}" for each in plan.delays)
    return f"{len(adg.data_nodes(plan))} data nodes, {banks}, {kind}{held}{reuse}"


def _marker(root: ElementTree.Element) -> None:
    defs = ElementTree.SubElement(root, "defs")
    marker = ElementTree.SubElement(
        defs, "marker", id="head", viewBox="0 0 6 6", refX="5", refY="3", markerWidth="5",
        markerHeight="5", orient="auto",
    )  # fmt: skip
    ElementTree.SubElement(marker, "path", d="M0,0 L6,3 L0,6 z", fill="context-stroke")


def _text(root: ElementTree.Element, x: int, y: int, text: str, colour: str) -> None:
    ElementTree.SubElement(root, "text", x=str(x), y=str(y), fill=colour).text = text


def _line(
    root: ElementTree.Element, a: tuple[int, int], b: tuple[int, int], colour: str, delay: int
) -> None:
    line = ElementTree.SubElement(
        root, "path", d=f"M{a[0]},{a[1]} L{b[0]},{b[1]}", stroke=colour, fill="none",
        attrib={"marker-end": "url(#head)", "stroke-width": "1.5"},
    )  # fmt: skip
    if delay == 0:
        line.set("stroke-dasharray", "3 2")
    ElementTree.SubElement(line, "title").text = f"delay {delay}"
