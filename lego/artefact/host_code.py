"""What a host in C calls: registers, cycles and accesses of every dataflow from loop bounds, as C99.

The functions are the closed forms of device.json, written by sympy's C printer. They use 64-bit integers and
no library.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from sympy import Expr, Sum
from sympy.printing.c import C99CodePrinter

from lego.diag import InternalError
from lego.ir.closed import symbol
from lego.ir.device import Device, DeviceDataflow
from lego.ir.formulas import HALF, RESUME, base_of, expression
from lego.ir.simple import quotient

__all__ = ["HEADER", "SOURCE", "function_names", "host_code"]

SOURCE, HEADER = "registers.c", "registers.h"

_HELPERS = """\
static inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static inline int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b > 0); }
static inline int64_t modulo(int64_t a, int64_t b) { return a - b * floor_div(a, b); }
static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
"""

_ABOUT = """\
/* What a host writes and expects at run-time loop bounds; made by LEGO.

   Bounds are those of the loops, from 1 to their maxima, in the order given; base[] holds the first words of
   the operands in their banks, usually 0. out[] gets registers in the order of their addresses, or the words
   that each operand's memory reads and writes. */
"""


def host_code(devices: Sequence[Device]) -> dict[str, bytes]:
    """A source file and its header, by name."""
    names = function_names(devices)
    body: list[str] = []
    head = [_ABOUT, "#ifndef LEGO_REGISTERS_H", "#define LEGO_REGISTERS_H", ""]
    head += ["#include <stdint.h>", "", "#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
    for device in devices:
        for flow in device.dataflows:
            name = names[device.top, flow.id]
            head += [*_comment(device, flow), *(f"{line};" for line in _heads(name, device)), ""]
            body += _functions(name, device, flow)
    head += ["#ifdef __cplusplus", "}", "#endif", "", "#endif", ""]
    source = [f'#include "{HEADER}"', "", _HELPERS, *body]
    return {SOURCE: "\n".join(source).encode(), HEADER: "\n".join(head).encode()}


def function_names(devices: Sequence[Device]) -> dict[tuple[str, int], str]:
    """What each dataflow's functions begin with, by device and id: the device and the dataflow, with the
    operation where that isn't one alone, or the id."""
    flows = [(device, flow) for device in devices for flow in device.dataflows]
    short = [f"{device.top}_{flow.name}" for device, flow in flows]
    full = [f"{device.top}_{flow.operation}_{flow.name}" for device, flow in flows]
    counts = Counter((*short, *full))
    found: dict[tuple[str, int], str] = {}
    for (device, flow), *names in zip(flows, short, full, strict=True):
        alone = [name for name in names if counts[name] == 1]
        name = alone[0] if alone else f"{device.top}_{flow.id}_{flow.name}"
        while name in found.values() or (not alone and name in counts):
            name += "_"
        found[device.top, flow.id] = name
    return found


def _comment(device: Device, flow: DeviceDataflow) -> Iterator[str]:
    lists: dict[str, Mapping[str, object]] = {
        "bounds": flow.program.bounds,
        "operands": flow.program.layouts,
        "registers": flow.program.registers,
    }
    text = "; ".join(f"{kind} {', '.join(names)}" for kind, names in lists.items())
    lines = wrap(f"{device.top}, dataflow {flow.id}, {flow.full_name}: {text}.", 104)
    yield "/* " + "\n   ".join(lines) + " */"


def _heads(name: str, device: Device) -> tuple[str, str, str]:
    """The functions of a dataflow without their bodies: registers, cycles, accesses."""
    more = "int64_t half, " if device.double else ""
    more += "int64_t resume, " if device.resumes else ""
    bits = max(register.bits for register in device.registers)
    word = "uint32_t" if bits <= 32 else "uint64_t"
    bounds = "const int64_t bounds[]"
    return (
        f"void {name}_registers({bounds}, const int64_t base[], {more}{word} out[])",
        f"int64_t {name}_cycles({bounds})",
        f"void {name}_accesses({bounds}, int64_t out[])",
    )


def _functions(name: str, device: Device, flow: DeviceDataflow) -> Iterator[str]:
    registers, cycles, accesses = _heads(name, device)
    word = "uint64_t" if "uint64_t" in registers else "uint32_t"
    printer = _Printer(name, flow)
    values = [
        f"out[{k}] = ({word})({printer.of(text)}); /* {register} */"
        for k, (register, text) in enumerate(flow.formulas.registers.items())
    ]
    words = [
        f"out[{k}] = {printer.of(text)}; /* {operand} */"
        for k, (operand, text) in enumerate(flow.formulas.accesses.items())
    ]
    time = [f"return {printer.of(flow.formulas.cycles)};"]
    yield from printer.sums
    for head, lines in ((registers, values), (cycles, time), (accesses, words)):
        voids = _unused(head, "\n".join(lines))
        yield "\n".join([head, "{", *(f"    {line}" for line in (*voids, *lines)), "}", ""])


def _unused(head: str, said: str) -> Iterator[str]:
    """Statements for the parameters that a body doesn't mention."""
    uses = {"bounds": "bounds[", "base": "base[", "resume": "(resume)"}
    given = re.findall(r"(\w+)(?:\[\])?[,)]", head)
    return (f"(void){name};" for name in given if name in uses and uses[name] not in said)


class _Printer(C99CodePrinter):
    """C of the closed forms of one dataflow; sums become functions before it."""

    def __init__(self, name: str, flow: DeviceDataflow) -> None:
        super().__init__()
        self.name = name
        self.sums: list[str] = []
        operands = flow.program.layouts
        self.places = {loop: f"bounds[{k}]" for k, loop in enumerate(flow.program.bounds)}
        self.places |= {base_of(each): f"base[{k}]" for k, each in enumerate(operands)}
        self.places |= {HALF: "half", RESUME: "resume"}
        self.symbols: Mapping[str, Expr] = {
            each: symbol(each, least=int(each in flow.program.bounds)) for each in self.places
        }

    def of(self, text: str) -> str:
        """C of a closed form."""
        return str(self.doprint(expression(text, self.symbols)))

    def _print_Symbol(self, value: Expr) -> str:  # noqa: N802
        return self.places[value.name]

    def _print_floor(self, value: Expr) -> str:
        return self._called("floor_div", quotient(value.args[0]))

    def _print_ceiling(self, value: Expr) -> str:
        return self._called("ceil_div", quotient(value.args[0]))

    def _print_Mod(self, value: Expr) -> str:  # noqa: N802
        return self._called("modulo", value.args)

    def _print_Min(self, value: Expr) -> str:  # noqa: N802
        return self._folded("least", value)

    def _print_Max(self, value: Expr) -> str:  # noqa: N802
        return self._folded("most", value)

    def _print_Pow(self, value: Expr) -> str:  # noqa: N802
        base, power = value.args
        if not power.is_Integer or power < 1:
            raise InternalError(f"no integers: {value}")
        return "*".join([self.parenthesize(base, 100)] * int(power))

    def _print_Rational(self, value: Expr) -> str:  # noqa: N802
        raise InternalError(f"no integer: {value}")

    def _print_And(self, value: Expr) -> str:  # noqa: N802
        return f"({' && '.join(map(self._print, sorted(value.args, key=str)))})"

    def _print_Or(self, value: Expr) -> str:  # noqa: N802
        return f"({' || '.join(map(self._print, sorted(value.args, key=str)))})"

    def _print_Relational(self, value: Expr) -> str:  # noqa: N802
        above, _ = quotient(value.lhs - value.rhs)
        return f"{self._print(above)} {value.rel_op} 0"

    def _print_Piecewise(self, value: Expr) -> str:  # noqa: N802
        *cases, (last, _) = value.args
        text = self._print(last)
        for case, condition in reversed(cases):
            text = f"({self._print(condition)} ? {self._print(case)} : {text})"
        return text

    def _print_Sum(self, value: Sum) -> str:  # noqa: N802
        loops = []
        for variable, first, end in reversed(value.limits):
            at = self.places[variable.name] = variable.name.lstrip("_")
            low, high = self._print(first), self._print(end)
            loops.append(f"for (int64_t {at} = {low}; {at} <= {high}; {at}++)")
        name = f"{self.name}_sum{len(self.sums)}"
        lines = [f"static int64_t {name}(const int64_t bounds[])", "{", "    int64_t total = 0;"]
        lines += ["    " * (k + 1) + loop for k, loop in enumerate(loops)]
        lines.append("    " * (len(loops) + 1) + f"total += {self._print(value.function)};")
        self.sums.append("\n".join([*lines, "    return total;", "}", ""]))
        return f"{name}(bounds)"

    def _called(self, name: str, arguments: Sequence[Expr]) -> str:
        return f"{name}({', '.join(map(self._print, arguments))})"

    def _folded(self, name: str, value: Expr) -> str:
        first, *others = map(self._print, sorted(value.args, key=str))
        for other in others:
            first = f"{name}({first}, {other})"
        return first
