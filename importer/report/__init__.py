"""
The report of a run for people: one self-contained page, or the same as a workbook.

Owns what a report says and how it looks. What happened is told by whoever ran
(`importer.report.data`); how problems and plans read is `importer.problems`' and
`importer.render`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import UsageError, WriteRefused
from importer.workbook.temporary import temporary_file

if TYPE_CHECKING:
    from importer.prolific import Exchange
    from importer.report.data import RunInfo, WorkbookDetail


def check_target(target: Path) -> None:
    """
    Refuse a report that could not be written; to be called before anything is sent.

    Raises:
        UsageError: The name ends neither in `.html` nor in `.xlsx`.
        WriteRefused: There is no such folder, or a folder has this name.
    """
    if target.suffix.lower() not in {".html", ".xlsx"}:
        raise UsageError(
            f"A report is a page or a workbook, and {target.name} names neither. "
            "End its name with .html or .xlsx."
        )
    if target.is_dir() or not target.parent.is_dir():
        what = "is a folder" if target.is_dir() else "would lie in a folder that is not there"
        raise WriteRefused(f"The report cannot be written: {target} {what}. Choose another place for it.")


def write_report(
    target: Path,
    info: RunInfo,
    details: Callable[[], Iterator[WorkbookDetail]],
    requests: Sequence[Exchange],
) -> None:
    """
    Write the report of a run, whole or not at all.

    It holds texts of studies, and whoever may read the folder's other new files may read it.

    Args:
        target: Where it goes, `….html` or `….xlsx`; replaced if it is there.
        info: The run as a whole.
        details: Gives every workbook of the run, in order and the same each time; called up to
            three times, and never kept as a whole.
        requests: Every HTTP request of the run, in any order; empty if there was none.

    Raises:
        UsageError: The name ends neither in `.html` nor in `.xlsx`.
        WriteRefused: *target* cannot be written; what was there before is still there.
    """
    check_target(target)
    try:
        with temporary_file(target.parent, mode=0o666) as unfinished:
            _write(unfinished, target.suffix.lower(), info, details, requests)
            unfinished.replace(target)
    except OSError as error:
        raise WriteRefused(
            f"The report {target} cannot be written ({error.strerror or error}). "
            "Close it if it is open in another program, and check that you may write into its folder."
        ) from error


def _write(
    unfinished: Path,
    suffix: str,
    info: RunInfo,
    details: Callable[[], Iterator[WorkbookDetail]],
    requests: Sequence[Exchange],
) -> None:
    # A run that writes no report loads neither jinja2 nor openpyxl.
    from importer.report.summary import summarise  # noqa: PLC0415

    summary = summarise(details(), requests)
    if suffix == ".html":
        from importer.report.page import write_page  # noqa: PLC0415

        write_page(unfinished, info, summary, details, requests)
    else:
        from importer.report.book import write_book  # noqa: PLC0415

        write_book(unfinished, info, summary, details(), requests)
