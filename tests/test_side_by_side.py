"""Many workbooks side by side: the pace under fire, and what the ledger shows of each batch."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from importer.journal import Journal
from importer.prolific import Prolific
from importer.prolific.pace import FIRST_JOBS, Pace
from importer.push.desk import Desk
from importer.sandbox import Received, Sandbox
from importer.sandbox.faults import Fault
from importer.secret import Token
from tests.books import LIKERT, write_book
from tests.desks import Clock, effects
from tests.test_push import go, ids_held, ids_in

WORKBOOKS = 200
#: What a request may lie on its way from one side to the other on a busy machine, in seconds.
ON_ITS_WAY_S = 0.15
TOO_MANY = 429


@pytest.fixture
def prolific() -> Iterator[Sandbox]:
    """One for each test: they replace its parts."""
    with Sandbox() as sandbox:
        yield sandbox


class Limiter:
    """Stands in for the sandbox's queue of faults: 429 for what *is_too_much*, by number and time."""

    def __init__(self, is_too_much: Callable[[int, float], bool], seconds: float = 1.0) -> None:
        self._is_too_much = is_too_much
        self._seconds = seconds
        self._count = 0

    def take(self, *_: str) -> Fault | None:
        self._count += 1
        is_limited = self._is_too_much(self._count, time.monotonic())
        return Fault("rate-limited", seconds=self._seconds) if is_limited else None


def holding(per_s: int) -> Callable[[int, float], bool]:
    """So many requests in any second, and no more."""
    granted: deque[float] = deque()

    def is_too_much(_: int, now: float) -> bool:
        while granted and granted[0] < now - 1:
            granted.popleft()
        if len(granted) >= per_s:
            return True
        granted.append(now)
        return False

    return is_too_much


@contextmanager
def real_desk(prolific: Sandbox, state: Path, jobs: int, per_s: float | None = None) -> Iterator[Desk]:
    """Have a desk on the real clock."""
    pace = Pace(jobs, per_s)
    real = replace(
        effects(Clock()), now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=pace.sleep
    )
    with (
        Prolific(prolific.url, Token(prolific.token), pace=pace, sleep=pace.sleep) as client,
        Journal(state / "journal.sqlite3") as journal,
    ):
        yield Desk(client, journal, state, real, hold_s=1.0, jobs=jobs, stop=pace.stop)


def lay_out(prolific: Sandbox, folder: Path, count: int) -> dict[str, Path]:
    """Write workbooks of one batch each; returns them by their batch."""
    ids = [prolific.add_batch(f"Batch {number}") for number in range(count)]
    return {
        one: write_book(
            folder / f"{number:03}.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [one]]}
        )
        for number, one in enumerate(ids)
    }


def check_done(prolific: Sandbox, books: dict[str, Path]) -> None:
    assert dict.fromkeys(books, 1) == {one: prolific.generations(one) for one in books}
    assert {one: ids_held(prolific, one) for one in books} == {
        one: list(ids_in(path).values()) for one, path in books.items()
    }


def end_of(received: Received) -> float:
    assert received.seconds is not None
    return received.at.timestamp() + received.seconds


def check_nobody_hurries(ledger: tuple[Received, ...], seconds: float) -> None:
    """After a 429 has arrived, nobody asks before Retry-After is over."""
    starts = [one.at.timestamp() for one in ledger]
    for limited in (one for one in ledger if one.status == TOO_MANY):
        end = end_of(limited)
        early = [start - end for start in starts if end + ON_ITS_WAY_S < start < end + seconds - ON_ITS_WAY_S]
        assert [] == early


def limited(ledger: tuple[Received, ...]) -> int:
    return sum(one.status == TOO_MANY for one in ledger)


@pytest.mark.parametrize(
    ("is_too_much", "most"),
    [
        # One objection each; those that were in flight with it may meet none.
        pytest.param(lambda number, _: number % 100 == 0, 5, id="every hundredth"),
        # The first burst, and then each second what is in flight when the second's share is used up.
        pytest.param(holding(80), 8 * FIRST_JOBS, id="80 a second"),
    ],
)
def test_a_service_that_objects_is_obeyed(
    prolific: Sandbox, tmp_path: Path, is_too_much: Callable[[int, float], bool], most: int
):
    """200 workbooks, 32 jobs: all is done, once; nobody asks before Retry-After is over; few ask in vain."""
    books = lay_out(prolific, tmp_path, WORKBOOKS)
    prolific._app.faults = Limiter(is_too_much)  # type: ignore[assignment]
    with real_desk(prolific, tmp_path / "state", jobs=32) as desk:
        result = go(desk, *books.values())

    assert 0 == result.exit_code, [row.sentences for row in result.rows if row.exit_code]
    check_done(prolific, books)
    check_nobody_hurries(prolific.ledger, 1.0)
    assert 1 <= limited(prolific.ledger) <= most


def test_the_rate_is_kept_and_retry_after_too(prolific: Sandbox, tmp_path: Path):
    """--rate 60: no second has more, also behind a 429 that came while others waited for their turn."""
    books = lay_out(prolific, tmp_path, 60)
    prolific._app.faults = Limiter(lambda number, _: number == 50)  # type: ignore[assignment]
    with real_desk(prolific, tmp_path / "state", jobs=32, per_s=60) as desk:
        assert 0 == go(desk, *books.values()).exit_code

    check_done(prolific, books)
    starts = sorted(one.at.timestamp() for one in prolific.ledger)
    most = max(sum(start <= other < start + 1 for other in starts) for start in starts)
    assert most <= 60 * (1 + ON_ITS_WAY_S)
    check_nobody_hurries(prolific.ledger, 1.0)


def overlaps(ledger: tuple[Received, ...]) -> list[str]:
    """Return the pairs of requests that were in flight at the same time for one batch."""
    by_batch: dict[str, list[Received]] = defaultdict(list)
    for one in ledger:
        if "/batches/" in one.path:  # else it is the list of all
            by_batch[one.path.split("/batches/")[1].split("/")[0]].append(one)
    return [
        f"{a.method} {a.path} {a.fault} / {b.method} {b.fault}"
        for ones in by_batch.values()
        for a, b in pairwise(sorted(ones, key=lambda one: one.at))
        # The server enters the end of an answer when it is sent; the client has it a little earlier.
        if b.at.timestamp() < end_of(a) - 0.005
    ]


FIRE = ("error-before", "error-after", "reset-after", "close-before", "half-json", "rate-limited-bare")


def test_one_request_in_flight_for_each_batch_ever(prolific: Sandbox, tmp_path: Path):
    """32 jobs, slow answers, lost answers and retries: the ledger shows no two at a time for one batch."""
    books = lay_out(prolific, tmp_path, 60)
    for number, kind in enumerate(FIRE * 3):
        prolific.fault(kind, method="PUT", after=2 * number)
        prolific.fault("error-before", method="GET", after=5 * number, status=503)
    prolific._app.latency_s = 0.02
    with real_desk(prolific, tmp_path / "state", jobs=32) as desk:
        for _ in range(3):
            result = go(desk, *books.values())
        assert (0, ()) == (result.exit_code, desk.journal.open_imports())

    check_done(prolific, books)
    assert [] == overlaps(prolific.ledger)
    assert len(FIRE) == len(Counter(one.fault for one in prolific.ledger if one.method == "PUT")) - 1


def test_what_is_open_is_not_read_beforehand(prolific: Sandbox, tmp_path: Path):
    """An import that is picked up looks at its batch, and so would the reading ahead: only one may."""
    books = lay_out(prolific, tmp_path, 1)
    with real_desk(prolific, tmp_path / "state", jobs=32) as desk:
        prolific.fault("reset-after", method="PUT")
        prolific.fault("refused", method="GET", after=1, times=None, status=403)
        assert 5 == go(desk, *books.values()).exit_code
        prolific.clear_faults()
        prolific._app.latency_s = 0.1
        assert 0 == go(desk, *books.values()).exit_code

    check_done(prolific, books)
    assert [] == overlaps(prolific.ledger)
