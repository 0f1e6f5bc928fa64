"""Reductions over several runs: each goes on from what the one before left in memory.

What memory holds in the end is compared with NumPy of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from frontends.yaml import load_text
from lego.back.pipeline import DEFAULT, Options
from lego.compile import compile_workload
from lego.designs import designs_of
from lego.diag import LegoError
from lego.ir.device import devices_from_json
from lego.program import configure
from sim.session import Case, Job, default_stream
from tests.designs import verdicts_of, whole

Array = NDArray[np.int64]
Part = tuple[int, Mapping[str, int], Mapping[str, Array]]
"""The dataflow of a run, its bounds and its operands."""

GEMM = """name: tiled
operations:
  - name: mm
    loops: {m: 7, n: 5, k: 6}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: FORMAT}
    dataflows:
      - {name: os, spatial: {m: 3, n: 2}, temporal: [m, n, k], control: systolic}
      - {name: ws, spatial: {k: 3, n: 2}, temporal: [n, k, m], control: [1, 0]}
      - {name: is, spatial: {m: 3, k: 2}, temporal: [m, k, n], control: broadcast}
architecture: {resume: yes}
"""
EXTREMES = """name: extremes
operations:
  - name: far
    loops: {c: 3, x: 5, w: 4}
    statement: "Y[c,x] OP X[c,x+w] - V[w]"
    formats: {X: int8, V: int8, Y: int16}
    dataflow: {spatial: {c: 2, x: 2}, temporal: [x, w]}
architecture: {resume: yes}
"""
CONV = """name: conv
operations:
  - name: conv
    loops: {oc: 4, oh: 5, ow: 4, ic: 3, kh: 3, kw: 3}
    statement: "Y[oc,oh,ow] += X[ic,oh+kh-1,ow+kw-1] * W[oc,ic,kh,kw]"
    formats: {X: int8, W: int8, Y: int32}
    pad: {X: 0}
    shapes: {X: [3, 5, 4]}
    dataflow: {spatial: {ic: 2, oc: 3}, temporal: [oh, ow, kh, kw], control: systolic}
architecture: {resume: yes}
"""


def case_of(
    text: str, chains: Sequence[Sequence[Part]], options: Options = DEFAULT
) -> tuple[Case, list[Array]]:
    """The only design, running these chains: each run but a chain's first continues the one before. With two
    halves of memory there are two chains of one length, by turns. Returns what must be left of each chain.
    """
    workload = load_text(text)
    files = compile_workload(workload, source=text.encode(), options=options)
    (device,), (fused,) = devices_from_json(files["device.json"]), designs_of(workload)
    tensors = {tensor.name: tensor for tensor in workload.network.buffers}
    jobs: list[Job] = []
    turns = (
        [(chain[k], k) for k in range(len(chains[0])) for chain in chains]
        if device.double
        else [(part, k) for chain in chains for k, part in enumerate(chain)]
    )
    for (flow, bounds, operands), k in turns:
        op = workload.operation(fused.layers[flow].adg.op.name)
        tail = device.dataflows[flow].tail
        made = configure(fused, bounds, dataflow=flow, resume=k > 0, tail=tail)
        jobs.append(Job(op, made, continues=k > 0, operands=operands))
    left: list[Array] = []
    rng = np.random.default_rng(len(jobs))
    for k in range(
        len(jobs)
    ):  # what a stream of the first jobs leaves is what the last of them does
        given: dict[str, Array] = {}
        stream = default_stream(device, jobs[: k + 1], tensors, rng, given=given)
        left.append(given["Y"])
    ends = range(len(jobs) - 2, len(jobs)) if device.double else _ends(chains)
    return Case(whole(files, device), stream), [left[k] for k in ends]


def _ends(chains: Sequence[Sequence[Part]]) -> list[int]:
    return [int(end) - 1 for end in np.cumsum([len(chain) for chain in chains])]


def ints(rng: np.random.Generator, *shape: int, bits: int = 8) -> Array:
    return rng.integers(-(1 << bits - 1), 1 << bits - 1, shape)


def wrapped(values: Array, fmt: str) -> Array:
    return values.astype(np.dtype(fmt)).astype(np.int64)


def matrices(rng: np.random.Generator, flows: Sequence[int]) -> tuple[list[Part], Array]:
    """A product of 7x5 whose 14 terms are 6, 5 and 3 per run, and what it is: far more than one run makes,
    if the first is weight-stationary."""
    x, w = ints(rng, 7, 14), ints(rng, 14, 5)
    if flows[0] == 1:
        x, w = np.full_like(x, -128), np.full_like(w, -128)
    parts: list[Part] = [
        (flow, {"k": end - start}, {"X": x[:, start:end], "W": w[start:end]})
        for flow, start, end in zip(flows, (0, 6, 11), (6, 11, 14), strict=True)
    ]
    return parts, x @ w


@pytest.mark.parametrize("fmt", ["int32", "int16"])
@pytest.mark.parametrize("more", ["", ", double_buffer: yes", ", dma_bits: 64"])
def test_a_product_longer_than_the_memories(fmt: str, more: str) -> None:
    """Under each dataflow, and from one to the other; int16 wraps."""
    rng = np.random.default_rng(3)
    found = [matrices(rng, flows) for flows in ((0, 0, 0), (1, 1, 1), (2, 2, 2), (2, 0, 1))]
    text = GEMM.replace("FORMAT", fmt).replace("yes}", f"yes{more}}}")
    pairs = [found[:2], found[2:]] if "double" in more else [found]
    cases = []
    for k, each in enumerate(pairs):
        case, left = case_of(text.replace("tiled", f"tiled{k}"), [parts for parts, _ in each])
        for got, (_, wanted) in zip(left, each, strict=True):
            assert (got == wrapped(wanted, fmt)).all()
        cases.append(case)
    for verdict in verdicts_of(cases):
        assert not verdict.failures, verdict.failures


@pytest.mark.parametrize("options", [DEFAULT, Options(level=0), Options(clock_ps=10)])
@pytest.mark.parametrize("fmt", ["int32", "int16"])
def test_a_product_under_other_options(fmt: str, options: Options) -> None:
    rng = np.random.default_rng(4)
    found = [matrices(rng, flows) for flows in ((0, 0, 0), (1, 1, 1), (0, 2, 1))]
    case, left = case_of(GEMM.replace("FORMAT", fmt), [parts for parts, _ in found], options)
    for got, (_, wanted) in zip(left, found, strict=True):
        assert (got == wrapped(wanted, fmt)).all()
    (verdict,) = verdicts_of([case])
    assert not verdict.failures, verdict.failures


@pytest.mark.parametrize("op", ["max=", "min="])
def test_extreme_values_over_three_runs(op: str) -> None:
    """What later runs don't reach with smaller bounds stays."""
    rng = np.random.default_rng(5)
    tiles = [{"c": 3, "x": 5, "w": 4}, {"c": 3, "x": 5, "w": 3}, {"c": 3, "x": 5, "w": 1}]
    best = np.max if op == "max=" else np.min
    parts: list[Part] = []
    every = []
    for tile in tiles:
        x, v = ints(rng, 3, 4 + tile["w"]), ints(rng, tile["w"])
        parts.append((0, tile, {"X": x, "V": v}))
        windows = np.lib.stride_tricks.sliding_window_view(x, tile["w"], axis=1)
        every.append(windows - v)
    case, (left,) = case_of(EXTREMES.replace("OP", op), [parts])
    assert (left == best(np.concatenate(every, axis=2), axis=2)).all()
    (verdict,) = verdicts_of([case])
    assert not verdict.failures, verdict.failures


def test_a_convolution_by_input_channels() -> None:
    rng = np.random.default_rng(6)
    x, w = ints(rng, 7, 5, 4), ints(rng, 4, 7, 3, 3)
    cuts = ((0, 3), (3, 5), (5, 7))
    parts: list[Part] = [(0, {"ic": b - a}, {"X": x[a:b], "W": w[:, a:b]}) for a, b in cuts]
    case, (left,) = case_of(CONV, [parts])
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    assert (left == np.einsum("chwij,ocij->ohw", windows, w)).all()
    (verdict,) = verdicts_of([case])
    assert not verdict.failures, verdict.failures


def test_what_can_not_go_on_is_refused() -> None:
    """Without the register, and an assignment with it."""
    (plain,) = designs_of(load_text(CONV.replace(", resume: yes", "").replace("resume: yes", "")))
    copied = CONV.replace("Y[oc,oh,ow] +=", "Y[oc,oh,ow,ic,kh,kw] =")
    (assignment,) = designs_of(load_text(copied))
    for fused in (plain, assignment):
        with pytest.raises(LegoError, match="can't go on from results") as caught:
            configure(fused, resume=True)
        assert caught.value.code == "E204"


def test_only_a_run_that_resumes_continues_another() -> None:
    workload = load_text(CONV)
    (fused,) = designs_of(workload)
    (op,) = workload.operations
    with pytest.raises(ValueError, match="continues another"):
        Job(op, configure(fused), continues=True)
    with pytest.raises(ValueError, match="continues another"):
        Job(op, configure(fused, resume=True), continues=True, stray_reset=True)


def test_the_run_before_left_its_result_where_the_next_goes_on() -> None:
    smaller: Part = (0, {"oc": 2}, {})
    with pytest.raises(ValueError, match="Y lies elsewhere"):
        case_of(CONV, [[smaller, (0, {}, {})]])


def test_assignments_have_the_same_verilog() -> None:
    """The register and all that it takes is there only where some reduction can go on."""
    text = CONV.replace("Y[oc,oh,ow] +=", "Y[oc,oh,ow,ic,kh,kw] =")
    without = text.replace("resume: yes", "")
    made = [compile_workload(load_text(each), source=b"") for each in (text, without)]
    assert made[0]["conv_conv.v"] == made[1]["conv_conv.v"]
    assert b"resume" not in made[0]["conv_conv.v"]
