"""
From a workbook to the rows of its sheets: every value a text, each row with its Excel number.

`importer.validator.schema` makes one pandas frame of the rows in which something is wrong.

Puts together what others find: where sheets and columns stand (`importer.sheets.headers`), which rows
count (`importer.sheets.rows`), what is taken from one cell (`importer.sheets.celltext`), what merged cells hide
(`importer.sheets.merged`), where the importer may write (`importer.sheets.spots`). Whether the texts make sense
is `importer.validator`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from importer.contract import BATCHES, DATASETS, INSTRUCTIONS, STUDIES, SheetContract
from importer.errors import WorkbookRefused
from importer.problems import LIST_COLUMNS, LIST_HEADER_ROW, LIST_SHEET, Problem, problem, quote
from importer.sheets.headers import (
    Place,
    find_setup_sheet,
    find_sheet,
    first_rows,
    match_headers,
    missing_sheet,
)
from importer.sheets.merged import check_merged
from importer.sheets.rows import GatheredRows
from importer.sheets.spots import SpotFinder
from importer.texts import canonical
from importer.workbook.cells import Spot
from importer.workbook.reader import SheetInfo, Workbook, open_workbook


@dataclass(frozen=True, slots=True)
class SheetFrame:
    """
    One sheet.

    Attributes:
        name: As it stands in the workbook.
        names: All columns of the contract, in its order, whether the sheet has them or not, but no
            rare one that is blank.
        numbers: The Excel row of each row.
        texts: The texts of each row, in the order of *names*; "" = blank.
        columns: Contract column name → column number, only those present.
        part: Zip member of the sheet's XML.
        prefix: Prefix of its element names ("" or such as "x:").
        spots: (Excel row, importer's column) → where to write; the header's row if the column is
            not there yet. Of rows with the ref and batch of the row above there is none.
        guilty: (Excel row, column) of cells whose text could not be read, and that were reported.
    """

    name: str
    names: tuple[str, ...]
    numbers: Sequence[int]
    texts: Sequence[list[str]]
    columns: Mapping[str, int]
    part: str
    prefix: str
    spots: Mapping[tuple[int, str], Spot]
    guilty: frozenset[tuple[int, str]] = frozenset()

    def column(self, name: str) -> list[str]:
        """Return the texts of a column."""
        at = self.names.index(name)
        return [row[at] for row in self.texts]


@dataclass(frozen=True, slots=True)
class Frames:
    """
    One workbook.

    Attributes:
        workbook: As the researcher named it.
        path: Where it is.
        sha256: Digest of the bytes that were read.
        instructions: *ref* is filled in where it was carried, *batch* where only one is possible.
        batches: None if the workbook has no sheet Batches.
        datasets: None if the workbook has no sheet Datasets.
        studies: None if the workbook has no sheet Studies; *batch* is filled in where only one is possible.
    """

    workbook: str
    path: Path
    sha256: str
    instructions: SheetFrame
    batches: SheetFrame | None
    datasets: SheetFrame | None = None
    studies: SheetFrame | None = None


def read_frames(path: Path, workbook: str) -> tuple[Frames | None, tuple[Problem, ...]]:
    """
    Read a workbook.

    Args:
        path: The file.
        workbook: Its name in problems, as the researcher gave it.

    Returns:
        The frames, None if the workbook cannot be checked further (file refused, sheet or
        required column missing), and what was found while reading.
    """
    try:
        with open_workbook(path) as book:
            return _read_sheets(book, workbook)
    except WorkbookRefused as refused:
        values = refused.values
        return None, (problem(refused.code, workbook, sheet=None, cells=(), ref="", column="", **values),)


def _read_sheets(book: Workbook, workbook: str) -> tuple[Frames | None, tuple[Problem, ...]]:
    if (copy := _marked_copy(book, workbook)) is not None:
        return None, (copy,)
    info, problems = find_sheet(book, INSTRUCTIONS, workbook)
    if info is None:
        return None, (missing_sheet(book, INSTRUCTIONS, workbook),)
    batches_info, more = find_sheet(book, BATCHES, workbook, taken=(info,))
    problems += more
    instructions, more = _read_sheet(book, info, INSTRUCTIONS, workbook)
    problems += more
    batches = None
    if batches_info is not None:
        batches, more = _read_sheet(book, batches_info, BATCHES, workbook)
        problems += more
    if instructions is None or (batches_info is not None and batches is None):
        return None, problems
    if not instructions.numbers:
        problems += (Place(workbook, info.name).problem("no-instructions"),)
    names = [] if batches is None else batches.column("batch")
    _fill_in_batch(instructions, names)
    datasets, more = _read_setup_sheet(book, DATASETS, workbook)
    studies, yet_more = _read_setup_sheet(book, STUDIES, workbook)
    if studies is not None and len(names) == 1:
        _put(studies, "batch", [name or names[0] for name in studies.column("batch")])
    frames = Frames(workbook, book.path, book.sha256, instructions, batches, datasets, studies)
    return frames, (*problems, *more, *yet_more)


def _read_setup_sheet(
    book: Workbook, contract: SheetContract, workbook: str
) -> tuple[SheetFrame | None, tuple[Problem, ...]]:
    """Read a sheet that only `importer setup` needs; None if there is none, or it is somebody's own."""
    info, problems = find_setup_sheet(book, contract, workbook)
    if info is None:
        return None, problems
    frame, more = _read_sheet(book, info, contract, workbook)
    return frame, (*problems, *more)


def _marked_copy(book: Workbook, workbook: str) -> Problem | None:
    """Return the problem that a workbook is a marked copy, whatever its name and whoever saved it since."""
    for info in book.sheets:
        if info.name.startswith(LIST_SHEET):
            rows = {
                row.number: [c.text for c in row.cells if c.text]
                for row in islice(book.rows(info), LIST_HEADER_ROW)
            }
            if tuple(rows.get(LIST_HEADER_ROW, ())) == LIST_COLUMNS:
                original, _, _ = "".join(rows.get(1, ())).rpartition(": ")
                return Place(workbook, info.name).problem(
                    "marked-copy", original=quote(original) if original else "the workbook"
                )
    return None


def _read_sheet(
    book: Workbook, info: SheetInfo, contract: SheetContract, workbook: str
) -> tuple[SheetFrame | None, tuple[Problem, ...]]:
    place = Place(workbook, info.name)
    rows = book.rows(info)
    first = first_rows(rows)
    headers, problems = match_headers(first, contract, place)
    if headers.row is None or not headers.has_required(contract):
        return None, problems
    spots = SpotFinder(contract, headers)
    gathered = GatheredRows(contract, headers, place, spots)
    for row in chain(first, rows):
        if row.number > headers.row.number:
            gathered.add(row)
    names, texts = _without_blank(gathered, contract)
    refs = [row[names.index("ref")] for row in texts] if "ref" in names else None
    merged, guilty = check_merged(
        rows.merged, gathered.numbers, refs, headers=headers, contract=contract, place=place
    )
    found = spots.all(gathered.unnamed, rows.default_styles)
    homeless = [
        place.problem("column-missing", column=name, wanted=name) for name in spots.without_room(found)
    ]
    frame = SheetFrame(
        name=info.name,
        names=names,
        numbers=gathered.numbers,
        texts=texts,
        columns=headers.columns,
        part=info.part,
        prefix=rows.prefix,
        spots=found,
        guilty=frozenset(gathered.guilty | guilty),
    )
    return frame, (*problems, *homeless, *gathered.problems, *gathered.remarks(), *merged)


def _without_blank(
    rows: GatheredRows, contract: SheetContract
) -> tuple[tuple[str, ...], Sequence[list[str]]]:
    """Return the columns and the texts of each row, without rare columns that hold nothing."""
    names, texts = rows.names, rows.texts
    blank = {
        at
        for at, name in enumerate(names)
        if contract.by_name[name].is_rare and not any(row[at] for row in texts)
    }
    if not blank:
        return names, texts
    kept = [at for at in range(len(names)) if at not in blank]
    return tuple(names[at] for at in kept), [[row[at] for at in kept] for row in texts]


def _fill_in_batch(instructions: SheetFrame, batches: list[str]) -> None:
    """
    Fill in blank batches where only one is possible.

    That is: the one batch that the workbook has or names; that of the row above with the same
    ref; or the only batch in which the ref stands at all (a sorted sheet). All others stay blank,
    for the validator to report.
    """
    named = instructions.column("batch")
    candidates = batches or list(dict.fromkeys(name for name in named if name))
    if len(candidates) <= 1:
        filled = [name or "".join(candidates) for name in named]
    else:
        filled = _filled(list(zip(instructions.column("ref"), named, strict=True)))
    _put(instructions, "batch", filled)


def _put(sheet: SheetFrame, column: str, texts: Sequence[str]) -> None:
    at = sheet.names.index(column)
    for row, text in zip(sheet.texts, texts, strict=True):
        row[at] = text


def _filled(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return the batch of each row, from (ref, batch); "" where several are possible."""
    homes: dict[str, set[str]] = {}
    for ref, batch in rows:
        if batch:
            homes.setdefault(canonical(ref), set()).add(batch)
    filled: list[str] = []
    for number, (ref, batch) in enumerate(rows):
        follows = number > 0 and rows[number - 1][0] == ref
        home = homes.get(canonical(ref), set())
        only = next(iter(home)) if len(home) == 1 else ""
        filled.append(batch or (filled[-1] if follows else "") or only)
    return filled
