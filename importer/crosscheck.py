"""
What one workbook cannot know: whether another one claims the same batch or the same instruction.

A claim is a cell that names an id. The claims of a whole run lie in a temporary database, so that
ten thousand workbooks take no more memory than ten, and whoever checks a part of them at a time
still finds what two parts share.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from importer.limits import MAX_LISTED
from importer.places import Claim
from importer.problems import Problem, problem, quote

#: Ids that the journal is asked for at once; SQLite takes no more than 999 values in a statement.
_ASKED_AT_ONCE: Final = 500

Owners = Callable[[Sequence[str]], Mapping[str, str]]


_SCHEMA: Final = """
CREATE TABLE claims (
    number INTEGER PRIMARY KEY, workbook INTEGER, column TEXT, id TEXT, batch_id TEXT, sheet TEXT, cell TEXT,
    ref TEXT, text TEXT
);
CREATE INDEX claims_by_id ON claims (column, id, workbook);
"""
_FIELDS: Final = "workbook, column, id, batch_id, sheet, cell, ref, text"
#: Claims with the first one of the same id in another workbook.
_SHARED: Final = f"""
SELECT mine.{_FIELDS.replace(", ", ", mine.")}, theirs.{_FIELDS.replace(", ", ", theirs.")}
FROM (
    SELECT column, id FROM claims WHERE column = ? GROUP BY id HAVING COUNT(DISTINCT workbook) > 1
) AS shared
JOIN claims AS mine ON mine.column = shared.column AND mine.id = shared.id
JOIN claims AS theirs ON theirs.number = (
    SELECT MIN(number) FROM claims
    WHERE column = mine.column AND id = mine.id AND workbook <> mine.workbook
)
ORDER BY mine.number
"""  # noqa: S608 - names of ours


class Claims:
    """The claims of a run."""

    def __init__(self) -> None:
        # "" is a file that SQLite removes itself, and holds in memory while it is small.
        self._db = sqlite3.connect("", check_same_thread=False)
        self._db.executescript(_SCHEMA)
        # The name of a file need not be a text that a database takes.
        self._names: list[str] = []

    def close(self) -> None:
        """Forget them."""
        self._db.close()

    def add(self, workbook: str, claims: Iterable[Claim]) -> None:
        """Remember what a workbook claims; workbooks come in the order in which they are reported."""
        self._names.append(workbook)
        number = len(self._names) - 1
        self._db.executemany(
            f"INSERT INTO claims ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            ((number, c.column, c.id, c.batch_id, c.sheet, c.cell, c.ref, c.text) for c in claims),
        )

    def problems(self, owners: Owners) -> Iterator[Problem]:
        """
        Yield what is wrong between workbooks.

        A batch in two workbooks is reported in both: nobody knows which is meant. An id in two is
        reported in the later one, because a copy is usually named after its original; but where the
        journal knows whose the id is, the other one is the copy.

        Args:
            owners: Gives the batch of each of some instruction ids, as far as the journal knows.
        """
        twice = set()
        for mine, claim, theirs, other in self._shared("batch_id"):
            twice.add((mine, claim.id))
            yield _shared_batch(mine, claim, theirs, other)
        strangers = list(self._strangers(owners))
        copied = {(workbook, claim.id) for workbook, claim, _ in strangers}
        yield from _first_of(_stranger(*one) for one in strangers)
        yield from _first_of(
            _shared_id(mine, claim, theirs, other)
            for mine, claim, theirs, other in self._later("instruction_id")
            # A batch in two places is one problem, not one for each of its ids.
            if (mine, claim.batch_id) not in twice
            and copied.isdisjoint({(mine, claim.id), (theirs, other.id)})
        )

    def _later(self, column: str) -> Iterator[tuple[str, Claim, str, Claim]]:
        """Yield what `_shared` does but for the first claim of each id."""
        seen = set()
        for mine, claim, theirs, other in self._shared(column):
            if claim.id in seen:
                yield mine, claim, theirs, other
            seen.add(claim.id)

    def _shared(self, column: str) -> Iterator[tuple[str, Claim, str, Claim]]:
        for row in self._db.execute(_SHARED, (column,)):
            yield self._names[row[0]], Claim(*row[1:8]), self._names[row[8]], Claim(*row[9:])

    def _strangers(self, owners: Owners) -> Iterator[tuple[str, Claim, str]]:
        """Yield claims of instructions that belong to another batch, with the id of that."""
        rows = self._db.execute(
            f"SELECT {_FIELDS} FROM claims WHERE column = 'instruction_id' AND batch_id <> ''"  # noqa: S608
            " ORDER BY number"
        )
        while some := [(self._names[row[0]], Claim(*row[1:])) for row in islice(rows, _ASKED_AT_ONCE)]:
            known = owners([claim.id for _, claim in some])
            for workbook, claim in some:
                owner = known.get(claim.id, claim.batch_id)
                if owner != claim.batch_id:
                    yield workbook, claim, owner


def _at(workbook: str, code: str, claim: Claim, **values: object) -> Problem:
    return problem(
        code,
        workbook,
        sheet=claim.sheet,
        cells=[claim.cell] if claim.cell else [],
        ref=claim.ref,
        column=claim.column,
        **values,
    )


def _shared_batch(workbook: str, claim: Claim, theirs: str, other: Claim) -> Problem:
    place = f"{theirs} › {other.place}" if other.place else theirs
    return _at(workbook, "batch-twice", claim, shown=quote(claim.text), first_place=place)


def _shared_id(workbook: str, claim: Claim, theirs: str, other: Claim) -> Problem:
    first_cell = f"{theirs} › {other.place}"
    return _at(
        workbook, "id-twice", claim, shown=quote(claim.text), first_cell=first_cell, first_ref=other.ref
    )


def _stranger(workbook: str, claim: Claim, owner: str) -> Problem:
    return _at(workbook, "id-of-other-batch", claim, other=owner, batch_id=claim.batch_id)


def _first_of(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield so many problems of each workbook, and how many more there are."""
    counts: Counter[str] = Counter()
    code = ""
    for one in problems:
        code = one.code
        counts[one.workbook] += 1
        if counts[one.workbook] <= MAX_LISTED:
            yield one
    for workbook, count in counts.items():
        if count > MAX_LISTED:
            more = count - MAX_LISTED
            yield problem(
                "more-of-these", workbook, column="instruction_id", count=more, listed=code, limit=MAX_LISTED
            )
