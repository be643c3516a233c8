"""
Ids as Prolific gives them: UUIDs of version 7, each greater than the one before.

The documented example ids are of version 7, so sorting by id gives the order of creation; the
sandbox keeps that true within one millisecond too. Python has `uuid.uuid7` from 3.14 only.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from random import Random
from typing import Final

_RANDOM_BITS: Final = 74
_LOW_BITS: Final = 62
#: The step within one millisecond: random, so that ids are not neighbours.
_STEP_BITS: Final = 32
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


class Ids:
    """
    Gives ids that rise, also when the clock stands still or goes back.

    Source: RFC 9562, §5.7 (layout) and §6.2 (monotonic random).
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # Ids are no secrets: one system call for all of them, instead of two for each.
        self._random = Random().getrandbits  # noqa: S311
        self._lock = threading.Lock()
        self._last = 0

    def new(self) -> str:
        """Return the next id, as lower-case text."""
        fresh = int(self._clock() * 1000) << _RANDOM_BITS | self._random(_RANDOM_BITS)
        with self._lock:
            self._last = max(fresh, self._last + 1 + self._random(_STEP_BITS))
            bits = self._last
        milliseconds, rest = bits >> _RANDOM_BITS, bits & ((1 << _RANDOM_BITS) - 1)
        high, low = rest >> _LOW_BITS, rest & ((1 << _LOW_BITS) - 1)
        digits = f"{milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_uuid(value: object) -> bool:
    """Whether a value is a UUID written the usual way (36 characters, any case)."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None
