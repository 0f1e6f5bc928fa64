"""The host's address map: everything has an address of its own, and none is wider than it must be."""

from __future__ import annotations

import pytest

from lego.back.plan.host_map import HostMap, host_map
from lego.back.plan.registers import address_bits
from tests.back.designs import CHAIN, DESIGNS, GEMM, design_of

DOUBLE = CHAIN.replace("[3, 2]", "[3, 2], double_buffer: yes")
PARTS = DOUBLE.replace("double_buffer: yes", "double_buffer: parts")
WIDE = CHAIN.replace("[3, 2]", "[3, 2], dma_bits: 64")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # X: 2 banks of 12 words, Y: 2 of 9: the smallest SRAM, 64 words, takes less; registers and 3 memories
        (GEMM, HostMap(offset_bits=7, region_bits=2, data_bits=32)),
        # X: 3 banks in one macro of 64 words
        (CHAIN, HostMap(offset_bits=8, region_bits=2, data_bits=32)),
        (DOUBLE, HostMap(offset_bits=9, region_bits=2, data_bits=32)),
        # 64 bits hold two banks of X (of three), both of W and of Y
        (WIDE, HostMap(offset_bits=7, region_bits=2, data_bits=64, mask_bits=2)),
    ],
    ids=["gemm", "chain", "double", "wide"],
)
def test_maps_of_small_designs(text: str, wanted: HostMap) -> None:
    found = host_map(design_of(text))
    assert found == wanted
    assert found.address_bits == wanted.offset_bits + wanted.region_bits


@pytest.mark.parametrize("name", [*DESIGNS, "double", "parts", "wide"])
def test_no_two_words_share_an_address(name: str) -> None:
    design = design_of({**DESIGNS, "double": DOUBLE, "parts": PARTS, "wide": WIDE}[name])
    found = host_map(design)
    taken = [found.base(0) + k for k in range(len(design.registers))]
    for buffer in design.buffers:
        bits = address_bits(buffer.depth)
        banks = 1 << (buffer.groups - 1).bit_length()
        for half in range(buffer.halves):
            for bank in range(buffer.groups):
                first = found.base(1 + buffer.index) + ((half * banks + bank) << bits)
                taken += range(first, first + buffer.depth_of(bank * buffer.lanes))
    assert len(set(taken)) == len(taken)
    assert max(taken) < 1 << found.address_bits


def test_data_ports_have_32_bits_at_least() -> None:
    assert host_map(design_of(GEMM.replace("int32", "int12"))).data_bits == 32
