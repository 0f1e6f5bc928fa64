"""The modules that one process gives another to convert, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, NamedTuple

from lego.ir.dag import Module, Node, Op

__all__ = ["Need", "Needs", "read_job", "write_job"]


class Need(NamedTuple):
    """What a module needs beside its inputs: its clock ports, and its reset, if it has one; `low`: it resets
    while that is 0."""

    clocks: tuple[str, ...]
    reset: str
    low: bool = False


Needs = Mapping[str, Need]
"""By the names of modules."""

_NAMES = tuple(field.name for field in fields(Node))
_FIELDS = attrgetter(*_NAMES)


def write_job(modules: Sequence[Module], needs: Needs, top: str) -> str:
    """Everything that converting these modules takes; their contracts, clocks and pins aren't."""
    rows = [(m.name, m.category, [_FIELDS(node) for node in m.nodes], m.outputs) for m in modules]
    return json.dumps({"modules": rows, "needs": needs, "top": top})


def read_job(text: str) -> tuple[list[Module], Needs, str]:
    """What :func:`write_job` was given."""
    job = json.loads(text)
    modules = [
        Module(name, category, tuple(map(_node, nodes)), tuple((n, i) for n, i in outputs))
        for name, category, nodes, outputs in job["modules"]
    ]
    needs = {name: Need(tuple(row[0]), *row[1:]) for name, row in job["needs"].items()}
    return modules, needs, job["top"]


def _node(row: Sequence[Any]) -> Node:
    given = dict(zip(_NAMES, row, strict=True))
    given["op"] = Op(given["op"])
    for name in ("srcs", "ports"):
        given[name] = tuple(given[name])
    if given["claim"] is not None:
        given["claim"] = tuple(given["claim"])
    return Node(**given)
