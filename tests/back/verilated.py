"""Verilog of modules in Verilator, cycle by cycle: what `Machine` is for primitives."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lego.back.rtl.verilog import to_verilog
from lego.ir.dag import Dag, Module, Op
from lego.tools import run
from sim.objects import verilator_home

__all__ = ["Verilated"]

WORD = 64
LIMIT_S = 300


class Verilated:
    """The last of some modules, which may hold the others; it begins after a reset.

    Inputs that are missing keep their values. The reset is called as the module calls it.
    """

    def __init__(self, modules: Sequence[Module], folder: Path) -> None:
        top = modules[-1]
        self.pins = top.pins
        self.inputs = {n.name: n.bits for n in top.nodes if n.op is Op.INPUT}
        self.inputs[top.pins.reset] = 1
        self.outputs = {name: top.nodes[node].bits for name, node in top.outputs}
        (folder / "dut.v").write_text(to_verilog(Dag(tuple(modules))))
        _verilate(folder, top.name)
        text = _wrapper(folder / "cpp" / "Vdut.h", self.inputs, self.outputs, top.pins.clock)
        (folder / "wrapper.cpp").write_text(text)
        self._library = ctypes.CDLL(str(_library(folder)))
        self._library.make.restype = ctypes.c_void_p
        self._model = ctypes.c_void_p(self._library.make())
        self._given = dict.fromkeys(self.inputs, 0)
        self._in = (ctypes.c_uint64 * sum(map(_words, self.inputs.values())))()
        self._out = (ctypes.c_uint64 * sum(map(_words, self.outputs.values())))()
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        for _ in range(2):
            self.cycle({self.pins.reset: int(not self.pins.low)})
        self._given[self.pins.reset] = int(self.pins.low)

    def cycle(self, inputs: Mapping[str, int]) -> dict[str, int]:
        """The outputs in one cycle; then registers take their next values."""
        self._given |= inputs
        at = 0
        for name, bits in self.inputs.items():
            for k in range(_words(bits)):
                self._in[at] = self._given[name] >> WORD * k & (1 << WORD) - 1
                at += 1
        self._library.cycle(self._model, self._in, self._out)
        found, at = {}, 0
        for name, bits in self.outputs.items():
            words = range(_words(bits))
            value = sum(self._out[at + k] << WORD * k for k in words)
            found[name], at = value & (1 << bits) - 1, at + len(words)
        return found


def _words(bits: int) -> int:
    return -(-bits // WORD)


def _verilate(folder: Path, top: str) -> None:
    home = verilator_home()
    command = [str(home / "bin" / "verilator_bin"), "--cc", "--assert", "-O3", "-Wno-fatal"]
    command += ["-Wno-lint", "-Wno-style", "--x-initial", "unique", "--prefix", "Vdut"]
    command += ["--top-module", top, "-Mdir", "cpp", "dut.v"]
    run(command, cwd=folder, timeout_s=LIMIT_S, env={"VERILATOR_ROOT": str(home)})


def _library(folder: Path) -> Path:
    """The model with the part of Verilator's run time that it needs, compiled."""
    include = verilator_home() / "include"
    options = ["-std=gnu++20", "-w", "-O1", "-fPIC", "-shared", f"-I{include}"]
    options += [f"-I{include / 'vltstd'}", "-Icpp", "-pthread"]
    options += [f"-DVM_{name}=0" for name in ("COVERAGE", "SC", "TIMING", "TRACE")]
    sources = sorted(str(path) for path in (folder / "cpp").glob("*.cpp"))
    sources += [
        str(include / f"{name}.cpp")
        for name in ("verilated", "verilated_random", "verilated_threads")
    ]
    library = folder / "dut.so"
    run(
        ["g++", *options, "-o", library.name, "wrapper.cpp", *sources],
        cwd=folder,
        timeout_s=LIMIT_S,
    )
    return library


MOVES = """\
#include "Vdut.h"
template <class T> void put(T &port, const uint64_t *&in) { port = *in++; }
template <class T> void get(const T &port, uint64_t *&out) { *out++ = port; }
template <size_t N> void put(VlWide<N> &port, const uint64_t *&in) {
    for (size_t k = 0; k < N; k++) port[k] = in[k / 2] >> 32 * (k % 2);
    in += (N + 1) / 2;
}
template <size_t N> void get(const VlWide<N> &port, uint64_t *&out) {
    for (size_t k = 0; k < N; k += 2)
        *out++ = port[k] | (k + 1 < N ? (uint64_t)port[k + 1] << 32 : 0);
}
extern "C" void *make() { return new Vdut; }
extern "C" void cycle(void *model, const uint64_t *in, uint64_t *out) {
    Vdut &dut = *static_cast<Vdut *>(model);
"""
"""Values of ports go as words of 64 bits."""


def _wrapper(header: Path, inputs: Iterable[str], outputs: Iterable[str], clock: str) -> str:
    """C++ that gives all inputs, looks at all outputs, and clocks."""
    known = set(re.findall(r"VL_\w+\(&(\w+),", header.read_text()))
    name = {port: port if port in known else f"__SYM__{port}" for port in (*inputs, *outputs)}
    lines = [f"put(dut.{name[port]}, in);" for port in inputs]
    lines += [f"dut.{clock} = 0; dut.eval();"]
    lines += [f"get(dut.{name[port]}, out);" for port in outputs]
    return "\n    ".join([MOVES + "   ", *lines, f"dut.{clock} = 1; dut.eval();\n}}\n"])
