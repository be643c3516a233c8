"""The journal: durable, one mover per transition, private."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.errors import JournalRefused
from importer.journal import Journal, State

BATCH = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11"
ITEM = {"id": "0192041c-470f-7336-8e3d-e03fc086a4e1", "type": "free_text", "description": "Wärum?"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "state" / "journal.sqlite3") as opened:
        yield opened


def start(
    journal: Journal, import_id: str = "one", workbook: str = "/w/study.xlsx", at: float = 100.0
) -> None:
    journal.start(import_id, batch_id=BATCH, batch_ref="", workbook=Path(workbook), sha256="ab", at=at)


def test_an_import_survives_closing_the_file(tmp_path: Path):
    """What was committed is there when the journal is opened again."""
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as journal:
        start(journal)
        journal.move(
            "one", State.NEW, State.PLANNED, at=101, before=[ITEM], body={"instructions": [ITEM]}, refs=["Q1"]
        )

    with Journal(path) as journal:
        found = journal.get("one")

    assert (State.PLANNED, [ITEM], ("Q1",), 101) == (found.state, found.before, found.refs, found.updated_at)


def test_a_transition_is_made_once(journal: Journal):
    """Whoever comes second is told that somebody else has moved the import on."""
    start(journal)
    journal.move("one", State.NEW, State.PLANNED, at=101)

    with pytest.raises(JournalRefused, match="Another process"):
        journal.move("one", State.NEW, State.CANCELLED, at=102)

    assert State.PLANNED is journal.get("one").state


def test_open_imports_are_those_with_somewhere_to_go(journal: Journal):
    """Written, rejected, cancelled and conflicting imports are over."""
    for number, state in enumerate(State):
        start(journal, str(number), at=number)
        if state is not State.NEW:
            journal.move(str(number), State.NEW, state, at=50)

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
    journal.move("one", State.NEW, State.ACKNOWLEDGED, at=101, ids={"Q1": ITEM["id"]}, after=[ITEM])

    assert {ITEM["id"]: BATCH} == journal.known_ids()
    assert [ITEM] == journal.last_known(BATCH)


def test_a_failed_transition_leaves_no_trace(journal: Journal):
    """Log and state are one transaction."""
    start(journal)
    with pytest.raises(JournalRefused):
        journal.move("one", State.SENT, State.ACKNOWLEDGED, at=101, ids={"Q1": "x"})

    assert {} == journal.known_ids()
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
