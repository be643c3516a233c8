"""Ctrl-C in the middle of a push of many workbooks: the real command, a real SIGINT."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from importer.journal import Journal, State
from importer.sandbox import Sandbox
from tests.books import LIKERT, write_book
from tests.sandboxes import wait_until
from tests.test_push import ids_held, ids_in

WORKBOOKS = 12
#: How long an answer takes, in seconds; what is in flight when Ctrl-C comes waits for it.
SLOW_S = 0.4
#: Longer than anybody waits who pressed Ctrl-C twice, in seconds.
NEVER_S = 30.0
#: Between the first Ctrl-C and the second, in seconds: two at the same instant are one.
BETWEEN_S = 0.3


@pytest.fixture
def books(prolific: Sandbox, tmp_path: Path) -> dict[str, Path]:
    """The workbooks, by their batch."""
    folder = tmp_path / "studies"
    folder.mkdir()
    ids = [prolific.add_batch(f"Batch {number}") for number in range(WORKBOOKS)]
    return {
        batch_id: write_book(
            folder / f"{number:02}.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [batch_id]]}
        )
        for number, batch_id in enumerate(ids)
    }


class Lab:
    """The command line, in front of a sandbox."""

    def __init__(self, prolific: Sandbox, folder: Path) -> None:
        self.state = folder / "state"
        self._environ = {
            **os.environ,
            "PROLIFIC_URL": prolific.url,
            "PROLIFIC_TOKEN": prolific.token,
            "IMPORTER_STATE": str(self.state),
            "IMPORTER_HOLD_S": "0.5",
        }

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "importer", *arguments]
        return subprocess.Popen(
            command,
            env=self._environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        with self.begin(*arguments) as child:
            out, err = child.communicate(timeout=60)
        return child.returncode, out + err

    def states(self) -> list[State]:
        with Journal(self.state / "journal.sqlite3") as journal:
            return [one.state for one in journal.recent(999)]


@pytest.fixture
def lab(prolific: Sandbox, tmp_path: Path) -> Lab:
    return Lab(prolific, tmp_path)


def sent(prolific: Sandbox, books: dict[str, Path]) -> int:
    """How many workbooks have had their effect."""
    return sum(prolific.generations(batch_id) for batch_id in books)


def push_of(books: dict[str, Path], jobs: int) -> list[str]:
    return ["push", "--yes", "--jobs", str(jobs), *map(str, books.values())]


@pytest.mark.parametrize("jobs", [1, 3])
def test_ctrl_c_finishes_what_is_on_its_way(prolific: Sandbox, lab: Lab, books: dict[str, Path], jobs: int):
    """It ends with 130, says what is done and what is not, and the same command goes on from there."""
    prolific.fault("slow-after", method="PUT", times=None, seconds=SLOW_S)
    with lab.begin(*push_of(books, jobs), "--json") as child:
        wait_until(lambda: sent(prolific, books) >= 3)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)

    assert 130 == child.returncode, err
    done = {batch_id for batch_id, path in books.items() if ids_in(path)}
    assert done == {batch_id for batch_id in books if prolific.generations(batch_id)}
    assert 3 <= len(done) <= 2 + 2 * jobs
    # Some may have been told to stop when they stood in the journal already.
    assert {State.WRITTEN} <= set(lab.states()) <= {State.WRITTEN, State.CANCELLED}
    states = {book["workbook"]: book for book in json.loads(out)["results"]}
    assert done == {i for i, path in books.items() if "written" in json.dumps(states[str(path)])}

    prolific.clear_faults()
    assert 0 == lab.run(*push_of(books, jobs))[0]
    assert [1] * WORKBOOKS == [prolific.generations(batch_id) for batch_id in books]
    assert all(ids_held(prolific, i) == list(ids_in(path).values()) for i, path in books.items())


def test_ctrl_c_twice_ends_at_once(prolific: Sandbox, lab: Lab, books: dict[str, Path]):
    """Nobody waits for the answers that are missing; resume adopts what they would have said."""
    prolific.fault("slow-after", method="PUT", times=None, seconds=NEVER_S)
    with lab.begin(*push_of(books, 8)) as child:
        wait_until(lambda: sent(prolific, books) >= 3)
        child.send_signal(signal.SIGINT)
        time.sleep(BETWEEN_S)
        assert child.poll() is None
        child.send_signal(signal.SIGINT)
        began = time.monotonic()
        child.communicate(timeout=20)
    assert (130, True) == (child.returncode, time.monotonic() - began < NEVER_S / 3)
    assert State.SENT in lab.states()

    prolific.clear_faults()
    code, said = lab.run("resume")
    assert 0 == code, said
    code, said = lab.run(*push_of(books, 8))
    assert 0 == code, said
    assert [1] * WORKBOOKS == [prolific.generations(batch_id) for batch_id in books]
    assert all(ids_held(prolific, i) == list(ids_in(path).values()) for i, path in books.items())
