"""The words of a memory that hold an operand's tile, lane by lane."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lego.bind.result import Bound
from lego.bind.touched import reached
from lego.ir.array import Access
from lego.ir.device import Device, Memory
from lego.ir.layout import Layout

__all__ = ["Touched", "Words", "words_of"]

Array = NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """Words of a memory, by their addresses.

    Attributes
    ----------
    addresses : of groups of banks, ascending: what engines use.
    elements : per word and lane the element of the tensor, indices last; outside of it for pads.
    present : lanes that hold an element; what others hold doesn't matter.
    """

    addresses: Array
    elements: Array
    present: NDArray[np.bool_]

    def at(self, shift: Array) -> Words:
        """The same words for a tile whose elements are further on by `shift`."""
        return Words(self.addresses, self.elements + shift, self.present)

    def based(self, words: int) -> Words:
        """The same at addresses that are larger."""
        return Words(self.addresses + words, self.elements, self.present)


def words_of(bound: Bound, access: Access, number: int, layout: Layout, memory: Memory) -> Words:
    """What of an operand's memory a run touches; `number` as of :func:`reached`.

    Raises ValueError if an index has two elements, which no placement has.
    """
    index, element = reached(bound, access, number)
    place = tuple(index.T)
    bank, row = np.broadcast_arrays(layout.bank(place), layout.word(place))
    lanes = memory.lanes
    key = (bank // lanes * memory.bank_stride + row) * lanes + bank % lanes
    key, first = np.unique(key, return_index=True)
    element = element[first]
    addresses, where = np.unique(key // lanes, return_inverse=True)
    elements = np.zeros((len(addresses), lanes, element.shape[1]), dtype=np.int64)
    present = np.zeros((len(addresses), lanes), dtype=bool)
    elements[where, key % lanes] = element
    present[where, key % lanes] = True
    return Words(addresses, elements, present)


@dataclass
class Touched:
    """The words of operands of bound operations, each computed once."""

    _known: dict[tuple[int, int], tuple[Bound, Words]] = field(default_factory=dict)

    def words(self, bound: Bound, number: int, layout: Layout, device: Device) -> Words:
        """What a run touches of an operand, whose first word is the layout's."""
        key = id(bound), number
        if key not in self._known:
            order = bound.assignment.order
            op = bound.op
            access = op.inputs[order[number]] if number < len(order) else op.output
            memory = device.memory(layout.memory)
            found = words_of(bound, access, number, replace(layout, base=0), memory)
            self._known[key] = bound, found
        return self._known[key][1].based(layout.base)
