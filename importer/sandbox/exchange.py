"""
One request on its way through the sandbox, and the answer that it gets.

A fault is a function of an `Exchange`: it decides whether and when the request has its effect,
what is answered, and whether the connection survives.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.sandbox.ledger import Received

#: Into how many pieces a slow body is cut.
PIECES: Final = 20
#: Close a socket at once and with RST: linger on, for no time. Windows has shorts there.
_RST: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Stopping(Exception):
    """The sandbox is being stopped while a request waits."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """
    A body that is not JSON.

    Attributes:
        reason: What is wrong with it.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What goes back to the client.

    Attributes:
        status: HTTP status code.
        headers: Without the length and the transfer encoding.
        body: The whole body.
        cut_at: Bytes of the body that are sent before the connection is closed; None sends all.
        is_chunked: Send in chunks, without a Content-Length.
        pause_s: Seconds between the pieces of the body; 0 sends it at once.
        is_endless: The body is held back behind blanks, which JSON allows, without end.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_at: int | None = None
    is_chunked: bool = False
    pause_s: float = 0.0
    is_endless: bool = False

    @property
    def json(self) -> JSON:
        """The body as JSON; None if it is not."""
        parsed = parse_json(self.body)
        return None if isinstance(parsed, Unreadable) else parsed

    def with_json(self, payload: JSON) -> Answer:
        """Return the answer with another JSON body."""
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        return replace(self, body=body)


def json_answer(status: int, payload: JSON, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, {"content-type": "application/json", **(headers or {})}).with_json(payload)


def parse_json(body: bytes) -> JSON | Unreadable:
    """Return what a body holds; an empty object for no body, `Unreadable` if it is not JSON."""
    if not body:
        return {}
    try:
        payload: JSON = json.loads(body, parse_constant=_refuse_constant)
        if b"\\ud" in body or b"\\uD" in body:
            # Half a surrogate pair can be read, but not be written as UTF-8 again.
            json.dumps(payload, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        return Unreadable(str(error) or type(error).__name__)
    return payload


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class Connection:
    """The TCP connection of a request; both ways of ending it send no answer."""

    def __init__(self, transport: asyncio.Transport, wait_closed: Callable[[], Awaitable[None]]) -> None:
        self._transport = transport
        self._wait_closed = wait_closed

    @property
    def is_closing(self) -> bool:
        """Whether one of the two sides has begun to end it."""
        return self._transport.is_closing()

    async def wait_closed(self) -> None:
        """Wait until the client has gone away."""
        await self._wait_closed()

    async def reset(self) -> None:
        """End it with RST: the client sees "connection reset by peer"."""
        if self._transport.is_closing():
            return
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        self._transport.abort()
        await self._wait_closed()

    async def close(self) -> None:
        """End it with FIN, after what was written: the client sees "closed without response"."""
        self._transport.close()
        await self._wait_closed()


@dataclass
class Exchange:
    """
    A request whose body is complete.

    Attributes:
        method: HTTP method.
        path: Path without the query and without a trailing slash.
        body: As it came.
        payload: The JSON of the body; a fault may change it before `answer`.
        received: Its entry in the ledger.
        connection: The connection that it came on.
        answer: Lets the request have its effect and returns the proper answer.
        pause: Waits for so many seconds; raises `Stopping` if the sandbox is stopped meanwhile.
        wait_gone: Waits until the client has gone away; raises `Stopping` as `pause` does.
        refuse: Returns the error answer for a status, a sentence and a shape ("": the switch's).
        earlier: The last proper answer to GET on this path; None if there was none.
        now: Unix time in seconds.
    """

    method: str
    path: str
    body: bytes
    payload: JSON | Unreadable
    received: Received
    connection: Connection
    answer: Callable[[], Awaitable[Answer]]
    pause: Callable[[float], Awaitable[None]]
    wait_gone: Callable[[], Awaitable[None]]
    refuse: Callable[[int, str, str], Answer]
    earlier: Answer | None
    now: Callable[[], float]
