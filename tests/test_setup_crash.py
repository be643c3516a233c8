"""
importer setup killed at every step and at any instant: nothing is made twice, and the next run goes on.

The matrix is a command of its own, `python -m tests.setup_soak`; here a seeded part of it runs once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

KILLS: Final = 14
SEED: Final = 20261122


@pytest.fixture(scope="module")
def tally() -> dict[str, Any]:
    """The summary of the crash matrix; the command exits with 1 if anything was broken."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.setup_soak", "--kills", str(KILLS), "--seed", str(SEED), "--json"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == int(bool(found["violations"]))
    return found


def test_nothing_is_made_twice(tally: dict[str, Any]):
    """One of each, the same ids on both sides, a journal at rest: in every case."""
    assert [] == tally["violations"]


def test_as_many_were_killed_as_is_said(tally: dict[str, Any]):
    """A matrix that kills nobody would find nothing."""
    assert KILLS <= tally["kills"] == sum(tally["died"].values())


def test_deaths_fell_at_many_places(tally: dict[str, Any]):
    """Before and after what is made, in the write-back and in between; and Prolific went wrong, too."""
    assert 8 <= len(tally["died"])
    assert 3 <= len(tally["faults"])
