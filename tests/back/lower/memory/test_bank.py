"""Banks: words of the array and of the host, and sums of elements that come again at any distance."""

from __future__ import annotations

import random

import pytest

from lego.back.lower.memory.bank import BankKinds, bank_kinds
from tests.back.designs import CHAIN, GEMM, SEVERAL, WAITING, design_of
from tests.back.machine import Machine, fitted
from tests.designs import with_style

NARROW = with_style(GEMM, "narrow")


def kinds_of(text: str, memory: int, *, late: bool = False, narrow: bool = False) -> BankKinds:
    design = design_of(text)
    return bank_kinds(
        design.fused,
        design.buffers[memory],
        "p",
        late=late,
        apart=False,
        narrow=narrow,
        selects=late,
    )


class Bank:
    def __init__(self, kinds: BankKinds, at: int = 0) -> None:
        self.machine = Machine(kinds.of_bank[at], kinds.rams)
        self.idle = dict.fromkeys(self.machine.ports, 0)

    def cycle(self, **inputs: int) -> dict[str, int]:
        return self.machine.cycle(self.idle | inputs)

    def host_write(self, word: int, value: int, **more: int) -> None:
        self.cycle(host_addr=word, host_wdata=value & 0xFFFFFFFF, host_wen=1, **more)

    def host_read(self, word: int) -> int:
        self.cycle(host_addr=word, host_ren=1)
        return self.cycle()["rdata"]


def test_the_array_reads_what_the_host_wrote() -> None:
    bank = Bank(kinds_of(NARROW, 0))
    for word in range(4):
        bank.host_write(word, 40 + word)
    found = [bank.cycle(addr=word, en=1)["rdata"] for word in (2, 0, 3, 3)]
    assert found[1:] == [42, 40, 43]
    assert bank.cycle(addr=1)["rdata"] == 43  # not enabled: the last word stays
    assert bank.cycle()["rdata"] == 43


def test_the_array_comes_first() -> None:
    bank = Bank(kinds_of(NARROW, 0))
    bank.host_write(1, 7)
    bank.host_write(2, 8)
    bank.cycle(addr=1, en=1, host_addr=2, host_ren=1)
    assert bank.cycle()["rdata"] == 7


def test_the_host_writes_lanes_of_a_macro_and_the_array_reads_all() -> None:
    design = design_of(with_style(GEMM, "wide"))
    assert design.buffers[0].wide == 2
    bank = Bank(kinds_of(with_style(GEMM, "wide"), 0))
    for word in range(3):
        bank.host_write(word, 0x1111 * (word + 1), host_mask=0b11)
    bank.host_write(1, 0xABCD, host_mask=0b10)
    bank.host_write(2, 0xABCD, host_mask=0b01)
    bank.host_write(0, 0xABCD, host_mask=0b00)
    found = [bank.cycle(addr=word, en=1)["rdata"] for word in (0, 1, 2, 2)]
    assert found[1:] == [0x1111, 0xAB22, 0x33CD]


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_sums_are_right_at_any_distance(seed: int, late: bool, narrow: bool) -> None:
    """Requests to few words, back to back or with gaps; a first visit forgets what was there."""
    r = random.Random(seed)
    bank = Bank(kinds_of(CHAIN, 2, late=late, narrow=narrow))
    sums: dict[int, int] = {}
    for word in range(3):
        bank.host_write(word, r.randrange(1 << 16))
    for _ in range(200):
        if r.random() < 0.3:
            bank.cycle(addr=r.randrange(3), data=r.randrange(99), visit=r.randrange(2))
            continue
        word, value = r.randrange(3), r.randint(-999, 999)
        # a sum never leaves the interval that its terms can fill
        visit = word not in sums or abs(sums[word]) > 20000 or r.random() < 0.1
        sums[word] = value if visit else sums[word] + value
        bank.cycle(addr=word, data=value, en=1, visit=int(visit))
    bank.cycle(), bank.cycle(), bank.cycle()
    for word, value in sums.items():
        assert fitted(bank.host_read(word), -(1 << 31), (1 << 31) - 1) == value


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_lanes_are_added_to_by_themselves(seed: int, late: bool) -> None:
    """Requests to few words for one lane, some or all; what a mask leaves out stays."""
    text = with_style(CHAIN, "wide")
    assert design_of(text).buffers[2].wide == 2
    r, bank = random.Random(seed), Bank(kinds_of(text, 2, late=late, narrow=True))
    sums: dict[tuple[int, int], int] = {}
    for word in range(3):
        held = [r.randint(-99, 99) for _ in range(2)]
        lanes = sum((value & 0xFFFFFFFF) << (32 * k) for k, value in enumerate(held))
        bank.cycle(host_addr=word, host_wdata=lanes, host_wen=1, host_mask=3)
        sums |= {(word, lane): value for lane, value in enumerate(held)}
    for _ in range(200):
        word, mask, values = r.randrange(3), r.randrange(4), [r.randint(-99, 99) for _ in range(2)]
        asked, visit = r.random() < 0.8, r.random() < 0.1
        for lane in range(2) if asked else ():
            if mask >> lane & 1:
                sums[word, lane] = values[lane] + (0 if visit else sums[word, lane])
        data = sum((value & 0xFFFFFFFF) << (32 * k) for k, value in enumerate(values))
        bank.cycle(addr=word, data=data, mask=mask, en=int(asked), visit=int(visit))
    bank.cycle(), bank.cycle(), bank.cycle()
    for (word, lane), value in sums.items():
        found = bank.host_read(word) >> (32 * lane)
        assert fitted(found, -(1 << 31), (1 << 31) - 1) == value


def test_the_array_writes_lanes_of_a_macro() -> None:
    bank = Bank(kinds_of(with_style(WAITING, "wide"), 2))
    for word in range(2):
        bank.cycle(host_addr=word, host_wdata=7 << 32 | 5, host_wen=1, host_mask=3)
    bank.cycle(addr=0, data=9 << 32 | 8, mask=0b10, en=1)
    bank.cycle(addr=1, data=9 << 32 | 8, mask=0b01, en=1)
    bank.cycle(addr=1, data=3 << 32 | 3, mask=0b11)
    assert [bank.host_read(word) for word in range(2)] == [9 << 32 | 5, 7 << 32 | 8]


def test_a_memory_has_as_many_kinds_of_banks_as_depths() -> None:
    """Banks that only one of several dataflows reaches may be less deep."""
    for memory, buffer in enumerate(design_of(SEVERAL).buffers):
        kinds = kinds_of(SEVERAL, memory)
        assert len(kinds.of_bank) == buffer.n_macros
        deep = [buffer.depth_of(bank) for bank in range(0, buffer.n_banks, buffer.wide)]
        assert len(kinds.rams) == len(set(deep))
        for bank, depth in enumerate(deep):
            (ram,) = (n.text for n in kinds.of_bank[bank].nodes if n.op == "instance")
            assert f"x{depth}_" in ram
