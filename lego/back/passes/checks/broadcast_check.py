"""The invariant of broadcast rewiring: with its copies merged again, a design is what it was."""

from __future__ import annotations

from dataclasses import replace

from lego.back.passes.analysis.copies import original
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["check_rewired"]


def check_rewired(before: Dag, after: Dag) -> None:
    """Raise InternalError unless `after` is `before` with copies of registers and ports."""
    table = _Merged(before)
    wanted = table.summary()
    table.dag = after
    for old, new in zip(wanted, table.summary(), strict=True):
        if old != new:
            raise InternalError(
                f"broadcast rewiring changed {before.modules[wanted.index(old)].name}"
            )


def _same(first: object, second: object, module: Module) -> None:
    if first != second:
        raise InternalError(f"copies in {module.name} have different sources")


class _Merged:
    """Every node of a design named by what it computes, copies and split ports by their originals.

    Two designs with equal `summary` have the same registers and logic, wired alike: state with a
    loop (REG, WIRE) is named by its order, which the pass keeps, and everything else by its sources.
    """

    def __init__(self, dag: Dag) -> None:
        self.dag = dag
        self.own = {module.name for module in dag.modules}
        self.names: dict[object, int] = {}
        inputs = {n.name for m in dag.modules for n in m.nodes if n.op is Op.INPUT}
        self.ports = inputs | {name for m in dag.modules for name, _ in m.outputs}

    def summary(self) -> list[object]:
        """What every module consists of."""
        return [self._module(m) for m in self.dag.modules if m.name in self.own]

    def _named(self, key: object) -> int:
        return self.names.setdefault(key, len(self.names))

    def _module(self, module: Module) -> object:
        keys: list[object] = []
        loops: list[Node] = []
        for node in module.nodes:
            keys.append(self._named(self._key(module, node, keys, loops)))
        ends = [tuple(keys[s] for s in node.srcs) for node in loops]
        outputs: dict[str, object] = {}
        for name, node_id in module.outputs:
            base = original(name, self.ports)
            _same(outputs.setdefault(base, keys[node_id]), keys[node_id], module)
        held = (n.op is Op.INSTANCE and not self._copies(n) for n in module.nodes)
        wires = {key for key, own in zip(keys, held, strict=True) if own}
        return module.name, sorted(map(str, set(keys))), ends, sorted(outputs.items()), len(wires)

    def _copies(self, node: Node) -> bool:
        return node.op is Op.INSTANCE and node.text not in self.own

    def _key(self, module: Module, node: Node, keys: list[object], loops: list[Node]) -> object:
        known = replace(node, name="", srcs=(), ports=(), text="")
        if node.op in (Op.REG, Op.WIRE):
            loops.append(node)
            return known, len(loops)
        if node.op is Op.INPUT:
            return known, original(node.name, self.ports)
        if self._copies(node):
            register = self._held(node)
            return replace(register, name="", srcs=()), tuple(keys[s] for s in node.srcs), ""
        if node.op is Op.PORT:
            holder = module.nodes[node.srcs[0]]
            if self._copies(holder):
                return self._copy_key(holder, keys, node)
            return known, keys[node.srcs[0]], original(node.text, self.ports)
        if node.op is Op.INSTANCE:
            return self._instance_key(module, node, keys)
        return known, tuple(keys[s] for s in node.srcs), ""

    def _instance_key(self, module: Module, node: Node, keys: list[object]) -> object:
        ports: dict[str, object] = {}
        for port, source in zip(node.ports, node.srcs, strict=True):
            base = original(port, self.ports)
            _same(ports.setdefault(base, keys[source]), keys[source], module)
        return node.text, node.name, tuple(sorted(ports.items()))

    def _copy_key(self, holder: Node, keys: list[object], port: Node) -> object:
        register = self._held(holder)
        _same(register.range, port.range, self.dag.module(holder.text))
        return replace(register, name="", srcs=()), tuple(keys[s] for s in holder.srcs), ""

    def _held(self, holder: Node) -> Node:
        """The register in the module of a copy, which holds nothing else."""
        held = self.dag.module(holder.text)
        registers = [i for i, n in enumerate(held.nodes) if n.op is Op.DELAY]
        if [node for _, node in held.outputs] != registers[:1] or len(registers) != 1:
            raise InternalError(f"{held.name} isn't the copy of a register")
        register = held.nodes[registers[0]]
        source, *enable = (held.nodes[s] for s in register.srcs)
        if source.op is Op.WRAP and source.range == register.range:
            source = held.nodes[source.srcs[0]]
        if [n.name for n in (source, *enable) if n.op is Op.INPUT] != list(holder.ports):
            raise InternalError(f"{held.name} reads something else than its ports")
        return register
