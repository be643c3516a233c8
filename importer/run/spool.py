"""What waits for its turn: some objects in memory, the others in a file that nobody else sees."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from contextlib import suppress
from threading import Lock
from typing import Any, Final

#: Objects that stay in memory; a run of so few workbooks pays nothing.
LIVE: Final = 512


class Spool:
    """
    Objects by key, in a bounded amount of memory; any number of threads may use it.

    The file has no name, and is gone with the process: it holds the texts of studies. Where the
    disk has no room, memory has to do.
    """

    def __init__(self, live: int = LIVE) -> None:
        self._max_live = live
        self._live: dict[object, Any] = {}
        self._pickled: dict[object, bytes] = {}
        self._places: dict[object, tuple[int, int]] = {}
        # Without a buffer, so that a full disk shows at once.
        self._file = tempfile.TemporaryFile(prefix="importer-", buffering=0)  # noqa: SIM115 - lives as long as this
        weakref.finalize(self, self._file.close)
        self._end = 0
        self._lock = Lock()

    def __contains__(self, key: object) -> bool:
        return key in self._live or key in self._pickled or key in self._places

    def __setitem__(self, key: object, value: object) -> None:
        with self._lock:
            if key in self._live or len(self._live) < self._max_live:
                self._live[key] = value
                return
        self._put_pickled(key, pickle.dumps(value, pickle.HIGHEST_PROTOCOL))

    def put(self, key: object, value: object) -> None:
        """Keep an object, or one that is pickled already: bytes from our own other process."""
        if isinstance(value, bytes):
            self._put_pickled(key, value)
        else:
            self[key] = value

    def _put_pickled(self, key: object, pickled: bytes) -> None:
        with self._lock:
            if len(self._pickled) >= self._max_live:
                with suppress(OSError):
                    self._places[key] = self._write(pickled)
                    self._pickled.pop(key, None)
                    return
            self._pickled[key] = pickled

    def __getitem__(self, key: object) -> Any:
        with self._lock:
            if key in self._live:
                return self._live[key]
            pickled = self._pickled[key] if key in self._pickled else self._read(*self._places[key])
        value = pickle.loads(pickled)  # noqa: S301 - written by ourselves, into a file without a name
        with self._lock:
            # What was asked for once is asked for again: a study is planned, then sent.
            if self._pickled.get(key) is pickled and len(self._live) < self._max_live:
                self._live[key] = value
                del self._pickled[key]
        return value

    def __delitem__(self, key: object) -> None:
        with self._lock:
            for some in (self._live, self._pickled, self._places):
                some.pop(key, None)

    def _write(self, pickled: bytes) -> tuple[int, int]:
        self._file.seek(self._end)
        left = memoryview(pickled)
        while left:
            left = left[self._file.write(left) :]
        place = (self._end, len(pickled))
        self._end += len(pickled)
        return place

    def _read(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        pieces = []
        while size:
            pieces.append(self._file.read(size))
            size -= len(pieces[-1])
        return b"".join(pieces)
