"""Copies of workbooks as they were."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from importer.workbook.backups import KEPT_BACKUPS, keep_backup

NOW = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)


def keep(folder: Path, content: bytes = b"x", name: str = "study.xlsx", now: datetime = NOW) -> Path:
    return keep_backup(io.BytesIO(content), name, folder, now)


def test_backup_is_for_the_owner_only(tmp_path: Path) -> None:
    """The folder is made, and nobody else may look into it or the copy."""
    backup = keep(tmp_path / "state" / "backups", b"bytes")

    assert (b"bytes", 0o600, 0o700) == (
        backup.read_bytes(),
        backup.stat().st_mode & 0o777,
        backup.parent.stat().st_mode & 0o777,
    )


def test_backups_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """A second copy with the same stamp gets a number; stamps are UTC."""
    keep(tmp_path, b"one")
    keep(tmp_path, b"two", now=NOW.astimezone(timezone(timedelta(hours=2))))

    assert {"study.20261122T103100Z.xlsx": b"one", "study.20261122T103100Z-2.xlsx": b"two"} == {
        path.name: path.read_bytes() for path in (tmp_path / "study.xlsx").iterdir()
    }


def test_newest_backups_of_each_name_are_kept(tmp_path: Path) -> None:
    """The oldest copies of this workbook go; other workbooks' copies and other files stay."""
    others = [keep(tmp_path, name="study.v2.xlsx"), tmp_path / "study.xlsx" / "study.note.xlsx"]
    others[1].parent.mkdir()
    others[1].touch()

    kept = [keep(tmp_path, now=NOW + timedelta(hours=hour)) for hour in range(KEPT_BACKUPS + 3)]

    assert {*kept[3:], *others} == {path for path in tmp_path.rglob("*") if path.is_file()}


class Broken(io.BytesIO):
    """A file that fails while it is read."""

    def read(self, *_: object) -> bytes:
        raise OSError("broken")


def test_half_a_backup_is_none(tmp_path: Path) -> None:
    """A copy that fails leaves no file behind."""
    with pytest.raises(OSError, match="broken"):
        keep_backup(Broken(), "study.xlsx", tmp_path, NOW)

    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]
