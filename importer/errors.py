"""
Refusals: what the importer will not do, as exceptions.

A refusal states the fact and one way out, in words a researcher understands. Mistakes in a
workbook are not refusals but values (`importer.problems`). The exit code belongs to the
branch, and only `importer.__main__` turns it into the end of the process::

    ImporterError                70  our bug, if nothing below fits
    ├── UsageError                2  the command line asks for something that makes no sense
    ├── Refusal                   1  nothing was sent
    │   ├── WorkbookRefused       1  the file cannot be read (carries the code of its problem)
    │   ├── WriteRefused          1  the workbook cannot be written back to now
    │   ├── PlanRefused           1  the gate is closed
    │   └── JournalRefused        1  the journal cannot be used, or the batch is busy
    ├── Interrupted             130  Ctrl-C
    ├── TokenRefused              4  the token is missing, or Prolific does not accept it
    ├── Unfinished                5  sent, but the ids are not in the workbook, or the outcome is unknown
    └── ProlificError             6  Prolific refused or cannot be reached
        ├── Unreachable           6  no byte of the request left this machine
        │   └── Stopped           6  the researcher stopped the run before
        ├── RateLimited           6  429: refused before any effect
        ├── Rejected              6  refused, with Prolific's own words
        └── OutcomeUnknown        6  the request may or may not have had its effect
"""

from __future__ import annotations

from typing import NamedTuple


class ImporterError(Exception):
    """Something the importer refuses to do, or could not do."""

    exit_code = 70

    def __reduce__(self) -> tuple[object, ...]:
        # pickle would call the class with the message alone, which not every class takes.
        return _restored, (type(self), self.args, self.__dict__)


class UsageError(ImporterError):
    """The command line or the settings ask for something that makes no sense."""

    exit_code = 2


class Refusal(ImporterError):
    """Refused before anything was sent."""

    exit_code = 1


class WorkbookRefused(Refusal):
    """
    A file that cannot be read as a workbook.

    Attributes:
        code: The catalogue code of the problem (`importer.problems.CATALOGUE`).
        values: What the catalogue's wording needs, by name.
    """

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class WriteRefused(Refusal):
    """The workbook cannot be written back to now: open elsewhere, read-only, or changed."""


class PlanRefused(Refusal):
    """The plan would do something that needs consent, or that cannot be done."""


class JournalRefused(Refusal):
    """The journal cannot be opened, or another process works on the same batch."""


class Interrupted(ImporterError):
    """The researcher pressed Ctrl-C."""

    exit_code = 130


class TokenRefused(ImporterError):
    """The token is missing, or Prolific does not accept it."""

    exit_code = 4


class Unfinished(ImporterError):
    """Sent, but the ids are not in the workbook yet, or nobody knows whether it was applied."""

    exit_code = 5


class ProlificError(ImporterError):
    """Prolific refused the request or cannot be reached."""

    exit_code = 6


class Unreachable(ProlificError):
    """No byte of the request left this machine: refused, DNS, TLS, connect time-out."""


class Stopped(Unreachable):
    """The researcher stopped the run before the request left."""


class RateLimited(ProlificError):
    """
    429: refused before any effect.

    Attributes:
        retry_after_s: What `Retry-After` asked for, in seconds; None if absent.
    """

    def __init__(self, message: str, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LayoutIssue(NamedTuple):
    """
    What Prolific finds wrong with one item of a layout.

    Attributes:
        place: Page, row, column and item, from 0, as far as the answer names them.
        words: Prolific's own.
    """

    place: tuple[int, ...]
    words: str


class Rejected(ProlificError):
    """
    Prolific answered with a refusal.

    Attributes:
        status: The HTTP status code.
        issues: What is wrong with which item, if the refusal is about a layout.
    """

    def __init__(self, message: str, status: int, issues: tuple[LayoutIssue, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.issues = issues


class OutcomeUnknown(ProlificError):
    """Time-out, reset, 5xx, cut or unreadable answer: the request may have had its effect."""


def _restored(
    kind: type[ImporterError], arguments: tuple[object, ...], attributes: dict[str, object]
) -> ImporterError:
    refusal = kind.__new__(kind, *arguments)
    refusal.args = arguments
    refusal.__dict__.update(attributes)
    return refusal
