"""
The server under the sandbox: uvicorn in a thread, on loopback only.

Owns the socket, the thread and the way to a request's TCP connection. What is served is
`importer.sandbox.app`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import threading
from typing import Final

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from importer.errors import UsageError
from importer.sandbox.app import TRANSPORT, SandboxApp

#: How long stopping waits for a client that has sent half a request.
_GRACE_S: Final = 1
#: How long starting may take before something is surely wrong.
_START_S: Final = 30.0


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 that shows each request the transport under it, so that a fault can reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Let every request of this connection know its transport."""
        super().connection_made(transport)
        app = self.app

        async def app_with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {TRANSPORT: transport}
            await app(scope, receive, send)

        self.app = app_with_transport


class _Server(uvicorn.Server):
    """uvicorn that says when it serves, and stops without waiting for its next tick."""

    def __init__(self, app: SandboxApp) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            access_log=False,
            log_config=None,
            log_level="critical",
            timeout_graceful_shutdown=_GRACE_S,
        )
        super().__init__(config)
        self.is_ready = threading.Event()
        self._sandbox_app = app
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        self._loop = asyncio.get_running_loop()
        self._sandbox_app.start()
        await super().startup(sockets)
        self.is_ready.set()

    async def main_loop(self) -> None:
        """Serve until `stop`; uvicorn's own tick keeps the Date header right."""
        while not self._stopping.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)
        self._sandbox_app.stop()

    def stop(self) -> None:
        """End `main_loop`, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)


class ServerThread:
    """
    Serves an application in a thread; `start` after `stop` serves on the same port again.

    Args:
        app: What is served.
        host: A loopback address.
        port: 0 for any free port.

    Raises:
        UsageError: The address is not a loopback address.
    """

    def __init__(self, app: SandboxApp, host: str, port: int) -> None:
        self._app = app
        self._host = _loopback(host)
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base address; its port is known once it has been started."""
        return f"http://{self._host}:{self._port}"

    def start(self) -> None:
        """
        Serve; returns when requests are answered.

        Raises:
            UsageError: The port cannot be had.
        """
        listener = _listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        self._server = _Server(self._app)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="importer-sandbox", daemon=True
        )
        self._thread.start()
        if not self._server.is_ready.wait(_START_S):
            raise UsageError("The sandbox did not start.")

    def stop(self) -> None:
        """Stop serving; requests that still wait are reset without effect."""
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
        self._server = self._thread = None


def _listen(host: str, port: int) -> socket.socket:
    # asyncio switches Nagle's delay off only for sockets that name TCP (`socket.create_server`
    # does not), and with it each answer on a kept connection takes 40 ms (measured).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error  # without its number
        raise UsageError(f"Port {port} on {host} cannot be used: {reason}. Choose another port.") from error
    return listener


def _loopback(host: str) -> str:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.IPv4Address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise UsageError(
            f"The sandbox serves this machine only: {host!r} is not a loopback address (127.0.0.1)."
        )
    return address
