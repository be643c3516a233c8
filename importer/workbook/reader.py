"""
The reader: a workbook's sheets as rows of cells, each with the place where the writer may write.

Owns the order of things: package, parts, then one sheet at a time, streaming. The fast scanner
reads nearly every sheet; one that it cannot prove is read again from its beginning by the exact
one, and both give the same rows.

A row is given if a cell of it holds something or is a formula; rows of formatted blanks are left
out, because a sheet that is formatted down to row 1,048,576 has a million of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Self

from importer.limits import MAX_FILLED_ROWS, MAX_SHEET_CHARACTERS, MAX_SHEET_XML_BYTES
from importer.workbook.cells import MergedRange, Row
from importer.workbook.exact import SheetParser, exact_rows
from importer.workbook.package import Package, open_package
from importer.workbook.refusals import too_large
from importer.workbook.relations import SheetInfo, read_parts
from importer.workbook.scan import NotTiled, fast_rows
from importer.workbook.strings import read_strings
from importer.workbook.styles import read_looks
from importer.workbook.values import Values

__all__ = ["SheetInfo", "SheetRows", "Workbook", "open_workbook"]


class SheetRows:
    """
    The filled rows of a sheet, in file order, read while they are taken.

    Taking a row may raise `WorkbookRefused`: `damaged`, `unsafe-xml` or `too-large`.
    """

    def __init__(self, package: Package, sheet: SheetInfo, values: Values) -> None:
        self._package = package
        self._sheet = sheet
        self._values = values
        self._parser = SheetParser(sheet.part, values)
        self._rows = self._counted()

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def __next__(self) -> Row:
        return next(self._rows)

    @property
    def merged(self) -> tuple[MergedRange, ...]:
        """The merged ranges, once all rows are taken."""
        return tuple(self._parser.merged)

    @property
    def has_filter(self) -> bool:
        """Whether the sheet has an AutoFilter, once all rows are taken."""
        return self._parser.has_filter

    @property
    def prefix(self) -> str:
        """Prefix of the sheet's elements with its colon (`x:`), or "", once all rows are taken."""
        return self._parser.prefix

    @property
    def default_styles(self) -> Mapping[int, int]:
        """Column number → style of cells that do not exist yet, once all rows are taken."""
        return self._parser.default_styles

    def _counted(self) -> Iterator[Row]:
        what, characters = f"The sheet {self._sheet.name} has", 0
        for count, row in enumerate(self._scanned(), 1):
            characters += sum([len(content.text) for content in row.contents])
            if count > MAX_FILLED_ROWS:
                raise too_large(what, count, MAX_FILLED_ROWS, "filled rows")
            if characters > MAX_SHEET_CHARACTERS:
                raise too_large(what, characters, MAX_SHEET_CHARACTERS, "characters")
            yield row

    def _scanned(self) -> Iterator[Row]:
        given = 0
        try:
            for row in fast_rows(self._pieces(), self._parser, self._values, self._package.effort):
                given += 1
                yield row
        except NotTiled:
            self._parser = SheetParser(self._sheet.part, self._values)
            pieces = self._package.effort.parsing(self._pieces())
            yield from islice(exact_rows(pieces, self._parser), given, None)

    def _pieces(self) -> Iterator[bytes]:
        return self._package.pieces(self._sheet.part, MAX_SHEET_XML_BYTES)


class Workbook:
    """
    A workbook, held open.

    Attributes:
        path: The file, as it was named.
        sha256: Hex digest of the whole file's bytes.
        sheets: Its worksheets, in workbook order; charts, dialogs and macro sheets are left out.
    """

    def __init__(self, package: Package) -> None:
        self._package = package
        self._parts = read_parts(package)
        self.path: Path = package.path
        self.sha256: str = package.sha256
        self.sheets: tuple[SheetInfo, ...] = self._parts.sheets

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._package.close()

    def rows(self, sheet: SheetInfo) -> SheetRows:
        """
        Read a sheet; the first call reads shared strings and styles.

        Raises:
            WorkbookRefused: `damaged`, `unsafe-xml` or `too-large`.
        """
        return SheetRows(self._package, sheet, self._values)

    @cached_property
    def _values(self) -> Values:
        strings = read_strings(self._package, self._parts.strings)
        looks = read_looks(self._package, self._parts.styles)
        return Values(strings, looks, is_1904=self._parts.is_1904)


def open_workbook(path: Path) -> Workbook:
    """
    Open a workbook and list its sheets, or refuse whatever stands at *path*.

    Raises:
        WorkbookRefused: With a code of the catalogue's section "the file".
    """
    package = open_package(path)
    try:
        return Workbook(package)
    except BaseException:
        package.close()
        raise
