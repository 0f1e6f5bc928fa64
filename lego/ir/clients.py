"""Who reads and writes a memory, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Client", "Use", "When"]


class Client(StrEnum):
    """Who reads or writes a memory."""

    ARRAY = "array"
    HOST = "host"


class When(StrEnum):
    """When a client may read or write; `OTHER_HALF`: at any time, but in the half that the array uses only
    while it is idle."""

    NEVER = "never"
    IDLE = "idle"
    OTHER_HALF = "other half"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Use:
    """How a client uses a memory."""

    client: Client
    reads: When
    writes: When
