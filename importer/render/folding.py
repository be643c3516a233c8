"""
Many equal problems become one, with cell ranges.

Owns only the folding: the report keeps every problem, and JSON and the marked copy show each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from importer.problems import Problem

#: More than this many equal problems fold into one.
UNFOLDED: Final = 3

_Key = tuple[str, str | None, str, str, str, str]
_CELL: Final = re.compile(r"([A-Z]+)([0-9]+)")


@dataclass(frozen=True, slots=True)
class Folded:
    """
    One problem, or several that differ only in their place.

    Attributes:
        first: The first of them.
        cells: Where they are: cell names and ranges (`E15:E18`).
        refs: Their refs, each once, in order.
        count: How many there are.
    """

    first: Problem
    cells: tuple[str, ...]
    refs: tuple[str, ...]
    count: int


def fold(problems: Iterable[Problem]) -> tuple[Folded, ...]:
    """Fold more than three problems that say the same of one column; the order stays."""
    problems = tuple(problems)
    groups: dict[_Key, list[Problem]] = {}
    for one in problems:
        groups.setdefault(_key(one), []).append(one)
    folded: list[Folded] = []
    for one in problems:
        group = groups[_key(one)]
        if len(group) <= UNFOLDED:
            folded.append(Folded(one, one.cells, (one.ref,) if one.ref else (), 1))
        elif one is group[0]:
            folded.append(_folded(group))
    return tuple(folded)


def _key(problem: Problem) -> _Key:
    return (problem.workbook, problem.sheet, problem.code, problem.column, problem.text, problem.remedy)


def _folded(group: Sequence[Problem]) -> Folded:
    # The guilty cell of each; what it is compared with would blur the range.
    cells = cell_ranges([cell for one in group for cell in one.cells[:1]])
    refs = tuple(dict.fromkeys(one.ref for one in group if one.ref))
    return Folded(group[0], cells, refs, len(group))


def cell_ranges(cells: Sequence[str]) -> tuple[str, ...]:
    """
    Join cells that stand below each other.

    >>> cell_ranges(["E15", "E17", "E16", "F3", "E20"])
    ('E15:E17', 'E20', 'F3')
    """
    columns: dict[str, set[int]] = {}
    for cell in cells:
        if match := _CELL.fullmatch(cell):
            columns.setdefault(match[1], set()).add(int(match[2]))
    return tuple(name for column, rows in columns.items() for name in _runs(column, sorted(rows)))


def _runs(column: str, rows: Sequence[int]) -> list[str]:
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][-1] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return [f"{column}{run[0]}" + (f":{column}{run[-1]}" if len(run) > 1 else "") for run in runs]
