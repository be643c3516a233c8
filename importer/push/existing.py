"""
What Prolific holds of a batch now, and how we know.

A batch made of pages shows its instructions itself. Of any other they are listed, but that list is
deprecated and may be gone any day, so there are four sources, best first: the instructions
themselves, a batch that counts none, what the last push was answered (the journal), nobody. The
plan says which.

Source: "Get a Batch" and "List instructions" of the data-collection API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from importer.contract import TASK_DETAILS
from importer.plan import Existing
from importer.push.reading import Fetched, Items
from importer.wire.forms import is_layout, to_held

if TYPE_CHECKING:
    from importer.model import JSON


#: A batch that `importer setup` is to make.
ABSENT: Final = Existing(
    batch_id="",
    name="",
    task_details={},
    dataset_id=None,
    status="",
    pages=None,
    held=(),
    source="absent",
)


def known_items(fetched: Fetched, last_known: Items | None) -> tuple[Items | None, str]:
    """
    Return what the batch holds, from the best source there is.

    Args:
        fetched: What Prolific answered.
        last_known: What the journal remembers of the last push; None if nothing.

    Returns:
        The items (None: nobody knows) and the name of their source.
    """
    if fetched.items is not None:
        return fetched.items, "instructions" if fetched.batch.get("batch_items") is None else "batch_items"
    if fetched.count == 0:
        return [], "count"
    if last_known is not None and not is_layout(last_known) and fetched.count == len(last_known):
        return last_known, "journal"
    return None, "unknown"


def to_existing(batch_id: str, batch: dict[str, JSON], items: Items | None, source: str) -> Existing:
    """Build the plan's view of what Prolific holds."""
    details = batch.get("task_details")
    given = details if isinstance(details, dict) else {}
    return Existing(
        batch_id=batch_id,
        name=str(batch.get("name") or ""),
        task_details={name: str(given[name]) for name in TASK_DETAILS if given.get(name) is not None},
        dataset_id=_dataset_id(batch),
        status=str(batch.get("status") or ""),
        pages=None if batch.get("batch_items") is None else items,
        held=None if items is None else to_held(items),
        source=source,
    )


def _dataset_id(batch: dict[str, JSON]) -> str | None:
    datasets = batch.get("datasets")
    first = datasets[0] if isinstance(datasets, list) and datasets else None
    return str(first["id"]) if isinstance(first, dict) and first.get("id") else None
