"""What waits for its turn: a few objects in memory, the others in a file that nobody else sees."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from threading import Lock
from typing import Any, Final

#: Objects that stay in memory; a run of so few workbooks pays nothing.
LIVE: Final = 64


class Spool:
    """
    Objects by key, in a bounded amount of memory; any number of threads may use it.

    The file has no name, and is gone with the process: it holds the texts of studies.
    """

    def __init__(self, live: int = LIVE) -> None:
        self._max_live = live
        self._live: dict[object, Any] = {}
        self._places: dict[object, tuple[int, int]] = {}
        self._file = tempfile.TemporaryFile(prefix="importer-")  # noqa: SIM115 - lives as long as this
        weakref.finalize(self, self._file.close)
        self._end = 0
        self._lock = Lock()

    def __contains__(self, key: object) -> bool:
        return key in self._live or key in self._places

    def __setitem__(self, key: object, value: object) -> None:
        with self._lock:
            if key in self._live or len(self._live) < self._max_live:
                self._live[key] = value
                return
        self._write(key, pickle.dumps(value, pickle.HIGHEST_PROTOCOL))

    def put_pickled(self, key: object, pickled: bytes) -> None:
        """Keep an object that comes pickled, from our own other process."""
        self._write(key, pickled)

    def __getitem__(self, key: object) -> Any:
        with self._lock:
            if key in self._live:
                return self._live[key]
            start, size = self._places[key]
            self._file.seek(start)
            pickled = self._file.read(size)
        return pickle.loads(pickled)  # noqa: S301 - written by ourselves, into a file without a name

    def __delitem__(self, key: object) -> None:
        with self._lock:
            self._live.pop(key, None)
            self._places.pop(key, None)

    def _write(self, key: object, pickled: bytes) -> None:
        with self._lock:
            self._file.seek(self._end)
            self._file.write(pickled)
            self._places[key] = (self._end, len(pickled))
            self._end += len(pickled)
