"""Links between FUs as primitives: what one FU has comes to another as many cycles later as planned."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.lower.array.links import Links
from lego.back.plan.array.links import ordered
from lego.back.plan.array.ports import source
from lego.back.plan.registers import delay_register
from lego.program import configure
from tests.back.designs import FIFOS, GEMM
from tests.back.machine import machine_of
from tests.back.timeline import Rooms, Timeline, rooms_of


def brought(
    rooms: Rooms, run: Timeline, index: int, cycles: int
) -> dict[tuple[str, str], list[int]]:
    """What comes to FUs, by FU and input, where every FU passes on its rank times 8 plus the cycle."""
    b, links = Builder("links", "interconnect"), Links(rooms.design)
    buffer, fus = rooms.design.operands[index], rooms.design.fused.fus()
    links.declare(b)
    for fu in fus:
        passed = {
            f"{each.name}_pass": b.input(f"{each.name}_from_{fu}", (-128, 127))
            for each in rooms.design.operands
        }
        links.connect(b, fu, passed)
    for fu in fus:
        for name, node in links.bring(b, buffer, fu).items():
            b.output(f"{fu} {name}", node)
    machine = machine_of(b, links.modules)
    registers = {port: run.program.registers.get(port, 0) for port in machine.ports}
    inputs = (
        registers
        | {
            f"{each.name}_from_{fu}": 8 * k + cycle
            for each in rooms.design.operands
            for k, fu in enumerate(fus)
        }
        for cycle in range(cycles)
    )
    found = machine.run(inputs)
    return {key: [each[key] for each in found] for key in found[0]}


def test_neighbours_pass_operands_with_their_skew() -> None:
    """Rows of X from the left, columns of W from above, a cycle later each."""
    rooms = rooms_of(GEMM)
    run = Timeline(rooms.design, 0, configure(rooms.design))
    assert brought(rooms, run, 0, 5) == {
        "(0, 1) X_link0": [0, *(0 + cycle for cycle in range(4))],
        "(1, 1) X_link0": [0, *(16 + cycle for cycle in range(4))],
    }
    assert brought(rooms, run, 1, 5) == {
        "(1, 0) W_link0": [0, *(0 + cycle for cycle in range(4))],
        "(1, 1) W_link0": [0, *(8 + cycle for cycle in range(4))],
    }


def test_fifos_are_as_deep_as_the_register_says() -> None:
    """W comes back after a kernel of kh x kw cycles and the pause after it, from the FU itself."""
    rooms = rooms_of(FIFOS)
    buffer = rooms.design.operands[1]
    (number,) = {
        link.fifo for each in rooms.design.array.links[1].choices.values() for link in ordered(each)
    } - {-1}
    fus = rooms.design.fused.fus()
    for kh, kw in ((1, 1), (1, 3), (2, 2), (3, 3)):
        run = Timeline(rooms.design, 0, configure(rooms.design, {"kh": kh, "kw": kw}))
        assert run.program.registers[delay_register(buffer, number)]
        found = brought(rooms, run, 1, 24)
        for fu in rooms.design.adgs[0].data_nodes(buffer.plans[0]):
            links = ordered(rooms.design.array.links[1].choices[fu])
            (which,) = (n for link, n in links.items() if link.fifo == number)
            late = found[f"{fu} {source(1, 'W', which).name}"]
            back = run.issued[0, 0, 1, 0, 0]
            assert back == kh * kw + run.pauses[3]
            assert late[back:] == [8 * fus.index(fu) + cycle for cycle in range(24 - back)]
