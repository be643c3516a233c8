"""What everything in the sandbox shares: switches, clock, ids, one lock, and where things are kept."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from importer.sandbox.ids import Ids
from importer.sandbox.refusals import Refused
from importer.sandbox.switches import Switches

#: Prolific's user, workspace, project and study ids are 24 hexadecimal digits.
USER_ID: Final = "5f9a1c2e7b3d4a0012c0ffee"
WORKSPACE_ID: Final = "6655b8281cc82a88996f0bbb"
PROJECT_ID: Final = "6655b8281cc82a88996f0ccc"


class Kept(Protocol):
    """A dataclass that has an id."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    id: str


Held = TypeVar("Held", bound=Kept)


class Processed(Protocol):
    """
    What Prolific works on after a request has been answered.

    Attributes:
        status: UNINITIALISED, PROCESSING, READY or ERROR.
        outcome: How PROCESSING will end; "" if it never does.
        readings_left: How many more readings still say PROCESSING.
    """

    status: str
    outcome: str
    readings_left: int


@dataclass(frozen=True)
class World:
    """
    What is the same for batches, datasets and studies.

    Attributes:
        switches: How the sandbox behaves where the documents are silent.
        clock: Unix time in seconds.
        folder: Where things are kept between runs; None keeps them in memory only.
        ids: Gives ids to everything but studies.
        lock: Held by each operation, so that it is one step.
    """

    switches: Switches
    clock: Callable[[], float]
    folder: Path | None
    ids: Ids
    lock: threading.RLock = field(default_factory=threading.RLock)

    def now(self) -> str:
        """Return the time as Prolific writes it: ISO 8601, UTC."""
        return self.later(0)

    def later(self, seconds: float) -> str:
        """Return a time from now on, as Prolific writes it."""
        return datetime.fromtimestamp(self.clock() + seconds, UTC).isoformat(timespec="microseconds")

    def study_id(self) -> str:
        """Return 24 hexadecimal digits that begin with the time, as ids of studies do."""
        return f"{int(self.clock()):08x}{secrets.token_hex(8)}"

    def begin(self, held: Processed, outcome: str) -> None:
        """Let something be processed; how long is a switch."""
        held.status, held.outcome = "PROCESSING", outcome
        held.readings_left = self.switches.processing_reads

    def observe(self, held: Processed) -> bool:
        """Count a reading of something; returns whether its processing has ended with it."""
        if held.status != "PROCESSING" or not held.outcome:
            return False
        if held.readings_left:
            held.readings_left -= 1
            return False
        held.status, held.outcome = held.outcome, ""
        return True


class Shelf(Generic[Held]):
    """
    Things of one kind, by id; with a folder, each is one JSON file there, replaced at every `put`.

    Args:
        kind: Their dataclass.
        name: What Prolific calls one.
        folder: Where they are kept between runs; None keeps them in memory only.
    """

    def __init__(self, kind: type[Held], name: str, folder: Path | None) -> None:
        self._name = name
        self._folder = folder
        self._held: dict[str, Held] = {}
        for path in sorted(folder.glob("*.json")) if folder is not None else ():
            one = kind(**json.loads(path.read_text(encoding="utf-8")))
            self._held[one.id] = one

    def put(self, one: Held) -> None:
        """Hold something, new or changed."""
        self._held[one.id] = one
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Replaced at once, so that a killed sandbox never leaves half a file.
            draft = self._path(one.id).with_suffix(".new")
            draft.write_text(json.dumps(asdict(one), ensure_ascii=False), encoding="utf-8")
            draft.replace(self._path(one.id))

    def get(self, wanted: str) -> Held:
        """Return the thing with an id; 404 if there is none."""
        one = self._held.get(wanted.lower())
        if one is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"{self._name} not found, or you have no access to it.")
        return one

    def find(self, wanted: str) -> Held | None:
        """Return the thing with an id; None if there is none."""
        return self._held.get(wanted.lower())

    def all(self) -> list[Held]:
        """Return everything, oldest first."""
        return list(self._held.values())

    def clear(self) -> None:
        """Forget everything."""
        if self._folder is not None:
            for wanted in self._held:
                self._path(wanted).unlink(missing_ok=True)
        self._held.clear()

    def _path(self, wanted: str) -> Path:
        assert self._folder is not None  # noqa: S101 - asked for only where there is a folder
        return self._folder / f"{wanted}.json"
