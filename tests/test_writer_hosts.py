"""Write-back into real workbooks, made by many programs, if the corpus is beside the project."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from importer.workbook.cells import Spot
from importer.workbook.reader import open_workbook
from importer.workbook.writer import SheetEdits, write_back
from tests.rich import ID_COLUMN, PART, write_rich_book
from tests.spots import applied, find_places, part_bytes
from tests.writing import NOW, UUID, digest, others, texts_at, write

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "host"


def is_signed(path: Path) -> bool:
    """Whether write-back refuses a workbook because it is signed."""
    with zipfile.ZipFile(path) as package:
        return any(name.startswith("_xmlsignatures/") for name in package.namelist())


HOSTS = [path for path in sorted(CORPUS.glob("*.xls[xm]")) if not is_signed(path)]


def sheets() -> list[object]:
    """Every sheet part that has cells, of every workbook."""
    found = []
    for path in HOSTS:
        with zipfile.ZipFile(path) as package:
            names = [n for n in package.namelist() if "/worksheets/" in n and n.endswith(".xml")]
            found += [
                pytest.param(path, name, id=f"{path.name}-{Path(name).stem}")
                for name in names
                if find_places(package.read(name)).cells
            ]
    return found


@pytest.mark.parametrize(("host", "part"), sheets())
def test_real_workbooks_change_in_the_cells_only(tmp_path: Path, host: Path, part: str) -> None:
    """Some cells replaced, some added: nothing else in the sheet or in the zip changes."""
    path = tmp_path / host.name
    path.write_bytes(host.read_bytes())
    xml = part_bytes(path, part)
    places = find_places(xml)
    plain = [place.spot for place in places.cells.values() if not place.has_formula]
    texts = dict.fromkeys(plain[::3], UUID)
    texts |= {Spot(row, 16_000, end, end, None): "new" for row, end in places.row_ends.items() if row % 2}
    before, expected = others(path, part), applied(xml, texts, places.prefix)

    new = write(path, texts, part, places.prefix)

    assert (before, expected, digest(path)) == (others(path, part), part_bytes(path, part), new)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_reader_spots_fit_real_workbooks(tmp_path: Path, host: Path) -> None:
    """Every cell without a formula can be written at the place that the reader gave, in all sheets at once."""
    path = tmp_path / host.name
    path.write_bytes(host.read_bytes())
    edits = []
    with open_workbook(path) as book:
        for sheet in book.sheets:
            rows = book.rows(sheet)
            cells = [cell for row in rows for cell in row.cells if not cell.is_formula]
            spots = [Spot(cell.row, cell.column, cell.start, cell.end, cell.style) for cell in cells]
            edits.append(SheetEdits(sheet.part, rows.prefix, dict.fromkeys(spots, UUID)))
        sha256 = book.sha256
    expected = [applied(part_bytes(path, e.part), dict(e.cells), e.prefix) for e in edits]

    write_back(path, edits, sha256=sha256, backups=None, now=NOW)

    assert expected == [part_bytes(path, edit.part) for edit in edits]


def test_reader_spots_fit_the_rich_workbook(tmp_path: Path) -> None:
    """The reader's cells are the places that expat finds."""
    path = write_rich_book(tmp_path / "study.xlsm")
    with open_workbook(path) as book:
        sheet = next(sheet for sheet in book.sheets if sheet.name == "Instructions")
        cells = [cell for row in book.rows(sheet) for cell in row.cells if cell.column == ID_COLUMN]

    spots = {Spot(cell.row, cell.column, cell.start, cell.end, cell.style): UUID for cell in cells}

    assert texts_at(path, {(row, ID_COLUMN): UUID for row in range(1, 6)}, PART) == spots
