"""From what came of a run to what its report shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from importer.render.plans import plan_text
from importer.report.data import Receipt, WorkbookDetail
from importer.run.results import RunResult

#: Lines of one plan; a page shows fewer, a workbook all of them.
_PLAN_LINES: Final = 100_000


def details_of(run: RunResult) -> Iterator[WorkbookDetail]:
    """Yield every workbook of a run, one at a time."""
    for row, result in zip(run.rows, run.results, strict=True):
        yield WorkbookDetail(
            row=row,
            problems=run.report.of(row.workbook),
            plans=tuple(
                plan_text(one.plan, row.workbook, limit=_PLAN_LINES)
                for one in result.planned
                if one.has_work or one.plan.obstacles
            ),
            receipts=tuple(
                Receipt(one.done.batch_id, one.done.batch_ref, one.done.state.value, one.done.ids)
                for one in result.outcomes
            ),
        )
