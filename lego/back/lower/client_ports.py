"""Ports of a core for the engines around it: commands, and each memory by itself.

Operand memories are written, the memory of results is read; addresses are of words in groups of banks, as
on the host's port. Engines keep off what the array uses by semaphores, so nothing is guarded here.
"""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.ir.dag import Module, Op
from lego.ir.fused import MemoryPlan

__all__ = ["client_ports", "words_read"]

COMMANDS = {"host_wen": "e_write", "host_addr": "e_register", "host_wdata": "e_value"}
"""Ports of the queue, and what they are called on the core."""


def client_ports(
    b: Builder, names: Sequence[str], modules: Sequence[Module], buffers: Sequence[MemoryPlan]
) -> dict[str, dict[str, int]]:
    """What drives the host's side of the queue and of every memory, by instance.

    Memory ``k`` has the ports ``mk_address`` and, if the array reads it, ``mk_wen``, ``mk_wdata`` and
    ``mk_mask``, else ``mk_ren``.
    """
    found = {names[0]: _brought(b, modules[0], COMMANDS)}
    for buffer, name, module in zip(buffers, names[1:], modules[1:], strict=True):
        port = f"m{buffer.index}"
        used = ("addr", "ren") if buffer.output else ("addr", "wen", "wdata", "mask")
        ports = {f"host_{end}": f"{port}_{_spelled(end)}" for end in used}
        found[name] = _brought(b, module, ports)
    return found


def _spelled(end: str) -> str:
    return "address" if end == "addr" else end


def _brought(b: Builder, module: Module, names: dict[str, str]) -> dict[str, int]:
    """Inputs of the core for these ports of a module, and nothing for the other ports of its host's side."""
    found = {}
    for node in module.nodes:
        if node.op is Op.INPUT and node.name.startswith("host_"):
            name = names.get(node.name)
            found[node.name] = b.input(name, node.range) if name else b.const(0)
    return found


def words_read(b: Builder, buffers: Sequence[MemoryPlan], word: int) -> None:
    """The word of results that was asked for two cycles ago."""
    b.output(f"m{buffers[-1].index}_rdata", word)
