"""
A study under a switch: pushed all new, then edited and pushed again; real workbook, real HTTP, made-up clock.

The edit rewords, moves, adds, deletes, and changes a type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl

from importer.checking import check_parts
from importer.places import Part
from importer.push.desk import Desk
from importer.push.reading import begin
from importer.run.pushing import push
from importer.run.results import Consent, RunResult
from importer.sandbox import Sandbox
from tests.books import write_book
from tests.desks import Clock, open_desk
from tests.sandboxes import wait_until

FORMS = ("instructions", "batch_items")
_COLUMNS = (
    "ref", "type", "description", "answer_limit", "option_heading", "option_label", "option_value",
    "unit_position", "validation_type", "instruction_id", "status",
)  # fmt: skip
#: What each new instruction of a layout without pages comes with, itself included.
_LEVELS = 4
_BATCH_ID = "019a0f6e-1c1d-7cc2-8a67-000000005111"


@dataclass(frozen=True)
class Row:
    """An instruction of the sheet."""

    ref: str
    type: str
    description: str
    options: tuple[tuple[str, ...], ...] = ()
    validation_type: str | None = None
    id: str | None = None

    def cells(self) -> Iterator[list[object]]:
        """Its rows: one, or one for each option (heading, label, value)."""
        limit = "1" if self.type.startswith("multiple_choice") else None
        unit = "suffix" if self.type == "free_text_with_unit" else None
        head: list[object] = [self.type, self.description, limit]
        tail: list[object] = [unit, self.validation_type, self.id, None]
        for heading, label, value in self.options or (("", "", ""),):
            yield [self.ref, *head, heading, label, value, *tail]
            head, tail = [None] * len(head), [None] * len(tail)


_YES_NO = (("", "Yes", "1"), ("", "No", "0"))
#: Q2 and Q5 are equal, so that only their order tells them apart.
FIRST = (
    Row("Q1", "multiple_choice", "How was it?", (("", "Good", "good"), ("", "Bad", "bad"))),
    Row("Q2", "free_text", "Why?"),
    Row("Q3", "free_text", " ".join(["Tell us, please."] * 10)),
    Row("Q4", "multiple_choice_with_free_text", "Rate it.", (("Pace", "Fast", "2"), ("Pace", "Slow", "1"))),
    Row("Q5", "free_text", "Why?"),
)


def edited(rows: dict[str, Row]) -> list[Row]:
    """Reword Q1, delete Q2, move Q4, make Q5 a choice, and add N1."""
    return [
        replace(rows["Q1"], description="How was it, all in all?"),
        rows["Q4"],
        rows["Q3"],
        replace(rows["Q5"], type="multiple_choice", options=_YES_NO),
        Row("N1", "free_text", "Anything else?"),
    ]


@dataclass
class Study:
    """
    A workbook for one batch, and the Prolific that holds the batch.

    Attributes:
        sandbox: The Prolific.
        desk: What a push needs within reach.
        clock: The desk's.
        path: The workbook.
        on_sent: Called when the next request is about to be sent.
        batch_id: The batch that the workbook names.
        name: What the sheet calls it; "" leaves its name.
        rows: What the sheet says.
        consent: What the researcher agrees to, as `importer.run.results.Consent` has it.
        gone: How many instructions of the batch were deleted with consent, or by somebody else.
        strangers: Ids that the batch holds, and that the sheet cannot describe.
        struck: What Prolific held after somebody else had struck; None if nobody has.
        emptied: What the sheet said before it was emptied.
    """

    sandbox: Sandbox
    desk: Desk
    clock: Clock
    path: Path
    on_sent: list[Callable[[], object]]
    batch_id: str
    name: str = ""
    rows: list[Row] = field(default_factory=lambda: list(FIRST))
    consent: dict[str, Any] = field(default_factory=dict)
    gone: int = 0
    strangers: tuple[str, ...] = ()
    struck: dict[str, object] | None = None
    emptied: list[Row] = field(default_factory=list)

    # -------------------------------------------------------------- what a researcher does
    def save(self) -> None:
        """Write the workbook as the rows say."""
        self.path.write_bytes(_workbook(self.path, self.batch_id, self.name, tuple(self.rows)))

    def push(self) -> tuple[int, str]:
        """Push; returns the exit code and every sentence."""
        self.clock.told.clear()
        paths = [self.path]
        with begin(self.desk, paths) as reading:
            result = push(
                self.desk,
                paths,
                lambda: _checked(self.path, self.path.read_bytes()),
                reading,
                consent=Consent(**self.consent),
                ask=lambda _: None,
            )
        wait_until(lambda: all(entry.seconds is not None for entry in self.sandbox.ledger))
        return result.exit_code, "\n".join([*self.clock.told, *_sentences(result)])

    def take_ids(self) -> None:
        """Go on from the ids that a push has written."""
        ids = self.ids_in_sheet()
        self.rows = [replace(row, id=ids[row.ref]) for row in self.rows]

    def edit(self) -> None:
        """Edit what has been pushed, and agree to what that deletes."""
        self.take_ids()
        self.rows = edited({row.ref: row for row in self.rows})
        self.consent["allow_remove"] = 1
        self.gone = 1
        self.save()

    # -------------------------------------------------------------- what is so
    def held(self) -> list[tuple[str, str, str]]:
        """Id, type and text of what the sheet can describe, in Prolific's order."""
        found = self.sandbox.instructions(self.batch_id)
        every = [(str(item["id"]), str(item["type"]), str(item["description"])) for item in found]
        return [one for one in every if one[0] not in self.strangers]

    def in_sheet(self) -> list[tuple[str | None, str, str]]:
        """The same of the workbook."""
        ids = self.ids_in_sheet()
        return [(ids[row.ref], row.type, row.description) for row in self.rows]

    def ids_in_sheet(self) -> dict[str, str | None]:
        """The ids in the workbook, by ref."""
        rows = openpyxl.load_workbook(self.path)["Instructions"].iter_rows(min_row=2, values_only=True)
        at = _COLUMNS.index("instruction_id")
        return {str(row[0]): None if row[at] is None else str(row[at]) for row in rows if row[1]}

    def everything(self) -> dict[str, object]:
        """All that Prolific holds of the batch, by id, but for how far its tasks are; "" is its layout."""
        held: dict[str, object] = {str(item["id"]): item for item in self.sandbox.instructions(self.batch_id)}
        return held | {"": self.sandbox.batch(self.batch_id)["batch_items"]}

    def created(self) -> int:
        """How many instructions the requests to the batch have created; in a layout each comes with its page."""
        made = [r for r in self.sandbox.ledger if self.batch_id in r.path]
        return sum(len(r.ids_created) // (_LEVELS if r.method == "PATCH" else 1) for r in made)

    def writes(self) -> int:
        """How many requests of pushes arrived that write."""
        return sum(r.method in ("PUT", "PATCH") for r in self.sandbox.ledger)


@cache
def _workbook(path: Path, batch_id: str, name: str, rows: tuple[Row, ...]) -> bytes:
    sheet = [list(_COLUMNS), *(cells for row in rows for cells in row.cells())]
    write_book(path, {"Instructions": sheet, "Batches": [["batch_id", "name"], [batch_id, name]]})
    return path.read_bytes()


@lru_cache(maxsize=8)
def _checked(path: Path, workbook: bytes) -> list[Part]:
    """Check a workbook; every study begins with the same bytes, and checking takes longest."""
    del workbook
    return list(check_parts([path]))


def _sentences(result: RunResult) -> Iterator[str]:
    for problem in result.report.problems:
        yield f"{problem.text} {problem.remedy}"
    for study in result.results:
        yield from (note for planned in study.planned for note in planned.plan.notes)
        yield from map(str, study.refusals)
        yield from (one.done.note for one in study.outcomes if one.done.note and one.refusal is None)


@contextmanager
def open_study(sandbox: Sandbox, folder: Path, form: str) -> Iterator[Study]:
    """
    Have a batch that holds nothing, and a workbook for it that says `FIRST`.

    Args:
        sandbox: Forgets all else.
        folder: For the workbook and a journal.
        form: One of `FORMS`.
    """
    sandbox.clear()
    clock = Clock()
    on_sent: list[Callable[[], object]] = []

    def checkpoint(name: str) -> None:
        if name == "journal:sent" and on_sent:
            on_sent.pop()()

    batch_id = sandbox.add_batch(
        "Study", batch_id=_BATCH_ID, batch_items=[] if form == "batch_items" else None
    )
    with open_desk(sandbox.url, sandbox.token, folder / uuid4().hex, clock, checkpoint) as desk:
        study = Study(sandbox, desk, clock, folder / "study.xlsx", on_sent, batch_id)
        study.save()
        yield study
