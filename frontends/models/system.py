"""What a system of several networks is: which runs how often, and what flows between them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Flow", "System", "SystemStage"]


@dataclass(frozen=True, slots=True)
class Flow:
    """What a stage reads.

    Attributes
    ----------
    source : name of a stage, of an earlier run of itself too, or `input`: from outside.
    what : what it is, in a few words.
    shape : of a tensor that is an output of the source's network and an input of the reader's;
        empty where the host makes one from the other (sampled tokens, schedules of diffusion,
        caches cut or padded).
    """

    source: str
    what: str
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SystemStage:
    """One network of a system.

    Attributes
    ----------
    model : its name in the catalogue.
    times : runs of it per run of the system.
    trains : whether it is run forwards and backwards; that is counted as three times the
        multiply-accumulates.
    """

    name: str
    model: str
    times: int
    reads: tuple[Flow, ...]
    trains: bool = False


@dataclass(frozen=True, slots=True)
class System:
    """Stages, in the order in which they first run.

    Attributes
    ----------
    name : unique among systems and networks.
    about : what one run of it is.
    note : what is assumed; may be empty.
    """

    name: str
    about: str
    stages: tuple[SystemStage, ...]
    note: str = ""
