"""What a report is made of: the run, its workbooks, its requests. No effects, and nothing heavy to load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.problems import Problem
    from importer.render.screen import Lines
    from importer.run.results import WorkbookRow


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    What Prolific answered for one batch.

    Attributes:
        batch_id: Prolific's id of the batch.
        batch: The researcher's ref of the batch; may be "".
        state: How far its import has come (`importer.journal.State`).
        ids: Prolific's id of each instruction, by ref.
    """

    batch_id: str
    batch: str
    state: str
    ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WorkbookDetail:
    """
    One workbook of the run.

    Attributes:
        row: Its row of the summary.
        problems: What was found in it, in the order in which it is to be read.
        plans: The plan of each batch as lines (`importer.render.plan_text`).
        receipts: One per batch that was sent.
    """

    row: WorkbookRow
    problems: tuple[Problem, ...] = ()
    plans: tuple[Lines, ...] = ()
    receipts: tuple[Receipt, ...] = ()


@dataclass(frozen=True, slots=True)
class RunInfo:
    """
    The run as a whole.

    Attributes:
        id: Its id in the journal.
        command: `push`, `plan` or `check`.
        began_at: When it began, with its time zone.
        ended_at: When it ended, with its time zone.
        exit_code: What the command ended with.
        next_steps: What to do now, one sentence each.
        version: Of the importer.
    """

    id: str
    command: str
    began_at: datetime
    ended_at: datetime
    exit_code: int
    next_steps: tuple[str, ...]
    version: str
