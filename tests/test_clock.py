"""A clock that goes backwards: nothing is created twice, and nothing is taken for newer than it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from importer.journal import Journal, State
from importer.run.resuming import resume
from importer.sandbox import Sandbox
from importer.workbook.backups import KEPT_BACKUPS
from tests.desks import Clock, open_desk
from tests.test_backups import keep
from tests.test_journal import BATCH, ITEM, new
from tests.test_push import edit, go, ids_held, ids_in, push_and_die

HOUR_S = 3600.0


@pytest.mark.parametrize(
    "moment", ["journal:planned", "journal:sent", "answered", "journal:acknowledged", "replaced"]
)
@pytest.mark.parametrize("by_s", [-HOUR_S, -30 * 24 * HOUR_S])
def test_an_hour_back_between_push_and_resume(
    prolific: Sandbox, tmp_path: Path, study: Path, batch_id: str, moment: str, by_s: float
):
    """Wherever the push died, resume on a clock that went back ends with one generation of ids."""
    state = tmp_path / "state"
    push_and_die(prolific, state, study, moment)

    with open_desk(prolific.url, prolific.token, state, Clock(by_s)) as desk:
        outcomes = resume(desk, desk.journal.open_imports())

    assert [None] == [o.refusal for o in outcomes]
    assert 1 == prolific.generations(batch_id)
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_hold_is_waited_for_in_full(prolific: Sandbox, tmp_path: Path, study: Path, batch_id: str):
    """A clock that went back says nothing about the age of a request: it is waited for by what was watched."""
    state, clock = tmp_path / "state", Clock(-HOUR_S)
    push_and_die(prolific, state, study, "journal:sent")

    with open_desk(prolific.url, prolific.token, state, clock) as desk:
        resume(desk, desk.journal.open_imports())
        assert desk.hold_s <= sum(clock.slept) <= desk.hold_s + 10

    assert 1 == prolific.generations(batch_id)


def test_back_while_the_push_runs(prolific: Sandbox, tmp_path: Path, study: Path, batch_id: str):
    """A clock that goes back by a minute at every step still ends with what is right."""
    clock = Clock()

    def step_back(_: str) -> None:
        clock.passed_s -= 60.0

    with open_desk(prolific.url, prolific.token, tmp_path / "state", clock, step_back) as desk:
        assert 0 == go(desk, study).exit_code
        edit(study, "C4", "Why exactly?")
        assert 0 == go(desk, study).exit_code

    assert 2 == prolific.generations(batch_id)
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_the_last_push_is_the_one_made_last(tmp_path: Path):
    """What Prolific held behind the last push does not depend on what time it was."""
    with Journal(tmp_path / "journal.sqlite3") as journal:
        for import_id, at, text in (("one", 500.0, "earlier"), ("two", 100.0, "later")):
            journal.start([new(import_id, at=at)])
            after = [{**ITEM, "description": text}]
            journal.move(journal.get(import_id), State.ACKNOWLEDGED, at=at, after=after)

        assert [{**ITEM, "description": "later"}] == journal.last_known(BATCH)


def test_the_backup_just_made_is_kept(tmp_path: Path):
    """Backups of the future do not push the newest one out."""
    folder = tmp_path / "backups"
    tomorrow = datetime(2026, 11, 23, 10, 31, tzinfo=UTC)
    for minute in range(KEPT_BACKUPS):
        keep(folder, now=tomorrow + timedelta(minutes=minute))

    assert keep(folder, now=tomorrow - timedelta(days=1)).is_file()
