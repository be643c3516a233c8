"""How many requests are in flight, and when the next one may leave; on a clock of our own."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from importer.errors import RateLimited, Stopped
from importer.prolific.pace import FIRST_JOBS, MAX_HOLD_S, Pace


class Clock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pace_of(clock: Clock, jobs: int = 64, per_s: float | None = None) -> Pace:
    return Pace(jobs, per_s, monotonic=clock, sleep=clock.sleep)


def ask(pace: Pace, clock: Clock, *, is_objected: bool = False, hold_s: float = 0.0) -> float:
    """Make one request that takes a tenth of a second; returns how long it was held back."""
    with pace.turn() as turn:
        clock.now += 0.1
        turn.is_objected, turn.hold_s = is_objected, hold_s
    return turn.waited_s


def test_it_begins_with_a_few_and_grows_to_the_most(clock: Clock):
    """One for every answer, as long as nobody objects."""
    pace = pace_of(clock, jobs=20)
    assert FIRST_JOBS == pace.limit
    ask(pace, clock)
    assert FIRST_JOBS + 1 == pace.limit
    for _ in range(50):
        ask(pace, clock)
    assert 20 == pace.limit


def test_one_job_stays_one(clock: Clock):
    """--jobs 1 is one at a time from the beginning."""
    pace = pace_of(clock, jobs=1)
    for _ in range(5):
        ask(pace, clock)
        assert 1 == pace.limit


def test_an_objection_halves_and_growth_is_slow_then(clock: Clock):
    """A round of answers adds one."""
    pace = pace_of(clock)
    for _ in range(8):
        ask(pace, clock)
    assert 16 == pace.limit
    ask(pace, clock, is_objected=True)
    assert 8 == pace.limit
    for _ in range(9):
        ask(pace, clock)
    assert 9 == pace.limit


def test_it_never_stops_altogether(clock: Clock):
    """One request at a time is the least."""
    pace = pace_of(clock)
    for _ in range(10):
        ask(pace, clock, is_objected=True)
    assert 1 == pace.limit


def test_objections_of_one_round_count_once(clock: Clock):
    """Eight requests in flight are refused together: that is one objection to eight, not to one."""
    pace = pace_of(clock)
    with ExitStack() as stack:
        turns = [stack.enter_context(pace.turn()) for _ in range(8)]
        clock.now += 0.1
        for turn in turns:
            turn.is_objected = True
    assert 4 == pace.limit


def test_retry_after_holds_everybody_back(clock: Clock):
    """Whoever asks next waits, and is told how long."""
    pace = pace_of(clock)
    ask(pace, clock, is_objected=True, hold_s=7)
    assert 7 == pytest.approx(ask(pace, clock))
    assert 0 == ask(pace, clock)


def test_a_long_retry_after_ends_the_run(clock: Clock):
    """Nobody wants thousands of workbooks to wait for hours, each for itself."""
    pace = pace_of(clock)
    ask(pace, clock, is_objected=True, hold_s=MAX_HOLD_S + 60)
    with pytest.raises(RateLimited, match="a pause of 3 minutes"):
        ask(pace, clock)


def test_a_long_retry_after_that_comes_while_the_ceiling_holds(clock: Clock):
    """Whoever has a turn already, and waits for the ceiling, leaves no more either."""
    pace = pace_of(clock, per_s=5)

    def object_meanwhile(seconds: float) -> None:
        clock.now += seconds
        pace._held_until = clock.now + MAX_HOLD_S + 60  # as the answer to a request in flight would

    ask(pace, clock)
    pace._sleep = object_meanwhile
    with pytest.raises(RateLimited, match="a pause of 3 minutes"):
        ask(pace, clock)


def test_a_ceiling_spreads_requests(clock: Clock):
    """Five a second leave a fifth of a second apart."""
    pace = pace_of(clock, per_s=5)
    left = []
    for _ in range(5):
        with pace.turn():
            left.append(clock.now)
    assert [0.0, 0.2, 0.4, 0.6, 0.8] == pytest.approx(left)


def test_whoever_waits_for_the_ceiling_waits_for_retry_after_too(clock: Clock):
    """A turn that was granted before the objection came leaves behind its hold, and still one by one."""
    pace, left = pace_of(clock, per_s=5), []

    def object_meanwhile(seconds: float) -> None:
        clock.now += seconds
        if not left:
            pace._held_until = 7.0  # as the answer to a request in flight would

    pace._sleep = object_meanwhile
    with pace.turn():
        pass
    for _ in range(3):
        with pace.turn() as turn:
            left.append(clock.now)
            assert turn.waited_s == pytest.approx(7.0 if len(left) == 1 else 0.2)
    assert [7.0, 7.2, 7.4] == pytest.approx(left)


def test_threads_never_exceed_the_limit():
    """Real threads on the real clock."""
    pace = Pace(4)
    now, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal now, most
        for _ in range(20):
            with pace.turn():
                with lock:
                    now += 1
                    most = max(most, now)
                time.sleep(0.0005)
                with lock:
                    now -= 1

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert 4 == most


def test_stop_wakes_whoever_waits():
    """For a turn, or because of Retry-After; what is in flight may end."""
    pace, stopped = Pace(1), []

    def work() -> None:
        try:
            with pace.turn():
                pass
        except Stopped:
            stopped.append(1)

    with pace.turn() as turn:
        turn.hold_s = 60
        waiting = threading.Thread(target=work)
        waiting.start()
        pace.stop()
        waiting.join(10)
    sleeping = threading.Thread(target=work)
    sleeping.start()
    sleeping.join(10)
    assert [1, 1] == stopped
