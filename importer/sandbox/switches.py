"""
What nobody knows about Prolific, as switches: the sandbox can behave either way.

Source: the API documents leave open what an unknown id does, whether a type may change under a
kept id, whether an empty list is accepted, and which error body comes; several are documented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importer.model import JSON

_REFUSALS: Final = (400, 409, 422)
#: What each switch may be set to; the first is the default.
ALLOWED: Final[dict[str, Sequence[str | int | bool]]] = {
    "error_shape": ("wrapped", "unwrapped", "flat", "message", "detail", "text"),
    "parent": ("seed", "live"),
    "put_types": ("seed", "live"),
    "unknown_id": ("refuse", "create"),
    "type_change": ("accept", "refuse"),
    "empty_list": ("accept", "refuse"),
    "duplicate_values": ("accept", "refuse"),
    "max_text": range(1_000_001),
    "max_count": range(1_000_001),
    "star_rating": ("refuse", "accept"),
    "layout_on_legacy": ("replace", "refuse"),
    "response_order": ("sent", "reversed", "by_id"),
    "edit_processing": (400, 200, 409, 422),
    "edit_ready": (200, *_REFUSALS),
    "edit_published": (*_REFUSALS, 200),
    "deprecation": (False, True),
    "get_instructions": (200, 404, 410),
    "put_instructions": (200, 404, 410),
    "setup_answer": (202, 204),
    "second_setup": ("refuse", "accept"),
    "setup_ends": ("READY", "ERROR"),
    "dataset_ends": ("READY", "ERROR"),
    "processing_reads": range(1, 1001),
}


@dataclass
class Switches:
    """
    How the sandbox behaves where the documents are silent or several things are documented.

    Whether a refusal for now has `Retry-After`, and in which form, and what becomes of HTML, are
    faults (`importer.sandbox.faults`): `rate-limited…`, `text-…`.

    Attributes:
        error_shape: Body of a refusal: `{"error": {…}}`, the same without the wrapper, `{message,
            detail}`, `{message}`, `{detail}`, or plain text.
        parent: Instructions say whose they are as `batch_id` (seed) or as `parent_id` and
            `parent_type` (live).
        put_types: Types that PUT takes: the three of the seed, or the five of today.
        unknown_id: An id that the batch does not have: refused with 400, or taken as new.
        type_change: Another type under a kept id.
        empty_list: A PUT without any instruction.
        duplicate_values: Two options of an instruction with one value.
        max_text: Longest text of an instruction or content, in characters; 0 for no limit.
        max_count: Longest list of instructions, options, pages …; 0 for no limit.
        star_rating: The type that only an unfinished client has, in a layout.
        layout_on_legacy: A layout for a batch that has instructions: takes their place, or is refused.
        response_order: Instructions in the answer to POST and PUT: as sent, backwards, or by id.
        edit_processing: Status of the answer to an edit while tasks are being made.
        edit_ready: … when tasks exist.
        edit_published: … when participants see a study of the batch.
        deprecation: Send `Deprecation` and `Sunset` on the instructions endpoints.
        get_instructions: 200, or the status that the switched-off GET answers.
        put_instructions: 200, or the status that the switched-off POST and PUT answer.
        setup_answer: Status of a setup that begins; its body is empty.
        second_setup: A setup of a batch that is READY.
        setup_ends: How the next setup ends.
        dataset_ends: How the next upload ends; a file without rows ends in ERROR always.
        processing_reads: How many readings of a batch or dataset still say PROCESSING.
    """

    error_shape: str = "wrapped"
    parent: str = "seed"
    put_types: str = "seed"
    unknown_id: str = "refuse"
    type_change: str = "accept"
    empty_list: str = "accept"
    duplicate_values: str = "accept"
    max_text: int = 0
    max_count: int = 0
    star_rating: str = "refuse"
    layout_on_legacy: str = "replace"
    response_order: str = "sent"
    edit_processing: int = 400
    edit_ready: int = 200
    edit_published: int = 400
    deprecation: bool = False
    get_instructions: int = 200
    put_instructions: int = 200
    setup_answer: int = 202
    second_setup: str = "refuse"
    setup_ends: str = "READY"
    dataset_ends: str = "READY"
    processing_reads: int = 1

    def __setattr__(self, name: str, value: str | int | bool) -> None:
        """Set a switch; ValueError if there is no such switch or setting."""
        allowed = ALLOWED.get(name)
        if allowed is None:
            raise ValueError(f"{name!r} is not a switch. Use one of: {', '.join(ALLOWED)}.")
        if value not in allowed:
            known = (
                f"{allowed[0]} to {allowed[-1]}"
                if isinstance(allowed, range)
                else ", ".join(map(str, allowed))
            )
            raise ValueError(f"{name} cannot be {value!r}. Use one of: {known}.")
        super().__setattr__(name, value)

    def turn(self, asked: str) -> None:
        """Set a switch from text, `put_instructions=410`; ValueError as for `__setattr__`."""
        name, _, text = asked.partition("=")
        allowed = ALLOWED.get(name, ())
        setattr(self, name, next((one for one in allowed if str(one).lower() == text.lower()), text))

    def to_json(self) -> dict[str, JSON]:
        """Return every switch by name."""
        return asdict(self)
