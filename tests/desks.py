"""A desk for tests: real Prolific client, real journal, made-up clock."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from importer.journal import Journal
from importer.prolific import Prolific
from importer.prolific.pace import Pace
from importer.push.desk import Desk, Effects
from importer.secret import Token

NOW = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that moves only when somebody sleeps; it keeps what was slept and told."""

    passed_s: float = 0.0
    slept: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    while_sleeping: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed_s += seconds
        self.while_sleeping()


def effects(clock: Clock, checkpoint: Callable[[str], None] = lambda _: None) -> Effects:
    """Make effects from a made-up clock."""
    return Effects(
        now=clock.now,
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        jitter=lambda: 0.5,
        new_id=lambda: uuid.uuid4().hex,
        tell=clock.told.append,
        checkpoint=checkpoint,
    )


@contextmanager
def open_desk(
    url: str,
    token: str,
    state: Path,
    clock: Clock,
    checkpoint: Callable[[str], None] = lambda _: None,
    *,
    read_s: float = 5.0,
    answer_s: float = 300.0,
    jobs: int = 1,
) -> Iterator[Desk]:
    """Have a desk whose client speaks to *url* and whose journal is in *state*."""
    pace = Pace(monotonic=clock.monotonic, sleep=clock.sleep)
    with (
        Prolific(
            url, Token(token), sleep=clock.sleep, pace=pace, read_s=read_s, answer_s=answer_s
        ) as prolific,
        Journal(state / "journal.sqlite3") as journal,
    ):
        yield Desk(prolific, journal, state, effects(clock, checkpoint), jobs=jobs, stop=pace.stop)
