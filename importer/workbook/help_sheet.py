"""
The template's sheet Help: how to fill in the workbook, from the contract.

Owns its words and its layout. The importer never reads the sheet, so examples are safe here;
as rows of the sheet Instructions people would have to be told to delete them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from openpyxl.worksheet.worksheet import Worksheet

from importer.contract import INSTRUCTIONS, BlockType, Column, InstructionType, Level, SheetContract
from importer.texts import column_letter
from importer.workbook import looks

_WIDTHS: Final = (9, 31, 40, 14, 16, 22, 18, 30, 25)
_FIRST: Final = 2  # column A is a margin
_LAST: Final = _FIRST + len(_WIDTHS) - 1
_WHOLE: Final = (_FIRST, _LAST)
_LEFT: Final = (_FIRST, _FIRST + 1)
_LINE_HEIGHT: Final = 15.5

_PURPOSE: Final = (
    "This workbook describes the instructions of your batches in Prolific's Task Builder. The importer checks "
    "every cell, shows what would change on Prolific, sends it, and writes the ids that Prolific gives back "
    "into this same workbook. Nobody reads this sheet but you; delete it if you like."
)

_STEPS: Final = (
    (
        "Name your batch.",
        (
            "On the sheet Batches, one row per batch: copy its id from Prolific into batch_id. Or leave that blank, "
            "give a workspace_id, a name and the three texts of the task, and importer setup study.xlsx makes it."
        ),
    ),
    (
        "Write your instructions.",
        (
            "On the sheet Instructions, one row per instruction and option. Give each instruction a short name of "
            "your own in ref (Q1, Q2, …) and repeat it on each of its rows; repeats turn grey by themselves."
        ),
    ),
    (
        "Fill in the first row of each instruction.",
        (
            "Type, description, answer limit and the texts stand on its first row only; each option has a row. "
            "Cells that still need something turn yellow."
        ),
    ),
    ("Check.", "importer check study.xlsx lists everything there is to mend, at its cell. Nothing is sent."),
    ("Plan.", "importer plan study.xlsx shows what would change on Prolific. Nothing is sent."),
    (
        "Push.",
        "Close the workbook, then importer push study.xlsx. Prolific's ids come back into the grey columns.",
    ),
    (
        "Go on in the same file.",
        "Edit and push again whenever you like; the ids make it an edit, not a new start.",
    ),
)


def rating_rows(description: str, answer_limit: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the rows of an instruction Q3 with two options under one heading."""
    heading = {"ref": "Q3", "option_heading": "Accuracy"}
    return (
        heading
        | {
            "type": InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT,
            "description": description,
            "answer_limit": answer_limit,
            "option_label": "Good",
            "option_value": "accuracy_good",
        },
        heading | {"option_label": "Needs improvement", "option_value": "accuracy_poor"},
    )


#: Columns of the sheet Instructions that a table of examples shows, no more than there are widths.
_USUAL: Final = (
    "ref",
    "type",
    "description",
    "answer_limit",
    "option_heading",
    "option_label",
    "option_value",
    "helper_text",
    "placeholder_text_input",
)
_WRITTEN: Final = (
    "ref",
    "type",
    "description",
    "unit_position",
    "default_unit",
    "option_label",
    "option_value",
    "validation_type",
    "validation_min",
)
_FILES: Final = (
    "ref",
    "type",
    "description",
    "min_file_count",
    "max_file_count",
    "accepted_file_types",
    "max_file_size_mb",
)
_SEEN: Final = ("ref", "type", "content", "content_format", "field", "alt_text", "caption", "url")
_Examples = Sequence[tuple[str, Sequence[Mapping[str, str]]]]

_USUAL_EXAMPLES: Final[_Examples] = (
    (
        "Participants choose: one row per option, one answer.",
        (
            {
                "ref": "Q1",
                "type": InstructionType.MULTIPLE_CHOICE,
                "description": "Which response is more accurate?",
                "answer_limit": "1",
                "option_label": "Response 1",
                "option_value": "response1",
            },
            {"ref": "Q1", "option_label": "Response 2", "option_value": "response2"},
            {"ref": "Q1", "option_label": "None of the above", "option_value": "none"},
        ),
    ),
    (
        "Participants write: one row, no options.",
        (
            {
                "ref": "Q2",
                "type": InstructionType.FREE_TEXT,
                "description": "What made you choose it?",
                "helper_text": "Two sentences are enough.",
                "placeholder_text_input": "Type here …",
            },
        ),
    ),
    (
        "Participants choose under headings, any number of answers, and write.",
        (
            *rating_rows("Rate each aspect, and explain.", "any"),
            {
                "ref": "Q3",
                "option_heading": "Clarity",
                "option_label": "Good",
                "option_value": "clarity_good",
            },
        ),
    ),
)
_WRITTEN_EXAMPLES: Final[_Examples] = (
    (
        "What participants write is held to a rule: here a number from 0 on.",
        (
            {
                "ref": "Q4",
                "type": InstructionType.FREE_TEXT,
                "description": "How many people live with you?",
                "validation_type": "number",
                "validation_min": "0",
            },
        ),
    ),
    (
        "Participants write a quantity: one row per unit, at least two.",
        (
            {
                "ref": "Q5",
                "type": InstructionType.FREE_TEXT_WITH_UNIT,
                "description": "How heavy is the parcel?",
                "unit_position": "suffix",
                "default_unit": "kg",
                "option_label": "Kilograms",
                "option_value": "kg",
                "validation_type": "number",
                "validation_min": "0",
            },
            {"ref": "Q5", "option_label": "Pounds", "option_value": "lb"},
        ),
    ),
)
_FILES_EXAMPLES: Final[_Examples] = (
    (
        "Participants send files; every column but the first three may be blank.",
        (
            {
                "ref": "Q6",
                "type": InstructionType.FILE_UPLOAD,
                "description": "Send a photo of the parcel.",
                "max_file_count": "2",
                "accepted_file_types": ".jpg, .png",
                "max_file_size_mb": "10",
            },
        ),
    ),
)
_SEEN_EXAMPLES: Final[_Examples] = (
    (
        "What participants only see, in batches made of pages: a text, an image, a field of the dataset.",
        (
            {
                "ref": "T1",
                "type": BlockType.RICH_TEXT,
                "content": "<p>Read the article first.</p>",
            },
            {
                "ref": "P1",
                "type": BlockType.IMAGE,
                "alt_text": "Map of the town",
                "caption": "The town in 1900",
                "url": "https://example.org/map.png",
            },
            {"ref": "D1", "type": BlockType.DATASET_FIELD, "field": "article"},
        ),
    ),
)


def more_rows() -> Iterator[Mapping[str, str]]:
    """Yield the rows that show the types that are less usual."""
    for examples in (_WRITTEN_EXAMPLES, _FILES_EXAMPLES, _SEEN_EXAMPLES):
        for _, rows in examples:
            yield from rows


_MORE: Final = (
    "The button + above the columns opens those that these types need. A row with its own ref is an item of its own, "
    "also where participants only see it."
)

_SIGNS: Final = (
    ("*", "in a header: the sheet must have this column. Its header is dark."),
    ("grey columns", "are the importer's own: it fills them in, you leave them alone."),
    ("grey ref", "the row goes on with the instruction above; a thin line marks where the next one starts."),
    (
        "+",
        "above the columns: opens those for quantities, files, rules, and what stands on the pages of a batch.",
    ),
    ("yellow cell", "still needs something before you can push."),
    (
        "# before a ref",
        "leaves the row out. On Prolific its instruction is then deleted like any row you remove.",
    ),
    ("status", "what the last push that changed the instruction did, and when: created or updated, in UTC."),
    ("+  ~  !", "in a plan: created; wording changed; option value, type or answer limit changed."),
    ("↕  -  =", "in a plan: moved to another place; deleted on Prolific; kept as it is."),
)

_NEVER: Final = (
    (
        "Never delete a row that you want to keep on Prolific.",
        (
            "A push replaces everything: an instruction that is not in the sheet is deleted on Prolific. The plan "
            "says so, and the importer asks for your consent (--allow-remove) first."
        ),
    ),
    (
        "Never type or copy ids into instruction_id.",
        "Blank means new. If you copy a sheet for another batch, clear the column.",
    ),
    (
        "Never start again from an empty template for a batch that has data.",
        "Without the ids every instruction would be deleted and created again.",
    ),
    (
        "Do not change an option_value once answers have come in.",
        "Answers that were already collected keep the old value. New wording is harmless.",
    ),
    (
        "Do not merge cells, and do not rename the headers.",
        (
            "Sorting, filtering, hiding and moving columns are all fine, and so are columns of your own: start "
            "their header with note or _."
        ),
    ),
)


def write_help(sheet: Worksheet, contracts: Sequence[SheetContract]) -> None:
    """Fill in the sheet Help of a workbook that has the sheets of some contracts."""
    sheet.sheet_view.showGridLines = False
    sheet.column_dimensions["A"].width = 2
    for number, width in enumerate(_WIDTHS, _FIRST):
        sheet.column_dimensions[column_letter(number)].width = width
    row = _write_title(sheet)
    row = _write_heading(sheet, row, "In seven steps")
    row = _write_pairs(sheet, row, [(f"{n}.  {what}", how) for n, (what, how) in enumerate(_STEPS, 1)])
    row = _write_heading(sheet, row, "One example of each usual type, as it stands on the sheet Instructions")
    row = _write_examples(sheet, row, _USUAL, _USUAL_EXAMPLES)
    row = _write_heading(sheet, row, "More types", _MORE)
    row = _write_examples(sheet, row, _WRITTEN, _WRITTEN_EXAMPLES)
    row = _write_examples(sheet, row + 1, _FILES, _FILES_EXAMPLES)
    row = _write_examples(sheet, row + 1, _SEEN, _SEEN_EXAMPLES)
    for contract in contracts:
        row = _write_heading(sheet, row, f"The columns of {contract.name}", contract.meaning)
        row = _write_columns(sheet, row, contract)
    row = _write_heading(sheet, row, "Signs")
    row = _write_pairs(sheet, row, _SIGNS)
    row = _write_heading(sheet, row, "What never to do")
    _write_pairs(sheet, row, _NEVER)


def _write_span(
    sheet: Worksheet,
    row: int,
    span: tuple[int, int],
    text: str,
    *,
    colour: str = looks.INK,
    size: float = 11,
    bold: bool = False,
) -> int:
    """Write a text across the columns of *span*, and return the lines it takes when wrapped."""
    first, last = span
    cell = looks.put_text(sheet, row, first, text)
    cell.font = looks.font(colour, size=size, bold=bold)
    cell.alignment = looks.TOP_WRAPPED
    sheet.merge_cells(start_row=row, end_row=row, start_column=first, end_column=last)
    width = sum(sheet.column_dimensions[column_letter(n)].width for n in range(first, last + 1))
    return looks.lines_of(text, width)


def _set_height(sheet: Worksheet, row: int, *lines: int) -> None:
    # Excel does not grow a row for the text of a merged cell.
    sheet.row_dimensions[row].height = _LINE_HEIGHT * max(lines) + 3


def _write_title(sheet: Worksheet) -> int:
    _write_span(sheet, 1, _WHOLE, "How to fill in this workbook", colour=looks.DEEP, size=20, bold=True)
    sheet.row_dimensions[1].height = 34
    _set_height(sheet, 2, _write_span(sheet, 2, (_FIRST, _LAST - 1), _PURPOSE))
    return 3


def _write_heading(sheet: Worksheet, row: int, title: str, subtitle: str = "") -> int:
    """Write a section's heading with space above it, and return the row below it."""
    sheet.row_dimensions[row].height = 14
    _write_span(sheet, row + 1, _WHOLE, title, colour=looks.DEEP, size=14, bold=True)
    sheet.row_dimensions[row + 1].height = 24
    if not subtitle:
        return row + 2
    _set_height(sheet, row + 2, _write_span(sheet, row + 2, _WHOLE, subtitle, colour=looks.GREY))
    return row + 3


def _write_pairs(sheet: Worksheet, row: int, pairs: Sequence[tuple[str, str]]) -> int:
    """Write what and why side by side, one pair a row, and return the row below."""
    for what, why in pairs:
        left = _write_span(sheet, row, _LEFT, what, bold=True)
        right = _write_span(sheet, row, (_FIRST + 2, _LAST - 1), why)
        _set_height(sheet, row, left, right)
        row += 1
    return row


def _write_examples(sheet: Worksheet, row: int, shown: Sequence[str], examples: _Examples) -> int:
    """Write the headers of some columns and the rows that show them, and return the row below."""
    for number, name in enumerate(shown, _FIRST):
        _write_header(sheet, row, number, INSTRUCTIONS.by_name[name])
    row += 1
    for title, rows in examples:
        _write_span(sheet, row, _WHOLE, title, colour=looks.GREY)
        sheet.cell(row, _FIRST).alignment = looks.BOTTOM
        sheet.row_dimensions[row].height = 24
        row += 1
        for position, cells in enumerate(rows):
            is_first = position == 0 or cells["ref"] != rows[position - 1]["ref"]
            _write_example_row(
                sheet, row, [(name, str(cells.get(name, ""))) for name in shown], is_first=is_first
            )
            row += 1
    return row


def _write_header(sheet: Worksheet, row: int, number: int, column: Column) -> None:
    cell = looks.put_text(sheet, row, number, f"{column.name} *" if column.is_required else column.name)
    cell.font = looks.font(looks.WHITE, bold=True)
    cell.fill = looks.fill(looks.DEEP if column.is_required else looks.CALM)
    cell.alignment = looks.MIDDLE
    sheet.row_dimensions[row].height = 22


def _write_example_row(
    sheet: Worksheet, row: int, cells: Sequence[tuple[str, str]], *, is_first: bool
) -> None:
    for number, (name, text) in enumerate(cells, _FIRST):
        cell = looks.put_text(sheet, row, number, text)
        is_repeat = name == "ref" and not is_first
        cell.font = looks.font(looks.FADED if is_repeat else looks.INK, bold=name == "ref" and is_first)
        cell.fill = looks.fill("FAFBFC")
        cell.alignment = looks.TOP_WRAPPED
        cell.number_format = looks.TEXT_FORMAT
        if is_first:
            cell.border = looks.line_above()


def _write_columns(sheet: Worksheet, row: int, contract: SheetContract) -> int:
    """Write the table of a sheet's columns, and return the row below it."""
    spans = (_LEFT, (_FIRST + 2, _FIRST + 5), (_FIRST + 6, _LAST))
    for span, title in zip(spans, ("column", "what it means", "example"), strict=True):
        _write_span(sheet, row, span, title, colour=looks.GREY, bold=True)
    for column in contract.columns:
        row += 1
        texts = (_name_of(column), column.meaning, column.example)
        lines = [
            _write_span(sheet, row, span, text, colour=_ink_of(column), bold=span is _LEFT)
            for span, text in zip(spans, texts, strict=True)
        ]
        for number in range(_FIRST, _LAST + 1):
            sheet.cell(row, number).border = looks.line_above("DDE3E8")
        _set_height(sheet, row, *lines)
    return row + 1


def _name_of(column: Column) -> str:
    if column.is_required:
        return f"{column.name} *"
    return f"{column.name}  (filled in by the importer)" if column.level is Level.IMPORTER else column.name


def _ink_of(column: Column) -> str:
    return looks.GREY if column.level is Level.IMPORTER else looks.INK
