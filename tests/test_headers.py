"""Where things stand: sheets by name or headers, columns by header in any order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from tests.books import LIKERT, ONE_BATCH, write_book
from tests.checks import read, reading, texts_of

Book = Callable[..., Path]


# ------------------------------------------------------------------ sheets
def test_sheet_is_found_by_name_ignoring_case_and_spaces(tmp_path: Path):
    """The name stays as it stands in the workbook."""
    path = write_book(tmp_path / "a.xlsx", {"Other": "| x |", " instructions": LIKERT, "BATCHES": ONE_BATCH})
    frames = read(path)

    assert (" instructions", "BATCHES") == (frames.instructions.name, frames.batches and frames.batches.name)


def test_sheet_is_found_by_its_headers(tmp_path: Path):
    """One sheet that has the columns is taken, and that is said."""
    path = write_book(tmp_path / "a.xlsx", {"Help": LIKERT, "Sheet1": LIKERT, "Other": ONE_BATCH})

    assert [("sheet-renamed", "Other"), ("sheet-renamed", "Sheet1")] == reading(path)
    assert "Sheet1" == read(path).instructions.name


def test_two_sheets_with_the_headers_are_no_answer(tmp_path: Path):
    """Nothing is guessed."""
    path = write_book(tmp_path / "a.xlsx", {"Sheet1": LIKERT, "Sheet2": LIKERT})

    assert [("sheet-missing", "")] == reading(path)


def test_missing_sheet_is_one_problem(tmp_path: Path):
    """The likely one is named."""
    path = write_book(tmp_path / "a.xlsx", {"Instructons": "| x | y |", "Batches": ONE_BATCH})

    assert [("sheet-missing", "")] == reading(path)


def test_hidden_sheet_is_read_and_said(book: Book):
    """What is hidden is sent all the same."""
    path = book(LIKERT)
    workbook = openpyxl.load_workbook(path)
    workbook["Instructions"].sheet_state = "hidden"
    workbook.save(path)

    assert [("sheet-hidden", "Instructions")] == reading(path)


# ------------------------------------------------------------------ columns
@pytest.mark.parametrize(
    "header", ["Answer Limit", "ANSWER_LIMIT*", "answer-limit", " answer limit * ", "AnswerLimit"]
)
def test_header_is_found_however_it_is_written(book: Book, header: str):
    """Case, spaces, `_`, `-` and a trailing `*` do not matter, nor does the order."""
    path = book(f"| {header} | description | TYPE | Ref* |\n| 1 | Good? | multiple_choice | Q1 |")

    assert {"answer_limit": 1, "description": 2, "type": 3, "ref": 4} == read(path).instructions.columns
    assert [] == reading(path)


def test_missing_column_is_reported_and_not_the_cells_beneath(book: Book):
    """Each required column that is missing, and nothing else."""
    path = book("| ref | option_label |\n| Q1 | Yes |")

    assert [("column-missing", "Instructions"), ("column-missing", "Instructions")] == reading(path)


def test_two_headers_for_one_column(book: Book):
    """The second is the guilty one."""
    path = book("| ref | type | description | Type* |\n| Q1 | free_text | Why? | |")

    assert [("column-twice", "Instructions!D1")] == reading(path)


@pytest.mark.parametrize("header", ["notes", "Note to self", "NOTES 2", "_ref", "_anything"])
def test_own_columns_are_nobodys_business(book: Book, header: str):
    """`note…` and `_…` are the researcher's."""
    path = book(f"| ref | type | description | {header} |\n| Q1 | free_text | Why? | mine |")

    assert [] == reading(path)
    assert {2: "Q1"} == texts_of(path, "ref")


def test_unknown_column_is_a_warning(book: Book):
    """It is not read, and that is said."""
    path = book("| ref | type | description | difficulty |\n| Q1 | free_text | Why? | hard |")

    assert [("column-unknown", "Instructions!D1")] == reading(path)


def test_near_miss_of_a_missing_column_is_an_error_and_read_as_it(book: Book):
    """What is wrong beneath it is found in the same run."""
    path = book("| ref | type | descripton | option_lable |\n| Q1 | free_text | Why? | Yes |")

    assert [("column-near-miss", "Instructions!C1"), ("column-near-miss", "Instructions!D1")] == reading(path)
    assert {2: "Yes"} == texts_of(path, "option_label")


def test_near_miss_of_a_column_that_is_there_is_a_warning(book: Book):
    """Nothing is missing, so nothing is lost."""
    path = book("| ref | type | description | descriptions |\n| Q1 | free_text | Why? | |")

    assert [("column-unknown", "Instructions!D1")] == reading(path)


def test_headers_below_row_1(book: Book):
    """A title above is an error; the rows below are read all the same, with their numbers."""
    path = book("| My study | | |\n| (draft) | | |\n| ref | type | description |\n| Q1 | free_text | Why? |")

    assert [("header-row", "Instructions")] == reading(path)
    assert {4: "Q1"} == texts_of(path, "ref")


def test_cell_below_that_reads_like_a_header_is_none(book: Book):
    """One word is no header row."""
    path = book("| ref | x | y |\n| a | type | b |")

    assert ("header-row", "Instructions") not in reading(path)


def test_cells_without_a_header_are_a_warning(book: Book):
    """They are not read, and that is said once for the column."""
    path = book(
        "| ref | type | description | |\n| Q1 | free_text | Why? | lost |\n| Q2 | free_text | Why? | lost |"
    )

    assert [("column-unnamed", "Instructions!D1")] == reading(path)
