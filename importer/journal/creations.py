"""
What `importer setup` makes on Prolific, one row each: the same states and the same compare-and-set as imports.

`sent` is committed before the first byte of a POST leaves, `acknowledged` (with the id that Prolific
gave) before the workbook is touched.
"""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from importer.errors import JournalRefused
from importer.journal.states import OPEN, State

if TYPE_CHECKING:
    from importer.model import JSON


class Made(StrEnum):
    """What is made."""

    DATASET = "dataset"
    UPLOAD = "upload"  # the CSV file of a dataset
    BATCH = "batch"
    SETUP = "setup"  # the tasks of a batch
    STUDY = "study"  # as a draft


@dataclass(frozen=True, slots=True)
class Creation:
    """
    Something on its way to Prolific that will be there twice if it is sent twice.

    Attributes:
        id: Random, given by the caller.
        kind: What is made.
        ref: The short name of its row in the workbook; may be "".
        workbook: Absolute path.
        home: The id of what it is made in, and is looked for in: a workspace, a project, a dataset, a batch.
        body: What is sent.
        before: Ids of what was there already and has the same name.
        state: How far it has come.
        made_id: The id that Prolific gave; "" if it is not known.
        note: Why it stands where it stands, in a researcher's words.
        attempts: How many times it was sent.
        sent_at: When it was sent last, seconds since 1970.
        created_at: Seconds since 1970.
        updated_at: Seconds since 1970.
    """

    id: str
    kind: Made
    ref: str
    workbook: str
    home: str
    body: Mapping[str, JSON]
    before: tuple[str, ...]
    state: State
    created_at: float
    updated_at: float
    made_id: str = ""
    note: str = ""
    attempts: int = 0
    sent_at: float | None = None

    @property
    def name(self) -> str:
        """The name that it has, or will have, on Prolific; "" for what has none."""
        return str(self.body.get("name", ""))


# One text holds the rest: nothing is ever asked about it but all of what is open.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS creations (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    updated_at REAL NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS creations_by_state ON creations (state, updated_at);
"""


class Creations(ABC):
    """The creations in a journal; `importer.journal.Journal` is one."""

    @abstractmethod
    def _commit(self, work: Callable[[], object]) -> None: ...

    @abstractmethod
    def _run(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]: ...

    @abstractmethod
    def _read(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]: ...

    @abstractmethod
    def _refusal(self, error: Exception) -> JournalRefused: ...

    def creation(self, creation_id: str) -> Creation:
        """Return one creation; KeyError if there is none with this id."""
        found = self._creations("WHERE id = ?", (creation_id,))
        if not found:
            raise KeyError(creation_id)
        return found[0]

    def open_creations(self, *, workbooks: Collection[Path] | None = None) -> tuple[Creation, ...]:
        """Return what still has somewhere to go, oldest first; all, or of some workbooks."""
        states = ", ".join(f"'{state}'" for state in sorted(OPEN))
        found = self._creations(f"WHERE state IN ({states}) ORDER BY updated_at, id")
        names = None if workbooks is None else {str(path.resolve()) for path in workbooks}
        oldest_first = sorted(found, key=lambda one: one.created_at)
        return tuple(one for one in oldest_first if names is None or one.workbook in names)

    def unsettled_creations(self) -> tuple[Creation, ...]:
        """Return what is open, and what a person has to look at: nothing of its name can be made meanwhile."""
        found = self._creations(f"WHERE state = '{State.CONFLICT}'")
        return (*self.open_creations(), *found)

    def recent_creations(self, limit: int) -> tuple[Creation, ...]:
        """Return those touched last, newest first."""
        return tuple(self._creations("ORDER BY updated_at DESC, id LIMIT ?", (limit,)))

    def made_ids(self, kind: Made) -> frozenset[str]:
        """Return the ids of everything of a kind that was ever made from here."""
        return frozenset(one.made_id for one in self._creations("") if one.kind is kind and one.made_id)

    def studies_of(self, batch_id: str) -> tuple[str, ...]:
        """Return the ids of the studies of a batch that were made from here."""
        found = (one for one in self._creations("") if one.kind is Made.STUDY and one.made_id)
        return tuple(one.made_id for one in found if one.body.get("data_collection_id") == batch_id)

    def start_creation(self, new: Creation) -> Creation:
        """Record something that is to be made, and return it."""
        values = (new.id, new.state, new.updated_at, _text(new))
        sql = "INSERT INTO creations (id, state, updated_at, content) VALUES (?, ?, ?, ?)"
        self._commit(lambda: self._run(sql, values))
        return new

    def move_creation(self, current: Creation, to: State, *, at: float, **values: Any) -> Creation:
        """
        Move a creation from one state to the next, with what is known by then.

        Args:
            current: It must still be in its state.
            to: The state it gets.
            at: Seconds since 1970.
            values: Further attributes of `Creation` to set; the note is cleared if it is not given.

        Raises:
            JournalRefused: It is not in that state: another process has moved it.
        """
        moved = replace(current, **{"note": "", **values}, state=to, updated_at=at)

        def update() -> None:
            found = self._run(
                "UPDATE creations SET state = ?, updated_at = ?, content = ? WHERE id = ? AND state = ? RETURNING id",
                (to, at, _text(moved), current.id, current.state),
            )
            if not found:
                raise JournalRefused(
                    f"Another process has moved the creation {current.id} on. Run importer status to see how it stands."
                )

        self._commit(update)
        return moved

    def _creations(self, rest: str, values: Sequence[object] = ()) -> list[Creation]:
        rows = self._read(f"SELECT content FROM creations {rest}", values)  # noqa: S608 - *rest* is ours
        try:
            return [_creation(row["content"]) for row in rows]
        except (ValueError, TypeError) as error:  # neither JSON nor what we wrote
            raise self._refusal(ValueError(str(error))) from error


def _text(one: Creation) -> str:
    return json.dumps(asdict(one))


def _creation(text: str) -> Creation:
    content = json.loads(text)
    known = {
        "kind": Made(content["kind"]),
        "state": State(content["state"]),
        "before": tuple(content["before"]),
    }
    return Creation(**{**content, **known})
