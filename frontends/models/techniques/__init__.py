"""Techniques from the literature as transformations of built modules: number formats, sparse attention.

Every module here is plain PyTorch in explicit number formats, so the tracer lowers it like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frontends.models.techniques.names import ATTENTION, QUANTIZE, Techniques

if TYPE_CHECKING:
    from frontends.models.techniques.apply import apply_techniques

__all__ = ["ATTENTION", "QUANTIZE", "Techniques", "apply_techniques"]


def __getattr__(name: str) -> Any:
    """`apply_techniques`, which needs PyTorch, when it is asked for."""
    if name == "apply_techniques":
        from frontends.models.techniques.apply import apply_techniques

        return apply_techniques
    raise AttributeError(name)
