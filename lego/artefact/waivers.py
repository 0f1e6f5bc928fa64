"""What Verilator's lint needn't say of a design, each with its reason."""

from __future__ import annotations

import re
from collections import Counter

from lego.ir.dag import Dag, Op
from lego.ir.device import Device
from lego.ir.sram import MODELS_FILE, SRAM_FILE

__all__ = ["TB_WAIVERS", "waivers"]

DECLARED = 3
"""How often an input that nothing reads is named: in the module's head, as an input, and as a wire."""

_MODULE = re.compile(r"^module .*?^endmodule", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"//[^\n]*")
_INPUT = re.compile(r"^  input (?:signed )?(?:\[[^\]]*\] )?(\w+);", re.MULTILINE)
_WORD = re.compile(r"\w+")

_WAIVERS = """\
`verilator_config
// What `verilator --lint-only -Wall {top}.vlt {top}.v {sram}` needn't say, each with its reason.

// All modules of the accelerator are in one file, and its SRAMs in another, with those of other designs.
lint_off -rule DECLFILENAME -file "*{top}.v"
lint_off -rule DECLFILENAME -file "*{sram}"
lint_off -rule MULTITOP -file "*{sram}"

// Modules with the same ports serve places that need fewer bits; sums modulo a power of two drop their carry.
lint_off -rule UNUSEDSIGNAL -file "*{top}.v" -match "Bits of signal are not used*"
"""

_UNPRUNED = """
// The pass that takes away what nothing reads didn't run.
lint_off -rule UNUSEDSIGNAL -file "*{top}.v" -match "Signal is not used*"
"""

_OPEN = """
// Banks of one kind have the same ports; the place of some needs no word.
lint_off -rule PINMISSING -file "*{top}.v"
"""

_MACROS = """
// Macros may be wider than the memory that they are for; their models are somebody else's.
lint_off -rule UNUSEDSIGNAL -file "*{sram}" -match "Bits of signal are not used*"
lint_off -file "*{models}"
lint_off -rule MULTITOP -file "*{models}"
"""

_UNREAD = """
// FUs of one kind have the same ports; the value of the body doesn't depend on these.
"""

TB_WAIVERS = """\
`verilator_config
// What `verilator --lint-only --timing -Wall tb.vlt tb.sv` and the designs needn't say, each with its reason.

// The benches of all designs and the top are in one file.
lint_off -rule DECLFILENAME -file "*tb.sv"

// A bench reads a command and acts on it within a clock edge.
lint_off -rule BLKSEQ -file "*tb.sv"

// Commands have room for wider ports than this design's.
lint_off -rule UNUSEDSIGNAL -file "*tb.sv" -match "Bits of signal are not used*"
"""


def waivers(dag: Dag, device: Device, verilog: str, *, pruned: bool) -> str:
    """A design's exceptions from Verilator's lint; `pruned`: what nothing reads was taken away."""
    top = dag.top.name
    text = _WAIVERS if pruned else _WAIVERS + _UNPRUNED
    if _leaves_open(dag):
        text += _OPEN
    if device.sram_cells:
        text += _MACROS
    text = text.format(top=top, sram=SRAM_FILE, models=MODELS_FILE)
    if pruned and (unread := sorted(_unread(verilog))):
        text += _UNREAD
        for name in unread:
            said = f"Signal is not used: '{name}'*"
            text += f'lint_off -rule UNUSEDSIGNAL -file "*{top}.v" -match "{said}"\n'
    return text


def _leaves_open(dag: Dag) -> bool:
    """Whether an instance leaves an output of its module open."""
    outputs = {module.name: len(module.outputs) for module in dag.modules}
    for module in dag.modules:
        taken = dict.fromkeys((i for i, n in enumerate(module.nodes) if n.op is Op.INSTANCE), 0)
        for node in module.nodes:
            if node.op is Op.PORT:
                taken[node.srcs[0]] += 1
        if any(count < outputs[module.nodes[i].text] for i, count in taken.items()):
            return True
    return False


def _unread(verilog: str) -> set[str]:
    """Inputs that nothing in their module reads: named in its head and their two declarations only."""
    found: set[str] = set()
    for module in _MODULE.findall(_COMMENT.sub("", verilog)):
        counts = Counter(_WORD.findall(module))
        found |= {name for name in _INPUT.findall(module) if counts[name] == DECLARED}
    return found
