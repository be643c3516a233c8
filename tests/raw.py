"""Workbooks for tests, built part by part, so that a test can say every byte of a sheet."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT_MAIN = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_RELATIONSHIPS = "http://purl.oclc.org/ooxml/officeDocument/relationships"
PACKAGE_RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
#: Zip time stamp, so that a workbook built twice is the same bytes.
BUILT = (2026, 1, 1, 0, 0, 0)

CONTENT_TYPES = (
    DECLARATION
    + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    + '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    + '<Default Extension="xml" ContentType="application/xml"/>'
    + '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    + '{sheets}<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>'
    + '<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
    + "</Types>"
)
_SHEET_TYPE = (
    '<Override PartName="/xl/worksheets/sheet{}.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
)


def sheet_xml(rows: str, *, before: str = "", after: str = "") -> str:
    """Put rows (the inside of sheetData) into a whole sheet; *before* and *after* stand around sheetData."""
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}" xmlns:r="{RELATIONSHIPS}">'
        f"{before}<sheetData>{rows}</sheetData>{after}</worksheet>"
    )


def styles_of(*formats: str | int) -> str:
    """
    Build a styles part: cell style 0 is General, style N has the N-th of *formats*.

    A text is a format code, a number the id of a built-in format.
    """
    codes = [f for f in formats if isinstance(f, str)]
    fonts = '<fonts><font/></fonts><fills><fill><patternFill patternType="none"/></fill></fills><borders><border/></borders>'
    formats_xml = "".join(
        f'<numFmt numFmtId="{164 + n}" formatCode="{escape(c, {chr(34): "&quot;"})}"/>'
        for n, c in enumerate(codes)
    )
    ids = [f if isinstance(f, int) else 164 + codes.index(f) for f in formats]
    styles = "".join(f'<xf numFmtId="{i}" fontId="0" fillId="0" borderId="0"/>' for i in (0, *ids))
    return (
        f'{DECLARATION}<styleSheet xmlns="{MAIN}"><numFmts>{formats_xml}</numFmts>{fonts}'
        f'<cellStyleXfs><xf numFmtId="0"/></cellStyleXfs><cellXfs>{styles}</cellXfs>'
        '<cellStyles><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def raw_parts(
    sheets: Mapping[str, str | bytes],
    *,
    strings: Sequence[str] = (),
    strings_xml: str | None = None,
    styles_xml: str | None = None,
    date1904: bool = False,
) -> dict[str, bytes]:
    """Build the parts of a workbook, by part name; see `raw_book`."""
    rows = {name: xml if isinstance(xml, bytes) else _whole(xml).encode() for name, xml in sheets.items()}
    listed = "".join(
        f'<sheet name="{escape(name, {chr(34): "&quot;"})}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(rows, 1)
    )
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{RELATIONSHIPS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(rows) + 1)
    )
    others = "".join(
        f'<Relationship Id="{kind}" Type="{RELATIONSHIPS}/{kind}" Target="{kind}.xml"/>'
        for kind in ("styles", "sharedStrings")
    )
    items = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
    return {
        "[Content_Types].xml": CONTENT_TYPES.format(
            sheets="".join(_SHEET_TYPE.format(n) for n in range(1, len(rows) + 1))
        ).encode(),
        "_rels/.rels": relationships(
            f'<Relationship Id="rId1" Type="{RELATIONSHIPS}/officeDocument" Target="xl/workbook.xml"/>'
        ),
        "xl/workbook.xml": (
            f'{DECLARATION}<workbook xmlns="{MAIN}" xmlns:r="{RELATIONSHIPS}">'
            f'<workbookPr date1904="{int(date1904)}"/><sheets>{listed}</sheets></workbook>'
        ).encode(),
        "xl/_rels/workbook.xml.rels": relationships(relations + others),
        **{f"xl/worksheets/sheet{n}.xml": xml for n, xml in enumerate(rows.values(), 1)},
        "xl/styles.xml": (styles_xml or styles_of()).encode(),
        "xl/sharedStrings.xml": (strings_xml or f'{DECLARATION}<sst xmlns="{MAIN}">{items}</sst>').encode(),
    }


def raw_book(
    path: Path,
    sheets: Mapping[str, str | bytes],
    *,
    strings: Sequence[str] = (),
    strings_xml: str | None = None,
    styles_xml: str | None = None,
    date1904: bool = False,
    extra: Mapping[str, bytes] = {},
) -> Path:
    """
    Write a minimal workbook whose sheet XML is given.

    Args:
        path: Where to write it.
        sheets: Sheet name → the whole sheet XML (text that starts with `<?xml` or `<worksheet`, or
            bytes), or only the rows inside sheetData. The N-th is `xl/worksheets/sheetN.xml`.
        strings: Plain shared strings, in order.
        strings_xml: The whole shared strings part, instead of *strings*.
        styles_xml: The whole styles part (`styles_of`); without it there is style 0 only.
        date1904: Whether dates count from 1904.
        extra: Further parts, or other bytes for a part named above.
    """
    parts = raw_parts(
        sheets, strings=strings, strings_xml=strings_xml, styles_xml=styles_xml, date1904=date1904
    )
    return write_parts(path, {**parts, **extra})


def write_parts(path: Path, parts: Mapping[str, bytes]) -> Path:
    """Write a zip that holds these parts, compressed, in this order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, BUILT)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def relationships(inner: str) -> bytes:
    """Put Relationship elements into a relationships part."""
    return f'{DECLARATION}<Relationships xmlns="{PACKAGE_RELATIONSHIPS}">{inner}</Relationships>'.encode()


def _whole(xml: str) -> str:
    return xml if xml.lstrip().startswith(("<?xml", "<worksheet")) else sheet_xml(xml)
