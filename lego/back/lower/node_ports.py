"""Ports between a memory and the array."""

from __future__ import annotations

from lego.ir.adg import Fu
from lego.ir.fused import MemoryPlan

__all__ = ["node_port"]


def node_port(buffer: MemoryPlan, fu: Fu) -> str:
    """Port between the memory and the data node of `fu`."""
    return f"{buffer.name}_node_" + "_".join(map(str, fu))
