"""The load and the store engine with the masters of the bus, and a memory with stalls behind them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.axi.read import build_axi_read
from lego.back.system.axi.write import build_axi_write
from lego.back.system.load import build_load
from lego.back.system.store import build_store
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module, Op
from lego.ir.engines import LOAD_REGISTERS, STORE_REGISTERS
from lego.runtime.transfer import load_writes, store_writes
from tests.back.machine import Machine
from tests.back.system.axi.slaves import BASES, ReadSlave, WriteSlave, static, word
from tests.back.system.transfer.bench import gate_inputs, gated, lanes_of, words_of

SEGMENT = 6
DRAM = np.array([lanes_of(word(BASES[SEGMENT] + 16 * k)) for k in range(1 << 12)], np.uint8).ravel()
DEPTH = 64
WORDS = np.random.default_rng(4).integers(0, 256, (DEPTH, 16), np.uint8)


def together(engine: Module, master: Module, renamed: dict[str, str]) -> Module:
    """Both in one module that has the ports left over; the engine's are called as `renamed` says."""
    b = Builder("together", "control")
    spans = {renamed.get(n.name, n.name): n.range for n in engine.nodes if n.op is Op.INPUT}
    given = {name: b.wire(spans[name]) for name, _ in master.outputs if name in spans}
    inputs = {name: b.input(name, span) for name, span in spans.items() if name not in given}
    ports = (n.name for n in engine.nodes if n.op is Op.INPUT)
    every = inputs | given
    made = b.instance(engine, "engine", {p: every[renamed.get(p, p)] for p in ports})
    made = {renamed.get(name, name): node for name, node in made.items()}
    needed = [n for n in master.nodes if n.op is Op.INPUT]
    found = b.instance(
        master,
        "master",
        {n.name: made[n.name] if n.name in made else b.input(n.name, n.range) for n in needed},
    )
    for name, wire in given.items():
        b.connect(wire, found[name])
    for prefix, outputs in (("engine", made), ("master", found)):
        for name, node in outputs.items():
            b.output(f"{prefix}_{name}" if name.startswith("fault") else name, node)
    return infer_widths(b.build())


@cache
def loads() -> tuple[Module, list[Module]]:
    engine, master = build_load("edge"), build_axi_read("edge", clients=1, outstanding=8)
    names = {name: name.replace("_", "0_", 1) for name in CLIENT}
    return together(engine, master, names), [engine, master]


@cache
def stores() -> tuple[Module, list[Module]]:
    ram, engine = build_store("edge", depth=DEPTH, outstanding=8)
    master = build_axi_write("edge", outstanding=8)
    names = {"w_done": "done", "w_error": "error"}
    return together(engine, master, names), [ram, engine, master]


CLIENT = [f"c_{n}" for n in ("valid", "segment", "offset", "beats", "ready")]
CLIENT += [f"r_{n}" for n in ("valid", "data", "last", "error", "ready")]


def machine(made: tuple[Module, list[Module]]) -> Machine:
    return gated(made[0], made[1])


def some_runs(rng: random.Random, kind: str, words: str) -> list[dict[str, int]]:
    """Runs of rows of beats, whose words lie in two directions."""
    runs = []
    for _ in range(5):
        beats, rows = rng.choice([1, 3, 8, 20]), rng.choice([1, 2, 3])
        run = {"segment": SEGMENT, "offset": 16 * rng.randrange(1000, 2000), "beats": beats - 1}
        run |= {f"{kind}_trip3": rows - 1, f"{kind}_step3": 16 * rng.choice([-30, 21, beats])}
        run |= {f"{words}_trip3": rows - 1, f"{words}_step3": 1, "address": rng.randrange(4)}
        run |= {f"{words}_trip4": beats - 1, f"{words}_step4": rows}
        runs.append(run)
    return runs


def whole(run: dict[str, int], registers: Sequence) -> dict[str, int]:
    return {each.name: 0 for each in registers} | run


@pytest.mark.parametrize(("latency", "stall"), [(0, 0.0), (30, 0.0), (5, 0.5)])
def test_loads_through_the_read_master(latency: int, stall: float) -> None:
    rng = random.Random(latency)
    runs = [
        whole(run, LOAD_REGISTERS) | {"mask": 0xFFFF, "rotate": rng.randrange(16)}
        for run in some_runs(rng, "fetch", "place")
    ]
    slave = ReadSlave(rng, latency, stall, ids=1)
    m, words, now = machine(loads()), words_of(LOAD_REGISTERS, runs), 0
    written, dones = [], 0
    while dones < len(runs) and now < 4000:
        ready = int(rng.random() >= stall)
        inputs = static() | slave.inputs() | gate_inputs(words, 0, now) | {"p_ready": ready}
        found = m.cycle(inputs)
        slave.see(found)
        if inputs["e_write"] or found["started"]:
            words.popleft()
        if found["p_valid"] and ready:
            written.append((found["p_address"], lanes_of(found["p_data"])))
        dones, now = dones + found["e_done"], now + 1
        assert not found["master_fault"]
        assert not found["engine_fault"]
    wanted = []
    for run in runs:
        model = load_writes(run, {SEGMENT: DRAM})
        wanted += list(zip(model.addresses.tolist(), model.data.tolist(), strict=True))
    assert written == wanted


@pytest.mark.parametrize(("latency", "stall"), [(0, 0.0), (30, 0.0), (5, 0.5)])
def test_stores_through_the_write_master(latency: int, stall: float) -> None:
    rng = random.Random(latency)
    runs = [whole(run, STORE_REGISTERS) for run in some_runs(rng, "send", "take")]
    slave = WriteSlave(rng, latency, stall)
    m, words, now = machine(stores()), words_of(STORE_REGISTERS, runs), 0
    dones = []
    while len(dones) < len(runs) and now < 4000:
        at = min(now, DEPTH - 1)
        data = int.from_bytes(WORDS[at].tobytes(), "little")
        port = {"s_wen": 1, "s_address": at, "s_data": data, "s_mask": 0xFFFF}
        inputs = static() | slave.inputs() | port
        inputs |= gate_inputs(words, 0, now, rests=int(now < DEPTH))
        found = m.cycle(inputs)
        slave.see(found)
        if inputs["e_write"] or found["started"]:
            words.popleft()
        dones += [dict(slave.memory)] * found["e_done"]
        now += 1
        assert not found["master_fault"]
        assert not found["engine_fault"]
    wanted: dict[int, int] = {}
    for run, held in zip(runs, dones, strict=True):
        model = store_writes(run, WORDS)
        for offset, data in zip(model.offsets.tolist(), model.data.tolist(), strict=True):
            wanted |= {BASES[SEGMENT] + offset + lane: data[lane] for lane in range(16)}
        assert wanted.keys() <= held.keys()
    assert slave.memory == wanted


def test_a_beat_is_written_in_every_cycle_whatever_the_latency() -> None:
    """Eight starts of 16 beats, each with a write of a register before it."""
    first = {"segment": SEGMENT, "beats": 15, "mask": 0xFFFF, "place_trip4": 15, "place_step4": 1}
    runs = [whole(first, LOAD_REGISTERS), *[{"offset": 16 * 40 * k} for k in range(1, 8)]]
    slave = ReadSlave(random.Random(0), latency=30, ids=1)
    m, words, written = machine(loads()), words_of(LOAD_REGISTERS, runs), []
    for now in range(300):
        inputs = static() | slave.inputs() | gate_inputs(words, 0, now) | {"p_ready": 1}
        found = m.cycle(inputs)
        slave.see(found)
        if inputs["e_write"] or found["started"]:
            words.popleft()
        written += [now] * found["p_valid"]
    assert written == list(range(written[0], written[0] + 8 * 16))


def test_a_run_outside_of_its_segment_leaves_the_engine_to_be_halted() -> None:
    m, slave = machine(loads()), ReadSlave(random.Random(0), ids=1)
    run = whole({"segment": 5, "offset": 0x40, "mask": 0xFFFF}, LOAD_REGISTERS)
    words, codes = words_of(LOAD_REGISTERS, [run]), []
    for now, halt in enumerate([0] * 60 + [1] * 8 + [0]):
        inputs = static() | slave.inputs() | gate_inputs(words, halt, now) | {"p_ready": 1}
        found = m.cycle(inputs)
        slave.see(found)
        if inputs["e_write"] or found["started"]:
            words.popleft()
        codes += [found["master_fault_code"]] * found["master_fault"]
    assert codes == [ErrorCode.RANGE]
    assert not slave.taken
    assert found["e_idle"]
    assert found["idle"]
