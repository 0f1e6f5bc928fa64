"""The mapped netlist as one flat circuit: instances of cells, and the nets at their pins.

Yosys writes each module once; here each is read once as a template, whose nets are numbered, and
laid out as often as the design holds it, a few array operations per instance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lego.diag import LegoError
from lego.ppa.cells import Cell
from lego.ppa.graph import Bit, RawDesign, RawModule
from lego.ppa.signals import ModuleNames

__all__ = ["HIGH", "LOW", "OPEN", "Circuit", "Instances", "elaborate"]

LOW, HIGH, OPEN = 0, 1, 2
"""Nets of every circuit: constant 0, constant 1, and what is at pins that nothing is connected to."""

CONSTANTS = {"0": LOW, "1": HIGH, "x": OPEN, "z": OPEN}

_PART = re.compile(r"\w+_\$\w+")
"""Path of a part of a flattened design: names in it are whole paths."""

Ints = NDArray[np.int32]
Net = int | tuple[int]
"""A constant, or the number of a bit in its module."""
Pins = Mapping[str, list[Bit]]
"""What is at each port of an instance."""


@dataclass(frozen=True, slots=True)
class Instances:
    """All instances of one cell, in the order of the modules that hold them.

    Attributes
    ----------
    slots : (pin, bit) of each column of `nets`.
    nets : net at each pin, of shape (instances, slots).
    scope : of each instance, which of the circuit's scopes holds it.
    local : of each instance, its number among the scope's module's instances of this cell.
    """

    cell: Cell
    slots: tuple[tuple[str, int], ...]
    nets: Ints
    scope: Ints
    local: Ints


@dataclass(frozen=True, slots=True)
class Circuit:
    """A flat netlist.

    Attributes
    ----------
    instances : by the name of the cell.
    n_nets : nets are numbered from 0; the first three are `LOW`, `HIGH` and `OPEN`.
    ports : nets of the top's ports.
    outputs : nets of those that are outputs.
    scopes : path of every instance of a module, its parts joined by dots, and the module.
    """

    instances: dict[str, Instances]
    n_nets: int
    ports: dict[str, Ints]
    outputs: Ints
    scopes: tuple[tuple[str, ModuleNames], ...]

    def name(self, cell: str, row: int) -> str:
        """Path of an instance."""
        path, _, instance = self._found(cell, row)
        return ".".join(filter(None, (path, instance)))

    def signal(self, cell: str, row: int, pins: Iterable[tuple[str, int]]) -> str:
        """What an instance has at the first of these pins (name, bit) that has a name, as
        ``a.b.name[bit]``; its own path if none has."""
        path, module, instance = self._found(cell, row)
        named = module.signal(instance, pins)
        if named and _PART.fullmatch(path):
            return named
        return ".".join(filter(None, (path, named or instance)))

    def _found(self, cell: str, row: int) -> tuple[str, ModuleNames, str]:
        held = self.instances[cell]
        path, module = self.scopes[held.scope[row]]
        return path, module, module.of_cell(cell)[held.local[row]]


def elaborate(document: RawDesign, top: str, cells: Mapping[str, Cell]) -> Circuit:
    """Lay out what Yosys's `write_json` wrote. Raises E803 if it holds a cell that `cells` doesn't."""
    templates: dict[str, _Template] = {}
    _template(top, document["modules"], cells, templates)
    layout = _Layout()
    shape = templates[top]
    nets = layout.fresh(shape)
    layout.place(shape, nets, "", templates)
    ports = {name: nets[bits] for name, bits in shape.ports.items()}
    kinds = document["modules"][top]["ports"]
    outputs = [ports[name] for name in ports if kinds[name]["direction"] != "input"]
    return layout.circuit(ports, np.concatenate([_array([]), *outputs]), cells)


@dataclass(frozen=True, slots=True)
class _Template:
    """A module: its nets numbered, those that are connected to each other inside (or constant) by one number.

    `ports`: nets of each port. `cells`: by cell, nets of shape (instances, slots). `children`:
    instance, module, nets of the child and nets of this module that they are.
    """

    module: ModuleNames
    size: int
    ports: dict[str, Ints]
    cells: dict[str, Ints]
    children: tuple[tuple[str, str, Ints, Ints], ...]


def slots_of(cell: Cell) -> tuple[tuple[str, int], ...]:
    """Pins of a cell, bit by bit; those inside are left out."""
    return tuple(
        (pin.name, bit)
        for pin in cell.pins.values()
        if pin.direction != "internal"
        for bit in range(pin.bits)
    )


class _Groups:
    """Bits of a module, merged where one is the other."""

    def __init__(self) -> None:
        self._of: dict[Net, Net] = {}

    def find(self, bit: Bit) -> Net:
        net: Net = CONSTANTS[bit] if isinstance(bit, str) else (bit,)
        while (up := self._of.get(net, net)) != net:
            net = up
        return net

    def merge(self, a: Bit, b: Bit) -> None:
        """Constants come before bits, so that a bit that is one gets its number."""
        first, second = sorted(
            (self.find(a), self.find(b)),
            key=lambda net: (1, *net) if isinstance(net, tuple) else (0, net),
        )
        if first != second:
            self._of[second] = first


def _template(
    name: str,
    modules: Mapping[str, RawModule],
    cells: Mapping[str, Cell],
    done: dict[str, _Template],
) -> _Template:
    """The module's template and, before it, those that it holds."""
    if name in done:
        return done[name]
    raw = modules[name]
    leaves: dict[str, list[Pins]] = {}
    children = []
    numbers = _Numbers()
    for instance, entry in raw["cells"].items():
        kind, pins = entry["type"], entry["connections"]
        if kind in cells:
            leaves.setdefault(kind, []).append(pins)
        elif kind in modules:
            child = _template(kind, modules, cells, done)
            children.append((instance, child, pins))
            _merge(numbers.groups, child, pins)
        elif kind != "$scopeinfo":
            raise LegoError(
                "E803", f"{kind} in {name} is neither a cell of the library nor an SRAM"
            )
    ports = {p: _array([numbers.of(b) for b in v["bits"]]) for p, v in raw["ports"].items()}
    shapes = {kind: _leaf(rows, slots_of(cells[kind]), numbers.of) for kind, rows in leaves.items()}
    held = tuple((i, c.module.name, *_binding(c, pins, numbers.of)) for i, c, pins in children)
    done[name] = _Template(ModuleNames(name, raw), len(numbers), ports, shapes, held)
    return done[name]


class _Numbers:
    """Numbers of a module's nets in the order in which they are asked for, after the constants'."""

    def __init__(self) -> None:
        self.groups = _Groups()
        self._of_net: dict[Net, int] = {LOW: LOW, HIGH: HIGH, OPEN: OPEN}
        self._of_bit: dict[Bit, int] = {}

    def __len__(self) -> int:
        return len(self._of_net)

    def of(self, bit: Bit) -> int:
        """The number of a bit's net, once all groups are merged."""
        found = self._of_bit.get(bit)
        if found is None:
            found = self._of_net.setdefault(self.groups.find(bit), len(self._of_net))
            self._of_bit[bit] = found
        return found


def _array(values: Sequence[int] | Sequence[list[int]]) -> Ints:
    return np.array(values, dtype=np.int32)


def _merge(groups: _Groups, child: _Template, pins: Pins) -> None:
    """Join the bits of a module that its child connects to each other, or to a constant."""
    seen: dict[int, Bit] = {LOW: "0", HIGH: "1"}
    for port, bits in pins.items():
        for bit, net in zip(bits, child.ports[port].tolist(), strict=False):  # () where it's open
            if net != OPEN:
                groups.merge(seen.setdefault(net, bit), bit)


def _leaf(
    rows: Sequence[Pins], slots: tuple[tuple[str, int], ...], number: Callable[[Bit], int]
) -> Ints:
    nets = [
        [number(row[p][b]) if len(row.get(p, ())) > b else OPEN for p, b in slots] for row in rows
    ]
    return _array(nets).reshape(len(rows), len(slots))


def _binding(child: _Template, pins: Pins, number: Callable[[Bit], int]) -> tuple[Ints, Ints]:
    inner = [net for port, bits in pins.items() for net in child.ports[port].tolist()[: len(bits)]]
    outer = [number(bit) for bits in pins.values() for bit in bits]
    return _array(inner), _array(outer)


@dataclass(slots=True)
class _Layout:
    """What has been laid out so far; lists of arrays by cell."""

    scopes: list[tuple[str, ModuleNames]] = field(default_factory=list)
    nets: dict[str, list[Ints]] = field(default_factory=dict)
    scope: dict[str, list[Ints]] = field(default_factory=dict)
    local: dict[str, list[Ints]] = field(default_factory=dict)
    n_nets: int = 3

    def fresh(self, shape: _Template) -> Ints:
        """New nets for all of a template's, but the constants."""
        nets = np.arange(self.n_nets - 3, self.n_nets - 3 + shape.size, dtype=np.int32)
        nets[:3] = LOW, HIGH, OPEN
        self.n_nets += shape.size - 3
        return nets

    def place(
        self, shape: _Template, nets: Ints, path: str, templates: Mapping[str, _Template]
    ) -> None:
        """Lay out an instance whose nets are given, and what it holds."""
        here = len(self.scopes)
        self.scopes.append((path, shape.module))
        for kind, pins in shape.cells.items():
            self.nets.setdefault(kind, []).append(nets[pins])
            self.scope.setdefault(kind, []).append(np.full(len(pins), here, dtype=np.int32))
            self.local.setdefault(kind, []).append(np.arange(len(pins), dtype=np.int32))
        for instance, module, inner, outer in shape.children:
            child = templates[module]
            below = self.fresh(child)
            below[inner] = nets[outer]
            below[:3] = LOW, HIGH, OPEN
            self.place(child, below, ".".join(filter(None, (path, instance))), templates)

    def circuit(self, ports: dict[str, Ints], outputs: Ints, cells: Mapping[str, Cell]) -> Circuit:
        """Everything laid out, cells in the order of their names."""
        instances = {
            kind: Instances(
                cells[kind],
                slots_of(cells[kind]),
                np.concatenate(self.nets[kind]),
                np.concatenate(self.scope[kind]),
                np.concatenate(self.local[kind]),
            )
            for kind in sorted(self.nets)
        }
        return Circuit(instances, self.n_nets, ports, outputs, tuple(self.scopes))
