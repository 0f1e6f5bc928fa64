"""Hosts that use words of a memory while the array uses others, and streams that tell if they couldn't."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

import lego.back.lower.top as lowered_top
from lego.back.pipeline import DEFAULT, Options
from lego.back.plan.memory.clients import host_of
from lego.ir.clients import Use, When
from lego.ir.parts import fits, in_part
from lego.ir.queued import busy_cycles, changes, runs_of, spans
from sim.queued import Image, compare
from sim.session import Case
from sim.streams import addresses, places_of
from tests.back.designs import CHAIN, DESIGNS, GEMM, ROTATING, SEVERAL, WAITING
from tests.designs import cases_of, random_bounds, verdicts_of
from tests.sequences import made_of, queued, random_case


def parts(text: str, more: str = "") -> str:
    found = text.replace("architecture: {", f"architecture: {{double_buffer: parts{more}, ")
    assert found != text
    return found


TEXTS = DESIGNS | {"rotating": ROTATING, "waiting": WAITING}
TEXTS |= {"resumed": SEVERAL.replace("[2, 2]}", "[2, 2], resume: yes}")}
FAST, PLAIN = Options(clock_ps=10), Options(level=0)


def demand(cases: list[Case]) -> None:
    for verdict in verdicts_of(cases):
        assert not verdict.failures, (verdict.top, verdict.failures)
        assert verdict.compared


@pytest.mark.parametrize("options", [DEFAULT, FAST, PLAIN], ids=["default", "fast", "plain"])
def test_runs_while_the_host_works(options: Options) -> None:
    """In parts by turns, and anywhere in memory."""
    names = ("gemm", "several", "rotating", "resumed", "windows")
    texts = [parts(re.sub("^name: .*", f"name: p_{name}", TEXTS[name])) for name in names]
    demand(
        [
            case
            for seed, text in enumerate(texts)
            for case in cases_of(text, seed, random_bounds(text, 3, seed), passes=options)
        ]
    )


def test_runs_out_of_a_queue() -> None:
    texts = [parts(queued(TEXTS[name], 8, f"pq_{name}")) for name in ("gemm", "several", "resumed")]
    demand([random_case(made_of(text), seed, 3) for seed, text in enumerate(texts)])


def spoil(monkeypatch: pytest.MonkeyPatch, change: Callable[[Use], Use]) -> None:
    """Hardware whose host port is guarded otherwise than its description says."""
    monkeypatch.setattr(lowered_top, "host_of", lambda buffer: change(host_of(buffer)))


def dropped(use: Use) -> Use:
    return Use(use.client, use.reads, When.IDLE if use.writes is When.ALWAYS else use.writes)


def unread(use: Use) -> Use:
    return Use(use.client, When.IDLE if use.reads is When.ALWAYS else use.reads, use.writes)


def overwritten(use: Use) -> Use:
    return Use(use.client, use.reads, When.ALWAYS if use.writes is When.IDLE else use.writes)


def granted(use: Use) -> Use:
    return Use(use.client, When.ALWAYS if use.reads is When.IDLE else use.reads, use.writes)


BOUNDS = [{"m": 3, "n": 3, "k": 4}, {"m": 5, "n": 2, "k": 3}]


@pytest.mark.parametrize("change", [dropped, unread, overwritten])
def test_a_host_that_is_kept_off_or_let_in_by_mistake_is_noticed(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Use], Use]
) -> None:
    demand(cases_of(parts(GEMM), 1, BOUNDS))
    spoil(monkeypatch, change)
    (verdict,) = verdicts_of(cases_of(parts(GEMM), 1, BOUNDS))
    assert verdict.failures


def test_a_read_of_the_host_that_disturbs_the_array_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such as one that comes before the array's at a bank of operands."""
    spoil(monkeypatch, granted)
    (case,) = cases_of(parts(CHAIN), 1, BOUNDS)
    text, count = re.subn(
        r"(module \w+_bank_[XW]\(.*?assign n\d+ = )en \? addr : host_addr;",
        r"\1host_ren ? host_addr : addr;",
        case.verilog,
        flags=re.DOTALL,
    )
    assert count
    case.verilog = text
    (verdict,) = verdicts_of([case])
    assert verdict.failures


LONG = queued(parts(GEMM.replace("{m: 5, n: 3, k: 4}", "{m: 12, n: 12, k: 8}")), 8, "filled")


def test_a_run_waits_in_the_queue_whose_operands_come_while_another_runs() -> None:
    """The second run's operands are written during the first run, then its start; it follows at once."""
    made, rng = made_of(LONG), np.random.default_rng(2)
    op, first = made.run(0)
    runs = [first, in_part(made.device, first, 1)]
    stream, image = made.stream(), Image.random(made.device, rng)
    later = {
        layout.memory: addresses(made.device.memory(layout.memory), layout, 0).ravel().tolist()
        for layout in list(runs[1].layouts.values())[:-1]
    }
    assert sorted(later) == ["W", "X"]
    for memory in made.device.memories:
        words, places = image.words[memory.name], places_of(memory, [0])
        now = sorted(set(places) - set(later.get(memory.name, ())))
        stream.fill(memory, {at: int(words[at]) for at in now})
    stream.program(runs[0])
    stream.go()
    before = len(stream.commands)
    for name, places in later.items():
        stream.fill(made.device.memory(name), {at: int(image.words[name][at]) for at in places})
    stream.push(changes(runs)[1])
    ahead, behind = spans(made.device, runs_of(made.device, runs))
    assert behind.first == ahead.last + 1
    assert len(stream.commands) - before + 8 < ahead.last
    stream.wait(busy_cycles(made.device, runs))
    for program in runs:
        image.run(op, made.tensors, program)
    compare(stream, image, rng)
    demand([Case(made.verilog, stream)])


def test_tensors_that_are_too_large_for_a_part_are_loaded_between_runs() -> None:
    text = GEMM.replace("m: 5, n: 3, k: 4", "m: 40, n: 3, k: 10")
    text = parts(text, ", memories: {X: 500, Y: 512}")
    made = made_of(text)
    assert not fits(made.device, made.run(0)[1].layouts["X"])
    demand(cases_of(text, 3, BOUNDS))
