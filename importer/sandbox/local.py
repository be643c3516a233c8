"""
The sandbox as the demo, the tests and the command line hold it: start it, fill it, look inside.

Everything here works without HTTP; what a client of Prolific may do goes through HTTP only.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from importer.sandbox.app import SandboxApp
from importer.sandbox.checks import TASK_DETAILS
from importer.sandbox.faults import Fault
from importer.sandbox.ids import is_uuid
from importer.sandbox.ledger import Received, format_ledger
from importer.sandbox.server import ServerThread
from importer.sandbox.store import Store
from importer.sandbox.studies import BATCH
from importer.sandbox.switches import Switches
from importer.sandbox.world import WORKSPACE_ID

if TYPE_CHECKING:
    from importer.model import JSON


class Sandbox:
    """
    A local Prolific on loopback; a context manager that serves while it is open.

    What it holds outlives `stop`, and `start` serves on the same port again: a Prolific that is
    down for a while.

    Args:
        port: 0 for any free port.
        token: The API token that requests must carry.
        latency_s: Delay of each request, in seconds; requests wait side by side.
        state: Folder in which batches are kept between processes; None for memory only.
        switches: How it behaves where the documents are silent.
        host: A loopback address.
        clock: Unix time in seconds.
        on_request: Called on the server's thread after each request.

    Raises:
        UsageError: The address is not a loopback address.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = "sandbox",  # noqa: S107 - opens a toy that holds nothing
        latency_s: float = 0.0,
        state: Path | None = None,
        switches: Switches | None = None,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
        on_request: Callable[[Received], None] | None = None,
    ) -> None:
        self.token = token
        self.switches = switches or Switches()
        self._store = Store(self.switches, clock, state)
        self._app = SandboxApp(self._store, token, clock, on_request)
        self._app.latency_s = latency_s
        self._server = ServerThread(self._app, host, port)

    # -------------------------------------------------------------- serving

    @property
    def url(self) -> str:
        """The base address; its port is known once it has been started."""
        return self._server.url

    def start(self) -> Self:
        """
        Serve in a thread; returns when requests are answered.

        Raises:
            UsageError: The port cannot be had.
        """
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving; requests that still wait are reset without effect."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -------------------------------------------------------------- what it holds

    def add_batch(
        self,
        name: str = "Batch",
        *,
        batch_id: str | None = None,
        workspace_id: str = WORKSPACE_ID,
        task_details: Mapping[str, str] | None = None,
        dataset_id: str | None = None,
        dataset_fields: Iterable[str] = (),
        status: str = "UNINITIALISED",
        instructions: Iterable[Mapping[str, JSON]] = (),
        batch_items: list[dict[str, JSON]] | None = None,
    ) -> str:
        """
        Hold one more batch, without HTTP and unchecked, and return its id.

        Args:
            name: Its name.
            batch_id: Its id; None gives it one.
            workspace_id: Its workspace.
            task_details: `task_name`, `task_introduction`, `task_steps`; missing ones are filled in.
            dataset_id: Its dataset, if it has one.
            dataset_fields: Fields of that dataset's schema that a layout may show.
            status: UNINITIALISED, PROCESSING, READY or ERROR.
            instructions: What it holds as a legacy batch; ids and times are filled in.
            batch_items: What it holds as a batch of today, with all its ids.

        Raises:
            ValueError: The id is not a UUID.
        """
        if batch_id is not None and not is_uuid(batch_id):
            raise ValueError(f"{batch_id!r} is not a UUID")
        filled = {
            "task_name": name,
            "task_introduction": "<p>Welcome.</p>",
            "task_steps": "<ol><li>Answer.</li></ol>",
        }
        details: dict[str, JSON] = {
            field: (task_details or {}).get(field, filled[field]) for field in TASK_DETAILS
        }
        batch = self._store.new_batch(name, workspace_id, details)
        batch.id = (batch_id or batch.id).lower()
        batch.status, batch.batch_items, batch.dataset_fields = status, batch_items, list(dataset_fields)
        if dataset_id is not None:
            self._store.use_dataset(batch, dataset_id)
        self._store.add(batch)
        self._store.set_instructions(batch.id, instructions)
        return batch.id

    def batch(self, batch_id: str) -> dict[str, JSON]:
        """Return a batch as GET answers it."""
        return self._store.get(batch_id).live_json()

    def batches(self) -> list[dict[str, JSON]]:
        """Return every batch as GET answers it, oldest first."""
        return [batch.live_json() for batch in self._store.batches()]

    def instructions(self, batch_id: str) -> list[dict[str, JSON]]:
        """Return the instructions of a batch in the seed's form, in the order in which they are shown."""
        held = self._store.get(batch_id).instructions_json("seed")
        return [item for item in held if isinstance(item, dict)]

    def set_instructions(self, batch_id: str, items: Iterable[Mapping[str, JSON]]) -> list[str]:
        """Edit a batch as if somebody else did, unchecked; returns the ids. A given id is kept."""
        return self._store.set_instructions(batch_id, items)

    def generations(self, batch_id: str) -> int:
        """Return how many PUTs of instructions were committed on a batch."""
        return self._store.get(batch_id).generations

    def add_dataset(self, name: str = "Dataset", rows: int = 1, *, workspace_id: str = WORKSPACE_ID) -> str:
        """Hold one more dataset, READY with so many rows, and return its id."""
        dataset = self._store.datasets.add(name, workspace_id)
        dataset.rows, dataset.filename, dataset.status = rows, "dataset.csv", "READY"
        self._store.datasets.shelf.put(dataset)
        return dataset.id

    def add_study(self, batch_id: str, name: str = "Study") -> str:
        """Hold one more draft study of a batch, unchecked, and return its id; `publish` is the next step."""
        fields: dict[str, JSON] = {
            "name": name,
            "description": "<p>Welcome.</p>",
            "prolific_id_option": "not_required",
            "reward": 100,
            "estimated_completion_time": 5,
            "total_available_places": 1,
            "data_collection_method": BATCH,
            "data_collection_id": batch_id,
        }
        return self._store.studies.add(fields).id

    def datasets(self) -> list[dict[str, JSON]]:
        """Return every dataset as GET answers it, oldest first; no reading is counted."""
        return [one.to_json() for one in self._store.datasets.shelf.all()]

    def studies(self) -> list[dict[str, JSON]]:
        """Return every study as GET answers it, oldest first."""
        return [one.to_json() for one in self._store.studies.shelf.all()]

    def publish(self, study_id: str) -> None:
        """Let participants see a study, as a person does in Prolific's app; no request can."""
        self._store.studies.publish(study_id)

    def clear(self) -> None:
        """Forget every batch, dataset and study, the ledger and the waiting faults, and reset the switches."""
        self._store.clear()
        self._app.ledger.clear()
        self._app.faults.clear()
        self._app.earlier.clear()
        for name, setting in Switches().to_json().items():
            setattr(self.switches, name, setting)

    # -------------------------------------------------------------- what happened, what shall happen

    @property
    def ledger(self) -> tuple[Received, ...]:
        """What was received, oldest first; requests under `/_sandbox` are not entered."""
        return self._app.ledger.entries()

    def creations(self) -> Counter[str]:
        """Return how many of what was created since the ledger was cleared (`Received.creations`)."""
        return sum((Counter(entry.creations) for entry in self.ledger), Counter())

    def format_ledger(self) -> str:
        """Return the ledger as text, one line for each request."""
        return format_ledger(self.ledger)

    def clear_ledger(self) -> None:
        """Forget what was received."""
        self._app.ledger.clear()

    def fault(
        self,
        kind: str,
        *,
        method: str = "",
        path: str = "",
        times: int | None = 1,
        after: int = 0,
        seconds: float = 1.0,
        status: int = 0,
        shape: str = "",
        to: str = "",
    ) -> None:
        """
        Let a fault wait for the next requests that match (`importer.sandbox.faults.Fault`).

        Raises:
            ValueError: There is no such fault.
        """
        self._app.faults.add(Fault(kind, method, path, times, after, seconds, status, shape, to))

    def waiting_faults(self) -> tuple[Fault, ...]:
        """Return the faults that no request has met yet."""
        return self._app.faults.waiting()

    def clear_faults(self) -> None:
        """Forget the waiting faults."""
        self._app.faults.clear()


def serve_forever(sandbox: Sandbox, on_ready: Callable[[Sandbox], None] | None = None) -> None:
    """
    Serve until the process is interrupted; prints nothing itself.

    Args:
        sandbox: Not started yet.
        on_ready: Called when it answers requests.

    Raises:
        KeyboardInterrupt: The end, as the caller's shell wants to see it.
        UsageError: The port cannot be had.
    """
    with sandbox:
        if on_ready is not None:
            on_ready(sandbox)
        threading.Event().wait()
