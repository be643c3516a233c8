"""The limits that keep hostile input cheap lose nothing that matters."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from importer.checking import check
from importer.errors import WorkbookRefused
from importer.limits import MAX_LISTED
from importer.sheets.frames import read_frames
from importer.texts import canonical
from importer.workbook import effort
from importer.workbook.effort import Effort
from tests.books import BATCH_ID
from tests.hostile.inputs import BATCHES, HEADERS, book, cell, free_text, row, rows
from tests.raw import raw_book


def test_every_broken_workbook_is_known_to_be_broken(tmp_path: Path):
    """However many problems the workbooks before it have, a workbook with one is not ready."""
    many = rows(*(row(n, [f"Q{n}", "free_text"]) for n in range(2, 3 * MAX_LISTED)))
    other = BATCHES.replace(BATCH_ID, BATCH_ID[:-1] + "9")
    first = book(tmp_path / "a.xlsx", many)
    second = raw_book(tmp_path / "b.xlsx", {"Instructions": many, "Batches": other})

    checked = check([first, second])

    assert (str(first), str(second)) == checked.report.broken
    assert () == checked.studies


@pytest.mark.parametrize("code", ["description-missing", "spaces-at-end"])
def test_what_is_not_listed_is_counted(code: str, tmp_path: Path):
    """Problems found while reading and while checking: the first are listed, the others counted."""
    description = "" if code == "description-missing" else "Why? "
    count = MAX_LISTED + 7
    content = rows(*(row(n, [f"Q{n}", "free_text", description]) for n in range(2, count + 2)))

    problems = check([book(tmp_path / "a.xlsx", content)]).report.problems

    assert [f"C{n}" for n in range(2, MAX_LISTED + 2)] == [p.cells[0] for p in problems if p.code == code]
    (more,) = (p for p in problems if p.code == "more-of-these")
    assert ("description", True) == (more.column, more.text.startswith("7 more cells"))


def test_missing_columns_go_where_there_is_room(tmp_path: Path):
    """Among cells beyond the last header, our columns take the first column that is free in all rows."""
    beyond = '<c r="D{0}" s="1"/><c r="E{0}"><v>1</v></c><c r="G{0}" s="2"/>'
    filled = [row(n, [f"Q{n}", "free_text", "Why?"], beyond.format(n)) for n in (2, 3)]
    frames, _ = read_frames(book(tmp_path / "a.xlsx", rows(*filled, headers=HEADERS[:3])), "a.xlsx")

    assert frames is not None
    spots = frames.instructions.spots
    assert [(4, 1), (6, None)] == [
        (spots[3, n].column, spots[3, n].style) for n in ("instruction_id", "status")
    ]
    assert spots[3, "instruction_id"].end == spots[3, "status"].start - len('<c r="E3"><v>1</v></c>')


def test_no_room_for_our_columns_is_a_problem(tmp_path: Path):
    """A push could not write its ids, so it does not begin."""
    content = row(1, HEADERS[:3], cell(1, 16_383, "notes")) + free_text(2)

    problems = check([book(tmp_path / "a.xlsx", content)]).report.problems

    assert [("column-missing", "status")] == [(p.code, p.column) for p in problems if p.is_error]


def test_marks_are_sorted_unless_they_are_a_bomb():
    """Two spellings of a letter are one; a heap of marks stays as it is, and costs no time."""
    assert canonical("\u1ebf") == canonical("e\u0302\u0301")
    assert canonical("—" * 500 + "\u00e9") == canonical("—" * 500 + "e\u0301")
    heap = "e\u0301" + "\u0316\u0301" * 16_000
    begin = time.process_time()
    assert heap == canonical(heap)
    assert 0.2 > time.process_time() - begin


@pytest.mark.parametrize(
    ("limit", "part"),
    [("MAX_INFLATED_BYTES", 2_000), ("MAX_PARSED_BYTES", 1_500), ("MAX_STEPS", 60)],
)
def test_effort_is_counted_for_the_whole_workbook(
    limit: str, part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What each part may take by itself, all together may not."""
    path = book(tmp_path / "a.xlsx", rows(*map(free_text, range(2, 9))) + "<!-- by hand -->")
    monkeypatch.setattr(effort, limit, part)

    frames, (problem,) = read_frames(path, path.name)

    assert frames is None
    assert "too-large" == problem.code


def test_steps_add_up():
    """The limit is on the sum."""
    taken = Effort()
    for before, after in pairwise(range(0, effort.MAX_STEPS + 1, effort.MAX_STEPS // 4)):
        taken.step(after - before)
    with pytest.raises(WorkbookRefused):
        taken.step(1)
