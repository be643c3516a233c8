"""
What the commands share: workbooks found, the desk opened, the check begun, consent asked, progress shown.

Imports come late and in order: the check's process begins first, because its imports take longest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from importer import __version__
from importer.errors import Interrupted, JournalRefused, Refusal, UsageError
from importer.output import print_lines, say

if TYPE_CHECKING:
    from importer.crosscheck import Owners
    from importer.helpers import Helpers
    from importer.journal import Journal
    from importer.places import Part
    from importer.prolific import Exchange
    from importer.push.desk import Desk, Effects
    from importer.push.reading import Reading
    from importer.run.results import RunResult
    from importer.run.watching import Watcher
    from importer.secret import Token
    from importer.settings import Settings

JOURNAL_NAME: Final = "journal.sqlite3"


# ---------------------------------------------------------------- workbooks
def find(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Find the workbooks that paths, folders and patterns name; says what is left out."""
    from importer.sources import find_workbooks

    found = find_workbooks(paths)
    if found.skipped:
        from importer.render.skipped import skipped_text

        teller()(skipped_text(found.skipped))
    return found.workbooks


@contextmanager
def watching(workbooks: Sized) -> Iterator[Watcher]:
    """Have several workbooks watched as they go; one is over too soon, and the results name a few line by line."""
    from importer.run.watching import FEW, Watcher

    watcher = Watcher()
    if len(workbooks) > (1 if sys.stderr.isatty() else FEW) and not is_quiet():
        from importer.render.progress import watcher_for

        watcher = watcher_for(sys.stderr)
    try:
        yield watcher
    finally:
        watcher.close()


# ---------------------------------------------------------------- the desk
def settings() -> Settings:
    """Read the settings, with the flags of this command line."""
    from importer.settings import read_settings

    return read_settings(click.get_current_context().find_root().obj["flags"])


@contextmanager
def known_owners() -> Iterator[Owners]:
    """Ask the journal whose an instruction id is; checking must not need a journal."""
    path = settings().state / JOURNAL_NAME
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a forbidden folder
        yield lambda _: {}
        return
    from importer.journal import Journal

    tell = teller()

    def owners(ids: Sequence[str]) -> Mapping[str, str]:
        try:
            with Journal(path) as journal:
                return journal.owners(ids)
        except JournalRefused as refusal:
            tell(f"{refusal} Checked without it: an id that belongs to another batch shows in the plan only.")
            return {}

    yield owners


@contextmanager
def open_desk(
    given: Settings,
    token: Token,
    journal: Journal,
    *,
    jobs: int = 1,
    per_s: float | None = None,
    tell: Callable[[str], None],
    on_exchange: Callable[[Exchange], None] = lambda _: None,
    helpers: Helpers | None = None,
) -> Iterator[Desk]:
    """Open the client, with the real clock."""
    from importer.prolific import Prolific
    from importer.prolific.pace import Pace
    from importer.push.desk import Desk

    pace = Pace(jobs, per_s)
    with Prolific(
        given.url,
        token,
        ca_file=given.ca_file,
        on_notice=tell,
        on_exchange=on_exchange,
        pace=pace,
        sleep=pace.sleep,
    ) as prolific:
        effects = _effects(pace.sleep, tell)
        desk = Desk(prolific, journal, given.state, effects, given.hold_s, jobs=jobs, stop=pace.stop)
        yield desk if helpers is None else replace(desk, helpers=helpers)


@dataclass(frozen=True, slots=True)
class Work:
    """
    What a command that plans or pushes works with.

    Attributes:
        workbooks: What was found.
        desk: What a push needs within reach.
        check: Checks the workbooks, some at a time.
        reading: Has begun to read their batches.
        watcher: Is told how it goes on.
        exchanges: Every request so far, for the report.
    """

    workbooks: tuple[Path, ...]
    desk: Desk
    check: Callable[[], Iterator[Part]]
    reading: Reading
    watcher: Watcher
    exchanges: list[Exchange]


@contextmanager
def at_work(paths: Sequence[Path], batch_id: str | None, *, jobs: int, per_s: float | None) -> Iterator[Work]:
    """Have the helpers' imports, the check and the reading from Prolific begin, side by side, before all else is imported."""
    from importer.helpers import Helpers

    workbooks = find(paths)
    with Helpers(len(workbooks)) as helpers:  # first, though the token may be missing: they import meanwhile
        from importer.journal import Journal
        from importer.settings import load_token

        given = settings()
        token = load_token(given)
        with watching(workbooks) as watcher, Journal(given.state / JOURNAL_NAME) as journal:
            check = partial(helpers.check_parts, workbooks, batch_id=batch_id)
            # What is open is finished first, and changes its workbook; without it, nobody need wait.
            begun = None if journal.open_imports(workbooks=workbooks) else check()
            from importer.push import reading

            exchanges: list[Exchange] = []
            tell = watcher.say if watcher.is_heard else teller()
            with (
                open_desk(
                    given,
                    token,
                    journal,
                    jobs=jobs,
                    per_s=per_s,
                    tell=tell,
                    on_exchange=exchanges.append,
                    helpers=helpers,
                ) as desk,
                reading.begin(desk, workbooks, batch_id) as read,
            ):
                watcher.checking(len(workbooks))
                yield Work(workbooks, desk, lambda: begun or check(), read, watcher, exchanges)


def _effects(sleep: Callable[[float], None], tell: Callable[[str], None]) -> Effects:
    import random
    import time
    import uuid
    from datetime import UTC, datetime

    from importer.push.desk import Effects

    return Effects(
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
        sleep=sleep,
        jitter=random.random,
        new_id=lambda: uuid.uuid4().hex,
        tell=tell,
        checkpoint=lambda _: None,
    )


# ---------------------------------------------------------------- consent
def asker(*, is_agreed: bool, is_shown: bool) -> Callable[[RunResult], None]:
    """
    Show problems and plans, and ask on a terminal; elsewhere consent must have been given.

    What was agreed to beforehand is shown if it is a few batches: of many the results say enough.
    """

    def ask(ready: RunResult) -> None:
        from importer.render import runs
        from importer.run.watching import FEW

        if is_shown and not (is_agreed and sum(row.batches for row in ready.rows) > FEW):
            print_lines(runs.asking_text(ready), err=True)
        if is_agreed:
            return
        confirm("Push this?", "the plan", "Nothing was sent.")

    return ask


def confirm(question: str, subject: str, otherwise: str) -> None:
    """Ask on a terminal; refuse if the answer is no, or nobody can give one."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            f"There is no terminal to ask on. If {subject} is right, run again with --yes. {otherwise}"
        )
    try:
        is_yes = click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)  # the answer's line is not ended
        raise Interrupted(f"Interrupted. {otherwise}") from None
    if not is_yes:
        raise Refusal(f"You said no. {otherwise}")


# ---------------------------------------------------------------- words
def is_quiet() -> bool:
    """Whether --quiet was given."""
    return bool(click.get_current_context().find_root().obj["quiet"])


def teller() -> Callable[[str], None]:
    """Return what says a sentence, from any thread, unless --quiet was given."""
    return (lambda _: None) if is_quiet() else say


def reporter(
    target: Path | None, command: str
) -> Callable[[RunResult, int, Sequence[Path], Sequence[Exchange]], None]:
    """
    Return what writes the report of a run; refuses one that could not be written, before anything is sent.

    Raises:
        UsageError: What `importer.report.check_target` raises.
        WriteRefused: As well.
    """
    if target is None:
        return lambda *_: None
    from datetime import UTC, datetime

    from importer.report import check_target

    check_target(target)
    began_at = datetime.now(UTC)

    def write(run: RunResult, exit_code: int, paths: Sequence[Path], exchanges: Sequence[Exchange]) -> None:
        from importer.render.table import next_steps
        from importer.report import write_report
        from importer.report.data import RunInfo
        from importer.report.gathering import details_of

        info = RunInfo(
            id=run.run_id,
            command=command,
            began_at=began_at,
            ended_at=datetime.now(UTC),
            exit_code=exit_code,
            next_steps=next_steps(run.rows, command, list(map(str, paths))),
            version=__version__,
        )
        write_report(target, info, lambda: details_of(run), exchanges)
        teller()(f"Report: {target}")

    return write
