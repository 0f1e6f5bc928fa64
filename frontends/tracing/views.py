"""Views: what a model calls transposes, reshapes, slices and broadcasts, as affine access.

A dimension of a view is a product of atoms, outermost first. An atom counts from 0 to `size - 1`
and moves the access by `step` in the buffer's dimensions; a broadcast is a step of zeros. So
reshapes need no division: they regroup atoms, and loops are split where the atoms are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lego.ir.affine import AffineMap

__all__ = ["Atom", "Dim", "View", "common_sizes", "size_of", "split", "whole"]


@dataclass(frozen=True, slots=True)
class Atom:
    """`size` indices, each `step` further (elements, per dimension of the buffer)."""

    size: int
    step: tuple[int, ...]

    def cut(self, inner: int) -> tuple[Atom, Atom]:
        """The atom as an outer one and one of `inner` indices; `inner` divides its size."""
        return Atom(self.size // inner, tuple(inner * s for s in self.step)), Atom(inner, self.step)


Dim = tuple[Atom, ...]


def size_of(dim: Dim) -> int:
    """Elements of a dimension."""
    return math.prod(atom.size for atom in dim)


@dataclass(frozen=True, slots=True)
class View:
    """Elements of a buffer, arranged anew.

    Attributes
    ----------
    dims : per dimension its atoms; none for a dimension of one element.
    offset : the first element, per dimension of the buffer.
    """

    buffer: str
    dims: tuple[Dim, ...]
    offset: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements per dimension."""
        return tuple(size_of(dim) for dim in self.dims)

    @property
    def zero(self) -> tuple[int, ...]:
        """The step of a broadcast."""
        return (0,) * len(self.offset)

    def access(self) -> tuple[tuple[int, ...], AffineMap]:
        """Extents of a box with one loop per atom, and the map from it to the buffer."""
        atoms = [atom for dim in self.dims for atom in dim]
        rows = tuple(tuple(atom.step[d] for atom in atoms) for d in range(len(self.offset)))
        return tuple(atom.size for atom in atoms), AffineMap(rows, self.offset)

    def permuted(self, order: Sequence[int]) -> View:
        """Dimension k is what dimension `order[k]` was."""
        return replace(self, dims=tuple(self.dims[k] for k in order))

    def reshaped(self, shape: Sequence[int]) -> View | None:
        """The same elements in row-major order; None if no factors of the atoms give the shape."""
        atoms = [atom for dim in self.dims for atom in dim if atom.size > 1]
        atoms.reverse()
        dims: list[Dim] = []
        for size in shape:
            taken: list[Atom] = []
            while size > 1:
                if not atoms:
                    return None
                atom = atoms.pop()
                if size % atom.size and atom.size % size == 0:
                    atom, rest = atom.cut(atom.size // size)
                    atoms.append(rest)
                if size % atom.size:
                    return None
                taken.append(atom)
                size //= atom.size
            dims.append(_merged(taken))
        return None if atoms else replace(self, dims=tuple(dims))

    def sliced(self, dim: int, start: int, stop: int, step: int = 1) -> View | None:
        """Indices `start`, `start + step`, ... before `stop` of a dimension (a negative step goes down);
        None if they cut across the dimension's atoms."""
        count = len(range(start, stop, step))
        mine = self.dims[dim]
        if (start, step, count) == (0, 1, size_of(mine)):
            return self
        if count == 1:
            return self._moved(dim, start, ())
        for at in range(len(mine)):
            inner = size_of(mine[at + 1 :])
            lowest, highest = sorted((start, start + step * (count - 1)))
            whole_inner = step == 1 and start % inner == 0 and count % inner == 0
            if inner > 1 and not whole_inner:
                continue
            rest = mine[at + 1 :] if inner > 1 else ()
            count_here, start_here = count // inner, start // inner
            reach = size_of(mine[at : at + 1])
            if lowest // inner // reach != highest // inner // reach:
                continue  # it goes over the end of this atom into the next outer one
            atom = Atom(count_here, tuple(step * s for s in mine[at].step))
            return self._moved(dim, start_here * inner, (atom, *rest))
        return None

    def _moved(self, dim: int, start: int, atoms: Dim) -> View:
        """The dimension made of these atoms, its first element being number `start`."""
        offset = list(self.offset)
        for atom in reversed(self.dims[dim]):
            start, index = divmod(start, atom.size)
            offset = [o + index * s for o, s in zip(offset, atom.step, strict=True)]
        dims = (*self.dims[:dim], atoms, *self.dims[dim + 1 :])
        return replace(self, dims=dims, offset=tuple(offset))

    def expanded(self, shape: Sequence[int]) -> View:
        """Broadcast to the shape: dimensions of one element are repeated, missing ones added in front."""
        dims: list[Dim] = [()] * (len(shape) - len(self.dims)) + list(self.dims)
        for k, size in enumerate(shape):
            if size_of(dims[k]) == 1 and size > 1:
                dims[k] = (Atom(size, self.zero),)
        return replace(self, dims=tuple(dims))

    def inserted(self, at: int) -> View:
        """A dimension of one element more."""
        return replace(self, dims=(*self.dims[:at], (), *self.dims[at:]))

    def removed(self, dims: Sequence[int]) -> View:
        """Without these dimensions, that have one element."""
        kept = tuple(dim for k, dim in enumerate(self.dims) if k not in dims)
        return replace(self, dims=kept)

    def repeated(self, dim: int, times: int, *, each: bool = False) -> View:
        """A dimension that is gone through `times` times, or each index of it so many times."""
        if times == 1:
            return self
        again = Atom(times, self.zero)
        mine = (*self.dims[dim], again) if each else (again, *self.dims[dim])
        return replace(self, dims=(*self.dims[:dim], mine, *self.dims[dim + 1 :]))


def whole(buffer: str, shape: Sequence[int]) -> View:
    """A buffer as it is."""
    units = [tuple(int(j == k) for j in range(len(shape))) for k in range(len(shape))]
    dims = tuple((Atom(n, unit),) if n != 1 else () for n, unit in zip(shape, units, strict=True))
    return View(buffer, dims, (0,) * len(shape))


def _merged(atoms: Sequence[Atom]) -> Dim:
    """Neighbouring atoms as one where they count on."""
    done: list[Atom] = []
    for atom in atoms:
        if done and done[-1].step == tuple(atom.size * s for s in atom.step):
            done[-1] = Atom(done[-1].size * atom.size, atom.step)
        else:
            done.append(atom)
    return tuple(done)


def common_sizes(dims: Sequence[Dim]) -> tuple[int, ...] | None:
    """Sizes, outermost first, into which all of these dimensions of equal size can be split; None if their
    atoms don't fit each other."""
    ends = {1}
    for dim in dims:
        inner = 1
        for atom in reversed(dim):
            inner *= atom.size
            ends.add(inner)
    ordered = sorted(ends)
    if any(b % a for a, b in pairwise(ordered)):
        return None
    return tuple(b // a for a, b in pairwise(ordered))[::-1]


def split(dim: Dim, sizes: Sequence[int]) -> list[Atom]:
    """The dimension as one atom per size; the sizes come from :func:`common_sizes`."""
    atoms = list(dim)
    done: list[Atom] = []
    for size in reversed(sizes):
        atom = atoms.pop()
        if atom.size != size:
            outer, atom = atom.cut(size)
            atoms.append(outer)
        done.append(atom)
    return done[::-1]
