"""
What reading one workbook may take in all, however it is divided among parts and sheets.

Counted in bytes and steps, not in seconds, so that a workbook is taken or refused on every machine
alike. What one part may take by itself is the concern of who reads it.

Source: tests/hostile measures the files that come closest to these limits.
"""

from __future__ import annotations

from collections.abc import Iterator

from importer.limits import MAX_INFLATED_BYTES, MAX_PARSED_BYTES, MAX_STEPS
from importer.workbook.refusals import too_large


class Effort:
    """A count of what one open workbook has taken so far."""

    def __init__(self) -> None:
        self._inflated = self._parsed = self._steps = 0

    def inflating(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """
        Give the pieces, and count their bytes.

        Raises:
            WorkbookRefused: `too-large`; so for all methods.
        """
        for piece in pieces:
            self._inflated += len(piece)
            if self._inflated > MAX_INFLATED_BYTES:
                raise too_large("The workbook has", self._inflated, MAX_INFLATED_BYTES, "bytes")
            yield piece

    def parsing(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Give the pieces on their way to expat, and count their bytes and tags."""
        for piece in pieces:
            self._parsed += len(piece)
            if self._parsed > MAX_PARSED_BYTES:
                what = "The workbook is written in an unusual way and has"
                raise too_large(what, self._parsed, MAX_PARSED_BYTES, "bytes")
            self.step(piece.count(b"<"))
            yield piece

    def step(self, count: int) -> None:
        """Count tags for expat, or anything that costs as much: 1 or 2 µs."""
        self._steps += count
        if self._steps > MAX_STEPS:
            raise too_large("To read the workbook takes", self._steps, MAX_STEPS, "steps")
