"""
What is left of a workbook once it has become models: its batches, and where their ids go.

Light on purpose: a push sends models and writes to places, and needs neither frames nor pandas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from importer.model import Batch
from importer.problems import Report
from importer.workbook.cells import Spot


@dataclass(frozen=True, slots=True)
class SheetPlaces:
    """
    The cells of one sheet that are the importer's.

    Attributes:
        part: Zip member of the sheet's XML.
        prefix: Prefix of its element names ("" or such as "x:").
        columns: The importer's columns that the sheet has.
        spots: (Excel row, importer's column) → where to write; row 1 for the header of a column
            that the sheet lacks.
        texts: What stands there now; only cells that are not blank.
    """

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
    """

    sha256: str
    instructions: SheetPlaces
    batches: SheetPlaces | None
    rows: Mapping[tuple[str, str], int]
    batch_rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Study:
    """
    One workbook that has no error.

    Attributes:
        workbook: The file, as the researcher named it.
        path: Where it is, links followed.
        batches: What it describes.
        places: Where its ids go.
    """

    workbook: str
    path: Path
    batches: tuple[Batch, ...]
    places: Places


@dataclass(frozen=True, slots=True)
class Checked:
    """The report over all workbooks of a run, and those that are ready."""

    report: Report
    studies: tuple[Study, ...]
