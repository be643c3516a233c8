"""The fault matrix as Markdown: `python -m tests.faults.table > docs/faults.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.faults.matrix import COLUMNS, LOOKING, ROWS, Cell, End, Row
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


def page() -> str:
    """Return the whole page."""
    return f"{_HEAD}\n{matrix()}\n{sentences()}"


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


def _said(row: Row, column: str) -> Iterator[str]:
    cells = row.cells[column]
    for cell in [cells] if isinstance(cells, Cell) else cells.values():
        yield from filter(None, (cell.says, cell.asks))


def _summary(row: Row, column: str) -> str:
    if column not in row.cells:
        return ""
    cells = row.cells[column]
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
