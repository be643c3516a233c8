"""The marked copy: problems at their cells, a list that leads to them, the workbook untouched."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.workbook.protection import WorkbookProtection

from importer.errors import WriteRefused
from importer.problems import LIST_COLUMNS, Problem, Severity, problem
from importer.sheets.frames import read_frames
from importer.workbook import marked, problem_list
from importer.workbook.marked import marked_path, write_marked
from importer.workbook.template import write_template
from tests.books import LIKERT, ONE_BATCH, write_book

RED, AMBER, BLUE = "00F8B4B0", "00FFD98A", "00CFE3F5"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_book(tmp_path / "study.xlsx", {"Instructions": LIKERT, "Batches": ONE_BATCH})


def no_type(*cells: str, sheet: str = "Instructions") -> Problem:
    return problem(
        "type-missing", "study.xlsx", sheet=sheet, cells=cells, ref="Q2", column="type", allowed="a"
    )


def spaces(*cells: str) -> Problem:
    return problem("spaces-at-end", "study.xlsx", sheet="Instructions", cells=cells, shown='"Good␠"')


def mark(study: Path, *problems: Problem) -> Workbook:
    target = marked_path(study)
    write_marked(study, target, problems)
    return load_workbook(target)


def rows_of(book: Workbook) -> list[dict[str, object]]:
    """Return the list of problems, by column."""
    rows = book.worksheets[0].iter_rows(min_row=4, values_only=True)
    return [dict(zip(LIST_COLUMNS, row, strict=True)) for row in rows]


def fills(book: Workbook, *cells: str) -> list[str]:
    return [book["Instructions"][cell].fill.start_color.rgb for cell in cells]


def test_the_copy_stands_beside_the_workbook():
    """Always .xlsx: a copy of a workbook with macros holds none."""
    assert Path("a/study.checked.xlsx") == marked_path(Path("a/study.xlsm"))


def test_guilty_cells_are_coloured_by_severity(study):
    """Errors red, warnings amber, notes blue; the gravest wins."""
    note = problem("ref-carried", "study.xlsx", sheet="Instructions", cells=["A3"])

    book = mark(study, spaces("E2", "B4"), no_type("B4"), note)

    assert [RED, AMBER, BLUE] == fills(book, "B4", "E2", "A3")


def test_the_note_says_what_is_wrong_and_what_to_do(study):
    """Several problems of one cell share its note."""
    first, second = no_type("B4"), spaces("B4")

    text = mark(study, first, second)["Instructions"]["B4"].comment.text

    assert all(part in text for p in (first, second) for part in (p.text, p.remedy))


def test_a_note_that_was_there_is_kept(study):
    """The researcher's own note comes first."""
    book = load_workbook(study)
    book["Instructions"]["B4"].comment = Comment("ask Mia", "Jo")
    book.save(study)

    text = mark(study, no_type("B4"))["Instructions"]["B4"].comment.text

    assert text.startswith("ask Mia\n\n✗ error: ")


def test_every_cell_of_a_range_is_marked(study):
    """A folded problem names ranges; none goes beyond the used cells."""
    book = mark(study, no_type("B2:B3", "B4:C1048576"))

    assert [RED] * 4 == fills(book, "B2", "B3", "B4", "C4")
    assert book["Instructions"].max_row == 4


def test_a_cell_that_does_not_exist_yet_is_marked(study):
    """A missing column's header may be the guilty cell."""
    assert [RED] == fills(mark(study, no_type("K9")), "K9")


def test_a_problem_inside_merged_cells_is_shown_at_their_first_cell(study):
    """Only the first cell of a merged range is seen."""
    book = load_workbook(study)
    book["Instructions"].merge_cells("B2:B4")
    book.save(study)

    marked_book = mark(study, no_type("B3"))

    assert [RED] == fills(marked_book, "B2")
    assert marked_book["Instructions"]["B2"].comment is not None


def test_conditional_formats_do_not_hide_the_colours(tmp_path):
    """The template tints gaps itself; the mark comes before it, by priority and in the file."""
    source = tmp_path / "study.xlsx"
    write_template(source, example=True)

    book = mark(source, no_type("C2"))

    area = next(iter(book["Instructions"].conditional_formatting))
    assert ("C2", ["TRUE"], 1) == (str(area.sqref), area.rules[0].formula, area.rules[0].priority)
    priorities = [rule.priority for a in book["Instructions"].conditional_formatting for rule in a.rules]
    assert len(priorities) == len(set(priorities))


def test_hidden_cells_with_problems_are_shown(study):
    """A link that jumps to a hidden row, column or sheet would lead nowhere."""
    book = load_workbook(study)
    sheet = book["Instructions"]
    sheet.sheet_state, sheet.row_dimensions[4].hidden, sheet.column_dimensions["B"].hidden = (
        "hidden",
        True,
        True,
    )
    book.save(study)

    sheet = mark(study, no_type("B4"))["Instructions"]

    assert ("visible", False, False) == (
        sheet.sheet_state,
        sheet.row_dimensions[4].hidden,
        sheet.column_dimensions["B"].hidden,
    )


def test_the_list_says_everything_in_order(study):
    """One row for each problem, the same words as in the terminal."""
    (row,) = rows_of(mark(study, no_type("B4")))

    expected = ("✗ error", "Instructions!B4", "Q2", "type", no_type().text, "Use one of: a.", "type-missing")
    assert dict(zip(LIST_COLUMNS, expected, strict=True)) == row


def test_the_list_comes_first_and_is_open(study):
    """The header stays in sight, and no other sheet is selected with it."""
    book = mark(study, no_type("B4"))

    assert ["Problems", "Instructions", "Batches"] == book.sheetnames
    assert book.active is book["Problems"]
    assert [True, False, False] == [bool(sheet.sheet_view.tabSelected) for sheet in book.worksheets]
    assert ("A4", "A3:G4") == (book["Problems"].freeze_panes, book["Problems"].auto_filter.ref)


def test_links_jump_to_the_cell(study):
    """Also to a sheet whose name needs quotes, and to the top of a sheet without guilty cells."""
    book = load_workbook(study)
    book["Instructions"].title = "My sheet's items"
    book.save(study)
    hidden = problem("sheet-hidden", "study.xlsx", sheet="Batches")

    sheet = mark(study, no_type("B4", sheet="My sheet's items"), hidden)["Problems"]

    places = [sheet[cell].hyperlink.location for cell in ("B4", "B5")]
    assert ["'My sheet''s items'!B4", "'Batches'!A1"] == places


def test_a_problem_of_the_whole_file_has_no_link(study):
    """There is no cell to jump to."""
    lost = problem("sheet-missing", "study.xlsx", wanted="Instructions", found="Sheet1", hint="")

    sheet = mark(study, lost)["Problems"]

    assert ("the file", None) == (sheet["B4"].value, sheet["B4"].hyperlink)


def test_texts_of_problems_are_never_formulas(study):
    """A quoted cell may begin with an equals sign."""
    told = Problem("error-cell", "study.xlsx", "=cmd|'/c calc'!A1", "+1", "Instructions", ("C2",))

    sheet = mark(study, told)["Problems"]

    assert [("=cmd|'/c calc'!A1", "s"), ("+1", "s")] == [
        (sheet[cell].value, sheet[cell].data_type) for cell in ("E4", "F4")
    ]


def test_control_characters_do_not_break_the_copy(study):
    """XML cannot carry them; the note shows a replacement."""
    told = Problem("control-character", "study.xlsx", "a\x01b", "", "Instructions", ("C2",), ref="\x02")

    assert "a\ufffdb" in mark(study, told)["Instructions"]["C2"].comment.text


def test_a_sheet_that_is_called_problems_stays(tmp_path):
    """Excel ignores case in names of sheets."""
    source = write_book(tmp_path / "study.xlsx", {"problems": LIKERT, "PROBLEMS (2)": LIKERT})

    assert ["Problems (3)", "problems", "PROBLEMS (2)"] == mark(source, no_type("B4")).sheetnames


def test_the_workbook_itself_is_never_touched(study):
    """Not its bytes, and not its time stamp."""
    before = (study.read_bytes(), study.stat().st_mtime_ns)

    mark(study, no_type("B4"))

    assert before == (study.read_bytes(), study.stat().st_mtime_ns)


def test_marking_the_workbook_itself_is_our_bug(study):
    """Even by another spelling of its path."""
    before = study.read_bytes()

    with pytest.raises(ValueError, match="never marked itself"):
        write_marked(study, study.parent / "." / study.name, [no_type("B4")])
    assert before == study.read_bytes()


def test_a_file_that_cannot_be_opened_gives_the_list_alone(tmp_path):
    """The copy says so; the file is not even looked into."""
    source = tmp_path / "study.xlsx"
    source.write_bytes(b"ref;type\n")

    book = mark(source, problem("not-a-workbook", "study.xlsx", what="a text file"))

    assert ["Problems"] == book.sheetnames
    assert "could not be copied" in book["Problems"]["A2"].value
    assert ["not-a-workbook"] == [row["code"] for row in rows_of(book)]


def test_a_workbook_that_openpyxl_cannot_carry_gives_the_list_alone(study):
    """Whatever openpyxl stumbles over, the problems are still listed."""
    with study.open("r+b") as file:
        file.seek(40)
        file.write(b"\x00" * 400)

    book = mark(study, no_type("B4"))

    assert (["Problems"], None) == (book.sheetnames, book["Problems"]["B4"].hyperlink)


def test_a_huge_workbook_gives_the_list_alone(study, monkeypatch):
    """For openpyxl it would take minutes."""
    monkeypatch.setattr(marked, "MAX_XML_BYTES", 1_000)

    assert ["Problems"] == mark(study, no_type("B4")).sheetnames


def test_a_merged_column_gives_the_list_alone(study):
    """Merging a whole column is an easy slip, and openpyxl takes a minute for it."""
    book = load_workbook(study)
    book["Instructions"].merged_cells.add("B1:B1048576")
    book.save(study)

    assert ["Problems"] == mark(study, no_type("B4")).sheetnames


def test_a_text_that_is_shown_often_is_counted_as_often(tmp_path):
    """A megabyte that ten thousand cells share would become ten gigabytes."""
    source = tmp_path / "study.xlsx"
    with xlsxwriter.Workbook(source) as book:
        sheet = book.add_worksheet("Instructions")
        for row in range(1_000):
            sheet.write_string(row, 0, "x" * 32_000)

    assert ["Problems"] == mark(source, no_type("B4")).sheetnames


def test_the_last_cell_of_a_sheet_costs_nothing(study):
    """One stray cell at XFD1048576 must not make openpyxl fill in 17 billion others."""
    book = load_workbook(study)
    book["Instructions"]["XFD1048576"] = "stray"
    book.save(study)

    assert [RED] == fills(mark(study, no_type("B4")), "B4")


def test_colours_go_on_where_notes_stop(study, monkeypatch):
    """Thousands of notes would make Excel slow."""
    monkeypatch.setattr(marked, "MAX_NOTES", 1)

    book = mark(study, no_type("B3", "B4"))

    assert [RED, RED] == fills(book, "B3", "B4")
    assert [True, False] == [book["Instructions"][cell].comment is not None for cell in ("B3", "B4")]


def test_the_headline_counts(study):
    """How bad it is stands at the top, with the advice not to mend the copy."""
    sheet = mark(study, no_type("B4"), spaces("E2"), spaces("E3"))["Problems"]

    assert sheet["A1"].value == "study.xlsx: 1 error, 2 warnings"
    assert "study.xlsx itself" in sheet["A2"].value


def test_a_target_that_cannot_be_written_is_refused(study):
    """Such as a copy that is open in Excel, here a folder in its place."""
    marked_path(study).mkdir()

    with pytest.raises(WriteRefused, match=r"study\.checked\.xlsx cannot be written"):
        mark(study, no_type("B4"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("is_there", [False, True])
def test_the_copy_is_for_those_who_may_read_the_workbook(study, is_there):
    """Also where an earlier copy was for everybody."""
    study.chmod(0o600)
    if is_there:
        marked_path(study).touch(0o644)

    mark(study, no_type("B4"))

    assert 0o600 == stat.S_IMODE(marked_path(study).stat().st_mode)


def test_a_copy_is_known_again(study):
    """Saved by another program under another name, it is still not the workbook."""
    book = mark(study, no_type("B4"))
    for name in ("Renamed.xlsx", "Renamed.checked.xlsx"):
        book.save(study.with_name(name))

        assert [("marked-copy", "Problems")] == [
            (p.code, p.place) for p in read_frames(study.with_name(name), name)[1]
        ]


def test_a_mere_list_is_known_again(study):
    """A copy that holds only the list says the same."""
    source = study.with_name("damaged.xlsx")
    source.write_bytes(b"PK")
    write_marked(source, marked_path(source), [problem("damaged", "damaged.xlsx", detail="cut")])

    (found,) = read_frames(marked_path(source), "x")[1]
    assert "marked-copy" == found.code
    assert "damaged.xlsx" in found.remedy


def test_a_template_becomes_a_plain_workbook(study):
    """An .xltx would otherwise be saved under the content type of a template."""
    book = load_workbook(study)
    book.template, book.security = True, WorkbookProtection()
    source = study.with_suffix(".xltx")
    book.save(source)

    assert mark(source, no_type("B4")).template is False


def test_every_severity_has_its_colour_and_word():
    """A new severity must be drawn too."""
    assert [set(Severity)] * 2 == [set(problem_list.COLOURS), set(problem_list.WORDS)]
