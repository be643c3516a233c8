"""
A sandbox in a process of its own, for tests that fork: a process with threads must not.

The other process answers one call at a time over a pipe; the importer speaks HTTP to it as ever.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from importer.sandbox import Sandbox


class SandboxElsewhere:
    """A sandbox behind a pipe: what `Sandbox` can do, as `ask("add_batch", "One")`."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.url, self.token = self.ask("url"), self.ask("token")

    def ask(self, name: str, /, *arguments: Any, **named: Any) -> Any:
        """Return what a method of the sandbox returns, or what an attribute holds; raises what it raises."""
        self._pipe.send((name, arguments, named))
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _serve(pipe: Connection) -> None:
    with Sandbox() as sandbox:
        while True:
            try:
                name, arguments, named = pipe.recv()
            except EOFError:
                return
            try:
                found = getattr(sandbox, name)
                pipe.send(found(*arguments, **named) if callable(found) else found)
            except Exception as error:  # whoever asked gets it
                pipe.send(error)


@contextmanager
def sandbox_elsewhere() -> Iterator[SandboxElsewhere]:
    """Have a sandbox that no fork of this process shares a thread with."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    there.close()
    try:
        with here:
            yield SandboxElsewhere(here)
    finally:
        process.join(10)
        process.kill()
