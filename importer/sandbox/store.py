"""
What the sandbox holds: batches with their instructions and tasks, datasets and studies.

Every operation is one step under one lock: it checks everything first and changes nothing if it
refuses. Owns the operations on batches; the others are `importer.sandbox.datasets` and
`importer.sandbox.studies`.

Source: "Update a Batch" and "Update Batch Instructions" (full replacement, ids kept or given);
for the other operations the public API document of today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from importer.sandbox import layout
from importer.sandbox.batch import HeldBatch
from importer.sandbox.checks import (
    TASK_DETAILS,
    as_object,
    check_batch,
    check_ids,
    check_item,
    checked_items,
    refuse_oversizes,
)
from importer.sandbox.datasets import Datasets
from importer.sandbox.ids import Ids, is_uuid
from importer.sandbox.layout import Object
from importer.sandbox.refusals import Complaints, Refused
from importer.sandbox.rules import (
    LAYOUT,
    POST,
    PUT_LIVE,
    PUT_SEED,
    REQUIRED,
    Form,
    clean_instruction,
    is_integer,
    number_in,
)
from importer.sandbox.studies import Studies
from importer.sandbox.world import USER_ID, Shelf, World

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.sandbox.switches import Switches

_GONE: Final = "This endpoint is no longer available. Use batch_items on the batch instead."


class Store:
    """
    Everything that is held; safe to use from the server's thread and from a test's.

    Args:
        switches: How it behaves where the documents are silent.
        clock: Unix time in seconds.
        folder: Where things are kept between runs; None keeps them in memory only.
    """

    def __init__(self, switches: Switches, clock: Callable[[], float], folder: Path | None = None) -> None:
        self.switches = switches
        self._world = World(switches, clock, folder, Ids(clock))
        self._lock = self._world.lock
        self._batches = Shelf(HeldBatch, "Batch", folder)
        self.datasets = Datasets(self._world)
        self.studies = Studies(self._world, self._batches.find)

    def add(self, batch: HeldBatch) -> None:
        """Hold a batch as it is, unchecked."""
        with self._lock:
            self._batches.put(batch)

    def new_batch(self, name: str, workspace_id: str, task_details: Mapping[str, JSON]) -> HeldBatch:
        """Return a batch with a new id; it is not held yet."""
        return HeldBatch(
            self._world.ids.new(), self._world.now(), USER_ID, name, workspace_id, dict(task_details)
        )

    def get(self, batch_id: str) -> HeldBatch:
        """Return a batch; 404 if there is none."""
        with self._lock:
            return self._with_dataset(self._batches.get(batch_id))

    def read(self, batch_id: str) -> HeldBatch:
        """Return a batch and count the reading: processing goes on until it has been looked at enough."""
        with self._lock:
            batch = self.get(batch_id)
            if self._world.observe(batch):
                self._batches.put(batch)
        return batch

    def batches(self, workspace_id: str | None = None) -> list[HeldBatch]:
        """Return the batches of a workspace (of all of them without an id), oldest first."""
        with self._lock:
            held = [one for one in self._batches.all() if workspace_id in (None, one.workspace_id)]
            return [self._with_dataset(one) for one in held]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            for shelf in (self._batches, self.datasets.shelf, self.studies.shelf):
                shelf.clear()

    def _with_dataset(self, batch: HeldBatch) -> HeldBatch:
        """Return a batch that says of its dataset what is true by now."""
        if batch.datasets:
            self.use_dataset(batch, str(batch.datasets[0]["id"]))
        return batch

    def use_dataset(self, batch: HeldBatch, dataset_id: str) -> None:
        """Let a batch use a dataset; an unknown id is taken for one that was made before."""
        held = self.datasets.shelf.find(dataset_id)
        unknown: Object = {"id": dataset_id, "total_datapoint_count": 0, "filename": "dataset.csv"}
        batch.datasets = [unknown if held is None else held.in_batch()]

    def create_batch(self, body: JSON) -> tuple[HeldBatch, list[str]]:
        """Create a batch from a request; returns it and the ids created in its layout."""
        sent = as_object(body)
        complaints = check_batch(sent, required=("name", "workspace_id", "task_details"))
        if complaints:
            raise Refused(400, complaints)
        details = {field: as_object(sent["task_details"])[field] for field in TASK_DETAILS}
        batch = self.new_batch(str(sent["name"]), str(sent["workspace_id"]), details)
        created = self._apply(batch, sent)
        self.add(batch)
        return batch, created

    def patch_batch(self, batch_id: str, body: JSON) -> tuple[HeldBatch, list[str]]:
        """Change what a request names of a batch; returns it and the ids created in its layout."""
        with self._lock:
            batch = self.get(batch_id)
            sent = as_object(body)
            complaints = check_batch(sent, required=())
            if complaints:
                raise Refused(400, complaints)
            self._refuse_if_fixed(batch)
            created = self._apply(batch, sent)
            self._batches.put(batch)
        return batch, created

    def set_up(self, batch_id: str, body: JSON) -> HeldBatch:
        """Begin to make the tasks of a batch: each row of its dataset with all its instructions."""
        with self._lock:
            batch = self.get(batch_id)
            sent = as_object(body)
            complaints = self._check_setup(batch, sent)
            if complaints:
                raise Refused(400, complaints)
            dataset_id = str(sent.get("dataset_id") or batch.datasets[0]["id"])
            self.use_dataset(batch, dataset_id)
            held = self.datasets.shelf.find(dataset_id)
            batch.tasks = held.rows if held is not None else 0
            per_group = int(number_in(sent, "tasks_per_group", 1))
            groups = held.groups if held is not None else 0
            batch.task_groups = groups or -(-batch.tasks // per_group)
            self._world.begin(batch, self.switches.setup_ends)
            self._batches.put(batch)
        return batch

    def _check_setup(self, batch: HeldBatch, sent: Object) -> Complaints:
        complaints: Complaints = {}
        if not is_integer(sent.get("tasks_per_group", 1)) or number_in(sent, "tasks_per_group", 1) < 1:
            complaints["tasks_per_group"] = ["A valid integer of at least 1 is required."]
        dataset_id = sent.get("dataset_id", batch.datasets[0]["id"] if batch.datasets else None)
        held = self.datasets.shelf.find(dataset_id) if isinstance(dataset_id, str) else None
        if not is_uuid(dataset_id):
            complaints["dataset_id"] = [REQUIRED if dataset_id is None else "Must be a valid UUID."]
        elif held is not None and held.status != "READY":
            complaints["dataset_id"] = [f"The dataset is {held.status}, not READY."]
        if not batch.total_instruction_count:
            complaints["batch_items"] = ["The batch has no instructions."]
        again = batch.status == "PROCESSING" or (
            batch.status == "READY" and self.switches.second_setup == "refuse"
        )
        if again:
            complaints["status"] = [f"The batch is {batch.status}: it has been set up before."]
        return complaints

    def _apply(self, batch: HeldBatch, sent: Object) -> list[str]:
        pages, created = self._plan_layout(batch, sent)
        if "name" in sent:
            batch.name = str(sent["name"])
        if "task_details" in sent:
            batch.task_details = {field: as_object(sent["task_details"])[field] for field in TASK_DETAILS}
        if "dataset_id" in sent:
            self.use_dataset(batch, str(sent["dataset_id"]))
        if "auto_sync_enabled" in sent:
            batch.auto_sync_enabled = bool(sent["auto_sync_enabled"])
        if "batch_items" in sent:
            batch.batch_items = pages
            batch.instructions = []
        return created

    def _plan_layout(self, batch: HeldBatch, sent: Object) -> tuple[list[Object] | None, list[str]]:
        if sent.get("batch_items") is None:
            return None, []
        if batch.instructions and self.switches.layout_on_legacy == "refuse":
            raise Refused(400, {"batch_items": ["The batch has instructions without a layout."]})
        refuse_oversizes(sent["batch_items"], "batch_items", self.switches)
        pages = layout.check_layout(
            sent["batch_items"], batch.dataset_fields, lambda item: check_item(item, LAYOUT, self.switches)
        )
        known = layout.ids_of(batch.batch_items)
        unknown = [path for path, level in layout.ids_of(pages).items() if known.get(path) != level]
        if unknown and self.switches.unknown_id == "refuse":
            raise Refused(400, {"batch_items": [f"Unknown id {unknown[0]}."]})
        created: list[str] = []

        def give() -> str:
            created.append(self._world.ids.new())
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
            items = checked_items(body, form, self.switches)
            before = {str(item["id"]): item for item in batch.instructions}
            check_ids(items, before, self.switches)
            now = self._world.now()
            after = [self._held(item, form, before, now) for item in items]
            created = [str(item["id"]) for item in after if item["id"] not in before]
            batch.instructions = after
            batch.generations += 1
            self._batches.put(batch)
        return list(after), created

    def append_instructions(self, batch_id: str, body: JSON) -> tuple[list[Object], list[str]]:
        """Add instructions at the end of a batch; returns them and their ids."""
        self._refuse_if_gone()
        with self._lock:
            batch = self._legacy_batch(batch_id)
            items, now = checked_items(body, POST, self.switches), self._world.now()
            added = [self._held(item, POST, {}, now) for item in items]
            batch.instructions = [*batch.instructions, *added]
            self._batches.put(batch)
        return added, [str(item["id"]) for item in added]

    def set_instructions(self, batch_id: str, items: Iterable[Mapping[str, JSON]]) -> list[str]:
        """Set instructions unchecked, as if somebody else had edited them; returns their ids."""
        with self._lock:
            batch = self.get(batch_id)
            before = {str(item["id"]): item for item in batch.instructions}
            now = self._world.now()
            batch.instructions = [self._stamped(dict(item), item.get("id"), before, now) for item in items]
            self._batches.put(batch)
            return [str(item["id"]) for item in batch.instructions]

    def _refuse_if_fixed(self, batch: HeldBatch) -> None:
        """Refuse an edit of a batch with tasks, or with a study that participants see, as the switches say."""
        if self.studies.shows(batch.id):
            status, said = self.switches.edit_published, "A study of this batch has been published."
        elif batch.status == "PROCESSING":
            status, said = self.switches.edit_processing, "The tasks of this batch are being made."
        elif batch.status == "READY":
            status, said = self.switches.edit_ready, "This batch has tasks."
        else:
            return
        if status != 200:  # noqa: PLR2004 - HTTP status
            raise Refused(status, said)

    def _refuse_if_gone(self) -> None:
        if self.switches.put_instructions != 200:  # noqa: PLR2004 - HTTP status
            raise Refused(self.switches.put_instructions, _GONE)

    def _legacy_batch(self, batch_id: str) -> HeldBatch:
        batch = self.get(batch_id)
        if batch.batch_items is not None:
            said = "This batch uses batch_items. Manage its instructions with PATCH on the batch."
            raise Refused(422, said)
        self._refuse_if_fixed(batch)
        return batch

    def _held(self, item: Object, form: Form, before: Mapping[str, Object], now: str) -> Object:
        sent = str(item["id"]).lower() if "id" in item else ""
        return self._stamped(clean_instruction(item, form), sent if sent in before else None, before, now)

    def _stamped(self, item: Object, kept_id: JSON, before: Mapping[str, Object], now: str) -> Object:
        """Return an item with its id, time and creator; those of a kept instruction stay."""
        old = before.get(str(kept_id), {})
        stamp: Object = {
            "id": kept_id or self._world.ids.new(),
            "created_at": old.get("created_at") or now,
            "created_by": USER_ID,
        }
        return stamp | item | {"id": stamp["id"]}
