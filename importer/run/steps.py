"""The steps of one workbook: plan, gate, push."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from importer.changes import Kind
from importer.errors import ImporterError, PlanRefused, Refusal
from importer.gate import check_gate
from importer.hands import aside
from importer.journal import Import, State
from importer.model import Batch
from importer.places import Study
from importer.plan import Plan, make_plan, with_published
from importer.push.desk import Desk, locked
from importer.push.existing import ABSENT, known_items, to_existing
from importer.push.giving_up import way_out
from importer.push.published import published_studies
from importer.push.reading import Fetched, Reading, fetch
from importer.push.reconcile import POLL_S
from importer.push.submitter import advance
from importer.run.results import Consent, PlannedBatch, StudyResult
from importer.texts import canonical
from importer.workbook.writable import check_unchanged, check_writable


# ---------------------------------------------------------------- plan
def plan_study(
    desk: Desk, study: Study, reading: Reading, consent: Consent, *, wait_s: float = 0.0
) -> StudyResult:
    """
    Make the plan of every batch of a workbook; nothing is sent.

    Args:
        desk: What a push needs within reach.
        study: The workbook.
        reading: Has begun to read the batches.
        consent: What the researcher agreed to beforehand.
        wait_s: How long after *reading* began batches are waited for whose tasks are being made.
    """
    try:
        planned = desk.crew.map(partial(_plan, desk, reading, study, consent, wait_s=wait_s), study.batches)
    except ImporterError as refusal:
        return StudyResult(study.workbook, refusal=refusal)
    return StudyResult(study.workbook, tuple(planned))


#: Of a batch without batch_id; `importer setup` takes no heed of it.
NOT_MADE: Final = "The batch is not made yet: it has no batch_id. To make it, run importer setup."


def _plan(
    desk: Desk, reading: Reading, study: Study, consent: Consent, batch: Batch, *, wait_s: float
) -> PlannedBatch:
    if not batch.batch_id:
        made = make_plan(batch, ABSENT, as_pages=consent.as_pages)
        return PlannedBatch(replace(made, obstacles=(*made.obstacles, NOT_MADE)), [])
    early = reading.asked(batch.batch_id)
    # An earlier push that was finished meanwhile, here or in another process, has changed the batch.
    if early is not None and not desk.journal.is_touched(batch.batch_id, reading.revision):
        with aside():
            fetched = early.result()
        planned = _planned(desk, study, consent, batch, fetched)
        planned = replace(planned, read_at=reading.began_at, revision=reading.revision)
    else:
        planned = _plan_anew(desk, study, consent, batch)
    is_told = False
    while planned.plan.status == "PROCESSING" and planned.plan.touches_tasks:
        left_s = reading.began_at + wait_s - desk.at
        if left_s <= 0:
            break
        if not is_told:
            desk.effects.tell(
                f"The batch {batch.batch_id} is PROCESSING: Prolific is making its tasks. Waiting, at most {left_s:.0f} s."
            )
        is_told = True
        desk.effects.sleep(min(left_s, POLL_S))
        planned = _plan_anew(desk, study, consent, batch)
    return planned


def _plan_anew(desk: Desk, study: Study, consent: Consent, batch: Batch) -> PlannedBatch:
    read_at, revision = desk.at, desk.journal.revision()
    planned = _planned(desk, study, consent, batch, fetch(desk, batch.batch_id))
    return replace(planned, read_at=read_at, revision=revision)


def _planned(desk: Desk, study: Study, consent: Consent, batch: Batch, fetched: Fetched) -> PlannedBatch:
    items, source = known_items(fetched, desk.journal.last_known(batch.batch_id))
    existing = to_existing(batch.batch_id, fetched.batch, items, source)
    made = make_plan(
        batch,
        existing,
        relink=consent.relink,
        only_sure=consent.only_sure,
        as_pages=consent.as_pages,
        cell_of=lambda ref, column: study.places.cell(batch.ref, ref, column) or ref,
    )
    made = replace(made, obstacles=(*made.obstacles, *_unfinished(desk, batch.batch_id)))
    if made.changes_tasks_that_exist:
        ref = canonical(batch.ref)
        named = [one.study_id for one in study.drafts if one.study_id and canonical(one.batch) == ref]
        made = with_published(made, published_studies(desk, batch.batch_id, named))
    return PlannedBatch(made, items)


def _unfinished(desk: Desk, batch_id: str) -> list[str]:
    """Say what is still on its way to a batch: until it has arrived, nobody knows what a push would change."""
    return [
        f"An earlier push of the batch {batch_id} from {stuck.workbook} is not finished ({stuck.state}). "
        f"Unless another importer is at work on it now, finish it first: importer resume. {way_out(batch_id)}."
        for stuck in desk.journal.open_imports(batch_id=batch_id)
    ]


# ---------------------------------------------------------------- gate
def gate(study: Study, result: StudyResult, consent: Consent, deletes: int) -> StudyResult:
    """
    Close the gate on a workbook that cannot be pushed, or needs what was not agreed to.

    Args:
        study: The workbook.
        result: Its plans.
        consent: What the researcher agreed to beforehand.
        deletes: How many instructions the whole run would delete.
    """
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
                tasks_exist=consent.tasks_exist,
                is_published=consent.is_published,
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


# ---------------------------------------------------------------- push
def push_study(desk: Desk, study: Study, result: StudyResult) -> StudyResult:
    """Send what the plans of a workbook say, and write the ids back."""
    try:
        with locked(desk.state, [batch.batch_id for batch in study.batches]):
            # Once more: the researcher may have been asked, and taken time to answer.
            check_unchanged(study.path, study.places.sha256)
            working = [planned for planned in result.planned if planned.has_work]
            for planned in working:
                _check_untouched(desk, planned)
            imports = [_import(desk, study, planned) for planned in working]
            desk.journal.start(imports)  # from here on a crash is picked up
            desk.effects.checkpoint("journal:planned")
            return replace(result, outcomes=advance(desk, study.path, imports, study.places))
    except Refusal as refusal:
        return replace(result, refusal=refusal)


def _check_untouched(desk: Desk, planned: PlannedBatch) -> None:
    batch_id = planned.plan.batch_id
    if desk.journal.is_touched(batch_id, planned.revision):
        raise PlanRefused(
            f"Another importer has pushed to the batch {batch_id} since the plan was made. Nothing was sent. "
            "Look at the new plan with importer plan, then push again."
        )


def _import(desk: Desk, study: Study, planned: PlannedBatch) -> Import:
    """Return one planned batch as the journal takes it."""
    made = planned.plan
    return Import(
        id=desk.effects.new_id(),
        batch_id=made.batch_id,
        batch_ref=made.batch_ref,
        workbook=str(study.path),
        sha256=study.places.sha256,
        state=State.PLANNED,
        before=planned.items,
        body=made.body,
        patch=made.patch,
        refs=made.refs,
        marks=_marks(made),
        ids=dict(made.relinked),
        fingerprint=made.fingerprint,
        created_at=planned.read_at,
        updated_at=desk.at,
        run_id=desk.run_id,
    )


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
