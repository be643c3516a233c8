"""
What moves on a terminal while a run works: bars, and the workbooks in work.

Owns only the drawing. It is drawn by a thread of its own, which reads what the workers set and
takes no lock of theirs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from importer.render.screen import Line, paint
from importer.render.table import one_line
from importer.render.words import shortened
from importer.report.summary import duration

#: Lines below the bar, the one that counts the others included.
WORKING_SHOWN: Final = 4
DRAWN_PER_S: Final = 8
#: From here on a rate is a whole number.
_FAST: Final = 10
#: A workbook that has been in work so long shows for how long.
_SLOW_S: Final = 2


class Display(Progress):
    """
    Bars by name, and the workbooks in work below them; gone when it stops.

    Attributes:
        working: When each workbook that is in work began (`time.monotonic`).
    """

    def __init__(self, stream: TextIO) -> None:
        self.working: dict[str, float] = {}  # first: rich draws once while it is made
        # rich would send what others print to this terminal, and results belong on stdout.
        super().__init__(
            _Phase(),
            BarColumn(bar_width=None, style="dim", complete_style="green", finished_style="green"),
            _Count(),
            _Speed(),
            _Remaining(),
            console=Console(file=stream, highlight=False),
            refresh_per_second=DRAWN_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
        )
        self._phases: dict[str, TaskID] = {}

    def phase(self, name: str, total: int) -> None:
        """Add a bar, or say that it is longer or shorter than thought."""
        if name in self._phases:
            self.update(self._phases[name], total=total)
        else:
            self._phases[name] = self.add_task(name, total=total)

    def move(self, name: str, count: int) -> None:
        """Move a bar on, if it is there."""
        if name in self._phases:
            self.advance(self._phases[name], count)

    def above(self, *lines: Line) -> None:
        """Print lines above the bars; they stay."""
        paint(lines, self.console)

    def get_renderables(self) -> Iterator[RenderableType]:
        """Give the bars that still move, or the last; then the workbooks in work."""
        tasks = self.tasks
        yield self.make_tasks_table([one for one in tasks if one.remaining] or tasks[-1:])
        working = list(self.working.copy().items())
        now = time.monotonic()
        shown = working if len(working) <= WORKING_SHOWN else working[: WORKING_SHOWN - 1]
        for name, began in shown:
            lasts = f"  {duration(int(now - began))}" if now - began >= _SLOW_S else ""
            yield Text(f"  {shortened(one_line(name), max(self.console.width - 14, 8))}{lasts}", style="dim")
        if len(working) > len(shown):
            yield Text(f"  … and {len(working) - len(shown)} more", style="dim")


class _Words(ProgressColumn):
    """A column of a bar that never wraps."""

    def get_table_column(self) -> Column:
        return Column(no_wrap=True)


class _Phase(_Words):
    def render(self, task: Task) -> Text:
        return Text(task.description, style="bold")


class _Count(_Words):
    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:,.0f} of {task.total or 0:,.0f}")


class _Speed(_Words):
    def render(self, task: Task) -> Text:
        if not (speed := task.speed):
            return Text()
        return Text(f"{speed:,.0f}/s" if speed >= _FAST else f"{speed:.1f}/s", style="cyan")


class _Remaining(_Words):
    max_refresh = 0.5  # a number that changes more often is not read

    def render(self, task: Task) -> Text:
        seconds = task.time_remaining
        return Text("" if seconds is None else f"{duration(round(seconds))} left" if seconds >= 1 else "")
