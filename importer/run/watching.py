"""What a run tells while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importer.problems import Problem
    from importer.run.results import WorkbookRow

#: So few workbooks are shown one by one, and need no progress where nothing can be drawn; more are a table.
FEW: Final = 10


class Watcher:
    """
    Is told how a run goes, from several threads at once; this one says nothing.

    Attributes:
        is_heard: Whether anybody reads what `say` says.
    """

    is_heard = False

    def checking(self, total: int) -> None:
        """So many workbooks are to be checked, and planned if the command plans."""

    def checked(self, workbooks: Sequence[str], problems: Sequence[Problem]) -> None:
        """Some of them have been checked, and these are their problems."""

    def planned(self, workbook: str) -> None:
        """Every plan of a workbook without errors is made, or refused."""

    def sending(self, total: int) -> None:
        """So many workbooks have something to send."""

    def pulling(self, total: int) -> None:
        """So many batches are to be read, and written into workbooks."""

    def read(self) -> None:
        """A batch has been read."""

    def pulled(self) -> None:
        """What was read of a batch has become a workbook, or could not."""

    def began(self, workbook: str) -> None:
        """A workbook is being sent."""

    def ended(self, row: WorkbookRow) -> None:
        """Nothing more happens to a workbook, whether it was sent or not."""

    def say(self, sentence: str) -> None:
        """Something happens in between, such as why the run waits."""

    def close(self) -> None:
        """Nothing is drawn from now on, for a question or at the end, until `checking` or `sending` begins."""
