"""Everything that a push needs within reach: the client, the journal, the clock, and the locks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from importer.errors import JournalRefused, Unfinished
from importer.hands import aside
from importer.helpers import Helpers
from importer.journal import Import, Journal, State
from importer.prolific import Prolific
from importer.push.crew import Crew

if TYPE_CHECKING:
    from importer.writeback import Delivered, Delivery

#: How long a request may still be applied after its connection died, in seconds: longer than the
#: time-outs of the proxies on the way.
HOLD_S: Final = 60.0
#: Files that this process may have open, as far as the system allows; macOS allows no more, and begins with 256.
MAX_OPEN_FILES: Final = 10_240


@dataclass(frozen=True, slots=True)
class Effects:
    """
    The clock and what else comes from outside; tests give their own.

    Attributes:
        now: The time, in UTC.
        monotonic: Seconds that never go backwards.
        sleep: Wait some seconds.
        jitter: A random number from 0 to 1.
        new_id: A random id for an import.
        tell: Say how it goes on; one sentence.
        checkpoint: Called with a name after each effect, so that tests can stop there.
    """

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    new_id: Callable[[], str]
    tell: Callable[[str], None]
    checkpoint: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """
    Everything that a push needs within reach.

    Attributes:
        prolific: The open client.
        journal: The open journal.
        state: The state folder: locks and backups.
        effects: The clock and what else comes from outside.
        hold_s: See `HOLD_S`.
        jobs: The most requests in flight.
        stop: Lets no further request leave.
        run_id: Under which imports are recorded.
        helpers: Write into workbooks, if there are any helpers.
        crew: Does the batches of a workbook side by side.
    """

    prolific: Prolific
    journal: Journal
    state: Path
    effects: Effects
    hold_s: float = HOLD_S
    jobs: int = 1
    stop: Callable[[], None] = lambda: None
    run_id: str = ""
    helpers: Helpers = field(default_factory=lambda: Helpers(0))
    crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "crew", self.new_crew())

    def new_crew(self) -> Crew:
        """
        Return threads for so many workbooks, or batches of one workbook, side by side that requests keep leaving.

        While one request is in flight, another workbook is recorded or written: half of its way each
        (measured: 1.4 times as fast as a thread for each job). The pace sees to it that no more are in flight.
        """
        return Crew(self.jobs * 2 if self.jobs > 1 else 1)

    @property
    def at(self) -> float:
        """Seconds since 1970."""
        return self.effects.now().timestamp()

    def deliver(self, delivery: Delivery) -> Delivered:
        """Do what `importer.writeback.deliver` does, and raise what it raises; in a helper if one is free."""
        if not self.helpers.are_free:
            from importer.writeback import deliver  # noqa: PLC0415 - the first request need not wait for it

            return deliver(delivery, self.effects.checkpoint)
        with aside():
            return self.helpers.deliver(delivery)

    def move(self, current: Import, to: State, **values: Any) -> Import:
        """
        Commit a transition, and say so to the checkpoint.

        Raises:
            JournalRefused: The journal cannot be written, and nothing was sent.
            Unfinished: It cannot be written, and something was.
        """
        return self.moving(current, to, **values)()

    def moving(self, current: Import, to: State, **values: Any) -> Callable[[], Import]:
        """Begin a transition; what is returned ends it, as `move` does, and several share a commit."""
        committed = self.journal.moving(current, to, at=self.at, **values)

        def end() -> Import:
            try:
                moved = committed()
            except JournalRefused as refusal:
                if current.state in {State.NEW, State.PLANNED}:
                    raise
                raise Unfinished(
                    f"{refusal} The instructions of the batch {current.batch_id} have been sent. Then run: importer resume"
                ) from refusal
            self.effects.checkpoint(f"journal:{to}")
            return moved

        return end


@cache
def _allow_open_files() -> None:
    """Let this process open as many files as it may: a lock is one, and a workbook can have a thousand batches."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Windows has none, and no such limit

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # then the lock that finds no room says so
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def locked(state: Path, batch_ids: Sequence[str], shown: str = "") -> Iterator[None]:
    """
    Hold the locks of some batches; the system frees them if the process dies.

    Args:
        state: The state folder.
        batch_ids: What is locked; other names than those of batches need another word in *shown*.
        shown: What a refusal calls it.

    Raises:
        JournalRefused: Another importer on this machine works on one of them, or the lock cannot
            be made.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - the first request need not wait for it

    folder = state / "locks"
    _allow_open_files()
    with ExitStack() as held:
        for batch_id in sorted(set(batch_ids)):
            what = shown or f"the batch {batch_id}"
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                held.enter_context(FileLock(folder / f"{batch_id}.lock", timeout=0, mode=0o600))
            except Timeout:
                raise JournalRefused(
                    f"Another importer is working on {what}. Wait until it has finished, then run "
                    "this again. Nothing was sent."
                ) from None
            except (OSError, NotImplementedError) as error:  # a file system may have no locks at all
                raise JournalRefused(
                    f"{what[0].upper()}{what[1:]} cannot be locked in {folder} ({error}). Check the folder, and the space on "
                    "the disk. Nothing was sent."
                ) from error
        yield
