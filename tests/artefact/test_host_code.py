"""C of closed forms: what a host computes with it is what `configure` does."""

from __future__ import annotations

import ctypes
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.artefact.host_code import HEADER, SOURCE, function_names, host_code
from lego.back.backend import lower
from lego.back.pipeline import Options
from lego.back.plan.design import DesignPlan, plan_of
from lego.compile import device_of
from lego.designs import designs_of
from lego.ir.device import Device
from lego.ir.formulas import evaluated
from lego.ir.program import Program
from lego.program import configure
from lego.tools import run
from tests.property.domains import domain_sample, fused_domain_sample
from tests.property.generator import fused_sample, resuming, sample

WORKLOADS = Path(__file__).resolve().parents[1] / "workloads"
SHIPPED = (
    "gemm_os_sys",  # ragged sizes
    "gemm_ws_bro",  # sums in memory
    "conv_oh_ow_bro",  # padding, FIFOs
    "conv2d_stride2_small",
    "conv2d_dilated_small",
    "fifo_conv",
    "fifo_fused",  # three dataflows of two operations
    "fused_mixed",
    "double_mixed",  # two halves
    "parts_queued",  # of results alone
    "queued_mixed",  # gaps between runs
    "causal_small",  # guards
    "band_small",  # guarded commits
    "overlapping_edges_small",  # extents
    "polynomial_small",
    "short_tensor",
)
RANDOM: tuple[tuple[Callable[[int], object], int], ...] = (
    (sample, 3),
    (fused_sample, 1),
    (fused_sample, 5),
    (domain_sample, 0),
    (domain_sample, 7),
    (fused_domain_sample, 2),
    (resuming(fused_sample), 13),  # results that the host preloads
    (resuming(fused_sample), 20),  # an assignment, which never goes on
)
GCC = ["gcc", "-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc isn't installed")


@dataclass(frozen=True, slots=True)
class Host:
    """Designs, and their functions in C."""

    designs: tuple[tuple[DesignPlan, Device], ...]
    library: ctypes.CDLL

    def says(self, device: Device, made: Program) -> tuple[dict[str, int], int, dict[str, int]]:
        """Registers, cycles and accesses at a program's bounds and bases."""
        devices = [each for _, each in self.designs]
        name = function_names(devices)[device.top, made.dataflow]
        bounds = _array(list(made.bounds.values()))
        bases = _array([each.base for each in made.layouts.values()])
        registers = (ctypes.c_uint32 * len(made.registers))()
        more = [ctypes.c_int64(made.half)] if device.double else []
        more += [ctypes.c_int64(made.resume)] if device.resumes else []
        self.library[f"{name}_registers"](bounds, bases, *more, registers)
        cycles = self.library[f"{name}_cycles"]
        cycles.restype = ctypes.c_int64
        accesses = _array([0] * len(made.accesses))
        self.library[f"{name}_accesses"](bounds, accesses)
        return (
            dict(zip(made.registers, registers, strict=True)),
            cycles(bounds),
            dict(zip(made.accesses, accesses, strict=True)),
        )


def _array(values: list[int]) -> ctypes.Array[ctypes.c_int64]:
    return (ctypes.c_int64 * len(values))(*values)


def compiled(texts: list[str], folder: Path) -> Host:
    plans = [plan_of(fused) for text in texts for fused in designs_of(load_text(text))]
    quick = Options(passes=())
    designs = tuple((plan, device_of(plan, lower(plan, quick))) for plan in plans)
    for name, data in host_code([device for _, device in designs]).items():
        (folder / name).write_bytes(data)
    command = [*GCC, "-shared", "-fPIC", "-o", "host.so", SOURCE]
    run(command, cwd=folder, timeout_s=100)
    return Host(designs, ctypes.CDLL(str(folder / "host.so")))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    texts = [(WORKLOADS / f"{name}.yaml").read_text() for name in SHIPPED]
    texts += [make(seed).text for make, seed in RANDOM]
    assert len(texts) == len(SHIPPED) + len(RANDOM) >= 20
    return compiled(texts, tmp_path_factory.mktemp("host"))


def any_program(plan: DesignPlan, device: Device, r: random.Random) -> Program:
    """A program of any dataflow, with short and long loops, and operands first, last or anywhere."""
    k = r.randrange(len(plan.fused.layers))
    adg, tail = plan.adgs[k], device.dataflows[k].tail
    bounds = {
        loop.name: r.choice([1, loop.extent, r.randint(1, loop.extent)]) for loop in adg.op.loops
    }
    layouts = configure(plan, bounds, dataflow=k, tail=tail).layouts
    bases = {}
    for buffer in plan.buffers:
        used = buffer.plans[k]
        if used is not None:
            deep = used.banking.depth(layouts[used.name].shape)
            room = buffer.depth_of(used.banking.n_banks - 1) - deep
            bases[used.name] = r.choice([0, room, r.randint(0, room)])
    half = r.randrange(plan.fused.halves)
    resume = adg.output.resumes and r.random() < 0.5
    return configure(plan, bounds, dataflow=k, bases=bases, half=half, resume=resume, tail=tail)


def compared(host: Host, count: int, seed: int) -> None:
    r = random.Random(seed)
    for plan, device in host.designs:
        for _ in range(count):
            made = any_program(plan, device, r)
            said = host.says(device, made)
            assert said == (made.registers, made.cycles, made.accesses), (device.top, made)


def test_c_computes_what_python_does(host: Host) -> None:
    compared(host, 25, seed=1)


@pytest.mark.slow
def test_c_computes_what_python_does_at_10000_bounds(host: Host) -> None:
    compared(host, 500, seed=2)


def test_the_designs_have_what_is_hard(host: Host) -> None:
    closed = [flow.formulas for _, device in host.designs for flow in device.dataflows]
    texts = [text for each in closed for text in each.registers.values()]
    words = [text for each in closed for text in each.accesses.values()]
    names = [name for each in closed for name in each.registers]
    for part in ("Mod(", "Piecewise(", "_half", "_resume"):
        assert any(part in text for text in texts), part
    assert any("Sum(" in text for text in words)
    for kind in ("guard", "_extent", "_delay", "_row", "dataflow"):
        assert any(kind in name for name in names), kind


FUNCTIONS = """
name: words
operations:
  - name: mine
    loops: {Min: 5, Sum: 6, floor: 4}
    statement: "Y[Min,Sum] += X[Min,floor] * base[floor,Sum]"
    formats: {X: int8, base: int8, Y: int32}
    dataflow: {name: plain, spatial: {Min: 2, Sum: 2}, temporal: [Min, Sum, floor]}
architecture: {array: [2, 2]}
"""


def test_names_of_functions_may_be_names(tmp_path: Path) -> None:
    host = compiled([FUNCTIONS], tmp_path)
    compared(host, 5, seed=3)
    assert "(ceiling(Min/2) - 1)*ceiling(Sum/2)" in host.designs[0][1].dataflows[0].formulas.cycles


TEXTS = (
    "Piecewise((m, (m >= 3) & (n <= 2) | (2*m < 3*n - 1)), (k, Eq(m, 2*n)), (0, _else))",
    "Piecewise((m, floor((m + 1)/2) > n/2 + 1/6), (n, _else))",
    "Mod(2*ceiling((k + 1)/4)*Max(1, Piecewise((2, n >= 3), (n - 1, _else)) + 1), 8)",
    "ceiling((Max(1, Piecewise((2*m - 2, m <= n), (2*n, _else)) + 2) - 1)/6)",
    "floor((m - 5*n)/3)*m**3 - Mod(m - 40, 7)",
    "Mod(-3*k + 3*(k + 1)*(2*k - 1) - 3, 16)",
    "Sum(Max(0, Min(n, ceiling((m - _s0 - _t0)/4))), (_t0, 0, k - 1), (_s0, 0, 2))",
)


def test_any_closed_form_becomes_c(tmp_path: Path) -> None:
    text = (WORKLOADS / "gemm_os_sys.yaml").read_text()
    ((_, device),) = compiled([text], tmp_path).designs
    (flow,) = device.dataflows
    accesses = {f"T{k}": text for k, text in enumerate(TEXTS)}
    flow = replace(flow, formulas=replace(flow.formulas, accesses=accesses))
    (tmp_path / SOURCE).write_bytes(host_code([replace(device, dataflows=(flow,))])[SOURCE])
    run([*GCC, "-shared", "-fPIC", "-o", "any.so", SOURCE], cwd=tmp_path, timeout_s=100)
    function = ctypes.CDLL(str(tmp_path / "any.so")).gemm_os_sys_mm_user_accesses
    for m, n, k in product(range(1, 9), repeat=3):
        out = _array([0] * len(TEXTS))
        function(_array([m, n, k]), out)
        assert list(out) == [evaluated(text, {"m": m, "n": n, "k": k}) for text in TEXTS]


def test_wide_registers_are_words_of_64_bits(host: Host) -> None:
    device = host.designs[0][1]
    wide = replace(device, registers=(replace(device.registers[0], bits=33), *device.registers[1:]))
    files = host_code([wide])
    assert b"const int64_t base[], uint64_t out[]);" in files[HEADER]
    assert b"out[0] = (uint64_t)(" in files[SOURCE]


def test_the_header_names_bounds_operands_and_registers(host: Host) -> None:
    devices = [device for _, device in host.designs]
    files = host_code(devices)
    text = re.sub(r"\s+", " ", files[HEADER].decode())
    said = "mm.user: bounds m, n, k; operands X, W, Y; registers trip0, trip1, "
    assert f"/* gemm_os_sys_mm, dataflow 0, {said}" in text
    assert "int64_t half, uint32_t out[]);" in text
    assert "int64_t resume, uint32_t out[]);" in text
    assert files == host_code(devices)


def test_functions_of_dataflows_with_one_name_are_apart(host: Host) -> None:
    devices = [device for _, device in host.designs]
    names = function_names(devices)
    assert len(set(names.values())) == len(names) == sum(len(each.dataflows) for each in devices)


def test_the_example_of_the_docs_starts_a_run(tmp_path: Path) -> None:
    page = (WORKLOADS.parents[1] / "docs" / "workloads.md").read_text()
    (example,) = re.findall(r"```c\n(.*?)```", page, re.DOTALL)
    (tmp_path / "example.c").write_text(example)
    text = (WORKLOADS.parents[1] / "workloads" / "gemm.yaml").read_text()
    host = compiled([text], tmp_path)
    run(
        [*GCC, "-shared", "-fPIC", "-o", "example.so", "example.c", SOURCE],
        cwd=tmp_path,
        timeout_s=100,
    )
    library = ctypes.CDLL(str(tmp_path / "example.so"))
    library.start.restype = ctypes.c_int64
    ((plan, device),) = host.designs
    made = configure(plan, {"m": 50, "n": 17, "k": 9}, tail=device.dataflows[0].tail)
    written = (ctypes.c_uint32 * len(made.registers))()
    assert library.start(written, *map(ctypes.c_int64, (50, 17, 9))) == made.cycles
    assert list(written) == list(made.registers.values())
    assert example.count(str(len(written))) == 2
