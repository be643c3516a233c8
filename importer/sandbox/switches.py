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

#: What each switch may be set to; the first is the default.
ALLOWED: Final[dict[str, Sequence[str | int | bool]]] = {
    "error_shape": ("wrapped", "unwrapped", "flat", "message", "detail", "text"),
    "parent": ("seed", "live"),
    "put_types": ("seed", "live"),
    "unknown_id": ("refuse", "create"),
    "type_change": ("accept", "refuse"),
    "empty_list": ("accept", "refuse"),
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

    Attributes:
        error_shape: Body of a refusal: `{"error": {…}}`, the same without the wrapper, `{message,
            detail}`, `{message}`, `{detail}`, or plain text.
        parent: Instructions say whose they are as `batch_id` (seed) or as `parent_id` and
            `parent_type` (live).
        put_types: Types that PUT takes: the three of the seed, or the five of today.
        unknown_id: An id in a PUT that the batch does not have: refused with 400, or taken as new.
        type_change: Another type under a kept id.
        empty_list: A PUT without any instruction.
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

    def to_json(self) -> dict[str, JSON]:
        """Return every switch by name."""
        return asdict(self)
