"""
Delivery: what the journal knows of a workbook's imports, as `importer.writeback` takes it.

A workbook that was saved since it was read is read again, and the ids go to the rows that bear their refs now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from importer.contract import BATCHES, DATASETS, STUDIES
from importer.journal import Creation, Import, Made
from importer.places import Places
from importer.workbook.writer import SheetEdits
from importer.writeback import Delivered, Delivery, Edits, NewIds, deliver_edits


def delivery_of(
    path: Path, imports: Sequence[Import], places: Places | None, *, backups: Path, now: datetime
) -> Delivery:
    """
    Take from the journal what goes into a workbook.

    Args:
        path: The workbook.
        imports: Acknowledged imports of this workbook.
        places: Where its ids go, as read in this run; None to read it.
        backups: Folder for the copy of the workbook as it was.
        now: For the status and the backup's name, in UTC.
    """
    new = (NewIds(done.id, done.batch_ref, done.batch_id, done.ids, done.marks) for done in imports)
    return Delivery(path, tuple(new), places, backups, now)


def deliver_made(
    path: Path,
    made: Sequence[Creation],
    *,
    backups: Path,
    now: datetime,
    checkpoint: Callable[[str], None],
) -> Delivered:
    """Write the ids of what was made into a workbook; arguments and errors as for `importer.writeback.deliver`."""
    edits = partial(_made_edits, made=made, now=now)
    return deliver_edits(path, None, edits, backups=backups, now=now, checkpoint=checkpoint)


def _made_edits(
    places: Places, made: Sequence[Creation], now: datetime
) -> tuple[list[SheetEdits], dict[str, tuple[str, ...]]]:
    """Return what to write, and the refs of what has no row, or another id by now."""
    sheets = {
        Made.DATASET: (DATASETS, places.datasets, "dataset_id"),
        Made.BATCH: (BATCHES, places.batches, "batch_id"),
        Made.STUDY: (STUDIES, places.studies, "study_id"),
    }
    edits: dict[str, Edits] = {}
    homeless: dict[str, tuple[str, ...]] = {}
    for done in made:
        contract, sheet, column = sheets[done.kind]
        row = places.named_rows.get((contract.name, done.ref))
        writing = edits.setdefault(contract.name, Edits(sheet, now)) if sheet is not None else None
        if writing is None or row is None or not writing.put_id(row, column, done.made_id):
            homeless[done.id] = (done.ref,)
            continue
        writing.put_status(row, "created")
    return [sheet.all() for sheet in edits.values() if sheet.cells], homeless
