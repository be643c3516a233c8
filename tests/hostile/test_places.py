"""What may stand where a workbook is named, and what a file may be called, through the door."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.door import Seen, assert_civil, assert_sentences, real_door
from tests.hostile.inputs import book, free_text, rows

#: Root may read everything, so it becomes a user whom nothing here belongs to; others need not.
ORDINARY = 65_534 if os.geteuid() == 0 else None


def _link(path: Path, target: Path | str) -> Path:
    path.symlink_to(target)
    return path


def _fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _socket(path: Path) -> Path:
    # The path of a socket may have 107 bytes, so it is made from inside its folder.
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _memory(folder: Path) -> Path:
    """A file that says it is empty and is not; an empty one where there is no such thing."""
    memory = Path("/proc/self/mem")
    return memory if memory.exists() else _text(folder / "b")


def _text(path: Path, text: str = "") -> Path:
    path.write_text(text)
    return path


PLACES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "empty": (lambda folder: _text(folder / "a.xlsx"), "damaged"),
    "missing": (lambda folder: folder / "a.xlsx", "not-readable"),
    "below a file": (lambda folder: _text(folder / "a") / "b.xlsx", "not-readable"),
    "fifo": (lambda folder: _fifo(folder / "a.xlsx"), "not-readable"),
    "link to a fifo": (lambda folder: _link(folder / "a.xlsx", _fifo(folder / "b")), "not-readable"),
    "socket": (lambda folder: _socket(folder / "a.xlsx"), "not-readable"),
    "link to nothing": (lambda folder: _link(folder / "a.xlsx", "b.xlsx"), "not-readable"),
    "link to itself": (lambda folder: _link(folder / "a.xlsx", "a.xlsx"), "not-readable"),
    "null device": (lambda _: Path(os.devnull), "not-readable"),
    "endless device": (lambda folder: _link(folder / "a.xlsx", "/dev/zero"), "not-readable"),
    "memory of a process": (lambda folder: _link(folder / "a.xlsx", _memory(folder)), "damaged"),
    "name too long": (lambda folder: folder / ("a" * 300 + ".xlsx"), "not-readable"),
    "path too long": (lambda folder: folder / "/".join(["a"] * 3_000), "not-readable"),
    "address": (lambda _: Path("http://127.0.0.1:9/study.xlsx"), "not-readable"),
    "lock file": (lambda folder: _text(folder / "~$a.xlsx", "\x03Mia"), "lock-file"),
    "other lock file": (lambda folder: _text(folder / ".~lock.a.xlsx#", ",Mia"), "lock-file"),
}


@pytest.mark.parametrize(("make", "code"), PLACES.values(), ids=PLACES.keys())
def test_place_without_a_workbook(
    make: Callable[[Path], Path], code: str, tmp_path: Path, door: Callable[..., Seen]
):
    """It is refused in a sentence; nothing waits for a pipe, and no device is read."""
    path = make(tmp_path)
    seen = door("check", "--json", str(path), cwd=tmp_path)

    assert_civil(seen)
    assert_sentences(seen)
    assert {code} == seen.codes
    assert 5 > seen.wall_s


@pytest.mark.parametrize("is_link", [False, True])
def test_folder_is_searched_whatever_its_name(is_link: bool, tmp_path: Path, door: Callable[..., Seen]):
    """An empty one that is called like a workbook is refused as a folder."""
    path = _link(tmp_path / "a.xlsx", ".") if is_link else _folder(tmp_path / "a.xlsx")
    seen = door("check", "--json", str(path), cwd=tmp_path)

    assert_civil(seen, 2)
    assert "No workbook" in seen.err


@pytest.mark.parametrize("name", ["fifo", "endless device", "link to itself"])
def test_place_by_itself(name: str, tmp_path: Path):
    """The same of a process of its own, marking included."""
    make, _ = PLACES[name]

    seen = real_door("check", "--mark", str(make(tmp_path)), folder=tmp_path)

    assert_civil(seen)
    assert 1 == seen.code


def test_link_to_a_workbook(tmp_path: Path, door: Callable[..., Seen]):
    """A link to a workbook is as good as the workbook."""
    book(tmp_path / "b.xlsx")

    assert 0 == door("check", _link(tmp_path / "a.xlsx", "b.xlsx").name, cwd=tmp_path).code


@pytest.mark.parametrize("hidden", ["file", "folder"])
def test_no_permission(hidden: str, door: Callable[..., Seen]):
    """A workbook or folder that may not be read is refused."""
    # Above pytest's own folders nobody but their owner gets in.
    with tempfile.TemporaryDirectory() as shared:
        Path(shared).chmod(0o777)
        folder = _folder(Path(shared) / "mine")
        path = book(folder / "a.xlsx")
        (path if hidden == "file" else folder).chmod(0)

        seen = door("--state", shared, "check", str(path), cwd=Path(shared), user=ORDINARY)

    assert_civil(seen)
    assert 1 == seen.code
    assert "not allowed to read it" in seen.out


NAMES = (
    b"\x1b]0;evil\x07\x1b[2J.xlsx",
    b"two\nlines\r.xlsx",
    "\u202exslx.exe.xlsx".encode(),
    b"latin-\xe9\xff.xlsx",
    b"[red]markup[link].xlsx",
    b"{0} {workbook} %s.xlsx",
    b"=1+1.xlsx",
    b"'quoted' \"twice\" `thrice`.xlsx",
    b"\xf0\x9f\x98\x80\xe2\x80\x8b.xlsx",
    b"a" * 250 + b".xlsx",
    b".xlsx",
    b" .xlsx",
    b"-rf.xlsx",
    b"a.checked.xlsx",
    b"no suffix",
)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_hostile_file_name(name: bytes, tmp_path: Path, door: Callable[..., Seen]):
    """A file may be called anything that the system allows; what is printed is harmless."""
    path = tmp_path / os.fsdecode(name)
    book(path, rows(free_text(2, "Why? ")))

    shown = door("check", "--", path.name, cwd=tmp_path)
    marked = door("check", "--json", "--mark", "--", path.name, cwd=tmp_path)

    assert_civil(shown)
    assert_civil(marked)
    assert (0, 0) == (shown.code, marked.code)
    # The name of the marked copy may be longer than the system allows.
    assert (len(name) > 241) == ("cannot be written" in marked.err)
