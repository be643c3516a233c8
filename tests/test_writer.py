"""Write-back: these cells change, and not one other byte."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from importer.errors import WriteRefused
from importer.workbook import writer, zipsplice
from importer.workbook.cells import Spot
from importer.workbook.writer import SheetEdits, write_back
from tests.books import write_book
from tests.rich import ID_COLUMN, PART, STATUS_COLUMN, write_rich_book
from tests.spots import applied, cell_xml, part_bytes
from tests.writing import FIRST, NOW, UUID, digest, others, texts_at, values, write


@pytest.fixture
def simple(tmp_path: Path) -> Path:
    return write_book(tmp_path / "study.xlsx", {"Instructions": "| ref | id |\n| Q1 | old |\n| Q2 | x |"})


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    return write_rich_book(tmp_path / "study.xlsm")


RICH_CELLS = {
    **{(row, ID_COLUMN): f"{UUID[:-1]}{row}" for row in range(2, 7)},
    **{(row, STATUS_COLUMN): "created" for row in range(2, 7)},
    (1, STATUS_COLUMN + 1): "batch_id",
}


def test_every_other_member_keeps_its_bytes(rich: Path) -> None:
    """Charts, pictures, macros, comments, slicers and all other parts stay as the bytes they were."""
    before = others(rich, PART)

    write(rich, texts_at(rich, RICH_CELLS, PART), PART)

    assert before == others(rich, PART)


def test_the_sheet_changes_in_the_cells_only(rich: Path) -> None:
    """Validation, conditional formats, x14 extensions and saved results stand around the new cells."""
    texts = texts_at(rich, RICH_CELLS, PART)
    expected = applied(part_bytes(rich, PART), texts)

    write(rich, texts, PART)

    assert expected == part_bytes(rich, PART)


@pytest.mark.filterwarnings("ignore:.*not supported:UserWarning")
@pytest.mark.parametrize("data_only", [True, False])
def test_openpyxl_reads_every_other_cell_as_before(rich: Path, data_only: bool) -> None:
    """Values, saved results and formulas of all sheets are equal, and the new cells are there."""
    expected = values(rich, data_only=data_only)
    expected |= {
        ("Instructions", f"{chr(64 + column)}{row}"): text for (row, column), text in RICH_CELLS.items()
    }

    write(rich, texts_at(rich, RICH_CELLS, PART), PART)

    assert expected == values(rich, data_only=data_only)


def test_two_sheets_are_written_at_once(tmp_path: Path) -> None:
    """The ids of both sheets come into the workbook in one replace."""
    path = write_book(tmp_path / "study.xlsx", {"Instructions": "| a |", "Batches": "| b |", "Help": "| c |"})
    parts = [f"xl/worksheets/sheet{number}.xml" for number in (1, 2)]
    edits = [SheetEdits(part, "", texts_at(path, {(1, 1): UUID}, part)) for part in parts]

    write_back(path, edits, sha256=digest(path), backups=None, now=NOW)

    expected = {("Instructions", "A1"): UUID, ("Batches", "A1"): UUID, ("Help", "A1"): "c"}
    assert expected == values(path, data_only=False)


def test_style_is_reused_and_a_cleared_cell_keeps_it(rich: Path) -> None:
    """An empty text leaves a blank cell with its format."""
    texts = texts_at(rich, {(4, ID_COLUMN): "", (2, ID_COLUMN): UUID}, PART)

    write(rich, texts, PART)

    xml = part_bytes(rich, PART)
    assert [b'<c r="H4" s="1"/>' in xml, b'<c r="H2" s="3" t="inlineStr">' in xml] == [True, True]


def test_nothing_to_write_touches_nothing(simple: Path) -> None:
    """Without cells the file keeps even its time stamp."""
    before = simple.stat()

    assert write(simple, {}) == digest(simple)
    assert before == simple.stat()


def test_link_stays_a_link(simple: Path, tmp_path: Path) -> None:
    """A symbolic link goes on pointing to the workbook, which is replaced where it is."""
    link = tmp_path / "elsewhere" / "link.xlsx"
    link.parent.mkdir()
    link.symlink_to(simple)

    write(link, texts_at(link, {(2, 2): UUID}))

    assert (link.readlink(), UUID) == (simple, values(simple, data_only=False)["Instructions", "B2"])


def test_permissions_stay(simple: Path) -> None:
    """The mode of the workbook is kept."""
    simple.chmod(0o640)

    write(simple, texts_at(simple, {(2, 2): UUID}))

    assert simple.stat().st_mode & 0o777 == 0o640


def test_only_the_workbook_is_left_in_its_folder(simple: Path) -> None:
    """No temporary file stays, nor an old one that a killed process left; a fresh one is another's."""
    old, fresh = (simple.with_name(f".importer-{name}.tmp") for name in ("old", "fresh"))
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))

    write(simple, texts_at(simple, {(2, 2): UUID}))

    assert {simple, fresh} == set(simple.parent.iterdir())


def refused(path: Path, texts: Mapping[Spot, str], **options: object) -> str:
    """The refusal's sentence, once it is sure that neither the workbook nor its folder changed."""
    before = path.read_bytes()
    with pytest.raises(WriteRefused) as refusal:
        write(path, texts, **options)
    assert (before, [path]) == (path.read_bytes(), list(path.parent.iterdir()))
    assert str(refusal.value).endswith("Nothing was written.")
    return str(refusal.value)


def test_changed_before(simple: Path) -> None:
    """A workbook that is no longer the one that was read is not written to."""
    assert "changed while the importer was working" in refused(
        simple, texts_at(simple, {(2, 2): UUID}), sha256=hashlib.sha256(b"").hexdigest()
    )


@pytest.mark.parametrize("step", ["temp-written", "verified"])
def test_changed_meanwhile(simple: Path, step: str) -> None:
    """A workbook saved by someone while the copy is made keeps what they saved."""
    texts = texts_at(simple, {(2, 2): UUID})

    def save(at: str) -> None:
        if at == step:
            simple.write_bytes(b"saved by Excel")

    with pytest.raises(WriteRefused):
        write(simple, texts, checkpoint=save)

    assert (b"saved by Excel", [simple]) == (simple.read_bytes(), list(simple.parent.iterdir()))


def test_open_in_excel(simple: Path) -> None:
    """The lock is respected at the very moment of writing too."""
    texts = texts_at(simple, {(2, 2): UUID})
    before = simple.read_bytes()
    simple.with_name("~$study.xlsx").write_bytes(b"\3Ann")

    with pytest.raises(WriteRefused, match="open in Excel by Ann"):
        write(simple, texts)

    assert before == simple.read_bytes()


def test_disk_full(simple: Path) -> None:
    """A copy that cannot be finished is removed, and the sentence says why (a limit on file size stands in)."""
    texts = texts_at(simple, {(2, 2): UUID})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        sentence = refused(simple, texts)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)

    assert "because the disk is full" in sentence


def test_backup_that_cannot_be_made(simple: Path) -> None:
    """Without its backup the workbook is not replaced."""
    assert "cannot be written to" in refused(
        simple, texts_at(simple, {(2, 2): UUID}), backups=simple / "no folder"
    )


def test_a_copy_that_came_out_wrong_is_never_used(simple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof reads the copy again: one wrong byte outside the cells is a refusal."""

    def spoiled(pieces: Iterator[bytes], *_: object) -> Iterator[bytes]:
        return (piece.replace(b"Q2", b"Q3") for piece in real(pieces, *_))  # type: ignore[arg-type]

    real = writer.patched
    simple_texts = texts_at(simple, {(2, 2): UUID})
    monkeypatch.setattr(writer, "patched", spoiled)

    assert "did not come out right" in refused(simple, simple_texts)


def test_backup_is_the_workbook_as_it_was(simple: Path, tmp_path: Path) -> None:
    """The folder of backups gets the bytes from before."""
    before = simple.read_bytes()
    backups = tmp_path / "state" / "backups"

    write(simple, texts_at(simple, {(2, 2): UUID}), backups=backups)

    assert before == (backups / "study.xlsx" / "study.20261122T103100Z.xlsx").read_bytes()


CHILD = textwrap.dedent("""
    import os, signal, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from importer.workbook.writer import SheetEdits, write_back
    from tests.writing import texts_at, digest, FIRST

    path, step = Path(sys.argv[1]), sys.argv[2]
    edits = [SheetEdits(FIRST, "", texts_at(path, {(2, 2): "new"}))]
    kill = lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == step else None
    write_back(path, edits, sha256=digest(path), backups=path.parent / "b", now=datetime.now(UTC), checkpoint=kill)
""")


@pytest.mark.parametrize(
    ("step", "expected"),
    [("temp-written", "old"), ("verified", "old"), ("backed-up", "old"), ("replaced", "new")],
)
def test_killed_process_leaves_a_whole_workbook(simple: Path, step: str, expected: str) -> None:
    """After SIGKILL at any step the workbook is the old one or the new one."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, simple, step], cwd=Path(__file__).parents[1], check=False
    )

    assert (-signal.SIGKILL, expected) == (
        child.returncode,
        values(simple, data_only=False)["Instructions", "B2"],
    )


def test_large_sheet_stays_out_of_memory(tmp_path: Path) -> None:
    """A sheet of 64 MB is copied in pieces: a few MB of memory, however large it is."""
    row = b'<row r="%d"><c r="A%d" t="str"><v>' + b"x" * 16_000 + b"</v></c></row>"
    path = write_book(tmp_path / "large.xlsx", {"Instructions": "| a |"})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package, package.open(FIRST, "w") as sheet:
        sheet.write(b"<worksheet><sheetData>")
        for number in range(1, 4001):
            sheet.write(row % (number, number))
        sheet.write(b"</sheetData></worksheet>")
    end = len(b"<worksheet><sheetData>") + len(row % (1, 1)) - len(b"</row>")

    tracemalloc.start()
    write(path, {Spot(1, 2, end, end, None): UUID})
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 16 << 20


def test_pieces_may_end_anywhere(rich: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result does not depend on how the sheet is cut into pieces."""
    monkeypatch.setattr(zipsplice, "PIECE_BYTES", 7)
    texts = texts_at(rich, RICH_CELLS, PART)
    expected = applied(part_bytes(rich, PART), texts)

    write(rich, texts, PART)

    assert expected == part_bytes(rich, PART)


def test_a_workbook_too_large_for_memory_comes_out_the_same(
    rich: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is copied in memory or from file to file, the bytes, the digest and the backup are equal."""
    other = Path(shutil.copy(rich, tmp_path / "other.xlsm"))
    texts = texts_at(rich, RICH_CELLS, PART)
    before = rich.read_bytes()
    held = write(rich, texts, PART)

    monkeypatch.setattr(writer, "_HELD_BYTES", 0)
    streamed = write(other, texts, PART, backups=tmp_path / "backups")

    assert (rich.read_bytes(), held) == (other.read_bytes(), streamed)
    assert [before] == [path.read_bytes() for path in (tmp_path / "backups" / "other.xlsm").iterdir()]


def test_cell_without_style_has_none(simple: Path) -> None:
    """No style is invented."""
    texts = texts_at(simple, {(3, 3): UUID})

    write(simple, texts)

    assert cell_xml(next(iter(texts)), UUID) in part_bytes(simple, FIRST)
