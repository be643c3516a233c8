"""Processes that help: what they answer, and that none outlives whoever asked."""

from __future__ import annotations

import pickle
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from select import select

import pytest

from importer import helpers
from importer.errors import UsageError
from importer.helpers import MIN_EACH, PART, Helpers
from importer.run.resuming import resume
from importer.sandbox import Sandbox
from tests.books import LIKERT, write_book
from tests.desks import Clock, open_desk
from tests.test_push import go, ids_in

STUDY = """
    | batch | ref | type      | description |
    | wave1 | Q1  | free_text | Why?        |
"""
BATCH = "01a201ed-76e1-7fea-af63-ca84850806e5"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A workbook without problems, for the batch `BATCH`."""
    batches = [["batch", "batch_id"], ["wave1", BATCH]]
    return write_book(tmp_path / "study.xlsx", {"Instructions": STUDY, "Batches": batches})


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch):
    """However many this machine has."""
    monkeypatch.setattr(helpers, "_cores", lambda: 3)


def several(count: int = 2) -> Helpers:
    return Helpers(count * MIN_EACH)


def running(started: Helpers) -> list[subprocess.Popen[bytes]]:
    return [helper._child for helper in started._helpers]


def test_a_workbook_is_read_when_it_is_asked_for(study: Path):
    """What was saved after the process began is what is checked."""
    ready = study.read_bytes()
    study.write_bytes(b"")
    with several() as started:
        study.write_bytes(ready)
        (part,) = started.check_parts([study])

    (study_again,) = map(pickle.loads, part.studies.values())
    assert [BATCH] == [batch.batch_id for batch in study_again.batches]


@pytest.mark.parametrize(
    ("workbooks", "count"), [(1, 0), (MIN_EACH, 0), (2 * MIN_EACH, 2), (3 * MIN_EACH, 3), (100 * MIN_EACH, 3)]
)
def test_few_workbooks_need_no_helper(study: Path, workbooks: int, count: int):
    """What comes of it is the same."""
    with Helpers(workbooks) as started:
        assert count == len(running(started))
        (part,) = started.check_parts([study])
        (ready,) = part.studies.values()

    if count:  # nothing is packed that stays here
        (ready,) = map(pickle.loads, [ready])
    assert ([BATCH], ()) == ([batch.batch_id for batch in ready.batches], part.problems)


@pytest.mark.parametrize("count", [0, 2, 3])
def test_many_workbooks_come_back_in_order(study: Path, tmp_path: Path, count: int):
    """However many processes check them, each workbook once."""
    paths = [tmp_path / f"{number:03}.xlsx" for number in range(5 * PART + 1)]
    for path in paths:
        shutil.copy(study, path)
    with several(count) as started:
        parts = list(started.check_parts(paths))

    assert list(map(str, paths)) == [name for part in parts for name in part.workbooks]
    assert list(map(str, paths)) == [name for part in parts for name in part.studies]
    assert [PART] * 5 + [1] == [len(part.workbooks) for part in parts]


def test_helpers_begin_at_once_and_are_free_when_all_is_checked(study: Path):
    """They need not wait until the first part is asked for; who would deliver meanwhile does it himself."""
    with several() as started:
        parts = started.check_parts([study] * 3 * PART)
        answers = [child.stdout for child in running(started)]
        assert not started.are_free
        assert select(answers, [], [], 30)[0]
        assert 3 == len(list(parts))
        assert started.are_free

    assert not Helpers(1).are_free


@pytest.fixture
def studies(tmp_path: Path, prolific: Sandbox) -> list[Path]:
    """Some workbooks with new instructions, for a batch each."""
    return [
        write_book(
            tmp_path / f"{number}.xlsx",
            {"Instructions": LIKERT, "Batches": [["batch_id"], [prolific.add_batch(f"Wave {number}")]]},
        )
        for number in range(6)
    ]


def test_helpers_write_the_ids_of_a_push(studies: list[Path], prolific: Sandbox, tmp_path: Path):
    """What one cannot write is refused as ever, and a later resume finishes it."""
    lock, made = tmp_path / f".~lock.{studies[2].name}#", tmp_path / "made"
    made.write_text(",somebody,,;")

    def checkpoint(name: str) -> None:
        if name == "journal:sent":  # before the first answer, and all at once
            with suppress(FileNotFoundError):
                made.rename(lock)

    desk_of = partial(open_desk, prolific.url, prolific.token, tmp_path / "state", Clock())
    with several() as started, desk_of(checkpoint, jobs=3) as desk:
        pushed = go(replace(desk, helpers=started), *studies)
    lock.unlink()
    half_way = [any(ids_in(path).values()) for path in studies]
    with desk_of() as desk:
        (resumed,) = resume(desk, desk.journal.open_imports())

    assert (3, [True, True, False, True, True, True]) == (pushed.exit_code, half_way)
    assert "open in LibreOffice by somebody" in str(pushed.results[2].refusals[0])
    assert (None, True) == (resumed.refusal, all(all(ids_in(path).values()) for path in studies))


def test_a_push_whose_helper_dies_is_resumed(
    studies: list[Path], prolific: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nothing is sent again, and no id is lost."""
    dies = "import os; from importer import helpers, writeback; writeback.deliver = lambda _: os._exit(9); "
    monkeypatch.setattr(helpers, "_PROGRAM", f"{dies}helpers.serve()")
    desk_of = partial(open_desk, prolific.url, prolific.token, tmp_path / "state", Clock(), jobs=3)
    with several() as started, desk_of() as desk, pytest.raises(RuntimeError, match="ended with 9 "):
        go(replace(desk, helpers=started), *studies)
    with desk_of() as desk:
        assert resume(desk, desk.journal.open_imports())
        assert 0 == go(desk, *studies).exit_code

    assert all(all(ids_in(path).values()) for path in studies)
    assert {1} == set(Counter(one.path for one in prolific.ledger if one.method == "PUT").values())


def test_a_refusal_comes_back(study: Path):
    """What the check refuses, it refuses from another process too."""
    with several() as started, pytest.raises(UsageError, match="--batch names"):
        list(started.check_parts([study], batch_id="another"))


def test_a_bug_comes_back_with_its_traceback():
    """A check that fails is a bug of ours, and its report needs the place; the helper goes on."""
    with several() as started:
        for _ in range(5):
            with pytest.raises(RuntimeError, match=r"checking\.py"):
                list(started.check_parts([None]))  # type: ignore[list-item]


@pytest.mark.parametrize("last_words", ["", r"os.write(1, b'\x80\x05\x95\x99'); "])
def test_a_process_that_dies_is_a_bug(last_words: str, monkeypatch: pytest.MonkeyPatch):
    """Killed by the system, or in the middle of its answer."""
    monkeypatch.setattr(helpers, "_PROGRAM", f"import os; {last_words}os._exit(3)")
    with several() as started:
        for path in (Path("x"), Path("x" * 100_000)):
            with pytest.raises(RuntimeError, match="ended with 3 "):
                list(started.check_parts([path]))


def test_a_command_that_is_refused_waits_for_nobody(monkeypatch: pytest.MonkeyPatch):
    """A missing token ends the processes at once, whatever they are at."""
    monkeypatch.setattr(helpers, "_PROGRAM", "import time; time.sleep(600)")
    with pytest.raises(UsageError), several() as started:
        raise UsageError("no token")

    assert [-signal.SIGKILL] * 2 == [child.returncode for child in running(started)]


def test_no_helper_outlives_the_command():
    """A command that is killed leaves no process behind, and no words of it."""
    program = (
        "import os, signal; from importer import helpers; helpers._cores = lambda: 3; "
        "started = helpers.Helpers(100).__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    # The helpers have our pipe too, so this waits for their end.
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)

    assert (-signal.SIGKILL, b"", b"") == (run.returncode, run.stdout, run.stderr)
