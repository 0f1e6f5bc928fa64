"""The invariant of one-hot selection: every tree of multiplexers gives the same words under the same selects.

Both forms of a module are walked from their ends together. Where the new one selects by gates that the pass
put in, the tree of the old one takes the same leaves under every setting of its selects; everything else is
the same primitive of the same sources. How far a tree reaches is guessed as the pass does it, and which
selects correspond from their order; wrong guesses only lead to primitives that differ, as trees that cut a
word on its way are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lego.back.passes.onehot import is_decoded, trees_of
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["check_onehot"]

Columns = dict[int, int]
"""By node, the settings of the selects under which it is taken or set: bit k of the integer stands for
setting k.
"""

Pairs = Iterator[tuple[int, int]]


def check_onehot(before: Dag, after: Dag) -> None:
    """Raise InternalError unless every module of `after` is what it is in `before`, but for multiplexers
    that one-hot selection with the same meaning replaces.
    """
    for old, new in zip(before.modules, after.modules, strict=True):
        trees = {tree.root: tree.muxes for tree in trees_of(old)}
        walk = _Walk(old, new, trees)
        if replace(old, nodes=(), outputs=()) != replace(new, nodes=(), outputs=()):
            raise InternalError(f"one-hot selection changed what {old.name} is")
        waiting = list(walk.ends())
        seen = set(waiting)
        while waiting:
            for pair in walk.sources(*waiting.pop()):
                if pair not in seen:
                    seen.add(pair)
                    waiting.append(pair)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Both forms of a module, and the trees of the old one by their roots."""

    old: Module
    new: Module
    trees: Mapping[int, Sequence[int]]

    def ends(self) -> Pairs:
        """Outputs, and what acts by itself, in order."""
        if [name for name, _ in self.old.outputs] != [name for name, _ in self.new.outputs]:
            raise InternalError(f"{self.old.name} has other outputs than before")
        for (_, a), (_, b) in zip(self.old.outputs, self.new.outputs, strict=True):
            yield a, b
        acting = [
            [i for i, n in enumerate(module.nodes) if n.op in (Op.INPUT, Op.INSTANCE, Op.CHECK)]
            for module in (self.old, self.new)
        ]
        if len(acting[0]) != len(acting[1]):
            raise InternalError(f"one-hot selection added to {self.old.name}, or took from it")
        yield from zip(*acting, strict=True)

    def sources(self, was: int, now: int) -> Pairs:
        """What has to correspond, for these nodes to. Raises InternalError if they can't."""
        old, new = self.old.nodes[was], self.new.nodes[now]
        replaced = new.op is Op.ONEHOT or (
            new.op is Op.MUX and is_decoded(self.new.nodes[new.srcs[0]])
        )
        if (
            replaced
            and was in self.trees
            and replace(old, srcs=(), op=new.op) == replace(new, srcs=())
        ):
            yield from self._leaves(was, new)
        elif replace(old, srcs=()) == replace(new, srcs=()) and len(old.srcs) == len(new.srcs):
            yield from zip(old.srcs, new.srcs, strict=True)
        else:
            raise InternalError(f"one-hot selection made {new} of {old} in {self.old.name}")

    def _leaves(self, root: int, new: Node) -> Pairs:
        """The selects and the leaves of a tree, and those of what stands for it."""
        wanted, selects = self._tree(root, zeros=new.op is Op.MUX)
        found, given = self._chosen(new)
        words = {taken: word for word, taken in found.items()}
        if len(selects) != len(given) or sorted(wanted.values()) != sorted(words):
            raise InternalError(
                f"{new} of {self.new.name} takes its words under other selects than before"
            )
        yield from zip(selects, given, strict=True)
        yield from ((leaf, words[taken]) for leaf, taken in wanted.items())

    def _tree(self, root: int, *, zeros: bool) -> tuple[Columns, list[int]]:
        """When each leaf of the tree is taken, zeros or not, and the selects that matter."""
        muxes, nodes = self.trees[root], self.old.nodes
        inner = set(muxes[1:])
        selects = sorted({nodes[mux].srcs[0] for mux in muxes})
        everything, columns = _settings(selects)
        reached = {root: everything}
        for mux in muxes:
            select, *values = nodes[mux].srcs
            words = values if mux in inner else [value for value in values if value in inner]
            if not all(_holds(nodes[mux], nodes[word]) for word in words):
                raise InternalError(f"a tree of {self.old.name} cuts words at {nodes[mux]}")
            here, column = reached.pop(mux), columns[select]
            for value, part in zip(values, (here & column, here & ~column), strict=True):
                reached[value] = reached.get(value, 0) | part
        taken = {leaf: part for leaf, part in reached.items() if part}
        if not zeros:
            taken = {leaf: part for leaf, part in taken.items() if not _is_zero(nodes[leaf])}
        return _compressed(taken, selects)

    def _chosen(self, new: Node) -> tuple[Columns, list[int]]:
        """When each word is taken by what stands for a tree, and the selects that matter."""
        if new.op is Op.MUX:
            pairs = [(new.srcs[1], new.srcs[0])]
        else:
            pairs = list(zip(new.srcs[1::2], new.srcs[::2], strict=True))
        gates, selects = self._gates([select for _, select in pairs])
        everything, columns = _settings(selects)
        self._decode(gates, columns, everything)
        found: Columns = {}
        some = 0
        for word, select in pairs:
            if word in found or columns[select] & some:
                raise InternalError(f"{new} of {self.new.name} takes two words at once")
            found[word] = columns[select]
            some |= columns[select]
        if new.op is Op.MUX:
            ((first, taken),) = found.items()
            found = {new.srcs[2]: everything & ~taken, first: taken}
        return _compressed({word: taken for word, taken in found.items() if taken}, selects)

    def _gates(self, ends: Sequence[int]) -> tuple[list[int], list[int]]:
        """The gates behind these selects, and what they depend on, in order."""
        seen, waiting = set(ends), list(ends)
        while waiting:
            at = waiting.pop()
            if is_decoded(self.new.nodes[at]):
                more = set(self.new.nodes[at].srcs) - seen
                seen |= more
                waiting += more
        gates = [at for at in sorted(seen) if is_decoded(self.new.nodes[at])]
        return gates, sorted(seen - set(gates))

    def _decode(self, gates: Sequence[int], columns: Columns, everything: int) -> None:
        """Add the settings in which gates are set."""
        for gate in gates:
            node = self.new.nodes[gate]
            taken, *others = (columns[s] for s in node.srcs)
            for other in others:
                taken = taken & other if node.op is Op.AND else taken | other
            columns[gate] = everything & ~taken if node.op is Op.NOT else taken


def _holds(node: Node, source: Node) -> bool:
    """Whether a node can have all values of a source."""
    return node.range[0] <= source.range[0] and source.range[1] <= node.range[1]


def _is_zero(node: Node) -> bool:
    return node.op is Op.CONST and node.value == 0


def _settings(selects: Sequence[int]) -> tuple[int, Columns]:
    """All settings, and those in which each select is set."""
    count = 1 << len(selects)
    return (1 << count) - 1, {select: _column(k, count) for k, select in enumerate(selects)}


def _column(k: int, count: int) -> int:
    """The settings, of so many, in which select k is set."""
    found, width = ((1 << (1 << k)) - 1) << (1 << k), 2 << k
    while width < count:
        found |= found << width
        width *= 2
    return found


def _compressed(taken: Columns, selects: Sequence[int]) -> tuple[Columns, list[int]]:
    """The same without selects on which nothing depends."""
    kept = list(selects)
    for k in range(len(selects) - 1, -1, -1):
        count = 1 << len(kept)
        column = _column(k, count)
        if all((part & column) >> (1 << k) == part & ~column for part in taken.values()):
            taken = {node: _without(part, k, count) for node, part in taken.items()}
            del kept[k]
    return taken, kept


def _without(part: int, k: int, count: int) -> int:
    """The settings without select k, which changes nothing."""
    block, found = 1 << k, 0
    for j in range(count // (2 * block)):
        found |= (part >> (2 * j * block) & ((1 << block) - 1)) << (j * block)
    return found
