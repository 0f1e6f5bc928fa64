"""RTLIL of modules by Amaranth; those of a large design in two processes side by side.

`python -m lego.back.rtl.rtlil JOB RESULT` is the second process. Modules don't depend on each other's
RTLIL, so the text is the same however they are shared out.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from lego.back.rtl.job import Need, Needs, read_job, write_job
from lego.diag import LegoError
from lego.heap import HARDLY, rarely_collected
from lego.ir.dag import Dag, Module, Op
from lego.tools import Finished, modules_path, run

__all__ = ["rtlil_of"]

LARGE = 12000
"""Primitives from which a second process saves more time than it takes to start."""

START = 4000
"""Primitives that are converted while a second process starts."""

TIMEOUT_S = 3600


def rtlil_of(dag: Dag) -> list[str]:
    """RTLIL of every module, in their order."""
    needs = _needs(dag)
    here, there = _shares(dag)
    ours, theirs = ([dag.modules[k] for k in share] for share in (here, there))
    if not theirs:
        return _converted(ours, needs, dag.top.name)
    groups: list[int] = []
    with (
        tempfile.TemporaryDirectory(prefix="lego-") as name,
        ThreadPoolExecutor(1) as second,
    ):
        job, result = Path(name) / "job", Path(name) / "result"
        job.write_text(write_job(theirs, needs, dag.top.name))
        argv = [sys.executable, "-S", "-m", __name__, str(job), str(result)]
        other = second.submit(
            run,
            argv,
            cwd=Path(name),
            timeout_s=TIMEOUT_S,
            env=modules_path(),
            started=groups.append,
        )
        try:
            found = dict(zip(here, _converted(ours, needs, dag.top.name), strict=True))
            texts = _given(other, result) or _converted(theirs, needs, dag.top.name)
        except BaseException:
            for group in groups:
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
            raise
    found |= zip(there, texts, strict=True)
    return [found[k] for k in range(len(dag.modules))]


def _given(other: Future[Finished], result: Path) -> list[str] | None:
    """What the second process wrote; None if it couldn't: then it is done here, and errors show."""
    try:
        other.result()
        texts: list[str] = json.loads(result.read_text())
    except (LegoError, OSError, ValueError):
        return None
    return texts


def _shares(dag: Dag) -> tuple[list[int], list[int]]:
    """Modules for this process and for a second one, by number, so that both are done at once."""
    sizes = [len(module.nodes) for module in dag.modules]
    if sum(sizes) < LARGE or os.cpu_count() == 1:
        return list(range(len(sizes))), []
    shares: tuple[list[int], list[int]] = ([], [])
    loads = [0, START]
    for k in sorted(range(len(sizes)), key=lambda k: (-sizes[k], k)):
        lighter = int(loads[1] < loads[0])
        shares[lighter].append(k)
        loads[lighter] += sizes[k]
    return sorted(shares[0]), sorted(shares[1])


def _needs(dag: Dag) -> Needs:
    """Per module its clocks, if it or what is inside has state, and its reset, if that resets."""
    needs: dict[str, Need] = {}
    for module in dag.modules:
        inner = [needs[n.text] for n in module.nodes if n.op is Op.INSTANCE]
        state = [n for n in module.nodes if n.op in (Op.DELAY, Op.REG, Op.MEMORY, Op.CHECK)]
        clocked = bool(state) or any(need.clocks for need in inner)
        resets = any(n.resets for n in state) or any(need.reset for need in inner)
        pins = module.pins
        clocks = (module.clocks or (pins.clock,)) if clocked else ()
        needs[module.name] = Need(clocks, pins.reset if resets else "", pins.low)
    return needs


def _converted(modules: Iterable[Module], needs: Needs, top: str) -> list[str]:
    from lego.back.rtl.amaranth.convert import convert

    with rarely_collected(HARDLY):
        return [convert(module, needs, module.name == top) for module in modules]


def main(job: str, result: str) -> None:
    """Convert the modules that `job`, written by :func:`rtlil_of`, names."""
    texts = _converted(*read_job(Path(job).read_text()))
    Path(result).write_text(json.dumps(texts))


if __name__ == "__main__":
    main(*sys.argv[1:])
