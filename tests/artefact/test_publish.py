"""Publishing: old set or new set, whatever happens, and refusals."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lego.artefact import publish as module
from lego.artefact.publish import add_files, publish
from lego.diag import LegoError

OLD = {
    "manifest.json": b'{"schema": "lego/manifest/1", "files": {"a.v": "", "gone.txt": ""}}',
    "a.v": b"old",
    "gone.txt": b"x",
}
NEW = {"manifest.json": b'{"schema": "lego/manifest/1", "files": {"a.v": ""}}', "a.v": b"new"}
CALLS = ("mkdir", "fsync", "rename", "open", "close", "replace")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def killed_at(target: Path, call: int) -> bool:
    """Publish NEW in a child that dies at the n-th file operation; False if it got through."""
    child = os.fork()
    if child == 0:
        left = [call]

        def wrap(owner: object, name: str) -> None:
            original = getattr(owner, name)

            def deadly(*args: object, **kwargs: object) -> object:
                left[0] -= 1
                if left[0] == 0:
                    os._exit(137)
                return original(*args, **kwargs)

            setattr(owner, name, deadly)

        for name in ("open", "fsync", "close"):
            wrap(os, name)
        for name in ("mkdir", "rename", "open", "exists"):
            wrap(Path, name)
        for name in ("_swap", "_sweep", "_sync"):
            wrap(module, name)
        wrap(module.shutil, "rmtree")
        try:
            publish(target, NEW)
        except BaseException:  # noqa: BLE001 -- the child reports by its status
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 137)
    return status == 137


def test_a_kill_at_any_point_leaves_the_old_or_the_new_set(tmp_path: Path) -> None:
    seen = set()
    for call in range(1, 200):
        target = tmp_path / str(call) / "out"
        publish(target, OLD)
        died = killed_at(target, call)
        now = contents(target)
        assert now in (OLD, NEW)
        seen.add(now == NEW)
        publish(target, NEW)
        assert contents(target) == NEW
        assert sorted(p.name for p in target.parent.iterdir()) == [".out.lock", "out"]
        if not died:
            break
    assert call > 15
    assert seen == {True, False}


def test_first_publish_killed_leaves_nothing_or_all(tmp_path: Path) -> None:
    for call in range(1, 60):
        target = tmp_path / str(call) / "out"
        target.parent.mkdir()
        died = killed_at(target, call)
        assert not target.exists() or contents(target) == NEW
        if not died:
            break
    assert call > 10


def test_add_files_keeps_the_others(tmp_path: Path) -> None:
    publish(tmp_path / "out", OLD)
    (tmp_path / "out" / ".DS_Store").write_bytes(b"theirs")
    (tmp_path / "out" / "my notes").mkdir()
    add_files(tmp_path / "out", {"sim.json": b"1", "a.v": b"newer"})
    (tmp_path / "out" / "my notes").rmdir()
    assert contents(tmp_path / "out") == OLD | {
        "sim.json": b"1",
        "a.v": b"newer",
        ".DS_Store": b"theirs",
    }


def test_add_files_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path / "out", OLD)
    monkeypatch.chdir(tmp_path / "out")
    add_files(Path(), {"sim.json": b"1"})
    assert contents(tmp_path / "out") == OLD | {"sim.json": b"1"}


def test_what_a_user_put_there_is_not_deleted(tmp_path: Path) -> None:
    publish(tmp_path / "out", OLD)
    add_files(tmp_path / "out", {"sim.json": b"1"})
    (tmp_path / "out" / "tb.v").write_text("mine")
    with pytest.raises(LegoError, match=r"E501.*tb\.v"):
        publish(tmp_path / "out", NEW)
    (tmp_path / "out" / "tb.v").unlink()
    (tmp_path / "out" / "notes").mkdir()
    with pytest.raises(LegoError, match=r"E501.*notes"):
        publish(tmp_path / "out", NEW)
    (tmp_path / "out" / "notes").rmdir()
    publish(tmp_path / "out", NEW)
    assert contents(tmp_path / "out") == NEW


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": "an extension"}', "[" * 100_000])
def test_a_manifest_of_others_protects_the_folder(tmp_path: Path, text: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(text)
    for write in (publish, add_files):
        with pytest.raises(LegoError, match="E501"):
            write(tmp_path / "out", NEW)
    assert contents(tmp_path / "out") == {"manifest.json": text.encode()}


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / ".out.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(LegoError, match="E503"):
        publish(tmp_path / "out", NEW)
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "a\nb", "x..y", "\x00"])
def test_bad_file_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LegoError, match="E502"):
        publish(tmp_path / "out", {name: b""})
    assert list(tmp_path.iterdir()) == []


def test_foreign_folders_links_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "file").write_text("x")
    for name in ("mine", "link", "file"):
        with pytest.raises(LegoError, match="E501"):
            publish(tmp_path / name, NEW)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "precious"
    with pytest.raises(LegoError, match="E501"):
        add_files(tmp_path / "mine", NEW)


def test_an_unwritable_parent_is_a_clear_error() -> None:
    with pytest.raises(LegoError, match="E503"):
        publish(Path("/proc/lego/out"), NEW)
