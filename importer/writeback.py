"""
Write-back: the ids and statuses of a push go into their workbook.

Owns which cell gets what; how bytes change is `importer.workbook.writer`'s business. A workbook
that was saved since it was read is read again, and the ids go to the rows that bear their refs now.
Knows neither journal nor network: what goes in and what comes out can be pickled, so that any process can do it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from importer.errors import WriteRefused
from importer.workbook.writable import check_writable, digest
from importer.workbook.writer import SheetEdits, write_back

if TYPE_CHECKING:
    from importer.places import Places, SheetPlaces
    from importer.workbook.cells import Spot

#: How often a workbook that is being saved again and again is read again.
TRIES: Final = 3


class NewIds(NamedTuple):
    """
    What one import brings into its workbook.

    Attributes:
        import_id: Of the import.
        batch_ref: The researcher's short name of the batch; may be "".
        batch_id: Prolific's id of the batch.
        ids: Prolific's id of each instruction, by ref.
        marks: What to write into `status`, by ref; "" stands for the batch's own row.
    """

    import_id: str
    batch_ref: str
    batch_id: str
    ids: Mapping[str, str]
    marks: Mapping[str, str]


class Delivery(NamedTuple):
    """
    What goes into one workbook.

    Attributes:
        path: The workbook.
        imports: What each of its imports brings.
        places: Where it goes, as read in this run; None to read it.
        backups: Folder for the copy of the workbook as it was.
        now: For the status and the backup's name, in UTC.
    """

    path: Path
    imports: tuple[NewIds, ...]
    places: Places | None
    backups: Path
    now: datetime


class Delivered(NamedTuple):
    """
    What came of a delivery.

    Attributes:
        sha256: Digest of the workbook as it now stands.
        homeless: For each import id, the refs whose rows are no longer in the workbook, or bear
            another id by now; their ids stay in the journal.
    """

    sha256: str
    homeless: Mapping[str, tuple[str, ...]]


def deliver(delivery: Delivery, checkpoint: Callable[[str], None] = lambda _: None) -> Delivered:
    """
    Write ids and statuses into a workbook; nothing else in it changes.

    Args:
        delivery: Which, and where.
        checkpoint: Called between the steps of writing, so that a test can stop there.

    Raises:
        WriteRefused: Open elsewhere, read-only, gone, damaged, or saved again and again meanwhile; the
            workbook is as it was.
    """
    return deliver_edits(
        delivery.path,
        delivery.places,
        partial(_edits, imports=delivery.imports, now=delivery.now),
        backups=delivery.backups,
        now=delivery.now,
        checkpoint=checkpoint,
    )


def deliver_edits(
    path: Path,
    places: Places | None,
    edits_at: Callable[[Places], tuple[list[SheetEdits], dict[str, tuple[str, ...]]]],
    *,
    backups: Path,
    now: datetime,
    checkpoint: Callable[[str], None],
) -> Delivered:
    """Write what *edits_at* makes of the places; it gives the refs that have no row too. Raises as `deliver`."""
    # The writer compares the digest itself, so that a workbook that nobody touched is read once.
    for _ in range(TRIES if places is None else TRIES + 1):
        if places is None:
            check_writable(path)  # what is not there any more cannot be read either
            places = _read_again(path)
        edits, homeless = edits_at(places)
        try:
            sha256 = write_back(
                path, edits, sha256=places.sha256, backups=backups, now=now, checkpoint=checkpoint
            )
        except WriteRefused:
            if _is_still(path, places.sha256):
                raise
        else:
            # Where nothing is to be written, the writer did not look.
            if edits or _is_still(path, sha256):
                return Delivered(sha256, homeless)
        places = None  # saved by somebody since it was read: read it again
    raise WriteRefused(f"{path.name} is being saved by another program again and again. Close it there.")


def _is_still(path: Path, sha256: str) -> bool:
    """Whether a workbook has the bytes that it had; not if it is gone."""
    try:
        return digest(path) == sha256
    except OSError:
        return False


def _read_again(path: Path) -> Places:
    # Only for a workbook that was saved meanwhile or is resumed.
    from importer.checking import to_places  # noqa: PLC0415
    from importer.sheets.frames import read_frames  # noqa: PLC0415

    frames, problems = read_frames(path, path.name)
    if frames is None:
        first = next(problem for problem in problems if problem.is_error)
        raise WriteRefused(f"{path.name} cannot be read any more: {first.text} {first.remedy}")
    return to_places(frames)


def _edits(
    places: Places, imports: Sequence[NewIds], now: datetime
) -> tuple[list[SheetEdits], dict[str, tuple[str, ...]]]:
    """Return what to write, and the refs of each import that have no row."""
    instructions = Edits(places.instructions, now)
    batches = Edits(places.batches, now) if places.batches is not None else None
    homeless = {new.import_id: tuple(_put_ids(instructions, places.rows, new)) for new in imports}
    for new in imports:
        if batches is not None and "" in new.marks and new.batch_id in places.batch_rows:
            batches.put_status(places.batch_rows[new.batch_id], new.marks[""])
    sheets = [sheet.all() for sheet in (instructions, batches) if sheet is not None and sheet.cells]
    return sheets, homeless


def _put_ids(sheet: Edits, rows: Mapping[tuple[str, str], int], new: NewIds) -> Iterator[str]:
    """Put the ids and statuses of an import; yield the refs that have no row, or another id by now."""
    for ref, instruction_id in new.ids.items():
        row = rows.get((new.batch_ref, ref))
        if row is None or not sheet.put_id(row, "instruction_id", instruction_id):
            yield ref
            continue
        if ref in new.marks:
            sheet.put_status(row, new.marks[ref])


class Edits:
    """What is to be written into one sheet; equal text is no edit."""

    def __init__(self, sheet: SheetPlaces, now: datetime) -> None:
        self._sheet = sheet
        self._at = f"{now:%Y-%m-%d %H:%M} UTC"
        self.cells: dict[Spot, str] = {}

    def put_id(self, row: int, column: str, identity: str) -> bool:
        """Write an id, in lower case, where none stands; False if another one does."""
        stands = self._sheet.texts.get((row, column), "").lower()
        if not stands:
            self._put(row, column, identity)
        return stands in ("", identity)

    def put_status(self, row: int, mark: str) -> None:
        """Write what a push did, and when."""
        text = f"{mark} {self._at}"
        if self._sheet.texts.get((row, "status"), "").lower() != text.lower():
            self._put(row, "status", text)

    def _put(self, row: int, column: str, text: str) -> None:
        """Write a cell, and the header of its column if the sheet lacks it."""
        self.cells[self._sheet.spots[row, column]] = text
        if column not in self._sheet.columns:
            self.cells[self._sheet.spots[1, column]] = column

    def all(self) -> SheetEdits:
        """Return the edits as the writer takes them."""
        return SheetEdits(self._sheet.part, self._sheet.prefix, self.cells)
