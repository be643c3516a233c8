"""
The CSV files that the sheet Datasets names: where they lie, and whether they can be uploaded.

What is in them is Prolific's to judge; here is only what would surely go wrong.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from importer.problems import Problem, problem, quote
from importer.sheets.frames import Frames
from importer.texts import cell_name

#: So much of a file is looked at to know how it is encoded.
_LOOKED_AT_BYTES: Final = 4_000_000


def csv_file(workbook: Path, name: str) -> Path:
    """Return where a file lies that a workbook names: the checks keep it in the workbook's folder or below it."""
    return workbook.parent.joinpath(*name.replace("\\", "/").split("/"))


def check_files(frames: Frames, found: Iterable[Problem]) -> Iterator[Problem]:
    """
    Yield what is wrong with the files of the datasets that are to be made.

    Args:
        frames: The workbook.
        found: What is wrong with its cells; no file is opened whose name is.
    """
    sheet = frames.datasets
    if sheet is None:
        return
    guilty = {(p.sheet, p.cells[0]) for p in found if p.workbook == frames.workbook and p.cells}
    columns = (sheet.column(name) for name in ("file", "dataset", "dataset_id"))
    for row, name, ref, dataset_id in zip(sheet.numbers, *columns, strict=True):
        cell = cell_name(row, sheet.columns["file"])
        is_looked_at = name and not dataset_id and (sheet.name, cell) not in guilty
        code = _trouble(csv_file(frames.path, name)) if is_looked_at else None
        if code is not None:
            yield problem(
                code,
                frames.workbook,
                sheet=sheet.name,
                cells=[cell],
                ref=ref,
                column="file",
                shown=quote(name),
            )


def _trouble(path: Path) -> str | None:
    """Return the code of what is wrong with a file; None if nothing is."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT_BYTES)
    except (OSError, ValueError):  # a name may hold what no system takes
        return "file-missing"
    if not start.strip():
        return "file-empty"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "file-encoding"
    return None
