"""
What is left of a workbook once it has become models: its batches, and where their ids go.

Light on purpose: a push sends models and writes to places, and needs neither frames nor pandas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import msgpack

from importer.model import Batch, Dataset, Draft
from importer.problems import Problem, Report
from importer.texts import cell_name
from importer.workbook.cells import Spot


@dataclass(frozen=True, slots=True)
class SheetPlaces:
    """
    The cells of one sheet that are the importer's.

    Attributes:
        name: As it stands in the workbook.
        column_numbers: Column number of each column of the contract that the sheet has.
        part: Zip member of the sheet's XML.
        prefix: Prefix of its element names ("" or such as "x:").
        columns: The importer's columns that the sheet has.
        spots: (Excel row, importer's column) → where to write; row 1 for the header of a column
            that the sheet lacks.
        texts: What stands there now; only cells that are not blank.
    """

    name: str
    column_numbers: Mapping[str, int]
    part: str
    prefix: str
    columns: frozenset[str]
    spots: Mapping[tuple[int, str], Spot]
    texts: Mapping[tuple[int, str], str]


@dataclass(frozen=True, slots=True)
class Places:
    """
    Where a push may write in one workbook.

    Attributes:
        sha256: Digest of the bytes that the spots belong to.
        instructions: The sheet Instructions.
        batches: The sheet Batches; None if there is none.
        rows: First row of each instruction, by (batch ref, instruction ref).
        batch_rows: Row of each batch on the sheet Batches, by batch id.
        datasets: The sheet Datasets; None if there is none.
        studies: The sheet Studies; None if there is none.
        named_rows: Row of each batch, dataset and study, by (sheet's name in the contract, short name).
    """

    sha256: str
    instructions: SheetPlaces
    batches: SheetPlaces | None
    rows: Mapping[tuple[str, str], int]
    batch_rows: Mapping[str, int]
    datasets: SheetPlaces | None = None
    studies: SheetPlaces | None = None
    named_rows: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def cell(self, batch_ref: str, ref: str, column: str) -> str:
        """Return where a cell of an instruction stands, such as `Instructions!C7`; "" if there is none."""
        row, number = self.rows.get((batch_ref, ref)), self.instructions.column_numbers.get(column)
        return "" if row is None or number is None else f"{self.instructions.name}!{cell_name(row, number)}"

    def __reduce__(self) -> tuple[Callable[[bytes], Places], tuple[bytes]]:
        # A tenth of the time that pickle takes for each spot.
        return _unpacked, (msgpack.encode(self),)


def _unpacked(packed: bytes) -> Places:
    return msgpack.decode(packed, type=Places)


@dataclass(frozen=True, slots=True)
class Study:
    """
    One workbook that has no error.

    Attributes:
        workbook: The file, as the researcher named it.
        path: Where it is, links followed.
        batches: What it describes.
        places: Where its ids go.
        datasets: Those that `importer setup` makes, or has made.
        drafts: Studies likewise.
    """

    workbook: str
    path: Path
    batches: tuple[Batch, ...]
    places: Places
    datasets: tuple[Dataset, ...] = ()
    drafts: tuple[Draft, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """
    A cell that names an id.

    Attributes:
        column: batch_id or instruction_id.
        id: In lower case.
        batch_id: The batch that the id is for, in lower case; "" if unknown.
        sheet: The sheet's name; None for `--batch`, which stands in no sheet.
        cell: Its name, such as B2; "" if there is none.
        ref: The researcher's ref of the instruction or batch.
        text: What stands there.
    """

    column: str
    id: str
    batch_id: str
    sheet: str | None
    cell: str
    ref: str
    text: str

    @property
    def place(self) -> str:
        """`Batches!B2`, or "" for what stands in no sheet."""
        return f"{self.sheet}!{self.cell}" if self.cell else ""


@dataclass(frozen=True, slots=True)
class Part:
    """
    What came of checking some workbooks of a run, each by itself.

    Attributes:
        workbooks: The files, as the researcher named them.
        problems: What is wrong with them, in no particular order.
        claims: The ids that each names, as far as it could be read.
        studies: The study of each that has no error, pickled if it comes from another process: it waits like
            that, on the disk if there are many.
    """

    workbooks: tuple[str, ...]
    problems: tuple[Problem, ...]
    claims: Mapping[str, Sequence[Claim]]
    studies: Mapping[str, Study | bytes]


@dataclass(frozen=True, slots=True)
class Checked:
    """The report over all workbooks of a run, and those that are ready."""

    report: Report
    studies: tuple[Study, ...]
