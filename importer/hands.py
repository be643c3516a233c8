"""
One pair of hands for many threads: whoever waits lets another one work.

Thirty threads that all have a little to do fight for the interpreter's lock at every system call
(measured: 420 changes of thread for each workbook, and a third of the time). Threads are for
waiting here, so at any time one of them works, and the others wait for Prolific or for the disk.
And since one of them works, one core is enough: to hand the work over to another core each time
takes a fifth of the time (measured on two cores, beside helpers).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final

_HANDS: Final = threading.Lock()
_MINE: Final = threading.local()


def share_core() -> None:
    """Keep this thread, and whatever it starts, on the core that all threads with work for hands share."""
    if sys.platform == "linux":
        with suppress(OSError, ValueError, IndexError):  # it is faster there, no more
            os.sched_setaffinity(0, {_core()})


@cache
def _core() -> int:
    """Return the core on which the first who asks runs now: the system has found it a good one."""
    # Behind the program's name in brackets, which may hold anything: proc_pid_stat(5), field 39.
    fields = Path("/proc/thread-self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return int(fields[36])


@contextmanager
def working(tell: Callable[[int], None] = lambda _: None) -> Iterator[None]:
    """
    Have the hands; for threads of a crew, so that nobody else needs to know of them.

    Args:
        tell: Is called with -1 when this thread lends them, and with 1 when it has them again.
    """
    with _HANDS:
        _MINE.tell = tell
        try:
            yield
        finally:
            _MINE.tell = None


@contextmanager
def aside() -> Iterator[None]:
    """Lend the hands to others while this thread waits for something; without them, do nothing."""
    tell: Callable[[int], None] | None = getattr(_MINE, "tell", None)
    if tell is None:
        yield
        return
    _MINE.tell = None
    _HANDS.release()
    tell(-1)
    try:
        yield
    finally:
        _HANDS.acquire()
        tell(1)
        _MINE.tell = tell
