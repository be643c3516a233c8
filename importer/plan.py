"""
Existing + desired → Plan; the fingerprint.

A plan says everything that one push would do to one batch, and carries the bodies that would do
it, so that what was shown is what is sent. Making it never refuses: a plan that cannot be pushed
can still be looked at. `importer.gate` refuses.

Source: "Update Batch Instructions" (a full replacement: what is not sent is deleted) and "Update a
Batch" (the three task details only together).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from importer.changes import Change, FieldChange, Kind, compare, compare_blocks, with_places
from importer.contract import TASK_DETAILS
from importer.matching import Relink, find_block_relinks, find_relinks, named
from importer.model import JSON, Batch, BatchDetails, Block, Instruction, Item
from importer.problems import quote
from importer.texts import canonical
from importer.wire import batch_items
from importer.wire.forms import Form
from importer.wire.instructions import Held, not_carried, request_body, to_sent

FINGERPRINT_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Existing:
    """
    What Prolific holds of one batch.

    Attributes:
        batch_id: Prolific's id.
        name: The batch's name.
        task_details: By the API's field name; a detail that the batch lacks is left out.
        dataset_id: Of its first dataset; None if it has none.
        status: UNINITIALISED, PROCESSING, READY or ERROR.
        pages: Its layout, as answered; None if it has none, and takes the PUT.
        held: Its instructions in order; None if nobody knows.
        source: How we know: batch_items, instructions, count, journal or unknown.
    """

    batch_id: str
    name: str
    task_details: Mapping[str, str]
    dataset_id: str | None
    status: str
    pages: batch_items.Pages | None
    held: tuple[Held, ...] | None
    source: str


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Everything that one push would do to one batch.

    Attributes:
        batch_id: Prolific's id.
        batch_ref: The researcher's short name; "" if the workbook holds one unnamed batch.
        name: The batch's name on Prolific.
        status: The batch's status on Prolific.
        source: How we know what it holds: batch_items, instructions, count, journal or unknown.
        form: The wire form that a push would use.
        is_form_asked: Whether it is so because pages were asked for.
        is_compared: Whether the sheet describes instructions or content, so that there is something to compare.
        changes: One per instruction; empty if the sheet has none, or nobody knows what is there.
        details: Differences of the batch's own details.
        relinks: Re-links that are proposed, not made.
        relinked: Ids by ref of the re-links that were accepted; they are written to the sheet.
        body: Body of the PUT, or of the PATCH with a layout; None if no instruction changes.
        refs: The ref of each item of *body*; "" for one that the sheet does not describe.
        patch: Body of the PATCH of the batch's own details; None if none changes.
        notes: What the researcher should know; stops nothing.
        obstacles: Why the plan cannot be pushed, whatever is consented to.
        fingerprint: 12 hexadecimal digits over all of it.
        published: Studies of the batch that are no drafts any more, as far as they are known here, each with its status.
    """

    batch_id: str
    batch_ref: str
    name: str
    status: str
    source: str
    form: Form
    is_form_asked: bool
    is_compared: bool
    changes: tuple[Change, ...]
    details: tuple[FieldChange, ...]
    relinks: tuple[Relink, ...]
    relinked: Mapping[str, str]
    body: dict[str, JSON] | None
    refs: tuple[str, ...]
    patch: dict[str, JSON] | None
    notes: tuple[str, ...]
    obstacles: tuple[str, ...]
    fingerprint: str
    published: tuple[str, ...] = ()

    @property
    def needs_push(self) -> bool:
        """Whether there is anything to send."""
        return self.body is not None or self.patch is not None

    @property
    def touches_tasks(self) -> bool:
        """Whether it changes more than the batch's name: what tasks are made from."""
        return self.body is not None or bool((self.patch or {}).keys() - {"name"})

    @property
    def changes_tasks_that_exist(self) -> bool:
        """Whether it changes what tasks have been made from: in every status that is not one before them."""
        return self.touches_tasks and self.status not in ("", "UNINITIALISED", "ERROR", "PROCESSING")

    @property
    def counts(self) -> dict[Kind, int]:
        """How many changes there are of each kind; an update that also moves counts as update."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in Kind}

    @property
    def deletes(self) -> tuple[Change, ...]:
        """The instructions that a push would delete."""
        return tuple(change for change in self.changes if change.kind is Kind.DELETE)

    @property
    def has_strangers(self) -> bool:
        """Whether the sheet names ids that the batch does not hold; what would be deleted then says nothing."""
        return any(change.kind is Kind.CREATE and change.id is not None for change in self.changes)

    @property
    def held_count(self) -> int:
        """How many instructions the batch holds now, as far as the plan deals with them."""
        return sum(change.existing_place is not None for change in self.changes)


def make_plan(
    batch: Batch,
    existing: Existing,
    *,
    relink: bool = False,
    only_sure: bool = False,
    as_pages: bool = False,
    cell_of: Callable[[str, str], str] = lambda ref, column: f"{ref} {column}",
) -> Plan:
    """
    Compare what the sheet says with what Prolific holds.

    Args:
        batch: The batch as the workbook describes it.
        existing: The batch as Prolific has it.
        relink: Whether rows without id get the ids of the instructions they look like.
        only_sure: Whether they get them only if there is nothing to decide; the others are proposed.
        as_pages: Whether a batch without pages, and without instructions, is laid out in pages.
        cell_of: Names the cell of a row, by its ref, and of a column.
    """
    beyond = [cell_of(row.ref, column) for row in batch.items for column in not_carried(row)]
    form = _form(existing, as_pages=as_pages, needs_pages=bool(beyond))
    found, tied = _find_relinks(batch.items, existing)
    relinked = {one.ref: one.id for one in found if relink and (one.is_sure or not only_sure)}
    rows = tuple(
        row.replace(id=relinked[row.ref]) if row.ref in relinked else row
        for row in (batch_items.in_order(batch.items) if form is Form.BATCH_ITEMS else batch.items)
    )
    laid = batch_items.lay_out(existing.pages or (), rows) if form is Form.BATCH_ITEMS and rows else None
    changes = _changes(existing, rows, laid)
    body, refs = _body(existing, rows, changes, laid)
    details, patch, lacking = _details(batch.details, existing)
    return Plan(
        batch_id=batch.batch_id,
        batch_ref=batch.ref,
        name=existing.name,
        status=existing.status,
        source=existing.source,
        form=form,
        is_form_asked=as_pages and existing.pages is None,
        is_compared=bool(rows),
        changes=changes,
        details=details,
        relinks=tuple(one for one in found if one.ref not in relinked),
        relinked=relinked,
        body=body,
        refs=refs,
        patch=patch,
        notes=(
            *_notes(existing, changes, body or patch),
            *_page_notes(existing, form, rows, changes, body=body, beyond=() if as_pages else beyond),
            *tied,
        ),
        obstacles=(
            *_form_obstacles(form, rows, body, beyond),
            *_crowded(laid, body, cell_of),
            *_obstacles(existing, form, rows, body, lacking),
        ),
        fingerprint=_fingerprint(
            {
                "batch": batch.batch_id,
                "wire": form,
                "held": repr(existing.held),
                "details": _fields(details),
                "body": body,
                "patch": patch,
                "relinked": relinked,
            }
        ),
    )


def _form(existing: Existing, *, as_pages: bool, needs_pages: bool) -> Form:
    """Return the wire form; a batch that holds nothing is given pages if the sheet needs them."""
    if existing.pages is not None or as_pages or (existing.held == () and needs_pages):
        return Form.BATCH_ITEMS
    return Form.INSTRUCTIONS


def _find_relinks(rows: Sequence[Item], existing: Existing) -> tuple[tuple[Relink, ...], tuple[str, ...]]:
    """Find the ids of rows that lost theirs: of instructions among instructions, of blocks among blocks."""
    found: tuple[Relink, ...] = ()
    notes: tuple[str, ...] = ()
    claimed = {row.id for row in rows}
    for is_block in (False, True):
        held = batch_items.to_blocks(existing.pages or ()) if is_block else existing.held or ()
        free = [one for one in held if one.id and one.id not in claimed]
        if free:
            lost = [to_sent(row) for row in rows if row.id is None and isinstance(row, Block) is is_block]
            find = find_block_relinks if is_block else find_relinks
            more, ties = find(lost, free)
            found, notes = found + more, notes + ties
    return found, notes


def _instructions(rows: Sequence[Item]) -> tuple[Instruction, ...]:
    return tuple(row for row in rows if not isinstance(row, Block))


def _changes(existing: Existing, rows: Sequence[Item], laid: batch_items.Laid | None) -> tuple[Change, ...]:
    """Return one change for each row, in order, and the deletes; none of the instructions if nobody knows them."""
    instructions = _instructions(rows)
    changes = compare(instructions, existing.held) if instructions and existing.held is not None else ()
    if laid is None:
        return changes
    pages = existing.pages or ()
    blocks = [row for row in rows if isinstance(row, Block)]
    if blocks:
        by_ref = {one.ref: one for one in (*changes, *compare_blocks(blocks, batch_items.to_blocks(pages)))}
        deletes = [one for one in changes if one.kind is Kind.DELETE]
        changes = (*(by_ref[row.ref] for row in rows if row.ref in by_ref), *deletes)
    if all(row.page is not None for row in rows):
        return with_places(changes, batch_items.moved(pages, laid.pages))
    return changes


def _body(
    existing: Existing, rows: Sequence[Item], changes: Sequence[Change], laid: batch_items.Laid | None
) -> tuple[dict[str, JSON] | None, tuple[str, ...]]:
    """Return what would be sent, None if nothing differs, and the ref of each of its items."""
    if laid is not None:
        is_same = laid.pages == batch_items.without_server_made(existing.pages or ())
        sent: list[JSON] = [*laid.pages]
        return (None, ()) if is_same else ({Form.BATCH_ITEMS.value: sent}, laid.refs)
    instructions = _instructions(rows)
    is_known = existing.held is not None
    if not instructions or (is_known and all(one.kind is Kind.KEEP for one in changes)):
        return None, ()
    return request_body(instructions), tuple(row.ref for row in instructions)


def _details(
    desired: BatchDetails, existing: Existing
) -> tuple[tuple[FieldChange, ...], dict[str, JSON] | None, tuple[str, ...]]:
    """Return what differs of the batch's own details, the PATCH body, and details nobody gives."""
    changes = []
    patch: dict[str, JSON] = {}
    if desired.name is not None and canonical(desired.name) != canonical(existing.name):
        changes.append(FieldChange("name", existing.name, desired.name))
        patch["name"] = desired.name
    texts = [
        FieldChange(name, existing.task_details.get(name, ""), text)
        for name, text in desired.task_details.items()
        if canonical(text) != canonical(existing.task_details.get(name, ""))
    ]
    # The API takes the three only together, so what the sheet leaves blank is sent as it is.
    merged = {**existing.task_details, **desired.task_details}
    if texts:
        together: dict[str, JSON] = {name: merged[name] for name in TASK_DETAILS if name in merged}
        patch["task_details"] = together
    if desired.dataset_id is not None and desired.dataset_id != (existing.dataset_id or "").lower():
        changes.append(FieldChange("dataset_id", existing.dataset_id or "", desired.dataset_id))
        patch["dataset_id"] = desired.dataset_id
    lacking = tuple(name for name in TASK_DETAILS if texts and name not in merged)
    return (*changes, *texts), patch or None, lacking


_STATUS_NOTES: Final = {
    "PROCESSING": "The batch is PROCESSING: Prolific is making tasks from its instructions now. A push waits until it is READY.",
    "READY": "The batch is READY: Prolific has made tasks from its instructions already, and nothing documents whether "
    "those take up a change. A push needs --tasks-exist. Look at a preview after it.",
    "ERROR": "The batch is in the state ERROR: Prolific could not make its tasks. Look at the batch in the Prolific app.",
}


def _notes(existing: Existing, changes: Sequence[Change], sent: object) -> list[str]:
    notes = [_STATUS_NOTES[existing.status]] if sent and existing.status in _STATUS_NOTES else []
    if existing.pages is None and any(change.is_moved for change in changes):
        notes.append(
            "Moves are counted against the order in which Prolific lists the instructions, which its documents do "
            "not promise to be the order that participants see."
        )
    return notes


def _obstacles(
    existing: Existing, form: Form, rows: Sequence[Item], body: object, lacking: Sequence[str]
) -> list[str]:
    """Say why the plan cannot be pushed, whatever is consented to."""
    found = []
    if lacking:
        found.append(
            "Prolific takes the task details only together, and neither the sheet nor the batch has "
            f"{' and '.join(lacking)}. Fill them in on the sheet Batches."
        )
    if body is None:
        return found
    if existing.held is None:
        found.append(
            "Nobody knows which instructions the batch holds, so a push would replace them unseen: Prolific does "
            "not list them, and the journal remembers no push of it whose outcome is known. Use a batch without instructions."
        )
    elif form is Form.BATCH_ITEMS and existing.pages is None and existing.held:
        found.append(
            f"The batch holds {len(existing.held)} instruction(s) and no pages, and nothing documents what becomes of them "
            "if it is given pages. Leave --pages out, or use a new batch."
        )
    else:
        found += _held_obstacles(existing, existing.held, form, rows)
    return found


def _page_notes(
    existing: Existing,
    form: Form,
    rows: Sequence[Item],
    changes: Sequence[Change],
    *,
    body: object,
    beyond: Sequence[str],
) -> list[str]:
    notes = []
    if form is Form.BATCH_ITEMS and existing.pages is None and body is not None and beyond:
        notes.append(f"The batch gets pages, because the sheet needs them ({named(beyond)}).")
    if (
        existing.pages is not None
        and any(one.is_moved for one in changes)
        and not any(row.page for row in rows)
    ):
        notes.append(
            "Instructions that change places take each other's: texts, images and columns stay where they are, so what stands "
            "beside an instruction may be another one now. Look at a preview after the push, or fill in page, row and column."
        )
    blocks = [row for row in rows if isinstance(row, Block)]
    kept = batch_items.without_row(existing.pages or (), blocks)
    if blocks and kept:
        notes.append(
            f"{kept} content block(s) on Prolific have no row in the sheet; they stay as they are. What is to go is deleted "
            "in the Prolific app."
        )
    return notes


def _form_obstacles(form: Form, rows: Sequence[Item], body: object, beyond: Sequence[str]) -> Iterator[str]:
    """Name the cells that the wire form has no field for."""
    # What Prolific holds already, and nobody sends, is in nobody's way; a list of instructions never holds a block or a page.
    is_sent = body is not None or any(isinstance(row, Block) or row.page is not None for row in rows)
    if beyond and is_sent and form is Form.INSTRUCTIONS:
        yield (
            f"The batch has instructions and no pages, and Prolific takes {len(beyond)} cell(s) of the sheet for batches made "
            f"of pages only ({named(beyond)}). Clear the cells, leave the rows out with a # before their ref, or use a new batch."
        )


def _crowded(
    laid: batch_items.Laid | None, body: object, cell_of: Callable[[str, str], str]
) -> Iterator[str]:
    refs = batch_items.crowded(laid) if laid is not None and body is not None else ()
    if refs:
        yield (
            f"A row of a page has one or two columns, and content of Prolific's may take one "
            f"({named(cell_of(ref, 'column') for ref in refs)}). Put something into another row."
        )


def _held_obstacles(existing: Existing, held: Sequence[Held], form: Form, rows: Sequence[Item]) -> list[str]:
    found = []
    known = {
        False: {one.id for one in held},
        True: {one.id for one in batch_items.to_blocks(existing.pages or ())},
    }
    strangers = [
        row.ref for row in rows if row.id is not None and row.id not in known[isinstance(row, Block)]
    ]
    if strangers:
        found.append(
            f"Prolific does not know the ids of {len(strangers)} instruction(s) in this batch ({named(strangers)}). "
            "If the sheet is a copy for another batch, or they were deleted on Prolific, clear their instruction_id "
            "cells to create them again; otherwise check the batch_id."
        )
    foreign = [one for one in held if one.cannot_carry and _would_lose(one, form, rows)]
    if foreign:
        names = named(f"{quote(one.content.description)}: {', '.join(one.cannot_carry)}" for one in foreign)
        found.append(
            f"Prolific holds {len(foreign)} instruction(s) with what this import cannot carry, and a push would lose "
            f"it ({names}). Edit this batch on Prolific, or remove it there first."
        )
    return found


def _would_lose(one: Held, form: Form, rows: Sequence[Item]) -> bool:
    """Whether a push loses what has no column: a PUT always, a layout only if the instruction's type changes."""
    types = {row.id: row.type for row in rows}
    return form is Form.INSTRUCTIONS or types.get(one.id, one.type) != one.type


def _fingerprint(seen: Mapping[str, object]) -> str:
    text = json.dumps(seen, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_DIGITS]


def with_published(plan: Plan, published: tuple[str, ...]) -> Plan:
    """Return a plan that knows which studies of its batch are published, and says so."""
    note = f"Published: {named(published)}. A push needs --published."
    return replace(plan, published=published, notes=(*plan.notes, note) if published else plan.notes)


def as_dict(plan: Plan) -> dict[str, JSON]:
    """Return the plan as plain JSON values, for `--json` and the journal."""
    changes: list[JSON] = [
        {
            **asdict(change),
            "kind": change.kind.value,
            "sign": change.kind.sign,
            "fields": _fields(change.fields),
        }
        for change in plan.changes
    ]
    return {
        "batch_id": plan.batch_id,
        "batch": plan.batch_ref,
        "name": plan.name,
        "status": plan.status,
        "source": plan.source,
        "wire_form": plan.form.value,
        "fingerprint": plan.fingerprint,
        "needs_push": plan.needs_push,
        "counts": {kind.value: count for kind, count in plan.counts.items()},
        "changes": changes,
        "details": _fields(plan.details),
        "relinks": [{"ref": one.ref, "id": one.id, "is_exact": one.is_exact} for one in plan.relinks],
        "relinked": dict(plan.relinked),
        "published": list(plan.published),
        "notes": list(plan.notes),
        "obstacles": list(plan.obstacles),
        "body": plan.body,
        "patch": plan.patch,
    }


def _fields(fields: Sequence[FieldChange]) -> list[JSON]:
    return [{"name": one.name, "existing": one.existing, "desired": one.desired} for one in fields]
