"""The code made of a module does what the machine does that looks at each primitive."""

from __future__ import annotations

import random

import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.ir.dag import Module, Op
from tests.back.machine import Machine
from tests.back.quick import Quick

RANGES = ((0, 1), (0, 6), (-4, 3), (0, 255), (-100, 20), (0, 1))


def random_module(r: random.Random) -> Module:
    """All primitives, with ranges that values leave."""
    b = Builder("drawn", "control")
    nodes = [b.input(f"x{k}", span) for k, span in enumerate(RANGES)]
    bits = [nodes[0], nodes[5]]
    register = b.reg((-8, 7), name="kept")
    delayed = b.delay(nodes[3], 2)
    later = b.wire((0, 15))
    nodes += [register, delayed, later]
    for _ in range(40):
        x, y = (b.wrap(r.choice(nodes), r.choice(RANGES[1:5])) for _ in range(2))
        p, q = r.choice(bits), r.choice(bits)
        nodes.append(
            r.choice(
                [
                    b.add(x, y),
                    b.op(Op.SUB, x, y),
                    b.op(Op.MUL, x, y),
                    b.op(Op.NEG, x),
                    b.op(Op.ABS, x),
                    b.op(Op.MIN, x, y),
                    b.op(Op.MAX, x, y),
                    b.mux(p, x, y),
                    b.shl(x, 2),
                    b.shr(x, 1),
                    b.slice(x, 1, 3),
                    b.cat([x, y]),
                    b.op(Op.ONEHOT, p, x, b.all([q, b.invert(p)]), y),
                ]
            )
        )
        bits.append(r.choice([b.eq(x, y), b.less(x, y), b.invert(p), b.all([p, q]), b.any([p, q])]))
    b.drive(register, b.wrap(nodes[-1], (-8, 7)), bits[-1])
    b.connect(later, b.wrap(b.delay(nodes[-2], 1), (0, 15)))
    at, word = (b.wrap(nodes[-k], (0, 2**k - 1)) for k in (3, 8))
    wen = b.cat([b.slice(p, 0, 1) for p in bits[-2:]])
    nodes.append(b.memory((at, bits[-3]), (at, word, wen), 8, 8, lanes=2))
    for k, node in enumerate((*nodes, *bits)):
        b.output(f"y{k}", node)
    return infer_widths(b.build())


@pytest.mark.parametrize("seed", range(8))
def test_both_machines_agree(seed: int) -> None:
    r = random.Random(seed)
    module = random_module(r)
    slow, quick = Machine(module), Quick(module)
    for words in slow._words.values():
        words.update(dict.fromkeys(range(8), 0))
    for _ in range(40):
        inputs = {f"x{k}": r.randint(*span) for k, span in enumerate(RANGES)}
        assert quick.cycle(inputs) == slow.cycle(inputs)


def test_assertions_stop_it() -> None:
    b = Builder("checked", "control")
    b.check(b.input("x"), b.input("y"))
    machine = Quick(infer_widths(b.build()))
    machine.cycle({"x": 0, "y": 0})
    with pytest.raises(AssertionError, match="%2 of checked"):
        machine.cycle({"x": 0, "y": 1})
