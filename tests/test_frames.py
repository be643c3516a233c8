"""From a workbook to frames: which sheets, columns and rows count, and where the importer may write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from importer.contract import INSTRUCTIONS
from importer.sheets.frames import read_frames
from importer.workbook.cells import Spot
from tests.books import BATCH_ID, LIKERT, ONE_BATCH, write_book
from tests.checks import read, reading, texts_of

Book = Callable[..., Path]

HEADERS = ["ref", "type", "description", "answer_limit", "option_label", "option_value"]


def change(path: Path, edit: Callable[[openpyxl.worksheet.worksheet.Worksheet], object]) -> Path:
    """Edit the sheet Instructions of a workbook in place."""
    book = openpyxl.load_workbook(path)
    edit(book["Instructions"])
    book.save(path)
    return path


# ------------------------------------------------------------------ frames
def test_rows_are_texts_by_excel_row(book: Book):
    """Each row has its number; every usual column is there, blank as an empty text."""
    sheet = read(book(LIKERT)).instructions

    assert [2, 3, 4] == list(sheet.numbers)
    assert [column.name for column in INSTRUCTIONS.columns if not column.is_rare] == list(sheet.names)
    assert {
        "Q1",
        "Q2",
        "multiple_choice",
        "free_text",
        "How was it?",
        "Why?",
        "1",
        "Good",
        "good",
        "Bad",
        "bad",
        "",
    } == {text for row in sheet.texts for text in row}


def test_blank_rows_do_not_shift_row_numbers(book: Book):
    """A blank row is skipped, and the next row keeps its number."""
    path = book(LIKERT)
    change(path, lambda sheet: sheet.insert_rows(4, 3))

    assert {2: "Q1", 3: "Q1", 7: "Q2"} == texts_of(path, "ref")


def test_row_with_notes_only_is_blank(book: Book):
    """What is never sent makes no row."""
    path = book("""
        | ref | type      | description | notes   | status |
        |     |           |             | Part 1  |        |
        | Q1  | free_text | Why?        |         |        |
        |     |           |             |         | old    |
    """)

    assert {3: "Q1"} == texts_of(path, "ref")
    assert [] == reading(path)


def test_file_that_is_no_workbook_is_a_problem_of_the_file(tmp_path: Path):
    """A refusal of the reader becomes one problem, and there are no frames."""
    path = tmp_path / "study.xlsx"
    path.write_text("ref,type\nQ1,free_text\n", "utf-8")

    frames, problems = read_frames(path, "study.xlsx")

    assert frames is None
    assert [("not-a-workbook", "", None)] == [(p.code, p.place, p.sheet) for p in problems]


# ------------------------------------------------------------------ rows and refs
def test_row_whose_ref_begins_with_the_mark_is_left_out(book: Book):
    """It is the researcher's own: counted, and nothing in it is looked at."""
    path = book("""
        | ref | type      | description |
        | #Q1 | nonsense  |             |
        | Q2  | free_text | Why?        |
    """)

    assert {3: "Q2"} == texts_of(path, "ref")
    assert [("rows-ignored", "Instructions")] == reading(path)


def test_error_cell_in_ref_is_no_comment(book: Book):
    """#REF! begins with # but leaves nothing out."""
    path = change(book(LIKERT), lambda sheet: sheet.__setitem__("A4", "#REF!"))

    assert [("error-cell", "Instructions!A4")] == reading(path)


def test_blank_ref_directly_below_is_carried(book: Book):
    """A blank ref in an unbroken block is the ref above, and that is said."""
    path = book("""
        | ref | type            | description | answer_limit | option_label | option_value |
        | Q1  | multiple_choice | Good?       | 1            | Yes          | y            |
        |     |                 |             |              | No           | n            |
    """)

    assert {2: "Q1", 3: "Q1"} == texts_of(path, "ref")
    assert [("ref-carried", "Instructions!A3")] == reading(path)


@pytest.mark.parametrize("between", ["|     |      |     |", "| # x | note |     |"])
def test_blank_ref_below_a_gap_is_missing(book: Book, between: str):
    """Below a blank row or a row that is left out, nobody knows whose a row is."""
    path = book(f"""
        | ref | type            | option_label | description |
        | Q1  | multiple_choice | Yes          | Good?       |
        {between}
        |     |                 | No           |             |
    """)

    assert ("ref-missing", "Instructions!A4") in reading(path)


def test_ref_that_cannot_be_read_is_said_once(tmp_path: Path):
    """Blank refs below a formula without a result are not blamed for it."""
    path = write_book(
        tmp_path / "study.xlsx",
        {
            "Instructions": [
                HEADERS,
                ["x", "multiple_choice", "Good?", 1, "Yes", "y"],
                ["", "", "", "", "No", "n"],
            ]
        },
    )
    change(path, lambda sheet: sheet.__setitem__("A2", "=B9"))

    assert [("formula-without-result", "Instructions!A2")] == reading(path)


def test_workbook_without_instructions(book: Book):
    """Headers alone describe nothing."""
    assert [("no-instructions", "Instructions")] == reading(book("| ref | type | description |"))


def test_hidden_rows_are_read_and_said(book: Book):
    """Leaving them out would delete their instructions."""
    path = book(LIKERT)

    def hide(sheet):
        sheet.row_dimensions[4].hidden = True
        sheet.row_dimensions[9].hidden = True  # holds nothing

    change(path, hide)

    assert [("hidden-rows", "Instructions")] == reading(path)
    assert {2: "Q1", 3: "Q1", 4: "Q2"} == texts_of(path, "ref")


# ------------------------------------------------------------------ cells
def test_problem_of_a_cell_names_it(tmp_path: Path):
    """The cell, its ref and its column."""
    row = ["Q1", "multiple_choice", date(2026, 3, 1), 1, True, 12345678901234567]
    path = write_book(tmp_path / "study.xlsx", {"Instructions": [HEADERS, row], "Batches": ONE_BATCH})

    _, problems = read_frames(path, "study.xlsx")

    assert [
        ("date-cell", "Instructions!C2", "Q1", "description"),
        ("boolean-cell", "Instructions!E2", "Q1", "option_label"),
        ("number-too-long", "Instructions!F2", "Q1", "option_value"),
    ] == [(p.code, p.place, p.ref, p.column) for p in problems]


def test_unreadable_cell_is_remembered(tmp_path: Path):
    """The validator does not report a cell twice; a warning leaves the cell readable."""
    row = ["Q1", "multiple_choice", date(2026, 3, 1), 1, True, "y"]
    path = write_book(tmp_path / "study.xlsx", {"Instructions": [HEADERS, row]})

    assert {(2, "description")} == read(path).instructions.guilty


def test_notes_and_own_columns_may_hold_anything(tmp_path: Path):
    """A date or an error in a note is nobody's business."""
    path = write_book(
        tmp_path / "study.xlsx",
        {
            "Instructions": [
                ["ref", "type", "description", "notes", "note 2", "_x"],
                ["Q1", "free_text", "Why?", date(2026, 3, 1), True, date(2026, 3, 1)],
            ]
        },
    )
    change(path, lambda sheet: sheet.__setitem__("D3", "#REF!"))

    assert [] == reading(path)


def test_formulas_are_said_once_for_each_column(tmp_path: Path):
    """Their saved results are used."""
    xlsxwriter = pytest.importorskip("xlsxwriter")
    path = tmp_path / "study.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Instructions")
        for number, row in enumerate(
            [["ref", "type", "description"], ["Q1", "free_text"], ["Q2", "free_text"]]
        ):
            sheet.write_row(number, 0, row)
        sheet.write_formula("C2", '="Wh"&"y?"', None, "Why?")
        sheet.write_formula("C3", '="Ho"&"w?"', None, "How?")

    assert [("formula-used", "Instructions!C2")] == reading(path)
    assert {2: "Why?", 3: "How?"} == texts_of(path, "description")


@pytest.mark.parametrize("area", ["E2:E3", "F2:F3", "E3:F3", "B2:C2"])
def test_merged_cells_that_hide_something(book: Book, area: str):
    """Options merged over rows, and columns merged into one, lose what belongs to each."""
    path = change(book(LIKERT), lambda sheet: sheet.merge_cells(area))

    assert ("merged-cells", f"Instructions!{area.partition(':')[0]}") in reading(path)


@pytest.mark.parametrize("area", ["A2:A3", "C2:C3", "D2:D3", "E9:E12"])
def test_merged_cells_that_hide_nothing(book: Book, area: str):
    """A ref or description merged down its own block says what its first cell says."""
    path = change(book(LIKERT), lambda sheet: sheet.merge_cells(area))

    assert "merged-cells" not in dict(reading(path))


def test_description_merged_over_two_instructions(book: Book):
    """Excel keeps one text, and nobody knows whose it is."""
    path = change(book(LIKERT), lambda sheet: sheet.merge_cells("C3:C4"))

    assert [("merged-cells", "Instructions!C3")] == reading(path)
    assert {(3, "description"), (4, "description")} == read(path).instructions.guilty


# ------------------------------------------------------------------ batches
def test_blank_batch_is_the_only_one(book: Book):
    """With one batch in the workbook, nobody has to name it."""
    path = book(LIKERT, f"| batch | batch_id |\n| wave1 | {BATCH_ID} |")

    assert {2: "wave1", 3: "wave1", 4: "wave1"} == texts_of(path, "batch")


def test_blank_batch_is_the_only_one_that_is_named(book: Book):
    """Without a sheet Batches, the one name that stands there is everybody's."""
    path = book("| batch | ref | type | description |\n| a | Q1 | x | y |\n| | Q2 | x | y |", batches=None)

    assert {2: "a", 3: "a"} == texts_of(path, "batch")
    assert read(path).batches is None


def test_blank_batch_follows_its_block(book: Book):
    """Of several batches, a blank one is that of the row above with the same ref, or of the ref's only one."""
    path = book(
        """
        | batch | ref | type            | description | option_label |
        |       | Q3  |                 |             | sorted up    |
        | a     | Q1  | multiple_choice | Good?       | Yes          |
        |       | Q1  |                 |             | No           |
        | b     | Q1  | multiple_choice | Good?       | Yes          |
        |       | Q1  |                 |             | No           |
        | b     | Q3  | multiple_choice | Why?        | x            |
        |       | Q4  | free_text       | Whose?      |              |
        """,
        f"| batch | batch_id |\n| a | {BATCH_ID} |\n| b | {BATCH_ID[:-1]}2 |",
    )

    assert ["b", "a", "a", "b", "b", "b", ""] == list(texts_of(path, "batch").values())


# ------------------------------------------------------------------ spots
def test_spot_of_a_cell_that_is_there_replaces_it(book: Book):
    """An id that stands there is replaced where it stands."""
    path = book(
        f"| ref | type | description | instruction_id | status |\n| Q1 | free_text | Why? | {BATCH_ID} | kept |"
    )
    spots = read(path).instructions.spots

    assert {(2, "instruction_id"), (2, "status")} == set(spots)
    assert (2, 4) == spots[2, "instruction_id"][:2]
    assert 0 < spots[2, "instruction_id"].start < spots[2, "instruction_id"].end
    assert spots[2, "instruction_id"].end <= spots[2, "status"].start


def test_spot_between_cells_is_where_the_next_cell_begins(book: Book):
    """A cell that is not there is added in column order."""
    path = book("| ref | instruction_id | type | status | description |\n| Q1 | | free_text | kept | Why? |")
    spots = read(path).instructions.spots

    assert spots[2, "instruction_id"].start == spots[2, "instruction_id"].end < spots[2, "status"].start


def test_spot_of_a_missing_column_is_right_of_the_last(book: Book):
    """The header gets a spot too."""
    path = book("| ref | type | description | _own |\n| Q1 | free_text | Why? | |")
    spots = read(path).instructions.spots

    assert {(1, "instruction_id"): 5, (2, "instruction_id"): 5, (1, "status"): 6, (2, "status"): 6} == {
        key: spot.column for key, spot in spots.items()
    }


def test_spot_of_a_missing_column_avoids_what_stands_there(tmp_path: Path):
    """A column without header that holds something is not written over."""
    path = write_book(
        tmp_path / "study.xlsx",
        {
            "Instructions": [
                ["ref", "type", "description"],
                ["Q1", "free_text", "Why?", "", "mine"],
                ["# x", "", "", "mine"],
            ]
        },
    )
    spots = read(path).instructions.spots

    assert [6, 7] == [spots[2, name].column for name in ("instruction_id", "status")]
    assert [
        ("rows-ignored", "Instructions"),
        ("column-unnamed", "Instructions!D1"),
        ("column-unnamed", "Instructions!E1"),
    ] == sorted(reading(path), key=lambda found: found[0] != "rows-ignored")


def test_header_of_a_missing_column_takes_the_style_of_the_last(book: Book):
    """Styles are reused, not invented."""
    path = book("| ref | type | description |\n| Q1 | free_text | Why? |")
    change(path, lambda sheet: setattr(sheet["C1"], "font", openpyxl.styles.Font(bold=True)))
    spots = read(path).instructions.spots

    assert isinstance(spots[1, "status"], Spot)
    assert spots[1, "status"].style is not None
    assert spots[2, "status"].style is None


def test_new_cell_takes_the_style_of_its_column(book: Book):
    """A column that was formatted as text before it was filled stays so."""
    path = book("| ref | type | description | instruction_id |\n| Q1 | free_text | Why? | |")

    def format_column(sheet):
        sheet.column_dimensions["D"].number_format = "@"

    spots = read(change(path, format_column)).instructions.spots

    assert spots[2, "instruction_id"].style is not None
    assert spots[2, "status"].style is None


def test_spots_of_batches_are_for_id_and_status(book: Book):
    """The importer writes nothing else there."""
    batches = read(book(LIKERT)).batches

    assert batches is not None
    assert {(2, "batch_id"), (1, "status"), (2, "status")} == set(batches.spots)
