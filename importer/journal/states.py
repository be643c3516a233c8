"""How far an import, or something that is to be made, has come."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """How far an import or a creation has come."""

    NEW = "new"
    PLANNED = "planned"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    WRITTEN = "written"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    GIVEN_UP = "given-up"

    @property
    def is_open(self) -> bool:
        """Whether there is still somewhere to go."""
        return self in OPEN


OPEN: Final = frozenset({State.NEW, State.PLANNED, State.SENT, State.ACKNOWLEDGED})
