"""
What differs between a workbook before and after: bytes first, then what openpyxl sees.

A difference is a sentence; none is the goal. The cells that a push may change are named by the
caller, with the text that must stand there.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping

import openpyxl

from tests.fidelity.markup import CellAt, cells_of
from tests.fidelity.zips import Zip, read_zip

#: Sheet part → the cells that may change and their new texts.
Named = Mapping[str, Mapping[str, str]]


def compare_zips(before: bytes, after: bytes, named: Named) -> list[str]:
    """
    Say what changed in the file beside the named cells.

    Members that hold no named cell must be the same bytes in the same order: local header,
    compressed bytes, data descriptor, gap. Of all members the directory must say the same; of
    those that hold named cells, all but flags of the compression, CRC, sizes and offset.
    """
    old, new = read_zip(before), read_zip(after)
    if (old.order, [e.name for e in old.entries]) != (new.order, [e.name for e in new.entries]):
        return ["the members are not the same, or in another order"]
    found = [] if _around(old) == _around(new) else ["the bytes around the members"]
    for one, other in zip(old.entries, new.entries, strict=True):
        if one.attributes != other.attributes:
            found.append(f"{one.name}: what the directory says of it")
        if one.name in named:
            found += (
                f"{one.name}: {said}" for said in compare_sheets(one.content, other.content, named[one.name])
            )
        elif one.local != other.local:
            found.append(f"{one.name}: its compressed bytes")
        elif one.content != other.content:
            found.append(f"{one.name}: its bytes")
    return found


def _around(package: Zip) -> tuple[bytes, bytes]:
    """What stands before the first member and in the archive's comment."""
    return package.head, package.tail[22:]


def compare_sheets(before: bytes, after: bytes, named: Mapping[str, str]) -> Iterator[str]:
    """Say what changed in a sheet's XML beside the named cells, and which of those are not as they must be."""
    old, new = cells_of(before), cells_of(after)
    if _without(before, old, named) != _without(after, new, named):
        yield "bytes outside the named cells"
    for name, text in named.items():
        cell = new.get(name)
        if cell is None or (cell.text, cell.kind, cell.has_formula) != (text, "inlineStr", False):
            yield f"{name} is not {text}"
        elif name in old and old[name].style != cell.style:
            yield f"{name} has another style"


def _without(xml: bytes, cells: Mapping[str, CellAt], named: Mapping[str, str]) -> bytes:
    """The sheet's XML less the named cells."""
    kept, done = [], 0
    for cell in sorted((cells[name] for name in named if name in cells), key=lambda cell: cell.start):
        kept.append(xml[done : cell.start])
        done = cell.end
    return b"".join([*kept, xml[done:]])


#: Sheet and cell → what openpyxl sees there: value or formula, type and style.
Seen = dict[tuple[str, str], tuple[object, ...]]


def see(workbook: bytes) -> tuple[Seen, Seen]:
    """Return every cell of every sheet as openpyxl reads it, once with formulas and once with their results."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts that openpyxl would lose; it only reads here
        return _see(workbook, is_result=False), _see(workbook, is_result=True)


def _see(workbook: bytes, *, is_result: bool) -> Seen:
    book = openpyxl.load_workbook(io.BytesIO(workbook), data_only=is_result, rich_text=True)
    return {
        (sheet.title, cell.coordinate): (_plain(cell.value), cell.data_type, cell.style_id)
        for sheet in book.worksheets
        for cell in sheet._cells.values()  # those that exist; iterating makes all of a used range
    }


def _plain(value: object) -> object:
    """Formulas over several cells are objects that equal nothing; so take what they hold."""
    return tuple(sorted(vars(value).items(), key=str)) if hasattr(value, "__dict__") else value


def compare_cells(before: Seen, after: Seen, named: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say which cells differ beside the named ones (by sheet name), and which of those are not as they must be."""
    allowed = {(sheet, cell): text for sheet, cells in named.items() for cell, text in cells.items()}
    found = [
        f"openpyxl: {sheet}!{cell}"
        for sheet, cell in before.keys() | after.keys()
        if (sheet, cell) not in allowed and before.get((sheet, cell)) != after.get((sheet, cell))
    ]
    wrong = (place for place, text in allowed.items() if after.get(place, ("",))[0] != text)
    return found + [f"openpyxl: {sheet}!{cell} is not what was to be written" for sheet, cell in wrong]
