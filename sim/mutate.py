"""Wrong designs on purpose: mutants of generated Verilog, to show that the test bench sees them.

Half come from Yosys's `mutate` (inverted, stuck and coupled bits); half are drawn from whole
cells: an operator swapped, a multiplexer's inputs exchanged, a register of a delay line dropped.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.yosys import run_passes, silence

__all__ = ["Mutant", "mutants", "renamed"]

SWAPS = {
    "$add": "$sub",
    "$sub": "$add",
    "$and": "$or",
    "$or": "$and",
    "$eq": "$ne",
    "$lt": "$le",
    "$logic_and": "$logic_or",
}
_CELL = re.compile(r"^  cell (\$\w+) (\S+)\n(?:    .*\n)*  end\n", re.MULTILINE)
_MODULE = re.compile(r"^module \\(\S+)\n.*?^end$", re.MULTILINE | re.DOTALL)
_DELAY_LINE = re.compile(r"connect \\Q \\\w+_d\d+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A design, what was done to it ("" for the control), and its Verilog."""

    what: str
    verilog: str


def mutants(
    verilog: str, top: str, count: int, seed: int, *, macros: Sequence[str] = ()
) -> list[Mutant]:
    """The unchanged design after the same passes, then `count` mutants; the seed picks them.

    The modules `macros` model SRAMs that are bought, so they stay as they are.
    """
    with tempfile.TemporaryDirectory(prefix="lego-mutate-") as name, silence():
        scratch = Path(name)
        (scratch / "in.v").write_text(verilog)
        bits = count // 2
        _list_changes(scratch, top, macros, f"-list {bits} -seed {seed}")
        base = (scratch / "base.il").read_text()
        made = [Mutant("", _verilog(scratch, base))]
        for command in (scratch / "list").read_text().splitlines()[:bits]:
            change = re.sub(r" -src \S+", "", command)
            made.append(Mutant(change.replace(f"{scratch}/", ""), _verilog(scratch, base, change)))
        for what, text in _cell_mutants(base, macros, count - bits, random.Random(seed)):  # noqa: S311
            made.append(Mutant(what.replace(f"{scratch}/", ""), _verilog(scratch, text)))
        return made


def _list_changes(scratch: Path, top: str, macros: Sequence[str], how: str) -> None:
    """Write the design as base.il, and changes of single bits that Yosys draws as list."""
    run_passes(
        f"read_verilog {scratch}/in.v",
        f"hierarchy -top {top}",
        "proc -noopt",
        "opt_clean",
        f"write_rtlil {scratch}/base.il",
        *(f"blackbox {macro}" for macro in macros),
        f"mutate {how} -o {scratch}/list",
    )


def _verilog(scratch: Path, rtlil: str, *changes: str) -> str:
    (scratch / "m.il").write_text(rtlil)
    run_passes(
        f"read_rtlil {scratch}/m.il", *changes, "opt_clean", f"write_verilog -noattr {scratch}/m.v"
    )
    return (scratch / "m.v").read_text()


def _cell_mutants(
    base: str, macros: Sequence[str], count: int, rng: random.Random
) -> list[tuple[str, str]]:
    """(what, RTLIL) of `count` mutants, the three kinds in turn."""
    cells = [
        cell
        for module in _MODULE.finditer(base)
        if module.group(1) not in macros
        for cell in _CELL.finditer(base, module.start(), module.end())
    ]
    kinds: list[tuple[str, Callable[[str], str], list[re.Match[str]]]] = [
        ("swap operator", _swapped, [c for c in cells if c.group(1) in SWAPS]),
        ("exchange multiplexer inputs", _exchanged, [c for c in cells if c.group(1) == "$mux"]),
        ("drop register", _dropped, [c for c in cells if _is_delay(c)]),
    ]
    pools = [(what, change, rng.sample(pool, len(pool))) for what, change, pool in kinds if pool]
    chosen = []
    for k in range(count):
        what, change, pool = pools[k % len(pools)]
        if pool:
            cell = pool.pop()
            text = base[: cell.start()] + change(cell.group(0)) + base[cell.end() :]
            chosen.append((f"{what} {cell.group(1)} {cell.group(2)}", text))
    return chosen


def _is_delay(cell: re.Match[str]) -> bool:
    return cell.group(1) == "$dff" and _DELAY_LINE.search(cell.group(0)) is not None


def _swapped(cell: str) -> str:
    kind = cell.split()[1]
    return cell.replace(f"cell {kind} ", f"cell {SWAPS[kind]} ", 1)


def _exchanged(cell: str) -> str:
    swapped = cell.replace("connect \\A ", "connect \\? ").replace("connect \\B ", "connect \\A ")
    return swapped.replace("connect \\? ", "connect \\B ")


def _dropped(cell: str) -> str:
    """The flip-flop as a wire: a unary plus of the same width."""
    found = re.search(r"parameter \\WIDTH (\d+)", cell)
    width = found.group(1) if found else "1"
    text = re.sub(r"    (parameter|connect \\CLK) .*\n", "", cell).replace(
        "cell $dff ", "cell $pos "
    )
    parameters = (
        "    parameter \\A_SIGNED 0\n"
        f"    parameter \\A_WIDTH {width}\n"
        f"    parameter \\Y_WIDTH {width}\n"
    )
    head, _, rest = text.partition("\n")
    rest = rest.replace("connect \\D ", "connect \\A ").replace("connect \\Q ", "connect \\Y ")
    return f"{head}\n{parameters}{rest}"


def renamed(verilog: str, top: str, new_top: str) -> str:
    """The design with all its modules renamed: their names begin with the top's."""
    return re.sub(rf"\b{re.escape(top)}(?=\b|_)", new_top, verilog)
