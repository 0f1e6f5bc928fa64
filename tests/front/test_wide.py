"""Macros of several banks: which memories get them, and that all tensors in one have them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontends.yaml import load_text, load_workload
from lego.designs import designs_of
from lego.diag import LegoError
from lego.front.explain_fused import explain_design
from lego.front.wide import areas
from lego.ir.adg import InputPlan
from lego.ir.fused import FusedAdg
from lego.ir.words import words_of
from lego.ir.written import written_words
from lego.program import configure
from tests.designs import with_style

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = """
name: g
operations:
  - name: mm
    loops: {m: 64, n: 64, k: 64}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
FLOWS
architecture: {array: [16, 16]}
"""
FLOWS = {
    "os": "spatial: {m: 16, n: 16}, temporal: [m, n, k]",
    "ws": "spatial: {k: 16, n: 16}, temporal: [n, k, m]",
}


def product(control: str, *flows: str) -> str:
    lines = (f"      - {{name: {name}, {FLOWS[name]}, control: {control}}}" for name in flows)
    return PRODUCT.replace("FLOWS", "\n".join(lines))


def design(text: str) -> FusedAdg:
    (fused,) = designs_of(load_text(text))
    return fused


def macros(fused: FusedAdg) -> list[tuple[int, int]]:
    """Macros and banks in each, of every memory."""
    return [(memory.n_macros, memory.wide) for memory in fused.buffers()]


def test_nodes_that_act_together_use_one_word() -> None:
    """With skewed control, words of 4: the registers that add the skew grow with the square of the width.
    Results that wait equally long are written together, in words of at most 128 bits; with 4 in each of 16
    macros they wait for 3 cycles, and not for 15."""
    assert macros(design(product("broadcast", "os"))) == [(1, 16), (1, 16), (16, 4)]
    assert macros(design(product("systolic", "os"))) == [(4, 4), (4, 4), (16, 1)]
    bytes_ = product("broadcast", "os").replace("Y: int32", "Y: int8")
    assert macros(design(bytes_))[2] == (1, 16)


def test_nodes_in_turn_keep_a_macro_per_bank() -> None:
    """As many macros are read in a cycle, so no word gets shorter by being wide."""
    assert macros(design(product("systolic", "os", "ws"))) == [(16, 1), (16, 1), (16, 1)]


@pytest.mark.parametrize("style", ["narrow", "at-once"])
def test_styles_without_wide_words(style: str) -> None:
    found = design(with_style(product("broadcast", "os", "ws"), style))
    assert {wide for _, wide in macros(found)} == {1}


def test_wherever_it_can_be_if_that_is_asked_for() -> None:
    found = design(with_style(product("systolic", "os", "ws"), "wide"))
    (_, x), (_, w), (results, y) = macros(found)
    assert x > 1 < w
    assert (results, y) == (16, 2)  # one of them is written at a time


def test_a_chip_with_room_has_a_macro_per_bank() -> None:
    """What is read or written together depends on the operation."""
    room = product("broadcast", "os").replace("[16, 16]", "[16, 16], room: {trips: 64}")
    assert {wide for _, wide in macros(design(with_style(room, "wide")))} == {1}


@pytest.fixture(scope="module")
def attention() -> FusedAdg:
    (found,) = designs_of(load_workload(ROOT / "workloads" / "attention.yaml"))
    return found


def test_heads_read_16_words_of_16(attention: FusedAdg) -> None:
    """256 data nodes of two dataflows, and 16 of the two others, which meet a macro after another."""
    memory = attention.buffers()[1]
    assert (memory.n_macros, memory.wide, memory.n_banks) == (16, 16, 256)
    along = {plan.tensor.name: plan.banking.along for plan in memory.used()}
    assert along == {"K": 1, "V": 2}
    mine, alone = areas(attention, memory)
    assert mine < 0.7 * alone


def test_the_explanation_tells_the_words_and_what_they_save(attention: FusedAdg) -> None:
    text = explain_design(attention)
    assert "K: bank (d0) mod 16 , (d1) mod 16 in words of 16 along d1; 256 banks" in text
    assert "in 16 macros with words of 16 elements: " in text
    assert " with a macro per bank " in text
    assert "S: bank (d2) mod 16 in words of 4 along d2; 16 banks, as many as act at once" in text
    assert (
        "waiting in a register each, up to 4 of them write a word together, proved free of" in text
    )


def test_tensors_of_one_memory_share_its_macros() -> None:
    (found,) = designs_of(load_workload(ROOT / "workloads" / "conv_mnicoc.yaml"))
    for memory in found.buffers():
        assert len({plan.banking.wide for plan in memory.used()}) == 1
    weights = found.buffers()[0]
    (single,) = (p.banking for p in weights.used() if p.tensor.name == "G")
    assert (single.n_banks, single.wide, single.along) == (4, 4, -1)  # one lane of one macro
    assert [memory.n_macros for memory in found.buffers()] == [4, 16, 16]


def test_short_passes_write_several_results_at_a_time() -> None:
    """`D` has passes of 9 cycles and 16 results per row, `P` one result per macro in every cycle."""
    (found,) = designs_of(load_workload(ROOT / "workloads" / "conv_mnicoc.yaml"))
    memory = found.buffers()[-1]
    assert (memory.n_macros, memory.wide, memory.depths) == (16, 4, ((64, 128),))
    words = {
        layer.adg.output.name: max(map(len, written_words(layer.adg, layer.adg.output)))
        for layer in found.layers
    }
    assert words == {"Y": 1, "P": 1, "Q": 4, "D": 4}
    mine, alone = areas(found, memory)
    assert mine < 0.8 * alone


WINDOW = """
name: c
operations:
  - name: conv
    loops: {oh: 16, ow: 16, kh: 3, kw: 3}
    statement: "Q[oh,ow] += J[oh+kh,ow+kw] * G[kh,kw]"
    formats: {J: int8, G: int8, Q: int32}
    dataflow: {spatial: {oh: 8, ow: 8}, temporal: [oh, ow, kh, kw], control: broadcast}
architecture: {array: [8, 8], memory_style: wide, MORE}
"""


def window(index: str = "J[oh+kh,ow+kw]", more: str = "pad: {J: 0}", **flow: str) -> InputPlan:
    """How a convolution's operand is read."""
    text = WINDOW.replace(", MORE", "").replace("J[oh+kh,ow+kw]", index)
    for name, value in flow.items():
        text = re.sub(name + r": (\[.*?\]|{.*?})", f"{name}: {value}", text)
    text = text.replace("memory_style: wide", "memory_style: wide, read_cost: 40")
    memory = design(text.replace("    dataflow:", f"    {more}\n    dataflow:")).buffers()[0]
    (plan,) = memory.used()
    assert isinstance(plan, InputPlan)
    return plan


@pytest.mark.parametrize(
    ("index", "shift", "skip"),
    [
        ("J[oh+kh,ow+kw]", 0, 7),
        ("J[oh+kh-1,ow+kw-1]", 1, 7),
        ("J[oh+kh,ow+kw+3]", 5, 7),
        ("J[oh+kh-1,ow-kw+1]", 7, 0),
    ],
)
def test_a_row_that_reads_at_once_is_a_word(index: str, shift: int, skip: int) -> None:
    """Where the window moves on, the last node alone reads, or the first if the kernel is turned round, and
    the others take what their neighbours had. With pads the row begins before the tensor, or behind its
    begin, and the tensor lies so that the row begins with a macro."""
    banking = window(index).banking
    assert (banking.counts, banking.wide, banking.along) == ((8, 8), 8, 1)
    assert (banking.shift, banking.skip) == (shift, skip)


def test_a_shift_takes_its_place() -> None:
    """18 and 2 elements take 3 words of 8, 18 and 7 take 4; in both cases 18 columns take 3 rows."""
    for index, words in (("J[oh+kh-1,ow+kw-1]", 3 * 3), ("J[oh+kh-1,ow-kw+1]", 3 * 4)):
        plan = window(index, "shapes: {J: [18, 18]}, pad: {J: 0}".replace(", pad", "\n    pad"))
        assert plan.banking.depth(plan.tensor.shape) == words


def test_a_word_is_read_unless_reuse_serves_all_of_its_nodes() -> None:
    """Seven nodes of a row by the step of kw and the eighth, but in the last row, by that of kh: of the 9
    timestamps of a kernel a row is read at kw = 0 or kh = 0, 5 of them, and the last row at all."""
    text = WINDOW.replace("MORE", "read_cost: 8")
    (fused,) = designs_of(load_text(text))
    adg = fused.layers[0].adg
    (plan,) = (plan for plan in adg.inputs if plan.tensor.name == "J")
    assert [(reuse.dt[-2:], len(reuse.fus)) for reuse in plan.delays] == [((0, 1), 56), ((1, 0), 7)]
    words = words_of(adg, plan)
    assert [word.levels for word in words] == [((0,), (1,))] * 7 + [((),)]
    assert [word.served for word in words] == [((0, 1),)] * 7 + [()]
    assert configure(fused, {}).accesses[plan.name] == 4 * (7 * 5 + 9)


def test_a_window_that_all_nodes_read_has_room_to_move() -> None:
    """Where the delay of reuse depends on the bounds, pauses may end it: as many whole macros as hold
    8 + width - 1 banks."""
    plan = window("J[ow+kw,kh]", spatial="{ow: 8}", temporal="[oh, ow, kw, kh]")
    assert any(plan.delays)
    assert not any(plan.opening((k,)) for k in range(8))
    banking = plan.banking
    assert banking.wide > 1
    assert banking.counts[banking.along] >= 8 + banking.wide - 1


def test_more_banks_than_fit_are_not_taken() -> None:
    """18x18 elements in 8x8 banks of 9 words take 576 bytes, in 10x8 banks of 6 words 480."""
    for limit in (480, 700, 2000):
        memory = design(WINDOW.replace("MORE", f"memories: {{J: {limit}}}")).buffers()[0]
        (plan,) = memory.used()
        assert plan.banking.n_banks * plan.banking.depth(plan.tensor.shape) <= limit
        assert memory.wide > 1
    with pytest.raises(LegoError, match="E305"):
        design(WINDOW.replace("MORE", "memories: {J: 470}"))


def test_strides_are_no_distance() -> None:
    """Nodes two elements apart are in neighbouring banks: words are of numbers of nodes, not of elements."""
    strided = WINDOW.replace("J[oh+kh,ow+kw]", "J[2*oh+kh,2*ow+kw]").replace(", MORE", "")
    memory = design(strided).buffers()[0]
    (banking,) = (plan.banking for plan in memory.used())
    assert banking.gcds == (2, 2)
    assert memory.wide in (2, 4, 8)
