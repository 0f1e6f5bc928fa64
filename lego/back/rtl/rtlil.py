"""RTLIL of modules by Amaranth; those of a large design in two processes side by side.

`python -m lego.back.rtl.rtlil JOB RESULT` is the second process. Modules don't depend on each other's RTLIL, so
the text is the same however they are shared out.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from lego.back.rtl.wide import joined
from lego.diag import LegoError
from lego.heap import rarely_collected
from lego.ir.dag import Dag, Module, Op
from lego.tools import Finished, modules_path, run

__all__ = ["rtlil_of"]

LARGE = 6000
"""Primitives from which a second process saves more time than it takes to start."""

TIMEOUT_S = 3600

Needs = Mapping[str, tuple[bool, bool]]


def rtlil_of(dag: Dag) -> list[str]:
    """RTLIL of every module, in their order."""
    needs = _needs(dag)
    here, there = _shares(dag)
    if not there:
        return _converted(dag, here, needs)
    groups: list[int] = []
    with (
        tempfile.TemporaryDirectory(prefix="lego-") as name,
        ThreadPoolExecutor(1) as second,
    ):
        job, result = Path(name) / "job", Path(name) / "result"
        job.write_bytes(pickle.dumps((dag, there, needs)))
        argv = [sys.executable, "-m", __name__, str(job), str(result)]
        other = second.submit(
            run,
            argv,
            cwd=Path(name),
            timeout_s=TIMEOUT_S,
            env=modules_path(),
            started=groups.append,
        )
        try:
            found = dict(zip(here, _converted(dag, here, needs), strict=True))
            texts = _given(other, result) or _converted(dag, there, needs)
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
    """Modules for this process and for a second one, by number: about as many primitives each."""
    sizes = [len(module.nodes) for module in dag.modules]
    if sum(sizes) < LARGE or os.cpu_count() == 1:
        return list(range(len(sizes))), []
    shares: tuple[list[int], list[int]] = ([], [])
    loads = [0, 0]
    for k in sorted(range(len(sizes)), key=lambda k: (-sizes[k], k)):
        lighter = int(loads[1] < loads[0])
        shares[lighter].append(k)
        loads[lighter] += sizes[k]
    return sorted(shares[0]), sorted(shares[1])


def _needs(dag: Dag) -> dict[str, tuple[bool, bool]]:
    """(clock, reset) per module: whether it or anything inside it has state, or state that resets."""
    needs: dict[str, tuple[bool, bool]] = {}
    for module in dag.modules:
        inner = [needs[n.text] for n in module.nodes if n.op is Op.INSTANCE]
        state = [n for n in module.nodes if n.op in (Op.DELAY, Op.REG, Op.MEMORY, Op.CHECK)]
        needs[module.name] = (
            bool(state) or any(clocked for clocked, _ in inner),
            any(n.resets for n in state) or any(resets for _, resets in inner),
        )
    return needs


def _converted(dag: Dag, which: Iterable[int], needs: Needs) -> list[str]:
    with rarely_collected():
        modules: Sequence[Module] = [dag.modules[k] for k in which]
        return [_convert(module, needs, module.name == dag.top.name) for module in modules]


def _convert(module: Module, needs: Needs, top: bool) -> str:
    """RTLIL of one module, without power-up values: only the reset gives state a value."""
    from amaranth.back import rtlil

    from lego.back.rtl.emit import Component

    component = Component(module, needs)
    text = rtlil.convert(component, name=module.name, ports=component.ports, emit_src=False)
    text = joined(text)
    text = re.sub(r"^ *attribute \\init .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^ *cell \$meminit_v2 .*?^ *end\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return text if top else text.replace("attribute \\top 1\n", "")


def main(job: str, result: str) -> None:
    """Convert the modules that `job`, written by :func:`rtlil_of`, names."""
    dag, which, needs = pickle.loads(Path(job).read_bytes())  # noqa: S301 - our own file
    Path(result).write_text(json.dumps(_converted(dag, which, needs)))


if __name__ == "__main__":
    main(*sys.argv[1:])
