"""The report of a run: every problem at its place, folded, and the counts; as JSON, unfolded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from importer.problems import Problem, Report, Severity
from importer.render.folding import Folded, fold
from importer.render.screen import Line, Lines, line
from importer.render.words import count_of, some_of

if TYPE_CHECKING:
    from importer.model import JSON

#: Problems of one workbook that a screen shows.
PROBLEMS_SHOWN: Final = 20
RANGES_SHOWN: Final = 8
REFS_SHOWN: Final = 4
#: Workbooks whose problems a screen shows.
WORKBOOKS_SHOWN: Final = 50

_SIGNS: Final = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.NOTE: "·"}


def report_text(report: Report, *, limit: int = PROBLEMS_SHOWN) -> Lines:
    """
    Show every problem at its place, then the counts.

    Args:
        report: What was found.
        limit: Problems per workbook, after folding; the rest is counted.
    """
    return (*problem_lines(report, limit), summary_text(report))


def summary_text(report: Report) -> Line:
    """Count workbooks and problems in one line."""
    total, broken = len(report.workbooks), len(report.broken)
    counts = [
        count_of(report.count(severity), severity.value) for severity in Severity if report.count(severity)
    ]
    found = f" ({', '.join(counts)})" if counts else ""
    checked = f"{count_of(total, 'workbook')} checked: "
    if not broken:
        return line(checked, ("ready" if total == 1 else "all ready", "done"), f"{found}.")
    state = "not ready" if total == 1 else f"{total - broken} ready, {broken} not ready"
    return line(checked, (state, "error"), f"{found}. Nothing was sent.")


def problem_lines(report: Report, limit: int = PROBLEMS_SHOWN) -> Iterator[Line]:
    """Show every problem at its place, of so many workbooks."""
    guilty = [workbook for workbook in report.workbooks if report.of(workbook)]
    for workbook in guilty[:WORKBOOKS_SHOWN]:
        folded = fold(report.of(workbook))
        for one in folded[:limit]:
            yield from _folded_lines(one)
        if hidden := sum(one.count for one in folded[limit:]):
            yield line((f"… and {hidden} more (all in --json and --mark)", "quiet"))
            yield line()
    if len(guilty) > WORKBOOKS_SHOWN:
        others = count_of(len(guilty) - WORKBOOKS_SHOWN, "more workbook")
        yield line((f"… and those of {others} (all in --json and --report)", "quiet"))
        yield line()


def _folded_lines(folded: Folded) -> Iterator[Line]:
    one = folded.first
    style = one.severity.value
    about = ", ".join(filter(None, (some_of(folded.refs, REFS_SHOWN), one.column)))
    yield line(
        (f"{_SIGNS[one.severity]} {style}", style),
        "  ",
        (f"{one.workbook}{_place(folded)}", "strong"),
        f" ({about})" if about else "",
        (f"   {one.code}", "quiet"),
    )
    if folded.count > 1:
        yield line(f"{folded.count} cells: {one.text}", depth=2)
    else:
        yield line(one.text, depth=2)
    if one.remedy:
        yield line(one.remedy, depth=2)
    yield line()


def _place(folded: Folded) -> str:
    sheet = folded.first.sheet
    if sheet is None:
        return ""
    return f" › {sheet}!{some_of(folded.cells, RANGES_SHOWN)}" if folded.cells else f" › {sheet}"


def report_json(report: Report) -> dict[str, JSON]:
    """Return every problem, one by one, and the counts of each workbook."""
    return {
        "workbooks": [
            {
                "workbook": workbook,
                "is_ready": workbook not in report.broken,
                **{f"{severity}s": report.count(severity, workbook) for severity in Severity},
            }
            for workbook in report.workbooks
        ],
        "problems": [_problem_json(one) for one in report.problems],
    }


def _problem_json(one: Problem) -> dict[str, JSON]:
    return {
        "code": one.code,
        "severity": one.severity.value,
        "workbook": one.workbook,
        "sheet": one.sheet,
        "cells": list(one.cells),
        "place": one.place,
        "ref": one.ref,
        "column": one.column,
        "text": one.text,
        "remedy": one.remedy,
    }
