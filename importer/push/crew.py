"""
Threads that work side by side.

A pool of our own, because the threads of `concurrent.futures` are waited for at the end of the
process: Ctrl-C would hang until the last answer has come. The journal makes it safe not to wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from threading import Lock, Thread
from typing import Any, TypeVar

from importer.hands import aside, share_core, working

T = TypeVar("T")
A = TypeVar("A")


class Crew:
    """
    Some threads; a crew of one is its caller, who does the work at once.

    Args:
        size: How many work side by side. Another one begins when there is work, and all others of it
            wait (`importer.hands.aside`); they end when there is none.
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._waiting: deque[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = deque()
        self._threads = 0
        self._at_work = 0  # of these, those that do not wait
        self._lock = Lock()

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Have some work done; whatever it raises, the future raises."""
        future: Future[T] = Future()
        if self.size == 1:
            _do(future, work, arguments)
            if not isinstance(future.exception(), Exception | None):
                future.result()  # Ctrl-C struck the caller, and must not wait until somebody asks
            return future
        with self._lock:
            self._waiting.append((future, work, arguments))
            self._begin_another()
        return future

    def map(self, work: Callable[[A], T], items: Iterable[A]) -> list[T]:
        """
        Do the same work for several items, and return the results in order; a single one is done at once.

        If one fails, no further one begins, and what has begun is waited for: the caller may hold
        the locks of all.
        """
        items = list(items)
        if self.size == 1 or len(items) == 1:
            return [work(item) for item in items]
        futures = [self.submit(work, item) for item in items]
        with aside():
            wait(futures, return_when=FIRST_EXCEPTION)
            begun = [future for future in futures if not future.cancel()]
            wait(begun)
        return [future.result() for future in begun]

    def _begin_another(self) -> None:
        """Have one more thread, if only that brings the work on; the lock is held."""
        if self._waiting and not self._at_work and self._threads < self.size:
            try:
                Thread(target=self._serve, name=f"crew-{self._threads + 1}", daemon=True).start()
            except RuntimeError:  # the system allows no more: those that there are do it all
                if not self._threads:
                    raise
                return
            self._threads += 1
            self._at_work += 1

    def _count(self, by: int) -> None:
        with self._lock:
            self._at_work += by
            self._begin_another()

    def _serve(self) -> None:
        share_core()
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    self._at_work -= 1
                    return
                job = self._waiting.popleft()
            with working(self._count):
                _do(*job)


def apart(work: Callable[..., T], *arguments: Any) -> Future[T]:
    """Begin some work in a thread of its own, where Ctrl-C does not strike it."""
    future: Future[T] = Future()
    Thread(target=_do, args=(future, work, arguments), name="crew-apart", daemon=True).start()
    return future


def _do(future: Future[Any], work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work(*arguments))
    except BaseException as failure:  # whoever asked gets it
        future.set_exception(failure)
