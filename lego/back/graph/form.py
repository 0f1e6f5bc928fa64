"""What every graph must satisfy, whatever pass made it."""

from __future__ import annotations

from collections.abc import Mapping

from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Op

__all__ = ["check_form"]


def check_form(dag: Dag) -> None:
    """Raise InternalError unless sources come first, ranges are known, and instances fit their modules."""
    known: dict[str, Module] = {}
    for module in dag.modules:
        for i, node in enumerate(module.nodes):
            late = node.op in (Op.REG, Op.WIRE)
            if any(s >= (len(module.nodes) if late else i) for s in node.srcs):
                raise InternalError(f"%{i} of {module.name} reads what comes later")
            if node.op not in (Op.INSTANCE, Op.CHECK) and node.low is None:
                raise InternalError(f"%{i} of {module.name} has no range")
            if node.op in _ARITY:
                _check_arity(module, i)
            if node.op in (Op.INSTANCE, Op.PORT):
                _check_instance(module, i, known)
        if module.name in known:
            raise InternalError(f"two modules are called {module.name}")
        known[module.name] = module


_ARITY = {Op.NOT: 1, Op.AND: None, Op.OR: None, Op.MUX: 3, Op.ONEHOT: None}
"""Sources of primitives with selects or one-bit sources; None: any number of them."""


def _check_arity(module: Module, at: int) -> None:
    node = module.nodes[at]
    bits, count = node.srcs, len(node.srcs)
    if node.op is Op.MUX:
        bits = node.srcs[:1]
    elif node.op is Op.ONEHOT:
        bits = node.srcs[::2]
    odd = node.op is Op.ONEHOT and count % 2
    if not count or odd or count != (_ARITY[node.op] or count):
        raise InternalError(f"%{at} of {module.name} has {count} sources: {node}")
    for source in bits:
        if not 0 <= module.nodes[source].range[0] <= module.nodes[source].range[1] <= 1:
            raise InternalError(f"%{at} of {module.name} needs one bit where it reads %{source}")


def _check_instance(module: Module, at: int, known: Mapping[str, Module]) -> None:
    node = module.nodes[at]
    holder = node if node.op is Op.INSTANCE else module.nodes[node.srcs[0]]
    if holder.text not in known:
        raise InternalError(f"{module.name} holds {holder.text}, which isn't defined before it")
    child = known[holder.text]
    if node.op is Op.PORT:
        source = dict(child.outputs).get(node.text)
        if source is None or child.nodes[source].range != node.range:
            raise InternalError(f"{module.name} reads port {node.text} of {child.name}")
        return
    wanted = {n.name: n for n in child.nodes if n.op is Op.INPUT}
    if sorted(wanted) != sorted(node.ports):
        raise InternalError(f"{module.name} connects {child.name} by other ports than it has")
    for port, source in zip(node.ports, node.srcs, strict=True):
        if module.nodes[source].bits != wanted[port].bits:
            raise InternalError(f"{module.name} connects {child.name}.{port} by another width")
