"""
Studies from nothing: what a workbook asks for and Prolific does not have yet, in the order in which it is made.

Datasets with their files, batches, the ordinary push, the tasks of batches, drafts of studies. After
each of these steps the new ids are in the workbook, and the workbook is read again for the next one: so
whatever ends a run, the next one goes on where it stopped. Nothing is ever published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Final

from importer.checking import check, check_parts
from importer.csv_files import csv_file
from importer.errors import (
    ImporterError,
    Interrupted,
    PlanRefused,
    ProlificError,
    Refusal,
    Stopped,
    Unfinished,
)
from importer.gathered import Gathered
from importer.journal import Creation, Made
from importer.model import Batch, Draft
from importer.places import Part, Study
from importer.plan import Plan
from importer.problems import Report, quote
from importer.push.crew import apart
from importer.push.desk import Desk, locked
from importer.push.making import Wanted, make, namesakes, resume_made, workbook_lock, write_made
from importer.push.reading import Reading
from importer.push.submitter import Outcome
from importer.run.pushing import push
from importer.run.results import SOME, Consent, PlannedBatch, RunResult, StudyResult, combine
from importer.run.resuming import resume
from importer.run.spool import Spool
from importer.run.steps import NOT_MADE, gate, plan_study
from importer.texts import canonical
from importer.wire.making import batch_body, dataset_body, setup_body, study_body
from importer.workbook.writable import check_unchanged, check_writable

#: How often Prolific is asked whether something is ready, and for how long, in seconds.
POLL_S: Final = 3.0
READY_S: Final = 300.0
_UNTOUCHED: Final = "UNINITIALISED"
_READY: Final = "READY"
_NOTHING: Final = Consent()


@dataclass(frozen=True, slots=True)
class Step:
    """
    One thing that is to be made.

    Attributes:
        kind: What it is.
        ref: The short name of its row; "" if it has none.
        name: Its name on Prolific; "" for a file and for the tasks of a batch.
        details: What else somebody should see before they agree.
    """

    kind: Made
    ref: str
    name: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkbookSetup:
    """
    What came of one workbook.

    Attributes:
        workbook: The file, as the researcher named it.
        steps: What is to be made, in order.
        planned: Its batches with their plans.
        notes: What the researcher should know; stops nothing.
        made: What was made, also by an earlier run that was picked up.
        pushed: What came of the push; None if none was made.
        refusal: Why it came no further; None if all is done.
    """

    workbook: str
    steps: tuple[Step, ...] = ()
    planned: tuple[PlannedBatch, ...] = ()
    notes: tuple[str, ...] = ()
    made: tuple[Creation, ...] = ()
    pushed: RunResult | None = None
    refusal: ImporterError | None = None

    @property
    def has_work(self) -> bool:
        """Whether there is something to make or to push, and nothing in its way."""
        return self.refusal is None and bool(self.steps or any(p.has_work for p in self.planned))

    @property
    def exit_code(self) -> int:
        """0, or that of what stopped it; of what came some way, never one that says that nothing was sent."""
        if self.refusal is None:
            return 0
        is_begun = bool(self.made) and self.refusal.exit_code == Refusal.exit_code
        return SOME if is_begun else self.refusal.exit_code


@dataclass(frozen=True, slots=True)
class SetupResult:
    """
    What came of a run.

    Attributes:
        report: Every problem of every workbook.
        workbooks: Those without an error, in order.
        resumed: Imports of an earlier run that were picked up first.
        is_interrupted: Whether Ctrl-C ended it.
    """

    report: Report
    workbooks: tuple[WorkbookSetup, ...]
    resumed: tuple[Outcome, ...] = ()
    is_interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """One code for the whole run."""
        if self.is_interrupted:
            return Interrupted.exit_code
        codes = [one.exit_code for one in self.workbooks]
        codes += [o.refusal.exit_code for o in self.resumed if o.refusal is not None]
        return combine([*codes, *(Refusal.exit_code for _ in self.report.broken)])


def setup(
    desk: Desk,
    paths: Sequence[Path],
    check: Callable[[], Iterable[Part]],
    reading: Reading,
    *,
    ask: Callable[[SetupResult], None],
    is_dry: bool = False,
    consent: Consent = _NOTHING,
) -> SetupResult:
    """
    Make what workbooks ask for, push their instructions, and write all ids back.

    Args:
        desk: What a push needs within reach.
        paths: The workbooks, as the researcher named them.
        check: Checks them, some at a time; called once.
        reading: Has begun to read the batches that are there.
        ask: Is given what is to be made; raises an `ImporterError` if the researcher does not agree.
        is_dry: Whether nothing is made, and nobody is asked.
        consent: What the researcher agreed to beforehand; each workbook's push needs it as any other.

    Raises:
        ImporterError: What *ask* raises; nothing was made then.
        Interrupted: Ctrl-C before anything was made.
    """
    try:
        resumed, picked_up = ((), {}) if is_dry else _pick_up(desk, paths)
        report, studies = _check(desk, check)
        planned = {
            name: _planned(desk, studies[name], reading, consent, picked_up.get(str(studies[name].path)))
            for name in report.workbooks
            if name in studies
        }
        ready = [name for name, one in planned.items() if one.has_work]
        if is_dry or not ready:
            return SetupResult(report, tuple(planned.values()), resumed)
        ask(SetupResult(report, tuple(planned.values()), resumed))
    except KeyboardInterrupt:
        raise Interrupted("Interrupted. Nothing was made.") from None
    running = _Running(desk, studies, planned, consent)
    running.run(ready)
    return SetupResult(report, tuple(planned.values()), resumed, running.is_interrupted)


def _pick_up(desk: Desk, paths: Sequence[Path]) -> tuple[tuple[Outcome, ...], dict[str, WorkbookSetup]]:
    """Finish what earlier runs left open in some workbooks."""
    found = {}
    still_open = sorted(desk.journal.open_creations(workbooks=paths), key=lambda one: one.workbook)
    for workbook, group in groupby(still_open, key=lambda one: one.workbook):
        picked_up = WorkbookSetup(workbook)
        try:
            picked_up = replace(picked_up, made=resume_made(desk, Path(workbook), list(group)))
        except ImporterError as refusal:
            picked_up = replace(picked_up, refusal=refusal)
        found[workbook] = picked_up
    return resume(desk, desk.journal.open_imports(workbooks=paths), finish_planned=False), found


def _check(desk: Desk, check: Callable[[], Iterable[Part]]) -> tuple[Report, Spool]:
    studies = Spool()
    with Gathered() as gathered:
        for part in check():
            gathered.add(part)
            for name, study in part.studies.items():
                studies.put(name, study)
        report = gathered.report(desk.journal.owners)
    for name in report.broken:
        del studies[name]
    return report, studies


# ---------------------------------------------------------------- plan
def _planned(
    desk: Desk, study: Study, reading: Reading, consent: Consent, picked_up: WorkbookSetup | None
) -> WorkbookSetup:
    """Say what a workbook asks for that is not there."""
    begun = replace(picked_up, workbook=study.workbook) if picked_up else WorkbookSetup(study.workbook)
    if begun.refusal is not None:
        return begun
    result = plan_study(desk, study, reading, consent)
    if result.refusal is not None:
        return replace(begun, refusal=result.refusal)
    planned = tuple(_as_if_made(one) for one in result.planned)
    try:
        check_unchanged(study.path, study.places.sha256)
        begun = replace(
            begun,
            planned=planned,
            steps=tuple(_steps(desk, study, {canonical(p.plan.batch_ref): p.plan for p in planned})),
            notes=tuple(_notes(desk, study)),
        )
        deletes = sum(len(p.plan.deletes) for p in planned)
        gated = gate(study, StudyResult(study.workbook, planned), consent, deletes)
        if gated.refusal is not None:
            raise gated.refusal
        if begun.has_work:
            check_writable(study.path)
    except ImporterError as refusal:
        return replace(begun, refusal=refusal)
    return begun


def _as_if_made(planned: PlannedBatch) -> PlannedBatch:
    obstacles = tuple(reason for reason in planned.plan.obstacles if reason != NOT_MADE)
    return replace(planned, plan=replace(planned.plan, obstacles=obstacles))


def _steps(desk: Desk, study: Study, plans: dict[str, Plan]) -> Iterator[Step]:
    for dataset in study.datasets:
        if dataset.dataset_id is None:
            where = f"in the workspace {dataset.workspace_id}"
            yield Step(Made.DATASET, dataset.ref, dataset.name, (f"from {dataset.file}", where))
        elif dataset.file and desk.prolific.get_dataset_status(dataset.dataset_id) == _UNTOUCHED:
            yield Step(Made.UPLOAD, dataset.ref, details=(f"from {dataset.file}",))
    for batch in study.batches:
        if not batch.batch_id:
            uses = (f"with the dataset {batch.dataset}",) if batch.dataset else ()
            where = f"in the workspace {batch.workspace_id}"
            yield Step(Made.BATCH, batch.ref, batch.details.name or "", (*uses, where))
    wanted = [draft for draft in study.drafts if draft.study_id is None]
    for ref in dict.fromkeys(canonical(draft.batch) for draft in wanted):
        if plans[ref].status in ("", _UNTOUCHED):
            details = (f"{_group_size(study, ref) or 1} for each participant",)
            yield Step(Made.SETUP, plans[ref].batch_ref, details=details)
    for draft in wanted:
        yield Step(Made.STUDY, draft.ref, draft.name, tuple(_terms(draft)))


def _group_size(study: Study, ref: str) -> int | None:
    """Return how many tasks a participant gets of a batch; None if no study of it says so."""
    sizes = (one.tasks_per_group for one in study.drafts if canonical(one.batch) == canonical(ref))
    return next((size for size in sizes if size is not None), None)


def _terms(draft: Draft) -> Iterator[str]:
    yield f"reward {draft.reward} pence or cents"
    yield f"{draft.estimated_completion_time} min"
    yield f"{draft.annotators_per_task or 1} participant(s) per task"
    if draft.total_available_places is not None:
        yield f"{draft.total_available_places} places"
    yield ", ".join(draft.device_compatibility) or "all devices"
    yield f"project {draft.project}" if draft.project else "the first project"


def _notes(desk: Desk, study: Study) -> Iterator[str]:
    """Say what bears the name of something that is to be made: a workbook may have lost its ids."""
    for wanted in _wanted_batches(study):
        for twin in namesakes(desk, wanted):
            yield (
                f"The workspace has a batch of the name {quote(str(wanted.body['name']))} already ({twin}). If that is "
                "meant, put its id into batch_id."
            )


def _wanted_batches(study: Study) -> Iterator[Wanted]:
    for batch in study.batches:
        if not batch.batch_id:
            yield Wanted(Made.BATCH, batch.ref, batch.workspace_id or "", batch_body(batch))


# ---------------------------------------------------------------- make
@dataclass(slots=True)
class _Running:
    """A run that is making things; after Ctrl-C, only what is on its way is finished."""

    desk: Desk
    studies: Spool
    results: dict[str, WorkbookSetup]
    consent: Consent
    is_interrupted: bool = False

    def run(self, names: Sequence[str]) -> None:
        """Make what some workbooks ask for, one workbook after the other."""
        # Apart, because Ctrl-C must strike whoever waits, never a request on its way.
        running = apart(self._all, names)
        try:
            running.result()
        except KeyboardInterrupt:
            self.is_interrupted = True
            self.desk.stop()
            self.desk.effects.tell(
                "Interrupted: what is on its way is finished first. Once more, and it is left to importer resume."
            )
            running.result()

    def _all(self, names: Sequence[str]) -> None:
        for name in names:
            if self.is_interrupted:
                stopped = Interrupted("Interrupted before anything was made.")
                self.results[name] = replace(self.results[name], refusal=stopped)
            else:
                self.results[name] = _set_up(self.desk, self.studies[name], self.results[name], self.consent)


def _set_up(desk: Desk, study: Study, shown: WorkbookSetup, consent: Consent) -> WorkbookSetup:
    """Make all that a workbook asks for, and was shown."""
    work = _Work(desk, study, shown, consent)
    try:
        with locked(desk.state, [workbook_lock(study.path)], shown=study.path.name):
            check_unchanged(study.path, study.places.sha256)
            work.make_all()
    except Stopped:
        stopped = Interrupted(
            "Interrupted. What was made is in the workbook; to go on from there, run importer setup again."
        )
        return replace(shown, made=(*shown.made, *work.made), pushed=work.pushed, refusal=stopped)
    except ImporterError as refusal:
        return replace(shown, made=(*shown.made, *work.made), pushed=work.pushed, refusal=refusal)
    return replace(shown, made=(*shown.made, *work.made), pushed=work.pushed)


@dataclass(slots=True)
class _Work:
    """One workbook on its way; *study* is as the workbook stands now."""

    desk: Desk
    study: Study
    shown: WorkbookSetup
    consent: Consent
    made: list[Creation] = field(default_factory=list)
    pushed: RunResult | None = None

    def make_all(self) -> None:
        """Make what is missing, step by step; each step finds the ids of the one before in the workbook."""
        self._make(
            Wanted(Made.DATASET, one.ref, one.workspace_id or "", dataset_body(one))
            for one in self.study.datasets
            if one.dataset_id is None
        )
        self._upload()
        self._make(_wanted_batches(self.study))
        self._push()
        drafts = [draft for draft in self.study.drafts if draft.study_id is None]
        for draft in drafts:
            self._set_up_batch(self._batch_of(draft))
        self._make(
            Wanted(Made.STUDY, one.ref, one.project or "", study_body(one, self._batch_of(one).batch_id))
            for one in drafts
        )

    def _make(self, wanted: Iterable[Wanted]) -> None:
        """Make some things, write their ids into the workbook, and read that again."""
        made: list[Creation] = []
        try:
            for one in wanted:
                done = make(self.desk, self.study.path, one)
                made.append(done)
        finally:
            # If one is refused, the ids of those before it go into the workbook all the same.
            write_made(self.desk, self.study.path, made)
            self.made += [self.desk.journal.creation(one.id) for one in made]
        if made:
            self._read_again()

    def _read_again(self) -> None:
        """Read the workbook again; refuse it if it asks for something else than was shown."""
        before = self.study
        checked = check([Path(before.workbook)])
        if not checked.studies or _wishes(checked.studies[0]) != _wishes(before):
            raise Unfinished(
                f"{before.path.name} was changed while it was being set up. What is made so far is in it. "
                "Run importer setup again to see what is left."
            )
        self.study = checked.studies[0]

    def _upload(self) -> None:
        """Upload the files of datasets that have none yet, and wait until Prolific has read them."""
        for dataset in self.study.datasets:
            if not dataset.file or dataset.dataset_id is None:
                continue
            dataset_id = dataset.dataset_id
            status = self.desk.prolific.get_dataset_status(dataset_id)
            if status == _UNTOUCHED:
                file = csv_file(self.study.path, dataset.file)
                self._make_at_once(Wanted(Made.UPLOAD, dataset.ref, dataset_id, {"file": str(file)}))
            what = f"The dataset {dataset.ref} ({dataset_id})"
            self._wait(what, lambda one=dataset_id: self.desk.prolific.get_dataset_status(one))  # type: ignore[misc]

    def _make_at_once(self, wanted: Wanted) -> None:
        made = make(self.desk, self.study.path, wanted)
        write_made(self.desk, self.study.path, [made])
        self.made.append(self.desk.journal.creation(made.id))

    def _push(self) -> None:
        """Push the instructions, the ordinary way."""
        path = Path(self.study.workbook)
        parts = list(check_parts([path]))
        self.pushed = push(
            self.desk,
            [path],
            lambda: parts,
            Reading(self.desk),
            consent=self.consent,
            ask=self._agree,
        )
        if self.pushed.exit_code:
            raise _Stopped(self.pushed.exit_code)
        self._read_again()

    def _agree(self, ready: RunResult) -> None:
        """Agree to what was shown, and to what fills a batch that was made here."""
        made = {one.made_id for one in self.made if one.kind is Made.BATCH}
        made_datasets = {canonical(one.ref) for one in self.made if one.kind is Made.DATASET}
        ours = made | {b.batch_id for b in self.study.batches if canonical(b.dataset) in made_datasets}
        shown = {planned.plan.fingerprint for planned in self.shown.planned}
        for plan in _plans(ready.results):
            if plan.batch_id not in ours and plan.fingerprint not in shown:
                raise PlanRefused(
                    f"The batch {plan.batch_id} was changed on Prolific since the plan was shown. Its instructions were "
                    "not sent. Run importer setup again."
                )

    def _batch_of(self, draft: Draft) -> Batch:
        wanted = canonical(draft.batch)
        return next(batch for batch in self.study.batches if canonical(batch.ref) == wanted)

    def _set_up_batch(self, batch: Batch) -> None:
        """Have the tasks of a batch made, and wait until they are."""
        status = self.desk.prolific.get_batch_status(batch.batch_id)
        if status == _UNTOUCHED:
            body = setup_body(_group_size(self.study, batch.ref))
            self._make_at_once(Wanted(Made.SETUP, batch.ref, batch.batch_id, body))
        what = f"The batch {batch.ref or batch.batch_id}"
        self._wait(what, lambda: self.desk.prolific.get_batch_status(batch.batch_id))

    def _wait(self, what: str, status_now: Callable[[], str]) -> None:
        started = self.desk.effects.monotonic()
        is_told = False
        while (status := status_now()) != _READY:
            if status == "ERROR":
                raise ProlificError(
                    f"{what} cannot be used: Prolific says ERROR. Look at it in the Prolific app."
                )
            if self.desk.effects.monotonic() - started > READY_S:
                raise Unfinished(
                    f"{what} is still {status} after {READY_S / 60:.0f} minutes. What is made so far is in the workbook. "
                    "Run importer setup again in a while; it goes on from there."
                )
            if not is_told:
                self.desk.effects.tell(f"{what} is {status}. Waiting until it is READY.")
                is_told = True
            self.desk.effects.sleep(POLL_S)


class _Stopped(ImporterError):
    """The push went no further; what it says says why."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("The instructions are not all pushed, so nothing further was made.")
        self.exit_code = exit_code


def _plans(results: Sequence[StudyResult]) -> Iterator[Plan]:
    return (planned.plan for result in results for planned in result.planned if planned.has_work)


def _wishes(study: Study) -> tuple[object, ...]:
    """Return what a workbook asks for, without the ids that fill it in the course of a run."""
    batches = [
        batch.replace(
            batch_id="-",
            row=None,
            details=batch.details.replace(dataset_id=None),
            items=tuple(item.replace(id=None) for item in batch.items),
        )
        for batch in study.batches
    ]
    datasets = [one.replace(dataset_id=None, row=0) for one in study.datasets]
    return (batches, datasets, [one.replace(study_id=None, row=0) for one in study.drafts])
