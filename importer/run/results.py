"""What comes of a run: plans, outcomes and refusals of each workbook, and one exit code over all."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, overload

from importer.changes import Kind
from importer.errors import ImporterError, Interrupted, Refusal
from importer.journal import State
from importer.plan import FINGERPRINT_DIGITS
from importer.run.spool import Spool

if TYPE_CHECKING:
    from importer.plan import Plan
    from importer.problems import Report
    from importer.push.reading import Items
    from importer.push.submitter import Outcome


@dataclass(frozen=True, slots=True)
class Consent:
    """
    What the researcher agreed to beforehand.

    Attributes:
        allow_remove: The exact number of instructions that the whole run may delete.
        fingerprints: Fingerprints of the reviewed plans; empty: any plan.
        relink: Whether proposed re-linking of lost ids is accepted.
        tasks_exist: Whether batches may be changed whose tasks have been made.
        as_pages: Whether batches without pages, and without instructions, are laid out in pages.
        is_published: Whether batches may be changed of which a study is published.
        only_sure: Whether re-linking is accepted only where there is nothing to decide.
    """

    allow_remove: int | None = None
    fingerprints: tuple[str, ...] = ()
    relink: bool = False
    tasks_exist: bool = False
    as_pages: bool = False
    is_published: bool = False
    only_sure: bool = False


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """
    One batch with its plan.

    Attributes:
        plan: What a push would change.
        items: The instructions or pages that Prolific held, as it answered; None if nobody knows.
        read_at: When Prolific was read for it, seconds since 1970.
        revision: The journal's then.
    """

    plan: Plan
    items: Items | None
    read_at: float = 0.0
    revision: int = 0

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
        results: One per workbook, in order; those with problems hold only their name. Of many
            workbooks each is read from the disk when it is asked for.
        resumed: Imports of an earlier run that were picked up first.
        is_interrupted: Whether Ctrl-C ended it before all was sent.
        rows: What came of each workbook in one row, in the same order; made of *results* if not given.
        run_id: Its id in the journal; "" if nothing was to be sent.
    """

    report: Report
    results: Sequence[StudyResult]
    resumed: tuple[Outcome, ...] = ()
    is_interrupted: bool = False
    rows: tuple[WorkbookRow, ...] = ()
    run_id: str = ""

    def __post_init__(self) -> None:
        if not self.rows:
            broken = set(self.report.broken)
            rows = [
                row_of(r, problems=len(self.report.of(r.workbook)), is_ready=r.workbook not in broken)
                for r in self.results
            ]
            object.__setattr__(self, "rows", tuple(rows))

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Those of the plans that would be pushed."""
        return tuple(one for row in self.rows if row.has_work for one in row.fingerprints)

    @property
    def fingerprint(self) -> str:
        """One fingerprint over the plans of all workbooks that would be pushed."""
        return run_fingerprint(self.fingerprints)

    @property
    def exit_code(self) -> int:
        """One code for the whole run (`combine`); an import that was picked up and finished counts as done."""
        if self.is_interrupted:
            return Interrupted.exit_code
        codes = [row.exit_code for row in self.rows]
        codes += [o.refusal.exit_code for o in self.resumed if o.refusal is not None]
        is_done = any(o.done.state is State.WRITTEN and o.refusal is None for o in self.resumed)
        return combine(codes + [0] * is_done)


def run_fingerprint(fingerprints: Iterable[str]) -> str:
    """Return one fingerprint over those of some plans, whatever their order."""
    return hashlib.sha256(" ".join(sorted(fingerprints)).encode()).hexdigest()[:FINGERPRINT_DIGITS]


# ---------------------------------------------------------------- in one row
@dataclass(frozen=True, slots=True)
class WorkbookRow:
    """
    What came of one workbook, in a row of the summary: all that stays in memory of it.

    Attributes:
        workbook: The file, as the researcher named it.
        batches: Batches it describes.
        created: Instructions created, or to be created by the plan.
        updated: Instructions with another wording, value, type or answer limit.
        moved: Instructions that only change their place.
        deleted: Instructions deleted.
        kept: Instructions that stay as they are.
        problems: Problems found in it, of every severity.
        state: done, ready, unchanged, not ready, not sent, rejected, conflict,
            "sent, outcome unknown", "ids not in the workbook" or interrupted.
        sentences: Why it stands where it stands, and what to do.
        exit_code: Of this workbook alone.
        has_work: Whether the gate is open and a push would do something.
        fingerprints: Of the plans that a push would carry out.
    """

    workbook: str
    batches: int = 0
    created: int = 0
    updated: int = 0
    moved: int = 0
    deleted: int = 0
    kept: int = 0
    problems: int = 0
    state: str = "unchanged"
    sentences: tuple[str, ...] = ()
    exit_code: int = 0
    has_work: bool = False
    fingerprints: tuple[str, ...] = ()

    @property
    def changes(self) -> int:
        """Instructions that the run changes."""
        return self.created + self.updated + self.moved + self.deleted


_STATES: Final = {
    State.SENT: "sent, outcome unknown",
    State.ACKNOWLEDGED: "ids not in the workbook",
    State.CONFLICT: "conflict",
    State.REJECTED: "rejected",
    State.GIVEN_UP: "conflict",
    State.NEW: "not sent",
    State.PLANNED: "not sent",
    State.CANCELLED: "not sent",
    State.WRITTEN: "done",
}


def row_of(result: StudyResult, *, problems: int = 0, is_ready: bool = True) -> WorkbookRow:
    """
    Return the row of a workbook.

    Args:
        result: What came of it.
        problems: How many were found in it.
        is_ready: Whether it has no error.
    """
    counts: Counter[Kind] = Counter()
    done = {o.done.batch_id for o in result.outcomes if o.done.state in {State.WRITTEN, State.ACKNOWLEDGED}}
    was_sent = bool(result.outcomes)
    for planned in result.planned:
        if not was_sent or planned.plan.batch_id in done or not planned.has_work:
            counts += Counter(planned.plan.counts)
    refusals = result.refusals
    return WorkbookRow(
        workbook=result.workbook,
        batches=len(result.planned),
        created=counts[Kind.CREATE],
        updated=counts[Kind.UPDATE] + counts[Kind.VALUE],
        moved=counts[Kind.MOVE],
        deleted=counts[Kind.DELETE],
        kept=counts[Kind.KEEP],
        problems=problems,
        state=_state(result) if is_ready else "not ready",
        sentences=tuple(dict.fromkeys(map(str, refusals))),
        exit_code=result.exit_code if is_ready else Refusal.exit_code,
        has_work=is_ready and not was_sent and result.has_work,
        fingerprints=tuple(p.plan.fingerprint for p in result.planned if p.has_work),
    )


def _state(result: StudyResult) -> str:
    if isinstance(result.refusal, Interrupted):
        return "interrupted"
    if result.refusal is not None or any(p.plan.obstacles for p in result.planned):
        return "not sent"
    for state, word in _STATES.items():
        for outcome in result.outcomes:
            if outcome.done.state is state:
                is_homeless = state is State.WRITTEN and outcome.refusal is not None
                return "ids not in the workbook" if is_homeless else word
    return "ready" if result.has_work else "unchanged"


class Results(Sequence[StudyResult]):
    """What came of each workbook, read from a spool when it is asked for."""

    def __init__(self, spool: Spool, names: Sequence[str]) -> None:
        self._spool = spool
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> StudyResult: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[StudyResult, ...]: ...
    def __getitem__(self, index: int | slice) -> StudyResult | tuple[StudyResult, ...]:
        if isinstance(index, slice):
            return tuple(Results(self._spool, self._names[index]))
        name = self._names[index]
        found: StudyResult = self._spool[name] if name in self._spool else StudyResult(name)
        return found

    def __iter__(self) -> Iterator[StudyResult]:
        return (self[number] for number in range(len(self)))


def checked(report: Report) -> RunResult:
    """Return the result of a run that only checked."""
    broken = set(report.broken)
    rows = tuple(
        WorkbookRow(
            name,
            problems=len(report.of(name)),
            state="not ready" if name in broken else "ready",
            exit_code=int(name in broken),
        )
        for name in report.workbooks
    )
    return RunResult(report, Results(Spool(), report.workbooks), rows=rows)
