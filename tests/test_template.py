"""The template: what researchers find in it, and that texts stay what they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from xml.etree.ElementTree import canonicalize
from zipfile import ZipFile

import pytest
from openpyxl import Workbook, load_workbook

from importer.contract import BATCHES, CHOICE_TYPES, HELP_SHEET, INSTRUCTIONS, ITEM_TYPES, SHEETS
from importer.errors import WriteRefused
from importer.limits import MAX_CELL_CHARACTERS
from importer.sheets.frames import read_frames
from importer.texts import column_letter, header_key
from importer.workbook.template import FORMATTED_ROWS, write_filled, write_template

COMMITTED = Path(__file__).parent.parent / "sheet_templates" / "batch_import.xlsx"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.xlsx"
    write_template(path)
    return path


def parts(source: Path | BytesIO) -> dict[str, bytes]:
    """Return the inflated parts, because another zlib may pack equal parts into other bytes."""
    with ZipFile(source) as package:
        return {name: package.read(name) for name in package.namelist()}


def texts_of(book: Workbook, sheet: str) -> set[str]:
    return {str(cell.value) for row in book[sheet].iter_rows() for cell in row if cell.value is not None}


def read_back(path: Path, column: str) -> list[str]:
    frames, _ = read_frames(path, path.name)
    assert frames is not None
    return frames.instructions.column(column)


def rules_of(path: Path, sheet: str) -> dict[str, list[str]]:
    formats = load_workbook(path)[sheet].conditional_formatting
    return {str(area.sqref): [rule.formula[0] for rule in area.rules] for area in formats}


def option_rows(texts: Iterable[str]) -> list[dict[str, str]]:
    """Give each text as the label of an option, so that the rows form one instruction."""
    return [{"ref": "Q1", "option_label": text} for text in texts]


def test_the_committed_template_is_the_one_we_write(template):
    """sheet_templates/batch_import.xlsx is what write_template gives."""
    assert parts(COMMITTED) == parts(template)


def test_two_templates_are_the_same_bytes(template):
    """Nothing in the file tells when, or with which XML library, it was made."""
    stream = BytesIO()
    write_template(stream)

    with ZipFile(stream) as package:
        moments = {entry.date_time for entry in package.infolist()}
    assert template.read_bytes() == stream.getvalue()
    assert {(2026, 1, 1, 0, 0, 0)} == moments
    assert b"2026-01-01T00:00:00Z</dcterms:modified>" in parts(stream)["docProps/core.xml"]
    assert all(part.decode() == canonicalize(part.decode()) for part in parts(stream).values())


def test_it_opens_on_the_sheet_instructions(template):
    """Instructions come first, then Batches, then Help."""
    book = load_workbook(template)

    assert [INSTRUCTIONS.name, BATCHES.name, HELP_SHEET] == book.sheetnames
    assert book.active is not None
    assert book.active.title == INSTRUCTIONS.name


@pytest.mark.parametrize("contract", SHEETS, ids=lambda contract: contract.name)
def test_headers_are_the_contract_s(template, contract):
    """Every column has its header, in order; a required one carries a star."""
    headers = [cell.value for cell in load_workbook(template)[contract.name][1]]

    assert [header_key(name) for name in contract.names] == [header_key(header) for header in headers]
    assert [c.is_required for c in contract.columns] == [header.endswith(" *") for header in headers]


@pytest.mark.parametrize("contract", SHEETS, ids=lambda contract: contract.name)
def test_every_header_explains_itself(template, contract):
    """The note on a header holds the column's meaning and example, and is as large as its text."""
    header = load_workbook(template)[contract.name][1]

    for column, cell in zip(contract.columns, header, strict=True):
        assert cell.comment.text.startswith(column.meaning)
        assert cell.comment.text.endswith(f"Example: {column.example}")
        assert cell.comment.height > 17 * len(column.meaning) / 60


def test_words_are_offered_and_answer_limits_only_hinted(template):
    """Drop-downs are inline lists; any answer limit may be typed without a message."""
    sheet = load_workbook(template)[INSTRUCTIONS.name]

    offered = {
        str(rule.sqref).partition("2:")[0]: (rule.formula1, rule.showErrorMessage)
        for rule in sheet.data_validations.dataValidation
    }
    types = ",".join(ITEM_TYPES)
    usual = {"C": (f'"{types}"', True), "E": ('"1,any"', False), "K": ('"yes,no"', True)}
    assert usual.items() <= offered.items()
    words = {f'"{",".join(c.choices)}"' for c in INSTRUCTIONS.columns if c.choices}
    assert words == {formula for formula, _ in offered.values()}


@pytest.mark.parametrize("contract", SHEETS, ids=lambda contract: contract.name)
def test_cells_keep_what_is_typed(template, contract):
    """Columns have the format Text, as a whole and cell by cell where Google Sheets needs it."""
    sheet = load_workbook(template)[contract.name]

    columns = {sheet.column_dimensions[cell.column_letter].number_format for cell in sheet[1]}
    cells = {sheet.cell(row, 1).number_format for row in (2, FORMATTED_ROWS + 1)}
    assert ({"@"}, {"@"}) == (columns, cells)


@pytest.mark.parametrize("contract", SHEETS, ids=lambda contract: contract.name)
def test_it_claims_no_more_rows_than_it_formats(template, contract):
    """A sheet used to row 1,048,576 is slow to open everywhere."""
    assert load_workbook(template)[contract.name].max_row == FORMATTED_ROWS + 1


def test_headers_and_refs_stay_in_sight(template):
    """Header and ref are frozen, the filter is on, and the header is printed on every page."""
    book = load_workbook(template)
    sheet, batches = book[INSTRUCTIONS.name], book[BATCHES.name]

    assert ("C2", "B2") == (sheet.freeze_panes, batches.freeze_panes)
    assert ("A1:AG201", "A1:K201") == (sheet.auto_filter.ref, batches.auto_filter.ref)
    assert ("$1:$1", "landscape", 0) == (
        sheet.print_title_rows,
        sheet.page_setup.orientation,
        sheet.page_setup.fitToHeight,
    )


def test_nothing_is_protected(template):
    """Protection would stop people from inserting and sorting rows."""
    assert [False] * 3 == [sheet.protection.sheet for sheet in load_workbook(template).worksheets]


def test_repeated_refs_turn_grey_and_instructions_get_a_line(template):
    """The rules compare a row with the row above, within the same batch."""
    rules = rules_of(template, INSTRUCTIONS.name)

    same = "EXACT($B2,$B1),EXACT($A2,$A1)"
    assert [f'AND($B2<>"",{same})'] == rules["B2:B5000"]
    starts = f'AND($B2<>"",NOT(LEFT(TRIM($B2),1)="#"),NOT(AND($B2<>"",{same})))'
    assert starts == rules["A2:AG5000"][-1]


def test_gaps_are_tinted(template):
    """Whatever a first row must have, and a missing batch_id, has a rule of its own."""
    instructions, batches = (rules_of(template, contract.name) for contract in SHEETS)

    needed = [f"{letter}2:{letter}5000" for letter in "CDEFGH"]
    assert all(f'${area[0]}2=""' in instructions[area][0] for area in needed)
    assert ['AND(COUNTA($A2:$K2)>0,$C2="",$B2="")'] == batches.pop("B2:B5000")
    assert {f"{letter}2:{letter}5000": [f'AND($C2<>"",$B2="",${letter}2="")'] for letter in "DEFG"} == batches


def test_each_rule_has_its_own_priority(template):
    """Excel decides by priority, so no two may be equal."""
    formats = load_workbook(template)[INSTRUCTIONS.name].conditional_formatting
    priorities = [rule.priority for area in formats for rule in area.rules]

    assert len(priorities) == len(set(priorities))


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"])
def test_excel_does_not_offer_to_turn_texts_into_numbers(template, part):
    """The green corners of "1" in a text column are switched off, in the place where XML wants it."""
    found = re.findall(rb"<(pageSetup|ignoredErrors|legacyDrawing)\b", parts(template)[part])

    assert [b"pageSetup", b"ignoredErrors", b"legacyDrawing"] == found


def test_help_explains_every_column_and_shows_every_type(template):
    """Help comes from the contract."""
    texts = texts_of(load_workbook(template), HELP_SHEET)

    meanings = {column.meaning for contract in SHEETS for column in contract.columns}
    assert set() == meanings - texts
    assert set() == set(ITEM_TYPES) - texts


def test_filled_rows_come_back_as_they_are(tmp_path):
    """What looks like a formula, a number, an error, a logical value or an escape stays text."""
    texts = ["=1+1", "007", "#REF!", "TRUE", "NA", "1e5", "_x0041_", "a\nb", "日本語 🙂", "'quoted"]
    path = tmp_path / "filled.xlsx"

    write_filled(path, option_rows(texts), ())

    assert texts == read_back(path, "option_label")


def test_spaces_and_carriage_returns_survive(tmp_path):
    """What participants see comes back to the last character."""
    texts = ["  both ends  ", "a\r\nb", "tab\there", "no-break\u00a0"]
    path = tmp_path / "filled.xlsx"

    write_filled(path, option_rows(texts), ())

    assert texts == read_back(path, "option_label")


def test_a_text_that_no_cell_can_hold_is_refused(tmp_path):
    """It is not cut, as openpyxl would; we say where it belongs, and write nothing."""
    path = tmp_path / "filled.xlsx"

    with pytest.raises(WriteRefused, match="Instructions!D2"):
        write_filled(path, [{"ref": "Q1", "description": "x" * (MAX_CELL_CHARACTERS + 1)}], ())
    assert not path.exists()


def test_a_text_is_measured_as_excel_does(tmp_path):
    """In UTF-16 units: an emoji beyond the first plane counts twice."""
    path = tmp_path / "filled.xlsx"
    write_filled(path, [{"ref": "Q1", "description": "😀" * (MAX_CELL_CHARACTERS // 2)}], ())

    with pytest.raises(WriteRefused, match="Instructions!D2"):
        write_filled(path, [{"ref": "Q1", "description": "😀" * (MAX_CELL_CHARACTERS // 2 + 1)}], ())


def test_a_column_that_is_not_in_the_contract_is_our_bug(tmp_path):
    """Rows name the contract's columns only."""
    with pytest.raises(KeyError, match="colour"):
        write_filled(tmp_path / "filled.xlsx", [{"colour": "red"}], ())


def test_rows_grow_with_their_text(tmp_path):
    """A row is as high as its longest text, and Excel may still change it."""
    path = tmp_path / "filled.xlsx"
    write_filled(
        path, [{"ref": "Q1", "description": "long " * 60}, {"ref": "Q2", "description": "short"}], ()
    )

    rows = re.findall(rb"<row [^>]*ht[^>]*>", parts(path)["xl/worksheets/sheet1.xml"])
    assert [b'<row ht="27" r="1">', b'<row ht="90" r="2">', b'<row ht="15" r="3">'] == rows


def test_more_rows_than_usual_are_formatted_too(tmp_path):
    """Filter, formats and rules reach beyond the last filled row."""
    path = tmp_path / "filled.xlsx"
    write_filled(path, [{"ref": f"Q{number}"} for number in range(5_100)], ())

    sheet = load_workbook(path)[INSTRUCTIONS.name]
    assert ("A1:AG5101", "@") == (sheet.auto_filter.ref, sheet["A5101"].number_format)
    assert "A2:AG5300" in rules_of(path, INSTRUCTIONS.name)


@pytest.mark.parametrize(("row", "is_folded"), [({}, True), ({"page": "1"}, False)])
def test_rare_columns_are_folded_away_unless_one_is_filled(tmp_path, row, is_folded):
    """Beginners see the usual ones; what is filled is seen."""
    path = tmp_path / "filled.xlsx"
    write_filled(path, [{"ref": "Q1", **row}], ())

    columns = load_workbook(path)[INSTRUCTIONS.name].column_dimensions
    letters = {column: column_letter(number) for number, column in enumerate(INSTRUCTIONS.columns, 1)}
    assert all(columns[letter].hidden == (c.is_rare and is_folded) for c, letter in letters.items())
    assert all(columns[letter].outlineLevel == c.is_rare for c, letter in letters.items())


def test_each_further_type_stands_in_the_example_left_out(tmp_path):
    """Taking the # away is all that it needs."""
    path = tmp_path / "example.xlsx"
    write_template(path, example=True)

    rows = load_workbook(path)[INSTRUCTIONS.name].iter_rows(min_row=7, max_col=3, values_only=True)
    further = [(ref, kind) for _, ref, kind in rows if ref]
    assert all(ref.startswith("#") for ref, _ in further)
    assert {*ITEM_TYPES} - {*CHOICE_TYPES} == {kind for _, kind in further if kind}


def test_the_example_has_no_ids(tmp_path):
    """A sandbox, and Prolific, would refuse ids that they never gave."""
    path = tmp_path / "example.xlsx"
    write_template(path, example=True)

    assert ["Q1", "Q1", "Q2", "Q3", "Q3"] == read_back(path, "ref")
    assert [""] * 5 == read_back(path, "instruction_id")
