"""The Verilog of an engine of sixteen lanes, in Verilator, against the model."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from lego.back.rtl.verilog import to_verilog
from lego.back.system.vector.engine import build_vector
from lego.ir.checks.check import check
from lego.ir.dag import Dag
from lego.ir.vector.plan import OWN_MEMORY
from lego.runtime.vector import VectorModel
from lego.tools import run
from sim.objects import verilator_home
from tests.back.system.vector.bench import Word, words_of
from tests.back.system.vector.runs import load_runs, random_registers, rich_plan

BENCH = Path(__file__).with_name("vector_bench.sv")
LANES, WORDS, RESULTS, RUNS = 16, 64, 64, 60


def commands(runs: Sequence[Mapping[str, int]], numbers: Mapping[str, int]) -> list[str]:
    """A word per write and start: start, register, value."""
    found, held = [], dict[str, int]()
    for registers in runs:
        for name, value in registers.items():
            if held.get(name) != value:
                found.append(f"{numbers[name] << 32 | value:011x}")
        held |= registers
        found.append(f"{1 << 40:011x}")
    return found


def lines(words: np.ndarray, bits: int) -> list[str]:
    """A word of memory per line, lane 0 lowest."""
    return [
        "".join(f"{int(v) & (1 << bits) - 1:0{bits // 4}x}" for v in row[::-1]) for row in words
    ]


def written(text: str) -> list[Word]:
    """What the bench has printed."""
    found = []
    for line in text.splitlines():
        if line.startswith("W "):
            memory, address, data, mask = (int(part, 16) for part in line.split()[1:])
            found.append((memory, address, data, mask))
    return found


@pytest.mark.slow
def test_runs_in_verilator_write_what_the_model_does(tmp_path: Path) -> None:
    plan, r, rng = rich_plan(LANES, WORDS), random.Random(1), np.random.default_rng(1)
    runs = load_runs(plan, 1)
    for k in range(RUNS):
        registers = random_registers(plan, r)
        if (
            registers["memory"] == OWN_MEMORY
        ):  # who reads it next would have to wait for a semaphore
            registers["memory"] = k % OWN_MEMORY
        runs += [registers, *(load_runs(plan, k)[:1] if k % 4 == 0 else [])]
    results = rng.integers(-(1 << 31), 1 << 31, (RESULTS, LANES))
    image = rng.integers(0, 256, (WORDS, LANES)).astype(np.uint8)
    model, wanted, held = VectorModel(plan), list[Word](), dict[str, int]()
    model.operands[:] = image
    for registers in runs:
        held |= registers
        wanted += words_of(model.run(held, results))
    dag = Dag(build_vector("vec", plan))
    check(dag)
    (tmp_path / "vec.v").write_text(to_verilog(dag))
    (tmp_path / "results.hex").write_text("\n".join(lines(results, 32)))
    (tmp_path / "image.hex").write_text("\n".join(lines(image, 8)))
    words = commands(runs, plan.register_numbers)
    (tmp_path / "commands.hex").write_text("\n".join(words))
    home = verilator_home()
    sizes = {"LANES": LANES, "RESULTS": RESULTS, "COMMANDS": len(words), "IMAGE": WORDS}
    build = [
        *(str(home / "bin" / "verilator_bin"), "--binary", "--assert", "-Wno-fatal"),
        *("--x-initial", "unique", "-CFLAGS", "-std=gnu++20", "--top-module", "tb"),
        *(f"-G{name}={value}" for name, value in sizes.items()),
        *(str(BENCH), "vec.v"),
    ]
    run(build, cwd=tmp_path, timeout_s=600, env={"VERILATOR_ROOT": str(home)})
    done = run([str(tmp_path / "obj_dir" / "Vtb")], cwd=tmp_path, timeout_s=120)
    assert written(done.stdout) == wanted
    assert done.stdout.splitlines().count("D") == len(runs)
