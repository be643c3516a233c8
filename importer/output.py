"""
What the doors print: results to stdout, progress and messages to stderr.

Owns that printing never decides what becomes of a push: whoever reads the output may go away, and
a disk may be full. What is printed is `importer.render`'s business.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from importer.render.screen import Line


class LastingStream(io.TextIOWrapper):
    """
    A stream that goes on into nothing once it cannot be written to.

    Attributes:
        failure: The first reason why it could not; None if it always could.
    """

    failure: OSError | None = None

    def write(self, text: str, /) -> int:
        """Write, or give up."""
        try:
            return super().write(text)
        except OSError as failure:
            return self._give_up(failure, len(text))

    def flush(self) -> None:
        """Flush, or give up."""
        try:
            super().flush()
        except OSError as failure:
            self._give_up(failure, 0)

    def _give_up(self, failure: OSError, count: int) -> int:
        self.failure = self.failure or failure
        # What is left in the buffer would fail once more when Python ends.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self.fileno())
        os.close(nothing)
        return count


def lasting(stream: TextIO | None) -> TextIO:
    """Return a standard stream as one that lasts; one that was closed before we began goes nowhere."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for as long as the process
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # somebody's own, in a test or a notebook
    encoding, errors, is_by_line = stream.encoding, stream.errors, stream.line_buffering
    return LastingStream(stream.detach(), encoding=encoding, errors=errors, line_buffering=is_by_line)


def tell_lost_output() -> None:
    """Say on stderr if stdout could not take everything; a reader that has gone knows."""
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    if failure is not None and not isinstance(failure, BrokenPipeError):
        say(
            f"Not everything could be printed: {failure.strerror}. The exit code says how it ended, "
            "and importer status lists what was pushed."
        )


def say(sentence: str) -> None:
    """Print a sentence on stderr, whatever stands in the names and words that it repeats."""
    from importer.render.screen import harmless

    click.echo(harmless(sentence), err=True)


def print_lines(lines: Iterable[Line], *, err: bool = False) -> None:
    """Print lines on stdout, or on stderr."""
    from importer.render import screen

    screen.write(lines, sys.stderr if err else sys.stdout)


def print_json(command: str, exit_code: int, **values: object) -> None:
    """Print the one JSON document of a command."""
    from importer.render import SCHEMA_VERSION
    from importer.render.screen import harmless_json

    document = {"schema_version": SCHEMA_VERSION, "command": command, "exit_code": exit_code, **values}
    click.echo(harmless_json(json.dumps(document, ensure_ascii=False, indent=2)))
