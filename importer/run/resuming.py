"""Open imports of earlier runs: each is brought as far as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from importer.errors import ImporterError, JournalRefused
from importer.journal import Creation, Import, State
from importer.push.desk import Desk, locked
from importer.push.making import resume_made
from importer.push.submitter import Outcome, advance


def resume(desk: Desk, imports: Sequence[Import], *, finish_planned: bool = True) -> tuple[Outcome, ...]:
    """
    Bring open imports as far as they go.

    Args:
        desk: What a push needs within reach.
        imports: Open imports from the journal.
        finish_planned: Whether to send what was planned and agreed to, but never sent; a push
            cancels that instead, since it makes a newer plan.

    Returns:
        One outcome per import.
    """
    outcomes: list[Outcome] = []
    by_workbook = sorted(imports, key=lambda i: i.workbook)
    for workbook, group in groupby(by_workbook, key=lambda i: i.workbook):
        outcomes += _resume_workbook(desk, Path(workbook), list(group), finish_planned)
    return tuple(outcomes)


def resume_creations(
    desk: Desk, creations: Sequence[Creation]
) -> tuple[tuple[Creation, ...], tuple[ImporterError, ...]]:
    """
    Bring what `importer setup` left open as far as it goes, workbook by workbook.

    Returns:
        The creations, as the journal now has them, and why some came no further.
    """
    refusals: list[ImporterError] = []
    by_workbook = sorted(creations, key=lambda one: one.workbook)
    for workbook, group in groupby(by_workbook, key=lambda one: one.workbook):
        try:
            resume_made(desk, Path(workbook), list(group))
        except ImporterError as refusal:
            refusals.append(refusal)
    return tuple(desk.journal.creation(one.id) for one in creations), tuple(refusals)


def _resume_workbook(desk: Desk, path: Path, group: Sequence[Import], finish_planned: bool) -> list[Outcome]:
    try:
        with locked(desk.state, [i.batch_id for i in group]):
            now = [desk.journal.get(i.id) for i in group]
            never_sent = [
                i for i in now if i.state is State.NEW or (i.state is State.PLANNED and not finish_planned)
            ]
            cancelled = [
                Outcome(desk.move(i, State.CANCELLED, note="Nothing was sent."), None) for i in never_sent
            ]
            going_on = [i for i in now if i.state.is_open and i not in never_sent]
            return [*cancelled, *advance(desk, path, going_on)]
    except JournalRefused as refusal:
        return [Outcome(i, refusal) for i in group]
