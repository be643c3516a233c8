"""
The sandbox as one ASGI application: authorization, ledger, faults, then the operation.

The order is fixed: a request is entered in the ledger when its body is complete, then checked
for the API token, then delayed, then given the fault that is due, and only then has its effect.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import math
from collections.abc import Callable, Coroutine, Iterator
from http import HTTPStatus
from typing import Final

from starlette.types import Receive, Scope, Send

from importer.sandbox.control import CONTROL
from importer.sandbox.datasets import UPLOADS
from importer.sandbox.demand import HEADER, FaultQueue, parse_fault
from importer.sandbox.exchange import (
    PIECES,
    Answer,
    Connection,
    Exchange,
    Stopping,
    Unreadable,
    json_answer,
    parse_json,
)
from importer.sandbox.faults import FAULTS, Fault
from importer.sandbox.ledger import Ledger, Received, ids_in
from importer.sandbox.refusals import Refused
from importer.sandbox.routes import Operations
from importer.sandbox.store import Store

log = logging.getLogger(__name__)

#: Where the protocol (`importer.sandbox.server`) puts the connection's transport.
TRANSPORT: Final = "sandbox.transport"


class SandboxApp:
    """
    The local Prolific, without a server around it.

    Args:
        store: What it holds.
        token: The API token that requests must carry.
        clock: Unix time in seconds.
        on_request: Called after each request with its entry of the ledger.
    """

    def __init__(
        self,
        store: Store,
        token: str,
        clock: Callable[[], float],
        on_request: Callable[[Received], None] | None = None,
    ) -> None:
        self.store = store
        self.ledger = Ledger()
        self.faults = FaultQueue()
        self.latency_s = 0.0
        self._credentials = f"Token {token}".encode()
        self._clock = clock
        self._on_request = on_request
        self._operations = Operations(store, self.ledger, self.faults)
        self._stopping = asyncio.Event()
        self.earlier: dict[str, Answer] = {}

    def start(self) -> None:
        """Let requests wait again; call it on the event loop that will serve them."""
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End every wait; call it on the server's event loop."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        body = await _read_body(receive)
        if body is None:
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        exchange = self._exchange(scope, receive, headers, body)
        answer = await self._serve(exchange, headers)
        received = exchange.received
        if answer is not None:
            received.status = answer.status
            await self._send(answer, send, exchange.connection)
        received.seconds = self._clock() - received.at.timestamp()
        if self._on_request is not None and not _is_control(exchange.path):
            self._on_request(received)

    def _exchange(self, scope: Scope, receive: Receive, headers: dict[str, str], body: bytes) -> Exchange:
        path = scope["path"].rstrip("/")
        address = f"{path}?{scope['query_string'].decode('latin-1')}"
        payload = parse_json(body)
        received = self._enter(scope, headers, body)
        received.ids_sent = () if isinstance(payload, Unreadable) else ids_in(payload, body)

        async def wait_closed() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        async def answer() -> Answer:
            response = await self._operations.answer({**scope, "path": path, "state": {"exchange": exchange}})
            headers = {name: value for name, value in response.headers.items() if name != "content-length"}
            proper = Answer(response.status_code, headers, bytes(response.body))
            if exchange.method == "GET":
                self.earlier[address] = proper
            return proper

        async def wait_gone() -> None:
            await self._unless_stopped(exchange.connection.wait_closed())

        exchange = Exchange(
            method=scope["method"],
            path=path,
            body=body,
            payload=payload,
            received=received,
            connection=Connection(scope["extensions"][TRANSPORT], wait_closed),
            answer=answer,
            pause=self._pause,
            wait_gone=wait_gone,
            refuse=self._refuse,
            earlier=self.earlier.get(address),
            now=self._clock,
        )
        return exchange

    def _enter(self, scope: Scope, headers: dict[str, str], body: bytes) -> Received:
        # What drives the sandbox is no request to Prolific, so it goes into a ledger of its own.
        ledger = Ledger() if _is_control(scope["path"]) else self.ledger
        return ledger.add(
            now=self._clock(),
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers.items(),
            body=body,
        )

    async def _serve(self, exchange: Exchange, headers: dict[str, str]) -> Answer | None:
        # A presigned address says itself who may write to it.
        if not exchange.path.startswith(f"{UPLOADS}/") and not hmac.compare_digest(
            headers.get("authorization", "").encode(), self._credentials
        ):
            return self._refuse(401, "Authentication credentials were not provided or are not valid.")
        try:
            if _is_control(exchange.path):
                return await exchange.answer()
            return await self._answer(exchange, headers.get(HEADER))
        except Stopping:
            await exchange.connection.reset()
            return None
        except Exception:
            log.exception("The sandbox failed on %s %s", exchange.method, exchange.path)
            return self._refuse(500, "The sandbox has a bug; its log says more.")

    async def _answer(self, exchange: Exchange, wanted_fault: str | None) -> Answer | None:
        try:
            fault = self._due_fault(exchange, wanted_fault)
        except ValueError as error:
            return self._refuse(400, str(error))
        if self.latency_s:
            await self._pause(self.latency_s)
        if fault is None:
            return await exchange.answer()
        exchange.received.fault = fault.kind
        return await FAULTS[fault.kind](exchange, fault)

    def _due_fault(self, exchange: Exchange, header: str | None) -> Fault | None:
        if header is not None:
            return parse_fault(header)
        return self.faults.take(exchange.method, exchange.path)

    def _refuse(self, status: int, said: str, shape: str = "") -> Answer:
        body = Refused(status, said).body(shape or self.store.switches.error_shape)
        if isinstance(body, str):
            return Answer(status, {"content-type": "text/plain; charset=utf-8"}, body.encode())
        return json_answer(status, body)

    async def _pause(self, seconds: float) -> None:
        """Wait so long; raises `Stopping` if the sandbox is stopped before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        if self._stopping.is_set():
            raise Stopping

    async def _unless_stopped(self, waiting: Coroutine[None, None, None]) -> None:
        """Wait for something; raises `Stopping` if the sandbox is stopped before."""
        waits = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._stopping.wait())]
        _, unfinished = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in unfinished:
            one.cancel()
        if self._stopping.is_set():
            raise Stopping

    async def _send(self, answer: Answer, send: Send, connection: Connection) -> None:
        """Send an answer, as fast and as much of it as it wants."""
        has_length = not (answer.is_chunked or answer.is_endless or answer.status == HTTPStatus.NO_CONTENT)
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()
        ]
        if has_length:
            headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        try:
            while answer.is_endless and not connection.is_closing:
                await _send_body(send, b" ", has_more=True)
                await self._pause(answer.pause_s)
            for piece in _pieces(answer):
                await _send_body(send, piece, has_more=True)
                await self._pause(answer.pause_s)
        except Stopping:
            await connection.reset()
            return
        body = b"" if answer.pause_s else answer.body[: answer.cut_at]
        await _send_body(send, body, has_more=answer.cut_at is not None)
        if answer.cut_at is not None:
            await connection.close()


def _is_control(path: str) -> bool:
    return path.startswith(f"{CONTROL}/")


async def _read_body(receive: Receive) -> bytes | None:
    """Return the whole body; None if the client went away before its end."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message["body"])
        if not message["more_body"]:
            return b"".join(pieces)


async def _send_body(send: Send, body: bytes, *, has_more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": has_more})


def _pieces(answer: Answer) -> Iterator[bytes]:
    """Yield the body of an answer that comes in pieces; nothing if it comes at once."""
    if answer.pause_s:
        size = math.ceil(len(answer.body) / PIECES) or 1
        for start in range(0, len(answer.body), size):
            yield answer.body[start : start + size]
