"""The journal: durable, one mover per transition, private."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from importer.errors import JournalRefused
from importer.journal import Import, Journal, State

BATCH = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11"
ITEM = {"id": "0192041c-470f-7336-8e3d-e03fc086a4e1", "type": "free_text", "description": "Wärum?"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "state" / "journal.sqlite3") as opened:
        yield opened


def new(import_id: str = "one", workbook: str = "/w/study.xlsx", at: float = 100.0, **more: Any) -> Import:
    """Return an import that has just begun."""
    given = {"batch_id": BATCH, "batch_ref": "", "workbook": workbook, "sha256": "ab", "state": State.NEW}
    return Import(id=import_id, created_at=at, updated_at=at, **(given | more))


def start(journal: Journal, *given: Any, **more: Any) -> None:
    journal.start([new(*given, **more)])


def test_an_import_survives_closing_the_file(tmp_path: Path):
    """What was committed is there when the journal is opened again."""
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as journal:
        start(journal)
        journal.move(
            journal.get("one"),
            State.PLANNED,
            at=101,
            before=[ITEM],
            body={"instructions": [ITEM]},
            refs=["Q1"],
        )

    with Journal(path) as journal:
        found = journal.get("one")

    assert (State.PLANNED, [ITEM], ("Q1",), 101) == (found.state, found.before, found.refs, found.updated_at)


def test_planned_imports_are_new_and_planned_at_once(journal: Journal):
    """The journal has them as they were given; a run that ends in between leaves nothing, or all in both states."""
    before = journal.revision()
    plan = {"state": State.PLANNED, "updated_at": 101.0, "body": {"instructions": [ITEM]}, "refs": ("Q1",)}
    planned = [replace(new(name), **plan) for name in ("one", "two")]

    journal.start(planned)

    assert planned == [journal.get("one"), journal.get("two")]
    assert before + 4 == journal.revision()


def test_of_imports_that_begin_together_all_are_recorded_or_none(journal: Journal):
    """One that is there already takes the others with it, and whoever commits next goes on."""
    start(journal, "one")

    with pytest.raises(JournalRefused):
        journal.start([new("two"), new("one")])
    start(journal, "three")

    assert ["one", "three"] == sorted(one.id for one in journal.open_imports())


def test_a_transition_is_made_once(journal: Journal):
    """Whoever comes second is told that somebody else has moved the import on."""
    start(journal)
    stale = journal.get("one")
    journal.move(stale, State.PLANNED, at=101)

    with pytest.raises(JournalRefused, match="Another process"):
        journal.move(stale, State.CANCELLED, at=102)

    assert State.PLANNED is journal.get("one").state


def test_open_imports_are_those_with_somewhere_to_go(journal: Journal):
    """Written, rejected, cancelled and conflicting imports are over."""
    for number, state in enumerate(State):
        start(journal, str(number), at=number)
        if state is not State.NEW:
            journal.move(journal.get(str(number)), state, at=50)

    assert ["new", "planned", "sent", "acknowledged"] == [i.state for i in journal.open_imports()]


def test_open_imports_can_be_asked_by_workbook(journal: Journal, tmp_path: Path):
    """A push picks up what is open for its own workbooks."""
    mine = (tmp_path / "mine.xlsx").resolve()
    start(journal, "mine", str(mine))
    start(journal, "other", "/w/other.xlsx")

    assert ["mine"] == [i.id for i in journal.open_imports(workbooks=[mine])]


def test_ids_are_known_once_they_are_acknowledged(journal: Journal):
    """Checking asks which batch an instruction id belongs to."""
    start(journal)
    journal.move(journal.get("one"), State.ACKNOWLEDGED, at=101, ids={"Q1": ITEM["id"]}, after=[ITEM])

    assert {ITEM["id"]: BATCH} == journal.owners(["x", ITEM["id"]])
    assert [ITEM] == journal.last_known(BATCH)


def test_refs_are_those_of_the_last_push(journal: Journal):
    """Of each instruction that was ever written into a workbook; a newer push renames it."""
    for import_id, ids in (("one", {"old": "id-1", "why": "id-2"}), ("two", {"new": "id-1"})):
        start(journal, import_id)
        journal.move(journal.get(import_id), State.ACKNOWLEDGED, at=101, ids=ids)

    assert {"id-1": "new", "id-2": "why"} == journal.refs(BATCH)
    assert {} == journal.refs("another")


def test_a_failed_transition_leaves_no_trace(journal: Journal):
    """Log and state are one transaction."""
    start(journal)
    stale = replace(journal.get("one"), state=State.SENT)
    with pytest.raises(JournalRefused):
        journal.move(stale, State.ACKNOWLEDGED, at=101, ids={"Q1": "x"})

    assert {} == journal.owners(["x"])
    assert State.NEW is journal.get("one").state


def test_the_journal_is_private(journal: Journal):
    """Only its owner may read it."""
    assert 0o600 == stat.S_IMODE(journal.path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(journal.path.parent.stat().st_mode)


def test_a_damaged_journal_is_refused_in_one_sentence(tmp_path: Path):
    """It is neither repaired nor thrown away."""
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"this is no database, but long enough to look at" * 100)

    with pytest.raises(JournalRefused, match="cannot be used"):
        Journal(path)

    assert path.read_bytes().startswith(b"this is no database")


def test_threads_share_commits_and_each_gets_its_own_refusal(journal: Journal):
    """Two of many threads try what another process has done already; all others succeed."""
    for number in range(40):
        start(journal, str(number))
    stale = [journal.get(str(number)) for number in range(40)]
    for number in (7, 21):
        journal.move(stale[number], State.CANCELLED, at=101)

    def move(one: Import) -> str:
        try:
            return journal.move(one, State.PLANNED, at=102, note=f"n{one.id}").note
        except JournalRefused:
            return "refused"

    with ThreadPoolExecutor(16) as threads:
        notes = list(threads.map(move, stale))

    assert ["refused" if number in (7, 21) else f"n{number}" for number in range(40)] == notes
    assert notes == [
        "refused" if i.state is State.CANCELLED else i.note for i in (journal.get(str(n)) for n in range(40))
    ]


def test_what_several_threads_write_is_one_commit(journal: Journal):
    """Those that wait while one commits go together."""
    for number in range(9):
        start(journal, str(number))
    begun: list[str] = []
    journal._db.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None)

    with ThreadPoolExecutor(9) as threads:
        with journal._lock:  # as if another thread were committing
            moving = [
                threads.submit(journal.move, journal.get(str(n)), State.PLANNED, at=1.0) for n in range(9)
            ]
            while len(journal._waiting) < 9:
                time.sleep(0.001)
        assert {State.PLANNED} == {one.result().state for one in moving}

    assert 1 == len(begun)


def test_a_run_is_remembered(journal: Journal):
    """With what became of its imports; one that was killed has no end."""
    journal.begin_run("r1", workbooks=2, at=100)
    for number, state in enumerate((State.WRITTEN, State.WRITTEN, State.SENT)):
        start(journal, str(number), run_id="r1")
        journal.move(journal.get(str(number)), state, at=2)
    journal.begin_run("r2", workbooks=1, at=200)
    journal.end_run("r2", exit_code=3, at=300)

    late, early = journal.runs(5)
    assert ("r2", 300, 3, {}) == (late.id, late.ended_at, late.exit_code, late.states)
    assert ("r1", None, None) == (early.id, early.ended_at, early.exit_code)
    assert {State.WRITTEN: 2, State.SENT: 1} == early.states
    assert [late] == list(journal.runs(1))
