"""
The pace of a run: how many requests are in flight, and when the next one may leave.

One pace serves all threads of a client. It begins with a few requests at a time and adds one for
every answer until the service objects; from then on it halves at each objection (429, or no answer
in time) and adds one for every round of answers: additive increase, multiplicative decrease, as
TCP does. `Retry-After` holds everybody back.

Source: no limit of Prolific's is documented, so it is found.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

#: Requests in flight when a run begins, and the most that are useful (measured: more do not help at 100 ms).
FIRST_JOBS: Final = 8
MAX_JOBS: Final = 32
#: The longest that one answer can hold everybody back, in seconds.
MAX_HOLD_S: Final = 120.0


@dataclass(slots=True)
class Turn:
    """
    One request's turn.

    Attributes:
        waited_s: How long it was held back by a rate limit, in seconds.
        is_objected: Whether the service asked for less; set by whoever reads the answer.
        hold_s: For how long nobody should ask again, in seconds.
    """

    waited_s: float = 0.0
    is_objected: bool = False
    hold_s: float = 0.0


class Pace:
    """
    Grants turns; used by any number of threads.

    Args:
        jobs: The most requests in flight.
        per_s: The most requests in a second; None for no ceiling.
        monotonic: Seconds that never go backwards.
        wait: Waits on a condition for some seconds.
    """

    def __init__(
        self,
        jobs: int = MAX_JOBS,
        per_s: float | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Condition, float | None], object] = threading.Condition.wait,
    ) -> None:
        self._jobs = jobs
        self._limit = float(min(jobs, FIRST_JOBS))
        self._is_slow_start = True
        self._in_flight = 0
        self._gap_s = 1 / per_s if per_s else 0.0
        self._next_at = self._held_until = self._cut_at = float("-inf")
        self._changed = threading.Condition()
        self._monotonic = monotonic
        self._wait = wait

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return int(self._limit)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Wait for a turn, and hold it."""
        turn = Turn(self._begin())
        began_at = self._monotonic()
        try:
            yield turn
        finally:
            self._end(turn, began_at)

    def _begin(self) -> float:
        """Wait until a request may leave; returns how long a rate limit, not the others, held it back."""
        waited_s = 0.0
        with self._changed:
            while True:
                now = self._monotonic()
                pause_s = max(self._next_at, self._held_until) - now
                if pause_s > 0:
                    self._wait(self._changed, pause_s)
                    waited_s += self._monotonic() - now
                elif self._in_flight >= self.limit:
                    self._wait(self._changed, None)
                else:
                    self._in_flight += 1
                    self._next_at = now + self._gap_s
                    return waited_s

    def _end(self, turn: Turn, began_at: float) -> None:
        with self._changed:
            self._in_flight -= 1
            now = self._monotonic()
            if turn.hold_s > 0:
                self._held_until = max(self._held_until, now + min(turn.hold_s, MAX_HOLD_S))
            if not turn.is_objected:
                self._limit = min(self._jobs, self._limit + (1.0 if self._is_slow_start else 1 / self._limit))
            # Requests that left before the last cut object to what has been cut already.
            elif began_at >= self._cut_at:
                self._limit = max(1.0, self._limit / 2)
                self._is_slow_start = False
                self._cut_at = now
            self._changed.notify_all()
