"""
The two wire forms behind one interface: each question is asked here, and answered by the form it is about.

An import's body names its form by its key. What Prolific answered is a list of instructions, or the
list of a layout's pages; an empty list says the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from importer.wire import batch_items
from importer.wire.instructions import Held, Sent, content_of, from_item

if TYPE_CHECKING:
    from importer.model import JSON

#: What Prolific answered: instructions, or pages.
Answered: TypeAlias = "Sequence[Mapping[str, JSON]]"


class Form(StrEnum):
    """How a batch takes its instructions."""

    INSTRUCTIONS = "instructions"  # PUT, a list
    BATCH_ITEMS = "batch_items"  # PATCH, a layout


def form_of(body: Mapping[str, JSON]) -> Form:
    """Return the wire form of a body."""
    return Form.BATCH_ITEMS if Form.BATCH_ITEMS in body else Form.INSTRUCTIONS


def is_layout(answered: Answered) -> bool:
    """Whether an answer is a list of pages."""
    return any("rows" in entry for entry in answered)


def to_held(answered: Answered) -> tuple[Held, ...]:
    """
    Read the instructions of an answer, in order.

    Raises:
        OutcomeUnknown: It cannot be read.
    """
    if is_layout(answered):
        return batch_items.to_held(answered)
    return tuple(from_item(item) for item in answered)


def count(answered: Answered) -> int:
    """Return how many instructions an answer shows; in a layout, what nobody knows counts as one."""
    return batch_items.asking(answered) if is_layout(answered) else len(answered)


def to_sent(body: Mapping[str, JSON], refs: Sequence[str]) -> tuple[Sent, ...]:
    """
    Return the instructions of a body, in order.

    Args:
        body: Of a PUT, or a PATCH with a layout.
        refs: The ref of each of its items; "" for one that the sheet does not describe.
    """
    return tuple(
        Sent(ref, None if item.get("id") is None else str(item["id"]).lower(), content_of(item))
        for ref, item in zip(refs, _items(body), strict=True)
        if ref
    )


def _items(body: Mapping[str, JSON]) -> Sequence[Mapping[str, JSON]]:
    listed = entries(body)
    return batch_items.sent_items(listed) if form_of(body) is Form.BATCH_ITEMS else listed


def entries(body: Mapping[str, JSON]) -> list[Mapping[str, JSON]]:
    """Return the instructions, or the pages, of a body."""
    listed = body[form_of(body)]
    assert isinstance(listed, list)  # noqa: S101 - we built it
    return [entry for entry in listed if isinstance(entry, dict)]


def lies_as_sent(body: Mapping[str, JSON], answered: Answered) -> bool:
    """Whether an answer is laid out as it was sent; nothing promises the order of a list of instructions."""
    if form_of(body) is Form.INSTRUCTIONS:
        return not is_layout(answered)
    return batch_items.lies_as_sent(entries(body), answered)


def descriptions(answered: Answered) -> list[str]:
    """Return what the instructions of an answer, or of a body's list, ask."""
    items = batch_items.sent_items(answered) if is_layout(answered) else answered
    return [str(item.get("description", "")) for item in items if "description" in item]
