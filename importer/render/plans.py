"""A plan: what a push would do to one batch, change by change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from importer.changes import Change, Kind
from importer.problems import quote
from importer.render.screen import Line, Lines, line
from importer.render.words import count_of
from importer.wire.forms import Form

if TYPE_CHECKING:
    from importer.changes import FieldChange
    from importer.plan import Plan

#: Changes of one batch that a screen shows.
CHANGES_SHOWN: Final = 50

_SOURCES: Final = {
    "batch_items": "{count} there",
    "instructions": "{count} there",
    "count": "no instruction there",
    "journal": "{count} there at the last push",
    "absent": "not made yet",
    "unknown": "nobody knows what is there",
}


def plan_text(plan: Plan, workbook: str, *, limit: int = CHANGES_SHOWN) -> Lines:
    """
    Show what a push would do to one batch, change by change.

    Args:
        plan: The plan.
        workbook: The file, as the researcher named it.
        limit: Changes that are shown; the rest is counted.
    """
    shown = [change for change in plan.changes if change.kind is not Kind.KEEP]
    relinks = {one.id: one.ref for one in plan.relinks}
    lines = [_plan_head(plan, workbook)]
    own = ("~ batch", "update") if plan.batch_id else ("+ batch", "create")
    lines += [_field_line(field, own, 1) for field in plan.details]
    for change in shown[:limit]:
        lines += _change_lines(change, relinks)
    if len(shown) > limit:
        lines.append(line((f"… and {len(shown) - limit} more (all in --json)", "quiet"), depth=1))
    lines += _relink_lines(plan)
    lines += [line(("Note: ", "note"), note, depth=1) for note in plan.notes]
    lines += [line(("Cannot be pushed: ", "error"), reason, depth=1) for reason in plan.obstacles]
    lines.append(line((f"Plan {plan.fingerprint}: ", "strong"), _plan_counts(plan)))
    return tuple(lines)


def _plan_head(plan: Plan, workbook: str) -> Line:
    count = count_of(plan.held_count, "instruction")
    ref = f" {plan.batch_ref}" if plan.batch_ref else ""
    name = f" {quote(plan.name)}" if plan.name else ""
    # Without instructions on the sheet nothing is compared, so nothing is known to be counted.
    known = [_SOURCES[plan.source].format(count=count)] if plan.is_compared else []
    known += ["in pages"] if plan.form is Form.BATCH_ITEMS else []
    about = ", ".join([*known, *filter(None, [plan.status])])
    return line((workbook, "strong"), f" → batch{ref}{name} {plan.batch_id}", f" ({about})" if about else "")


def _change_lines(change: Change, relinks: Mapping[str, str]) -> Iterator[Line]:
    kind = change.kind
    mark = (f"{kind.sign} {kind.value:<6}", kind.value)
    ref = f" {change.ref} " if change.ref else " "
    if kind is Kind.MOVE and not change.fields:
        yield line(mark, f"{ref}from place {change.existing_place} to {change.desired_place}", depth=1)
        return
    is_elsewhere = change.is_moved and change.existing_place != change.desired_place
    moved = f", moved from place {change.existing_place}" if is_elsewhere else ""
    yield line(mark, f"{ref}{change.label}{moved}", depth=1)
    for field in change.fields:
        yield _field_line(field, None, 3)
    if kind is Kind.VALUE:
        yield line(("Answers already collected stay as they were given.", "value"), depth=3)
    if kind is Kind.DELETE:
        twin = relinks.get(change.id or "")
        why = f"{twin} looks like it, but has no id." if twin else "It is on Prolific, but not in the sheet."
        yield line((why, "delete"), depth=3)


def _field_line(field: FieldChange, mark: tuple[str, str] | None, depth: int) -> Line:
    is_new = mark is not None and mark[1] == "create"
    before = "" if is_new else f"{_side(field.existing)} → "
    change = f"{field.name}: {before}{_side(field.desired)}"
    return line(mark, f" {change}", depth=depth) if mark else line(change, depth=depth)


def _side(text: str) -> str:
    return quote(text) if text else "nothing"


def _relink_lines(plan: Plan) -> Iterator[Line]:
    for one in plan.relinks:
        how = "in everything" if one.is_exact else "in type and description"
        yield line(("? relink", "warning"), f" {one.ref} has no id, and equals {one.id} {how}", depth=1)
    for ref, instruction_id in plan.relinked.items():
        yield line(("= relink", "done"), f" {ref} takes the id {instruction_id}", depth=1)


def _plan_counts(plan: Plan) -> str:
    counts = plan.counts
    risky = counts[Kind.VALUE]
    words = [
        (counts[Kind.CREATE], "to create"),
        (counts[Kind.UPDATE] + risky, "to update" + (f" ({risky} in what answers mean)" if risky else "")),
        (counts[Kind.MOVE], "to move"),
        (counts[Kind.DELETE], "to delete"),
        (counts[Kind.KEEP], "to keep"),
    ]
    found = [f"{count} {what}" for count, what in words if count]
    if plan.details:
        found.append("the batch's own details to update" if plan.batch_id else "the batch to make")
    if not (plan.needs_push or plan.relinked):
        return "nothing to change."
    if not found and not plan.relinked:
        found.append("instructions to replace unseen")
    if plan.relinked:
        found.append(f"{count_of(len(plan.relinked), 'id')} to write back")
    return f"{', '.join(found)}. Nothing sent yet."
