"""
The importer's two sheets, put into a workbook by editing its package.

Three parts change (the workbook, its relationships, the content types) and two are added; every
other member keeps its bytes and its place. Hosts are Strict or transitional, prefixed or not,
with relative or absolute targets, at usual or unusual part names.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from tests.fidelity.markup import Element, parse
from tests.fidelity.zips import Zip

NAMES = ("Instructions", "Batches")

_TRANSITIONAL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_ROOT_RELATIONS = "_rels/.rels"
_CONTENT_TYPES = "[Content_Types].xml"


@dataclass(frozen=True)
class HostParts:
    """
    What the graft needs to know of a workbook.

    Attributes:
        main: The workbook part.
        relations: The part of its relationships.
        is_strict: Whether it is Strict OOXML.
        is_absolute: Whether its relationships name parts from the package's root.
        style: The last cell style that only looks, and aligns nothing; 0 if there is none.
    """

    main: str
    relations: str
    is_strict: bool
    is_absolute: bool
    style: int

    @property
    def new_parts(self) -> tuple[str, str]:
        """Where the two sheets go."""
        folder = posixpath.join(posixpath.dirname(self.main), "worksheets")
        return f"{folder}/importer1.xml", f"{folder}/importer2.xml"


def look(package: Zip) -> HostParts:
    """Find the parts of a workbook."""
    root = parse(_part(package, _ROOT_RELATIONS))
    main = next(_target("", one) for one in root.children if _kind(one) == "officeDocument")
    folder, base = posixpath.split(main)
    relations = posixpath.join(folder, "_rels", f"{base}.rels")
    links = parse(_part(package, relations)).children
    styles = [_target(folder, one) for one in links if _kind(one) == "styles"]
    return HostParts(
        main=main,
        relations=relations,
        is_strict=_STRICT.removesuffix("officeDocument/relationships").encode() in _part(package, main),
        is_absolute=all(
            one.attributes["Target"].startswith("/") for one in links if _kind(one) == "worksheet"
        ),
        style=_last_style(_part(package, styles[0])) if styles else 0,
    )


def graft(package: Zip, parts: HostParts, sheets: tuple[bytes, bytes]) -> bytes:
    """Return the workbook with the two sheets behind its own."""
    spelt = {name.lower(): name for name in package.by_name}
    return package.edited(
        {
            spelt[parts.main.lower()]: _with_sheets(_part(package, parts.main), parts.is_strict),
            spelt[parts.relations.lower()]: _with_relations(_part(package, parts.relations), parts),
            spelt[_CONTENT_TYPES.lower()]: _with_types(_part(package, _CONTENT_TYPES), parts),
        },
        dict(zip(parts.new_parts, sheets, strict=True)),
    )


def _part(package: Zip, name: str) -> bytes:
    """Part names are equal without case."""
    return next(e.content for e in package.entries if e.name.lower() == name.lower())


def _kind(relation: Element) -> str:
    return relation.attributes["Type"].rpartition("/")[2]


def _target(folder: str, relation: Element) -> str:
    return posixpath.normpath(posixpath.join("/", folder, relation.attributes["Target"])).lstrip("/")


def _last_style(styles: bytes) -> int:
    # LibreOffice merges cells that are centred across a selection, so alignment stays out.
    formats = parse(styles).find("cellXfs")
    plain = [n for n, one in enumerate(formats.children if formats else ()) if not one.children]
    return max(plain, default=0)


def _inserted(xml: bytes, element: Element, inner: str) -> bytes:
    """Put XML before the end tag of an element."""
    return xml[: element.inner_end] + inner.encode() + xml[element.inner_end :]


def _with_sheets(xml: bytes, is_strict: bool) -> bytes:
    for name in NAMES:  # a host may have a sheet of this name, and names that refer to it
        xml = re.sub(rf'(?i)(?<=[">!\'=]){name}(?=["\'!])'.encode(), b"Their" + name.encode(), xml)
    sheets = parse(xml).find("sheets")
    assert sheets is not None
    last = max(int(sheet.attributes["sheetId"]) for sheet in sheets.children)
    space = quoteattr(_STRICT if is_strict else _TRANSITIONAL)
    return _inserted(xml, sheets, "".join(
        f'<{sheets.prefix}sheet name="{name}" sheetId="{last + n}" xmlns:r={space} r:id="rIdImporter{n}"/>'
        for n, name in enumerate(NAMES, 1)
    ))  # fmt: skip


def _with_relations(xml: bytes, parts: HostParts) -> bytes:
    root = parse(xml)
    kind = f"{_STRICT if parts.is_strict else _TRANSITIONAL}/worksheet"
    folder = posixpath.dirname(parts.main)
    targets = [f"/{p}" if parts.is_absolute else posixpath.relpath(p, folder or ".") for p in parts.new_parts]
    return _inserted(xml, root, "".join(
        f'<{root.prefix}Relationship Id="rIdImporter{n}" Type="{kind}" Target="{target}"/>'
        for n, target in enumerate(targets, 1)
    ))  # fmt: skip


def _with_types(xml: bytes, parts: HostParts) -> bytes:
    root = parse(xml)
    return _inserted(xml, root, "".join(
        f'<{root.prefix}Override PartName="/{part}" ContentType="{_SHEET_TYPE}"/>' for part in parts.new_parts
    ))  # fmt: skip
