"""
A run as it goes: on a terminal a display that moves, elsewhere one line per workbook.

Owns what is said while a run works, and nothing of what comes of it; `importer.render.display`
draws. The workers call a `Watcher` from their threads, and a call takes microseconds.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Final, TextIO

from importer.problems import Problem
from importer.render.folding import fold
from importer.render.screen import Line, line, write
from importer.render.table import one_line, state_piece
from importer.render.words import count_of, some_of
from importer.report.summary import needs_look
from importer.run.watching import Watcher

if TYPE_CHECKING:
    from importer.render.display import Display
    from importer.run.results import WorkbookRow

#: Errors of one workbook that are shown as they appear, after folding; the report has all.
ERRORS_SHOWN: Final = 3
#: So many workbooks have lines of their own above the bar; where thousands are broken, more tell nobody anything.
WORKBOOKS_SHOWN: Final = 50

_CHECKING, _PLANNING, _SENDING = "Checking", "Planning", "Sending"
_READING, _WRITING = "Reading", "Writing"
_TO_DO: Final = {"created": "to create", "updated": "to update", "moved": "to move", "deleted": "to delete"}


def watcher_for(stream: TextIO, *, environ: Mapping[str, str] = os.environ) -> Watcher:
    """Return what suits a stream: a display on a terminal that can draw, lines elsewhere."""
    can_draw = stream.isatty() and environ.get("TERM") != "dumb"
    return ScreenWatcher(stream) if can_draw else LineWatcher(stream)


# The locks are of the kind that a signal handler may take again: Ctrl-C may come while one is held.
class LineWatcher(Watcher):
    """One plain line per workbook as it ends."""

    is_heard = True

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lock = stream, RLock()

    def ended(self, row: WorkbookRow) -> None:
        """Say what came of it."""
        self._write(_ended_line(row))

    def say(self, sentence: str) -> None:
        """Say it."""
        self._write(line(one_line(sentence)))

    def _write(self, one: Line) -> None:
        with self._lock:
            write([one], self._stream)


class ScreenWatcher(Watcher):
    """
    A bar with count, rate and remaining time, the workbooks in work below it, and what needs a look above it.

    While it draws nothing else may write to the terminal: sentences go through `say`.
    """

    is_heard = True

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lock = stream, RLock()
        self._display: Display | None = None
        self._to_check = 0
        self._shown: Counter[str] = Counter()

    def checking(self, total: int) -> None:
        """Draw the bar of the check; that of the plans comes with the first of them."""
        with self._lock:
            self._to_check = total
            self._begin(_CHECKING, total)

    def checked(self, workbooks: Sequence[str], problems: Sequence[Problem]) -> None:
        """Move the bar on, and show errors as they appear: a few of each workbook."""
        errors: dict[str, list[Problem]] = {}
        for problem in problems:
            if problem.is_error:
                errors.setdefault(problem.workbook, []).append(problem)
        with self._lock:
            for workbook, of_workbook in errors.items():
                self._to_check -= 1  # what is broken is not planned
                self._show("problems", _error_lines(workbook, of_workbook))
            if self._display:
                self._display.move(_CHECKING, len(workbooks))

    def planned(self, workbook: str) -> None:  # noqa: ARG002 - it is counted, not named
        """Move the bar of the plans on."""
        with self._lock:
            if self._display:
                self._display.phase(_PLANNING, self._to_check)
                self._display.move(_PLANNING, 1)

    def sending(self, total: int) -> None:
        """Draw the bar of the sending instead of those before."""
        with self._lock:
            self._begin(_SENDING, total)

    def pulling(self, total: int) -> None:
        """Draw the bars of the reading, and of the writing that follows."""
        with self._lock:
            self._begin(_READING, total)
            if self._display:
                self._display.phase(_WRITING, total)

    def read(self) -> None:
        """Move the bar of the reading on."""
        with self._lock:
            if self._display:
                self._display.move(_READING, 1)

    def pulled(self) -> None:
        """Move the bar of the writing on."""
        with self._lock:
            if self._display:
                self._display.move(_WRITING, 1)

    def began(self, workbook: str) -> None:
        """Show it below the bar."""
        with self._lock:
            if self._display:
                self._display.working[workbook] = time.monotonic()

    def ended(self, row: WorkbookRow) -> None:
        """Move the bar on if it was sent; say what needs a look, but not once more what the check found."""
        with self._lock:
            if self._display and self._display.working.pop(row.workbook, None) is not None:
                self._display.move(_SENDING, 1)
            if needs_look(row.state) and row.state != "not ready":
                self._show("ends", [_ended_line(row)])

    def say(self, sentence: str) -> None:
        """Say it above the bar."""
        with self._lock:
            self._above([line(one_line(sentence))])

    def close(self) -> None:
        """Wipe what is drawn; the lines above it stay."""
        with self._lock:
            self._stop()

    def _begin(self, phase: str, total: int) -> None:
        from importer.render.display import Display  # noqa: PLC0415 - 50 ms that only a terminal needs

        self._stop()
        self._display = Display(self._stream)
        self._display.phase(phase, total)
        self._display.start()

    def _stop(self) -> None:
        if self._display:
            self._display.stop()
            self._display = None

    def _show(self, kind: str, lines: Sequence[Line]) -> None:
        self._shown[kind] += 1
        if self._shown[kind] <= WORKBOOKS_SHOWN:
            self._above(lines)
        elif self._shown[kind] == WORKBOOKS_SHOWN + 1:
            self._above(
                [line(("… and more workbooks like these; the summary at the end has them all", "quiet"))]
            )

    def _above(self, lines: Sequence[Line]) -> None:
        if self._display:
            self._display.above(*lines)
        else:
            write(lines, self._stream)


def _error_lines(workbook: str, errors: Sequence[Problem]) -> list[Line]:
    folded = fold(errors)
    lines = []
    for one in folded[:ERRORS_SHOWN]:
        cells = f"!{some_of(one.cells, ERRORS_SHOWN)}" if one.cells else ""
        place = f"{workbook} › {one.first.sheet}{cells}" if one.first.sheet else workbook
        lines.append(line(("✗ ", "error"), (one_line(place), "strong"), f": {one_line(one.first.text)}"))
    if hidden := sum(one.count for one in folded[ERRORS_SHOWN:]):
        lines.append(
            line((f"… and {count_of(hidden, 'more error')} in {one_line(workbook)}", "quiet"), depth=1)
        )
    return lines


def _ended_line(row: WorkbookRow) -> Line:
    """Say what came of a workbook, in one line."""
    if needs_look(row.state):
        what = " ".join(row.sentences)
    else:
        words = _TO_DO if row.state == "ready" else {name: name for name in _TO_DO}
        what = ", ".join(f"{n:,} {word}" for name, word in words.items() if (n := getattr(row, name)))
    if not what and row.problems:
        what = count_of(row.problems, "problem")
    return line(state_piece(row.state), one_line(f"  {row.workbook}{f': {what}' if what else ''}"))
