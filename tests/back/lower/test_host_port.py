"""The host port: one region per access, words two cycles later, and who waits for the array."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.lower.host_port import host_ports, read_back
from lego.back.plan.host_map import HostMap
from lego.ir.clients import Client, Use, When
from lego.ir.dag import Module
from tests.back.machine import Machine, machine_of

MAP = HostMap(offset_bits=3, region_bits=2, data_bits=8)
NAMES = ["registers", "memory_A", "memory_B"]


def region(bits: int, *, masked: bool = False) -> Module:
    """Something that the host reaches, whose addresses have so many bits."""
    b = Builder("region", "memory")
    for name in ("host_wen", "host_ren"):
        b.output(f"{name}_out", b.input(name))
    b.output("address_out", b.input("host_addr", (0, (1 << bits) - 1)))
    b.output("data_out", b.input("host_wdata", (0, 15)))
    if masked:
        b.output("mask_out", b.input("host_mask", (0, 3)))
    return infer_widths(b.build())


IDLE = Use(Client.HOST, When.IDLE, When.IDLE)
USES = {
    "idle": IDLE,
    "half": Use(Client.HOST, When.OTHER_HALF, When.OTHER_HALF),
    "operands": replace(IDLE, writes=When.ALWAYS),
    "results": replace(IDLE, reads=When.ALWAYS),
}


def decoder(use: Use) -> Machine:
    b = Builder("decoder", "control")
    modules = [region(1), region(3), region(2)]
    ports = host_ports(b, MAP, NAMES, modules, b.input("busy"), [use, use])
    for name, found in ports.items():
        for port, node in found.items():
            b.output(f"{name}.{port}", node)
    return machine_of(b)


@pytest.mark.parametrize("name", USES)
def test_an_access_reaches_its_region_alone(name: str) -> None:
    use = USES[name]
    machine = decoder(use)
    for address, we, en, busy in itertools.product(range(32), (0, 1), (0, 1), (0, 1)):
        asked = {"host_addr": address, "host_we": we, "host_en": en, "host_wdata": 0xA5}
        found = machine.cycle(asked | {"busy": busy})
        for k, (name, bits) in enumerate(zip(NAMES, (1, 3, 2), strict=True)):
            here = bool(en) and address >> 3 == k
            writes = not busy or (use.writes is not When.IDLE and k > 0)
            assert found[f"{name}.host_wen"] == int(here and bool(we) and writes)
            # registers can be read while the array runs
            reads = not busy or k == 0 or use.reads is not When.IDLE
            assert found[f"{name}.host_ren"] == int(here and not we and reads)
            assert found[f"{name}.host_addr"] == address % (1 << bits)
            assert found[f"{name}.host_wdata"] == 5


def test_a_read_is_answered_two_cycles_later() -> None:
    machine = decoder(IDLE)
    idle = dict.fromkeys(machine.ports, 0)
    asks = [idle | {"host_en": 1}, idle | {"host_en": 1, "host_we": 1}, *[idle] * 3]
    assert [each["host_rvalid"] for each in machine.run(asks)] == [0, 0, 1, 0, 0]


def test_masks_go_where_there_are_lanes() -> None:
    b = Builder("decoder", "control")
    host = HostMap(offset_bits=3, region_bits=2, data_bits=8, mask_bits=4)
    modules = [region(1), region(3, masked=True), region(2)]
    ports = host_ports(b, host, NAMES, modules, b.const(0), [IDLE, IDLE])
    assert [name for name in NAMES if "host_mask" in ports[name]] == ["memory_A"]
    b.output("mask", ports["memory_A"]["host_mask"])
    machine = machine_of(b)
    idle = dict.fromkeys(machine.ports, 0)
    assert machine.cycle(idle | {"host_mask": 0b1110})["mask"] == 0b10


def test_the_word_read_is_that_of_the_region_two_cycles_before() -> None:
    b = Builder("reader", "control")
    read_back(b, MAP, [b.input(f"word{k}", (0, 255)) for k in range(3)])
    machine = machine_of(b)
    regions = [0, 1, 2, 1, 0, 2]
    words = {f"word{k}": 10 + k for k in range(3)}
    found = machine.run({"host_addr": k << 3 | 5, **words} for k in regions)
    assert [each["host_rdata"] for each in found[2:]] == [10 + k for k in regions[:-2]]
