"""Runs out of a queue, behind each other: what memory holds in the end, and the cycles that they take."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from frontends.yaml import load_text
from lego.back.pipeline import DEFAULT, Options
from lego.compile import compile_workload
from lego.ir.queued import busy_cycles, changes, runs_of, spans
from lego.program import configure
from sim.queued import Image, compare, load, queued_stream
from sim.session import Case
from tests.back.designs import CHAIN, DESIGNS, GEMM, IN_TURN, ROTATING, SEVERAL, WAITING
from tests.designs import verdicts_of
from tests.sequences import case_of, made_of, queued, random_case

DOUBLE = CHAIN.replace("[3, 2]", "[3, 2], double_buffer: yes")
TWICE = SEVERAL.replace("[2, 2]}", "[2, 2], double_buffer: yes, resume: yes}")
RESUMED = ROTATING.replace("[4, 4]}", "[4, 4], resume: yes}")
WIDE = WAITING.replace("[3, 2]}", "[3, 2], resume: yes, dma_bits: 64}")
UNEQUAL = TWICE.replace("{k: 2, n: 2}", "{k: 6, n: 4}").replace("[2, 2]", "[6, 4]")
"""Tails of 7, 13 and 6 cycles, in halves that runs use by turns."""
DECODER = """name: decoder
operations:
  - name: mm
    loops: {m: 8, n: 8, k: 16}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {name: kn, spatial: {k: 4, n: 4}, temporal: [n, k, m], control: systolic}
architecture:
  {array: [4, 4], memories: {X: 1KiB, W: 1KiB, Y: 2KiB}, resume: yes, room: {counters: 5}, queue: 16}
"""
TEXTS = DESIGNS | IN_TURN | {"double": DOUBLE, "twice": TWICE, "resumed": RESUMED, "wide": WIDE}
TEXTS |= {"unequal": UNEQUAL}
FAST, PLAIN = Options(clock_ps=10), Options(level=0)


def demand(cases: list[Case], seed: int = 0) -> None:
    for verdict in verdicts_of(cases, seed):
        assert not verdict.failures, (verdict.top, verdict.failures)
        assert verdict.compared


@pytest.mark.parametrize("options", [DEFAULT, FAST, PLAIN], ids=["default", "fast", "plain"])
@pytest.mark.parametrize(
    "names",
    [
        ("gemm", "several", "fifos", "waiting", "double"),
        ("rotating", "windows", "rounds", "twice", "unequal"),
    ],
)
def test_runs_behind_each_other(names: tuple[str, ...], options: Options) -> None:
    """In any order of dataflows, at any bounds, in any place; some go on from the results of others."""
    made = [made_of(queued(TEXTS[name], 8, f"q_{name}"), options) for name in names]
    demand([random_case(each, seed, 3) for seed, each in enumerate(made)])


@pytest.mark.slow
@pytest.mark.parametrize("words", [2, 16])
@pytest.mark.parametrize("options", [DEFAULT, FAST], ids=["default", "fast"])
@pytest.mark.parametrize("name", TEXTS)
def test_runs_of_every_design(name: str, options: Options, words: int) -> None:
    made = made_of(queued(TEXTS[name], words), options)
    demand([random_case(made, seed, 20, most=12) for seed in (words,)], seed=words)


def test_a_run_loses_no_cycle_behind_one_of_its_dataflow() -> None:
    """Where passes are long enough for data nodes to take their turns; else as many as registers say."""
    made = made_of(queued(ROTATING, 16, "follows"))
    rng, cases = np.random.default_rng(1), []
    gaps = {}
    for flow in range(3):
        run = made.run(flow)
        found = list(spans(made.device, runs_of(made.device, [run[1]] * 4)))
        gaps[flow] = [b.first - a.last - 1 for a, b in itertools.pairwise(found)]
        issue = found[0].last - found[0].first + 1
        wanted = run[1].cycles + sum(issue + gap for gap in gaps[flow])
        assert busy_cycles(made.device, [run[1]] * 4) == wanted
        cases.append([run] * 4)
    assert gaps == {0: [0] * 3, 1: [0] * 3, 2: [0] * 3}
    demand([case_of(made, cases, rng)])


def test_a_step_of_a_decoder_loses_no_cycle() -> None:
    """A few rows times weights that FUs hold, tile by tile, sums going on in memory, on a chip with room:
    each run is a pass, and takes longer than the host's writes for it."""
    made = made_of(DECODER)
    op, tail, runs = made.workload.operation("mm"), made.device.dataflows[0].tail, []
    for n in range(2):
        for k in range(4):
            bases = {"X": 8 * k, "W": 4 * n + k, "Y": 8 * n}
            bounds = {"m": 8, "n": 4, "k": 4}
            run = configure(made.fused, bounds, bases=bases, resume=k > 0, tail=tail)
            runs.append((op, run))
    programs = [program for _, program in runs]
    found = list(spans(made.device, runs_of(made.device, programs)))
    assert [b.first - a.last for a, b in itertools.pairwise(found)] == [1] * 7
    assert busy_cycles(made.device, programs) == programs[0].cycles + 7 * 8
    demand([case_of(made, [runs], np.random.default_rng(7))])


def test_short_passes_are_kept_apart() -> None:
    """Results of 4x4 FUs take their turns over 4 cycles; a pass of one cycle is followed by an idle one at
    the least. A dataflow that differs waits for the tail."""
    made = made_of(queued(ROTATING, 16, "apart"))
    flows = [made.run(k, {"m": 1, "n": 1, "k": 1}) for k in range(3)]
    tails = [flow.tail for flow in made.device.dataflows]
    every = [[flows[k]] * 3 for k in range(3)] + [[flows[0], flows[1], flows[2], flows[0]]]
    for runs in every:
        programs = [program for _, program in runs]
        found = list(spans(made.device, runs_of(made.device, programs)))
        for (_, before), (_, after), one, other in zip(
            runs, runs[1:], found, found[1:], strict=False
        ):
            gap = other.first - one.last - 1
            if before.dataflow != after.dataflow:
                assert gap >= tails[before.dataflow]
            else:
                assert gap >= max(before.registers["gap_after"], after.registers["gap_before"]) > 0
    demand([case_of(made, every, np.random.default_rng(2))])


@pytest.mark.parametrize("words", [2, 4, 64])
def test_starts_wait_in_a_queue_of_any_length(words: int) -> None:
    """Runs that change nothing: one under way, one that waits for it, and more behind; then runs that
    change all their registers, more than the queue holds."""
    made = made_of(queued(GEMM, words, f"full{words}"))
    same = made.run(0, {"m": 2, "n": 2, "k": 4})
    others = [made.run(0, {"m": 1 + k % 5, "n": 1 + k % 3, "k": 1 + k % 4}) for k in range(9)]
    demand([case_of(made, [[same] * 12, others], np.random.default_rng(3))])


@pytest.mark.parametrize("name", ["gemm", "several", "twice"])
def test_a_reset_empties_the_queue(name: str) -> None:
    """Runs that a reset cuts leave nothing behind: the next sequence is as after the first reset."""
    made, rng = made_of(queued(TEXTS[name], 8, f"cut_{name}")), np.random.default_rng(4)
    stream = made.stream()
    for _ in range(6):
        image = Image.random(made.device, rng)
        runs = made.sequence(rng, image, 3)
        stream.program(runs[0][1])
        stream.go()
        for _, program in runs:
            stream.push(program.registers)
        stream.idle(int(rng.integers(1, 40)))
        stream.reset(int(rng.integers(1, 4)))
        stream.idle(int(rng.integers(1, 4)))
        runs = made.sequence(rng, image, 3)
        queued_stream(stream, image, runs, made.tensors, rng, len(runs))
    demand([Case(made.verilog, stream)])


def test_the_host_reaches_no_half_in_use() -> None:
    """Two runs in different halves overlap; what the host writes meanwhile into either is in vain."""
    made, rng = made_of(queued(DOUBLE, 8, "guarded")), np.random.default_rng(5)
    runs = [made.run(0, half=half) for half in (0, 1)]
    programs = [program for _, program in runs]
    first, second = spans(made.device, runs_of(made.device, programs))
    assert second.first <= first.end  # the tail of the first lasts while the second runs
    stream, image = made.stream(), Image.random(made.device, rng)
    load(stream, image)
    stream.program(programs[0])
    stream.go()
    stream.push(changes(programs)[1])
    stream.idle(second.first)
    stream.half = 0
    stream.attack(first.end - second.first - 6, rng)
    stream.half = 1
    stream.attack(second.end - first.end - 6, rng)
    stream.wait(busy_cycles(made.device, programs))
    for op, program in runs:
        image.run(op, made.tensors, program)
    compare(stream, image, rng)
    demand([Case(made.verilog, stream)])


def test_the_host_reads_results_as_soon_as_a_run_has_ended() -> None:
    """Also where other dataflows' tails are longer, and the next run has to wait for as long as these."""
    made = made_of(queued(UNEQUAL, 8, "ended"))
    tails = [flow.tail for flow in made.device.dataflows]
    assert min(tails) == tails[2] < max(tails) - 5
    runs = [[made.run(2)], [made.run(0)], [made.run(1), made.run(2)]]
    demand([case_of(made, runs, np.random.default_rng(6))])


@pytest.mark.parametrize("name", ["gemm", "several", "double"])
def test_without_a_queue_nothing_changes(name: str) -> None:
    text = TEXTS[name]
    none = text.replace("architecture: {", "architecture: {queue: 0, ")
    made = [compile_workload(load_text(each), source=b"") for each in (text, none)]
    for file, data in made[0].items():
        if file.endswith(".v"):
            assert made[1][file] == data
            assert b"ready" not in data
