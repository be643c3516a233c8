"""
What the doors call: check, plan, push and resume, for one workbook or thousands.

Owns the order of a whole run: open imports first, then every workbook checked and planned, every
gate closed or open, and consent, before anything is sent. Of each workbook only a row stays in
memory (`importer.run.results`); studies and plans wait on the disk (`importer.run.spool`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from importer.errors import Interrupted, JournalRefused, PlanRefused
from importer.gathered import Gathered
from importer.places import Part, Study
from importer.problems import Report
from importer.push.crew import apart
from importer.push.desk import Desk
from importer.push.reading import Reading
from importer.push.submitter import Outcome
from importer.run.results import (
    Consent,
    Results,
    RunResult,
    StudyResult,
    WorkbookRow,
    row_of,
    run_fingerprint,
)
from importer.run.resuming import resume
from importer.run.spool import Spool
from importer.run.steps import gate, plan_study, push_study
from importer.run.watching import Watcher

_SILENT: Final = Watcher()
_NOTHING: Final = Consent()
#: How long a run waits for batches whose tasks are being made (PROCESSING), from its first reading on, in seconds.
TASKS_WAIT_S: Final = 120.0
RUN_ID_DIGITS: Final = 8


def plan_all(
    desk: Desk,
    check: Callable[[], Iterable[Part]],
    reading: Reading,
    *,
    consent: Consent = _NOTHING,
    watcher: Watcher = _SILENT,
) -> RunResult:
    """
    Check workbooks, and make the plans of those that are ready; nothing is sent.

    Args:
        desk: What a push needs within reach.
        check: Checks the workbooks, some at a time.
        reading: Has begun to read the batches.
        consent: Whether re-linking, and pages for batches that have none, are part of the plans.
        watcher: Is told how it goes on.
    """
    run = Run(desk, watcher)
    run.check_and_plan(check, lambda study: plan_study(desk, study, reading, consent))
    return run.result()


def push(
    desk: Desk,
    paths: Sequence[Path],
    check: Callable[[], Iterable[Part]],
    reading: Reading,
    *,
    consent: Consent,
    ask: Callable[[RunResult], None],
    all_or_nothing: bool = False,
    watcher: Watcher = _SILENT,
) -> RunResult:
    """
    Finish what is open, check, plan, gate and push workbooks, and write the ids back.

    Args:
        desk: What a push needs within reach.
        paths: The workbooks, as the researcher named them.
        check: Checks them, some at a time; called once, when no import of theirs is open any more.
        reading: Has begun to read the batches.
        consent: What the researcher agreed to beforehand.
        ask: Is given every problem, what was picked up, and the workbooks that passed the gate and
            have something to send; raises an `ImporterError` if the researcher does not agree.
        all_or_nothing: Whether nothing is sent if any workbook is broken or refused.
        watcher: Is told how it goes on.

    Returns:
        What came of it; after Ctrl-C, of what had been begun.

    Raises:
        ImporterError: What *ask* raises; nothing was sent then.
        Interrupted: Ctrl-C before anything was sent.
    """
    resumed = resume(desk, desk.journal.open_imports(workbooks=paths), finish_planned=False)
    run = Run(desk, watcher, resumed)
    try:
        run.check_and_plan(check, lambda study: _gated_plan(desk, study, reading, consent))
        run.close_gates(consent, all_or_nothing=all_or_nothing)
        ready = run.ready()
        watcher.close()
        run.tell_idle()
        if ready:
            ask(run.result(ready))
    except KeyboardInterrupt:
        what = "Only what an earlier push had left open was picked up" if resumed else "Nothing was sent"
        raise Interrupted(f"Interrupted. {what}.") from None
    if ready:
        run.send(ready)
    return run.result()


def _gated_plan(desk: Desk, study: Study, reading: Reading, consent: Consent) -> StudyResult:
    """Make the plans of a workbook, and close its gate, unless that depends on the plans of others."""
    # Once tasks are made the batch is READY, and needs that consent: without it there is nothing to wait for.
    wait_s = TASKS_WAIT_S if consent.tasks_exist else 0.0
    result = plan_study(desk, study, reading, consent, wait_s=wait_s)
    return result if _needs_others(result, consent) else gate(study, result, consent, 0)


def _needs_others(result: StudyResult, consent: Consent) -> bool:
    """Whether the deletes of the whole run, or the fingerprint of all its plans, decide about a workbook."""
    return bool(consent.fingerprints) or any(p.plan.deletes for p in result.planned)


@dataclass(slots=True)
class Run:
    """A run on its way; another kind of run does something else for each workbook (`push_one`)."""

    desk: Desk
    watcher: Watcher
    resumed: tuple[Outcome, ...] = ()
    report: Report = field(default_factory=lambda: Report((), ()))
    rows: dict[str, WorkbookRow] = field(default_factory=dict)
    studies: Spool = field(default_factory=Spool)
    results: Spool = field(default_factory=Spool)
    is_interrupted: bool = False

    # ------------------------------------------------------------ check and plan
    def check_and_plan(
        self, check: Callable[[], Iterable[Part]], make: Callable[[Study], StudyResult]
    ) -> None:
        """Check all workbooks, and plan each as soon as it is checked."""
        crew = self.desk.new_crew()
        planning: list[Future[None]] = []
        with Gathered() as gathered:
            for part in check():
                gathered.add(part)
                self.watcher.checked(part.workbooks, part.problems)
                for name, study in part.studies.items():
                    self.studies.put(name, study)
                    planning.append(crew.submit(self._plan, name, make))
                # Of thousands, those that are done are let go; one that failed raises here.
                planning = [future for future in planning if not future.done() or future.result()]
            self.report = gathered.report(self.desk.journal.owners)
        for future in planning:
            future.result()
        problems = Counter(problem.workbook for problem in self.report.problems)
        broken = set(self.report.broken)
        for name in self.report.workbooks:
            row = self.rows.get(name, WorkbookRow(name))
            if name in broken:
                row = row_of(StudyResult(name), is_ready=False)
                del self.results[name]
            self.rows[name] = replace(row, problems=problems[name])

    def _plan(self, name: str, make: Callable[[Study], StudyResult]) -> None:
        self._keep(make(self.studies[name]))
        self.watcher.planned(name)

    def _keep(self, result: StudyResult) -> None:
        name = result.workbook
        problems = self.rows[name].problems if name in self.rows else 0
        self.results[name] = result
        self.rows[name] = row_of(result, problems=problems)

    # ------------------------------------------------------------ gate
    def close_gates(self, consent: Consent, *, all_or_nothing: bool) -> None:
        """Refuse every workbook that the plans of the whole run forbid to push; the others are gated already."""
        deletes = sum(row.deleted for row in self.rows.values())
        waiting = [
            name
            for name, row in self.rows.items()
            if row.state != "not ready" and (consent.fingerprints or row.deleted)
        ]
        every = run_fingerprint(one for row in self.rows.values() if row.has_work for one in row.fingerprints)
        if every in consent.fingerprints:
            consent = replace(consent, fingerprints=())
        for name in waiting:
            gated = gate(self.studies[name], self.results[name], consent, deletes)
            if gated.refusal is not None:
                self._keep(gated)
        if all_or_nothing and any(row.exit_code for row in self.rows.values()):
            others = PlanRefused(
                "Kept back by --all-or-nothing, because other workbooks cannot be pushed. Nothing was sent."
            )
            for name in self.ready():
                self._keep(replace(self.results[name], refusal=others))

    def ready(self) -> list[str]:
        """The workbooks whose gate is open, and that have something to send, in order."""
        return [name for name in self.report.workbooks if self.rows[name].has_work]

    def tell_idle(self) -> None:
        """Tell of the workbooks to which nothing more happens."""
        for name in self.report.workbooks:
            if not self.rows[name].has_work:
                self.watcher.ended(self.rows[name])

    # ------------------------------------------------------------ send
    def send(self, names: Sequence[str]) -> None:
        """Push workbooks side by side; after Ctrl-C, only finish what has begun."""
        self.desk = replace(self.desk, run_id=self.desk.effects.new_id()[:RUN_ID_DIGITS])
        with suppress(JournalRefused):  # the first import is refused as well, and says so
            self.desk.journal.begin_run(self.desk.run_id, workbooks=len(names), at=self.desk.at)
        self.watcher.sending(len(names))
        sending: Future[object] | None = None
        try:
            # Apart, even if one at a time: Ctrl-C must strike whoever waits, never a request on its way.
            sending = apart(self.desk.new_crew().map, self._do, names)
            sending.result()
        except KeyboardInterrupt:
            if sending is None:
                raise
            self.is_interrupted = True
            self.desk.stop()
            self.watcher.say(
                "Interrupted: what is on its way is finished first. Once more, and it is left to importer resume."
            )
            sending.result()
            for name in names:
                if self.rows[name].has_work:
                    self._keep(
                        replace(self.results[name], refusal=Interrupted("Interrupted before it was sent."))
                    )
        finally:
            self.watcher.close()
        # What came of the run must be told, even if the journal has no room left for its end.
        with suppress(JournalRefused):
            self.desk.journal.end_run(self.desk.run_id, exit_code=self.result().exit_code, at=self.desk.at)

    def _do(self, name: str) -> None:
        if self.is_interrupted:
            return
        self.watcher.began(name)
        self._keep(self.push_one(self.studies[name], self.results[name]))
        self.watcher.ended(self.rows[name])

    def push_one(self, study: Study, result: StudyResult) -> StudyResult:
        """Do what is to be done for one workbook, and return what came of it."""
        return push_study(self.desk, study, result)

    # ------------------------------------------------------------ the end
    def result(self, names: Sequence[str] | None = None) -> RunResult:
        """Return what came of all workbooks, or of some."""
        names = self.report.workbooks if names is None else names
        rows = tuple(self.rows[name] for name in names)
        results = Results(self.results, names)
        return RunResult(self.report, results, self.resumed, self.is_interrupted, rows, self.desk.run_id)
