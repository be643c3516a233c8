"""A workbook that the researcher saves while it is being pushed: the edits survive, and the ids find their rows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from openpyxl import Workbook

from importer.checking import check_parts
from importer.journal import State
from importer.push.desk import Desk
from importer.push.reading import begin
from importer.run.pushing import plan_all, push
from importer.run.results import Consent, RunResult
from importer.run.resuming import resume
from importer.sandbox import Sandbox
from tests.books import LIKERT, write_book
from tests.desks import Clock, effects, open_desk
from tests.test_push import go, ids_in

Save = Callable[[Workbook], None]

#: From the first byte sent to the last moment before the replace.
MOMENTS = ("journal:sent", "answered", "journal:acknowledged", "temp-written", "verified", "backed-up")


@pytest.fixture
def study(tmp_path: Path, batch_id: str) -> Path:
    sheets = {"Instructions": LIKERT, "Batches": [["batch_id", "notes"], [batch_id, "mine"]]}
    return write_book(tmp_path / "study.xlsx", sheets)


@pytest.fixture
def desk(prolific: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(prolific.url, prolific.token, tmp_path / "state", Clock()) as opened:
        yield opened


def saved(path: Path, save: Save) -> None:
    book = openpyxl.load_workbook(path)
    save(book)
    book.save(path)


def push_while(desk: Desk, study: Path, moment: str, act: Callable[[], None]) -> RunResult:
    """Push, and act once when the push comes by a checkpoint."""
    waiting = [moment]

    def checkpoint(name: str) -> None:
        if name in waiting:
            waiting.remove(name)
            act()

    result = go(replace(desk, effects=effects(Clock(), checkpoint)), study)
    assert not waiting, f"the push never came by {moment}"
    return result


def ids_held(prolific: Sandbox, batch_id: str) -> dict[str, str]:
    """Return Prolific's ids by the ref of the row that each was made from."""
    refs = {"How was it?": "Q1", "Why?": "Q2"}
    return {refs[str(i["description"])]: str(i["id"]) for i in prolific.instructions(batch_id)}


def cells(path: Path, sheet: str = "Instructions") -> list[list[object]]:
    return [list(row) for row in openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True)]


# ---------------------------------------------------------------- edits that keep the rows
def sort_rows(book: Workbook) -> None:
    sheet = book["Instructions"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    for number, row in enumerate([rows[2], rows[0], rows[1]], 2):
        for column, value in enumerate(row, 1):
            sheet.cell(number, column, value)


def insert_rows(book: Workbook) -> None:
    book["Instructions"].insert_rows(2, 3)


def insert_column(book: Workbook) -> None:
    book["Instructions"].insert_cols(1)
    book["Instructions"]["A1"] = "notes"


def delete_id_column(book: Workbook) -> None:
    book["Instructions"].delete_cols(7)


def edit_texts(book: Workbook) -> None:
    book["Instructions"]["C2"] = "How was it really?"
    book["Instructions"]["C4"] = "=UPPER(C2)"


def add_instruction(book: Workbook) -> None:
    book["Instructions"].append(["Q3", "free_text", "One more?"])


def add_sheet(book: Workbook) -> None:
    book.create_sheet("First", 0)["A1"] = "=SUM(1, 2)"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "save", [sort_rows, insert_rows, insert_column, delete_id_column, edit_texts, add_instruction, add_sheet]
)
def test_edits_survive_and_ids_find_their_rows(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str, save: Save, moment: str
):
    """Whatever was saved stands there afterwards, and each ref has the id that was made for it."""
    edited = Path(shutil.copy(study, study.with_name("edited.xlsx")))
    saved(edited, save)

    result = push_while(desk, study, moment, lambda: saved(study, save))

    assert 0 == result.exit_code
    assert ids_held(prolific, batch_id) == ids_in(study)
    assert without_ours(cells(edited)) == without_ours(cells(study))
    assert 1 == prolific.generations(batch_id)


def without_ours(rows: list[list[object]]) -> list[list[object]]:
    """Leave out the importer's own columns."""
    kept = [n for n, header in enumerate(rows[0]) if header not in {"instruction_id", "status", None}]
    return [[row[n] for n in kept] for row in rows]


# ---------------------------------------------------------------- edits that lose a row
def delete_row(book: Workbook) -> None:
    book["Instructions"].delete_rows(4)


def rename_ref(book: Workbook) -> None:
    book["Instructions"]["A4"] = "Why"


@pytest.mark.parametrize("save", [delete_row, rename_ref])
def test_a_row_that_is_gone_is_said(desk: Desk, prolific: Sandbox, study: Path, batch_id: str, save: Save):
    """An id whose row is gone is put nowhere else, and the outcome names its ref."""
    result = push_while(desk, study, "answered", lambda: saved(study, save))

    assert (5, State.WRITTEN) == (result.exit_code, result.results[0].outcomes[0].done.state)
    assert "No row was found for Q2." in result.results[0].outcomes[0].done.note
    assert "importer plan" in str(result.results[0].outcomes[0].refusal)
    assert {"Q1": ids_held(prolific, batch_id)["Q1"]} == ids_in(study)


def test_a_renamed_row_is_not_created_again(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """The next push takes it for what Prolific holds already, and asks before it links them."""
    push_while(desk, study, "answered", lambda: saved(study, rename_ref))
    held = ids_held(prolific, batch_id)

    with begin(desk, [study]) as reading:
        planned = plan_all(desk, lambda: check_parts([study]), reading).results[0].planned[0].plan
    assert [("Why", held["Q2"])] == [(one.ref, one.id) for one in planned.relinks]
    assert [held["Q2"]] == [change.id for change in planned.deletes]

    refused = go(desk, study)
    agreed = go(desk, study, relink=True)

    assert (1, 0) == (refused.exit_code, agreed.exit_code)
    assert "--relink" in str(refused.results[0].refusal)
    assert {"Q1": held["Q1"], "Why": held["Q2"]} == ids_in(study)
    assert 1 == prolific.generations(batch_id)


# ---------------------------------------------------------------- saves that leave nowhere to write
def rename_sheet(book: Workbook) -> None:
    book["Instructions"].title = "Old"
    book["Old"]["A1"] = None


def remove_headers(book: Workbook) -> None:
    book["Instructions"].delete_rows(1)


def clear_sheet(book: Workbook) -> None:
    book["Instructions"].delete_rows(1, 10)


def clear_batches(book: Workbook) -> None:
    book["Batches"].delete_rows(1, 5)


def remove_batch_ids(book: Workbook) -> None:
    book["Batches"].delete_cols(1)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def by(save: Save) -> Callable[[Path], None]:
    return lambda path: saved(path, save)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "spoil",
    [
        *map(by, (rename_sheet, remove_headers, clear_sheet, clear_batches, remove_batch_ids)),
        damage,
        Path.unlink,
    ],
    ids=["sheet", "headers", "empty", "no-batches", "no-batch-ids", "damaged", "gone"],
)
def test_nowhere_to_write_is_said_and_resumed(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str, spoil: Callable[[Path], None], moment: str
):
    """What cannot be written to stays as it was saved; once it is right again, resume delivers."""
    good = study.read_bytes()

    result = push_while(desk, study, moment, lambda: spoil(study))

    spoilt = study.read_bytes() if study.exists() else None
    assert (5, State.ACKNOWLEDGED) == (result.exit_code, result.results[0].outcomes[0].done.state)
    assert "importer resume" in str(result.results[0].refusals[0])
    assert spoilt is None or not any(i.encode() in spoilt for i in ids_held(prolific, batch_id).values())

    study.write_bytes(good)
    outcomes = resume(desk, desk.journal.open_imports())

    assert [None] == [o.refusal for o in outcomes]
    assert ids_held(prolific, batch_id) == ids_in(study)


def test_a_missing_sheet_batches_does_not_keep_the_ids_back(
    desk: Desk, prolific: Sandbox, study: Path, batch_id: str
):
    """The ids belong to the sheet Instructions; the other one has only a status to get."""
    result = push_while(
        desk, study, "answered", lambda: saved(study, lambda book: book.remove(book["Batches"]))
    )

    assert 0 == result.exit_code
    assert ids_held(prolific, batch_id) == ids_in(study)


# ---------------------------------------------------------------- saves before anything was sent
def test_saved_while_being_asked(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """What was agreed to no longer stands in the workbook, so nothing is sent."""
    with begin(desk, [study]) as reading:
        result = push(
            desk,
            [study],
            lambda: check_parts([study]),
            reading,
            consent=Consent(),
            ask=lambda _: saved(study, edit_texts),
        )

    assert (1, 0) == (result.exit_code, prolific.generations(batch_id))
    assert "was saved while" in str(result.results[0].refusal)


def test_saved_again_and_again(desk: Desk, prolific: Sandbox, study: Path, batch_id: str):
    """A program that never stops saving does not keep the importer busy for ever."""
    times = []

    def checkpoint(name: str) -> None:
        if name == "verified":
            times.append(name)
            saved(study, lambda book: book["Instructions"].cell(9, 9, len(times)))

    result = go(replace(desk, effects=effects(Clock(), checkpoint)), study)

    assert (5, {}) == (result.exit_code, ids_in(study))
    assert "again and again" in str(result.results[0].refusals[0])
