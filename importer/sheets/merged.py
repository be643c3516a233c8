"""
Merged cells: which of them hide what belongs to each row.

A ref, type or description that is merged down the rows of its own block says what the first of
them says and is fine. Merged over several options, several instructions or several columns,
Excel keeps one text and nobody knows whose it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from importer.contract import Level, SheetContract
from importer.limits import MAX_LISTED
from importer.problems import Problem
from importer.sheets.headers import Headers, Place
from importer.texts import cell_name
from importer.workbook.cells import MergedRange
from importer.workbook.refusals import damaged


def check_merged(
    merged: Iterable[MergedRange],
    numbers: Sequence[int],
    refs: Sequence[str] | None,
    *,
    headers: Headers,
    contract: SheetContract,
    place: Place,
) -> tuple[list[Problem], set[tuple[int, str]]]:
    """
    Check the merged ranges of a sheet.

    Args:
        merged: The sheet's merged ranges.
        numbers: The Excel rows that count.
        refs: The ref of each; None on a sheet without refs.
        headers: Where its columns are.
        contract: Which level each column belongs to.
        place: How problems name the sheet.

    Returns:
        The problems, and the cells (Excel row, column) that they cover.

    Raises:
        WorkbookRefused: `damaged` if ranges overlap so much that looking at them would take long.
    """
    hiding: list[tuple[MergedRange, Sequence[str]]] = []
    guilty: set[tuple[int, str]] = set()
    room = len(numbers) * len(headers.columns)
    for area in merged:
        rows = slice(bisect_left(numbers, area.first_row), bisect_right(numbers, area.last_row))
        covered = [
            name
            for name, column in headers.columns.items()
            if area.first_column <= column <= area.last_column
            and contract.by_name[name].level is not Level.RESEARCHER
        ]
        touched = numbers[rows] if covered else []
        room -= len(touched) * len(covered)
        if room < 0:
            raise damaged("its merged cells overlap")
        if _hides(area, covered, touched, refs and refs[rows], contract):
            hiding.append((area, covered))
            guilty.update((number, name) for number in touched for name in covered)
    problems = [_hidden_by(area, covered, place) for area, covered in hiding[:MAX_LISTED]]
    if len(hiding) > MAX_LISTED:
        problems.append(place.more_of("merged-cells", "", len(hiding)))
    return problems, guilty


def _hidden_by(area: MergedRange, covered: Sequence[str], place: Place) -> Problem:
    corner = cell_name(area.first_row, area.first_column)
    shown = f"{corner}:{cell_name(area.last_row, area.last_column)}"
    return place.problem("merged-cells", corner, column=covered[0], range=shown)


def _hides(
    area: MergedRange,
    covered: Sequence[str],
    rows: Sequence[int],
    refs: Sequence[str] | None,
    contract: SheetContract,
) -> bool:
    """Whether *rows* (those that the area touches, with their refs if they have any) lose something of theirs."""
    if not rows or not covered:
        return False
    if len(covered) > 1:
        return True
    if len(rows) == 1 or area.first_row == area.last_row:
        return False
    if refs is None or contract.by_name[covered[0]].level is Level.OPTION:
        return True
    # A blank ref is carried on and a blank batch looked up, so merging these loses nothing.
    return covered[0] not in ("ref", "batch") and len(set(refs)) > 1
