"""Programs that wait for each other's runs, through sequencer, gates and semaphores."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import pytest

from lego.back.rtl.verilog import to_verilog
from lego.back.system.control.unit import build_control
from lego.ir.checks.check import check
from lego.ir.commands import (
    Command,
    Engine,
    ErrorCode,
    Mode,
    When,
    barrier,
    following,
    loop,
    start,
    write,
)
from lego.ir.dag import Dag, Module, Op
from lego.runtime.sequencer import streams
from sim.device.build import build_bench, run_bench
from tests.back.flat import flat
from tests.back.quick import Quick
from tests.back.system.control.bench import CHIP, REGISTERS, expected
from tests.back.system.control.programs import encoded

MODULES = build_control("dev", chip=CHIP, registers=REGISTERS, depth=4, runs=2)
ARRAY, VECTOR, LOAD, STORE = Engine
LOADED, READ, SUMMED, DRAINED, KEPT, SENT = range(6)
Item = tuple[bool, int, int]


class Engines:
    """Four engines with runs of random length, two of which may be under way; tokens are counted."""

    def __init__(self, seed: int, longest: int) -> None:
        self.r, self.longest = random.Random(seed), longest
        self.under_way: list[deque[tuple[int, int]]] = [deque() for _ in Engine]
        self.tokens = [0] * 16
        self.got: dict[Engine, list[Item]] = {engine: [] for engine in Engine}
        self.order: list[tuple[str, Engine]] = []

    def inputs(self, time: int) -> dict[str, int]:
        given = {}
        for e in Engine:
            runs = self.under_way[e]
            given[f"e{e}_done"] = int(bool(runs) and runs[0][0] <= time)
            given[f"e{e}_idle"] = int(not runs)
            given[f"e{e}_ready"] = int(len(runs) < 2 and self.r.random() < 0.9)
        return given

    def take(self, time: int, given: dict[str, int], said: dict[str, int]) -> None:
        """What the gates say; a start takes tokens, an end gives some back."""
        assert [said["semaphores"] >> 4 * k & 15 for k in range(16)] == self.tokens
        before = list(self.tokens)
        for e in Engine:
            value = said[f"e{e}_value"]
            if said[f"e{e}_write"]:
                self.got[e].append((False, said[f"e{e}_register"], value))
            if said[f"e{e}_start"]:
                assert given[f"e{e}_ready"]
                self._start(e, value, before, time)
            if given[f"e{e}_done"]:
                _, masks = self.under_way[e].popleft()
                self.order.append(("done", e))
                for k in range(16):
                    self.tokens[k] += masks >> 16 + k & 1

    def _start(self, e: Engine, masks: int, before: Sequence[int], time: int) -> None:
        self.got[e].append((True, 0, masks))
        self.order.append(("start", e))
        for k in range(16):
            if masks >> k & 1:
                assert before[k] > 0
                self.tokens[k] -= 1
        last = self.under_way[e][-1][0] if self.under_way[e] else time
        self.under_way[e].append((max(last, time) + self.r.randint(1, self.longest), masks))


def play(words: Sequence[int], engines: Engines, most: int = 20_000) -> list[dict[str, int]]:
    """What the unit is given and says in every cycle of a program, 'in' and 'out' told by their names."""
    machine, trace = Quick(flat(MODULES[-1], MODULES[:-1])), []
    beats: deque[tuple[int, int]] = deque()
    quiet = {n.name: 0 for n in MODULES[-1].nodes if n.op is Op.INPUT}
    for time in range(most):
        there = bool(beats) and beats[0][0] <= time
        beat = beats.popleft()[1] if there else 0
        pair = [words[k] if k < len(words) else 0 for k in (2 * beat, 2 * beat + 1)]
        given = quiet | engines.inputs(time) | {"go": int(time == 0), "c_ready": time % 3 // 2}
        given |= {"r_valid": int(there), "r_data": pair[0] | pair[1] << 64}
        given["bus_idle"] = int(not beats)
        said = machine.cycle(given)
        if said["c_valid"] and given["c_ready"]:
            first = said["c_offset"] // 16
            beats.extend((time + 9 + k, first + k) for k in range(said["c_beats"]))
        engines.take(time, given, said)
        trace.append(given | said)
        if said["finished"] or said["failed"]:
            return trace
    raise AssertionError("the program never ends")


def tiles(trips: int) -> list[int]:
    """Load, array, vector and store in a row, each two tiles ahead of who reads it at most."""
    body: list[Command] = [write(LOAD, 3, 64, Mode.ADD), write(ARRAY, 1, 1, Mode.XOR)]
    for engine, takes, gives, room in (
        (LOAD, None, LOADED, READ),
        (ARRAY, LOADED, SUMMED, DRAINED),
        (VECTOR, SUMMED, KEPT, SENT),
        (STORE, KEPT, None, None),
    ):
        waits = [] if takes is None else [takes]
        free = {LOAD: None, ARRAY: READ, VECTOR: DRAINED, STORE: SENT}[engine]
        signals = [each for each in (gives, free) if each is not None]
        body.append(start(engine, wait=waits, signal=signals, when=When.FIRST))
        again = waits if room is None else [*waits, room]
        body.append(start(engine, wait=again, signal=signals, when=When.NOT_FIRST))
    sets = [write(LOAD, 3, 0), write(ARRAY, 1, 0)]
    return encoded(*sets, loop(trips), *body, following(), barrier())


@pytest.mark.parametrize("longest", [1, 8, 60])
def test_runs_wait_for_each_other(longest: int) -> None:
    trips, words = 40, tiles(40)
    engines = Engines(longest, longest)
    trace = play(words, engines)
    assert trace[-1]["finished"]
    assert engines.got == streams(expected(words)[0])
    for before, after in ((LOAD, ARRAY), (ARRAY, VECTOR), (VECTOR, STORE)):
        at = {
            what: [k for k, each in enumerate(engines.order) if each == what]
            for what in (("done", before), ("start", after), ("start", before), ("done", after))
        }
        assert len(at["start", after]) == trips
        assert all(d < s for d, s in zip(at["done", before], at["start", after], strict=True))
        late = zip(at["done", after], at["start", before][1:], strict=False)
        assert all(d < s for d, s in late)
    assert [trace[-1][f"engine_index{e}"] for e in Engine] == [len(engines.got[e]) for e in Engine]
    assert sum(each["stall_semaphore"] for each in trace) > 0


def test_a_wait_without_a_signal_is_seen_by_the_watchdog() -> None:
    words = encoded(start(ARRAY, signal=[1]), start(VECTOR, wait=[2]), start(LOAD))
    engines = Engines(1, 5)
    with pytest.raises(AssertionError, match="never ends"):
        play(words, engines, 2000)
    assert engines.tokens[1] == 1
    assert [what for what in engines.order if what[0] == "start"] == [
        ("start", ARRAY),
        ("start", LOAD),
    ]


def test_an_error_lets_runs_end_and_drops_what_waits() -> None:
    words = encoded(start(LOAD, signal=[1]), *[start(ARRAY, wait=[1])] * 3, start(STORE))
    words[8] ^= 1 << 60
    engines = Engines(3, 80)
    trace = play(words, engines)
    assert trace[-1]["failed"]
    assert (trace[-1]["error_code"], trace[-1]["error_index"]) == (ErrorCode.CHECK, 8)
    assert ("start", STORE) not in engines.order
    assert engines.order.count(("done", LOAD)) == 1
    assert trace[-1]["clear"]


def vectors(module: Module, trace: Sequence[dict[str, int]]) -> tuple[int, int, list[str]]:
    """Bits in and out, and lines of what is given, what is said, and which bits of it count."""
    ins = [(n.name, n.bits) for n in module.nodes if n.op is Op.INPUT]
    outs = [(name, module.nodes[i].bits) for name, i in module.outputs]
    lines = []
    for each in trace:
        given, said, counts, at = 0, 0, 0, 0
        for name, bits in reversed(ins):
            given = given << bits | each[name]
        for name, bits in outs:
            unit = name.split("_")[0]
            if name in ("c_offset", "c_beats"):
                known = each["c_valid"]
            elif name.endswith(("_register", "_value")):
                known = each[f"{unit}_write"] or each[f"{unit}_start"]
            else:
                known = 1
            said |= each[name] << at
            counts |= ((1 << bits) - 1) * known << at
            at += bits
        lines.append(f"{given:x}\n{said:x}\n{counts:x}")
    return sum(bits for _, bits in ins), sum(bits for _, bits in outs), lines


def bench_text(module: Module, cycles: int, widths: tuple[int, int]) -> str:
    """A bench that gives what is in a file and compares what is said."""
    ins = [n.name for n in module.nodes if n.op is Op.INPUT]
    outs = [name for name, _ in module.outputs]
    sizes = {n.name: n.bits for n in module.nodes if n.op is Op.INPUT}
    sizes |= {name: module.nodes[i].bits for name, i in module.outputs}
    wires = "\n".join(f"  wire [{sizes[name] - 1}:0] {name};" for name in (*ins, *outs))
    pins = ", ".join(f".{name}({name})" for name in (*ins, *outs))
    most = max(widths)
    return f"""module tb;
  reg clk = 0, rst = 1;
  reg [{most - 1}:0] all [0:{3 * cycles - 1}];
  reg [{widths[0] - 1}:0] given = 0;
  wire [{widths[1] - 1}:0] said;
{wires}
  assign {{{", ".join(reversed(ins))}}} = given;
  assign said = {{{", ".join(reversed(outs))}}};
  {module.name} dut(.clk(clk), .rst(rst), {pins});
  integer k;
  initial begin
    $readmemh("vectors.hex", all);
    repeat (2) begin #5 clk = 1; #5 clk = 0; end
    rst = 0;
    for (k = 0; k < {cycles}; k = k + 1) begin
      given = all[3 * k][{widths[0] - 1}:0];
      #5 if ((said ^ all[3 * k + 1][{widths[1] - 1}:0]) & all[3 * k + 2][{widths[1] - 1}:0]) begin
        $display("differs in cycle %0d: %h", k, said ^ all[3 * k + 1][{widths[1] - 1}:0]);
      end
      clk = 1; #5 clk = 0;
    end
    $display("compared");
    $finish;
  end
endmodule
"""


@pytest.mark.slow
def test_the_verilog_says_the_same(tmp_path: Path) -> None:
    """Cycle by cycle, whatever registers and memories hold at first; a spoiled trace is noticed."""
    check(Dag(MODULES))
    unit = MODULES[-1]
    traces = [play(tiles(30), Engines(1, 9)), play(unmasked(8), Engines(2, 30))]
    traces.append(play(unmasked(9, spoil=70), Engines(3, 30)))
    for number, trace in enumerate(traces):
        for wrong in (False, True):
            bits_in, bits_out, lines = vectors(unit, trace)
            if wrong:
                given, said, counts = lines[-20].split("\n")
                lines[-20] = f"{given}\n{int(said, 16) ^ 1:x}\n{counts}"
            text = bench_text(unit, len(trace), (bits_in, bits_out))
            program = build_bench({"dev.v": to_verilog(Dag(MODULES)), "tb.sv": text})
            (tmp_path / "vectors.hex").write_text("\n".join(lines))
            done = run_bench(program, tmp_path, [], seed=number)
            assert "compared" in done.stdout
            assert ("differs" in done.stdout) == wrong, done.stdout


def unmasked(seed: int, spoil: int | None = None) -> list[int]:
    """A random program whose starts wait for nothing."""
    r = random.Random(seed)
    body = [write(e, k, r.getrandbits(32)) for e in Engine for k in range(3)]
    for _ in range(60):
        e = r.choice(list(Engine))
        body += [write(e, r.randrange(3), r.getrandbits(32), r.choice(list(Mode)))]
        body += [start(e, when=r.choice(list(When)))] if r.random() < 0.3 else []
    words = encoded(loop(2), *body, barrier([LOAD]), following())
    return [word ^ (1 << 17) * (k == spoil) for k, word in enumerate(words)]
