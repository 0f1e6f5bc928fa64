"""What flip-flops and clock gates of a mapped netlist are for, in the names of the design's Verilog.

Yosys names mapped cells by numbers (`_174_`) and keeps the names of what they drive: a register is called what its
output is called, behind the path of the instance that holds it (`control.sequencer.running`).
"""

from __future__ import annotations

import re

__all__ = ["signal_at", "signal_held"]

_PIN = re.compile(r"\.(\w+)\(([^{}()]*)\)")
_PART = re.compile(r"\w+_\$\w+")
_NUMBERED = re.compile(r"_[0-9]+_(\[[0-9]+\])?")


def signal_held(netlist: str, top: str, instance: str) -> str:
    """What the flip-flop at a path such as ``a/b/_123_`` holds, as ``a.b.name[bit]``.

    Its output or, where synthesis inverted it, the inverted one; the path itself where neither has a name.
    """
    pins = _pins(netlist, top, instance)
    return _dotted(instance, [net for pin, net in pins.items() if pin.upper().startswith("Q")])


def signal_at(netlist: str, top: str, instance: str, pin: str) -> str:
    """What is connected to a pin of a cell, as ``a.b.name[bit]``; the cell's path where that has no name."""
    return _dotted(instance, [_pins(netlist, top, instance).get(pin, "")])


def _dotted(instance: str, nets: list[str]) -> str:
    inside, _, _ = instance.rpartition("/")
    named = [net for net in nets if net and not _NUMBERED.fullmatch(net)]
    if _PART.fullmatch(inside):
        inside = ""  # nets of a flattened design have whole paths
    path = "/".join(filter(None, (inside, named[0]))) if named else instance
    return path.replace("/", ".")


def _pins(netlist: str, top: str, instance: str) -> dict[str, str]:
    """Nets at the pins of a cell, by pin; none if there is no such cell."""
    module, pins = top, ""
    for name in instance.split("/"):
        found = _instance(_module(netlist, module), name)
        if found is None:
            return {}
        module, pins = found
    return {pin: net.strip().removeprefix("\\") for pin, net in _PIN.findall(pins)}


def _module(netlist: str, name: str) -> str:
    """The module's text; names with other characters than letters, digits and _ are escaped."""
    for head in (f"module {name}(", f"module \\{name} ("):
        begin = netlist.find(head)
        if begin >= 0:
            return netlist[begin : netlist.find("\nendmodule", begin)]
    return ""


def _instance(module: str, name: str) -> tuple[str, str] | None:
    """What an instance is one of, and the text of its connections."""
    for head in (f" {name} (", f" \\{name}  ("):
        at = module.find(head)
        if at >= 0:
            line = module.rfind("\n", 0, at) + 1
            kind = module[line:at].strip().removeprefix("\\")
            return kind, module[at + len(head) : module.find("\n  );", at)]
    return None
