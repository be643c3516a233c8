"""
Make the broken and the messy workbooks: `python -m samples.make_broken`.

`broken/` holds every problem of the catalogue at least once, `messy/` what Excel does to people and
the importer takes. Beside each workbook stands what is found in it, in order, as [code, place];
all of `broken/` is one run. Both are written down here by hand, so that the importer is compared
with what people expect of it. The output is the same each time, so a change shows as a diff.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from importer.limits import MAX_LISTED
from importer.problems import LIST_COLUMNS

HERE = Path(__file__).parent
#: Zip time stamp and document property, so that nothing depends on when it was made.
MADE = datetime(2026, 1, 1)
NO_RESULT = "no saved result"

ID = "0192041c-470f-7336-8e3d-e03fc086a4e1"
OTHER_ID = "0192041c-4710-7336-8e3d-e03fc086a4e1"
#: What the journal knows when broken/ is checked: instruction id → batch id.
KNOWN_IDS = {OTHER_ID: "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a99"}

Found = Sequence[tuple[str, str]]
Row = Sequence[object]


class Shown(NamedTuple):
    """A number or date that a format shows differently."""

    value: float | date
    format: str


class Formula(NamedTuple):
    """A formula and its saved result."""

    text: str
    result: str


class Book(NamedTuple):
    """
    One workbook.

    Attributes:
        found: What is found in it: code and place, in the order of the report.
        sheets: Sheet name → rows, the headers first.
        dress: What else is done to it, given the sheets by name.
    """

    found: Found
    sheets: Mapping[str, Sequence[Row]]
    dress: Callable[[Mapping[str, Worksheet]], object] = lambda sheets: None  # noqa: ARG005


def batch_id(number: int) -> str:
    """Return an id that no other workbook here has."""
    return f"019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8b{number:02d}"


def one_batch(number: int) -> Sequence[Row]:
    """Return the sheet Batches of a workbook with one batch."""
    return [["batch", "batch_id"], ["", batch_id(number)]]


COLUMNS = ["ref", "type", "description", "answer_limit", "option_label", "option_value"]
#: Rows with one and the same mistake: three more than are listed.
MANY = range(2, MAX_LISTED + 5)

WORKSPACE = "6655b8281cc82a88996f0bbb"

BROKEN = {
    "setup": Book(
        [
            ("new-row-incomplete", "Batches!F3"),
            ("dataset-unknown", "Batches!H4"),
            ("dataset-given-twice", "Batches!H5"),
            ("id-malformed", "Batches!C6"),
            ("file-outside", "Datasets!B2"),
            ("name-twice", "Datasets!A3, A2"),
            ("file-missing", "Datasets!B3"),
            ("row-unnamed", "Datasets!A4"),
            ("file-not-csv", "Datasets!B4"),
            ("file-empty", "Datasets!B5"),
            ("count-invalid", "Studies!E2"),
            ("device-unknown", "Studies!H2"),
            ("batch-unknown", "Studies!B3"),
            ("batch-ref-missing", "Studies!B4"),
            ("row-unnamed", "Studies!A6"),
            ("group-size-differs", "Studies!G7, G5"),
            ("batch-without-instructions", "Batches!B3"),
            ("batch-without-instructions", "Batches!B4"),
            ("batch-without-instructions", "Batches!B5"),
            ("batch-without-instructions", "Batches!B6"),
            ("file-encoding", "Datasets!B6"),
            *(("project-missing", f"Studies!I{row}") for row in range(2, 8)),
        ],
        {
            "Instructions": [["batch", *COLUMNS], ["w1", "Q1", "free_text", "Why?"]],
            "Batches": [
                [
                    "batch",
                    "batch_id",
                    "workspace_id",
                    "name",
                    "task_name",
                    "task_introduction",
                    "task_steps",
                    "dataset",
                    "dataset_id",
                ],
                ["w1", "", WORKSPACE, "Wave 1", "Compare", "Hello.", "Read.", "encoded", ""],
                ["w2", "", WORKSPACE, "Wave 2", "Compare", "", "Read.", "", ""],
                ["w3", batch_id(82), "", "", "", "", "", "pears", ""],
                ["w4", batch_id(83), "", "", "", "", "", "pairs", "019a0f6e-2b7a-7d0e-9f55-6c1a2b3c4d5e"],
                ["w5", batch_id(84), "my workspace", "", "", "", "", "", ""],
            ],
            "Datasets": [
                ["dataset", "file", "workspace_id"],
                ["pairs", "../pairs.csv", WORKSPACE],
                ["pairs", "nowhere.csv", WORKSPACE],
                ["", "pairs.xlsx", WORKSPACE],
                ["blank", "empty.csv", WORKSPACE],
                ["encoded", "latin1.csv", WORKSPACE],
            ],
            "Studies": [
                [
                    "study",
                    "batch",
                    "name",
                    "description",
                    "reward",
                    "estimated_completion_time",
                    "tasks_per_group",
                    "device_compatibility",
                    "project",
                ],
                ["s1", "w1", "Compare", "Please compare.", "2.50", "5", "", "desktop, watch", ""],
                ["s2", "wave9", "Compare", "Please compare.", "250", "5", "", "", ""],
                ["s3", "", "Compare", "Please compare.", "250", "5", "", "", ""],
                ["s4", "w2", "Compare", "Please compare.", "250", "5", "10", "", ""],
                ["", "w3", "Compare", "Please compare.", "250", "5", "", "", ""],
                ["s6", "w2", "Compare", "Please compare.", "250", "5", "20", "", ""],
            ],
        },
    ),
    "own-sheets": Book(
        [("sheet-not-read", "Studies")],
        {
            "Instructions": [COLUMNS, ["Q1", "free_text", "Why?"]],
            "Batches": one_batch(85),
            "Studies": [["study", "name", "status"], ["s1", "Compare", "running"]],
        },
    ),
    "many": Book(
        [
            *(("spaces-at-end", f"Instructions!C{row}") for row in MANY[:MAX_LISTED]),
            ("more-of-these", "Instructions"),
        ],
        {
            "Instructions": [COLUMNS, *([f"Q{row}", "free_text", f"Why {row}? "] for row in MANY)],
            "Batches": one_batch(40),
        },
    ),
    "marked": Book(
        [("marked-copy", "Problems")],
        {
            "Problems": [["study.xlsx: 1 error"], ["This is a copy for reading."], LIST_COLUMNS],
            "Instructions": [COLUMNS, ["Q1", "free_text", "Why?"]],
            "Batches": one_batch(41),
        },
    ),
    "cells": Book(
        [
            ("date-cell", "Instructions!E2"),
            ("number-too-long", "Instructions!F4"),
            ("error-cell", "Instructions!C5"),
            ("formula-without-result", "Instructions!C6"),
            ("control-character", "Instructions!C8"),
            ("merged-cells", "Instructions!E12"),
            ("boolean-cell", "Instructions!F3"),
            ("number-formatted", "Instructions!E4"),
            ("invisible-character", "Instructions!C9"),
            ("spaces-at-end", "Instructions!C10"),
            ("value-trimmed", "Instructions!A11"),
            ("formula-used", "Instructions!C7"),
        ],
        {
            "Instructions": [
                COLUMNS,
                ["Q1", "multiple_choice", "How often?", 1, Shown(date(2026, 3, 1), "d mmm"), "often"],
                ["Q1", "", "", "", "Seldom", True],
                ["Q1", "", "", "", Shown(0.5, "0%"), 12345678901234567],
                ["Q2", "free_text", Formula("=#REF!", "#REF!")],
                ["Q3", "free_text", Formula('=A2&"?"', NO_RESULT)],
                ["Q4", "free_text", Formula('="Why"&"?"', "Why?")],
                ["Q5", "free_text", "Wh\x01y?"],
                ["Q6", "free_text", "Wh\u200by?"],
                ["Q7", "free_text", " Why? "],
                ["Q8\u00a0", "free_text", "Why?"],
                ["Q9", "multiple_choice", "Which?", 1, "", "y"],
                ["Q9", "", "", "", "", "n"],
            ],
            "Batches": one_batch(1),
        },
        lambda sheets: sheets["Instructions"].merge_range("E12:E13", "Yes or no"),
    ),
    "rows": Book(
        [
            ("ref-missing", "Instructions!A5"),
            ("cells-differ", "Instructions!C7, C6"),
            ("option-empty", "Instructions!A8"),
            ("hidden-rows", "Instructions"),
            ("ref-split", "Instructions!A11"),
            ("rows-ignored", "Instructions"),
            ("ref-carried", "Instructions!A3"),
        ],
        {
            "Instructions": [
                COLUMNS,
                ["Q1", "multiple_choice", "Good?", 1, "Yes", "y"],
                ["", "", "", "", "No", "n"],
                [],
                ["", "", "", "", "Maybe", "m"],
                ["Q2", "multiple_choice", "Why?", 1, "Because", "b"],
                ["Q2", "", "Why not?", "", "No idea", "i"],
                ["Q2"],
                ["#Q3", "free_text", "Left out"],
                ["Q4", "free_text", "Anything else?"],
                ["Q1", "", "", "", "Perhaps", "p"],
            ],
            "Batches": one_batch(2),
        },
        lambda sheets: sheets["Instructions"].set_row(9, None, None, {"hidden": True}),
    ),
    "instructions": Book(
        [
            ("type-missing", "Instructions!B2"),
            ("type-unknown", "Instructions!B3"),
            ("type-unsupported", "Instructions!B4"),
            ("description-missing", "Instructions!C5"),
            ("cell-not-for-type", "Instructions!D5"),
            ("option-not-for-type", "Instructions!F5"),
            ("answer-limit-missing", "Instructions!D6"),
            ("answer-limit-invalid", "Instructions!D8"),
            ("flag-invalid", "Instructions!H8"),
            ("cell-not-for-type", "Instructions!E9"),
            ("answer-limit-too-high", "Instructions!D10"),
            ("options-missing", "Instructions!F12"),
            ("label-missing", "Instructions!F13"),
            ("heading-missing", "Instructions!E14"),
            ("value-missing", "Instructions!G14"),
            ("value-twice", "Instructions!G16, G15"),
            ("label-twice", "Instructions!F11, F10"),
        ],
        {
            "Instructions": [
                [*COLUMNS[:4], "option_heading", *COLUMNS[4:], "disable_dropdown"],
                ["Q1", "", "Good?"],
                ["Q2", "mutiple_choice", "Good?", 1, "", "Yes", "y"],
                ["Q3", "star_rating", "How good is it?"],
                ["Q4", "free_text", "", 1, "", "Yes"],
                ["Q5", "multiple_choice", "Good?", "", "", "Yes", "y"],
                ["Q5", "", "", "", "", "No", "n"],
                ["Q6", "multiple_choice", "Good?", "two", "", "Yes", "y", "maybe"],
                ["Q6", "", "", "", "Quality", "No", "n"],
                ["Q7", "multiple_choice", "Good?", 3, "", "Yes", "y"],
                ["Q7", "", "", "", "", "Yes", "yes"],
                ["Q8", "multiple_choice", "Good?", 1],
                ["Q9", "multiple_choice_with_free_text", "Rate it.", 1, "Accuracy", "", "a"],
                ["Q9", "", "", "", "", "Bad"],
                ["Q10", "multiple_choice", "Which one?", 1, "", "The first", "one"],
                ["Q10", "", "", "", "", "The second", "one"],
            ],
            "Batches": one_batch(3),
        },
    ),
    "types": Book(
        [
            ("exclusive-of-one", "Instructions!G2"),
            ("exclusive-of-all", "Instructions!G4"),
            ("validation-type-missing", "Instructions!H6"),
            ("number-invalid", "Instructions!I7"),
            ("length-invalid", "Instructions!I8"),
            ("range-reversed", "Instructions!I9"),
            ("units-too-few", "Instructions!E10"),
            ("unit-unknown", "Instructions!K10"),
            ("cell-missing", "Instructions!L10"),
            ("file-type-invalid", "Instructions!M11"),
            ("file-size-invalid", "Instructions!N11"),
            ("count-invalid", "Instructions!O11"),
            ("word-unknown", "Instructions!H12"),
            ("range-reversed", "Instructions!O13"),
        ],
        {
            "Instructions": [
                [
                    *COLUMNS,
                    "option_exclusive",
                    "validation_type",
                    "validation_min",
                    "validation_max",
                    "default_unit",
                    "unit_position",
                    "accepted_file_types",
                    "max_file_size_mb",
                    "min_file_count",
                    "max_file_count",
                ],
                ["Q1", "multiple_choice", "Which?", 1, "This", "a", "yes"],
                ["Q1", "", "", "", "That", "b"],
                ["Q2", "multiple_choice", "Which?", "any", "This", "a", "yes"],
                ["Q2", "", "", "", "That", "b", "yes"],
                ["Q3", "free_text", "How old are you?", "", "", "", "", "", 18],
                ["Q4", "free_text", "How many?", "", "", "", "", "number", "few"],
                ["Q5", "free_text", "Say it.", "", "", "", "", "string", -1],
                ["Q6", "free_text", "How many?", "", "", "", "", "number", 5, 2],
                [
                    "Q7",
                    "free_text_with_unit",
                    "How heavy is it?",
                    "",
                    "Kilograms",
                    "kg",
                    "",
                    "",
                    "",
                    "",
                    "lb",
                ],
                ["Q8", "file_upload", "Send it.", "", "", "", "", "", "", "", "", "", "pdf", 0, "some"],
                ["Q9", "free_text", "How many?", "", "", "", "", "digits"],
                ["Q10", "file_upload", "Send them.", "", "", "", "", "", "", "", "", "", "", "", 11],
            ],
            "Batches": one_batch(42),
        },
    ),
    "pages": Book(
        [
            ("cell-missing", "Instructions!D2"),
            ("address-invalid", "Instructions!E3"),
            ("field-twice", "Instructions!G5, G4"),
            ("page-missing", "Instructions!H6"),
            ("cell-not-for-type", "Instructions!C7"),
            ("count-invalid", "Instructions!I7"),
        ],
        {
            "Instructions": [
                [*COLUMNS[:3], "content", "url", "alt_text", "field", "page", "row"],
                ["B1", "rich_text", "", "", "", "", "", 1],
                ["B2", "image", "", "", "http://example.org/map.png", "A map", "", 1],
                ["B3", "dataset_field", "", "", "", "", "article", 2],
                ["B4", "dataset_field", "", "", "", "", "article", 2],
                ["Q1", "free_text", "Why?"],
                ["B5", "rich_text", "Read", "Read it.", "", "", "", 3, 0],
            ],
            "Batches": one_batch(43),
        },
    ),
    "ids": Book(
        [
            ("id-malformed", "Batches!B2"),
            ("id-malformed", "Instructions!D2"),
            ("id-twice", "Instructions!D4, D3"),
            ("id-of-other-batch", "Instructions!D5"),
        ],
        {
            "Instructions": [
                [*COLUMNS[:3], "instruction_id"],
                ["Q1", "free_text", "Why?", "0192041c"],
                ["Q2", "free_text", "Why?", ID],
                ["Q3", "free_text", "Why not?", ID],
                ["Q4", "free_text", "Anything else?", OTHER_ID],
            ],
            "Batches": [["batch_id", "dataset_id"], [batch_id(4), "answers.csv"]],
        },
    ),
    "batches": Book(
        [
            ("batch-id-missing", "Batches!B3"),
            ("batch-ref-twice", "Batches!A4, A2"),
            ("batch-ref-missing", "Batches!A5"),
            ("batch-twice", "Batches!B6, B2"),
            ("batch-unknown", "Instructions!A3"),
            ("batch-ref-missing", "Instructions!A4"),
        ],
        {
            "Instructions": [
                ["batch", *COLUMNS[:3]],
                ["wave1", "Q1", "free_text", "Why?"],
                ["wav1", "Q2", "free_text", "Why?"],
                ["", "Q3", "free_text", "Why?"],
                ["wave2", "Q4", "free_text", "Why?"],
            ],
            "Batches": [
                ["batch", "batch_id"],
                ["wave1", batch_id(5)],
                ["wave2", ""],
                ["wave1", batch_id(6)],
                ["", batch_id(7)],
                ["wave3", batch_id(5)],
            ],
        },
    ),
    "waves": Book(
        [("batch-twice", "Batches!B2"), ("batch-without-instructions", "Batches!B3")],
        {
            "Instructions": [["batch", *COLUMNS[:3]], ["wave1", "Q1", "free_text", "Why?"]],
            "Batches": [["batch", "batch_id"], ["wave1", batch_id(8)], ["wave2", batch_id(9)]],
        },
    ),
    "waves_copy": Book(
        [("batch-twice", "Batches!B2")],
        {"Instructions": [COLUMNS[:3], ["Q1", "free_text", "Why?"]], "Batches": one_batch(8)},
    ),
    "headers": Book(
        [
            ("header-row", "Sheet1"),
            ("column-twice", "Sheet1!D2"),
            ("column-near-miss", "Sheet1!E2"),
            ("sheet-renamed", "Sheet1"),
            ("sheet-hidden", "Sheet1"),
            ("column-unknown", "Sheet1!F2"),
            ("column-unnamed", "Sheet1!G2"),
        ],
        {
            "Batches": one_batch(10),
            "Sheet1": [
                ["My study, first draft"],
                [*COLUMNS[:3], "Type*", "option_lable", "difficulty"],
                ["Q1", "free_text", "Why?", "", "", "hard", "lost"],
            ],
        },
        lambda sheets: sheets["Sheet1"].hide(),
    ),
    "columns": Book(
        [("column-missing", "Instructions")],
        {"Instructions": [COLUMNS[:2], ["Q1", "free_text"]], "Batches": one_batch(11)},
    ),
    "sheets": Book([("sheet-missing", "")], {"Instrutions": [["my", "list"]], "Batches": one_batch(12)}),
    "empty": Book(
        [("no-instructions", "Instructions")], {"Instructions": [COLUMNS], "Batches": one_batch(13)}
    ),
    "unnamed": Book([("batch-not-named", "")], {"Instructions": [COLUMNS[:3], ["Q1", "free_text", "Why?"]]}),
}

MESSY = Book(
    [
        ("hidden-rows", "instructions"),
        ("column-unnamed", "instructions!J1"),
        ("spaces-at-end", "instructions!B3"),
        ("boolean-cell", "instructions!B5"),
        ("value-trimmed", "instructions!D5"),
        ("boolean-cell", "instructions!B6"),
        ("ref-split", "instructions!D9"),
        ("number-formatted", "instructions!B10"),
        ("rows-ignored", "instructions"),
        ("formula-used", "instructions!H2"),
        ("ref-carried", "instructions!D3"),
    ],
    {
        "Read me": [["Ask Mia before you push this."]],
        "instructions": [
            ["Notes", "Option Label*", "option-value", "REF *", "Type", "Description*", "Answer Limit", "Helper text", "_tag"],
            ["ask Mia", "Good", 1, "Q1", "multiple_choice", "", 1.0, Formula('="Take "&"your time."', "Take your time."), Shown(date(2026, 3, 1), "d mmm")],
            [Shown(date(2026, 3, 2), "d mmm"), "Bad\u00a0", 2.0],
            [],
            ["", True, "yes", "Q2\u00a0", "multiple_choice", "Is it true?\n(Choose all that apply.)", "ANY"],
            ["", False, "no", "Q2"],
            [True, "", "", "Q3", "free_text", "Anything else?"],
            ["", "", "", "#Q4", "free_text", "Left out"],
            ["", "Ugly", "3", "Q1"],
            ["", Shown(0.5, "0%"), "None", "Q5", "multiple_choice", "How much?", "1"],
            ["", "N/A", "NA", "Q5", "", "", "", "", "", "my own"],
        ],
        "batches": [["Batch ID", "Name"], [batch_id(14).upper(), "Wave 1"]],
    },
    lambda sheets: (
        sheets["instructions"].merge_range("F2:F3", "How was it?"),
        sheets["instructions"].set_row(6, None, None, {"hidden": True}),
    ),
)  # fmt: skip

MESSY_PAYLOAD = {
    "instructions": [
        {
            "type": "multiple_choice",
            "description": "How was it?",
            "answer_limit": 1,
            "helper_text": "Take your time.",
            "options": [
                {"label": "Good", "value": "1"},
                {"label": "Bad\u00a0", "value": "2"},
                {"label": "Ugly", "value": "3"},
            ],
        },
        {
            "type": "multiple_choice",
            "description": "Is it true?\n(Choose all that apply.)",
            "answer_limit": -1,
            "options": [{"label": "TRUE", "value": "yes"}, {"label": "FALSE", "value": "no"}],
        },
        {"type": "free_text", "description": "Anything else?"},
        {
            "type": "multiple_choice",
            "description": "How much?",
            "answer_limit": 1,
            "options": [{"label": "0.5", "value": "None"}, {"label": "N/A", "value": "NA"}],
        },
    ]
}


# ------------------------------------------------------------------ writing workbooks
def parts_of(book: Book) -> dict[str, bytes]:
    """Build the parts of a workbook, by part name."""
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as workbook:
        workbook.set_properties({"created": MADE})
        bold = workbook.add_format({"bold": True})
        sheets = {name: workbook.add_worksheet(name) for name in book.sheets}
        for name, rows in book.sheets.items():
            sheets[name].set_column(0, 9, 16)
            for number, row in enumerate(rows):
                for column, value in enumerate(row):
                    style = bold if number == 0 else None
                    write_cell(workbook, sheets[name], (number, column), value, style)
        book.dress(sheets)
    with zipfile.ZipFile(file) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    saved = f"<v>{NO_RESULT}</v>".encode()
    return {name: content.replace(saved, b"") for name, content in parts.items()}


def write_cell(
    workbook: xlsxwriter.Workbook, sheet: Worksheet, place: tuple[int, int], value: object, style: Any
) -> None:
    """Write one value as the kind of cell that it is, at (row, column) from 0; an empty text is no cell."""
    if isinstance(value, Formula):
        sheet.write_formula(*place, value.text, style, value.result)
    elif isinstance(value, Shown):
        shown = workbook.add_format({"num_format": value.format})
        write = sheet.write_datetime if isinstance(value.value, date) else sheet.write_number
        write(*place, value.value, shown)
    elif value != "":
        sheet.write(*place, value, style)


def write_parts(path: Path, parts: Mapping[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> None:
    """Write the zip of a workbook."""
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, MADE.timetuple()[:6])
            info.compress_type = packing
            package.writestr(info, content)


def write_found(path: Path, found: Found) -> None:
    """Write what is found in a workbook beside it."""
    lines = ",\n".join(f"  {json.dumps(list(problem))}" for problem in found)
    path.with_suffix(".problems.json").write_text(f"[\n{lines}\n]\n", "utf-8")


# ------------------------------------------------------------------ files that are no workbooks
def write_files(folder: Path) -> None:
    """Write what cannot be read at all, and files that a sheet names; `missing.xlsx` has its expectation only."""
    (folder / "empty.csv").write_bytes(b"")
    (folder / "latin1.csv").write_bytes("left,right\ncafé,thé\n".encode("latin-1"))
    good = parts_of(BROKEN["waves"])
    sheet = "xl/worksheets/sheet1.xml"
    entity = b'<!DOCTYPE worksheet [<!ENTITY who "participants">]>\n<worksheet '
    write_parts(folder / "entities.xlsx", good | {sheet: good[sheet].replace(b"<worksheet ", entity, 1)})
    write_parts(folder / "large.xlsx", good | {"xl/styles.xml": good["xl/styles.xml"] + b"\n" * 17_000_000})
    whole = folder / "cut.xlsx"
    write_parts(whole, good, zipfile.ZIP_STORED)
    whole.write_bytes(whole.read_bytes()[:4000])
    (folder / "csv.xlsx").write_text("ref,type,description\nQ1,free_text,Why?\n", "utf-8")
    container = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
    (folder / "encrypted.xlsx").write_bytes(container + "EncryptedPackage".encode("utf-16-le") + bytes(480))
    (folder / "~$open.xlsx").write_bytes(b"\x03Mia" + b" " * 161)
    for name, code in {
        "entities": "unsafe-xml",
        "large": "too-large",
        "cut": "damaged",
        "csv": "not-a-workbook",
        "encrypted": "encrypted",
        "~$open": "lock-file",
        "missing": "not-readable",
    }.items():
        write_found(folder / f"{name}.xlsx", [(code, "")])


def main(root: Path = HERE) -> None:
    """Write `broken/` and `messy/` below *root*."""
    broken, messy = root / "broken", root / "messy"
    for folder in (broken, messy):
        folder.mkdir(parents=True, exist_ok=True)
    for name, book in BROKEN.items():
        write_parts(broken / f"{name}.xlsx", parts_of(book))
        write_found(broken / f"{name}.xlsx", book.found)
    write_files(broken)
    write_parts(messy / "study.xlsx", parts_of(MESSY))
    write_found(messy / "study.xlsx", MESSY.found)
    payload = json.dumps(MESSY_PAYLOAD, indent=2, ensure_ascii=False)
    (messy / "study.payload.json").write_text(f"{payload}\n", "utf-8")


if __name__ == "__main__":
    main()
