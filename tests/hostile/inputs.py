"""Hostile workbooks by name: how each is made, and the codes of the errors that it must give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from importer.texts import column_letter
from tests.books import BATCH_ID
from tests.hostile.zips import Entry, entries_of, write_zip
from tests.raw import raw_parts, sheet_xml

INSTRUCTIONS_PART, BATCHES_PART = "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
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
#: What stands before and behind the rows of a sheet.
HEAD, TAIL = (text.encode() for text in sheet_xml("@").split("@"))


@dataclass(frozen=True)
class Input:
    """
    One hostile file.

    Attributes:
        name: What it is called in tests and figures.
        make: Writes it at a path.
        codes: The codes of its errors; none if it is to be taken.
    """

    name: str
    make: Callable[[Path], object]
    codes: frozenset[str]


INPUTS: list[Input] = []
_Maker = Callable[[Path], object]


def hostile(*codes: str) -> Callable[[_Maker], _Maker]:
    """Register a maker."""

    def register(make: _Maker) -> _Maker:
        INPUTS.append(Input(make.__name__, make, frozenset(codes)))
        return make

    return register


def cell(row: int, column: int, text: str) -> str:
    """A cell with an inline text, as XML."""
    return f'<c r="{column_letter(column)}{row}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def row(number: int, texts: Sequence[str], more: str = "") -> str:
    """A row of texts, blank ones left out, as XML; *more* are cells behind them."""
    cells = "".join(cell(number, column, text) for column, text in enumerate(texts, 1) if text)
    return f'<row r="{number}">{cells}{more}</row>'


def free_text(number: int, description: str = "Why?", ref: str = "") -> str:
    """A row that is a whole instruction."""
    return row(number, [ref or f"Q{number}", "free_text", description])


def rows(*texts: str, headers: Sequence[str] = HEADERS) -> str:
    """The rows of a sheet below its headers."""
    return row(1, headers) + "".join(texts)


BATCHES = row(1, ["batch", "batch_id"]) + row(2, ["", BATCH_ID])
GOOD = rows(free_text(2))


def parts(instructions: str | bytes = GOOD, **given: object) -> dict[str, bytes]:
    """The parts of a workbook with one batch; what is given besides goes to `raw_parts`."""
    return raw_parts({"Instructions": instructions, "Batches": BATCHES}, **given)  # type: ignore[arg-type]


def book(path: Path, instructions: str | bytes = GOOD, **given: object) -> Path:
    """Write a workbook with one batch."""
    return write_zip(path, entries_of(parts(instructions, **given)))


def with_part(path: Path, part: str, content: bytes) -> Path:
    """Write a workbook, one part of which is something else."""
    return write_zip(path, entries_of({**parts(), part: content}))


def with_entry(path: Path, member: Entry, **given: object) -> Path:
    """Write a workbook, one member of which is something else."""
    return write_zip(path, entries_of(parts(**given), **{member.name: member}))  # type: ignore[arg-type]
