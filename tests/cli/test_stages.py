"""Progress without a terminal."""

from __future__ import annotations

import time

import pytest

from lego.cli import stages


def test_long_stages_are_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stages, "QUIET_S", 0.05)
    with stages.lines("work") as tell:
        time.sleep(0.3)
        tell("long", 0, 2)
        time.sleep(0.3)
        tell("long", 1, 2)
        time.sleep(0.3)
    assert capsys.readouterr().err == "work ...\nwork: long ...\n"


def test_short_work_is_silent_and_ends_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(50):
        with stages.lines("work") as tell:
            tell("short", 0, 0)
    assert capsys.readouterr().err == ""


def test_errors_pass(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="wrong"), stages.lines("work"):
        raise ValueError("wrong")
    assert capsys.readouterr().err == ""
