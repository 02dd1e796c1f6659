"""A private file: readable by its owner alone, replaced whole or not at all, on disk when the call returns."""

import os
from pathlib import Path

import pytest

from app.private_files import write_private


def test_only_the_owner_reads_it_and_a_second_write_replaces_the_first(tmp_path: Path) -> None:
    path = tmp_path / "password"
    (tmp_path / "password.new").write_text("left by a kill")
    for text in ("first", "second"):
        write_private(path, text)
        assert (path.read_text(), path.stat().st_mode & 0o777) == (text, 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_content_and_folder_are_synced_around_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, steps, sync = tmp_path / "password", list[str](), os.fsync

    def fsync(fd: int) -> None:
        folder = os.path.samestat(os.fstat(fd), tmp_path.stat())
        steps.append(f"{'folder' if folder else 'file'}, {'renamed' if path.exists() else 'not yet renamed'}")
        sync(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    write_private(path, "secret")
    assert steps == ["file, not yet renamed", "folder, renamed"]
