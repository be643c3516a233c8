"""
The bodies with which datasets, batches and studies are made, and how one of them is known again.

Source: "Create a dataset", "Create a batch", "Set up a batch" and "Create a study". For a study
made from a batch, external_study_url must not be sent, and places and completion codes need not be.
"""

from __future__ import annotations

from collections.abc import Mapping

from importer.contract import TASK_DETAILS
from importer.model import JSON, Batch, Dataset, Draft
from importer.texts import canonical

_DRAFT_FIELDS = (
    "name",
    "internal_name",
    "description",
    "reward",
    "estimated_completion_time",
    "total_available_places",
    "device_compatibility",
    "project",
)


def dataset_body(dataset: Dataset) -> dict[str, JSON]:
    """Return the body of POST datasets."""
    return {"name": dataset.name, "workspace_id": dataset.workspace_id}


def batch_body(batch: Batch) -> dict[str, JSON]:
    """Return the body of POST batches; its instructions come with the push that follows."""
    details = batch.details
    body: dict[str, JSON] = {
        "name": details.name,
        "workspace_id": batch.workspace_id,
        "task_details": dict(details.task_details),
    }
    return body | ({"dataset_id": details.dataset_id} if details.dataset_id else {})


def setup_body(tasks_per_group: int | None) -> dict[str, JSON]:
    """Return the body of POST batches/{id}/setup."""
    return {} if tasks_per_group is None else {"tasks_per_group": tasks_per_group}


def study_body(draft: Draft, batch_id: str) -> dict[str, JSON]:
    """Return the body of POST studies: a draft that shows a batch."""
    given = {name: getattr(draft, name) for name in _DRAFT_FIELDS}
    body: dict[str, JSON] = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value not in (None, ())
    }
    return body | {
        "prolific_id_option": "not_required",
        "data_collection_method": "AI_TASK_BUILDER_BATCH",
        "data_collection_id": batch_id,
        "data_collection_metadata": {"annotators_per_task": draft.annotators_per_task or 1},
        "filters": [],
        "submissions_config": {"max_submissions_per_participant": 1},
    }


def has_same_name(body: Mapping[str, JSON], item: Mapping[str, JSON]) -> bool:
    """Whether something that Prolific lists bears the name in a body, spaces aside."""
    return _folded(body.get("name")) == _folded(item.get("name"))


def is_same_batch(body: Mapping[str, JSON], item: Mapping[str, JSON]) -> bool:
    """Whether a batch that Prolific lists has the name and the task details of a body."""
    return has_same_name(body, item) and all(
        _folded(_details(body).get(name)) == _folded(_details(item).get(name)) for name in TASK_DETAILS
    )


def is_same_study(body: Mapping[str, JSON], item: Mapping[str, JSON]) -> bool:
    """Whether a study, as Prolific answers for it alone, has the names and the batch of a body."""
    names = ("name", "internal_name", "data_collection_id")
    return all(_folded(body.get(name)).lower() == _folded(item.get(name)).lower() for name in names)


def _details(item: Mapping[str, JSON]) -> Mapping[str, JSON]:
    found = item.get("task_details")
    return found if isinstance(found, Mapping) else {}


def _folded(text: JSON) -> str:
    """Return a text without what a server may tidy."""
    return " ".join(canonical(str(text or "")).split())
