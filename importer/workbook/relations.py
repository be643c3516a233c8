"""
Relationships: from the package to the workbook part, and from there to the sheets.

Source: ECMA-376 part 2, 9.3 (relationships) and part 1, 18.2 (workbook).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from importer.errors import WorkbookRefused
from importer.workbook.markup import Attributes, decode_escapes, is_true, parse, relationship_id
from importer.workbook.package import REMEMBERED_PARTS, Package
from importer.workbook.refusals import damaged

#: More than Excel can keep open.
_MAX_SHEETS: Final = 5_000
#: Excel's own limit is 31; other programs write longer ones.
_MAX_NAME_CHARACTERS: Final = 255


class Relation(NamedTuple):
    """
    One relationship.

    Attributes:
        kind: The last word of its type, which transitional and strict documents share: `worksheet`.
        target: Name of the part it leads to, from the package's root.
    """

    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class SheetInfo:
    """
    One worksheet.

    Attributes:
        name: As its tab in Excel shows it.
        part: Name of its sheet XML in the zip.
        is_hidden: Hidden, or hidden so that only a macro can unhide it.
    """

    name: str
    part: str
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """
    Where the parts of a workbook are.

    Attributes:
        sheets: Its worksheets, in workbook order.
        strings: Name of the shared strings part, None if there is none.
        styles: Name of the styles part, None if there is none.
        is_1904: Whether its dates count from 1904.
    """

    sheets: tuple[SheetInfo, ...]
    strings: str | None
    styles: str | None
    is_1904: bool


class _Sheet(NamedTuple):
    name: str
    state: str
    relation: str | None


class _WorkbookPart:
    """Collects the sheets and the date system."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.is_1904 = False
        self.sheets: list[_Sheet] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if self.root is None:
            self.root = name
        if name == "workbookPr":
            self.is_1904 = is_true(attributes.get("date1904"))
        elif name == "sheet":
            state = attributes.get("state", "visible")
            self.sheets.append(
                _Sheet(decode_escapes(attributes.get("name", "")), state, relationship_id(attributes))
            )
            if len(self.sheets[-1].name) > _MAX_NAME_CHARACTERS:
                raise damaged(f"the name of a sheet has more than {_MAX_NAME_CHARACTERS} characters")
            if len(self.sheets) > _MAX_SHEETS:
                raise damaged(f"it lists more than {_MAX_SHEETS:,} sheets")


def read_parts(package: Package) -> Parts:
    """
    Find the worksheets of a workbook and what they need.

    Raises:
        WorkbookRefused: `not-a-workbook`, `damaged`, `unsafe-xml` or `too-large`.
    """
    main = _main_part(package)
    relations = read_relations(package, main)
    workbook = package.parsed(main, _workbook_part)
    if workbook.root != "workbook" or not workbook.sheets:
        raise damaged(f"the part {main} lists no sheet")
    return Parts(
        sheets=_worksheets(package, workbook.sheets, relations),
        strings=_only(package, relations, "sharedStrings"),
        styles=_only(package, relations, "styles"),
        is_1904=workbook.is_1904,
    )


@lru_cache(maxsize=REMEMBERED_PARTS)
def _workbook_part(part: str, pieces: tuple[bytes, ...]) -> _WorkbookPart:
    workbook = _WorkbookPart()
    parse(part, pieces, workbook.start)
    return workbook


def _main_part(package: Package) -> str:
    targets = [r.target for r in read_relations(package, "").values() if r.kind == "officeDocument"]
    if not targets:
        raise damaged("nothing in it says which part is the workbook")
    main = package.find(targets[0])
    if main is None:
        raise damaged(f"the part {targets[0]} is missing")
    if main.lower().endswith(".bin"):
        raise WorkbookRefused("not-a-workbook", what="a binary Excel workbook (.xlsb)")
    return main


def read_relations(package: Package, part: str) -> Mapping[str, Relation]:
    """
    Read the relationships of a part (or of the package: ""), by their ids.

    Raises:
        WorkbookRefused: `damaged`, `unsafe-xml` or `too-large`.
    """
    folder, base = posixpath.split(part.replace("\\", "/").lstrip("/"))
    name = package.find(posixpath.join(folder, "_rels", f"{base}.rels"))
    if name is None:
        raise damaged(f"the relationships of {part or 'the package'} are missing")
    return package.parsed(name, _relations_of, folder)


@lru_cache(maxsize=REMEMBERED_PARTS)
def _relations_of(part: str, pieces: tuple[bytes, ...], folder: str) -> Mapping[str, Relation]:
    relations: dict[str, Relation] = {}

    def start(element: str, attributes: Attributes) -> None:
        if element == "Relationship" and attributes.get("TargetMode", "").lower() != "external":
            target = posixpath.normpath(
                posixpath.join("/", folder, attributes.get("Target", "").replace("\\", "/"))
            )
            kind = attributes.get("Type", "").rpartition("/")[2]
            relations.setdefault(attributes.get("Id", ""), Relation(kind, target.lstrip("/")))

    parse(part, pieces, start)
    return relations


def _worksheets(
    package: Package, sheets: list[_Sheet], relations: Mapping[str, Relation]
) -> tuple[SheetInfo, ...]:
    found: dict[str, SheetInfo] = {}
    for sheet in sheets:
        if not sheet.relation:  # a module of old macros (Excel 95): listed, but no part
            continue
        relation = relations.get(sheet.relation)
        if relation is None:
            raise damaged(f"nothing says where the sheet {sheet.name} is")
        if relation.kind != "worksheet":  # charts, dialogs, macros
            continue
        part = package.find(relation.target)
        if part is None:
            raise damaged(f"the part {relation.target} of the sheet {sheet.name} is missing")
        if part in found:
            raise damaged(f"the sheets {found[part].name} and {sheet.name} share one part")
        found[part] = SheetInfo(sheet.name, part, sheet.state in ("hidden", "veryHidden"))
    return tuple(found.values())


def _only(package: Package, relations: Mapping[str, Relation], kind: str) -> str | None:
    targets = (package.find(r.target) for r in relations.values() if r.kind == kind)
    return next((part for part in targets if part is not None), None)
