"""Who has a workbook open, and whether it may be replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from importer.errors import WriteRefused
from importer.workbook.writable import check_writable
from tests.raw import raw_book


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "my study.xlsx"
    path.touch()
    return path


def refusal(path: Path) -> str:
    with pytest.raises(WriteRefused) as refusal:
        check_writable(path)
    return str(refusal.value)


def excel_lock(name: str) -> bytes:
    narrow, wide = name.encode("cp1252", "replace"), name.encode("utf-16-le")
    return (
        bytes([len(narrow)])
        + narrow.ljust(54)
        + len(name).to_bytes(2, "little")
        + wide
        + b" \0" * (54 - len(name))
    )


def test_free_workbook_passes(path: Path) -> None:
    """Lock files of other workbooks do not matter."""
    path.with_name("~$other.xlsx").touch()
    path.with_name(".~lock.other.xlsx#").touch()

    check_writable(path)


@pytest.mark.parametrize("lock", ["~$my study.xlsx", "~$ study.xlsx"])
def test_open_in_excel(path: Path, lock: str) -> None:
    """Excel's lock file names who has the workbook open, in either form of its name."""
    path.with_name(lock).write_bytes(excel_lock("Zoë Ström"))

    assert refusal(path) == (
        f"{path.name} is open in Excel by Zoë Ström. Close it there, then run again (if nobody has it open, delete the "
        f'left-over file "{lock}" beside it). Nothing was written.'
    )


def test_lock_of_a_sibling_with_a_shorter_name(path: Path) -> None:
    """`~$ study.xlsx` is the lock of ` study.xlsx`, if that is there."""
    path.with_name(" study.xlsx").touch()
    path.with_name("~$ study.xlsx").write_bytes(excel_lock("Ann"))

    check_writable(path)


@pytest.mark.parametrize(
    ("content", "user"),
    [
        (b"\3Ann", " by Ann"),
        (b"", ""),
        (b"\x09", ""),
        (excel_lock("\n\x07"), ""),
    ],
)
def test_excel_lock_in_any_state(path: Path, content: bytes, user: str) -> None:
    """A short, empty or odd lock file is a lock nevertheless."""
    path.with_name("~$my study.xlsx").write_bytes(content)

    assert f"is open in Excel{user}. Close it" in refusal(path)


@pytest.mark.parametrize(
    ("content", "user"),
    [
        (",ann,desk7,22.11.2026 10:31,file:///home/ann/.config/libreoffice/4;", " by ann on desk7"),
        ("Ström\\, Zoë,zoe,desk7,22.11.2026 10:31,file:///x;", " by Ström, Zoë on desk7"),
        ("Ann", " by Ann"),
        ("", ""),
    ],
)
def test_open_in_libreoffice(path: Path, content: str, user: str) -> None:
    """LibreOffice's lock file has the name, or else the login, and the machine."""
    path.with_name(".~lock.my study.xlsx#").write_text(content, "utf-8")

    assert f"is open in LibreOffice{user}. Close it" in refusal(path)


def test_lock_beside_the_target_of_a_link(path: Path, tmp_path: Path) -> None:
    """A workbook opened at its real place is open for those who name it by a link."""
    link = tmp_path / "elsewhere" / "link.xlsx"
    link.parent.mkdir()
    link.symlink_to(path)
    path.with_name("~$my study.xlsx").write_bytes(b"\3Ann")

    assert "open in Excel by Ann" in refusal(link)


@pytest.mark.parametrize("name", ["none.xlsx", "."])
def test_no_such_workbook(tmp_path: Path, name: str) -> None:
    """A missing file or a folder is no workbook."""
    assert refusal(tmp_path / name).startswith("There is no workbook")


def no_superuser(path: Path, mode: int) -> bool:
    """`os.access` for the owner, also when the tests run as root, whom no mode stops."""
    return (Path(path).stat().st_mode >> 6) & mode == mode


@pytest.mark.parametrize(
    ("target", "mode", "reason"),
    [("my study.xlsx", 0o400, "is read-only"), (".", 0o500, "no file can be made in its folder")],
)
def test_read_only(path: Path, monkeypatch: pytest.MonkeyPatch, target: str, mode: int, reason: str) -> None:
    """A read-only file or folder is left alone, though a rename could get around the former."""
    monkeypatch.setattr(os, "access", no_superuser)
    (path.parent / target).chmod(mode)

    assert reason in refusal(path)
    path.parent.chmod(0o700)


@pytest.mark.parametrize("part", ["_xmlsignatures/origin.sigs", "_XMLSIGNATURES/SIG1.XML"])
def test_digitally_signed(path: Path, part: str) -> None:
    """A signature covers the sheets: the first written cell would make it invalid."""
    raw_book(path, {"Instructions": ""}, extra={part: b""})

    assert refusal(path) == (
        f"{path.name} is digitally signed, and writing to it would make the signature invalid. Save it under a new "
        "name in Excel, which removes the signature, and use that file. Nothing was written."
    )


def test_signed_macros(path: Path) -> None:
    """The signature of macros covers the macros only, so cells may change."""
    raw_book(path, {"Instructions": ""}, extra={"xl/vbaProjectSignature.bin": b"signed"})

    check_writable(path)
