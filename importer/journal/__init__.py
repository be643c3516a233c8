"""
The journal: which imports are on their way, and how far each has come.

An import is one batch of one workbook. Every transition is one committed compare-and-set on the
state, so two processes cannot both make it, and a crash leaves the last committed state behind.
The file lives in the local state folder, never beside the workbook: SQLite's log and a synced or
network folder do not go together. All SQL stands in this package, so that PostgreSQL can follow.

States: `new → planned → sent → acknowledged → written`, with exits `conflict`, `rejected`,
`cancelled` and `given-up`. `sent` is committed before the first byte of a PUT leaves, `acknowledged` (with the
answer) before the workbook is touched.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, Self

from importer.errors import JournalRefused
from importer.hands import aside
from importer.journal.creations import SCHEMA, Creation, Creations, Made
from importer.journal.states import OPEN, State

if TYPE_CHECKING:
    from importer.model import JSON

__all__ = ["BUSY_S", "OPEN", "Creation", "Import", "Journal", "Made", "Run", "State"]

#: How long a statement waits for another process's transaction, in seconds.
BUSY_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """
    One batch of one workbook on its way.

    Attributes:
        id: Random, given by the caller.
        batch_id: Prolific's id of the batch.
        batch_ref: The researcher's short name of the batch; may be "".
        workbook: Absolute path.
        sha256: Digest of the workbook's bytes that the plan was made from.
        state: How far it has come.
        before: The instructions or pages that Prolific held when the plan was made, as it answered; None if unknown.
        body: Of the PUT, `{"instructions": …}`, or of the PATCH of a layout, `{"batch_items": …}`; None if
            the instructions stay as they are.
        patch: Body of the PATCH of the batch's details; None if they stay as they are.
        refs: The ref of each item of *body*, in order; "" for one that the sheet does not describe.
        marks: What to write into `status`, by ref; "" stands for the batch's own row.
        fingerprint: Of the plan.
        answer: What Prolific answered to it, unparsed.
        ids: Prolific's id, by ref.
        after: The instructions or pages that Prolific held behind it, as it answered.
        note: Why it stands where it stands, in a researcher's words.
        attempts: How many times *body* was sent.
        sent_at: When it was sent last, seconds since 1970.
        created_at: When Prolific was read for the plan, seconds since 1970.
        updated_at: Seconds since 1970.
        run_id: The run that it belongs to.
    """

    id: str
    batch_id: str
    batch_ref: str
    workbook: str
    sha256: str
    state: State
    before: list[dict[str, JSON]] | None = None
    body: dict[str, JSON] | None = None
    patch: dict[str, JSON] | None = None
    refs: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    answer: str | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    after: list[dict[str, JSON]] | None = None
    note: str = ""
    attempts: int = 0
    sent_at: float | None = None
    created_at: float
    updated_at: float
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """
    A push of one or many workbooks.

    Attributes:
        id: Random, given by the caller.
        began_at: When sending began, seconds since 1970.
        ended_at: When the command ended; None if it still runs, or was killed.
        workbooks: How many were to be sent.
        exit_code: What the command ended with; None as for *ended_at*.
        states: How many of its imports are in each state now.
    """

    id: str
    began_at: float
    ended_at: float | None
    workbooks: int
    exit_code: int | None
    states: Mapping[State, int]


_COLUMNS: Final = ", ".join(one.name for one in fields(Import))
_JSON_COLUMNS: Final = frozenset({"before", "body", "patch", "refs", "marks", "ids", "after"})

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS imports (
    id TEXT PRIMARY KEY,
    batch_id TEXT NOT NULL,
    batch_ref TEXT NOT NULL,
    workbook TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    state TEXT NOT NULL,
    before TEXT NOT NULL DEFAULT 'null',
    body TEXT NOT NULL DEFAULT 'null',
    patch TEXT NOT NULL DEFAULT 'null',
    refs TEXT NOT NULL DEFAULT '[]',
    marks TEXT NOT NULL DEFAULT '{}',
    fingerprint TEXT NOT NULL DEFAULT '',
    answer TEXT,
    ids TEXT NOT NULL DEFAULT '{}',
    after TEXT NOT NULL DEFAULT 'null',
    note TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_at REAL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    run_id TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS imports_by_batch ON imports (batch_id, state);
CREATE INDEX IF NOT EXISTS imports_by_state ON imports (state, updated_at);
CREATE INDEX IF NOT EXISTS imports_by_run ON imports (run_id, state);
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    began_at REAL NOT NULL,
    ended_at REAL,
    workbooks INTEGER NOT NULL,
    exit_code INTEGER
);
CREATE TABLE IF NOT EXISTS imports_log (
    number INTEGER PRIMARY KEY,
    import_id TEXT NOT NULL,
    state TEXT NOT NULL,
    note TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS imports_log_by_import ON imports_log (import_id, number);
CREATE TABLE IF NOT EXISTS instruction_ids (
    id TEXT PRIMARY KEY,
    batch_id TEXT NOT NULL
);
"""


# A damaged file can make even SQLite's messages texts that are none.
_FAILURES: Final = (sqlite3.Error, ValueError)
#: The low byte of SQLite's error code; the rest says where it happened.
_KIND: Final = 0xFF
_CHECK_DISK: Final = "Check its folder, and the space on the disk."
_IN_USE: Final = "Another program holds it. Close other importers."
_DAMAGED: Final = (
    "It is damaged: wait two minutes, so that no earlier request is under way any more, move it away, and run importer "
    "plan. What Prolific lists is read again, and what an unfinished push has created is proposed there with --relink. "
    "Lost are the list of earlier imports, and what is known of a batch whose instructions Prolific no longer lists."
)
_REMEDIES: Final = {
    sqlite3.SQLITE_BUSY: _IN_USE,
    sqlite3.SQLITE_LOCKED: _IN_USE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_ERROR: _DAMAGED,  # a table or column is not there
}


@dataclass(slots=True)
class _Work:
    """Something to write, and what came of it."""

    work: Callable[[], object]
    is_done: bool = False
    failure: BaseException | None = None


class Journal(Creations):
    """The journal file, open; any number of threads may use it."""

    def __init__(self, path: Path) -> None:
        """
        Open the journal, making it if it is not there.

        Raises:
            JournalRefused: The file is damaged, locked for long, or cannot be written.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            self._db = self._connection()
            # Whoever reads need not wait until another thread's commit is on the disk.
            self._reads = self._connection()
        except (OSError, sqlite3.Error) as error:
            raise self._refusal(error) from error
        self._lock, self._reading = RLock(), RLock()
        self._waiting: deque[_Work] = deque()
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            # The answer to a PUT exists nowhere else, so a commit must survive a power cut.
            self._db.execute("PRAGMA synchronous = FULL")
            # What a transaction could take back is kept in memory, not in a file in another folder.
            self._db.execute("PRAGMA temp_store = MEMORY")
            self._db.executescript(_SCHEMA + SCHEMA)
        except _FAILURES as error:
            self.close()
            raise self._refusal(error) from error

    def _connection(self) -> sqlite3.Connection:
        opened = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        opened.row_factory = sqlite3.Row
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a thread that comes later is refused."""
        # SQLite's own objects must not go while another thread uses them: Ctrl-C twice leaves some at work.
        with self._lock, self._reading:
            self._reads.close()
            self._db.close()

    # ------------------------------------------------------------ reading
    def get(self, import_id: str) -> Import:
        """Return one import; KeyError if there is none with this id."""
        rows = self._select("WHERE id = ?", (import_id,))
        if not rows:
            raise KeyError(import_id)
        return rows[0]

    def open_imports(
        self, *, batch_id: str | None = None, workbooks: Collection[Path] | None = None
    ) -> tuple[Import, ...]:
        """Return the imports that still have somewhere to go, oldest first; all, or of one batch or some workbooks."""
        states = ", ".join(f"'{state}'" for state in sorted(OPEN))
        found = self._select(
            f"WHERE state IN ({states}) AND ? IN ('', batch_id) ORDER BY created_at, id", (batch_id or "",)
        )
        if workbooks is None or not found:
            return tuple(found)
        names = {str(path.resolve()) for path in workbooks}
        return tuple(i for i in found if i.workbook in names)

    def recent(self, limit: int) -> tuple[Import, ...]:
        """Return the imports touched last, newest first."""
        return tuple(self._select("ORDER BY updated_at DESC, id LIMIT ?", (limit,)))

    def runs(self, limit: int) -> tuple[Run, ...]:
        """Return the runs that began last, newest first."""
        rows = self._read("SELECT * FROM runs ORDER BY began_at DESC, id LIMIT ?", (limit,))
        return tuple(Run(**dict(row), states=self._states(row["id"])) for row in rows)

    def _states(self, run_id: str) -> dict[State, int]:
        rows = self._read("SELECT state, COUNT(*) FROM imports WHERE run_id = ? GROUP BY state", (run_id,))
        try:
            return {State(row[0]): row[1] for row in rows}
        except ValueError as error:
            raise self._refusal(error) from error

    def last_known(self, batch_id: str) -> list[dict[str, JSON]] | None:
        """Return what Prolific held behind the last push of a batch; None if nobody knows, or we never pushed it."""
        # Not by time: a clock may go backwards between two pushes.
        found = self._select(
            "WHERE batch_id = ? AND (after <> 'null' OR (state IN ('conflict', 'given-up') AND attempts > 0))"
            " ORDER BY (SELECT MAX(number) FROM imports_log WHERE import_id = imports.id) DESC LIMIT 1",
            (batch_id,),
        )
        return found[0].after if found else None

    def refs(self, batch_id: str) -> dict[str, str]:
        """Return the refs that instructions of a batch bore when they were pushed last, by instruction id."""
        rows = self._read(
            "SELECT ids FROM imports WHERE batch_id = ? AND ids <> '{}'"
            " ORDER BY (SELECT MAX(number) FROM imports_log WHERE import_id = imports.id)",
            (batch_id,),
        )
        try:
            return {identity: ref for row in rows for ref, identity in _decode("ids", row["ids"]).items()}
        except ValueError as error:
            raise self._refusal(error) from error

    def knows(self, batch_id: str) -> bool:
        """Whether an import of a batch was ever recorded."""
        return bool(self._read("SELECT 1 FROM imports WHERE batch_id = ? LIMIT 1", (batch_id,)))

    def revision(self) -> int:
        """Return a number that grows with every transition."""
        return int(self._read("SELECT COALESCE(MAX(number), 0) FROM imports_log")[0][0])

    def is_touched(self, batch_id: str, since: int) -> bool:
        """Whether an import of a batch has moved since a `revision`."""
        found = self._read(
            # CROSS: from the few imports of the batch to their transitions, never through all that came since.
            "SELECT 1 FROM imports CROSS JOIN imports_log ON imports_log.import_id = imports.id"
            " WHERE imports.batch_id = ? AND imports_log.number > ? LIMIT 1",
            (batch_id, since),
        )
        return bool(found)

    def owners(self, instruction_ids: Sequence[str]) -> dict[str, str]:
        """Return the batch id of each of some instruction ids, at most 900, that a push has seen."""
        marks = ", ".join("?" * len(instruction_ids))
        rows = self._read(f"SELECT id, batch_id FROM instruction_ids WHERE id IN ({marks})", instruction_ids)  # noqa: S608
        return {row["id"]: row["batch_id"] for row in rows}

    # ------------------------------------------------------------ writing
    def begin_run(self, run_id: str, *, workbooks: int, at: float) -> None:
        """Record a run before it sends anything."""
        values = (run_id, at, workbooks)
        self._commit(lambda: self._run("INSERT INTO runs (id, began_at, workbooks) VALUES (?, ?, ?)", values))

    def end_run(self, run_id: str, *, exit_code: int, at: float) -> None:
        """Record how a run ended."""
        values = (at, exit_code, run_id)
        self._commit(lambda: self._run("UPDATE runs SET ended_at = ?, exit_code = ? WHERE id = ?", values))

    def start(self, imports: Sequence[Import]) -> None:
        """
        Record imports, all with one commit.

        Args:
            imports: Each `new`, or `planned` already: nothing lies between.
        """
        marks = ", ".join("?" * len(fields(Import)))
        rows = [
            [_encode(one.name, getattr(started, one.name)) for one in fields(Import)] for started in imports
        ]

        def insert() -> None:
            for started, row in zip(imports, rows, strict=True):
                self._run(f"INSERT INTO imports ({_COLUMNS}) VALUES ({marks})", row)  # noqa: S608 - names of ours
                self._log(started.id, State.NEW, "", started.created_at)
                if started.state is not State.NEW:
                    self._log(started.id, started.state, "", started.updated_at)

        self._commit(insert)

    def move(self, current: Import, to: State, *, at: float, note: str = "", **values: Any) -> Import:
        """
        Move an import from one state to the next, with what is known by then.

        Args:
            current: The import; it must still be in its state.
            to: The state it gets.
            at: Seconds since 1970.
            note: Why, in a researcher's words.
            values: Further attributes of `Import` to set.

        Returns:
            The import as it now stands, committed.

        Raises:
            JournalRefused: It is not in that state: another process has moved it.
        """
        return self.moving(current, to, at=at, note=note, **values)()

    def moving(
        self, current: Import, to: State, *, at: float, note: str = "", **values: Any
    ) -> Callable[[], Import]:
        """
        Begin to move an import, as `move` does; several that are begun before the first is ended share a commit.

        Returns:
            What ends it, and returns or raises as `move`.
        """
        texts = {name: _encode(name, value) for name, value in values.items()}
        assignments = "".join(f", {name} = ?" for name in texts)
        moved = replace(current, state=to, note=_whole(note), updated_at=at, **values)

        def update() -> None:
            found = self._run(
                f"UPDATE imports SET state = ?, note = ?, updated_at = ?{assignments}"  # noqa: S608 - names of ours
                " WHERE id = ? AND state = ? RETURNING id",
                (to, note, at, *texts.values(), current.id, current.state),
            )
            if not found:
                raise JournalRefused(
                    f"Another process has moved the import {current.id} on. Run importer status to see how it stands."
                )
            self._log(current.id, to, note, at)
            if to is State.ACKNOWLEDGED:
                self._remember_ids(moved)

        mine = self._enqueue(update)

        def end() -> Import:
            self._wait(mine)
            return moved

        return end

    def _remember_ids(self, done: Import) -> None:
        ids = json.dumps(list(done.ids.values()))
        self._run(
            "INSERT INTO instruction_ids (id, batch_id) SELECT value, ? FROM json_each(?) WHERE TRUE"
            " ON CONFLICT (id) DO UPDATE SET batch_id = excluded.batch_id",
            (done.batch_id, ids),
        )

    def _log(self, import_id: str, state: State, note: str, at: float) -> None:
        self._run(
            "INSERT INTO imports_log (import_id, state, note, at) VALUES (?, ?, ?, ?)",
            (import_id, state, note, at),
        )

    # ------------------------------------------------------------ SQLite
    def _commit(self, work: Callable[[], object]) -> None:
        """
        Do some writing; it is on the disk when this returns.

        What several threads have to write at the same time becomes one transaction: waiting for the
        disk is what a commit costs, and whoever waits for the others' commit lets them join the next.
        Only waiting is done aside: statements made while others work fight for the interpreter one by one.
        """
        self._wait(self._enqueue(work))

    def _enqueue(self, work: Callable[[], object]) -> _Work:
        """Have something written with the next commit."""
        mine = _Work(work)
        self._waiting.append(mine)
        return mine

    def _wait(self, mine: _Work) -> None:
        """Wait until something is on the disk, and see to it if nobody else does; raises what its work raised."""
        if not self._lock.acquire(blocking=False):
            with aside():
                self._lock.acquire()
        try:
            if not mine.is_done:
                self._commit_all([self._waiting.popleft() for _ in range(len(self._waiting))])
        finally:
            self._lock.release()
        if mine.failure is not None:
            raise mine.failure

    def _commit_all(self, some: Sequence[_Work]) -> None:
        try:
            # IMMEDIATE takes the write lock at once, so nothing is read that may change.
            self._run("BEGIN IMMEDIATE")
            for one in some:
                self._do(one)
            with aside():
                self._run("COMMIT")
        except BaseException as failure:
            for one in some:
                one.failure = one.failure or failure
            # A disk that is full leaves a transaction open that could not be committed.
            if self._db.in_transaction:
                with suppress(JournalRefused):
                    self._run("ROLLBACK")
        for one in some:
            one.is_done = True

    def _do(self, one: _Work) -> None:
        """Do one piece of a transaction; if it is refused, the others are done all the same."""
        self._run("SAVEPOINT one")
        try:
            one.work()
        except JournalRefused as refusal:
            one.failure = refusal
            self._run("ROLLBACK TO one")
        self._run("RELEASE one")

    def _run(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Run a statement and return its rows, all of them: damage shows when a row is fetched."""
        return self._execute(self._db, sql, values)

    def _read(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Run a query; raises as `_run`."""
        with self._reading:
            return self._execute(self._reads, sql, values)

    def _execute(self, db: sqlite3.Connection, sql: str, values: Sequence[object]) -> list[sqlite3.Row]:
        texts = [_whole(value) if isinstance(value, str) else value for value in values]
        try:
            return db.execute(sql, texts).fetchall()
        except _FAILURES as error:
            raise self._refusal(error) from error

    def _select(self, rest: str, values: Sequence[object] = ()) -> list[Import]:
        rows = self._read(f"SELECT {_COLUMNS} FROM imports {rest}", values)  # noqa: S608 - *rest* is ours
        try:
            return [Import(**{name: _decode(name, row[name]) for name in row.keys()}) for row in rows]  # noqa: SIM118
        except ValueError as error:  # neither JSON nor a state
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> JournalRefused:
        # What SQLite itself has no code for is a text that is no text, or no JSON: damage.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & _KIND
        remedy = _CHECK_DISK if isinstance(error, OSError) else _REMEDIES.get(code, _CHECK_DISK)
        return JournalRefused(f"The journal {self.path} cannot be used ({error}). {remedy}")


def _encode(name: str, value: object) -> object:
    # JSON escapes half a character. A path is JSON only if it needs it: no absolute path begins with a quote.
    is_json = name in _JSON_COLUMNS or (name == "workbook" and not _is_whole(str(value)))
    return json.dumps(value) if is_json else value


def _whole(text: str) -> str:
    """Return a text as SQLite keeps it: half a character, out of JSON or a file name, is no text there."""
    return text.encode("utf-8", "backslashreplace").decode()


def _is_whole(text: str) -> bool:
    """Whether a text is one that UTF-8 can write; the name of a file need not be."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _decode(name: str, value: object) -> Any:
    if name == "state":
        return State(str(value))
    if name not in _JSON_COLUMNS and not (name == "workbook" and str(value).startswith('"')):
        return value
    decoded = json.loads(str(value))
    return tuple(decoded) if name == "refs" else decoded
