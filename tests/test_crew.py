"""Threads that work side by side: results in order, failures, Ctrl-C, and no thread that stays."""

from __future__ import annotations

import threading
import time
from threading import Barrier, Event

import pytest

from importer.hands import aside
from importer.push.crew import Crew, apart
from tests.sandboxes import wait_until


def crew_threads() -> int:
    return sum(thread.name.startswith("crew-") for thread in threading.enumerate())


@pytest.mark.parametrize("size", [1, 3])
def test_results_come_in_order(size: int):
    """Whoever ends first."""
    assert [0, 1, 4, 9, 16] == Crew(size).map(lambda n: n * n, range(5))


def test_so_many_work_side_by_side():
    """All of them at the same time: each waits for the others."""
    barrier = Barrier(4, timeout=20)

    def work(_: int) -> None:
        with aside():
            barrier.wait()

    assert 4 == len(Crew(4).map(work, range(4)))


@pytest.mark.parametrize("size", [1, 2])
def test_after_a_failure_nothing_begins_and_nothing_goes_on(size: int):
    """Whoever is told of it frees the locks: what is on its way has ended by then."""
    at_work, ended, begun = Event(), Event(), []

    def work(number: int) -> None:
        begun.append(number)
        if number == 0 and size > 1:
            at_work.set()
            with aside():
                failed.wait(0.2)  # the other one has long failed
            ended.set()
        elif number < size:
            with aside():
                at_work.wait(20 if size > 1 else 0)
            raise ValueError(number)
        else:
            with aside():
                ended.wait(20)

    failed = Event()
    with pytest.raises(ValueError, match=str(size - 1)):
        Crew(size).map(work, range(50))

    assert (size > 1) == ended.is_set()
    so_far = len(begun)
    assert so_far <= 2 * size
    wait_until(lambda: crew_threads() == 0)
    assert so_far == len(begun)


def test_threads_end_with_their_work():
    """A process that lives long runs many crews."""
    Crew(8).map(lambda _: None, range(100))
    wait_until(lambda: crew_threads() == 0)


def test_ctrl_c_ends_a_crew_of_one_at_once():
    """It is its caller's thread that Ctrl-C strikes; the next piece of work must not begin."""
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        raise KeyboardInterrupt

    crew = Crew(1)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            crew.submit(work, 1)
    with pytest.raises(KeyboardInterrupt):
        crew.map(work, (2, 3))
    assert [1, 1, 2] == begun


def test_apart_is_another_thread():
    """So that Ctrl-C does not strike the work itself."""
    assert threading.current_thread() is not apart(threading.current_thread).result(20)


def test_where_no_more_threads_can_begin_the_others_do_it_all(monkeypatch: pytest.MonkeyPatch):
    """A system may allow a few only; without any, whoever asks is told."""
    allowed, start = 2, threading.Thread.start

    def start_if_allowed(thread: threading.Thread) -> None:
        if crew_threads() >= allowed:
            raise RuntimeError("can't start new thread")
        start(thread)

    def work(number: int) -> int:
        with aside():
            time.sleep(0.01)
        return number

    monkeypatch.setattr(threading.Thread, "start", start_if_allowed)
    assert list(range(20)) == Crew(8).map(work, range(20))
    allowed = 0
    wait_until(lambda: not crew_threads())
    with pytest.raises(RuntimeError, match="can't start"):
        Crew(8).map(work, range(20))
