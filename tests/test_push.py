"""A push from beginning to end: real workbook, real HTTP, real journal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pytest

from importer.checking import check_parts
from importer.errors import JournalRefused, Refusal, Unfinished, WriteRefused
from importer.journal import Import, Journal, State
from importer.push.desk import Desk
from importer.push.reading import begin
from importer.run.pushing import plan_all, push
from importer.run.results import Consent, RunResult
from importer.run.resuming import resume
from importer.sandbox import Sandbox
from tests.books import LIKERT, write_book
from tests.desks import Clock, open_desk

PUT = "PUT"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(prolific: Sandbox, tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    with open_desk(prolific.url, prolific.token, tmp_path / "state", clock) as opened:
        yield opened


def go(desk: Desk, *paths: Path, **consent: object) -> RunResult:
    """Push, and agree to every plan."""
    with begin(desk, paths) as reading:
        return push(
            desk, paths, lambda: check_parts(paths), reading, consent=Consent(**consent), ask=lambda _: None
        )  # type: ignore[arg-type]


class Crash(Exception):
    """Stands for the end of a process."""


def push_and_die(prolific: Sandbox, state: Path, study: Path, moment: str) -> None:
    """Push, and end at a checkpoint as a crash would."""

    def die(name: str) -> None:
        if name == moment:
            raise Crash

    with pytest.raises(Crash), open_desk(prolific.url, prolific.token, state, Clock(), die) as desk:
        go(desk, study)


def ids_in(path: Path) -> dict[str, str]:
    """Return the ids that stand in a workbook, by ref."""
    rows = list(openpyxl.load_workbook(path)["Instructions"].iter_rows(values_only=True))
    ref, identity = rows[0].index("ref"), rows[0].index("instruction_id")
    return {str(row[ref]): str(row[identity]) for row in rows[1:] if row[identity]}


def ids_held(prolific: Sandbox, batch_id: str) -> list[str]:
    return [str(item["id"]) for item in prolific.instructions(batch_id)]


def edit(path: Path, cell: str, text: str | None) -> None:
    """Edit a cell, as somebody would in Excel."""
    book = openpyxl.load_workbook(path)
    book["Instructions"][cell] = text
    book.save(path)


def puts(prolific: Sandbox, batch_id: str) -> int:
    """How many PUTs of a batch arrived."""
    return sum(r.method == PUT and batch_id in r.path for r in prolific.ledger)


def test_an_answer_that_repeats_what_was_sent_needs_no_matcher(
    prolific: Sandbox, tmp_path: Path, study: Path, monkeypatch: pytest.MonkeyPatch
):
    """As Prolific answers a push that only creates: with ids, times and a default of its own."""
    monkeypatch.delattr("importer.push.reconcile.assign_ids")
    with open_desk(prolific.url, prolific.token, tmp_path / "state", Clock()) as desk:
        assert 0 == go(desk, study).exit_code

    assert all(ids_in(study).values())


def test_new_instructions_get_their_ids(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """What Prolific assigned stands in the rows that it belongs to."""
    result = go(desk, study)

    assert 0 == result.exit_code
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())
    assert ["Q1", "Q2"] == list(ids_in(study))


def test_a_second_push_sends_nothing_and_leaves_the_file(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str
):
    """Nothing to change: no request that writes, no new time stamp."""
    go(desk, study)
    sent, stamp = puts(prolific, batch_id), study.stat().st_mtime_ns

    result = go(desk, study)

    assert (0, sent, stamp) == (result.exit_code, puts(prolific, batch_id), study.stat().st_mtime_ns)


def test_an_edited_row_keeps_its_id(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """An edit is an edit, not a new instruction."""
    go(desk, study)
    before = ids_in(study)
    edit(study, "C4", "Why exactly?")

    go(desk, study)

    assert before == ids_in(study)
    assert ["How was it?", "Why exactly?"] == [i["description"] for i in prolific.instructions(batch_id)]


def test_a_removed_block_needs_consent(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """Deleting a row must not delete an instruction by accident."""
    go(desk, study)
    book = openpyxl.load_workbook(study)
    book["Instructions"].delete_rows(4)
    book.save(study)
    workbook, held = study.read_bytes(), ids_held(prolific, batch_id)

    refused = go(desk, study)

    assert 1 == refused.exit_code
    assert "--allow-remove 1" in str(refused.results[0].refusal)
    assert (workbook, held) == (study.read_bytes(), ids_held(prolific, batch_id))

    agreed = go(desk, study, allow_remove=1)

    assert (0, held[:1]) == (agreed.exit_code, ids_held(prolific, batch_id))


def test_consent_to_another_number_is_no_consent(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """`--allow-remove` counts exactly."""
    go(desk, study)
    book = openpyxl.load_workbook(study)
    book["Instructions"].delete_rows(4)
    book.save(study)

    assert 1 == go(desk, study, allow_remove=2).exit_code
    assert 2 == len(ids_held(prolific, batch_id))


def test_saying_no_sends_nothing(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """The plans are shown before anything leaves."""
    shown: list[int] = []

    def no(ready: object) -> None:
        shown.append(puts(prolific, batch_id))
        raise Refusal("You said no.")

    workbook = study.read_bytes()
    with begin(desk, [study]) as reading, pytest.raises(Refusal):
        push(desk, [study], lambda: check_parts([study]), reading, consent=Consent(), ask=no)

    assert [0] == shown
    assert (0, workbook, ()) == (puts(prolific, batch_id), study.read_bytes(), desk.journal.open_imports())


def test_only_the_reviewed_plan_is_pushed(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """A fingerprint of another plan closes the gate."""
    refused = go(desk, study, fingerprints=("000000000000",))

    assert (1, 0) == (refused.exit_code, puts(prolific, batch_id))

    fingerprint = refused.results[0].planned[0].plan.fingerprint

    assert 0 == go(desk, study, fingerprints=(fingerprint,)).exit_code


def test_problems_send_nothing(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """One bad cell keeps its workbook back, whatever else is right in it."""
    edit(study, "B2", "mutiple_choice")
    workbook = study.read_bytes()

    result = go(desk, study)

    assert (1, 0, workbook) == (result.exit_code, puts(prolific, batch_id), study.read_bytes())


def test_a_ready_workbook_does_not_wait_for_a_broken_one(
    desk: Desk, prolific: Sandbox, study: Path, tmp_path: Path
):
    """Some done, some not: exit code 3."""
    other = prolific.add_batch("Other")
    broken = write_book(
        tmp_path / "broken.xlsx",
        {"Instructions": LIKERT.replace("free_text", "free"), "Batches": [["batch_id"], [other]]},
    )

    result = go(desk, study, broken)

    assert (3, 2, {}) == (result.exit_code, len(ids_in(study)), ids_in(broken))


def test_several_batches_in_one_workbook(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Each batch gets its own instructions, and each row its own id."""
    one, two = prolific.add_batch("One"), prolific.add_batch("Two")
    table = """
        | batch | ref | type      | description | instruction_id | status |
        | w1    | Q1  | free_text | First       |                |        |
        | w2    | Q1  | free_text | Second      |                |        |
        | w1    | Q2  | free_text | Third       |                |        |
    """
    path = write_book(
        tmp_path / "waves.xlsx",
        {"Instructions": table, "Batches": [["batch", "batch_id"], ["w1", one], ["w2", two]]},
    )

    result = go(desk, path)

    assert 0 == result.exit_code
    rows = list(openpyxl.load_workbook(path)["Instructions"].iter_rows(min_row=2, values_only=True))
    assert ids_held(prolific, one) == [rows[0][4], rows[2][4]]
    assert ids_held(prolific, two) == [rows[1][4]]


def test_batch_details_are_patched_first(desk: Desk, prolific: Sandbox, tmp_path: Path, batch_id: str):
    """A PATCH is harmless twice, so it goes before the PUT; its row gets a status."""
    path = write_book(
        tmp_path / "study.xlsx",
        {"Instructions": LIKERT, "Batches": [["batch_id", "name", "status"], [batch_id, "Wave 1", None]]},
    )

    go(desk, path)

    writes = [r.method for r in prolific.ledger if batch_id in r.path and r.method != "GET"]
    assert ["PATCH", "PUT"] == writes
    assert "updated 2026-11-22 10:31 UTC" == openpyxl.load_workbook(path)["Batches"]["C2"].value


def test_missing_columns_are_added_at_the_right(desk: Desk, tmp_path: Path, batch_id: str):
    """A sheet without the importer's own columns gets them."""
    table = """
        | ref | type      | description |
        | Q1  | free_text | Why?        |
    """
    path = write_book(tmp_path / "study.xlsx", {"Instructions": table, "Batches": [["batch_id"], [batch_id]]})

    go(desk, path)

    assert ["ref", "type", "description", "instruction_id", "status"] == [
        cell.value for cell in openpyxl.load_workbook(path)["Instructions"][1]
    ]


def test_lost_ids_are_relinked_only_on_request(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """A lost id column looks like delete everything, create everything: refused, with a way out."""
    go(desk, study)
    held = ids_in(study)
    for cell in ("G2", "G4"):
        edit(study, cell, None)

    refused = go(desk, study)

    assert 1 == refused.exit_code
    assert "--relink" in str(refused.results[0].refusal)

    sent = puts(prolific, batch_id)
    assert 0 == go(desk, study, relink=True).exit_code
    assert (held, sent) == (ids_in(study), puts(prolific, batch_id))


# ------------------------------------------------------------------ answers that get lost
def test_a_lost_answer_is_looked_for(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """Applied, but the answer was lost: the ids are read back, and nothing is sent twice."""
    prolific.fault("reset-after", method=PUT, path=batch_id)

    result = go(desk, study)

    assert (0, 1) == (result.exit_code, puts(prolific, batch_id))
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_a_lost_request_is_sent_once_more_after_hold(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str, clock: Clock
):
    """Never applied: it is sent again, but not before it could have arrived."""
    prolific.fault("reset-before", method=PUT, path=batch_id)

    result = go(desk, study)

    assert (0, 2) == (result.exit_code, puts(prolific, batch_id))
    assert clock.passed_s >= desk.hold_s
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_a_late_request_is_waited_for(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str, clock: Clock
):
    """Applied while HOLD runs: its ids are adopted, and nothing is sent twice."""
    prolific.fault("late-commit", method=PUT, path=batch_id, seconds=0.3)
    clock.while_sleeping = lambda: wait_until(lambda: bool(ids_held(prolific, batch_id)))

    result = go(desk, study)

    assert (0, 1) == (result.exit_code, puts(prolific, batch_id))
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def wait_until(is_so: Callable[[], bool]) -> None:
    """Let real time pass until something holds; ten seconds at most."""
    pause = threading.Event()
    for _ in range(1000):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come to hold within ten seconds")


def test_rate_limits_are_honoured(desk: Desk, prolific: Sandbox, study: Path, batch_id: str, clock: Clock):
    """429 is without effect: wait as long as Prolific asks, then send again."""
    prolific.fault("rate-limited", method=PUT, path=batch_id, seconds=7)

    result = go(desk, study)

    assert 0 == result.exit_code
    assert 7.0 in clock.slept


def test_a_reordered_answer_is_understood(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """Ids are taken by content, never by place."""
    prolific.fault("reordered", method=PUT, path=batch_id)

    go(desk, study)

    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_a_foreign_change_is_a_conflict(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """Neither what was sent nor what was before: a person has to look, the workbook stays."""
    workbook = study.read_bytes()

    def somebody_else(name: str) -> None:
        if name == "journal:sent":
            prolific.set_instructions(batch_id, [{"type": "free_text", "description": "Mine"}])
            prolific.fault("reset-before", method=PUT, path=batch_id)

    with open_desk(prolific.url, prolific.token, desk.state, Clock(), somebody_else) as watched:
        result = go(watched, study)

    assert (5, workbook) == (result.exit_code, study.read_bytes())
    assert State.CONFLICT is result.results[0].outcomes[0].done.state


def test_an_open_workbook_is_not_pushed(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """Open in Excel: the ids could not be written, so nothing is sent."""
    study.with_name("~$study.xlsx").write_bytes(b"\x04Mia ")

    result = go(desk, study)

    assert (1, 0) == (result.exit_code, puts(prolific, batch_id))
    assert isinstance(result.results[0].refusal, WriteRefused)


def test_a_refusal_names_its_batch_among_several(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Who has two batches in one workbook must know which of them cannot be pushed."""
    one, ready = prolific.add_batch("One"), prolific.add_batch("Two", status="READY")
    table = """
        | batch | ref | type      | description |
        | w1    | Q1  | free_text | First       |
        | w2    | Q1  | free_text | Second      |
    """
    batches = [["batch", "batch_id"], ["w1", one], ["w2", ready]]
    path = write_book(tmp_path / "waves.xlsx", {"Instructions": table, "Batches": batches})

    said = str(go(desk, path).results[0].refusal).splitlines()

    assert ["Batch w2: The batch is READY"] == [line.rpartition(": its")[0] for line in said]


def test_a_plan_waits_for_what_is_still_on_its_way(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """Until an earlier push is finished, a plan says so and is not to be pushed."""
    prolific.fault("reset-before", method=PUT, path=batch_id, times=100)
    assert 5 == go(desk, study).exit_code

    with begin(desk, [study]) as reading:
        planned = plan_all(desk, lambda: check_parts([study]), reading)
    prolific.clear_faults()

    assert 1 == planned.exit_code
    assert "importer resume" in planned.results[0].planned[0].plan.obstacles[0]
    resume(desk, desk.journal.open_imports())
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_a_plan_that_cannot_be_pushed_is_no_success(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """A script that plans first must not take it for ready."""
    held = [{"type": "file_upload", "description": "Your CV", "max_file_count": 3}]
    batch_id = prolific.add_batch("Upload", instructions=held)
    path = write_book(
        tmp_path / "study.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [batch_id]]}
    )

    with begin(desk, [path]) as reading:
        assert 1 == plan_all(desk, lambda: check_parts([path]), reading).exit_code


def test_a_workbook_opened_meanwhile_gets_its_ids_later(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str
):
    """Sent, but not writable: the ids wait in the journal, and resume delivers them."""
    lock = study.with_name("~$study.xlsx")

    def open_in_excel(name: str) -> None:
        if name == "journal:acknowledged":
            lock.write_bytes(b"\x04Mia ")

    with open_desk(prolific.url, prolific.token, desk.state, Clock(), open_in_excel) as watched:
        result = go(watched, study)
    assert 5 == result.exit_code
    assert isinstance(result.results[0].outcomes[0].refusal, Unfinished)

    lock.unlink()
    outcomes = resume(desk, desk.journal.open_imports())

    assert [None] == [o.refusal for o in outcomes]
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_edits_made_meanwhile_survive(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """Saved by the researcher between reading and writing: both the edit and the ids are there."""

    def save_in_excel(name: str) -> None:
        if name == "answered":
            book = openpyxl.load_workbook(study)
            book["Instructions"].insert_rows(2)
            book["Instructions"]["H5"] = "my edit"
            book.save(study)

    with open_desk(prolific.url, prolific.token, desk.state, Clock(), save_in_excel) as watched:
        assert 0 == go(watched, study).exit_code

    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


# ------------------------------------------------------------------ refusals
def test_an_unknown_batch_is_refused(desk: Desk, tmp_path: Path):
    """404 is said for its workbook; exit code 6."""
    path = write_book(
        tmp_path / "study.xlsx",
        {"Instructions": LIKERT, "Batches": [["batch_id"], ["019a0f6e-0000-7000-8000-000000000000"]]},
    )

    assert 6 == go(desk, path).exit_code


# ------------------------------------------------------------------ two pushes at once
def test_a_reading_from_before_another_push_is_not_used(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str
):
    """Whoever read Prolific before another push finished plans from what is there now."""
    with begin(desk, [study]) as early:
        reading = early.asked(batch_id)
        assert reading is not None
        reading.result()
        go(desk, study)
        result = push(
            desk, [study], lambda: check_parts([study]), early, consent=Consent(), ask=lambda _: None
        )

    assert (0, 1) == (result.exit_code, prolific.generations(batch_id))
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_a_workbook_saved_since_it_was_checked_is_not_sent(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str
):
    """What would be sent is no longer what stands in it."""
    checked = list(check_parts([study]))
    edit(study, "C4", "Why exactly?")

    with begin(desk, [study]) as reading:
        result = push(desk, [study], lambda: checked, reading, consent=Consent(), ask=lambda _: None)

    assert (1, 0) == (result.exit_code, puts(prolific, batch_id))


def test_a_run_that_cannot_record_its_end_is_told_all_the_same(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str, monkeypatch: pytest.MonkeyPatch
):
    """By then the instructions are replaced: to say that nothing was sent would be a lie."""

    def full(*_: object, **__: object) -> None:
        raise JournalRefused("The disk is full.")

    monkeypatch.setattr(type(desk.journal), "end_run", full)
    assert 0 == go(desk, study).exit_code
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_a_journal_that_cannot_be_read_any_more_does_not_hide_what_was_sent(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str, monkeypatch: pytest.MonkeyPatch
):
    """The refusal of a batch is told as it is, without what the journal knows of it."""
    get, reads = type(desk.journal).get, iter((True, True, False))

    def failing(journal: Journal, import_id: str) -> Import:
        if next(reads):
            return get(journal, import_id)
        raise JournalRefused("The disk is damaged.")

    prolific.fault("error-after", method="PUT")
    prolific.fault("refused", method="GET", times=None, after=2, status=403)
    monkeypatch.setattr(type(desk.journal), "get", failing)
    result = go(desk, study)

    assert (5, 1) == (result.exit_code, prolific.generations(batch_id))
    assert [State.SENT] == [o.done.state for o in result.results[0].outcomes]
