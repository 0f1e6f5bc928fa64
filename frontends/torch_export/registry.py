"""Which function lowers which operator; filled by the modules beside this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["HANDLERS", "lowers"]

Handler = TypeVar("Handler", bound=Callable[..., Any])

HANDLERS: dict[str, Callable[..., Any]] = {}


def lowers(*names: str) -> Callable[[Handler], Handler]:
    """Register a function for these operators of ATen, by name and overload (`linear.default`)."""

    def register(handler: Handler) -> Handler:
        for name in names:
            if name in HANDLERS:
                raise ValueError(f"{name} has a handler already")
            HANDLERS[name] = handler
        return handler

    return register
