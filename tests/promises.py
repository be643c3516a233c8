"""
What must hold of a scene, whenever a push has died, and when all is done.

Each check gives sentences: what is broken, or nothing.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import openpyxl

from tests.elsewhere import SandboxElsewhere
from tests.scenes import HeldBatch, Scene
from tests.writing import raw_members

#: Where an import may go from where it stands; a push that only looks again stays `sent`.
STEPS: Final = {
    "new": {"planned", "cancelled"},
    "planned": {"sent", "acknowledged", "cancelled", "rejected"},
    "sent": {"sent", "planned", "acknowledged", "rejected", "cancelled"},
    "acknowledged": {"written"},
}
ENDS: Final = {"written", "rejected", "cancelled"}
#: The sheets that a push may write to, as the workbook's builder names their parts.
OURS: Final = {"xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"}
OUR_COLUMNS: Final = {"Instructions": {"J", "K"}, "Batches": {"D"}}
LONG_AGO_S: Final = 2 * 3600


def ids_in(path: Path) -> dict[str, str]:
    """Return the instruction ids that stand in the workbook, by ref."""
    sheet = openpyxl.load_workbook(path)["Instructions"]
    return {str(row[1]): str(row[9]) for row in sheet.iter_rows(min_row=2, values_only=True) if row[9]}


def ids_in_all(scene: Scene) -> dict[str, str]:
    """Return the instruction ids that stand in all workbooks, by ref; no two have a ref in common."""
    return {ref: one for path in scene.place.paths for ref, one in ids_in(path).items()}


def left_overs(scene: Scene) -> set[Path]:
    """Return the unfinished copies beside the workbook and its backups."""
    return {
        path
        for folder in (scene.place.paths[0].parent, scene.place.state / "backups")
        for path in folder.glob(".*")
    }


def age_left_overs(scene: Scene) -> set[Path]:
    """Make the unfinished copies look two hours old."""
    found = left_overs(scene)
    for path in found:
        os.utime(path, times=(time.time() - LONG_AGO_S,) * 2)
    return found


# ---------------------------------------------------------------- after every death
def broken_now(scene: Scene, sandbox: SandboxElsewhere) -> Iterator[str]:
    """Each workbook is whole, bears no id that Prolific does not have, and its backups are whole."""
    held = {item["id"] for batch in scene.batches for item in sandbox.ask("instructions", batch.id)}
    strangers = set(ids_in_all(scene).values()) - held
    if strangers:
        yield f"a workbook bears ids that Prolific does not have: {sorted(strangers)}"
    yield from _strangers_beside(scene)
    yield from _broken_backups(scene)
    for original, path in zip(scene.originals, scene.place.paths, strict=True):
        yield from _lost_cells(original, path)


def _strangers_beside(scene: Scene) -> Iterator[str]:
    for other in scene.place.paths[0].parent.iterdir():
        if other not in scene.place.paths and not (
            other.name.startswith(".importer-") and other.suffix == ".tmp"
        ):
            yield f"{other.name} stands beside the workbook"


def _broken_backups(scene: Scene) -> Iterator[str]:
    for backup in scene.place.state.glob("backups/*/[!.]*"):
        original = next(one for one in scene.originals if backup.name.startswith(f"{one.stem}."))
        for what in _lost_cells(original, backup):
            yield f"the backup {backup.name} ({backup.stat().st_size} bytes): {what}"


def _lost_cells(original: Path, path: Path) -> Iterator[str]:
    """Compare with the researcher's own copy: other parts byte for byte, other cells by value."""
    if path.read_bytes() == original.read_bytes():
        return
    try:
        before, after = raw_members(original), raw_members(path)
        cells, own_cells = _others(path), _others(original)
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        yield f"it is damaged: {error}"
        return
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if differing - OURS:
        yield f"other parts changed: {sorted(differing - OURS)}"
    if cells != own_cells:
        yield "other cells changed"


def _others(path: Path) -> dict[tuple[str, str], object]:
    book = openpyxl.load_workbook(path)
    return {
        (sheet.title, cell.coordinate): cell.value
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None and cell.column_letter not in OUR_COLUMNS.get(sheet.title, ())
    }


# ---------------------------------------------------------------- when all is done
def broken_at_the_end(scene: Scene, sandbox: SandboxElsewhere) -> Iterator[str]:
    """Prolific holds what the sheet says, created once; the sheet has the ids; the journal is at rest."""
    in_sheet = ids_in_all(scene)
    created = Counter(
        entry.path.split("/batches/")[1].split("/")[0]
        for entry in sandbox.ask("ledger")
        if entry.is_committed
        for _ in entry.ids_created
    )
    for batch in scene.batches:
        # In a layout each comes with a page, a row and a column.
        born = created[batch.id] / (4 if scene.shape.is_paged else 1)
        yield from _broken_batch(batch, sandbox, in_sheet, born)
        yield from _broken_content(batch, sandbox)
    yield from _broken_journal(scene.place.state / "journal.sqlite3")


def _broken_batch(
    batch: HeldBatch, sandbox: SandboxElsewhere, in_sheet: dict[str, str], created: float
) -> Iterator[str]:
    held = sandbox.ask("instructions", batch.id)
    if [item["description"] for item in held] != list(batch.texts.values()):
        yield f"{batch.ref} holds {[item['description'] for item in held]}"
    if [item["id"] for item in held] != [in_sheet.get(ref) for ref in batch.texts]:
        yield f"{batch.ref}: the sheet has other ids than Prolific"
    if any(in_sheet.get(ref) != known for ref, known in batch.known.items()):
        yield f"{batch.ref}: a known id is lost"
    if created != batch.new:
        yield f"{batch.ref}: {created} instructions were created, for {batch.new} new ones"
    if batch.new and not batch.content and sandbox.ask("generations", batch.id) != 1:
        yield f"{batch.ref}: {sandbox.ask('generations', batch.id)} generations of instructions"
    if sandbox.ask("batch", batch.id)["name"] != batch.name:
        yield f"{batch.ref} is called {sandbox.ask('batch', batch.id)['name']}"


def _broken_content(batch: HeldBatch, sandbox: SandboxElsewhere) -> Iterator[str]:
    """What the sheet does not describe is as it was, in its order."""
    pages = sandbox.ask("batch", batch.id)["batch_items"] or []
    content = [page for page in pages if page in batch.content]
    if content != batch.content:
        yield f"{batch.ref}: content is not as it was: {content}"


def _broken_journal(path: Path) -> Iterator[str]:
    """SQLite finds it whole, every import went a legal way, and came to an end."""
    with sqlite3.connect(path) as db:
        if (whole := db.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            yield f"the journal is damaged: {whole}"
        states = dict(db.execute("SELECT id, state FROM imports"))
        logged = db.execute("SELECT import_id, state FROM imports_log ORDER BY number").fetchall()
    db.close()
    ways: dict[str, list[str]] = {import_id: [] for import_id in states}
    for import_id, state in logged:
        ways[import_id].append(state)
    for import_id, way in ways.items():
        is_legal = way[0] == "new" and all(to in STEPS.get(come_from, ()) for come_from, to in pairwise(way))
        if not is_legal or way[-1] != states[import_id] or way[-1] not in ENDS:
            yield f"an import went {' → '.join(way)} and is {states[import_id]}"
