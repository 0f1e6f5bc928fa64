"""One-hot selection: a tree of multiplexers becomes the disjunction of its leaves, each masked by a select
of its own.

A multiplexer of two words takes about twice the area of the gates that mask a word and join it to others
(lego/ir/costs.py), and a path through a tree passes a multiplexer per level instead of the few gates of a
disjunction. So a tree is replaced if its leaves are many or wide enough to pay for decoding the selects. A
leaf that is zero costs nothing, and one that the tree takes in several places is masked once. Where two
leaves are left, one multiplexer is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lego.ir.costs import COSTS
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["Tree", "is_decoded", "select_onehot", "trees_of"]

DECODED = "taken"
"""Text of the gates that decode selects, by which they are told from others."""

MOST_SELECTS, MOST_SETTINGS = 16, 1 << 28
"""Selects of a tree, and its multiplexers times settings of the selects; larger trees stay as they are, as
the check looks at every setting.
"""

Key = int
"""A function of selects; equal functions that are built alike have one key."""


def is_decoded(node: Node) -> bool:
    """Whether it is a gate that the pass put in."""
    gate = replace(node, op=Op.AND, srcs=()) == Node(Op.AND, (), 0, 1, text=DECODED)
    count = len(node.srcs)
    return gate and (count == 1 if node.op is Op.NOT else node.op in (Op.AND, Op.OR) and count > 0)


def select_onehot(dag: Dag) -> Dag:
    """Return `dag` with trees of multiplexers replaced where that takes less area.

    FUs stay as they are: they choose among two or three words, which synthesis does as well, and some of
    their selects come late.
    """
    return Dag(tuple(m if m.category == "fu" else _replaced(m) for m in dag.modules))


def _replaced(module: Module) -> Module:
    decoder = _Decoder()
    found = []
    for tree in sorted(trees_of(module), key=lambda tree: (-tree.bits, tree.root)):
        leaves = tree.leaves(module, decoder)
        if leaves and _pays(module, tree, leaves, decoder):
            decoder.use(tree.needed(module, leaves, decoder))
            found.append((tree, leaves))
    return _Selecting(module, decoder).result(found) if found else module


@dataclass(slots=True)
class _Decoder:
    """Gates over selects, each once: (operation, sources), or (the select, whether it is set)."""

    gates: list[tuple[Op | int, tuple[Key, ...]]] = field(default_factory=list)
    known: dict[tuple[Op | int, tuple[Key, ...]], Key] = field(default_factory=dict)
    used: set[Key] = field(default_factory=set)

    def _gate(self, op: Op | int, srcs: tuple[Key, ...]) -> Key:
        if (op, srcs) not in self.known:
            self.known[op, srcs] = len(self.gates)
            self.gates.append((op, srcs))
        return self.known[op, srcs]

    def literal(self, select: int, *, first: bool) -> Key:
        """Whether a select is set, or not set."""
        at = self._gate(select, ())
        return at if first else self._gate(Op.NOT, (at,))

    def both(self, a: Key | None, b: Key) -> Key:
        """A conjunction; None is always true."""
        return b if a is None else self._gate(Op.AND, (a, b))

    def any(self, keys: list[Key]) -> Key:
        """A disjunction."""
        return keys[0] if len(keys) == 1 else self._gate(Op.OR, tuple(keys))

    def more(self, keys: Iterable[Key]) -> int:
        """How many two-input gates these take that nothing needs yet."""
        return sum(max(0, len(self.gates[key][1]) - 1) for key in self._unused(keys))

    def use(self, keys: Iterable[Key]) -> None:
        """Note that these are needed."""
        self.used |= self._unused(keys)

    def _unused(self, keys: Iterable[Key]) -> set[Key]:
        found: set[Key] = set()
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key not in self.used and key not in found:
                found.add(key)
                waiting += self.gates[key][1]
        return found


@dataclass(frozen=True, slots=True)
class Tree:
    """A multiplexer of so many bits, and those that only the tree reads, from the root to the leaves."""

    root: int
    bits: int
    muxes: tuple[int, ...]

    def leaves(self, module: Module, decoder: _Decoder) -> dict[int, Key]:
        """The leaves but zero, and when each is taken; none if the tree has too many selects."""
        selects = {module.nodes[mux].srcs[0] for mux in self.muxes}
        many = len(selects)
        if many > MOST_SELECTS or len(self.muxes) << many > MOST_SETTINGS:
            return {}
        inside = {*self.muxes}
        reached: dict[int, list[Key]] = {}
        for mux in self.muxes:
            select, yes, no = module.nodes[mux].srcs
            here = decoder.any(reached[mux]) if mux != self.root else None
            for value, first in ((yes, True), (no, False)):
                taken = decoder.both(here, decoder.literal(select, first=first))
                reached.setdefault(value, []).append(taken)
        leaves = sorted(reached.keys() - inside)
        return {
            leaf: decoder.any(reached[leaf]) for leaf in leaves if not _is_zero(module.nodes[leaf])
        }

    def halves(self, module: Module, leaves: Collection[int]) -> bool:
        """Whether the tree takes one of two leaves, so that one multiplexer is enough."""
        values = {value for mux in self.muxes for value in module.nodes[mux].srcs[1:]}
        return len(leaves) == 2 and values == {*leaves, *self.muxes[1:]}

    def needed(self, module: Module, leaves: Mapping[int, Key], decoder: _Decoder) -> list[Key]:
        """The selects that it takes: of all leaves, or of that of two whose select takes less."""
        if not self.halves(module, leaves):
            return list(leaves.values())
        return [min(leaves.values(), key=lambda key: (decoder.more([key]), key))]


def trees_of(module: Module) -> list[Tree]:
    """Trees of several multiplexers."""
    nodes = module.nodes
    readers: list[list[int | None]] = [[] for _ in nodes]
    for i, node in enumerate(nodes):
        for place, source in enumerate(node.srcs):
            readers[source].append(i if _is_mux(module, node) and place else None)
    for _, source in module.outputs:
        readers[source].append(None)
    roots: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for i in range(len(nodes) - 1, -1, -1):
        if not _is_mux(module, nodes[i]):
            continue
        over = {None if r is None or not _fits(module, r, i) else roots[r] for r in readers[i]}
        (root,) = over if len(over) == 1 else (None,)
        roots[i] = i if root is None else root
        members.setdefault(roots[i], []).append(i)
    return [
        Tree(root, nodes[root].bits, tuple(muxes))
        for root, muxes in sorted(members.items())
        if len(muxes) > 1
    ]


def _fits(module: Module, reader: int, mux: int) -> bool:
    """Whether a multiplexer passes all that it is given on to a reader that holds all of it."""
    node, parent = module.nodes[mux], module.nodes[reader]
    inside = all(_holds(node, module.nodes[s]) for s in node.srcs[1:])
    return inside and _holds(parent, node) and mux != parent.srcs[0]


def _is_mux(module: Module, node: Node) -> bool:
    bit = (0, 0), (0, 1), (1, 1)
    return node.op is Op.MUX and node.latency == 0 and module.nodes[node.srcs[0]].range in bit


def _is_zero(node: Node) -> bool:
    return node.op is Op.CONST and node.value == 0


def _holds(node: Node, source: Node) -> bool:
    return node.range[0] <= source.range[0] and source.range[1] <= node.range[1]


def _pays(module: Module, tree: Tree, leaves: Mapping[int, Key], decoder: _Decoder) -> bool:
    """Whether masks, and decoding what isn't yet, take less area than the multiplexers."""
    nodes = module.nodes
    before = 0
    for mux in tree.muxes:
        masks = any(_is_zero(nodes[s]) for s in nodes[mux].srcs[1:])
        before += nodes[mux].bits * (COSTS.mask_bit if masks else COSTS.mux_bit)
    gates = decoder.more(tree.needed(module, leaves, decoder))
    word = COSTS.mux_bit if tree.halves(module, leaves) else COSTS.mask_bit * len(leaves)
    return COSTS.gate * gates + word * tree.bits < before


@dataclass(slots=True)
class _Selecting:
    """A module while its trees are replaced."""

    module: Module
    decoder: _Decoder
    nodes: list[Node] = field(default_factory=list)
    where: dict[int, int] = field(default_factory=dict)
    gates: dict[Key, int] = field(default_factory=dict)

    def result(self, trees: Sequence[tuple[Tree, Mapping[int, Key]]]) -> Module:
        """The module with the trees replaced."""
        roots = {tree.root: (tree, leaves) for tree, leaves in trees}
        gone = {mux for tree, _ in trees for mux in tree.muxes}
        late = []
        for i, node in enumerate(self.module.nodes):
            if i in roots:
                self.where[i] = self._selected(*roots[i])
            elif i not in gone:
                if node.op in (Op.REG, Op.WIRE):
                    late.append(i)
                else:
                    node = node.reading(tuple(self.where[s] for s in node.srcs))
                self.where[i] = self._append(node)
        for i in late:
            srcs = tuple(self.where[s] for s in self.module.nodes[i].srcs)
            self.nodes[self.where[i]] = self.module.nodes[i].reading(srcs)
        outputs = tuple((name, self.where[node]) for name, node in self.module.outputs)
        return replace(self.module, nodes=tuple(self.nodes), outputs=outputs)

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _selected(self, tree: Tree, leaves: Mapping[int, Key]) -> int:
        old = self.module.nodes[tree.root]
        if tree.halves(self.module, leaves):
            first, second = sorted(
                leaves, key=lambda leaf: (leaves[leaf] not in self.decoder.used, leaf)
            )
            select = self._gate(leaves[first], old.origin)
            if not is_decoded(self.nodes[select]):
                select = self._append(
                    Node(Op.AND, (select,), 0, 1, text=DECODED, origin=old.origin)
                )
            return self._append(old.reading((select, self.where[first], self.where[second])))
        srcs = []
        for leaf, key in leaves.items():
            srcs += [self._gate(key, old.origin), self.where[leaf]]
        return self._append(replace(old, op=Op.ONEHOT, srcs=tuple(srcs)))

    def _gate(self, key: Key, origin: str) -> int:
        """The node of a decoder's gate."""
        waiting = [key]
        while waiting:
            at = waiting[-1]
            op, srcs = self.decoder.gates[at]
            before = [s for s in reversed(srcs) if s not in self.gates]
            waiting += before
            if before:
                continue
            waiting.pop()
            if not isinstance(op, Op):
                self.gates[at] = self.where[op]
            elif at not in self.gates:
                found = tuple(self.gates[s] for s in srcs)
                self.gates[at] = self._append(Node(op, found, 0, 1, text=DECODED, origin=origin))
        return self.gates[key]
