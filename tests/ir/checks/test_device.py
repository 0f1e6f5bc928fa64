"""Every rule of devices can be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lego.ir.clients import Client, Use, When
from lego.ir.device import Device
from lego.ir.sram import sram_name
from tests.ir.checks.broken import compiled, put, refuse

READER = Use(Client.ARRAY, When.ALWAYS, When.NEVER)
WRITER = Use(Client.ARRAY, When.ALWAYS, When.ALWAYS)
HOST = Use(Client.HOST, When.IDLE, When.IDLE)


def memory(device: Device, **fields: object) -> Device:
    return replace(device, memories=put(device.memories, 0, **fields))


def macro(device: Device, **fields: object) -> Device:
    return replace(device, macros=put(device.macros, 0, **fields))


def port(device: Device, **fields: object) -> Device:
    """The device, with another port for the clock."""
    return replace(device, ports=put(device.ports, 0, **fields))


def flow(device: Device, **fields: object) -> Device:
    return replace(device, dataflows=put(device.dataflows, 1, **fields))


def program(device: Device, **fields: object) -> Device:
    return flow(device, program=replace(device.dataflows[1].program, **fields))


def closed(device: Device, **fields: object) -> Device:
    return flow(device, formulas=replace(device.dataflows[1].formulas, **fields))


def region(device: Device, at: int, **fields: object) -> Device:
    """The device, with another region, and its memory to match."""
    regions = put(device.regions, at, **fields)
    base = regions[at].base
    memories = put(device.memories, at - 1, base_address=base)
    return replace(device, regions=regions, memories=memories)


BROKEN: dict[str, Callable[[Device], Device]] = {
    "99 FUs in an array of [4, 4]": lambda d: replace(d, fus=99),
    "two ports have one name": lambda d: port(d, name="rst"),
    "two registers have one name": lambda d: replace(
        d, registers=put(d.registers, 0, name="TRIP0")
    ),
    "two memories have one name of w, W, Y": lambda d: memory(d, name="w"),
    "two instances have one name": lambda d: memory(d, instance="memory_W"),
    "two modules have one name": lambda d: replace(d, parts=d.parts + d.parts[:1]),
    "two dataflows have one name of mm.os, mm.os": lambda d: flow(d, name="os"),
    "two stages have one name": lambda d: replace(d, stages=("sums", "sums")),
    "no module is the top, other": lambda d: replace(d, top="other"),
    "port clk has 0 bits": lambda d: port(d, bits=0),
    "the direction 'both'": lambda d: port(d, direction="both"),
    "there is no port clk, in, of 1 bits": lambda d: port(d, bits=2),
    "there is no port host_addr": lambda d: replace(d, host=replace(d.host, address_bits=5)),
    "there is no port host_mask": lambda d: replace(d, host=replace(d.host, mask_bits=2)),
    "is number 0, at address 1": lambda d: replace(d, registers=put(d.registers, 0, address=1)),
    "is wider than the host's port": lambda d: replace(d, registers=put(d.registers, 0, bits=99)),
    "memory X: depths of 1 banks": lambda d: memory(d, depths=((1, 9),)),
    "memory X: the depths [9, 9] don't fall": lambda d: memory(d, depths=((8, 9), (8, 9))),
    "memory X: banks are 1 addresses apart": lambda d: memory(d, bank_stride=1),
    "memory X: halves are 1 addresses apart": lambda d: memory(d, half_stride=1),
    "memory X: there are 3 halves": lambda d: memory(d, halves=3),
    "memory X: the host reaches 3 of 16 banks": lambda d: memory(d, lanes=3),
    "memory X: 8 words of 8 bits don't fit": lambda d: memory(d, lanes=8, bits=8),
    "memory X: 2 lanes, the host's mask has 0 bits": lambda d: memory(d, lanes=2),
    "memory X: nobody reads or writes it": lambda d: memory(d, clients=()),
    "memory X: a client is there twice": lambda d: memory(d, clients=(READER, READER)),
    "memory X: the array doesn't use a memory so that is 'in'": lambda d: memory(
        d, clients=(replace(READER, writes=When.ALWAYS), HOST)
    ),
    "memory X: the array doesn't use a memory so": lambda d: memory(d, clients=(HOST,)),
    "memory X: array and host both have the port that reads": lambda d: memory(
        d, clients=(READER, replace(HOST, reads=When.ALWAYS))
    ),
    "memory Y: array and host both have the port that writes": lambda d: replace(
        d,
        memories=put(d.memories, 2, clients=(WRITER, Use(Client.HOST, When.IDLE, When.ALWAYS))),
    ),
    "memory X: the host writes another half, and there is none": lambda d: memory(
        d, clients=(READER, replace(HOST, writes=When.OTHER_HALF))
    ),
    "regions are": lambda d: replace(d, regions=d.regions[1:]),
    "the regions of registers and X meet": lambda d: region(d, 1, base=1),
    "the region of Y ends behind": lambda d: region(d, 3, base=1 << d.host.address_bits),
    "macro other of": lambda d: macro(d, module="other"),
    "is for no memory other": lambda d: macro(d, operand="other"),
    "fits no bank": lambda d: macro(
        d, depth=3, module=sram_name(3, d.macros[0].bits, d.macros[0].lanes)
    ),
    "macros for the banks of memory X": lambda d: macro(d, count=1),
    "dataflow 1 has the id 2, its program 1": lambda d: flow(d, id=2),
    "program of mm.ws: -1 iterations": lambda d: program(d, iterations=-1),
    "program of mm.ws: registers": lambda d: program(d, registers={}),
    "closed forms of mm.ws: they are of registers": lambda d: closed(d, registers={}),
    "closed forms of mm.ws: they are of operands": lambda d: closed(d, accesses={}),
    "closed forms of mm.ws: cycles is m, which is": lambda d: closed(d, cycles="m"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_named(rule: str) -> None:
    refuse(compiled("fused_gemm_sys"), BROKEN[rule], rule)
