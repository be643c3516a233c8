"""
Single steps, each timed in a fresh process without its imports.

    python -m benchmarks.steps NAME WORKBOOK

Prints `{"wall_s": …, "cpu_s": …}`. Steps that write work on a copy beside nothing else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.books import ID_COLUMN

PIECE_BYTES: Final = 1 << 20
SHEET: Final = "Instructions"


# ---------------------------------------------------------------- reading
def read_ours(path: Path) -> Callable[[], object]:
    from importer.workbook.reader import open_workbook

    def step() -> None:
        with open_workbook(path) as book:
            for _ in book.rows(book.sheets[0]):
                pass

    return step


def read_calamine(path: Path) -> Callable[[], object]:
    from python_calamine import CalamineWorkbook

    return lambda: CalamineWorkbook.from_path(str(path)).get_sheet_by_name(SHEET).to_python()


def read_openpyxl(path: Path) -> Callable[[], object]:
    from openpyxl import load_workbook

    def step() -> None:
        book = load_workbook(path, read_only=True)
        for _ in book[SHEET].iter_rows(values_only=True):
            pass
        book.close()

    return step


def inflate(path: Path) -> Callable[[], object]:
    def step() -> None:
        with zipfile.ZipFile(path) as book, book.open("xl/worksheets/sheet1.xml") as part:
            while part.read(PIECE_BYTES):
                pass

    return step


# ---------------------------------------------------------------- writing back
def write_ours(path: Path) -> Callable[[], object]:
    """As in a push: the reader has handed over where the id cells stand; a backup is kept."""
    from importer.workbook.cells import Spot
    from importer.workbook.reader import open_workbook
    from importer.workbook.writer import SheetEdits, write_back

    with open_workbook(path) as book:
        info = book.sheets[0]
        rows = book.rows(info)
        next(rows)
        found = [cell for row in rows for cell in row.cells if cell.column == ID_COLUMN]
    cells = {Spot(c.row, c.column, c.start, c.end, c.style): _id(c.row) for c in found}
    edits = [SheetEdits(info.part, rows.prefix, cells)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    now = datetime.now(UTC)
    return lambda: write_back(path, edits, sha256=digest, backups=path.parent / "backups", now=now)


def write_openpyxl(path: Path) -> Callable[[], object]:
    from openpyxl import load_workbook

    def step() -> None:
        book = load_workbook(path)
        sheet = book[SHEET]
        for number in range(2, sheet.max_row + 1):
            sheet.cell(number, ID_COLUMN).value = _id(number)
        book.save(path)

    return step


def _id(number: int) -> str:
    return f"0192041c-470f-7336-8e3d-{number:012x}"


STEPS: Final = {
    "read-ours": read_ours,
    "read-calamine": read_calamine,
    "read-openpyxl": read_openpyxl,
    "inflate": inflate,
    "write-ours": write_ours,
    "write-openpyxl": write_openpyxl,
}


def main(name: str, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if name.startswith("write-"):
            path = Path(shutil.copy(path, folder))
        step = STEPS[name](path)
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
