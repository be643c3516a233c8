"""One thread works while the others wait."""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from importer import hands
from importer.hands import aside, working
from importer.push.crew import Crew


def test_one_works_at_a_time_and_waiting_lets_others_work():
    """Never two between two waits, and eight waits at the same time."""
    at_once, most, waiting, most_waiting = 0, 0, 0, 0
    lock = threading.Lock()

    def job() -> None:
        nonlocal at_once, most, waiting, most_waiting
        for _ in range(5):
            with lock:
                at_once += 1
                most = max(most, at_once)
            time.sleep(0.001)
            with lock:
                at_once -= 1
            with aside():
                with lock:
                    waiting += 1
                    most_waiting = max(most_waiting, waiting)
                time.sleep(0.02)
                with lock:
                    waiting -= 1

    futures = [Crew(8).submit(job) for _ in range(8)]
    for future in futures:
        future.result(20)
    assert (1, True) == (most, most_waiting > 2)


def test_a_crew_within_a_crew_does_not_wait_for_itself():
    """Whoever waits for others does not keep the hands that they need."""
    inner, outer = Crew(4), Crew(4)
    futures = [outer.submit(lambda: inner.map(lambda n: n * n, range(10))) for _ in range(6)]

    assert [[n * n for n in range(10)]] * 6 == [future.result(20) for future in futures]


def test_hands_come_back_after_a_failure():
    """In the work, and while it waits."""

    def fail() -> None:
        with aside():
            raise ValueError("while waiting")

    for _ in range(3):
        with pytest.raises(ValueError, match="while waiting"):
            Crew(2).submit(fail).result(20)
    assert 7 == Crew(2).submit(lambda: 7).result(20)


def test_without_hands_nothing_is_lent():
    """The main thread, and whoever is aside already."""
    with aside(), aside():
        pass
    with working(), aside(), aside():
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a thread choose its cores")
def test_a_crew_shares_one_core():
    """And whoever asked it keeps all that there are, so that helpers can be started on any."""
    before = os.sched_getaffinity(0)

    used = Crew(4).map(lambda _: os.sched_getaffinity(0), range(8))

    assert (1, 1) == (len(set(map(frozenset, used))), len(used[0]))
    assert used[0] <= before == os.sched_getaffinity(0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a thread choose its cores")
@pytest.mark.parametrize("said", ["", "12 (a) b) R 1 2", "12 (python) R" + " x" * 50])
def test_work_is_done_where_nobody_says_which_core_it_is(monkeypatch: pytest.MonkeyPatch, said: str):
    """Not every system that calls itself Linux has all of /proc."""
    hands._core.cache_clear()
    monkeypatch.setattr(hands.Path, "read_text", lambda *_: said)

    assert [1, 2] == Crew(2).map(lambda n: n + 1, [0, 1])
