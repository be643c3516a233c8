"""
Killed at every step and at any instant (real processes, SIGKILL): what is promised holds afterwards.

The crash matrix is a command of its own, `python -m tests.soak`; here it runs once, and each test
looks at one thing that it found.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from importer.sandbox import Sandbox
from tests.books import LIKERT, write_book
from tests.scenes import CONCURRENT, PAGED, SHAPES
from tests.test_push import ids_held, ids_in

KILLS: Final = 220
SEED: Final = 20261122

#: Every checkpoint of a push that goes well.
CHECKPOINTS: Final = {
    *("journal:planned", "patched", "journal:sent", "answered", "journal:acknowledged"),
    *("temp-written", "verified", "backed-up", "replaced", "workbook-written", "journal:written"),
}


@pytest.fixture(scope="module")
def tally() -> dict[str, Any]:
    """The summary of the crash matrix; the command exits with 1 if anything was broken."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--kills", str(KILLS), "--seed", str(SEED), "--json"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == int(bool(found["violations"]))
    return found


def test_nothing_is_broken(tally: dict[str, Any]):
    """One generation of ids, the same ids on both sides, a whole workbook, a journal at rest: in every case."""
    assert [] == tally["violations"]


def test_as_many_were_killed_as_is_said(tally: dict[str, Any]):
    """A matrix that kills nobody would find nothing."""
    assert KILLS <= tally["kills"] == sum(tally["died"].values()) == sum(tally["shapes"].values())


def test_every_checkpoint_was_deadly(tally: dict[str, Any]):
    """Each journal write, each request, each step of the write-back."""
    assert set() == {name for name in CHECKPOINTS if f"push: checkpoint {name}" not in tally["died"]}


def test_pushes_side_by_side_were_killed(tally: dict[str, Any]):
    """Threads of several batches and of several workbooks, in the middle of each other's steps."""
    assert 30 <= sum(tally["shapes"][str(shape)] for shape in CONCURRENT)


def test_pushes_of_layouts_were_killed(tally: dict[str, Any]):
    """A PATCH with pages goes the same way as a PUT."""
    assert 20 <= sum(tally["shapes"][str(shape)] for shape in PAGED)


def test_every_shape_was_killed(tally: dict[str, Any]):
    """One to three batches, with new, known and mixed rows, with and without a PATCH, one by one and side by side."""
    assert {str(shape) for shape in SHAPES} == {name for name, kills in tally["shapes"].items() if kills}


@pytest.mark.parametrize("kind", ["effect", "statement", "instant"])
def test_deaths_between_checkpoints(tally: dict[str, Any], kind: str):
    """Before effects on the file system, before SQL statements, and when nothing marks the instant."""
    assert 10 <= sum(kills for name, kills in tally["died"].items() if name.startswith(f"push: {kind}"))


def test_resume_was_killed_too(tally: dict[str, Any]):
    """Picking up a dead push may die as well, and again."""
    assert 10 <= sum(kills for name, kills in tally["died"].items() if name.startswith("resume:"))
    assert 3 <= tally["longest"]


def test_other_things_went_wrong_too(tally: dict[str, Any]):
    """Server faults, races, full disks and Ctrl-C, in the same cases."""
    assert 10 <= len(tally["faults"])
    assert 5 <= tally["races"]
    assert 5 <= sum(tally["full"].values())
    assert 5 <= sum(tally["interrupted"].values())


# ---------------------------------------------------------------- the real command
def test_the_real_command_killed_from_outside(prolific: Sandbox, tmp_path: Path):
    """`importer push` killed again and again, with the process that checks for it, then `importer resume`."""
    chance = random.Random(SEED)  # noqa: S311 - instants, no secrets
    batch_id = prolific.add_batch("Killed")
    alive, path = (
        write_book(tmp_path / name, {"Instructions": LIKERT, "Batches": [["batch_id"], [batch]]})
        for name, batch in (("alive.xlsx", prolific.add_batch("Alive")), ("study.xlsx", batch_id))
    )
    environ = {
        **os.environ,
        "PROLIFIC_URL": prolific.url,
        "PROLIFIC_TOKEN": prolific.token,
        "IMPORTER_STATE": str(tmp_path / "state"),
        "IMPORTER_HOLD_S": "0.5",
    }

    def importer(*arguments: str, dies_after_s: float | None = None) -> int:
        command = [sys.executable, "-m", "importer", *arguments]
        with subprocess.Popen(
            command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as child:
            try:
                return child.wait(dies_after_s)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                return child.wait()

    started = time.monotonic()
    assert 0 == importer("push", str(alive), "--yes")
    whole_s = time.monotonic() - started

    codes = [importer("push", str(path), "--yes", dies_after_s=chance.uniform(0, whole_s)) for _ in range(6)]
    assert -signal.SIGKILL in codes

    assert 0 == importer("resume")
    assert 0 == importer("push", str(path), "--yes")
    assert 1 == prolific.generations(batch_id)
    assert ids_held(prolific, batch_id) == list(ids_in(path).values())
