"""Several importers at once, as real processes: one pushes, the others say so, nothing is created twice."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from importer.errors import JournalRefused
from importer.push.desk import locked
from importer.sandbox import Received, Sandbox
from tests.books import LIKERT, write_book
from tests.desks import Clock, open_desk
from tests.test_push import edit, go, ids_held, ids_in


@pytest.fixture
def arrived() -> threading.Event:
    """Set when the first PUT has arrived."""
    return threading.Event()


@pytest.fixture
def prolific(arrived: threading.Event) -> Iterator[Sandbox]:
    def note(received: Received) -> None:
        if received.method == "PUT":
            arrived.set()

    with Sandbox(on_request=note) as sandbox:
        yield sandbox


def environ(prolific: Sandbox, tmp_path: Path) -> dict[str, str]:
    named = {"PROLIFIC_URL": prolific.url, "PROLIFIC_TOKEN": prolific.token}
    return {**os.environ, **named, "IMPORTER_STATE": str(tmp_path / "state")}


def push(prolific: Sandbox, tmp_path: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    return subprocess.run(
        [sys.executable, "-m", "importer", "push", "--yes", "--json", *map(str, paths)],
        env=environ(prolific, tmp_path),
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def sent(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a push sent something, by its own account."""
    answer: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return any(book["imports"] for book in answer.get("results", []))


def test_one_of_four_pushes_wins(prolific: Sandbox, tmp_path: Path, study: Path, batch_id: str):
    """Four pushes of one workbook started together: one sends, the others have nothing to do or say why not."""
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda _: push(prolific, tmp_path, study), range(4)))

    assert 1 == prolific.generations(batch_id)
    assert 1 == sum(map(sent, runs))
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())
    losers = [run.stdout + run.stderr for run in runs if run.returncode]
    # 3: what another one was sending could not be picked up, and then there was nothing left to do.
    assert {0, 1, 3} >= {run.returncode for run in runs}
    assert [] == [said for said in losers if not re.search(r"[Rr]un (this )?again|importer resume", said)]


def test_a_copy_of_the_workbook_does_not_create_everything_again(
    prolific: Sandbox, tmp_path: Path, study: Path, batch_id: str
):
    """Two workbooks for one batch: the second sees what the first has created, and refuses to delete it."""
    copy = Path(shutil.copy(study, tmp_path / "copy.xlsx"))
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda path: push(prolific, tmp_path, path), (study, copy)))

    assert 1 == prolific.generations(batch_id)
    assert [0, 1] == sorted(run.returncode for run in runs)
    assert ids_held(prolific, batch_id) == [i for path in (study, copy) for i in ids_in(path).values()]


def test_whoever_comes_while_another_sends_is_told(
    prolific: Sandbox, tmp_path: Path, study: Path, batch_id: str, arrived: threading.Event
):
    """While the answer to a PUT is on its way, a second push of the batch says that another importer is at work."""
    prolific.fault("slow-after", method="PUT", seconds=8)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(push, prolific, tmp_path, study)
        while not prolific.generations(batch_id):
            assert not first.done()
        second = push(prolific, tmp_path, study)
        assert (1, False) == (second.returncode, first.done())
        assert 0 == first.result().returncode

    assert f"Another importer is working on the batch {batch_id}" in second.stdout + second.stderr
    assert 1 == prolific.generations(batch_id)
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


HOLDER = """
import sys
from pathlib import Path
from importer.errors import JournalRefused
from importer.push.desk import locked
with locked(Path(sys.argv[1]), sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_of_a_killed_process_is_free(prolific: Sandbox, tmp_path: Path, study: Path, batch_id: str):
    """A busy batch keeps only its own workbook back; the system frees what a dead importer held."""
    state = tmp_path / "state"
    with (
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(state), batch_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as holder,
        open_desk(prolific.url, prolific.token, state, Clock()) as desk,
    ):
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        other = prolific.add_batch("Not busy")
        ready = write_book(
            tmp_path / "ready.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [other]]}
        )
        busy, done = go(desk, study, ready).results
        assert isinstance(busy.refusal, JournalRefused)
        assert (1, 0) == (busy.exit_code, done.exit_code)
        assert ids_held(prolific, other) == list(ids_in(ready).values())

        holder.kill()
        holder.wait()

        assert 0 == go(desk, study).exit_code


def test_all_locks_or_none(tmp_path: Path):
    """Whoever does not get every batch keeps none, so that two pushes cannot wait for each other."""
    with locked(tmp_path, ["b"]):
        with pytest.raises(JournalRefused), locked(tmp_path, ["a", "b"]):
            pass
        with locked(tmp_path, ["a"]):
            pass


def test_edits_of_the_other_process_are_not_overwritten(
    prolific: Sandbox, tmp_path: Path, study: Path, batch_id: str
):
    """A push whose check began before another one finished refuses, rather than send what is no longer there."""
    state = tmp_path / "state"
    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        go(desk, study)
        held = ids_held(prolific, batch_id)
        edit(study, "C4", "Why exactly?")

        with ThreadPoolExecutor() as pool:
            runs = list(pool.map(lambda _: push(prolific, tmp_path, study), range(2)))

    assert 1 == sum(map(sent, runs))
    assert held == ids_held(prolific, batch_id) == list(ids_in(study).values())
