"""SRAM accesses that the plan and the host's commands predict equal those of the simulated RTL."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from frontends.yaml import load_text
from lego.artefact.publish import publish
from lego.compile import compile_workload
from lego.designs import designs_of
from lego.ir.device import Memory, devices_from_json
from sim.counted import WARM_UP_CYCLES, counted
from sim.session import Case, Job, default_stream
from sim.simulate import simulate
from sim.streams import IDLE, READ, WRITE, Stream, places_of
from tests.designs import clipped, moved, random_bounds, verdicts_of, whole, with_style

ROOT = Path(__file__).resolve().parents[2] / "tests" / "workloads"


ROOM = """
name: room_mixed
operations:
  - name: conv
    loops: {ox: 9, kx: 3}
    statement: "Q[ox] += J[ox+kx] * G[kx]"
    formats: {J: int8, G: int8, Q: int32}
    dataflow: {spatial: {ox: 4}, temporal: [ox, kx], control: broadcast}
  - name: mm
    loops: {m: 6, n: 7, k: 5}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {k: 4}, temporal: [m, n, k], control: broadcast}
architecture: {memory_style: wide, room: {counters: 2, trips: 5, reduction: 100}, read_cost: 53}
"""


def text_of(name: str) -> str:
    """A small workload, with macros of several banks wherever there can be some if it is called so."""
    stem, _, style = name.partition(":")
    text = (ROOT / f"{stem}.yaml").read_text()
    return with_style(text, style) if style else text


@pytest.mark.parametrize(
    "name",
    [
        "gemm_ws_sys",
        "conv_oh_ow_bro",
        "conv_oh_ow_bro:wide",
        "fused_mixed:wide",
        "fifo_conv:wide",
        "double_ws:wide",
        "conv_ic_oc_sys",
        "polynomial_chain_small",
        "fused_gemm_sys",
        "fused_mixed",
        "double_ws",
        "double_mixed",
        "parts_small",
        "parts_queued",
        "fifo_conv",
        "fifo_fused",
    ],
)
def test_counts_are_those_of_the_rtl(name: str, tmp_path: Path) -> None:
    counts_are_right(text_of(name), tmp_path)


def test_reuses_of_one_number_on_a_chip_with_room(tmp_path: Path) -> None:
    """Of fixed length under one dataflow, programmable under the other."""
    counts_are_right(ROOM, tmp_path)


def counts_are_right(text: str, tmp_path: Path) -> None:
    files = compile_workload(load_text(text), source=text.encode())
    publish(tmp_path / "out", files)
    simulate(tmp_path / "out", activity=True)
    recorded = json.loads((tmp_path / "out" / "activity.json").read_text())["designs"]
    for device in devices_from_json(files["device.json"]):
        programs = [flow.program for flow in device.dataflows]
        words = Counter({memory.name: 0 for memory in device.memories})
        for program in programs:
            for operand, count in program.accesses.items():
                words[program.layouts[operand].memory] += count
        assert recorded[device.top]["sram_accesses"] == words
        between = len(programs) - 1  # the cycle of each further start is recorded as well
        cycles = sum(p.cycles for p in programs) + between
        assert recorded[device.top]["cycles"] == cycles


def host_accesses(stream: Stream) -> Counter[str]:
    """Words that the host's commands read or write, per memory: a read reads its banks side by side, of those
    in one macro a word."""
    owner: dict[int, Memory] = {}
    lanes: dict[int, set[int]] = {}
    for memory in stream.device.memories:
        for place in places_of(memory, range(memory.halves)):
            owner[place // memory.lanes] = memory
            lanes.setdefault(place // memory.lanes, set()).add(place % memory.lanes)
    found: Counter[str] = Counter()
    for k, command in enumerate(stream.commands):
        head, address, _ = (int(part, 16) for part in command.split())
        if k not in stream.vain and head & 15 in (READ, WRITE) and address in owner:
            memory, mask = owner[address], head >> 4 or 1
            group = (address - memory.base_address) % memory.half_stride // memory.bank_stride
            asked = lanes[address] if head & 15 == READ else {k for k in range(64) if mask >> k & 1}
            found[memory.name] += len({(group * memory.lanes + k) // memory.wide for k in asked})
    return found


def case_of(text: str, seed: int) -> tuple[Case, Counter[str]]:
    """The only design, each of its dataflows at four bounds, and the words that its memories access."""
    workload = load_text(text)
    files = compile_workload(workload, source=text.encode())
    (device,), (fused,) = devices_from_json(files["device.json"]), designs_of(workload)
    rng = np.random.default_rng(seed)
    jobs = []
    for k, (layer, flow) in enumerate(zip(fused.layers, device.dataflows, strict=True)):
        op = workload.operation(layer.adg.op.name)
        chosen = [clipped(bounds, op) for bounds in random_bounds(text, 4, seed)]
        jobs += [Job(op, moved(fused, bounds, rng, k, flow.tail)) for bounds in chosen]
    tensors = {tensor.name: tensor for tensor in workload.network.buffers}
    stream = default_stream(device, jobs, tensors, rng)
    words = host_accesses(stream)
    stream.commands.insert(2, f"{IDLE:x} 0 {WARM_UP_CYCLES:x}")
    macros = [macro.module for macro in device.macros]
    for job in jobs:
        for operand, count in job.program.accesses.items():
            words[job.program.layouts[operand].memory] += count
    return Case(counted(whole(files, device), macros), stream), words


@pytest.mark.parametrize(
    "name",
    [
        "gemm_ws_sys",
        "conv_oh_ow_bro",
        "fused_mixed",
        "fifo_fused",
        "fifo_conv",
        "fifo_conv:wide",
        "conv_oh_ow_bro:wide",
        "double_ws",
        "parts_small",
        "parts_queued",
    ],
)
def test_nothing_else_is_accessed(name: str) -> None:
    """Neither by runs of all sizes, nor while idle, nor by a host that asks a busy design in vain."""
    case, words = case_of(text_of(name), 1)
    (verdict,) = verdicts_of([case])
    assert not verdict.failures
    found: Counter[str] = Counter()
    for path, counts in verdict.accesses.items():
        found[path.split(".")[0].removeprefix("memory_")] += sum(counts)
    assert found == words
