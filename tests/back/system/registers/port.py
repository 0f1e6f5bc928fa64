"""A host at the AXI4-Lite port of a machine: whole accesses, at its leisure or at random paces."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from lego.ir.control_map import offset_of
from tests.back.system.registers.stimuli import QUIET

__all__ = ["Cycled", "Port"]

PULSES = ("doorbell", "abort", "soft_reset")
LONGEST = 100
"""Cycles in which an access must have ended."""


class Cycled(Protocol):
    """What runs the block: primitives, or its Verilog."""

    def cycle(self, inputs: Mapping[str, int]) -> dict[str, int]:
        """The outputs in one cycle; then registers take their next values."""


class Port:
    """`inputs` are the device's, until changed; `pulses` counts what the host has commanded."""

    def __init__(self, machine: Cycled, seed: int = 0) -> None:
        self.machine = machine
        self.random = random.Random(seed)
        self.inputs = dict(QUIET)
        self.said: dict[str, int] = {}
        self.pulses = Counter(dict.fromkeys(PULSES, 0))

    def idle(self) -> dict[str, int]:
        """One cycle."""
        self.said = self.machine.cycle(self.inputs)
        self.pulses.update({name: self.said[name] for name in PULSES})
        return self.said

    def pulse(self, name: str) -> None:
        """One cycle with an input set."""
        self.inputs[name] = 1
        self.idle()
        self.inputs[name] = 0

    def write(self, offset: int, word: int, strobes: int = 15) -> int:
        """Write a word; the response."""
        port = {"awaddr": offset, "wdata": word, "wstrb": strobes}
        self.inputs |= {f"s_axi_{name}": value for name, value in port.items()}
        return self._access(["aw", "w"], "b")

    def read(self, offset: int) -> tuple[int, int]:
        """Read a word; the word and the response."""
        self.inputs["s_axi_araddr"] = offset
        response = self._access(["ar"], "r")
        return self.said["s_axi_rdata"], response

    def put(self, name: str, word: int, index: int = 0) -> None:
        """Write a register that can be written."""
        assert self.write(offset_of(name, index), word) == 0

    def get(self, name: str, index: int = 0) -> int:
        """Read a register."""
        word, response = self.read(offset_of(name, index))
        assert response == 0
        return word

    def _access(self, channels: list[str], answer: str) -> int:
        """Ask on some channels, each when it likes, and take the answer."""
        waiting = {channel: self.random.randrange(3) for channel in channels}
        for _ in range(LONGEST):
            asked = [channel for channel, wait in waiting.items() if wait <= 0]
            self.inputs |= {f"s_axi_{channel}valid": 1 for channel in asked}
            self.inputs[f"s_axi_{answer}ready"] = self.random.randrange(2)
            said = self.idle()
            for channel in asked:
                if said[f"s_axi_{channel}ready"]:
                    self.inputs[f"s_axi_{channel}valid"] = 0
                    del waiting[channel]
            waiting = {channel: wait - 1 for channel, wait in waiting.items()}
            if said[f"s_axi_{answer}valid"] and self.inputs[f"s_axi_{answer}ready"]:
                self.inputs[f"s_axi_{answer}ready"] = 0
                assert not waiting
                return said[f"s_axi_{answer}resp"]
        raise AssertionError("no answer")
