"""Pull into a workbook: sure ids go into empty cells, all else is told, and nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.checking import check_parts
from importer.journal import State
from importer.push.desk import Desk
from importer.push.reading import begin
from importer.render.pulls import filled_text
from importer.render.screen import plain
from importer.run.filling import fill
from importer.run.results import RunResult
from importer.sandbox import Sandbox
from tests.books import write_book
from tests.desks import Clock, open_desk
from tests.layouts import uuid
from tests.test_push import Crash, go, ids_held, ids_in, push_and_die

ROWS = """
    | ref  | type      | description | instruction_id | notes   |
    | why  | free_text | Why?        | {why}          | ask Mia |
    | how  | free_text | How?        | {how}          |         |
    | same | free_text | Same        |                |         |
    | twin | free_text | Same        |                |         |
"""
ONE_ROW = """
    | ref | type      | description | instruction_id |
    | why | free_text | Why?        |                |
"""
HELD = ["Why?", "How?", "Same", "Same"]


@pytest.fixture
def desk(prolific: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(prolific.url, prolific.token, tmp_path / "state", Clock()) as opened:
        yield opened


@pytest.fixture
def batch_id(prolific: Sandbox) -> str:
    held = [{"type": "free_text", "description": text} for text in HELD]
    return prolific.add_batch("Wave 1", instructions=held)


def book(folder: Path, batch_id: str, rows: str = ROWS, *, why: str = "", how: str = "") -> Path:
    sheets = {"Instructions": rows.format(why=why, how=how), "Batches": [["batch_id"], [batch_id]]}
    return write_book(folder / "study.xlsx", sheets)


def filled(desk: Desk, *paths: Path) -> RunResult:
    with begin(desk, paths) as reading:
        return fill(desk, lambda: check_parts(paths), reading)


def said(run: RunResult) -> str:
    return plain(filled_text(run))


def writes(prolific: Sandbox, batch_id: str) -> list[str]:
    return [r.method for r in prolific.ledger if batch_id in r.path and r.method != "GET"]


def test_what_equals_word_for_word_gets_its_id(desk: Desk, prolific: Sandbox, tmp_path: Path, batch_id: str):
    """And only that: equal rows are told, not filled; nothing is sent."""
    path = book(tmp_path, batch_id)
    held = ids_held(prolific, batch_id)

    run = filled(desk, path)

    assert (0, {"why": held[0], "how": held[1]}) == (run.exit_code, ids_in(path))
    assert "2 relinked" in said(run)
    assert "same, twin are equal" in said(run)
    assert "delete" not in said(run).split("differ")[0]
    assert [] == writes(prolific, batch_id)
    assert [State.WRITTEN] == [one.state for one in desk.journal.recent(9)]


def test_nothing_else_in_the_workbook_changes(desk: Desk, prolific: Sandbox, tmp_path: Path, batch_id: str):
    """A cell that holds an id keeps it, and the old workbook is among the backups."""
    held = ids_held(prolific, batch_id)
    path = book(tmp_path, batch_id, why=held[3])
    before = path.read_bytes()

    run = filled(desk, path)

    assert {"why": held[3], "how": held[1]}.items() <= ids_in(path).items()
    assert before in [backup.read_bytes() for backup in (tmp_path / "state" / "backups").rglob("*Z.xlsx")]
    assert "= relink why" not in said(run)


def test_a_second_time_nothing_is_written(desk: Desk, prolific: Sandbox, tmp_path: Path, batch_id: str):
    """The file keeps its bytes and its time; what differs is told again."""
    path = book(tmp_path, batch_id)
    filled(desk, path)
    before, stamp = path.read_bytes(), path.stat().st_mtime_ns

    run = filled(desk, path)

    assert (before, stamp, 0) == (path.read_bytes(), path.stat().st_mtime_ns, run.exit_code)
    assert "no id to fill in" in said(run)
    assert "differ" in said(run)


def test_what_nearly_equals_is_proposed_only(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Type and description are the same, the rest is not."""
    batch_id = prolific.add_batch(
        instructions=[{"type": "free_text", "description": "Why?", "helper_text": "Old"}]
    )
    path = book(tmp_path, batch_id, ONE_ROW)

    run = filled(desk, path)

    assert {} == ids_in(path)
    assert "? relink why" in said(run)
    assert "no id to fill in" in said(run)


def test_drift_is_told(desk: Desk, prolific: Sandbox, tmp_path: Path, batch_id: str):
    """What Prolific holds differs from the sheet: shown as what a push would change."""
    held = ids_held(prolific, batch_id)
    path = book(tmp_path, batch_id, why=held[1], how=held[0])
    prolific.set_instructions(batch_id, [{"id": held[1], "type": "free_text", "description": "Changed"}])

    run = filled(desk, path)

    assert "Changed" in said(run)
    assert 0 == run.exit_code


def test_a_workbook_that_agrees_is_told_so(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """No id to fill in, nothing that differs."""
    batch_id = prolific.add_batch(instructions=[{"type": "free_text", "description": "Why?"}])
    path = book(
        tmp_path, batch_id, "| ref | type | description | instruction_id |\n| why | free_text | Why? | |"
    )
    filled(desk, path)

    assert f"= unchanged  {path}: no id to fill in." == said(filled(desk, path)).strip()


def test_a_broken_workbook_stops_only_itself(desk: Desk, prolific: Sandbox, tmp_path: Path, batch_id: str):
    """Its problems are told, the other gets its ids."""
    good = book(tmp_path, batch_id)
    other = prolific.add_batch("Other")
    bad = write_book(
        tmp_path / "bad.xlsx",
        {
            "Instructions": "| ref | type | description |\n| q | fre_text | Why? |",
            "Batches": [["batch_id"], [other]],
        },
    )

    run = filled(desk, bad, good)

    assert 3 == run.exit_code
    assert "type-unknown" in said(run)
    assert 2 == len(ids_in(good))


def test_an_open_push_is_finished_first(prolific: Sandbox, tmp_path: Path):
    """Ids of a push that is not finished are its own to write."""
    batch_id = prolific.add_batch("Open")
    path = book(tmp_path, batch_id)
    push_and_die(prolific, tmp_path / "state", path, "journal:acknowledged")
    before = path.read_bytes()

    with open_desk(prolific.url, prolific.token, tmp_path / "state", Clock()) as desk:
        run = filled(desk, path)

    assert (1, before) == (run.exit_code, path.read_bytes())
    assert "importer resume" in said(run)


@pytest.mark.parametrize("moment", ["journal:planned", "journal:acknowledged", "replaced"])
def test_a_crash_is_picked_up(prolific: Sandbox, tmp_path: Path, batch_id: str, moment: str):
    """By the next pull or by a push; the ids are those that Prolific has, and nothing was sent."""

    def die(name: str) -> None:
        if name == moment:
            raise Crash

    path = book(tmp_path, batch_id)
    held = ids_held(prolific, batch_id)
    with (
        pytest.raises(Crash),
        open_desk(prolific.url, prolific.token, tmp_path / "state", Clock(), die) as desk,
    ):
        filled(desk, path)

    with open_desk(prolific.url, prolific.token, tmp_path / "state", Clock()) as desk:
        assert 0 == go(desk, path, relink=True).exit_code

    assert {"why": held[0], "how": held[1]}.items() <= ids_in(path).items()
    assert held == ids_held(prolific, batch_id)


def test_a_workbook_that_cannot_be_written_is_refused(desk: Desk, tmp_path: Path, batch_id: str):
    """Open in LibreOffice: nothing is begun."""
    path = book(tmp_path, batch_id)
    (tmp_path / ".~lock.study.xlsx#").write_text(",mia,desk,22.11.2026 10:31,file:///x;", encoding="utf-8")

    run = filled(desk, path)

    assert (1, ()) == (run.exit_code, desk.journal.recent(9))
    assert "not written" in said(run)


def test_ids_of_a_layout_are_filled_in_too(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """The same sheet serves both kinds of batch."""
    pages = [
        {
            "id": uuid(7 + n),
            "rows": [{"id": uuid(17 + n), "columns": [{"id": uuid(27 + n), "items": [item]}]}],
        }
        for n, item in enumerate(
            [{"type": "free_text", "id": uuid(100 + n), "description": text} for n, text in enumerate(HELD)]
        )
    ]
    path = book(tmp_path, prolific.add_batch(batch_items=pages))

    filled(desk, path)

    assert {"why": uuid(100), "how": uuid(101)} == ids_in(path)
