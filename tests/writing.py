"""Writing back in tests: edits by row and column, and what a workbook holds afterwards."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import openpyxl

from importer.workbook.cells import Spot
from importer.workbook.writer import SheetEdits, write_back
from tests.spots import find_places, part_bytes, spot_at

NOW = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
FIRST = "xl/worksheets/sheet1.xml"
UUID = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a99"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(
    path: Path, texts: Mapping[Spot, str], part: str = FIRST, prefix: str = "", **options: object
) -> str:
    given = {"sha256": digest(path), "backups": None, "now": NOW, **options}
    return write_back(path, [SheetEdits(part, prefix, texts)], **given)  # type: ignore[arg-type]


def texts_at(path: Path, cells: Mapping[tuple[int, int], str], part: str = FIRST) -> dict[Spot, str]:
    """The texts by spot instead of (row, column)."""
    places = find_places(part_bytes(path, part))
    return {spot_at(places, row, column): text for (row, column), text in cells.items()}


def raw_members(path: Path) -> dict[str, bytes]:
    """Every member as the bytes it takes in the zip: local header, compressed bytes, what follows."""
    data = path.read_bytes()
    with zipfile.ZipFile(path) as package:
        starts = {info.filename: info.header_offset for info in package.infolist()}
        bounds = sorted([*starts.values(), package.start_dir])
    return {name: data[at : bounds[bounds.index(at) + 1]] for name, at in starts.items()}


def others(path: Path, part: str) -> dict[str, bytes]:
    return {name: content for name, content in raw_members(path).items() if name != part}


def values(path: Path, *, data_only: bool) -> dict[tuple[str, str], object]:
    book = openpyxl.load_workbook(path, data_only=data_only, rich_text=True)
    return {
        (sheet.title, cell.coordinate): getattr(cell.value, "text", cell.value)  # an array formula has a text
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    }
