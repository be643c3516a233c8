"""
Giving up: the way out of an import that can never be finished.

A workbook that was deleted, or a batch that Prolific no longer lists, keeps an import open for
ever, and an open import keeps every push of its batch back. Here a person ends it. Nothing is sent;
owns what is true then, which goes into the journal as the import's note.
"""

from __future__ import annotations

from collections.abc import Sequence

from importer.errors import UsageError
from importer.journal import Import, Journal, State
from importer.push.desk import Desk, locked


def way_out(batch_id: str) -> str:
    """Return what ends a sentence about an import that stays open."""
    return f"If nothing else helps: importer resume --give-up {batch_id}"


def find_open(journal: Journal, name: str) -> tuple[Import, ...]:
    """
    Return the open imports that a person names, oldest first.

    Args:
        journal: The open journal.
        name: The id of an import, or of a batch, which stands for all its open imports.

    Raises:
        UsageError: No open import has it.
    """
    wanted = name.strip().lower()
    found = tuple(one for one in journal.open_imports() if wanted in {one.id, one.batch_id})
    if not found:
        raise UsageError(
            f"Nothing that is open has the id {name}. Run importer status to see the batches with open imports."
        )
    return found


def give_up(desk: Desk, imports: Sequence[Import]) -> tuple[Import, ...]:
    """
    End open imports where they stand; what was sent less than HOLD ago is waited for first.

    Returns:
        The imports as the journal now has them: `given-up`, or `cancelled` if Prolific has not
        taken their instructions.

    Raises:
        JournalRefused: Another importer works on one of the batches, or has done.
        Unfinished: The same, of an import that was sent.
    """
    with locked(desk.state, [one.batch_id for one in imports]):
        _let_arrive(desk, imports)
        return tuple(desk.move(one, _end_of(one), note=outlook(one)) for one in imports)


def _let_arrive(desk: Desk, imports: Sequence[Import]) -> None:
    """Wait until no request is under way any more: after the next plan it would be applied unseen."""
    ages_s = [desk.at - (one.sent_at or 0.0) for one in imports if one.state is State.SENT]
    # A clock that went backwards says nothing about age, and must not make anybody wait for longer.
    left_s = max((desk.hold_s - max(age_s, 0.0) for age_s in ages_s), default=0.0)
    if left_s > 0:
        desk.effects.tell(f"The request may yet arrive. Waiting {left_s:.0f} s.")
        desk.effects.sleep(left_s)


def _end_of(one: Import) -> State:
    return State.CANCELLED if one.state in {State.NEW, State.PLANNED} else State.GIVEN_UP


def outlook(one: Import) -> str:
    """Say what is true once an open import is given up, in a researcher's words."""
    if one.state in {State.NEW, State.PLANNED}:
        details = "" if one.patch is None else " The batch's own details may have been changed already."
        return f"Given up. Prolific has not taken its instructions.{details}"
    if one.state is State.SENT:
        return (
            f"Given up. {sum(map(bool, one.refs))} instruction(s) were sent, and nobody knows whether Prolific applied them; new ones "
            "may be there under ids that no workbook has. Look at importer plan before you push again: rows that look "
            "like what Prolific lists can keep its ids with --relink."
        )
    if not one.ids:
        return "Given up. Prolific has what was sent; only the status is not in the workbook."
    return (
        f"Given up. Prolific has the instructions, and the journal keeps their {len(one.ids)} id(s), but the workbook may "
        "lack them. importer plan, of the workbook under any name, proposes them for the rows that they belong to; "
        "--relink puts them there."
    )
