"""The techniques' names: pure data, needs no PyTorch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from lego.diag import LegoError

__all__ = ["ATTENTION", "PLAIN", "QUANTIZE", "Techniques", "checked"]

QUANTIZE = {
    "qoq_g128": "QoQ, arXiv 2405.04532: 4-bit weights by 128 inputs, 8-bit activations, 4-bit KV",
    "qoq_channel": "QoQ with one scale and zero per output channel",
    "svdquant_r32": "SVDQuant, arXiv 2411.05007: 4-bit weights and activations, branch of rank 32",
    "coat_fp8": "COAT, arXiv 2410.19313: 8-bit floating point, scales per tensor and per 16",
}
ATTENTION = {
    "dense": "every query reads every key before it",
    "duo": "DuoAttention, arXiv 2410.10819: half of the KV heads keep 128 first and 256 last tokens",
    "quest": "Quest, arXiv 2406.10774: the pages of 16 keys that matter most to the query",
}


@dataclass(frozen=True, slots=True)
class Techniques:
    """What is done to a network; None: nothing, as by `attention="dense"`."""

    quantize: str | None = None
    attention: str | None = None

    def named(self, model: str) -> str:
        """The network's name with the techniques, such as `llama_7b_decode2048+qoq_g128+quest`."""
        attention = None if self.attention == "dense" else self.attention
        return "+".join(part for part in (model, self.quantize, attention) if part)


PLAIN = Techniques()


def checked(quantize: str | None, attention: str | None) -> Techniques:
    """The techniques of these names. Raises E606 for an unknown one."""
    for key, name, known in (
        ("quantize", quantize, QUANTIZE),
        ("attention", attention, ATTENTION),
    ):
        if name is not None and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"one of {', '.join(known)}" + (f"; nearest: {near[0]}" if near else "")
            raise LegoError("E606", f"unknown technique {name[:40]!r} for {key}", hint=hint)
    return Techniques(quantize, attention)
