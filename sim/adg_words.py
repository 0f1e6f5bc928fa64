"""Words that data nodes read and write of macros of several banks: the functional simulator checks and counts
them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.diag import InternalError
from lego.ir.adg import Adg, Box, InputPlan, OutputPlan
from lego.ir.delay_reuse import DelayReuse
from lego.ir.words import words_of

__all__ = ["Array", "Flags", "Time", "holds", "read_words", "written_words"]

Array = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Time:
    """Counter values of every timestamp, shape (timestamps, counters), the cycle in which it is issued, and
    the FUs, (fus, axes)."""

    t: Array
    fus: Array
    skew: Array
    trips: tuple[int, ...]
    pauses: tuple[int, ...]
    issued: Array


def holds(domain: Box, time: Time) -> Flags:
    """At which timestamps a delay reuse holds."""
    ends = np.array(domain, dtype=np.int64)
    flags: Flags = np.all((time.t >= ends[:, 0]) & (time.t < ends[:, 1]), axis=1)
    return flags


def read_words(adg: Adg, plan: InputPlan, time: Time, read: tuple[Array, Array, Flags]) -> int:
    """How often macros are read; `read` has each FU's bank and word at every timestamp, and whether its data
    node reads, shape (fus, timestamps).

    Raises InternalError if a macro is asked for two rows in a cycle, or by two nodes in turn, or if a node
    reads of a word that isn't read.
    """
    bank, row, reads = read
    place = {tuple(fu): k for k, fu in enumerate(time.fus.tolist())}
    held = int(np.prod(time.trips[len(time.trips) - plan.hold :], dtype=np.int64))
    first = np.arange(len(time.t)) % held == 0
    total, asked = 0, []
    for word in words_of(adg, plan):
        served = np.ones(len(time.t), dtype=np.bool_)
        for levels in word.levels:
            served &= _served(adg, [plan.delays[k] for k in levels], time)
        nodes = [place[fu] for fu in word.nodes]
        if (reads[nodes] & ~(first & ~served)).any():
            raise InternalError(f"a data node of {plan.name} takes a word that isn't read")
        total += int((first & ~served).sum()) * word.macros
        cycle = time.issued + min(map(plan.banking.phase, word.nodes))
        for k in nodes:
            at = reads[k]
            who = np.full(at.sum(), k if plan.banking.shared else 0)
            asked.append(np.stack([cycle[at], bank[k, at] // plan.banking.wide, row[k, at], who]))
    met = np.unique(np.concatenate(asked, axis=1), axis=1)
    if np.unique(met[:2], axis=1).shape[1] < met.shape[1]:
        raise InternalError(f"a macro of {plan.name} is asked for two words in one cycle")
    return total


def _served(adg: Adg, reuses: Sequence[DelayReuse], time: Time) -> Flags:
    """At which timestamps one of these holds."""
    served: Flags = np.zeros(len(time.t), dtype=np.bool_)
    for reuse in reuses:
        skew = adg.dataflow.skew(reuse.shift)
        served |= holds(reuse.domain(time.trips, skew, time.pauses), time)
    return served


def written_words(plan: OutputPlan, asked: tuple[Array, Array, Array]) -> int:
    """How often macros are written; `asked` are cycles, banks and rows of all commits.

    Raises InternalError if a macro is asked for two rows in a cycle.
    """
    cycle, bank, row = asked
    met = np.unique(np.stack([cycle, bank // plan.banking.wide, row]), axis=1)
    words = int(np.unique(met[:2], axis=1).shape[1])
    if words < met.shape[1]:
        raise InternalError(f"a macro of {plan.name} is asked for two words in one cycle")
    return words
