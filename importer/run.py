"""
What the doors call: check, plan, push and resume, for one workbook or many.

Owns the order of a whole run: open imports first, every workbook checked in one validation, every
plan made and gated before anything is sent. Doors only parse arguments, ask and render.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

from importer.changes import Kind
from importer.errors import ImporterError, JournalRefused, PlanRefused, Refusal
from importer.journal import Import, State
from importer.model import Batch
from importer.places import Checked, Study
from importer.plan import Plan, check_gate, make_plan
from importer.problems import Report
from importer.push.desk import Desk, locked
from importer.push.existing import known_items, to_existing
from importer.push.giving_up import way_out
from importer.push.reading import Items, Reading
from importer.push.submitter import Outcome, advance
from importer.workbook.writable import check_unchanged, check_writable


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """
    One batch with its plan.

    Attributes:
        plan: What a push would change.
        items: What Prolific held, as it answered; None if nobody knows.
    """

    plan: Plan
    items: Items | None

    @property
    def has_work(self) -> bool:
        """Whether a push would send something, or has ids to write."""
        return self.plan.needs_push or bool(self.plan.relinked)


@dataclass(frozen=True, slots=True)
class StudyResult:
    """
    What came of one workbook.

    Attributes:
        workbook: The file, as the researcher named it.
        planned: Its batches with their plans; empty if it was not planned.
        outcomes: One per import; empty if nothing was sent.
        refusal: Why nothing of it was sent; None if it was, or if nothing was to do.
    """

    workbook: str
    planned: tuple[PlannedBatch, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    refusal: ImporterError | None = None

    @property
    def has_work(self) -> bool:
        """Whether the gate is open and a push would do something."""
        return self.refusal is None and any(p.has_work for p in self.planned)

    @property
    def refusals(self) -> tuple[ImporterError, ...]:
        """Every refusal, of the workbook and of its imports."""
        of_imports = tuple(o.refusal for o in self.outcomes if o.refusal is not None)
        return of_imports if self.refusal is None else (self.refusal, *of_imports)

    @property
    def exit_code(self) -> int:
        """0, or the exit code that all its refusals share, or 3; 1 for a plan that cannot be pushed."""
        codes = [r.exit_code for r in self.refusals]
        codes += [0 for o in self.outcomes if o.refusal is None]
        codes += [Refusal.exit_code for p in self.planned if p.plan.obstacles]
        return combine(codes)


#: Which exit code wins when several workbooks fail for different reasons: what needs a person first.
_URGENT: Final = (70, 5, 4, 6, 1)
SOME: Final = 3


def combine(codes: Iterable[int]) -> int:
    """
    Combine exit codes: the common one; 3 if some went through; else the most urgent.

    >>> combine([0, 0]), combine([1, 0]), combine([1, 6])
    (0, 3, 6)
    """
    found = set(codes) or {0}
    if len(found) == 1:
        return found.pop()
    return SOME if 0 in found or SOME in found else next(code for code in _URGENT if code in found)


@dataclass(frozen=True, slots=True)
class RunResult:
    """
    What came of a run.

    Attributes:
        report: Every problem of every workbook.
        results: One per workbook, in order; those with problems hold only their name.
        resumed: Imports of an earlier run that were picked up first.
    """

    report: Report
    results: tuple[StudyResult, ...]
    resumed: tuple[Outcome, ...] = ()

    @property
    def exit_code(self) -> int:
        """One code for the whole run (`combine`); an import that was picked up and finished counts as done."""
        codes = [1 if r.workbook in self.report.broken else r.exit_code for r in self.results]
        codes += [o.refusal.exit_code for o in self.resumed if o.refusal is not None]
        is_done = any(o.done.state is State.WRITTEN and o.refusal is None for o in self.resumed)
        return combine(codes + [0] * is_done)


# ---------------------------------------------------------------- plan
def plan(desk: Desk, study: Study, reading: Reading, *, relink: bool = False) -> StudyResult:
    """Make the plan of every batch of a workbook; nothing is sent."""
    for batch in study.batches:
        reading.ask(batch.batch_id)
    try:
        planned = tuple(_plan(desk, batch, reading, relink) for batch in study.batches)
    except ImporterError as refusal:
        return StudyResult(study.workbook, refusal=refusal)
    return StudyResult(study.workbook, planned)


def plan_all(
    desk: Desk, check: Callable[[], Checked], reading: Reading, *, relink: bool = False
) -> RunResult:
    """Check workbooks, and make the plans of those that are ready; nothing is sent."""
    checked = check()
    results = {study.workbook: plan(desk, study, reading, relink=relink) for study in checked.studies}
    return RunResult(checked.report, tuple(results.get(n, StudyResult(n)) for n in checked.report.workbooks))


def _plan(desk: Desk, batch: Batch, reading: Reading, relink: bool) -> PlannedBatch:
    # An earlier push that was finished meanwhile, here or in another process, has changed the batch.
    is_stale = desk.journal.is_touched(batch.batch_id, reading.revision)
    fetched = (reading.again if is_stale else reading.ask)(batch.batch_id).result()
    items, source = known_items(fetched, desk.journal.last_known(batch.batch_id))
    existing = to_existing(batch.batch_id, fetched.batch, items, source)
    made = make_plan(batch, existing, relink=relink)
    return PlannedBatch(replace(made, obstacles=(*made.obstacles, *_unfinished(desk, batch.batch_id))), items)


def _unfinished(desk: Desk, batch_id: str) -> list[str]:
    """Say what is still on its way to a batch: until it has arrived, nobody knows what a push would change."""
    return [
        f"An earlier push of the batch {batch_id} from {stuck.workbook} is not finished ({stuck.state}). "
        f"Finish it first: importer resume. {way_out(batch_id)}."
        for stuck in desk.journal.open_imports(batch_id=batch_id)
    ]


# ---------------------------------------------------------------- push
@dataclass(frozen=True, slots=True)
class Consent:
    """
    What the researcher agreed to beforehand.

    Attributes:
        allow_remove: The exact number of instructions that the whole run may delete.
        fingerprints: Fingerprints of the reviewed plans; empty: any plan.
        relink: Whether proposed re-linking of lost ids is accepted.
    """

    allow_remove: int | None = None
    fingerprints: tuple[str, ...] = ()
    relink: bool = False


def push(
    desk: Desk,
    paths: Sequence[Path],
    check: Callable[[], Checked],
    reading: Reading,
    *,
    consent: Consent,
    ask: Callable[[RunResult], None],
) -> RunResult:
    """
    Finish what is open, check, plan, gate and push workbooks, and write the ids back.

    Args:
        desk: What a push needs within reach.
        paths: The workbooks, as the researcher named them.
        check: Checks them; called once, when no import of theirs is open any more.
        reading: Has begun to read the batches.
        consent: What the researcher agreed to beforehand.
        ask: Is given every problem, what was picked up, and the workbooks that passed the gate and
            have something to send; raises an `ImporterError` if the researcher does not agree.

    Raises:
        ImporterError: What *ask* raises; nothing was sent then.
    """
    began = desk.at
    resumed = resume(desk, desk.journal.open_imports(workbooks=paths), finish_planned=False)
    checked = check()
    with ExitStack() as locks:
        results = {s.workbook: _locked_plan(desk, s, reading, consent, locks) for s in checked.studies}
        deletes = sum(len(p.plan.deletes) for result in results.values() for p in result.planned)
        for study in checked.studies:
            results[study.workbook] = _gated(study, results[study.workbook], consent, deletes)
        ready = [s for s in checked.studies if results[s.workbook].has_work]
        if ready:
            ask(RunResult(checked.report, tuple(results[s.workbook] for s in ready), resumed))
        for study in ready:
            results[study.workbook] = _push_study(desk, study, results[study.workbook], began)
    every = tuple(results.get(name, StudyResult(name)) for name in checked.report.workbooks)
    return RunResult(checked.report, every, resumed)


def _locked_plan(
    desk: Desk, study: Study, reading: Reading, consent: Consent, locks: ExitStack
) -> StudyResult:
    """Plan a workbook under the locks of its batches; one that is busy keeps only its own workbook back."""
    try:
        locks.enter_context(locked(desk.state, [batch.batch_id for batch in study.batches]))
    except JournalRefused as refusal:
        return StudyResult(study.workbook, refusal=refusal)
    return plan(desk, study, reading, relink=consent.relink)


def _gated(study: Study, result: StudyResult, consent: Consent, deletes: int) -> StudyResult:
    """Close the gate on a workbook that cannot be pushed, or needs what was not agreed to."""
    if result.refusal is not None:
        return result
    try:
        if result.has_work:
            check_unchanged(study.path, study.places.sha256)
    except Refusal as refusal:
        return replace(result, refusal=refusal)  # whatever the plan says, it is of another workbook
    reasons = list(_reasons(study, result, consent, deletes))
    if len(reasons) > 1:
        reasons = [PlanRefused("\n".join(map(str, reasons)))]
    return replace(result, refusal=reasons[0]) if reasons else result


def _reasons(study: Study, result: StudyResult, consent: Consent, deletes: int) -> Iterator[Refusal]:
    """Yield why a workbook is not pushed, batch by batch, and at last why it could not be written."""
    for planned in result.planned:
        try:
            check_gate(
                planned.plan,
                allow_remove=consent.allow_remove,
                fingerprint=_reviewed(planned.plan, consent),
                run_deletes=deletes,
            )
        except PlanRefused as refusal:
            yield _named(planned.plan, refusal) if len(result.planned) > 1 else refusal
    try:
        if result.has_work:
            check_writable(study.path)
    except Refusal as refusal:
        yield refusal


def _named(made: Plan, refusal: PlanRefused) -> PlanRefused:
    """Say in each line which batch of its workbook it is about."""
    name = made.batch_ref or made.batch_id
    return PlanRefused("\n".join(f"Batch {name}: {reason}" for reason in str(refusal).splitlines()))


def _reviewed(made: Plan, consent: Consent) -> str | None:
    """Return the fingerprint that the plan must have; None if any plan may be pushed."""
    if not consent.fingerprints or made.fingerprint in consent.fingerprints:
        return made.fingerprint
    return ", ".join(consent.fingerprints)


def _push_study(desk: Desk, study: Study, result: StudyResult, read_at: float) -> StudyResult:
    try:
        # Once more: the researcher may have been asked, and taken time to answer.
        check_unchanged(study.path, study.places.sha256)
        ids = [_record(desk, study, planned, read_at) for planned in result.planned if planned.has_work]
    except Refusal as refusal:
        return replace(result, refusal=refusal)
    return replace(result, outcomes=advance(desk, study.path, ids, study.places))


def _record(desk: Desk, study: Study, planned: PlannedBatch, read_at: float) -> str:
    """Put one planned batch into the journal; from here on a crash is picked up."""
    made = planned.plan
    new = desk.journal.start(
        desk.effects.new_id(),
        batch_id=made.batch_id,
        batch_ref=made.batch_ref,
        workbook=study.path,
        sha256=study.places.sha256,
        at=read_at,
    )
    desk.effects.checkpoint("journal:new")
    desk.move(
        new,
        State.PLANNED,
        before=planned.items,
        body=made.body,
        patch=made.patch,
        refs=[instruction.ref for instruction in made.instructions],
        marks=_marks(made),
        ids=dict(made.relinked),
        fingerprint=made.fingerprint,
    )
    return new.id


_MARKS: Final = {
    Kind.CREATE: "created",
    Kind.UPDATE: "updated",
    Kind.VALUE: "updated",
    Kind.MOVE: "moved",
}


def _marks(made: Plan) -> dict[str, str]:
    """Return what goes into `status`, by ref; "" stands for the batch's own row."""
    marks = dict.fromkeys(made.relinked, "relinked")
    marks |= {change.ref: _MARKS[change.kind] for change in made.changes if change.kind in _MARKS}
    return marks | ({"": "updated"} if made.patch is not None else {})


# ---------------------------------------------------------------- resume
def resume(desk: Desk, imports: Sequence[Import], *, finish_planned: bool = True) -> tuple[Outcome, ...]:
    """
    Bring open imports as far as they go.

    Args:
        desk: What a push needs within reach.
        imports: Open imports from the journal.
        finish_planned: Whether to send what was planned and agreed to, but never sent; a push
            cancels that instead, since it makes a newer plan.

    Returns:
        One outcome per import.
    """
    outcomes: list[Outcome] = []
    by_workbook = sorted(imports, key=lambda i: i.workbook)
    for workbook, group in groupby(by_workbook, key=lambda i: i.workbook):
        outcomes += _resume_workbook(desk, Path(workbook), list(group), finish_planned)
    return tuple(outcomes)


def _resume_workbook(desk: Desk, path: Path, group: Sequence[Import], finish_planned: bool) -> list[Outcome]:
    try:
        with locked(desk.state, [i.batch_id for i in group]):
            now = [desk.journal.get(i.id) for i in group]
            never_sent = [
                i for i in now if i.state is State.NEW or (i.state is State.PLANNED and not finish_planned)
            ]
            cancelled = [
                Outcome(desk.move(i, State.CANCELLED, note="Nothing was sent."), None) for i in never_sent
            ]
            going_on = [i.id for i in now if i.state.is_open and i not in never_sent]
            return [*cancelled, *advance(desk, path, going_on)]
    except JournalRefused as refusal:
        return [Outcome(i, refusal) for i in group]
