"""
The ledger: what the sandbox received, in order, and what became of it.

It keeps sizes, ids and digests, never the token and never the text of an instruction.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importer.model import JSON

_SECRET_HEADERS: Final = ("authorization", "cookie", "proxy-authorization")
#: Characters of a digest or a long path that a printed line shows.
_DIGEST_CHARACTERS: Final = 12


@dataclass(slots=True)
class Received:
    """
    One request that arrived.

    Attributes:
        number: 1 for the first request since the start or the last `clear`.
        at: When its body was complete, in UTC.
        method: GET, POST, PUT or PATCH.
        path: Path of the address, without the query.
        query: Query of the address, without `?`.
        headers: By lower-case name; secret ones are "(redacted)".
        body_bytes: Size of the body.
        body_sha256: Hex digest of the body; "" if there was none.
        ids_sent: Ids that the body names, in order.
        ids_created: Ids that the request created, in order.
        creations: How many of what it created: "batch", "instruction", "layout" (pages, rows, columns
            and items), "dataset", "upload", "setup", "study".
        is_committed: Whether it changed what the sandbox holds.
        status: Status of the answer; None while there is none, and if none was sent.
        fault: Name of the fault that was applied; "" if none.
        seconds: From complete body to the end of the answer; None while it is not over.
    """

    number: int
    at: datetime
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body_bytes: int
    body_sha256: str
    ids_sent: tuple[str, ...] = ()
    ids_created: tuple[str, ...] = ()
    creations: Mapping[str, int] = field(default_factory=dict)
    is_committed: bool = False
    status: int | None = None
    fault: str = ""
    seconds: float | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the entry as a JSON object; `at` in ISO 8601."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": dict(self.headers),
            "body_bytes": self.body_bytes,
            "body_sha256": self.body_sha256,
            "ids_sent": list(self.ids_sent),
            "ids_created": list(self.ids_created),
            "creations": dict(self.creations),
            "is_committed": self.is_committed,
            "status": self.status,
            "fault": self.fault,
            "seconds": self.seconds,
        }


@dataclass(slots=True)
class Ledger:
    """The requests received so far; safe to read while the sandbox serves."""

    _entries: list[Received] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        *,
        now: float,
        method: str,
        path: str,
        query: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> Received:
        """
        Enter a request when its body is complete.

        Args:
            now: Unix time in seconds.
            method: HTTP method.
            path: Path without the query.
            query: Query without `?`.
            headers: Names in lower case.
            body: The whole body.
        """
        shown = {name: "(redacted)" if name in _SECRET_HEADERS else value for name, value in headers}
        digest = hashlib.sha256(body).hexdigest() if body else ""
        with self._lock:
            entry = Received(
                number=len(self._entries) + 1,
                at=datetime.fromtimestamp(now, UTC),
                method=method,
                path=path,
                query=query,
                headers=shown,
                body_bytes=len(body),
                body_sha256=digest,
            )
            self._entries.append(entry)
        return entry

    def entries(self) -> tuple[Received, ...]:
        """Return copies of all entries, oldest first."""
        with self._lock:
            return tuple(replace(entry) for entry in self._entries)

    def clear(self) -> None:
        """Forget every entry."""
        with self._lock:
            self._entries.clear()


def ids_in(payload: JSON, body: bytes) -> tuple[str, ...]:
    """Return every string under a key `id` in a request's JSON, in order; *body* is the same as it came."""
    found: list[str] = []
    # Most requests name none, which their bytes say at once; a key may be spelled with \u00….
    if b'"id"' in body or b"\\u00" in body:
        _collect_ids([payload], found)
    return tuple(found)


def _collect_ids(entries: dict[str, JSON] | list[JSON], found: list[str]) -> None:
    if isinstance(entries, dict) and isinstance(entries.get("id"), str):
        found.append(str(entries["id"]))
    for value in entries.values() if isinstance(entries, dict) else entries:
        if isinstance(value, dict | list):
            _collect_ids(value, found)


def format_entry(entry: Received) -> str:
    """Return one line: number, time, method, status, path, then what else there is to say."""
    said = []
    if entry.body_bytes:
        said.append(f"{entry.body_bytes:,} bytes, sha256 {entry.body_sha256[:_DIGEST_CHARACTERS]}")
    if entry.ids_sent:
        said.append(f"{len(entry.ids_sent)} ids sent")
    if entry.ids_created:
        said.append(f"{len(entry.ids_created)} ids created")
    if entry.is_committed:
        said.append("committed")
    if entry.fault:
        said.append(f"fault {entry.fault}")
    address = entry.path + (f"?{entry.query}" if entry.query else "")
    line = (
        f"{entry.number:>4}  {entry.at:%H:%M:%S.%f}"[:-3]
        + f"  {entry.method:<5}  {_status(entry)}  {address}"
    )
    return f"{line}  ({'; '.join(said)})" if said else line


def _status(entry: Received) -> str:
    if entry.status is not None:
        return str(entry.status)
    return "..." if entry.seconds is None else "cut"


def format_ledger(entries: Sequence[Received]) -> str:
    """Return the ledger as text, one line for each request; one sentence if it is empty."""
    return "\n".join(map(format_entry, entries)) or "No request has been received."
