"""The fault matrix as Markdown: `python -m tests.faults.table > docs/faults.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.faults.matrix import COLUMNS, LOOKING, PAGED, ROWS, Cell, Cells, End, Row
from tests.faults.scene import KINDS

_HEAD = """\
# Faults

Made by `python -m tests.faults.table > docs/faults.md`; `tests/test_fault_matrix.py` plays every cell over real HTTP.

A cell is the exit code and where it has ended when the fault is over:

- **done**: the workbook holds the ids that Prolific holds.
- **push again**: the workbook is byte for byte as before, and the next push ends well.
- **resume**: the workbook is byte for byte as before, and `importer resume` ends well.
- **decide**: the workbook is byte for byte as before, and the next push says what must be decided; with that decision it ends well.

Where workbooks differ, it says which: all rows **new**, all **known**, or **both**. Of three batches of which one is struck, the \
other two are done, the rows of the third are as before, and the exit code is 3 if the third's is not 0. An empty cell is not played.

In every cell no instruction is created twice, no instruction goes that the plan did not name (unless Prolific itself loses it), and no \
request reaches another host. One thing is beyond it: a request without an answer is sent once more when Prolific has listed for 60 \
seconds what was there before. A cache that lags behind for longer than that would make a push create its new instructions anew.
"""

_PAGED_HEAD = """\
## Batches made of pages

A PATCH with the layout takes the place of the PUT, and a page of content stands in front of the instructions. Every row but that of \
GET instructions is played for these as well (`make faults`; a third of the cells in each run of the suite), and comes out the same, but \
for what stands here. In every cell the content is as before, at its place, with its id.
"""
#: The columns in which a layout takes the place of the PUT.
PLAYED = {column: title for column, title in COLUMNS.items() if column != "patch"}


def page() -> str:
    """Return the whole page."""
    return f"{_HEAD}\n{matrix()}\n{sentences()}\n{_PAGED_HEAD}\n{paged()}"


def matrix() -> str:
    """Return the table of exit codes and ends, one row for each fault."""
    head = ["fault", *COLUMNS.values()]
    lines = [_line(head), _line(["---"] * len(head))]
    lines += [_line([row.title, *(_summary(row, column) for column in COLUMNS)]) for row in ROWS]
    return "\n".join(lines) + "\n"


def sentences() -> str:
    """Return the table of what is said, one row for each different sentence of a fault."""
    lines = [_line(["fault", "part of what is said"]), _line(["---"] * 2)]
    for row in ROWS:
        said = dict.fromkeys(text for column in row.cells for text in _said(row, column) if text != LOOKING)
        lines.append(_line([row.title, "<br>".join(said) or "nothing"]))
    return "\n".join(lines) + "\n"


def paged() -> str:
    """Return the table of what differs where a batch is made of pages."""
    lines = [_line(["fault", *PLAYED.values(), "part of what is said"]), _line(["---"] * (len(PLAYED) + 2))]
    for row in ROWS:
        if row.fault in PAGED:
            cells = {column: row.paged(column) for column in PLAYED}
            said = dict.fromkeys(text for one in cells.values() for text in _texts(one))
            lines.append(_line([row.title, *map(_summary_of, cells.values()), "<br>".join(said)]))
    return "\n".join(lines) + "\n"


def _said(row: Row, column: str) -> Iterator[str]:
    yield from _texts(row.cells[column])


def _texts(cells: Cells | None) -> Iterator[str]:
    for cell in [cells] if isinstance(cells, Cell) else (cells or {}).values():
        yield from filter(None, (cell.says, cell.asks))


def _summary(row: Row, column: str) -> str:
    return _summary_of(row.cells.get(column))


def _summary_of(cells: Cells | None) -> str:
    if cells is None:
        return ""
    if isinstance(cells, Cell):
        return _brief(cells)
    kinds: dict[str, list[str]] = {}
    for kind in KINDS:
        kinds.setdefault(_brief(cells[kind]), []).append(kind)
    return "<br>".join(f"{', '.join(names)}: {brief}" for brief, names in kinds.items())


def _brief(cell: Cell) -> str:
    return f"{cell.code} {cell.end.value if cell.end is not End.PERSON else f'**{cell.end.value}**'}"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(page())
