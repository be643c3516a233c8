"""Workbooks for tests: written as text tables, made into real .xlsx files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook

BATCH_ID = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11"

#: The usual sheet Batches of a workbook with one batch.
ONE_BATCH = f"""
    | batch | batch_id   |
    |       | {BATCH_ID} |
"""

LIKERT = """
    | ref | type            | description    | answer_limit | option_label | option_value | instruction_id | status |
    | Q1  | multiple_choice | How was it?    | 1            | Good         | good         |                |        |
    | Q1  |                 |                |              | Bad          | bad          |                |        |
    | Q2  | free_text       | Why?           |              |              |              |                |        |
"""


def rows_of(table: str) -> list[list[str]]:
    r"""Split a text table into rows of cell texts; `\n`, `\t` and `\uXXXX` escapes are decoded."""
    lines = [line.strip() for line in table.strip().splitlines() if line.strip()]
    return [[_decode(cell.strip()) for cell in line.strip("|").split("|")] for line in lines]


def _decode(cell: str) -> str:
    return cell.encode("latin-1", "backslashreplace").decode("unicode-escape") if "\\" in cell else cell


def write_book(path: Path, sheets: Mapping[str, str | Sequence[Sequence[object]]]) -> Path:
    """Write a workbook whose sheets are text tables (every cell a text) or rows of values."""
    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for name, table in sheets.items():
        sheet = book.create_sheet(name)
        for number, row in enumerate(rows_of(table) if isinstance(table, str) else table, 1):
            for column, value in enumerate(row, 1):
                if value not in ("", None):
                    cell = sheet.cell(number, column, value)
                    if isinstance(value, str):
                        cell.data_type = "s"  # "=1+1" stays a text
    book.save(path)
    return path
