"""
What the sandbox holds: batches and their instructions, and the operations on them.

Every operation is one step under one lock: it checks everything first and changes nothing if it
refuses. With a folder, each batch is one JSON file there, replaced after every change.

Source: "Update a Batch" and "Update Batch Instructions" (full replacement, ids kept or given);
for the other operations the public API document of today.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from importer.sandbox import layout
from importer.sandbox.batch import HeldBatch
from importer.sandbox.ids import Ids, is_uuid
from importer.sandbox.layout import Object
from importer.sandbox.refusals import Complaints, Refused
from importer.sandbox.rules import (
    POST,
    PUT_LIVE,
    PUT_SEED,
    REQUIRED,
    Form,
    check_instruction,
    clean_instruction,
    is_text,
)

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.sandbox.switches import Switches

TASK_DETAILS: Final = ("task_name", "task_introduction", "task_steps")
#: Prolific's user and workspace ids are 24 hexadecimal digits.
USER_ID: Final = "5f9a1c2e7b3d4a0012c0ffee"
WORKSPACE_ID: Final = "6655b8281cc82a88996f0bbb"
_GONE: Final = "This endpoint is no longer available. Use batch_items on the batch instead."


class Store:
    """
    Batches by id; safe to use from the server's thread and from a test's.

    Args:
        switches: How it behaves where the documents are silent.
        clock: Unix time in seconds.
        folder: Where batches are kept between runs; None keeps them in memory only.
    """

    def __init__(self, switches: Switches, clock: Callable[[], float], folder: Path | None = None) -> None:
        self.switches = switches
        self._clock = clock
        self._ids = Ids(clock)
        self._folder = folder
        self._lock = threading.RLock()
        self._batches: dict[str, HeldBatch] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            held = [HeldBatch.load(path) for path in sorted(folder.glob("*.json"))]
            self._batches = {batch.id: batch for batch in held}

    def add(self, batch: HeldBatch) -> None:
        """Hold a batch as it is, unchecked."""
        with self._lock:
            self._batches[batch.id] = batch
            self._save(batch)

    def new_batch(self, name: str, workspace_id: str, task_details: Mapping[str, JSON]) -> HeldBatch:
        """Return a batch with a new id; it is not held yet."""
        return HeldBatch(self._ids.new(), self.now(), USER_ID, name, workspace_id, dict(task_details))

    def new_id(self) -> str:
        """Return the next id."""
        return self._ids.new()

    def now(self) -> str:
        """Return the time as Prolific writes it: ISO 8601, UTC."""
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="microseconds")

    def get(self, batch_id: str) -> HeldBatch:
        """Return a batch; 404 if there is none."""
        with self._lock:
            batch = self._batches.get(batch_id.lower())
        if batch is None:
            raise Refused(404, "Batch not found, or you have no access to it.")
        return batch

    def batches(self, workspace_id: str | None = None) -> list[HeldBatch]:
        """Return the batches of a workspace (of all of them without an id), oldest first."""
        with self._lock:
            held = list(self._batches.values())
        return [batch for batch in held if workspace_id in (None, batch.workspace_id)]

    def clear(self) -> None:
        """Forget every batch."""
        with self._lock:
            for batch in self._batches.values():
                if self._folder is not None:
                    batch.path(self._folder).unlink(missing_ok=True)
            self._batches.clear()

    def create_batch(self, body: JSON) -> tuple[HeldBatch, list[str]]:
        """Create a batch from a request; returns it and the ids created in its layout."""
        sent = _object(body)
        complaints = _check_batch(sent, required=("name", "workspace_id", "task_details"))
        if complaints:
            raise Refused(400, complaints)
        details = {field: _object(sent["task_details"])[field] for field in TASK_DETAILS}
        batch = self.new_batch(str(sent["name"]), str(sent["workspace_id"]), details)
        created = self._apply(batch, sent)
        self.add(batch)
        return batch, created

    def patch_batch(self, batch_id: str, body: JSON) -> tuple[HeldBatch, list[str]]:
        """Change what a request names of a batch; returns it and the ids created in its layout."""
        with self._lock:
            batch = self.get(batch_id)
            sent = _object(body)
            complaints = _check_batch(sent, required=())
            if complaints:
                raise Refused(400, complaints)
            created = self._apply(batch, sent)
            self._save(batch)
        return batch, created

    def _apply(self, batch: HeldBatch, sent: Object) -> list[str]:
        pages, created = self._plan_layout(batch, sent)
        if "name" in sent:
            batch.name = str(sent["name"])
        if "task_details" in sent:
            batch.task_details = {field: _object(sent["task_details"])[field] for field in TASK_DETAILS}
        if "dataset_id" in sent:
            batch.use_dataset(str(sent["dataset_id"]))
        if "auto_sync_enabled" in sent:
            batch.auto_sync_enabled = bool(sent["auto_sync_enabled"])
        if "batch_items" in sent:
            # Nobody knows what a layout does to the instructions that a legacy batch had; here it
            # takes their place, as it takes the place of an older layout.
            batch.batch_items = pages
            batch.instructions = []
        return created

    def _plan_layout(self, batch: HeldBatch, sent: Object) -> tuple[list[Object] | None, list[str]]:
        if sent.get("batch_items") is None:
            return None, []
        pages = layout.check_layout(sent["batch_items"], batch.dataset_fields)
        known = layout.ids_of(batch.batch_items)
        unknown = [path for path, level in layout.ids_of(pages).items() if known.get(path) != level]
        if unknown and self.switches.unknown_id == "refuse":
            raise Refused(400, {"batch_items": [f"Unknown id {unknown[0]}."]})
        created: list[str] = []

        def give() -> str:
            created.append(self._ids.new())
            return created[-1]

        return layout.give_ids(pages, give, lambda sent_id, level: known.get(sent_id) == level), created

    def replace_instructions(self, batch_id: str, body: JSON) -> tuple[list[Object], list[str]]:
        """
        Replace all instructions of a batch: sent ids are kept, the others go, new ones get an id.

        Returns:
            The instructions in the order in which they were sent, and the ids created.
        """
        self._refuse_if_gone()
        form = PUT_LIVE if self.switches.put_types == "live" else PUT_SEED
        with self._lock:
            batch = self._legacy_batch(batch_id)
            items = self._checked_items(body, form)
            before = {str(item["id"]): item for item in batch.instructions}
            self._check_ids(items, before)
            after = [self._held(item, form, before) for item in items]
            created = [str(item["id"]) for item in after if item["id"] not in before]
            batch.instructions = after
            batch.generations += 1
            self._save(batch)
        return list(after), created

    def append_instructions(self, batch_id: str, body: JSON) -> tuple[list[Object], list[str]]:
        """Add instructions at the end of a batch; returns them and their ids."""
        self._refuse_if_gone()
        with self._lock:
            batch = self._legacy_batch(batch_id)
            added = [self._held(item, POST, {}) for item in self._checked_items(body, POST)]
            batch.instructions = [*batch.instructions, *added]
            self._save(batch)
        return added, [str(item["id"]) for item in added]

    def set_instructions(self, batch_id: str, items: Iterable[Mapping[str, JSON]]) -> list[str]:
        """Set instructions unchecked, as if somebody else had edited them; returns their ids."""
        with self._lock:
            batch = self.get(batch_id)
            before = {str(item["id"]): item for item in batch.instructions}
            batch.instructions = [self._stamped(dict(item), item.get("id"), before) for item in items]
            self._save(batch)
            return [str(item["id"]) for item in batch.instructions]

    def _refuse_if_gone(self) -> None:
        if self.switches.put_instructions != 200:  # noqa: PLR2004 - HTTP status
            raise Refused(self.switches.put_instructions, _GONE)

    def _legacy_batch(self, batch_id: str) -> HeldBatch:
        batch = self.get(batch_id)
        if batch.batch_items is not None:
            said = "This batch uses batch_items. Manage its instructions with PATCH on the batch."
            raise Refused(422, said)
        return batch

    def _checked_items(self, body: JSON, form: Form) -> list[Object]:
        sent = _object(body)
        items = sent.get("instructions")
        if not isinstance(items, list):
            said = REQUIRED if "instructions" not in sent else "Expected a list of items."
            raise Refused(400, {"instructions": [said]})
        if not items and self.switches.empty_list == "refuse":
            raise Refused(400, {"instructions": ["This list may not be empty."]})
        complaints: Complaints = {}
        for number, item in enumerate(items):
            found = check_instruction(item, form) if isinstance(item, dict) else [("", "Expected an object.")]
            for field, said in found:
                complaints.setdefault(f"instructions.{number}.{field}".rstrip("."), []).append(said)
        if complaints:
            raise Refused(400, complaints)
        return [item for item in items if isinstance(item, dict)]

    def _check_ids(self, items: list[Object], before: Mapping[str, Object]) -> None:
        complaints: Complaints = {}
        seen: set[str] = set()
        for number, item in enumerate(items):
            if "id" in item:
                said = self._id_complaint(item, before, seen)
                if said:
                    complaints[f"instructions.{number}.id"] = [said]
        if complaints:
            raise Refused(400, complaints)

    def _id_complaint(self, item: Object, before: Mapping[str, Object], seen: set[str]) -> str:
        if not is_uuid(item["id"]):
            return "Must be a valid UUID."
        sent = str(item["id"]).lower()
        if sent in seen:
            return f"{sent} is given twice."
        seen.add(sent)
        if sent not in before:
            return f"This batch has no instruction {sent}." if self.switches.unknown_id == "refuse" else ""
        changes_type = before[sent]["type"] != item["type"]
        if changes_type and self.switches.type_change == "refuse":
            return "The type of an instruction cannot be changed."
        return ""

    def _held(self, item: Object, form: Form, before: Mapping[str, Object]) -> Object:
        sent = str(item["id"]).lower() if "id" in item else ""
        return self._stamped(clean_instruction(item, form), sent if sent in before else None, before)

    def _stamped(self, item: Object, kept_id: JSON, before: Mapping[str, Object]) -> Object:
        """Return an item with its id, time and creator; those of a kept instruction stay."""
        old = before.get(str(kept_id), {})
        stamp: Object = {
            "id": kept_id or self._ids.new(),
            "created_at": old.get("created_at") or self.now(),
            "created_by": USER_ID,
        }
        return stamp | item | {"id": stamp["id"]}

    def _save(self, batch: HeldBatch) -> None:
        if self._folder is not None:
            batch.save(self._folder)


def _object(body: JSON) -> Object:
    if not isinstance(body, dict):
        raise Refused(400, "Expected a JSON object.")
    return body


def _check_batch(sent: Object, required: Collection[str]) -> Complaints:
    complaints: Complaints = {field: [REQUIRED] for field in required if field not in sent}
    for field in ("name", "workspace_id"):
        if field in sent and not is_text(sent[field]):
            complaints[field] = ["Not a valid string."]
    if "dataset_id" in sent and not is_uuid(sent["dataset_id"]):
        complaints["dataset_id"] = ["Must be a valid UUID."]
    if not isinstance(sent.get("auto_sync_enabled", False), bool):
        complaints["auto_sync_enabled"] = ["Must be a valid boolean."]
    details = sent.get("task_details", dict.fromkeys(TASK_DETAILS, ""))
    if not isinstance(details, dict):
        complaints["task_details"] = ["Expected an object."]
        return complaints
    for field in TASK_DETAILS:
        if not is_text(details.get(field)):
            said = REQUIRED if field not in details else "Not a valid string."
            complaints[f"task_details.{field}"] = [said]
    return complaints
