"""
What became of a PUT, or of the PATCH of a layout: taking ids from its answer, or from what Prolific holds now.

Both go through the same matcher. Without a usable answer there are three cases. Exactly what was
asked for: adopt its ids. Still what was there before, for longer than HOLD: send once more.
Neither, for longer than HOLD: somebody else wrote, or Prolific keeps something else than it is
sent, and a person has to look.

Source: measured with 20 % of the PUTs applied one second after their connection died: HOLD 0.3 s
created 44 of 200 batches twice, HOLD 1.5 s none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from importer.errors import OutcomeUnknown, ProlificError, TokenRefused, Unfinished
from importer.journal import Import, State
from importer.matching import (
    Assignment,
    MatchRefused,
    assign_ids,
    equals_before,
    ids_replaced,
    in_order_of_creation,
    loosened,
    named,
    rules_dropped,
)
from importer.prolific import parse_instructions, parse_layout
from importer.push.desk import Desk
from importer.push.giving_up import way_out
from importer.push.reading import Fetched, Items, fetch
from importer.wire.batch_items import ids_twice, is_same
from importer.wire.forms import (
    Form,
    entries,
    form_of,
    is_harmless_twice,
    is_layout,
    lies_as_sent,
    to_blocks,
    to_held,
    to_sent,
)
from importer.wire.instructions import ids_in_place

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.wire.instructions import Held, Sent

#: How often Prolific is asked while HOLD runs, in seconds.
POLL_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Look:
    """
    What Prolific holds now, beside what was sent and what was there before.

    Attributes:
        items: Its instructions or pages, as answered; None if it no longer lists them.
        count: How many it counts; None if it does not say.
        is_before: Whether it is what was there before, as far as one can see.
        is_settled: Whether waiting would tell nothing more: Prolific answered the PUT with the
            same; or it is what was there before, and sending once more would be harmless.
        found: The ids of what was sent, or why this is not what was sent.
    """

    items: Items | None
    count: int | None
    is_before: bool
    is_settled: bool
    found: Assignment | MatchRefused


def accept(desk: Desk, current: Import, raw: str) -> Import:
    """Take the ids from the answer through the matcher; an answer that does not fit is looked into."""
    try:
        items = _parse(current, raw)
        assignment = _assign(current, items)
    except (OutcomeUnknown, MatchRefused) as reason:
        desk.effects.tell(f"{reason} Looking at what Prolific holds now.")
        return desk.move(current, State.SENT, answer=raw, note=str(reason))
    return _acknowledge(desk, current, items, assignment, raw)


def _acknowledge(
    desk: Desk, current: Import, items: Items, assignment: Assignment, raw: str | None
) -> Import:
    return desk.move(
        current,
        State.ACKNOWLEDGED,
        answer=raw if raw is not None else current.answer,
        ids=dict(assignment.ids),
        after=items,
        note=" ".join(assignment.notes),
    )


def reconcile(desk: Desk, current: Import, *, may_resend: bool) -> Import:
    """
    Find out whether a PUT without a usable answer was applied.

    Args:
        desk: What a push needs within reach.
        current: The import, `sent`.
        may_resend: Whether this run may send it once more.

    Returns:
        The import, `acknowledged` with the ids found, or `planned` to be sent once more.

    Raises:
        Unfinished: Nobody can know yet (still `sent`), or a person has to look (`conflict`).
    """
    started = desk.effects.monotonic()
    while True:
        look = _look(desk, current)
        if look.items is not None and isinstance(look.found, Assignment) and not look.is_before:
            return _acknowledge(desk, current, look.items, look.found, None)
        watched_s = desk.effects.monotonic() - started
        left_s = _hold_left_s(desk, current, watched_s)
        # After the last send there is nothing to do but to wait, also for what is harmless twice.
        is_settled = look.is_settled and (may_resend or not look.is_before)
        if is_settled or left_s <= 0:
            return _decide(desk, current, look, may_resend)
        if not watched_s:
            holds = "what it held before" if look.is_before else "something else than was sent"
            desk.effects.tell(f"Prolific holds {holds}; the request may yet arrive. Waiting {left_s:.0f} s.")
        desk.effects.sleep(min(left_s, POLL_S))


def _decide(desk: Desk, current: Import, look: _Look, may_resend: bool) -> Import:
    """Say what becomes of an import whose request is not going to arrive any more."""
    if look.items is None and not look.is_before and not _is_harmless_twice(current):
        raise Unfinished(_unreadable(current, look.count))
    if look.items is not None and not look.is_before:
        raise _conflict(desk, current, look, _why_not(current, look))
    if look.is_before and _is_accepted(current) and not _is_harmless_twice(current):
        raise _conflict(
            desk, current, look, "Prolific accepted the push, but still holds what it held before."
        )
    if not may_resend:
        raise Unfinished(
            f"The batch {current.batch_id} was sent {current.attempts} times without a usable answer, and Prolific does "
            f"not hold what was sent. To send it once more: importer resume. {way_out(current.batch_id)}"
        )
    return desk.move(current, State.PLANNED, note="It was not applied; sending once more.")


def _look(desk: Desk, current: Import) -> _Look:
    try:
        fetched = fetch(desk, current.batch_id)
        now = None if fetched.items is None else to_held(fetched.items)
    except (ProlificError, TokenRefused) as refusal:
        raise Unfinished(
            f"The instructions of batch {current.batch_id} were sent, but nobody knows whether Prolific applied "
            f"them: {refusal} Run importer resume later. {way_out(current.batch_id)}"
        ) from refusal
    desk.effects.checkpoint("looked")
    if fetched.items is None or now is None:
        return _count_only(current, fetched)
    try:
        found: Assignment | MatchRefused = _assign(current, fetched.items)
    except MatchRefused as reason:
        found = reason
    # The matcher looks neither at order nor at spaces, so a push that changes nothing else fits
    # what was there before: only a list that has changed shows that it was applied.
    is_before = is_unchanged(current.before or [], fetched.items)
    if isinstance(found, Assignment):
        is_before = is_before and _ids(to_held(current.before or [])) == _ids(now)
    is_settled = _is_harmless_twice(current) if is_before else _is_answer(current, fetched.items)
    return _Look(fetched.items, fetched.count, is_before, is_settled, found)


def _count_only(current: Import, fetched: Fetched) -> _Look:
    """Look at the only thing that a batch still says when its instructions cannot be read."""
    counts = {_held_before(current), len(_sent(current))}
    is_before = fetched.count == _held_before(current) and len(counts) > 1
    gone = MatchRefused("Prolific no longer lists its instructions.")
    return _Look(None, fetched.count, is_before, not is_before or _is_harmless_twice(current), gone)


def is_unchanged(before: Items, now: Items) -> bool:
    """Whether Prolific still holds what it held: the same instructions, or the same layout."""
    if is_layout(before) or is_layout(now):
        return is_same(before, now)
    return equals_before(to_held(before), to_held(now))


def _held_before(current: Import) -> int:
    return len(to_held(current.before or []))


def _ids(held: Sequence[Held]) -> list[str]:
    return [one.id for one in held]


def _unreadable(current: Import, count: int | None) -> str:
    was_applied = count == len(_sent(current)) != _held_before(current)
    known = (
        f"Prolific applied them (it counts {count})"
        if was_applied
        else "nobody knows whether Prolific applied them"
    )
    return (
        f"The instructions of batch {current.batch_id} were sent, and {known}, but Prolific no longer lets them be read, so "
        "their ids are not in the workbook. Look at the batch in the Prolific app. If Prolific lists them again: importer resume. "
        f"{way_out(current.batch_id)}"
    )


def _hold_left_s(desk: Desk, current: Import, watched_s: float) -> float:
    """Seconds of HOLD that are left."""
    age_s = desk.at - current.sent_at if current.sent_at is not None else 0.0
    # A clock that went backwards says nothing about age; what we have watched ourselves does.
    return desk.hold_s - max(age_s, watched_s)


def _is_harmless_twice(current: Import) -> bool:
    return is_harmless_twice(body_of(current), current.refs)


def _parse(current: Import, raw: str) -> Items:
    is_pages = form_of(body_of(current)) is Form.BATCH_ITEMS
    return parse_layout(raw) if is_pages else parse_instructions(raw)


def _answered(current: Import) -> Items:
    """Return what Prolific answered with; a page or half an answer may be a proxy's."""
    try:
        items = _parse(current, current.answer or "")
        to_held(items)
    except OutcomeUnknown:
        return []
    return items


def _is_answer(current: Import, now: Items) -> bool:
    """Whether Prolific lists what it answered."""
    answered = _answered(current)
    return bool(answered) and is_unchanged(answered, now)


def _is_accepted(current: Import) -> bool:
    """Whether the answer listed more than what was there before, so that Prolific has acted on it."""
    answered = _answered(current)
    return bool(answered) and not is_unchanged(current.before or [], answered)


def _why_not(current: Import, look: _Look) -> str:
    sent, held = _sent(current), to_held(look.items or [])
    if replaced := ids_replaced(sent, held):
        return (
            f"Prolific did not keep the ids of {len(replaced)} instruction(s) ({named(replaced)}): it holds them under new ids, "
            "and answers given so far belong to the old ones. To go on with the new ids, clear the instruction_id of these "
            "rows and run importer push with --relink."
        )
    if dropped := rules_dropped(sent, held):
        return (
            f"Prolific took all of it but the validation of {len(dropped)} instruction(s) ({named(dropped)}): it may know none "
            "for a batch that takes a list of instructions. Clear their validation cells and run importer push with --relink; "
            "or use a new batch made of pages."
        )
    others = "" if look.is_settled else "Somebody else changed it at the same time, or "
    return f"{look.found} {others}Prolific keeps something else than it is sent."


def _conflict(desk: Desk, current: Import, look: _Look, reason: str) -> Unfinished:
    desk.move(current, State.CONFLICT, after=look.items, note=reason)
    holds = look.count if look.items is None else len(to_held(look.items))
    return Unfinished(
        f"The batch {current.batch_id} held {_held_before(current)} instruction(s) before, {len(_sent(current))} were sent, "
        f"and now it holds {holds}. {reason} The workbook was not touched. Run importer plan to see what a push "
        "would change now."
    )


def _assign(current: Import, answered: Items) -> Assignment:
    if not current.before and form_of(body_of(current)) is Form.INSTRUCTIONS and not is_layout(answered):
        new = ids_in_place(entries(body_of(current)), answered)
        if new is not None:
            return Assignment(dict(zip(current.refs, new, strict=True)))
    before = {one.id for one in to_held(current.before or [])}
    if is_layout(answered) and (twice := ids_twice(answered)):
        raise MatchRefused(f"Prolific's answer names an id more than once ({named(twice)}).")
    # A layout shows its order itself.
    listed = to_held(answered) if is_layout(answered) else in_order_of_creation(to_held(answered))
    found = assign_ids(_sent(current), listed, before=before)
    if not lies_as_sent(body_of(current), answered):
        raise MatchRefused("Prolific lays out the batch in another way than was sent.")
    ids = dict(found.ids)
    for one, held in to_blocks(body_of(current), current.refs, answered):
        if loosened(one.content) != loosened(held.content):
            raise MatchRefused(f"Prolific holds something else for {one.ref} than was sent.")
        ids |= {one.ref: held.id} if held.id else {}
    return replace(found, ids=ids)


def _sent(current: Import) -> tuple[Sent, ...]:
    return to_sent(body_of(current), current.refs)


def body_of(current: Import) -> dict[str, JSON]:
    """Return the body of an import that has one: of the PUT, or of the PATCH of a layout."""
    if current.body is None:
        raise AssertionError("an import without a body is never sent")
    return current.body
