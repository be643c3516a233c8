"""
The workbooks that are measured: filled ones of any size, and one formatted down to the last row.

    python -m benchmarks.books OUT ROWS BATCH_ID,BATCH_ID,…

Twelve columns, one row per instruction and option, about 60 rows and 18 instructions per batch,
with what a real sheet has: borders, wrapped text, a filter, frozen headers, drop-down lists and
blank formatted cells where the ids will stand.
"""

from __future__ import annotations

import getpass
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

#: Three instructions of a batch: rows that each takes, so that 18 instructions take 60 rows.
PATTERN: Final = (("multiple_choice", 5), ("multiple_choice_with_free_text", 4), ("free_text", 1))
ROWS_PER_BATCH: Final = 60
LAST_ROW: Final = 1_048_576

COLUMNS: Final = (
    ("batch", 10),
    ("ref", 8),
    ("type", 31),
    ("description", 60),
    ("answer_limit", 13),
    ("option_heading", 18),
    ("option_label", 30),
    ("option_value", 18),
    ("helper_text", 40),
    ("disable_dropdown", 17),
    ("instruction_id", 38),
    ("status", 30),
)
#: Text of column K, where the ids stand.
ID_COLUMN: Final = 11

_ROOT: Final = Path(__file__).resolve().parent.parent


# ---------------------------------------------------------------- where they are
def cached(name: str, rows: int) -> Path:
    """Return the path of a workbook in the cache, made if it is not there: `filled` or `formatted`."""
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"importer-benchmarks-{getpass.getuser()}" / version
    path = folder / f"{name}-{rows}.xlsx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = path.with_suffix(".part")
        make(unfinished, rows, [f"019a0f6e-1c1d-7cc2-8a67-{number:012x}" for number in range(batches(rows))])
        if name == "formatted":
            format_to_last_row(unfinished)
        unfinished.replace(path)
    return path


def make(path: Path, rows: int, batch_ids: Sequence[str]) -> None:
    """Write a filled workbook, in a process of its own: the one that measures must stay small."""
    command = [sys.executable, "-m", "benchmarks.books", str(path), str(rows), ",".join(batch_ids)]
    subprocess.run(command, check=True, cwd=_ROOT)


def batches(rows: int) -> int:
    """Return how many batches a workbook of so many rows has."""
    return -(-rows // ROWS_PER_BATCH)


def instructions(rows: int) -> int:
    """Return how many instructions a workbook of so many rows has."""
    return sum(1 for _ in _blocks(rows))


# ---------------------------------------------------------------- what stands in them
def _blocks(rows: int) -> Iterator[tuple[int, int, str, int]]:
    """Yield each instruction: its batch, its number there, its type, its rows."""
    for batch in range(batches(rows)):
        left = min(ROWS_PER_BATCH, rows - batch * ROWS_PER_BATCH)
        for number, (kind, size) in enumerate(cycle(PATTERN), 1):
            if left <= 0:
                break
            yield batch, number, kind, min(size, left)
            left -= size


def _rows(rows: int) -> Iterator[list[str | int]]:
    for batch, number, kind, size in _blocks(rows):
        for option in range(size):
            yield _row(batch, number, kind, option)


def _row(batch: int, number: int, kind: str, option: int) -> list[str | int]:
    head: list[str | int] = [f"wave{batch + 1}", f"Q{number}"]
    if option == 0:
        head += [
            kind,
            f"Question {number} of wave {batch + 1}: which of the answers below is nearer to what you think?",
        ]
        head += ["" if kind == "free_text" else 1]
    else:
        head += ["", "", ""]
    heading = f"Aspect {option // 2 + 1}" if kind == "multiple_choice_with_free_text" else ""
    answer = (
        ["", ""] if kind == "free_text" else [f"Answer {option + 1} & why", f"q{number}_answer_{option + 1}"]
    )
    helper = f"Take your time with question {number}." if option == 0 else ""
    dropdown = "yes" if option == 0 and kind == "multiple_choice" else ""
    return [*head, heading, *answer, helper, dropdown, "", ""]


def write(path: Path, rows: int, batch_ids: Sequence[str]) -> None:
    """Write a filled workbook with XlsxWriter."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path)) as book:
        cell = book.add_format({"border": 1, "text_wrap": True, "valign": "top", "num_format": "@"})
        bold = book.add_format({"border": 1, "bold": True, "bg_color": "#DDEBF7"})
        sheet = book.add_worksheet("Instructions")
        for column, (name, width) in enumerate(COLUMNS):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, name, bold)
        for number, values in enumerate(_rows(rows), 1):
            for column, value in enumerate(values):
                sheet.write(number, column, value, cell)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, rows, len(COLUMNS) - 1)
        sheet.data_validation(1, 2, rows, 2, {"validate": "list", "source": [kind for kind, _ in PATTERN]})
        listed = book.add_worksheet("Batches")
        listed.write_row(0, 0, ["batch", "batch_id"], bold)
        for number, batch_id in enumerate(batch_ids, 1):
            listed.write_row(number, 0, [f"wave{number}", batch_id], cell)


# ---------------------------------------------------------------- formatted to the last row
def format_to_last_row(path: Path) -> None:
    """Give every row below the filled ones twelve bordered blank cells, as a whole-column format does."""
    target = path.with_suffix(".formatted")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for member in source.infolist():
            if member.filename == "xl/worksheets/sheet1.xml":
                _write_formatted(source.read(member), out)
            else:
                out.writestr(member, source.read(member))
    target.replace(path)


def _write_formatted(xml: bytes, out: zipfile.ZipFile) -> None:
    above, below = xml.split(b"</sheetData>")
    style = above[above.rindex(b' s="') :].split(b'"')[1].decode()
    first = above.count(b"<row ") + 1
    with out.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
        part.write(
            above.replace(b'<dimension ref="A1:L%d"' % (first - 1), b'<dimension ref="A1:L%d"' % LAST_ROW)
        )
        for start in range(first, LAST_ROW + 1, 4096):
            numbers = range(start, min(start + 4096, LAST_ROW + 1))
            part.write("".join(_blank_row(number, style) for number in numbers).encode())
        part.write(b"</sheetData>" + below)


def _blank_row(number: int, style: str) -> str:
    cells = "".join(f'<c r="{letter}{number}" s="{style}"/>' for letter in "ABCDEFGHIJKL")
    return f'<row r="{number}" spans="1:12">{cells}</row>'


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","))
