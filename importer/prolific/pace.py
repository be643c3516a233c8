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

from importer.errors import RateLimited, Stopped
from importer.hands import aside

#: Requests in flight when a run begins; unless told otherwise, at most (more do not help at 100 ms, measured);
#: and whatever is told.
FIRST_JOBS: Final = 8
DEFAULT_JOBS: Final = 32
MAX_JOBS: Final = 64
#: The longest that anybody waits because of one answer, in seconds; longer, and no turn is granted.
MAX_HOLD_S: Final = 120.0


@dataclass(slots=True)
class Turn:
    """
    One request's turn.

    Attributes:
        waited_s: How long it was held back by a rate limit, in seconds.
        left_at: When it left, on the pace's clock.
        is_objected: Whether the service asked for less; set by whoever reads the answer.
        hold_s: For how long nobody should ask again, in seconds.
    """

    waited_s: float = 0.0
    left_at: float = 0.0
    is_objected: bool = False
    hold_s: float = 0.0


class Pace:
    """
    Grants turns; used by any number of threads.

    Args:
        jobs: The most requests in flight.
        per_s: The most requests in a second; None for no ceiling.
        monotonic: Seconds that never go backwards.
        sleep: Waits some seconds; None: until they are over or `stop` is called.
    """

    def __init__(
        self,
        jobs: int = DEFAULT_JOBS,
        per_s: float | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._jobs = jobs
        self._limit = float(min(jobs, FIRST_JOBS))
        self._is_slow_start = True
        self._in_flight = 0
        self._gap_s = 1 / per_s if per_s else 0.0
        self._next_at = self._held_until = self._cut_at = float("-inf")
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._monotonic = monotonic
        self._sleep = sleep or self._stopped.wait

    def stop(self) -> None:
        """Grant no more turns; whoever waits for one gets `Stopped`, and sleepers wake."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Wait some seconds, or until `stop` is called."""
        with aside():
            self._sleep(seconds)

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return int(self._limit)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """
        Wait for a turn, and hold it.

        Raises:
            Stopped: `stop` was called before a turn was granted.
            RateLimited: An answer has asked for a pause that is longer than anybody waits.
        """
        turn, gap_s = self._begin()
        try:
            if gap_s > 0:
                self._sleep(gap_s)
            turn.waited_s += self._sit_out_hold()
            if self._stopped.is_set():
                raise Stopped("Interrupted before it was sent.")
            turn.left_at = self._monotonic()
            yield turn
        finally:
            self._end(turn)

    def _begin(self) -> tuple[Turn, float]:
        """Wait for a place in flight; returns the turn and how long the ceiling holds it back still."""
        held_s, sat_out = 0.0, float("-inf")
        while not self._stopped.is_set():
            with self._changed:
                now = self._monotonic()
                # What was sat out already is over, even if a test's clock did not move.
                hold_s = self._held_until - now if self._held_until > sat_out else 0.0
                if hold_s <= 0 and self._in_flight < self.limit:
                    self._in_flight += 1
                    leaves_at = max(self._next_at, now)
                    self._next_at = leaves_at + self._gap_s
                    return Turn(held_s + leaves_at - now, left_at=leaves_at), leaves_at - now
                if hold_s <= 0:
                    self._changed.wait()
                    continue
                _refuse_long(hold_s)
                sat_out = self._held_until
            self._sleep(hold_s)
            held_s += hold_s
        raise Stopped("Interrupted before it was sent.")

    def _sit_out_hold(self) -> float:
        """Wait for the end of a hold that came while the ceiling held a turn back; returns for how long."""
        with self._changed:
            now = self._monotonic()
            hold_s = self._held_until - now
            if hold_s <= 0:
                return 0.0
            _refuse_long(hold_s)
            leaves_at = max(self._next_at, self._held_until)
            self._next_at = leaves_at + self._gap_s
        self._sleep(leaves_at - now)
        return leaves_at - now

    def _end(self, turn: Turn) -> None:
        with self._changed:
            self._in_flight -= 1
            now = self._monotonic()
            if turn.hold_s > 0:
                self._held_until = max(self._held_until, now + turn.hold_s)
            if not turn.is_objected:
                self._limit = min(self._jobs, self._limit + (1.0 if self._is_slow_start else 1 / self._limit))
            # Requests that left before the last cut object to what has been cut already.
            elif turn.left_at >= self._cut_at:
                self._limit = max(1.0, self._limit / 2)
                self._is_slow_start = False
                self._cut_at = now
            # One place is free, and perhaps one more by now; to wake all who wait would wake most of them in vain.
            self._changed.notify(2)


def _refuse_long(hold_s: float) -> None:
    if hold_s > MAX_HOLD_S:
        raise RateLimited(
            f"Prolific asks for a pause of {hold_s / 60:.0f} minutes, so it was not sent. Run the same command again then.",
            hold_s,
        )
