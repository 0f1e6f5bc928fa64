"""Draws an ADG as SVG: FUs, links coloured by operand, data nodes, and a legend."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

from lego.ir.adg import Adg

__all__ = ["svg"]

CELL, GAP, LEFT, TOP = 44, 30, 70, 60
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")


def svg(adg: Adg) -> str:
    """The array; axis 0 runs down, axis 1 to the right, further axes to the right in blocks."""
    rows, columns = _grid(adg)
    width = LEFT + columns * (CELL + GAP) + 40
    height = TOP + rows * (CELL + GAP) + 30 + 18 * (len(adg.inputs) + 2)
    root = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", width=str(width), height=str(height),
        viewBox=f"0 0 {width} {height}", style="font-family: sans-serif; font-size: 11px; background: white",
    )  # fmt: skip
    _marker(root)
    _text(root, LEFT, 20, f"{adg.name}: {adg.dataflow.describe(adg.op)}", "#000")
    for fu in adg.dataflow.fus():
        x, y = _corner(adg, fu)
        ElementTree.SubElement(
            root, "rect", x=str(x), y=str(y), width=str(CELL), height=str(CELL), rx="4",
            fill="#f2f2f2", stroke="#555",
        )  # fmt: skip
        _text(root, x + 4, y + CELL - 5, ",".join(map(str, fu)), "#777")
    for k, plan in enumerate(adg.inputs):
        _operand(root, adg, k)
        bank = f"banks {'x'.join(map(str, plan.banking.counts))}"
        kind = "same bank always" if plan.banking.fixed else "rotating banks"
        held = f", held over {plan.hold} counters" if plan.hold else ""
        reuse = f", delay reuse {plan.partial.shift}" if plan.partial else ""
        note = f"{plan.name}: {len(adg.data_nodes(plan))} data nodes, {bank}, {kind}{held}{reuse}"
        _text(root, LEFT, height - 18 * (len(adg.inputs) + 1 - k), note, COLOURS[k])
    _output(root, adg)
    count = len(adg.output.classes)
    way = "accumulated in memory" if adg.output.accumulates else "written once"
    last = f"{adg.output.name}: {count} data nodes, {adg.output.banking.n_banks} banks, {way}"
    _text(root, LEFT, height - 18, last, COLOURS[len(adg.inputs)])
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _grid(adg: Adg) -> tuple[int, int]:
    sizes = adg.dataflow.sizes
    columns = 1
    for size in sizes[1:]:
        columns *= size
    return sizes[0], columns


def _corner(adg: Adg, fu: tuple[int, ...]) -> tuple[int, int]:
    column = 0
    for at, size in zip(fu[1:], adg.dataflow.sizes[1:], strict=True):
        column = column * size + at
    return LEFT + column * (CELL + GAP), TOP + fu[0] * (CELL + GAP)


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


def _anchor(adg: Adg, fu: tuple[int, ...], k: int) -> tuple[int, int]:
    x, y = _corner(adg, fu)
    return x + 8 + 9 * k, y + 8 + 9 * k


def _operand(root: ElementTree.Element, adg: Adg, k: int) -> None:
    plan = adg.inputs[k]
    for fu, source in zip(adg.dataflow.fus(), plan.sources, strict=True):
        x, y = _anchor(adg, fu, k)
        if source.link is None:
            _node(root, x, y, COLOURS[k], plan.name)
        else:
            _line(root, _anchor(adg, source.link, k), (x, y), COLOURS[k], source.delay)


def _node(root: ElementTree.Element, x: int, y: int, colour: str, name: str) -> None:
    circle = ElementTree.SubElement(root, "circle", cx=str(x), cy=str(y), r="4", fill=colour)
    ElementTree.SubElement(circle, "title").text = f"data node of {name}"


def _output(root: ElementTree.Element, adg: Adg) -> None:
    k = len(adg.inputs)
    for group in adg.output.classes:
        flat = [fu for level in group.levels for fu in level]
        for before, after in itertools.pairwise(flat):
            delay = adg.dataflow.skew(after) - adg.dataflow.skew(before)
            _line(root, _anchor(adg, before, k), _anchor(adg, after, k), COLOURS[k], delay)
        _node(root, *_anchor(adg, group.root, k), COLOURS[k], adg.output.name)
