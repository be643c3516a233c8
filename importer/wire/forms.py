"""
The two wire forms behind one interface: each question is asked here, and answered by the form it is about.

An import's body names its form by its key. What Prolific answered is a list of instructions, or the
list of a layout's pages; an empty list says the same in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from importer.wire import batch_items
from importer.wire.batch_items import CONTENT_TYPES
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


def to_sent(body: Mapping[str, JSON], refs: Sequence[str]) -> tuple[Sent, ...]:
    """
    Return the instructions of a body, in order.

    Args:
        body: Of a PUT, or a PATCH with a layout.
        refs: The ref of each of its items; "" for one that the sheet does not describe.
    """
    return tuple(one for one, _ in _sent(body, refs) if one.content.type not in CONTENT_TYPES)


def to_blocks(
    body: Mapping[str, JSON], refs: Sequence[str], answered: Answered
) -> tuple[tuple[Sent, Held], ...]:
    """
    Return the content blocks of a body that the sheet describes, each with what lies in its place.

    Args:
        body: Of a PUT, which has none, or a PATCH with a layout.
        refs: The ref of each of its items; "" for one that the sheet does not describe.
        answered: What is laid out as it was sent (`lies_as_sent`).
    """
    if form_of(body) is Form.INSTRUCTIONS:
        return ()
    there = batch_items.sent_items(answered)
    sent = _sent(body, refs)
    return tuple((one, from_item(there[at])) for one, at in sent if one.content.type in CONTENT_TYPES)


def is_harmless_twice(body: Mapping[str, JSON], refs: Sequence[str]) -> bool:
    """Whether a body creates nothing that would get an id."""
    return all(one.id is not None or one.content.field for one, _ in _sent(body, refs))


def _sent(body: Mapping[str, JSON], refs: Sequence[str]) -> Iterator[tuple[Sent, int]]:
    """Yield what the sheet describes of a body, each with its number among the items."""
    for at, (ref, item) in enumerate(zip(refs, _items(body), strict=True)):
        if ref:
            yield Sent(ref, None if item.get("id") is None else str(item["id"]).lower(), content_of(item)), at


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
