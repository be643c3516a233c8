"""
Processes beside this one that do what computes, one for each core.

Python runs one thread at a time; what waits for Prolific can be threads, what reads hundreds of
workbooks cannot. For a few workbooks nobody is started, and all is done here.

Source: docs/performance.md says what is worth a process.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from pkgutil import resolve_name
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

if sys.platform == "linux":
    from fcntl import F_SETPIPE_SZ, fcntl

from importer.errors import ImporterError

if TYPE_CHECKING:
    from importer.places import Part
    from importer.writeback import Delivered, Delivery

#: Workbooks that are checked in one go: pandera, which is asked about broken ones, takes a while for each call.
PART: Final = 20
#: A helper is worth its start for so many workbooks.
MIN_EACH: Final = 25
#: Each holds a part in memory.
MAX_HELPERS: Final = 4
#: Answers that a helper can give before anybody takes one, as far as the system allows: some parts.
AHEAD_BYTES: Final = 1 << 19
_CHECK: Final = "importer.checking:check_part"
_CHECK_HERE: Final = "importer.checking:check_parts"
_WRITE: Final = "importer.writeback:deliver"
# Imports leave no garbage; to look for it takes a tenth of their time.
_PROGRAM: Final = "import gc; gc.disable(); from importer.helpers import serve; serve()"


class Helpers:
    """
    Some processes; a context manager that begins and ends them.

    Args:
        workbooks: How many there are to do; for a few of them there is no helper.
    """

    def __init__(self, workbooks: int) -> None:
        count = min(_cores(), MAX_HELPERS, workbooks // MIN_EACH)
        self._count = count if count > 1 else 0
        self._helpers: list[_Helper] = []
        self._idle: SimpleQueue[_Helper] = SimpleQueue()
        self._are_checking = False

    def __enter__(self) -> Self:
        self._helpers = [_Helper() for _ in range(self._count)]
        for helper in self._helpers:
            self._idle.put(helper)
        return self

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            helper.end()

    @property
    def are_free(self) -> bool:
        """Whether there are any, and they have checked what they were asked for."""
        return bool(self._helpers) and not self._are_checking

    def deliver(self, delivery: Delivery) -> Delivered:
        """
        Have the next helper that is idle write ids into a workbook; any number of threads may.

        Raises:
            WriteRefused: As `importer.writeback.deliver` does.
            RuntimeError: The helper failed; our bug. What it has begun is either done or not.
        """
        helper = self._idle.get()
        try:
            helper.ask(_WRITE, [(delivery,)])
            delivered: Delivered = helper.answer()
        finally:
            self._idle.put(helper)
        return delivered

    def check_parts(self, paths: Sequence[Path], *, batch_id: str | None = None) -> Iterator[Part]:
        """
        Check workbooks, each by itself, some at a time and in order; arguments and errors as for `importer.checking.check`.

        Helpers begin at once, and are free again when the last part was taken.
        """
        if not self._helpers:
            here: Iterator[Part] = resolve_name(_CHECK_HERE)(paths, batch_id=batch_id)
            return here
        parts = split(paths, PART)
        # Each is asked for all of its parts at once, so that none waits for us while there is something to do.
        for number, helper in enumerate(self._helpers):
            helper.ask(_CHECK, [(part, batch_id) for part in parts[number :: len(self._helpers)]])
        self._are_checking = True
        return self._checked(len(parts))

    def _checked(self, count: int) -> Iterator[Part]:
        for helper in islice(cycle(self._helpers), count):
            yield helper.answer()
        self._are_checking = False


def split(paths: Sequence[Path], size: int) -> list[Sequence[Path]]:
    """Split workbooks into parts of at most *size*."""
    return [paths[start : start + size] for start in range(0, len(paths), size)]


def _cores() -> int:
    """How many processes can compute side by side."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class _Helper:
    """One process."""

    def __init__(self) -> None:
        # -P: a zipfile.py in the researcher's folder must not be taken for Python's.
        command = [sys.executable, "-P", "-c", _PROGRAM]
        self._child = subprocess.Popen(  # noqa: S603 - our own Python
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # It sends nothing, so it need know neither the token nor the address.
            env={name: value for name, value in os.environ.items() if not name.startswith("PROLIFIC_")},
            # Ctrl-C is for this process, which ends the other; it would print a traceback of its own.
            start_new_session=True,
        )
        if sys.platform == "linux" and self._child.stdout is not None:
            with suppress(OSError):  # a system may allow less
                fcntl(self._child.stdout, F_SETPIPE_SZ, AHEAD_BYTES)

    def ask(self, what: str, calls: Sequence[tuple[Any, ...]]) -> None:
        """Have a function called with these arguments and those; all answers must be fetched before the next question."""
        assert self._child.stdin is not None  # noqa: S101 - asked for above
        with suppress(BrokenPipeError):  # whoever fetches the answer is told
            pickle.dump((what, calls), self._child.stdin, pickle.HIGHEST_PROTOCOL)
            self._child.stdin.flush()

    def answer(self) -> Any:
        """Wait for the answer; raises the refusal that it is, or RuntimeError."""
        assert self._child.stdout is not None  # noqa: S101 - asked for above
        try:
            value, failure = pickle.load(self._child.stdout)  # noqa: S301 - from our own child
        except (EOFError, pickle.UnpicklingError) as cut:
            raise RuntimeError(f"A helper ended with {self._child.wait()} before it answered.") from cut
        if failure is not None:
            raise failure if isinstance(failure, ImporterError) else RuntimeError(failure)
        return value

    def end(self) -> None:
        """End it, whatever it is at."""
        self._child.kill()
        # Closes its pipes and waits; what it was asked last may not have left.
        with suppress(BrokenPipeError), self._child:
            pass


# ------------------------------------------------------------------ the other side
def serve() -> NoReturn:
    """Answer one question after the other, until nobody asks any more."""
    # While nobody asks yet, what answers is imported. Rows are no garbage while they are made: to
    # look for it as often as Python does takes a tenth of reading 10,000 of them.
    resolve_name(_CHECK)
    resolve_name(_WRITE)
    gc.freeze()
    gc.set_threshold(100_000)
    gc.enable()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever else prints must not get between.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # No question, or no reader: whoever asked has ended.
    with suppress(EOFError, BrokenPipeError):
        while True:
            what, calls = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
            for arguments in calls:
                pickle.dump(_answer(what, arguments), answers, pickle.HIGHEST_PROTOCOL)
                answers.flush()
    # Python's own way out frees every object first, which takes its time.
    os._exit(0)


def _answer(what: str, arguments: Sequence[Any]) -> tuple[Any, ImporterError | str | None]:
    try:
        return resolve_name(what)(*arguments), None
    except ImporterError as refusal:
        return None, refusal
    except Exception:  # whoever asked reports it
        return None, traceback.format_exc()
