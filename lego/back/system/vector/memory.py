"""The operand memory of the engine: two halves, so that both streams can come from it at once."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.sram.model import sram_model
from lego.ir.dag import Module, index_bits
from lego.ir.vector.plan import ADDRESS_BITS, VectorPlan

__all__ = ["build_operands"]


def build_operands(name: str, plan: VectorPlan) -> tuple[Module, Module]:
    """The RAM of a half, and the memory: `a_word` and `b_word` come a cycle behind their addresses.

    What the engine writes itself (`w_...`) goes before what comes from outside (`o_...`), which is taken
    if `o_ready` is set. Streams that read one half in one cycle are a fault of the program.
    """
    half, bits = plan.words // 2, 8 * plan.lanes
    ram = sram_model(f"{name}_half", half, bits, plan.lanes)
    b = Builder(name, "memory")
    reads = {}
    for stream in ("a", "b") if plan.stream else ("a",):
        address = b.input(f"{stream}_address", (0, (1 << ADDRESS_BITS) - 1))
        ren = b.input(f"{stream}_ren")
        b.check(b.less(address, b.const(plan.words)), ren)
        reads[stream] = (ren, *_halved(b, address, half))
    write, upper, row, data, mask = _written(b, plan, half)
    words = []
    for number in range(2):
        asked = [
            (b.all([ren, which if number else b.invert(which)]), at)
            for ren, which, at in reads.values()
        ]
        here = upper if number else b.invert(upper)
        ports = {
            "raddr": b.mux(asked[0][0], asked[0][1], asked[-1][1]),
            "ren": b.any([ren for ren, _ in asked]),
            "waddr": row,
            "wdata": data,
            "wen": b.all([write, here]),
            "wmask": mask,
        }
        if len(asked) > 1:
            b.check(b.invert(asked[1][0]), asked[0][0])
        words.append(b.instance(ram, f"half{number}", ports)["rdata"])
    for stream, (ren, which, _) in reads.items():
        chosen = b.reg((0, 1), name=f"{stream}_half", resets=False)
        b.drive(chosen, which, ren)
        b.output(f"{stream}_word", b.mux(chosen, words[1], words[0]))
    return ram, infer_widths(b.build())


def _halved(b: Builder, address: int, half: int) -> tuple[int, int]:
    """Whether an address is in the upper half, and the row there."""
    bits = index_bits(half)
    upper = b.invert(b.less(address, b.const(half)))
    row = b.mux(upper, b.add(address, b.const(-half)), address)
    return upper, b.wrap(row, (0, (1 << bits) - 1))


def _written(b: Builder, plan: VectorPlan, half: int) -> tuple[int, int, int, int, int]:
    """What is written: enable, whether in the upper half, row, data and mask."""
    word, lanes = (0, (1 << 8 * plan.lanes) - 1), (0, (1 << plan.lanes) - 1)
    address = (0, (1 << ADDRESS_BITS) - 1)
    own = b.input("w_wen")
    both = [
        b.mux(own, b.input(f"w_{port}", span), b.input(f"o_{port}", span))
        for port, span in (("address", address), ("data", word), ("mask", lanes))
    ]
    b.output("o_ready", b.invert(own))
    upper, row = _halved(b, both[0], half)
    write = b.any([own, b.input("o_wen")])
    b.check(b.less(both[0], b.const(plan.words)), write)
    return write, upper, row, both[1], both[2]
