"""
Threads that work side by side.

A pool of our own, because the threads of `concurrent.futures` are waited for at the end of the
process: Ctrl-C would hang until the last answer has come. The journal makes it safe not to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
A = TypeVar("A")


class Crew:
    """
    Some threads; a crew of one is its caller, who does the work at once.

    Args:
        size: How many work side by side; they begin when there is work for them.
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._queue: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        self._began = 0

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Have some work done; whatever it raises, the future raises."""
        future: Future[T] = Future()
        if self.size == 1:
            _do(future, work, arguments)
            return future
        self._queue.put((future, work, arguments))
        if self._began < self.size:
            self._began += 1
            Thread(target=self._serve, name=f"crew-{self._began}", daemon=True).start()
        return future

    def map(self, work: Callable[[A], T], items: Iterable[A]) -> list[T]:
        """Do the same work for several items, and return the results in order; a single one is done at once."""
        items = list(items)
        if len(items) == 1:
            return [work(items[0])]
        futures = [self.submit(work, item) for item in items]
        return [future.result() for future in futures]

    def _serve(self) -> None:
        while True:
            _do(*self._queue.get())


def _do(future: Future[Any], work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work(*arguments))
    except BaseException as failure:  # whoever asked gets it
        future.set_exception(failure)
