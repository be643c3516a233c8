"""
The report of a run, gathered part by part.

Whoever checks workbooks some at a time adds what came of them here, and gets one report over all:
sorted, and with what no workbook could know alone.
"""

from __future__ import annotations

from typing import Self

from importer.crosscheck import Claims, Owners
from importer.places import Part
from importer.problems import Problem, Report, sort_problems


class Gathered:
    """What is known of a run so far; a context manager."""

    def __init__(self) -> None:
        self._claims = Claims()
        self._workbooks: list[str] = []
        self._problems: list[Problem] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._claims.close()

    def add(self, part: Part) -> None:
        """Add what came of some workbooks; they are reported in the order in which they come."""
        self._workbooks += part.workbooks
        self._problems += part.problems
        for workbook, claims in part.claims.items():
            self._claims.add(workbook, claims)

    def report(self, owners: Owners) -> Report:
        """
        Return the report over all workbooks that came.

        Args:
            owners: As for `Claims.problems`.
        """
        guilty = {(p.workbook, p.sheet, p.cells[0]) for p in self._problems if p.is_error and p.cells}
        shared = [
            p
            for p in self._claims.problems(owners)
            if not p.cells or (p.workbook, p.sheet, p.cells[0]) not in guilty
        ]
        return Report(tuple(self._workbooks), sort_problems([*self._problems, *shared], self._workbooks))
