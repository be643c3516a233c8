"""What a run tells while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.problems import Problem
    from importer.run.results import WorkbookRow


class Watcher:
    """Is told how a run goes on, from several threads; this one says nothing."""

    def checking(self, total: int) -> None:
        """So many workbooks are to be checked and planned."""

    def checked(self, workbooks: Sequence[str], problems: Sequence[Problem]) -> None:
        """Some workbooks have been checked; their problems, in no particular order."""

    def planned(self, workbook: str) -> None:
        """A workbook has its plans."""

    def sending(self, total: int) -> None:
        """So many workbooks are to be sent."""

    def began(self, workbook: str) -> None:
        """A workbook is being sent."""

    def ended(self, row: WorkbookRow) -> None:
        """A workbook is done, or came as far as it could."""

    def say(self, sentence: str) -> None:
        """Say a sentence in between."""

    def close(self) -> None:
        """Be silent, until something else begins."""
