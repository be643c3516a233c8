"""
How faults are asked for: by the request itself, or in a queue for the requests to come.

A request asks with a header, `X-Sandbox-Fault: reset-after` or, with settings,
`X-Sandbox-Fault: slow-before; seconds=2`. The faults themselves are `importer.sandbox.faults`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Final

from importer.sandbox.faults import Fault

HEADER: Final = "x-sandbox-fault"


def parse_fault(header: str) -> Fault:
    """
    Return the fault that a request's own header asks for.

    Args:
        header: `kind`, or `kind; seconds=2`, `kind; status=400; shape=detail`, `kind; to=http://…`.

    Raises:
        ValueError: No such kind or setting.
    """
    kind, *settings = (part.strip() for part in header.split(";"))
    given = dict(setting.partition("=")[::2] for setting in settings)
    unknown = given.keys() - {"seconds", "status", "shape", "to"}
    if unknown:
        raise ValueError(f"{min(unknown)!r} is not a setting of a fault. Use seconds, status, shape or to.")
    return Fault(
        kind,
        seconds=float(given.get("seconds", 1)),
        status=int(given.get("status", 0)),
        shape=given.get("shape", ""),
        to=given.get("to", ""),
    )


@dataclass(slots=True)
class FaultQueue:
    """Faults that wait for a request; safe to fill while the sandbox serves."""

    _waiting: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Let a fault wait behind those that wait already."""
        with self._lock:
            self._waiting.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault that is due for a request and use it up once."""
        with self._lock:
            for fault in self._waiting:
                if not fault.matches(method, path):
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if not fault.times:
                        self._waiting.remove(fault)
                return replace(fault)
        return None

    def waiting(self) -> tuple[Fault, ...]:
        """Return copies of the faults that still wait."""
        with self._lock:
            return tuple(replace(fault) for fault in self._waiting)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()
