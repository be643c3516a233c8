"""A push of a batch made of pages: real workbook, real HTTP, real journal."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import PlanRefused
from importer.journal import State
from importer.prolific import Prolific
from importer.prolific.answers import Answer
from importer.push.desk import Desk
from importer.render.runs import pushed_text
from importer.render.screen import plain
from importer.run.pushing import TASKS_WAIT_S
from importer.run.results import RunResult
from importer.run.resuming import resume
from importer.sandbox import Sandbox
from importer.wire.forms import Form
from tests.books import write_book
from tests.desks import Clock, open_desk
from tests.layouts import Entry, ask, brief, by_hand, items, single, text, uuid
from tests.sandboxes import API, call
from tests.test_push import Crash, go, ids_in, push_and_die
from tests.test_sandbox_studies import STUDIES, draft

HEADERS = (
    "ref",
    "type",
    "description",
    "answer_limit",
    "option_label",
    "option_value",
    "instruction_id",
    "status",
)
#: The rows that describe `by_hand`.
ROWS = (
    ("Q1", "free_text", "Why 1?", None, None, None, uuid(1)),
    ("Q2", "free_text", "Why 2?", None, None, None, uuid(2)),
    ("Q3", "multiple_choice", "Which?", "1", "One", "1", uuid(3)),
    ("Q3", None, None, None, "Two", "two", None),
    ("Q4", "free_text", "Why 4?", None, None, None, uuid(4)),
    ("Q5", "free_text", "Why 5?", None, None, None, uuid(5)),
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(prolific: Sandbox, tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    prolific.clear()
    with open_desk(prolific.url, prolific.token, tmp_path / "state", clock) as opened:
        yield opened


@pytest.fixture
def paged(prolific: Sandbox, desk: Desk) -> str:
    return prolific.add_batch("By hand", batch_items=by_hand(), dataset_fields=["answer"])


def book(folder: Path, batch_id: str, *rows: tuple[object, ...]) -> Path:
    return write_book(
        folder / "study.xlsx", {"Instructions": [HEADERS, *rows], "Batches": [["batch_id"], [batch_id]]}
    )


def pages(prolific: Sandbox, batch_id: str) -> list[Entry]:
    held: Any = prolific.batch(batch_id)["batch_items"]
    return list(held)


def patches(prolific: Sandbox) -> int:
    """How many PATCHes arrived; no PUT ever does."""
    assert not [r for r in prolific.ledger if r.method == "PUT"]
    return sum(r.method == "PATCH" for r in prolific.ledger)


def said(result: RunResult) -> str:
    return "\n".join(str(one) for study in result.results for one in study.refusals)


# ---------------------------------------------------------------- what a push does
def test_the_sheet_of_what_is_there_sends_nothing(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path):
    """Nothing to change, and the plan says which form it is."""
    result = go(desk, book(tmp_path, paged, *ROWS))

    (planned,) = result.results[0].planned
    assert (0, 0, False) == (result.exit_code, patches(prolific), planned.plan.needs_push)
    assert (Form.BATCH_ITEMS, "batch_items") == (planned.plan.form, planned.plan.source)


def test_one_new_row_changes_nothing_else(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path):
    """Its id is written back, and every other byte of the layout is as before."""
    path = book(tmp_path, paged, *ROWS, ("Q6", "free_text", "And?", None, None, None, None))

    assert 0 == go(desk, path).exit_code

    now = pages(prolific, paged)
    assert by_hand()[:4] == now[:4]
    assert by_hand()[4:] == now[5:]
    assert [ids_in(path)["Q6"]] == [item["id"] for item in items(now[4:5])]
    assert 1 == patches(prolific)


def test_a_batch_without_a_page_yet_gets_one_for_each(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """An empty layout is one, and takes no PUT."""
    batch_id = prolific.add_batch("Empty", batch_items=[])
    path = book(tmp_path, batch_id, *[(*row[:6], None) for row in ROWS])

    assert 0 == go(desk, path).exit_code

    now = pages(prolific, batch_id)
    assert [1] * 5 == [len(items([page])) for page in now]
    assert list(ids_in(path).values()) == [item["id"] for item in items(now)]


def test_what_a_push_deletes_needs_consent(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path):
    """As for a PUT: the exact number; content and what the sheet cannot describe are never counted, and stay."""
    path = book(tmp_path, paged, *ROWS[:2])
    assert isinstance(go(desk, path).results[0].refusal, PlanRefused)
    assert by_hand() == pages(prolific, paged)

    assert 0 == go(desk, path, allow_remove=3).exit_code
    assert "90 | 91 1 92, 2 / +dataset_field | 94 | 93, 95 | 96" == brief(pages(prolific, paged))


def test_ids_of_another_batch_stop_the_push(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path):
    """A copy of a sheet must not empty a layout."""
    strangers = [(*row[:6], row[6] and row[6].replace("0", "a")) for row in ROWS]

    assert "does not know the ids of 5 instruction(s)" in said(go(desk, book(tmp_path, paged, *strangers)))
    assert by_hand() == pages(prolific, paged)


def test_lost_ids_are_proposed(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path):
    """By content, whatever stands between; what is only linked again sends nothing."""
    path = book(tmp_path, paged, *[(*row[:6], None) for row in ROWS])

    assert "run again with --relink" in said(go(desk, path))
    assert 0 == go(desk, path, relink=True).exit_code
    assert ([uuid(n) for n in range(1, 6)], 0) == (list(ids_in(path).values()), patches(prolific))


# ---------------------------------------------------------------- content, and places
WIDE = (
    "ref",
    "type",
    "description",
    "content",
    "page",
    "row",
    "column",
    "option_exclusive",
    "instruction_id",
    "status",
)


def wide_book(folder: Path, batch_id: str, *rows: tuple[object, ...]) -> Path:
    return write_book(
        folder / "study.xlsx", {"Instructions": [WIDE, *rows], "Batches": [["batch_id"], [batch_id]]}
    )


def test_content_goes_out_and_its_ids_come_back(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """A batch that holds nothing is given pages if the sheet needs them, and the plan says why."""
    batch_id = prolific.add_batch("New")
    path = wide_book(
        tmp_path,
        batch_id,
        ("B1", "rich_text", None, "<p>Read this.</p>", 1, None, None, None, None),
        ("Q1", "free_text", "Why?", None, 1, 2, None, None, None),
        ("Q2", "free_text", "How?", None, 1, 2, 2, None, None),
    )

    result = go(desk, path)

    assert 0 == result.exit_code
    (planned,) = result.results[0].planned
    assert any("needs them (Instructions!B2, Instructions!E3" in note for note in planned.plan.notes)
    now = pages(prolific, batch_id)
    assert [item["id"] for item in items(now)] == list(ids_in(path).values())
    assert ([3], [1, 2]) == ([len(items(now))], [len(row["columns"]) for row in now[0]["rows"]])
    assert not any(p.plan.needs_push for p in go(desk, path).results[0].planned)


def test_a_block_is_edited_in_place_and_stays_without_its_row(
    desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path
):
    """With its id it is changed where it is; a row that leaves the sheet deletes nothing."""
    known = [
        (ref, kind, text, None, None, None, None, None, one)
        for ref, kind, text, *_, one in ROWS
        if kind == "free_text"
    ]
    block = ("B1", "rich_text", None, "<p>New</p>", None, None, None, None, uuid(95))

    assert 0 == go(desk, wide_book(tmp_path, paged, *known, block), allow_remove=1).exit_code
    edited = pages(prolific, paged)
    assert ["<p>New</p>"] == [item["content"] for item in items(edited) if item.get("id") == uuid(95)]
    assert "90 | 91 1 92, 2 / +dataset_field | 94 | 93, 4 95 5 | 96" == brief(edited)

    result = go(desk, wide_book(tmp_path, paged, *known))
    assert (0, edited) == (result.exit_code, pages(prolific, paged))


def test_content_that_lost_its_id_is_not_shown_twice(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """However often the same is there: --relink gives the row the id of the first that no row has."""
    batch_id = prolific.add_batch("Twins", batch_items=[single(1, text(80, "A"), ask(1), text(81, "A"))])
    held = pages(prolific, batch_id)
    question = ("Q1", "free_text", "Why 1?", None, None, None, None, None, uuid(1))
    block = ("B1", "rich_text", None, "A", None, None, None, None, None)
    path = wide_book(tmp_path, batch_id, block, question)

    refused = go(desk, path)
    assert (1, held) == (refused.exit_code, pages(prolific, batch_id))
    assert "1 content row(s) without id (B1) show what Prolific shows already" in said(refused)

    assert 0 == go(desk, path, relink=True).exit_code
    assert ([uuid(80), uuid(1)], held) == (list(ids_in(path).values()), pages(prolific, batch_id))

    # As the sentence says: with a row for each that is there, one more is one more.
    blocks = [(f"B{n}", *block[1:]) for n in (1, 2, 3)]
    assert 0 == go(desk, wide_book(tmp_path, batch_id, *blocks, question), relink=True).exit_code
    assert 3 == [item.get("content") for item in items(pages(prolific, batch_id))].count("A")


def test_new_content_never_takes_the_place_of_other_content(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Two texts that differ are two texts, though neither has a description."""
    batch_id = prolific.add_batch("Other", batch_items=[single(1, text(80, "A"), ask(1))])
    question = ("Q1", "free_text", "Why 1?", None, None, None, None, None, uuid(1))
    path = wide_book(
        tmp_path, batch_id, ("B1", "rich_text", None, "B", None, None, None, None, None), question
    )

    assert 0 == go(desk, path, relink=True).exit_code
    assert ["A", "B"] == sorted(str(i["content"]) for i in items(pages(prolific, batch_id)) if "content" in i)


def test_a_row_of_a_field_that_left_the_sheet_is_said(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """A field has no id; what no row stands for is counted by what it shows, and a push says that it stays."""
    shown = [{"type": "dataset_field", "field": name} for name in ("a", "b", "a")]
    batch_id = prolific.add_batch(
        "Fields",
        batch_items=[single(1, shown[0], shown[1], ask(1)), single(2, shown[2], ask(2))],
        dataset_fields=["a", "b"],
    )
    rows = [
        ("D1", "dataset_field", None, "a", None),
        ("Q1", "free_text", "Why 1?", None, uuid(1)),
        ("Q2", "free_text", "Why 2?", None, uuid(2)),
    ]
    sheet = [("ref", "type", "description", "field", "instruction_id"), *rows]
    path = write_book(tmp_path / "study.xlsx", {"Instructions": sheet, "Batches": [["batch_id"], [batch_id]]})

    result = go(desk, path)
    assert not result.results[0].outcomes
    assert "2 content block(s) on Prolific have no row" in plain(pushed_text(result, ()))


def test_pages_for_a_batch_that_has_none_are_not_passed_over(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Though nothing else differs: "nothing to change" would be no answer to who asks for pages."""
    batch_id = prolific.add_batch(
        "List", instructions=[{"type": "free_text", "id": uuid(1), "description": "Why?"}]
    )
    path = wide_book(
        tmp_path, batch_id, ("Q1", "free_text", "Why?", None, 2, None, None, None, uuid(1), None)
    )

    assert "(Instructions!E2)" in said(go(desk, path))


def test_what_a_batch_without_pages_cannot_hold_is_named_at_its_cell(
    desk: Desk, prolific: Sandbox, tmp_path: Path
):
    """Where instructions are there already, pages are no way out."""
    batch_id = prolific.add_batch("Old", instructions=[{"type": "free_text", "description": "Old?"}])
    path = wide_book(tmp_path, batch_id, ("B1", "rich_text", None, "Read", None, None, None, None, None),
                     ("Q1", "free_text", "Why?", None, None, None, None, None, None))  # fmt: skip

    said_ = said(go(desk, path, allow_remove=1))

    assert "(Instructions!B2)" in said_
    assert 0 == patches(prolific)


def test_a_crash_with_new_content_is_picked_up(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path):
    """A block is created once, as an instruction is."""
    known = [
        (ref, kind, text, None, None, None, None, None, one)
        for ref, kind, text, *_, one in ROWS
        if kind == "free_text"
    ]
    path = wide_book(
        tmp_path,
        paged,
        *known[:1],
        ("B1", "rich_text", None, "Read", None, None, None, None, None),
        *known[1:],
    )
    consent = {"allow_remove": 1}

    def die(name: str) -> None:
        if name == "answered":
            raise Crash

    with pytest.raises(Crash), open_desk(prolific.url, prolific.token, desk.state, Clock(), die) as first:
        go(first, path, **consent)
    (outcome,) = resume(desk, desk.journal.open_imports())

    assert outcome.refusal is None
    assert [1] == [len(r.ids_created) for r in prolific.ledger if r.ids_created]
    assert ids_in(path)["B1"] in {item.get("id") for item in items(pages(prolific, paged))}


# ---------------------------------------------------------------- pages for a batch without
def test_an_endpoint_that_is_gone_is_explained(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Without the PUT a batch that holds nothing can take pages."""
    batch_id = prolific.add_batch("Old")
    path = book(tmp_path, batch_id, *[(*row[:6], None) for row in ROWS])
    prolific.switches.put_instructions = 410

    assert "run again with --pages" in said(go(desk, path))
    prolific.clear_ledger()
    assert 0 == go(desk, path, as_pages=True).exit_code

    assert 1 == patches(prolific)
    assert list(ids_in(path).values()) == [item["id"] for item in items(pages(prolific, batch_id))]


# ---------------------------------------------------------------- what Prolific refuses
def test_a_refused_item_is_named_at_its_cell(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path):
    """Prolific counts pages and items from 0; a researcher sees a cell, in the column that it is about."""
    path = book(
        tmp_path, paged, *ROWS[:4], ("Q4", "free_text", "Changed?", None, None, None, uuid(4)), ROWS[5]
    )
    body = {
        "type": "INVALID_BATCH_ITEMS",
        "message": "batch_items failed validation.",
        "issues": [
            {
                "page": 3,
                "row": 0,
                "column": 0,
                "item": 0,
                "type": "multiple_choice",
                "message": "answer_limit: no",
            },
            {"page": 3, "row": 1, "column": 1, "item": 0, "type": "free_text", "message": "Too long."},
            {"page": 1, "row": 0, "column": 0, "item": 2, "type": "image", "message": "Not https."},
            {"page": 4, "type": "page", "message": "Nothing on it."},
        ],
    }
    before = path.read_bytes()

    with answering(desk.prolific, 422, body):
        result = go(desk, path)

    assert (6, before) == (result.exit_code, path.read_bytes())
    assert (
        f"Prolific refused the pages of the batch {paged} (422). "
        'Instructions!D4 (Q3): "answer_limit: no", Instructions!C6 (Q4): "Too long.", '
        'page 2, row 1, column 1, item 3 (image, not in the sheet): "Not https.", page 5: "Nothing on it.". '
        "No instruction was changed. Correct it, then push again."
    ) == said(result)
    (done,) = desk.journal.recent(1)
    assert (State.REJECTED, said(result)) == (done.state, done.note)


@contextmanager
def answering(prolific: Prolific, status: int, body: dict[str, Any]) -> Iterator[None]:
    """Have every PATCH answered so, without effect."""
    whole = prolific._answer  # the sandbox names one item at a time

    def answer(method: str, *rest: Any) -> Answer:
        return (
            Answer("", status, {}, json.dumps(body).encode()) if method == "PATCH" else whole(method, *rest)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prolific, "_answer", answer)
        yield


# ---------------------------------------------------------------- tasks
def test_tasks_that_are_being_made_are_waited_for(
    desk: Desk, prolific: Sandbox, clock: Clock, paged: str, tmp_path: Path
):
    """With --tasks-exist, for a while; then it is pushed."""
    path = book(tmp_path, paged, *ROWS, ("Q6", "free_text", "And?", None, None, None, None))
    prolific.switches.processing_reads = 4
    set_up(prolific, paged)

    assert "still PROCESSING" in said(go(desk, path))
    result = go(desk, path, tasks_exist=True)

    assert (0, 1) == (result.exit_code, patches(prolific))
    assert ["Waiting" in one for one in clock.told] == [True]
    assert 0 < clock.passed_s <= TASKS_WAIT_S


def test_waiting_ends(desk: Desk, prolific: Sandbox, clock: Clock, paged: str, tmp_path: Path):
    """A batch that never gets ready is not waited for any longer than is said."""
    path = book(tmp_path, paged, *ROWS, ("Q6", "free_text", "And?", None, None, None, None))
    prolific.switches.processing_reads = 1000
    set_up(prolific, paged)

    assert "still PROCESSING" in said(go(desk, path, tasks_exist=True))
    assert (TASKS_WAIT_S, 0) == (clock.passed_s, patches(prolific))


def test_tasks_that_exist_need_consent(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path):
    """The refusal names the flag; a study that participants see already is Prolific's to refuse."""
    path = book(tmp_path, paged, *ROWS, ("Q6", "free_text", "And?", None, None, None, None))
    set_up(prolific, paged)
    prolific.batch(paged)
    desk.prolific.get_batch(paged)

    assert "run again with --tasks-exist" in said(go(desk, path))
    assert 0 == patches(prolific)
    prolific.switches.edit_ready = 409
    assert "(409)" in said(go(desk, path, tasks_exist=True))
    prolific.switches.edit_ready = 200
    assert 0 == go(desk, path, tasks_exist=True).exit_code


def test_what_participants_see_is_not_changed(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path):
    """A batch does not say that a study of it is published: the refusal says it, Prolific enforces it, and its words are shown."""
    path = book(tmp_path, paged, *ROWS, ("Q6", "free_text", "And?", None, None, None, None))
    set_up(prolific, paged)
    assert ["PROCESSING", "READY"] == [desk.prolific.get_batch(paged)["status"] for _ in range(2)]
    prolific.publish(call(prolific, "POST", f"{STUDIES}/", draft(paged)).json()["id"])

    assert "if a study of it is published" in said(go(desk, path))
    result = go(desk, path, tasks_exist=True)

    assert (6, True) == (result.exit_code, "A study of this batch has been published." in said(result))
    assert by_hand() == pages(prolific, paged)


def set_up(prolific: Sandbox, batch_id: str) -> None:
    """Have tasks made."""
    body = {"dataset_id": prolific.add_dataset()}
    assert call(prolific, "POST", f"{API}/{batch_id}/setup", body).ok


# ---------------------------------------------------------------- crashes
@pytest.mark.parametrize("moment", ["journal:planned", "journal:sent", "answered", "journal:acknowledged"])
def test_a_crash_is_picked_up(desk: Desk, prolific: Sandbox, paged: str, tmp_path: Path, moment: str):
    """Wherever it dies, resume and another push end with one new instruction, and all else as it was."""
    path = book(tmp_path, paged, *ROWS, ("Q6", "free_text", "And?", None, None, None, None))
    push_and_die(prolific, desk.state, path, moment)

    resume(desk, desk.journal.open_imports())
    assert 0 == go(desk, path).exit_code

    now = pages(prolific, paged)
    assert by_hand() == [*now[:4], *now[5:]]
    assert [ids_in(path)["Q6"]] == [item["id"] for item in items(now[4:5])]
    # The new page, row, column and instruction, once.
    assert [4] == [len(r.ids_created) for r in prolific.ledger if r.ids_created]


def test_whoever_lays_out_meanwhile_is_not_overwritten(
    desk: Desk, prolific: Sandbox, clock: Clock, paged: str, tmp_path: Path
):
    """A plan that has aged is compared with the layout once more, content and places included."""
    path = book(tmp_path, paged, *ROWS, ("Q6", "free_text", "And?", None, None, None, None))
    push_and_die(prolific, desk.state, path, "journal:planned")
    moved = by_hand()
    moved[2], moved[3] = moved[3], moved[2]
    desk.prolific.patch_layout(paged, {"batch_items": moved})
    clock.passed_s = 3600

    (outcome,) = resume(desk, desk.journal.open_imports())

    assert State.CANCELLED is outcome.done.state
    assert "was changed on Prolific since the plan was made" in str(outcome.refusal)
    assert moved == pages(prolific, paged)


def test_an_answer_that_lies_differently_is_looked_into(
    desk: Desk, prolific: Sandbox, clock: Clock, paged: str, tmp_path: Path
):
    """The answer shows other places than were sent; what Prolific holds is right."""
    path = book(tmp_path, paged, *ROWS, ("Q6", "free_text", "And?", None, None, None, None))
    prolific.fault("reordered", method="PATCH")

    assert 0 == go(desk, path).exit_code
    assert ["Prolific lays out the batch in another way"] == [one[:42] for one in clock.told]
    assert ids_in(path)["Q6"] in {item.get("id") for item in items(pages(prolific, paged))}


# ---------------------------------------------------------------- a layout of its own, edited from the sheet
@dataclass
class Sheet:
    """The rows of a sheet, and what a researcher does to them."""

    chance: Random
    rows: list[dict[str, Any]]
    made: int = 0

    def cells(self) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for row in self.rows:
            options = row["options"] or [("", "")]
            for at, (label, value) in enumerate(options):
                own = (
                    (row["type"], row["description"], "1" if row["options"] else None)
                    if not at
                    else (None,) * 3
                )
                found.append((row["ref"], *own, label, value, None if at else row["id"]))
        return found

    def edit(self) -> str:
        """Change something; returns the ref of the instruction that it is about."""
        kinds = [self._insert, self._reword, self._retype, self._option, self._move, self._delete]
        return self.chance.choice(kinds if len(self.rows) > 1 else kinds[:1])()

    def _any(self) -> dict[str, Any]:
        return self.chance.choice(self.rows)

    def _insert(self) -> str:
        self.made += 1
        row = {
            "ref": f"N{self.made}",
            "type": "free_text",
            "description": f"New {self.made}?",
            "options": [],
            "id": None,
        }
        self.rows.insert(self.chance.randint(0, len(self.rows)), row)
        return str(row["ref"])

    def _reword(self) -> str:
        row = self._any()
        row["description"] += " Please."
        return str(row["ref"])

    def _retype(self) -> str:
        row = self._any()
        is_open = row["type"] == "free_text"
        row["type"] = "multiple_choice" if is_open else "free_text"
        row["options"] = [("Yes", "1"), ("No", "0")] if is_open else []
        return str(row["ref"])

    def _option(self) -> str:
        row = next((row for row in self.rows if row["options"]), None)
        if row is None:
            return self._reword()
        self.made += 1
        row["options"].insert(
            self.chance.randint(0, len(row["options"])), (f"Label {self.made}", f"v{self.made}")
        )
        return str(row["ref"])

    def _move(self) -> str:
        row = self._any()
        self.rows.remove(row)
        self.rows.insert(self.chance.randint(0, len(self.rows)), row)
        return str(row["ref"])

    def _delete(self) -> str:
        row = self._any()
        self.rows.remove(row)
        return str(row["ref"])


@settings(
    max_examples=int(os.environ.get("LAYOUTS", "5")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(chance=st.randoms(use_true_random=False))
def test_ten_edits_leave_all_else(prolific: Sandbox, tmp_path: Path, chance: Random):
    """
    A layout made by hand, edited ten times from the sheet.

    What was not touched is byte for byte as before, with its id; the order is the sheet's, and a
    second push plans nothing.
    """
    batch_id = prolific.add_batch("By hand", batch_items=by_hand(), dataset_fields=["answer"])
    sheet = Sheet(chance, [_row(*row) for row in ROWS if row[1]])
    sheet.rows[2]["options"] = [("One", "1"), ("Two", "two")]
    # Every layout has the ids of `by_hand`, so each has a journal of its own.
    with open_desk(prolific.url, prolific.token, tmp_path / batch_id, Clock()) as desk:
        for _ in range(10):
            _edit_and_push(desk, prolific, batch_id, sheet, tmp_path)


def _edit_and_push(desk: Desk, prolific: Sandbox, batch_id: str, sheet: Sheet, folder: Path) -> None:
    before = {item.get("id"): item for item in items(pages(prolific, batch_id))}
    touched = sheet.edit()
    path = book(folder, batch_id, *sheet.cells())
    known = {row["ref"]: row["id"] for row in sheet.rows if row["id"]}
    gone = {one["id"] for one in before.values() if one["type"] in ASKS} - set(known.values())

    assert 0 == go(desk, path, allow_remove=len(gone) or None).exit_code

    ids = ids_in(path)
    now = {item.get("id"): item for item in items(pages(prolific, batch_id))}
    assert known.items() <= ids.items()
    assert [ids[row["ref"]] for row in sheet.rows] == [i for i, item in now.items() if item["type"] in ASKS]
    untouched = before.keys() - gone - {known.get(touched, touched)}
    assert {one: before[one] for one in untouched} == {one: now[one] for one in untouched}
    assert now.keys() - untouched <= {ids.get(touched)}
    _assert_frame(pages(prolific, batch_id))
    (planned,) = go(desk, path).results[0].planned
    assert not planned.plan.needs_push
    for row in sheet.rows:
        row["id"] = ids[row["ref"]]


ASKS = ("free_text", "multiple_choice")


def _row(ref: str, kind: str, description: str, *rest: Any) -> dict[str, Any]:
    return {"ref": ref, "type": kind, "description": description, "options": [], "id": rest[-1]}


def _assert_frame(now: list[Entry]) -> None:
    """Content stands in its order, in its own pages, rows and columns, and what pages say themselves is as it was."""

    def frame(layout: list[Entry]) -> list[object]:
        return [
            (page["id"], row["id"], column["id"], page.get("title"), page.get("display_position"), item)
            for page in layout
            for row in page["rows"]
            for column in row["columns"]
            for item in column["items"]
            if item["type"] not in ASKS
        ]

    assert frame(by_hand()) == frame(now)
