"""Checking workbooks: from files to models, with every problem on the way."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from importer.contract import BATCHES, DATASETS, STUDIES
from importer.csv_files import check_files
from importer.errors import UsageError
from importer.helpers import PART, split
from importer.places import Checked, Part, Places, SheetPlaces, Study
from importer.sheets.frames import Frames, SheetFrame, read_frames
from importer.transformer import first_rows, to_batches, to_datasets, to_drafts
from importer.validator import validate

if TYPE_CHECKING:
    from importer.crosscheck import Owners


def check(paths: Sequence[Path], *, batch_id: str | None = None, owners: Owners = lambda _: {}) -> Checked:
    """
    Check workbooks, without a network.

    Args:
        paths: The workbooks, as the researcher named them.
        batch_id: Serves a workbook that does not say its batch.
        owners: As for `importer.crosscheck.Claims.problems`.

    Returns:
        One report over all of them, and the workbooks that have no error.

    Raises:
        UsageError: *batch_id* is not the batch that a workbook names.
    """
    from importer.gathered import Gathered  # noqa: PLC0415 - the process that only checks needs no database

    studies: dict[str, Study | bytes] = {}
    with Gathered() as gathered:
        for part in check_parts(paths, batch_id=batch_id):
            gathered.add(part)
            studies |= part.studies
        report = gathered.report(owners)
    ready = (studies.get(name) for name in report.workbooks if name not in report.broken)
    return Checked(report, tuple(study for study in ready if isinstance(study, Study)))


def check_parts(
    paths: Sequence[Path], *, batch_id: str | None = None, part_size: int = PART
) -> Iterator[Part]:
    """Check workbooks, each by itself, some at a time; arguments and errors as for `check`."""
    for some in split(paths, part_size):
        yield check_part(some, batch_id, is_packed=False)


def check_part(paths: Sequence[Path], batch_id: str | None, *, is_packed: bool = True) -> Part:
    """
    Check some workbooks at once, each by itself; arguments and errors as for `check`.

    Args:
        paths: As for `check`.
        batch_id: As for `check`.
        is_packed: Whether studies are pickled at once; who needs them in this process soon, need not.
    """
    names = tuple(map(str, paths))
    read = [read_frames(path, name) for path, name in zip(paths, names, strict=True)]
    frames = [f for f, _ in read if f is not None]
    judged = validate(frames, batch_id=batch_id)
    files = (p for f in frames for p in check_files(f, judged.problems))
    problems = (*(p for _, found in read for p in found), *judged.problems, *files)
    broken = {p.workbook for p in problems if p.is_error}
    studies = {f.workbook: _study(f, batch_id) for f in frames if f.workbook not in broken}
    if not is_packed:
        return Part(names, problems, judged.claims, studies)
    packed = {name: pickle.dumps(study, pickle.HIGHEST_PROTOCOL) for name, study in studies.items()}
    return Part(names, problems, judged.claims, packed)


def _study(frames: Frames, batch_id: str | None) -> Study:
    batches = to_batches(frames, batch_id=batch_id)
    others = [
        batch.batch_id for batch in batches if batch_id and batch.batch_id not in ("", batch_id.lower())
    ]
    if others:
        raise UsageError(
            f"--batch names {batch_id}, but {frames.workbook} is for the batch {', '.join(others)}. Leave --batch out, "
            "or clear the batch_id in the sheet Batches. Nothing was sent."
        )
    return Study(
        frames.workbook,
        frames.path.resolve(),
        batches,
        to_places(frames),
        to_datasets(frames),
        to_drafts(frames),
    )


def to_places(frames: Frames) -> Places:
    """Keep of a workbook what a push may write to."""
    rows = first_rows(frames)
    batches = frames.batches
    ids = {} if batches is None else dict(zip(batches.column("batch_id"), batches.numbers, strict=True))
    return Places(
        sha256=frames.sha256,
        instructions=_sheet_places(frames.instructions, set(rows.values())),
        batches=_whole_sheet(batches),
        rows=rows,
        batch_rows={name.lower(): row for name, row in ids.items()},
        datasets=_whole_sheet(frames.datasets),
        studies=_whole_sheet(frames.studies),
        named_rows=_named_rows(frames),
    )


def _whole_sheet(sheet: SheetFrame | None) -> SheetPlaces | None:
    return None if sheet is None else _sheet_places(sheet, set(sheet.numbers))


def _named_rows(frames: Frames) -> dict[tuple[str, str], int]:
    """Return the row of each batch, dataset and study by its short name."""
    sheets = ((BATCHES, frames.batches), (DATASETS, frames.datasets), (STUDIES, frames.studies))
    return {
        (contract.name, name): row
        for contract, sheet in sheets
        if sheet is not None
        for row, name in zip(sheet.numbers, sheet.column(contract.key), strict=True)
    }


def _sheet_places(sheet: SheetFrame, rows: set[int]) -> SheetPlaces:
    names = {column for _, column in sheet.spots}
    texts = {
        (row, name): text
        for name in names
        for row, text in zip(sheet.numbers, sheet.column(name), strict=True)
        if text and row in rows
    }
    return SheetPlaces(
        name=sheet.name,
        column_numbers=sheet.columns,
        part=sheet.part,
        prefix=sheet.prefix,
        columns=frozenset(names & sheet.columns.keys()),
        spots={place: spot for place, spot in sheet.spots.items() if place[0] in rows or place[0] == 1},
        texts=texts,
    )
