"""
What became of a PUT: taking ids from its answer, or from what Prolific holds now.

Both go through the same matcher. Without a usable answer there are three cases. Exactly what was
asked for: adopt its ids. Still what was there before, for longer than HOLD: send once more.
Neither, for longer than HOLD: somebody else wrote, or Prolific keeps something else than it is
sent, and a person has to look.

Source: measured with 20 % of the PUTs applied one second after their connection died: HOLD 0.3 s
created 44 of 200 batches twice, HOLD 1.5 s none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from importer.errors import OutcomeUnknown, ProlificError, TokenRefused, Unfinished
from importer.journal import Import, State
from importer.matching import Assignment, MatchRefused, assign_ids, equals_before, ids_replaced, named
from importer.model import Instruction
from importer.prolific import parse_instructions
from importer.push.desk import Desk
from importer.push.existing import to_held
from importer.push.giving_up import way_out
from importer.push.reading import Fetched, Items, fetch

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.wire.instructions import Held

#: How often Prolific is asked while HOLD runs, in seconds.
POLL_S: Final = 5.0

_INSTRUCTION: Final[TypeAdapter[Instruction]] = TypeAdapter(Instruction)


@dataclass(frozen=True, slots=True)
class _Look:
    """
    What Prolific holds now, beside what was sent and what was there before.

    Attributes:
        items: Its instructions, as answered; None if it no longer lists them.
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
        items = parse_instructions(raw)
        assignment = _assign(current, to_held(items))
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
    before = to_held(current.before or [])
    try:
        fetched = fetch(desk, current.batch_id)
        now = None if fetched.items is None else to_held(fetched.items)
    except (ProlificError, TokenRefused) as refusal:
        raise Unfinished(
            f"The instructions of batch {current.batch_id} were sent, but nobody knows whether Prolific applied "
            f"them: {refusal} Run importer resume later. {way_out(current.batch_id)}"
        ) from refusal
    desk.effects.checkpoint("looked")
    if now is None:
        return _count_only(current, fetched)
    try:
        found: Assignment | MatchRefused = _assign(current, now)
    except MatchRefused as reason:
        found = reason
    # The matcher looks neither at order nor at spaces, so a push that changes nothing else fits
    # what was there before: only a list that has changed shows that it was applied.
    fits = isinstance(found, Assignment)
    is_before = equals_before(before, now) and (not fits or _ids(before) == _ids(now))
    is_settled = _is_harmless_twice(current) if is_before else _is_answer(current, now)
    return _Look(fetched.items, fetched.count, is_before, is_settled, found)


def _count_only(current: Import, fetched: Fetched) -> _Look:
    """Look at the only thing that a batch still says when its instructions cannot be read."""
    counts = {len(current.before or []), len(current.refs)}
    is_before = fetched.count == len(current.before or []) and len(counts) > 1
    gone = MatchRefused("Prolific no longer lists its instructions.")
    return _Look(None, fetched.count, is_before, not is_before or _is_harmless_twice(current), gone)


def _ids(held: Sequence[Held]) -> list[str]:
    return [one.id for one in held]


def _unreadable(current: Import, count: int | None) -> str:
    was_applied = count == len(current.refs) != len(current.before or [])
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
    return all("id" in item for item in _items(current))


def _answered(current: Import) -> tuple[Held, ...]:
    """Return the instructions that Prolific answered with; a page or half an answer may be a proxy's."""
    try:
        return to_held(parse_instructions(current.answer or ""))
    except OutcomeUnknown:
        return ()


def _is_answer(current: Import, now: Sequence[Held]) -> bool:
    """Whether Prolific lists what it answered."""
    answered = _answered(current)
    return bool(answered) and equals_before(answered, now)


def _is_accepted(current: Import) -> bool:
    """Whether the answer listed more than what was there before, so that Prolific has acted on the PUT."""
    answered = _answered(current)
    return bool(answered) and not equals_before(to_held(current.before or []), answered)


def _why_not(current: Import, look: _Look) -> str:
    replaced = ids_replaced(_sent(current), to_held(look.items or []))
    if not replaced:
        others = "" if look.is_settled else "Somebody else changed it at the same time, or "
        return f"{look.found} {others}Prolific keeps something else than it is sent."
    return (
        f"Prolific did not keep the ids of {len(replaced)} instruction(s) ({named(replaced)}): it holds them under new ids, "
        "and answers given so far belong to the old ones. To go on with the new ids, clear the instruction_id of these "
        "rows and run importer push with --relink."
    )


def _conflict(desk: Desk, current: Import, look: _Look, reason: str) -> Unfinished:
    desk.move(current, State.CONFLICT, after=look.items, note=reason)
    holds = look.count if look.items is None else len(look.items)
    return Unfinished(
        f"The batch {current.batch_id} held {len(current.before or [])} instruction(s) before, {len(current.refs)} were sent, "
        f"and now it holds {holds}. {reason} The workbook was not touched. Run importer plan to see what a push "
        "would change now."
    )


def _assign(current: Import, held: Sequence[Held]) -> Assignment:
    before = {one.id for one in to_held(current.before or [])}
    return assign_ids(_sent(current), held, before=before)


def _sent(current: Import) -> list[Instruction]:
    return [
        _INSTRUCTION.validate_python({"ref": ref, **item})
        for ref, item in zip(current.refs, _items(current), strict=True)
    ]


def body_of(current: Import) -> dict[str, JSON]:
    """Return the PUT's body of an import that has one."""
    if current.body is None:
        raise AssertionError("an import without a body is never sent")
    return current.body


def _items(current: Import) -> list[Mapping[str, JSON]]:
    items = body_of(current)["instructions"]
    assert isinstance(items, list)  # noqa: S101 - we built it
    return [item for item in items if isinstance(item, dict)]
