"""
One pair of hands for many threads: whoever waits lets another one work.

Thirty threads that all have a little to do fight for the interpreter's lock at every system call
(measured: 420 changes of thread for each workbook, and a third of the time). Threads are for
waiting here, so at any time one of them works, and the others wait for Prolific or for the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_HANDS: Final = threading.Lock()
_MINE: Final = threading.local()


@contextmanager
def working() -> Iterator[None]:
    """Have the hands; for threads of a crew, so that nobody else needs to know of them."""
    with _HANDS:
        _MINE.are_mine = True
        try:
            yield
        finally:
            _MINE.are_mine = False


@contextmanager
def aside() -> Iterator[None]:
    """Lend the hands to others while this thread waits for something; without them, do nothing."""
    if not getattr(_MINE, "are_mine", False):
        yield
        return
    _MINE.are_mine = False
    _HANDS.release()
    try:
        yield
    finally:
        _HANDS.acquire()
        _MINE.are_mine = True
