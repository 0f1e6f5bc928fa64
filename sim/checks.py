"""Compares the benches' answers with what was expected. Imports nothing heavy: runs inside cocotb."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Verdict", "check_bench", "check_folder"]

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of one bench: elements compared, cycles of each run but those that only repeat one,
    and what went wrong.

    `accesses` holds the reads and writes of each SRAM macro, where they were counted.
    """

    top: str
    compared: int
    cycles: tuple[int, ...]
    failures: tuple[str, ...]
    accesses: dict[str, tuple[int, int]] = field(default_factory=dict)


def check_folder(folder: Path) -> list[str]:
    """Failures of all benches of a run folder."""
    verdicts = [check_bench(path) for path in sorted(folder.glob("*.expected"))]
    if not verdicts:
        return ["no bench left expectations"]
    return [f"{v.top}: {failure}" for v in verdicts for failure in v.failures]


def check_bench(expected: Path) -> Verdict:
    """Compare one bench's answers with its expectations."""
    document = json.loads(expected.read_text())
    answers = expected.with_suffix(".answers")
    lines = answers.read_text().split("\n") if answers.is_file() else []
    feed = iter([line for line in lines if line not in ("", "p")])
    failures = ["busy or done broke their protocol"] if "p" in lines else []
    compared = 0
    cycles: list[int] = []
    for item in document["expected"]:
        if item["kind"] == "cycles":
            took = _took(next(feed, ""))
            cycles += [] if item["again"] or took is None else [took]
            if took is None:
                failures.append(f"a run of {item['cycles']} cycles hung")
            elif took != item["cycles"]:
                failures.append(f"took {took} cycles, predicted {item['cycles']}")
        elif item["kind"] == "ended":
            answer = next(feed, "")
            if answer != f"d {item['runs']}":
                failures.append(f"{answer[2:] or 'no'} runs have ended, expected {item['runs']}")
        else:
            compared += len(item["words"]) if item["kind"] == "words" else 0
            failures += _words(item, feed)
    if next(feed, None) is not None:
        failures.append("the bench gave more answers than expected")
    return Verdict(document["top"], compared, tuple(cycles), tuple(failures))


def _took(answer: str) -> int | None:
    """The cycles of a run; None if it didn't end."""
    return int(answer[2:]) if answer.startswith("c ") else None


def _words(item: dict[str, Any], feed: Any) -> list[str]:
    wrong = []
    for index, word in zip(item["index"], item["words"], strict=True):
        answer = next(feed, "")
        if not answer.startswith("r ") or not _equal(answer[2:], word):
            wrong.append(f"{item['operand']}{index} is {_shown(answer[2:])}, expected {word:x}")
    if len(wrong) > SHOWN:
        return [*wrong[:SHOWN], f"and {len(wrong) - SHOWN} more of {len(item['words'])}"]
    return wrong


def _equal(text: str, word: int) -> bool:
    return _number(text) == word


def _shown(text: str) -> str:
    """An answer without the zeros that fill it to the width of the host's port."""
    number = _number(text)
    return text or "missing" if number is None else f"{number:x}"


def _number(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None
