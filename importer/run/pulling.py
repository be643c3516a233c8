"""
`importer pull`: a workbook for each batch, filled from what Prolific holds.

Nothing is sent. A workbook gets its name only after it was checked and planned against what it was
made from, and a push of it would do nothing; a file that is there is never replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from importer.changes import Kind
from importer.errors import ImporterError, Interrupted, UsageError, WriteRefused
from importer.filenames import file_names
from importer.matching import named
from importer.plan import Existing, make_plan
from importer.pulled import Pulled, to_pulled
from importer.push.crew import Crew, apart
from importer.push.desk import Desk
from importer.push.existing import known_items, to_existing
from importer.push.reading import Items, fetch
from importer.run.results import combine
from importer.run.spool import Spool
from importer.run.watching import Watcher
from importer.workbook.temporary import rename_to_new, temporary_file

if TYPE_CHECKING:
    from importer.places import Study

#: Sentences about one workbook that are shown; the first say most.
SHOWN: Final = 5
_SILENT: Final = Watcher()
_NEW_FILE: Final = 0o666  # less the umask, as for any file of the researcher's


@dataclass(frozen=True, slots=True)
class PulledBatch:
    """
    What came of one batch.

    Attributes:
        batch_id: Prolific's id.
        name: Its name on Prolific; "" if it could not be read.
        workbook: The file that was written; None if none was.
        instructions: How many it describes.
        notes: What stays on Prolific only, one sentence each.
        refusal: Why no workbook was written; None if one was.
    """

    batch_id: str
    name: str = ""
    workbook: Path | None = None
    instructions: int = 0
    notes: tuple[str, ...] = ()
    refusal: ImporterError | None = None

    @property
    def exit_code(self) -> int:
        """That of its refusal; 0 if a workbook was written."""
        return 0 if self.refusal is None else self.refusal.exit_code


@dataclass(frozen=True, slots=True)
class PullResult:
    """What came of each batch, in order, and whether Ctrl-C ended it before all were done."""

    batches: tuple[PulledBatch, ...]
    is_interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """One code for all of them."""
        return Interrupted.exit_code if self.is_interrupted else combine(b.exit_code for b in self.batches)


@dataclass(frozen=True, slots=True)
class _Read:
    """A batch as Prolific holds it."""

    existing: Existing
    items: Items | None


def pull(desk: Desk, batch_ids: Sequence[str], folder: Path, *, watcher: Watcher = _SILENT) -> PullResult:
    """
    Write a workbook for each batch.

    Args:
        desk: What a push needs within reach.
        batch_ids: In lower case, each once.
        folder: Where the workbooks go; made if it is not there.
        watcher: Is told how it goes on.

    Raises:
        Interrupted: Ctrl-C before anything was written.
        UsageError: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be made ({error.strerror}). Choose another --out."
        ) from error
    read = Spool()
    watcher.pulling(len(batch_ids))
    try:
        # Apart: Ctrl-C must strike whoever waits, never a request on its way.
        titles = apart(Crew(desk.jobs).map, partial(_read, desk, read, watcher), batch_ids).result()
        names = file_names(dict(zip(batch_ids, titles, strict=True)), ".xlsx")
    except KeyboardInterrupt:
        desk.stop()
        raise Interrupted("Interrupted. Nothing was written.") from None
    done: list[PulledBatch] = []
    try:
        for batch_id in batch_ids:
            done.append(_pull_one(desk, batch_id, read[batch_id], folder / names[batch_id]))
            watcher.pulled()
    except KeyboardInterrupt:
        rest = [PulledBatch(i, refusal=Interrupted("Interrupted.")) for i in batch_ids[len(done) :]]
        return PullResult((*done, *rest), is_interrupted=True)
    finally:
        watcher.close()
    return PullResult(tuple(done))


def _read(desk: Desk, read: Spool, watcher: Watcher, batch_id: str) -> str:
    """Read a batch and keep it, or why it could not be read; return its name."""
    try:
        fetched = fetch(desk, batch_id)
        items, source = known_items(fetched, desk.journal.last_known(batch_id))
        existing = to_existing(batch_id, fetched.batch, items, source)
    except ImporterError as refusal:
        read[batch_id] = refusal
        name = ""
    else:
        read[batch_id] = _Read(existing, items)
        name = existing.name
    watcher.read()
    return name


def _pull_one(desk: Desk, batch_id: str, read: _Read | ImporterError, target: Path) -> PulledBatch:
    if isinstance(read, ImporterError):
        return PulledBatch(batch_id, refusal=read)
    name = read.existing.name
    try:
        pulled = _described(desk, read)
        with _new_file(target) as unfinished:
            _write(unfinished, pulled, read.existing)
    except ImporterError as refusal:
        return PulledBatch(batch_id, name, refusal=refusal)
    return PulledBatch(batch_id, name, target, pulled.instructions, pulled.notes)


def _described(desk: Desk, read: _Read) -> Pulled:
    if read.items is None:
        raise WriteRefused(
            "Prolific no longer lists the instructions of this batch, and the journal does not remember a push of all of "
            "them. No workbook was written."
        )
    pulled = to_pulled(read.existing, read.items, desk.journal.refs(read.existing.batch_id))
    if pulled.obstacles:
        raise WriteRefused("\n".join([*_some(pulled.obstacles), "No workbook was written."]))
    return pulled


def _some(sentences: Sequence[str]) -> list[str]:
    rest = len(sentences) - SHOWN
    return [*sentences[:SHOWN], *([f"… and {rest} more."] if rest > 0 else [])]


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """
    Have an empty file that becomes *target* if all goes well.

    Raises:
        WriteRefused: There is a file of that name, or it cannot be written.
    """
    taken = WriteRefused(
        f"{target} is there already, and is not replaced. Move it away or choose another --out; to fill in its ids "
        f"and see what differs: importer pull --into"
    )
    if target.exists():
        raise taken
    try:
        with temporary_file(target.parent, mode=_NEW_FILE) as unfinished:
            yield unfinished
            rename_to_new(unfinished, target)
    except FileExistsError:
        raise taken from None
    except OSError as error:
        raise WriteRefused(
            f"{target} cannot be written ({error.strerror}). Choose another place with --out."
        ) from error


def _write(path: Path, pulled: Pulled, existing: Existing) -> None:
    """
    Write a workbook, and prove that a push of it would do nothing.

    Raises:
        WriteRefused: It would do something.
    """
    from importer.workbook.template import write_filled  # noqa: PLC0415 - openpyxl, which only this command needs

    write_filled(path, pulled.instruction_rows, pulled.batch_rows)
    if not pulled.instruction_rows:
        return  # a sheet without rows is to be filled in; it is not ready
    study = _checked(path)
    plan = make_plan(study.batches[0], existing)
    if plan.needs_push and not (pulled.is_partial and plan.obstacles):
        changed = [one.ref for one in plan.changes if one.kind is not Kind.KEEP]
        what = named([*changed, *(one.name for one in plan.details)]) or "the places of its items"
        raise WriteRefused(
            f"A push of the workbook as it is would change the batch ({what}), so it was not written. Please report this."
        )


def _checked(path: Path) -> Study:
    from importer.checking import check  # noqa: PLC0415 - only `--into` checks

    checked = check([path])
    if not checked.studies:
        errors = [f"{one.place}: {one.text}" for one in checked.report.problems if one.is_error]
        raise WriteRefused("\n".join([*_some(errors), "So no workbook was written."]))
    return checked.studies[0]
