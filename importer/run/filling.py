"""
`importer pull --into`: the ids that a workbook lacks, and what differs from Prolific.

An id goes into an empty cell only, and only where the row says word for word what the instruction
says, and no other row does. It goes the way of every id: into the journal first, and from there into
the workbook, by the ordinary writer. Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from importer.errors import Interrupted, PlanRefused, Refusal
from importer.run.pushing import Run
from importer.run.results import Consent, RunResult, StudyResult
from importer.run.steps import plan_study, push_study
from importer.run.watching import Watcher
from importer.workbook.writable import check_writable

if TYPE_CHECKING:
    from importer.places import Part, Study
    from importer.plan import Plan
    from importer.push.desk import Desk
    from importer.push.reading import Reading
    from importer.run.results import PlannedBatch

_SURE: Final = Consent(relink=True, only_sure=True)
_SILENT: Final = Watcher()


def fill(
    desk: Desk, check: Callable[[], Iterable[Part]], reading: Reading, *, watcher: Watcher = _SILENT
) -> RunResult:
    """
    Fill in ids, and plan what a push would change then.

    Args:
        desk: What a push needs within reach.
        check: Checks the workbooks, some at a time.
        reading: Has begun to read their batches.
        watcher: Is told how it goes on.

    Returns:
        One result per workbook: plans, whose `relinked` are the ids to fill in, and whose changes are
        what differs; outcomes of the batches that got ids; or why there are none.

    Raises:
        Interrupted: Ctrl-C before anything was written.
    """
    run = _Filling(desk, watcher)
    try:
        run.check_and_plan(check, lambda study: _told(plan_study(desk, study, reading, _SURE)))
    except KeyboardInterrupt:
        raise Interrupted("Interrupted. Nothing was written.") from None
    names = [n for n in run.ready() if any(p.plan.relinked for p in run.results[n].planned)]
    if names:
        run.send(names)
    watcher.close()
    return run.result()


def _told(result: StudyResult) -> StudyResult:
    """Return plans whose obstacles are notes: nobody wants to push them now."""
    return replace(result, planned=tuple(replace(p, plan=_with_notes(p)) for p in result.planned))


def _with_notes(planned: PlannedBatch) -> Plan:
    plan = planned.plan
    return replace(plan, notes=(*plan.notes, *plan.obstacles), obstacles=())


@dataclass(slots=True)
class _Filling(Run):
    """A run that writes ids only."""

    def push_one(self, study: Study, result: StudyResult) -> StudyResult:
        """Write the ids of a workbook; its plans stay, to be shown."""
        planned = tuple(_only_ids(p) for p in result.planned if p.plan.relinked)
        try:
            for one in planned:
                self._check_finished(one.plan.batch_id)
            check_writable(study.path)
        except Refusal as refusal:
            return replace(result, refusal=refusal)
        done = push_study(self.desk, study, replace(result, planned=planned))
        return replace(result, outcomes=done.outcomes, refusal=done.refusal)

    def _check_finished(self, batch_id: str) -> None:
        if self.desk.journal.open_imports(batch_id=batch_id):
            raise PlanRefused(
                f"An earlier push of the batch {batch_id} is not finished. Finish it first: importer resume. "
                "Nothing was written."
            )


def _only_ids(planned: PlannedBatch) -> PlannedBatch:
    plan = replace(planned.plan, changes=(), details=(), body=None, refs=(), patch=None)
    return replace(planned, plan=plan)
