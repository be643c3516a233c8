"""One batch as the sandbox holds it, and the shapes in which it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.sandbox.layout import Object, instructions_of

if TYPE_CHECKING:
    from importer.model import JSON


@dataclass(slots=True)
class HeldBatch:
    """
    A batch and everything in it.

    Attributes:
        instructions: Of a legacy batch, each with `id`, `created_at` and `created_by`.
        batch_items: The layout; None for a legacy batch.
        dataset_fields: Fields of the dataset's schema that a layout may show.
        generations: How many PUTs of instructions were committed.
        tasks: What its setup made, or is making.
        task_groups: Into how many groups the tasks were put.
        outcome: How PROCESSING will end; "" if it never does.
        readings_left: How many more readings still say PROCESSING.
    """

    id: str
    created_at: str
    created_by: str
    name: str
    workspace_id: str
    task_details: Object
    status: str = "UNINITIALISED"
    datasets: list[Object] = field(default_factory=list)
    instructions: list[Object] = field(default_factory=list)
    batch_items: list[Object] | None = None
    auto_sync_enabled: bool = False
    dataset_fields: list[str] = field(default_factory=list)
    generations: int = 0
    tasks: int = 0
    task_groups: int = 0
    outcome: str = ""
    readings_left: int = 0

    @property
    def total_instruction_count(self) -> int:
        """How many instructions the batch has, in either wire form."""
        return len(self.instructions) + len(instructions_of(self.batch_items))

    def seed_json(self) -> dict[str, JSON]:
        """
        Return the answer to PATCH: the fields of the seed, and the layout only if there is one.

        Source: schema AITaskBuilderBatch of "Update a Batch".
        """
        shape = self.created_json()
        groups = self.task_groups if self.status == "READY" else 0
        shape |= {"schema_version": 3, "total_task_groups": groups, "datasets": list(self.datasets)}
        return shape

    def live_json(self) -> dict[str, JSON]:
        """Return the answer to GET: also `batch_items`, null for a legacy batch."""
        pages: list[JSON] | None = None if self.batch_items is None else list(self.batch_items)
        return self.seed_json() | {"batch_items": pages, "auto_sync_enabled": self.auto_sync_enabled}

    def created_json(self) -> dict[str, JSON]:
        """
        Return the answer to POST: no schema version, task groups or file names.

        Source: "Create a Batch" of today.
        """
        datasets = [
            {name: value for name, value in one.items() if name != "filename"} for one in self.datasets
        ]
        shape: dict[str, JSON] = {
            "id": self.id,
            "created_at": self.created_at,
            "created_by": self.created_by,
            "datasets": list(datasets),
            "name": self.name,
            "status": self.status,
            "total_task_count": self.tasks if self.status == "READY" else 0,
            "total_instruction_count": self.total_instruction_count,
            "workspace_id": self.workspace_id,
            "task_details": self.task_details,
        }
        if self.batch_items is not None:
            shape["batch_items"] = list(self.batch_items)
        return shape

    def instructions_json(self, parent: str) -> list[JSON]:
        """
        Return the answer to GET instructions, in the order in which they are shown.

        Args:
            parent: "seed" (`batch_id`) or "live" (`parent_id` and `parent_type`).
        """
        laid_out = [
            {"created_at": self.created_at, "created_by": self.created_by} | item
            for item in instructions_of(self.batch_items)
        ]
        return [self.instruction_json(item, parent) for item in [*self.instructions, *laid_out]]

    def instruction_json(self, item: Object, parent: str) -> JSON:
        """Return one instruction with its parent in the wanted form."""
        whose: Object = (
            {"parent_id": self.id, "parent_type": "batch"} if parent == "live" else {"batch_id": self.id}
        )
        head: Object = {"id": item["id"], "created_at": item["created_at"], "type": item["type"]}
        return head | whose | item
