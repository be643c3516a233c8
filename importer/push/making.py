"""
Making something on Prolific that would be there twice if it were sent twice: the order of effects.

The same states as an import, and the same rule: `sent` is committed before the first byte leaves,
the id before the workbook is touched. After a lost answer Prolific is asked for what has the same name
and content, and was not there before. Found once: that is it. Found twice, or something that has
only the name: a person has to look. Not found for longer than HOLD: it is sent once more.
Datasets cannot be listed, so after a lost answer a person has to look there, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from importer.errors import (
    JournalRefused,
    OutcomeUnknown,
    ProlificError,
    RateLimited,
    Rejected,
    TokenRefused,
    Unfinished,
    Unreachable,
    WriteRefused,
)
from importer.journal import Creation, Journal, Made, State
from importer.problems import quote
from importer.prolific.making import made_id
from importer.push.delivery import deliver_made
from importer.push.desk import Desk, locked
from importer.push.submitter import MAX_SENDS, try_often
from importer.wire.making import has_same_name, is_same_batch, is_same_study

if TYPE_CHECKING:
    from importer.model import JSON

#: How often Prolific is asked while HOLD runs, or until something is ready, in seconds.
POLL_S: Final = 5.0
#: What has an id of its own, which goes into the workbook.
WRITTEN_BACK: Final = frozenset({Made.DATASET, Made.BATCH, Made.STUDY})
_UNTOUCHED: Final = "UNINITIALISED"


@dataclass(frozen=True, slots=True)
class _Found:
    """
    What Prolific holds that may be what was sent.

    Attributes:
        same: Ids of what has the same name and content.
        near: Ids of what has the same name only.
    """

    same: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What is to be made.

    Attributes:
        kind: What it is.
        ref: The short name of its row in the workbook.
        home: The id of what it is made in: a workspace, a project, a dataset, a batch.
        body: What is sent.
    """

    kind: Made
    ref: str
    home: str
    body: Mapping[str, JSON]


# ---------------------------------------------------------------- what is asked of Prolific
def namesakes(desk: Desk, wanted: Wanted) -> tuple[str, ...]:
    """Return the ids of what bears the name already; none of what cannot be listed."""
    listed = _listed(desk, wanted.kind, wanted.home)
    return tuple(str(item["id"]).lower() for item in listed if has_same_name(wanted.body, item))


def _listed(desk: Desk, kind: Made, home: str) -> list[dict[str, Any]]:
    if kind is Made.BATCH:
        return desk.prolific.list_batches(home)
    return desk.prolific.list_studies(home) if kind is Made.STUDY else []


def _find(desk: Desk, current: Creation) -> _Found:
    """Look for what was sent, among what was not there before."""
    if current.kind is Made.UPLOAD:
        is_there = desk.prolific.get_dataset_status(current.home) != _UNTOUCHED
        return _Found(same=(current.home,) * is_there)
    if current.kind is Made.SETUP:
        is_there = desk.prolific.get_batch_status(current.home) != _UNTOUCHED
        return _Found(same=(current.home,) * is_there)
    known = {*current.before, *desk.journal.made_ids(current.kind)}
    items = [
        item
        for item in _listed(desk, current.kind, current.home)
        if str(item["id"]).lower() not in known and has_same_name(current.body, item)
    ]
    if current.kind is Made.STUDY:  # a list says neither whose it is, nor of which batch
        items = [desk.prolific.get_study(str(item["id"])) for item in items]
    is_same = is_same_batch if current.kind is Made.BATCH else is_same_study
    same = tuple(str(item["id"]).lower() for item in items if is_same(current.body, item))
    near = tuple(str(item["id"]).lower() for item in items if not is_same(current.body, item))
    return _Found(same, near)


def _post(desk: Desk, current: Creation) -> str:
    """Send it, and return the id that Prolific gave; raises what the client raises."""
    prolific, body = desk.prolific, current.body
    match current.kind:
        case Made.UPLOAD:
            prolific.upload(current.home, Path(str(body["file"])))
            return current.home
        case Made.SETUP:
            prolific.set_up_batch(current.home, body)
            return current.home
        case Made.DATASET:
            raw = prolific.create_dataset(body)
        case Made.BATCH:
            raw = prolific.create_batch(body)
        case Made.STUDY:
            raw = prolific.create_study(body)
    found = made_id(raw)
    if found in current.before:
        raise OutcomeUnknown("Prolific's answer is one to an earlier request.")
    return found


# ---------------------------------------------------------------- the order of effects
def make(desk: Desk, workbook: Path, wanted: Wanted) -> Creation:
    """
    Make something on Prolific, once.

    Args:
        desk: What a push needs within reach; the workbook's lock is held by the caller.
        workbook: Whose row it is.
        wanted: What it is.

    Returns:
        The creation, `acknowledged`.

    Raises:
        TokenRefused, Unreachable, RateLimited: Nothing was made; now `cancelled`.
        Rejected: Prolific refused; now `rejected`.
        Unfinished: Sent, but the outcome is unknown (still `sent`), or a person has to look (`conflict`).
        JournalRefused: Something of the same name is on its way there already.
    """
    kind, home, body = wanted.kind, wanted.home, wanted.body
    with locked(desk.state, [_lock(kind, home, body)], shown=f"a new {kind}"):
        _refuse_rivals(desk, workbook, wanted)
        new = Creation(
            id=desk.effects.new_id(),
            kind=kind,
            ref=wanted.ref,
            workbook=str(workbook),
            home=home,
            body=body,
            before=namesakes(desk, wanted),
            state=State.PLANNED,
            created_at=desk.at,
            updated_at=desk.at,
        )
        current = desk.journal.start_creation(new)
        desk.effects.checkpoint(f"{kind}:planned")
        return _bring(desk, current)


def _lock(kind: Made, home: str, body: Mapping[str, JSON]) -> str:
    name = f"{kind} {home} {body.get('name', '')}"
    return f"made-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _refuse_rivals(desk: Desk, workbook: Path, wanted: Wanted) -> None:
    """Refuse while something of the same name is on its way, or in doubt: nobody could tell the two apart."""
    for rival in desk.journal.unsettled_creations():
        # Another row of this workbook, whose id only waits to be written with those of its sheet.
        if rival.made_id and rival.workbook == str(workbook) and rival.ref != wanted.ref:
            continue
        if (rival.kind, rival.home) == (wanted.kind, wanted.home) and has_same_name(rival.body, wanted.body):
            doubt = (
                f" {rival.note}" if rival.state is State.CONFLICT else " Finish that first: importer resume."
            )
            raise JournalRefused(
                f"{_title(rival)} was begun already, from {rival.workbook}, and is not settled ({rival.state}).{doubt} "
                f"{_way_out(rival)} Nothing was sent."
            )


def _bring(desk: Desk, current: Creation) -> Creation:
    earlier = current.attempts
    while current.state in (State.PLANNED, State.SENT):
        if current.state is State.PLANNED:
            current = _send(desk, current)
        else:
            current = _reconcile(desk, current, may_resend=current.attempts - earlier < MAX_SENDS)
    return current


def _send(desk: Desk, current: Creation) -> Creation:
    """Commit `sent`, then send it, once."""

    def once() -> Creation:
        nonlocal current
        if current.state is State.PLANNED:
            current = _move(desk, current, State.SENT, attempts=current.attempts + 1, sent_at=desk.at)
        try:
            found = _post(desk, current)
        except (Unreachable, RateLimited) as refusal:
            # Provably without effect, so the journal may forget that it was sent.
            current = _move(desk, current, State.PLANNED, attempts=current.attempts - 1, note=str(refusal))
            raise
        desk.effects.checkpoint(f"{current.kind}:answered")
        return _move(desk, current, State.ACKNOWLEDGED, made_id=found)

    try:
        done = try_often(desk, once)
    except Rejected as refusal:
        _move(desk, current, State.REJECTED, note=str(refusal))
        raise
    except OutcomeUnknown as refusal:
        desk.effects.tell(f"{refusal} Looking for {_title(current)} on Prolific.")
        return _move(desk, current, State.SENT, note=str(refusal))
    except (ProlificError, TokenRefused) as refusal:
        _move(desk, current, State.CANCELLED, note=str(refusal))
        raise
    assert isinstance(done, Creation)  # noqa: S101 - `once` returns nothing else
    return done


def _reconcile(desk: Desk, current: Creation, *, may_resend: bool) -> Creation:
    """
    Find out whether something was made without a usable answer.

    Raises:
        Unfinished: Nobody can know, or not yet (still `sent`); or a person has to look (`conflict`).
    """
    if current.kind is Made.DATASET:
        raise Unfinished(
            f"{_title(current)} was sent, and nobody knows whether it was made: Prolific does not list datasets. Look for "
            "it in the Prolific app. If it is there, put its id into the sheet Datasets; if not, importer setup makes it. "
            f"Before either, run: importer resume --give-up {current.id}"
        )
    started = desk.effects.monotonic()
    while True:
        found = _look(desk, current)
        if len(found.same) == 1:
            note = "Its answer was lost; it was found again by its name and content."
            return _move(desk, current, State.ACKNOWLEDGED, made_id=found.same[0], note=note)
        if found.same or found.near:
            raise _conflict(desk, current, found)
        watched_s = desk.effects.monotonic() - started
        age_s = desk.at - (current.sent_at or 0.0)
        # A clock that went backwards says nothing about age; what we have watched ourselves does.
        left_s = desk.hold_s - max(age_s, watched_s)
        if left_s <= 0:
            break
        if not watched_s:
            desk.effects.tell(f"{_title(current)} is not there; it may yet arrive. Waiting {left_s:.0f} s.")
        desk.effects.sleep(min(left_s, POLL_S))
    if not may_resend:
        raise Unfinished(
            f"{_title(current)} was sent {current.attempts} times without a usable answer, and is not there. "
            f"To send it once more: importer resume. {_way_out(current)}"
        )
    return _move(desk, current, State.PLANNED, note="It was not made; sending once more.")


def _look(desk: Desk, current: Creation) -> _Found:
    try:
        return _find(desk, current)
    except (ProlificError, TokenRefused) as refusal:
        raise Unfinished(
            f"{_title(current)} was sent, and nobody knows whether it was made: {refusal} Then run: importer resume. "
            f"{_way_out(current)}"
        ) from refusal


def _conflict(desk: Desk, current: Creation, found: _Found) -> Unfinished:
    ids = ", ".join((*found.same, *found.near))
    what = "several that are alike" if found.same else "one of the same name, but with another content"
    note = f"Prolific holds {what} ({ids})."
    _move(desk, current, State.CONFLICT, note=note)
    return Unfinished(
        f"{_title(current)} was sent without a usable answer, and nobody can tell which one it is: {note} Look at them in "
        "the Prolific app, and put the id of the right one into the workbook. Then run importer setup again."
    )


def _move(desk: Desk, current: Creation, to: State, **values: Any) -> Creation:
    try:
        moved = desk.journal.move_creation(current, to, at=desk.at, **values)
    except JournalRefused as refusal:
        if current.state is State.PLANNED:
            raise
        raise Unfinished(f"{refusal} {_title(current)} has been sent. Then run: importer resume") from refusal
    desk.effects.checkpoint(f"{current.kind}:{to}")
    return moved


def _title(current: Creation) -> str:
    words: dict[Made, str] = {
        Made.UPLOAD: f"The file of the dataset {current.home}",
        Made.SETUP: f"The setup of the batch {current.home}",
    }
    return words.get(current.kind, f"The new {current.kind} {quote(current.name)}")


def _way_out(current: Creation) -> str:
    return f"If nothing else helps: importer resume --give-up {current.id}"


# ---------------------------------------------------------------- back into the workbook
def write_made(desk: Desk, path: Path, made: Sequence[Creation]) -> None:
    """
    Write the ids of what was made into its workbook, and end it.

    Raises:
        Unfinished: The workbook cannot be written now (still `acknowledged`), or a row is gone.
    """
    waiting = [one for one in made if one.state is State.ACKNOWLEDGED and one.kind in WRITTEN_BACK]
    for one in made:
        if one.state is State.ACKNOWLEDGED and one.kind not in WRITTEN_BACK:
            _move(desk, one, State.WRITTEN, note=one.note)
    if not waiting:
        return
    try:
        delivered = deliver_made(
            path,
            waiting,
            backups=desk.state / "backups",
            now=desk.effects.now(),
            checkpoint=desk.effects.checkpoint,
        )
    except WriteRefused as reason:
        raise Unfinished(
            f"{reason} {_listing(waiting)} on Prolific, and the ids are safe in the journal. Then run: importer resume. "
            f"{_way_out(waiting[0])}"
        ) from reason
    desk.effects.checkpoint("made-written")
    lost = [one for one in waiting if one.id in delivered.homeless]
    for one in waiting:
        note = f"{one.note} No row was found for it.".strip() if one in lost else one.note
        _move(desk, one, State.WRITTEN, note=note)
    if lost:
        raise Unfinished(
            f"{_listing(lost)} on Prolific, but the workbook was changed meanwhile and has no row for it, or another id "
            "there. Put the id where it belongs, then run importer setup again."
        )


def _listing(made: Sequence[Creation]) -> str:
    names = ", ".join(f"the {one.kind} {quote(one.name)} ({one.made_id})" for one in made)
    return f"{names[0].upper()}{names[1:]} {'is' if len(made) == 1 else 'are'}"


# ---------------------------------------------------------------- picking up, and ending
def resume_made(desk: Desk, path: Path, made: Sequence[Creation]) -> tuple[Creation, ...]:
    """
    Bring what an earlier run left open in one workbook as far as it goes.

    What was never sent is cancelled: the next `importer setup` makes it, if it is still wanted.

    Returns:
        The creations, as the journal now has them.

    Raises:
        JournalRefused: Another importer works on the workbook.
        Unfinished: As for `make` and `write_made`; what could be finished is finished.
    """
    refusals: list[Unfinished] = []
    with locked(desk.state, [workbook_lock(path)], shown=path.name):
        for one in (desk.journal.creation(old.id) for old in made):
            try:
                _go_on(desk, one)
            except Unfinished as refusal:
                refusals.append(refusal)
        try:
            write_made(desk, path, [desk.journal.creation(old.id) for old in made])
        except Unfinished as refusal:
            refusals.append(refusal)
    if refusals:
        raise Unfinished("\n".join(map(str, refusals)))
    return tuple(desk.journal.creation(old.id) for old in made)


def _go_on(desk: Desk, one: Creation) -> None:
    if one.state is State.PLANNED:
        _move(desk, one, State.CANCELLED, note="Nothing was sent.")
    elif one.state is State.SENT:
        with locked(desk.state, [_lock(one.kind, one.home, one.body)], shown=f"a new {one.kind}"):
            try:
                _bring(desk, desk.journal.creation(one.id))
            except (ProlificError, TokenRefused) as refusal:  # it was not made, and that is settled
                desk.effects.tell(f"{_title(one)}: {refusal}")


def find_unsettled(journal: Journal, creation_id: str) -> Creation | None:
    """Return what a person names by its id, if it is open or in doubt."""
    wanted = creation_id.strip().lower()
    return next((one for one in journal.unsettled_creations() if one.id == wanted), None)


def give_up_made(desk: Desk, one: Creation) -> Creation:
    """
    End something that can never be finished; what was sent less than HOLD ago is waited for first.

    Raises:
        JournalRefused: Another importer works on its workbook, or has moved it on.
    """
    with locked(desk.state, [workbook_lock(Path(one.workbook))], shown=Path(one.workbook).name):
        return _give_up(desk, one)


def _give_up(desk: Desk, one: Creation) -> Creation:
    if one.state is State.SENT and (left_s := desk.hold_s - max(desk.at - (one.sent_at or 0.0), 0.0)) > 0:
        desk.effects.tell(f"The request may yet arrive. Waiting {left_s:.0f} s.")
        desk.effects.sleep(left_s)
    return _move(desk, one, State.GIVEN_UP, note=outlook(one))


def outlook(one: Creation) -> str:
    """Say what is true once something is given up, in a researcher's words."""
    if one.state is State.PLANNED:
        return "Given up. Nothing was sent."
    if one.made_id:
        return (
            f"Given up. {_title(one)} is on Prolific under the id {one.made_id}; only the workbook lacks it."
        )
    return (
        f"Given up. {_title(one)} was sent, and nobody knows whether it was made. importer setup would make it "
        "anew while its row has no id."
    )


def workbook_lock(path: Path) -> str:
    """Return the name of the lock that keeps two runs from making the same rows of a workbook."""
    return f"workbook-{hashlib.sha256(str(path).encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"
