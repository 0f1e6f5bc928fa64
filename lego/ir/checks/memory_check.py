"""What the memories of a device and their SRAM macros satisfy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from lego.ir.clients import Client, When
from lego.ir.device import Device, Memory
from lego.ir.sram import sram_name

__all__ = ["macro_faults", "memory_faults"]


def memory_faults(device: Device, memory: Memory) -> Iterator[str]:
    """Broken rules of one memory: banks have words, and words have addresses and pass the host's port."""
    counts = [count for count, _ in memory.depths]
    if sum(counts) != memory.banks:
        yield f"depths of {sum(counts)} banks, there are {memory.banks}"
    depths = [depth for _, depth in memory.depths]
    if any(one <= other for one, other in pairwise(depths)):
        yield f"the depths {depths} don't fall"
    if memory.bank_stride < depths[0]:
        yield f"banks are {memory.bank_stride} addresses apart and have {depths[0]} words"
    groups = -(-memory.banks // memory.lanes)
    if memory.half_stride < groups * memory.bank_stride:
        yield f"halves are {memory.half_stride} addresses apart, too few for {groups} groups"
    if any(count % memory.wide for count in counts):
        yield f"{counts} banks of one depth are no macros of {memory.wide}"
    if memory.halves > 2:
        yield f"there are {memory.halves} halves"
    if memory.lanes & (memory.lanes - 1) or memory.lanes > memory.banks:
        yield f"the host reaches {memory.lanes} of {memory.banks} banks at once"
    if memory.lanes * memory.bits > device.host.data_bits:
        yield f"{memory.lanes} words of {memory.bits} bits don't fit the host's port"
    if memory.lanes > max(1, device.host.mask_bits):
        yield f"{memory.lanes} lanes, the host's mask has {device.host.mask_bits} bits"
    yield from _client_faults(memory)


def _client_faults(memory: Memory) -> Iterator[str]:
    """Broken rules of who uses a memory: no port is the array's and the host's at one time."""
    if not memory.clients:
        yield "nobody reads or writes it"
    uses = {use.client: use for use in memory.clients}
    if len(uses) != len(memory.clients):
        yield "a client is there twice"
    array = uses.get(Client.ARRAY)
    if array is None or (array.writes is When.ALWAYS) != (memory.direction == "out"):
        yield f"the array doesn't use a memory so that is {memory.direction!r} of it"
        return
    for way, mine, other in (
        ("reads", memory.host.reads, array.reads),
        ("writes", memory.host.writes, array.writes),
    ):
        if mine is other is When.ALWAYS:
            yield f"array and host both have the port that {way}"
        if mine is When.OTHER_HALF and memory.halves == 1:
            yield f"the host {way} another half, and there is none"


def macro_faults(device: Device) -> Iterator[str]:
    """Broken rules of the SRAMs: each is named by its shape, and all banks of all halves are made of them."""
    held = dict.fromkeys((memory.name for memory in device.memories), 0)
    for macro in device.macros:
        if macro.module != sram_name(macro.depth, macro.bits, macro.lanes):
            yield f"macro {macro.module} of {macro.depth} x {macro.bits} has another shape's name"
        if macro.operand not in held:
            yield f"macro {macro.module} is for no memory {macro.operand}"
        memory = device.memory(macro.operand)
        held[macro.operand] += macro.count * memory.wide
        fits = macro.bits <= memory.bits * memory.wide and macro.lanes == memory.wide
        if not fits or macro.depth not in memory.bank_depths():
            yield f"macro {macro.module} of {macro.depth} x {macro.bits} fits no bank"
    for memory in device.memories:
        if held[memory.name] != memory.banks * memory.halves:
            yield f"{held[memory.name]} macros for the banks of memory {memory.name}"
