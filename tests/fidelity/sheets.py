"""
The importer's two sheets as researchers' programs write them: several dialects of one content.

Says, for each dialect, which cells a push may change. Every cell is written by hand here, so
that no library's habits stand between the test and the bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.fidelity.markup import letters
from tests.raw import DECLARATION, MAIN, RELATIONSHIPS, STRICT_MAIN

ID, STATUS = "instruction_id", "status"
REFS = ("Q1", "Q2", "Q3")
#: What the researcher types into the description of Q2 for the second round.
TYPED, RETYPED = "Why? Be brief &amp; frank.", "Why exactly?"

_COLUMNS = (
    *("ref", "type", "description", "answer_limit", "option_heading", "option_label", "option_value"),
    *("helper_text", "placeholder_text_input", "disable_dropdown", "notes", ID, STATUS, "_mine"),
)
_ROWS: Mapping[int, Mapping[str, str]] = {
    2: {
        "ref": "Q1",
        "type": "multiple_choice",
        "description": "<is><r><rPr><b/></rPr><t>Which</t></r><r><t xml:space='preserve'> is better?</t></r></is>",
        "answer_limit": "1",
        "option_label": "Good &amp; &lt;better&gt;",
        "option_value": "=1+1",
        "notes": '<f>COUNTA($A$2:$A$8)</f><v>5</v>',
        "_mine": "kept",
    },
    3: {"ref": "Q1", "option_label": "  Schlecht é 😀", "option_value": "NA", "_mine": "_x0041_"},
    4: {"ref": "#Q0", "type": "free_text", "description": "left out", "_mine": "<v>2.50</v>"},
    5: {
        "ref": "Q2",
        "type": "free_text",
        "description": TYPED,
        "helper_text": "Two sentences.",
        "placeholder_text_input": "Type here …",
    },
    7: {
        "ref": "Q3",
        "type": "multiple_choice_with_free_text",
        "description": "Rate\neach.",
        "answer_limit": "-1",
        "option_heading": "Accuracy",
        "option_label": "Good",
        "option_value": "good",
        "disable_dropdown": "yes",
    },
    8: {"ref": "Q3", "option_heading": "Style", "option_label": "Bad", "option_value": "bad"},
}  # fmt: skip
#: The rows that get ids.
_FIRST_ROWS = {"Q1": 2, "Q2": 5, "Q3": 7}


@dataclass(frozen=True)
class Dialect:
    """
    How a program writes a sheet.

    Attributes:
        name: For messages.
        prefix: Of element names.
        has_blanks: Whether empty cells are written, with a style.
        has_names: Whether rows and cells say where they are; else every cell is written.
        has_own_columns: Whether the importer's columns are there already.
        furniture: Whether Excel's attributes and elements stand around the cells.
    """

    name: str
    prefix: str = ""
    has_blanks: bool = True
    has_names: bool = True
    has_own_columns: bool = True
    furniture: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The headers of the sheet Instructions."""
        return _COLUMNS if self.has_own_columns else tuple(c for c in _COLUMNS if c not in (ID, STATUS))

    def place(self, column: str) -> str:
        """The letters of a column, those that a push adds included."""
        every = self.columns if self.has_own_columns else (*self.columns, ID, STATUS)
        return letters(every.index(column) + 1)


DIALECTS = (
    Dialect("as Excel", furniture=True),
    Dialect("sparse", has_blanks=False),
    Dialect("without the importer's columns", has_own_columns=False, furniture=True),
    Dialect("without cell names", has_names=False),
    Dialect("prefixed", prefix="x:"),
    Dialect("prefixed, sparse, without the importer's columns", "x:", False, True, False),
)


@dataclass(frozen=True)
class Filled:
    """
    The two sheets, filled for one batch.

    Attributes:
        instructions: The XML of the sheet Instructions.
        batches: The XML of the sheet Batches.
        dialect: How they are written.
    """

    instructions: bytes
    batches: bytes
    dialect: Dialect

    def cells_of_push(self, ids: Mapping[str, str], status: str) -> dict[str, str]:
        """The cells of the sheet Instructions that the first push changes, and their texts."""
        cells = {}
        for ref, instruction_id in ids.items():
            cells[f"{self.dialect.place(ID)}{_FIRST_ROWS[ref]}"] = instruction_id
            cells[f"{self.dialect.place(STATUS)}{_FIRST_ROWS[ref]}"] = status
        if not self.dialect.has_own_columns:
            cells |= {f"{self.dialect.place(column)}1": column for column in (ID, STATUS)}
        return cells

    def cells_of_edit(self, status: str) -> dict[str, str]:
        """The cells of the sheet Instructions that the push of an edited Q2 changes."""
        return {f"{self.dialect.place(STATUS)}{_FIRST_ROWS['Q2']}": status}

    @property
    def edited_cell(self) -> str:
        """The description of Q2."""
        return f"{self.dialect.place('description')}{_FIRST_ROWS['Q2']}"

    def batch_cells(self, status: str) -> dict[str, str]:
        """The cells of the sheet Batches that the first push changes."""
        if self.dialect.has_own_columns:
            return {"D2": status}
        return {"D1": STATUS, "D2": status}


def fill(batch_id: str, batch_name: str, dialect: Dialect, *, style: int, is_strict: bool) -> Filled:
    """
    Write both sheets.

    Args:
        batch_id: The batch that they are for.
        batch_name: Its new name.
        dialect: How to write them.
        style: A cell style that the host has.
        is_strict: Whether the host is Strict OOXML.
    """
    headers = {column: column for column in dialect.columns}
    batch = {"batch": "", "batch_id": batch_id, "name": batch_name}
    if dialect.has_own_columns:
        batch[STATUS] = ""
    return Filled(
        _sheet(dialect, {1: headers, **_ROWS}, style, is_strict),
        _sheet(dialect, {1: {name: name for name in batch}, 2: batch}, style, is_strict),
        dialect,
    )


def _sheet(dialect: Dialect, rows: Mapping[int, Mapping[str, str]], style: int, is_strict: bool) -> bytes:
    p, columns = dialect.prefix, tuple(rows[1])
    inner = "".join(
        _row(dialect, number, [rows.get(number, {}).get(column, "") for column in columns], style)
        for number in range(1, max(rows) + 1)
        if number in rows or not dialect.has_names
    )
    main = STRICT_MAIN if is_strict else MAIN
    declared = f'xmlns{":" + p[:-1] if p else ""}="{main}" xmlns:r="{RELATIONSHIPS}"'
    before, after = _furniture(columns, max(rows)) if dialect.furniture else ("", "")
    return (
        f"{DECLARATION}<{p}worksheet {declared}>{before}<{p}sheetData>{inner}</{p}sheetData>{after}</{p}worksheet>"
    ).encode()


def _row(dialect: Dialect, number: int, cells: list[str], style: int) -> str:
    p = dialect.prefix
    inner = "".join(
        _cell(dialect, f"{letters(column)}{number}", text, style)
        for column, text in enumerate(cells, 1)
        if text or dialect.has_blanks
    )
    name = f' r="{number}"' if dialect.has_names else ""
    extra = f' spans="1:{len(cells)}" ht="15.75" customHeight="1"' if dialect.furniture else ""
    return f"<{p}row{name}{extra}>{inner}</{p}row>"


def _cell(dialect: Dialect, place: str, text: str, style: int) -> str:
    p = dialect.prefix
    name = f' r="{place}"' if dialect.has_names else ""
    if not text:
        return f'<{p}c{name} s="{style}"/>'
    if text.startswith(("<f>", "<v>")):
        return f"<{p}c{name}>{_prefixed(text, p)}</{p}c>"
    if text.startswith("<is>"):
        return f'<{p}c{name} s="{style}" t="inlineStr">{_prefixed(text, p)}</{p}c>'
    if text.removeprefix("-").isdigit():
        return f"<{p}c{name}><{p}v>{text}</{p}v></{p}c>"
    inline = f'<{p}is><{p}t xml:space="preserve">{text}</{p}t></{p}is>'
    return f'<{p}c{name} t="inlineStr" s="{style}">{inline}</{p}c>'


def _prefixed(xml: str, prefix: str) -> str:
    return xml.replace("</", "\0").replace("<", f"<{prefix}").replace("\0", f"</{prefix}")


def _furniture(columns: tuple[str, ...], last: int) -> tuple[str, str]:
    """What Excel writes around the rows."""
    area = f"A1:{letters(len(columns))}{last}"
    before = (
        f'<sheetPr><tabColor rgb="FF00B050"/></sheetPr><dimension ref="{area}"/><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        '<sheetFormatPr defaultRowHeight="15"/><cols><col min="1" max="3" width="24" customWidth="1"/></cols>'
    )
    rule = escape('AND($A2<>"",$A2=$A1)')
    after = (
        f'<autoFilter ref="{area}"/><conditionalFormatting sqref="A2:A99"><cfRule type="expression" priority="1">'
        f"<formula>{rule}</formula></cfRule></conditionalFormatting>"
        '<dataValidations count="1"><dataValidation type="list" allowBlank="1" sqref="B2:B99">'
        '<formula1>"multiple_choice,free_text"</formula1></dataValidation></dataValidations>'
        '<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'
        '<extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}" '
        'xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"><x14:dataValidations count="1" '
        'xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"><x14:dataValidation type="list">'
        "<x14:formula1><xm:f>Batches!$A$1:$A$3</xm:f></x14:formula1><xm:sqref>C2:C9</xm:sqref></x14:dataValidation>"
        "</x14:dataValidations></ext></extLst>"
    )
    return before, after
