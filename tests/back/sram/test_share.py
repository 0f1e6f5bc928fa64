"""Memories and designs of one shape hold one module, which is in a file of its own."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from frontends.yaml import load_text
from lego.compile import compile_workload
from lego.ir.device import devices_from_json
from lego.ir.sram import SRAM_FILE, sram_name
from tests.designs import cases_of, verdicts_of

SQUARE = """\
name: square
operations:
  - name: one
    loops: {m: 4, n: 4, k: 4}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {m: 2, n: 2}, temporal: [m, n, k], control: systolic}
  - name: two
    loops: {m: 4, n: 4, k: 4}
    statement: "Z[m,n] += X[m,k] * V[k,n]"
    formats: {X: int8, V: int8, Z: int32}
    dataflow: {spatial: {m: 2, n: 2}, temporal: [n, m, k], control: broadcast}
architecture: {array: [2, 2], fused: no}
"""

MODULE = re.compile(r"^module (\w+)\(", re.MULTILINE)


def test_a_shape_is_one_module_for_all_memories_and_designs() -> None:
    files = compile_workload(load_text(SQUARE), source=SQUARE.encode())
    srams = MODULE.findall(files[SRAM_FILE].decode())
    devices = devices_from_json(files["device.json"])
    assert len(devices) == 2
    assert len(set(srams)) == len(srams)
    held: Counter[str] = Counter()
    for device in devices:
        text = files[device.verilog].decode()
        assert not set(MODULE.findall(text)) & set(srams)
        for macro in device.macros:
            assert macro.module == sram_name(macro.depth, macro.bits, macro.lanes)
            held[macro.module] += 1
        for name in srams:
            made = len(re.findall(rf"^  {name} \w+ \($", text, re.MULTILINE))
            assert bool(made) == any(macro.module == name for macro in device.macros)
    assert sorted(held) == sorted(srams)
    assert max(held.values()) > 1  # of both designs


def test_designs_that_share_srams_run_in_one_model() -> None:
    for verdict in verdicts_of(cases_of(SQUARE)):
        assert verdict.compared
        assert not verdict.failures


def test_the_file_is_the_same_whatever_the_names(tmp_path: Path) -> None:
    other = SQUARE.replace("name: square", "name: other").replace("Z[", "A[").replace("Z:", "A:")
    files, others = (
        compile_workload(load_text(text), source=text.encode())[SRAM_FILE]
        for text in (SQUARE, other)
    )
    assert files == others
