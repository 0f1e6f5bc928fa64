"""The host port: which region an access is for, and the word read back."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.plan.host_map import HostMap
from lego.ir.clients import Client, Use, When
from lego.ir.dag import Module, Op

__all__ = ["host_ports", "read_back"]


def host_ports(
    b: Builder,
    host: HostMap,
    names: list[str],
    modules: list[Module],
    busy: int,
    uses: Sequence[Use],
    *,
    queued: bool = False,
) -> dict[str, dict[str, int]]:
    """Decode the host port per region: registers, then memories, which the host uses so. It writes registers
    only while idle, or at any time if they are `queued`. A memory with halves guards them itself."""
    address = b.input("host_addr", (0, (1 << host.address_bits) - 1))
    wdata = b.input("host_wdata", (0, (1 << host.data_bits) - 1))
    idle = b.invert(busy)
    asked = b.all([b.input("host_en"), b.input("host_we")])
    read = b.all([b.input("host_en"), b.invert(b.input("host_we"))])
    region = b.slice(address, host.offset_bits, host.region_bits)
    ports: dict[str, dict[str, int]] = {}
    registers = Use(Client.HOST, When.ALWAYS, When.ALWAYS if queued else When.IDLE)
    for k, (name, module, use) in enumerate(zip(names, modules, (registers, *uses), strict=True)):
        here = b.eq(region, b.const(k))
        found = {n.name: n for n in module.nodes if n.op is Op.INPUT}
        free = {when: [idle] if when is When.IDLE else [] for when in When}
        every = {"host_wen": b.all([asked, here, *free[use.writes]])}
        every["host_ren"] = b.all([read, here, *free[use.reads]])
        every["host_addr"] = b.slice(address, 0, found["host_addr"].bits)
        every["host_wdata"] = b.slice(wdata, 0, found["host_wdata"].bits)
        if "host_mask" in found:
            mask = b.input("host_mask", (0, (1 << host.mask_bits) - 1))
            every["host_mask"] = b.slice(mask, 0, found["host_mask"].bits)
        ports[name] = {port: node for port, node in every.items() if port in found}
    b.output("host_rvalid", b.delay(read, 2, resets=True))
    return ports


def read_back(b: Builder, host: HostMap, words: list[int]) -> None:
    """The word of the region that was read, two cycles later."""
    address = b.input("host_addr", (0, (1 << host.address_bits) - 1))
    region = b.delay(b.slice(address, host.offset_bits, host.region_bits), 2)
    word = b.select(region, host.region_bits, words)
    b.output("host_rdata", b.wrap(word, (0, (1 << host.data_bits) - 1)))
