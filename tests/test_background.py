"""The check in its own process: what it answers, and that it never outlives whoever asked."""

from __future__ import annotations

import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from importer import background, checking, twins
from importer.background import CheckProcess
from importer.errors import UsageError
from tests.books import write_book

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


def test_a_workbook_is_read_when_it_is_asked_for(study: Path):
    """What was saved after the process began is what is checked."""
    ready = study.read_bytes()
    study.write_bytes(b"")
    with CheckProcess() as process:
        study.write_bytes(ready)
        (part,) = process.check_parts([study], batch_id=None)

    (study_again,) = map(pickle.loads, part.studies.values())
    assert [BATCH] == [batch.batch_id for batch in study_again.batches]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (10, [10]), (15, [10, 5]), (60, [10, 25, 25])])
def test_parts_are_no_smaller_than_they_need_be(
    study: Path, monkeypatch: pytest.MonkeyPatch, count: int, sizes: list[int]
):
    """Each part costs a call of pandera, which ten workbooks share."""
    monkeypatch.setattr(background, "_PROGRAM", _with_cores(2))
    with CheckProcess() as process:
        parts = list(process.check_parts([study] * count, batch_id=None))

    assert sizes == [len(part.workbooks) for part in parts]


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_many_workbooks_come_back_in_order(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
):
    """However many processes check them, each workbook once."""
    paths = [tmp_path / f"{number:03}.xlsx" for number in range(10 + cores * twins.MIN_EACH)]
    for path in paths:
        shutil.copy(study, path)
    monkeypatch.setattr(background, "_PROGRAM", _with_cores(cores))
    with CheckProcess() as process:
        parts = list(process.check_parts(paths, batch_id=None))

    assert list(map(str, paths)) == [name for part in parts for name in part.workbooks]
    assert list(map(str, paths)) == [name for part in parts for name in part.studies]
    assert 1 + cores == len(parts)


def test_few_are_checked_here_and_many_elsewhere(study: Path):
    """What comes of it is the same."""
    here, elsewhere = 1, background.MANY + 1
    for count in (here, elsewhere):
        with background.checker(count) as check_parts:
            assert (check_parts is checking.check_parts) == (count == here)
            (part,) = check_parts([study], batch_id=None)
        (ready,) = map(pickle.loads, part.studies.values())
        assert ([BATCH], ()) == ([batch.batch_id for batch in ready.batches], part.problems)


def test_a_twin_that_dies_is_a_bug(study: Path, monkeypatch: pytest.MonkeyPatch):
    """The answers then have no end."""
    dies = "me, check = os.getpid(), twins._checked; "
    dies += "twins._checked = lambda *asked: check(*asked) if os.getpid() == me else os._exit(3)"
    monkeypatch.setattr(background, "_PROGRAM", _with_cores(2, dies))
    with CheckProcess() as process, pytest.raises(RuntimeError, match="before it answered"):
        list(process.check_parts([study] * 100, batch_id=None))


def _with_cores(cores: int, then: str = "") -> str:
    return f"import os; from importer import twins; twins._cores = lambda: {cores}; {then}\ntwins.main()"


def test_a_refusal_comes_back(study: Path):
    """What the check refuses, it refuses from its own process too."""
    with CheckProcess() as process, pytest.raises(UsageError, match="--batch names"):
        list(process.check_parts([study], batch_id="another"))


def test_a_bug_comes_back_with_its_traceback():
    """A check that fails is a bug of ours, and its report needs the place."""
    with CheckProcess() as process, pytest.raises(RuntimeError, match=r"checking\.py"):
        list(process.check_parts([None], batch_id=None))  # type: ignore[list-item]


@pytest.mark.parametrize("last_words", ["", r"os.write(1, b'\x80\x05\x95\x99'); "])
def test_a_process_that_dies_is_a_bug(last_words: str, monkeypatch: pytest.MonkeyPatch):
    """Killed by the system, or in the middle of its answer."""
    monkeypatch.setattr(background, "_PROGRAM", f"import os; {last_words}os._exit(3)")
    with CheckProcess() as process, pytest.raises(RuntimeError, match="ended with 3 "):
        list(process.check_parts([Path("x" * 100_000)], batch_id=None))


def test_a_command_that_is_refused_waits_for_no_check(monkeypatch: pytest.MonkeyPatch):
    """A missing token ends the process at once, whatever it is at."""
    monkeypatch.setattr(background, "_PROGRAM", "import time; time.sleep(600)")
    with pytest.raises(UsageError), CheckProcess() as process:
        raise UsageError("no token")

    assert -signal.SIGKILL == process._child.returncode


def test_no_check_outlives_the_command():
    """A command that is killed leaves no process behind, and no words of it."""
    program = (
        "import os, signal; from importer.background import CheckProcess; "
        "process = CheckProcess().__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    # The check has our pipe too, so this waits for its end.
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)

    assert (-signal.SIGKILL, b"", b"") == (run.returncode, run.stdout, run.stderr)
