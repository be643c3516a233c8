"""The fuzz targets for a bounded time, and every input that once failed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.hostile.fuzz import FIXTURES, NO_ATHERIS, TARGETS, main, run_target

SECONDS = 10


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*-*.*")), ids=lambda path: path.name)
def test_what_once_failed(path: Path):
    """An input that made a target fail does so no more."""
    target = path.name.partition("-")[0]

    run_target(target, json.loads(path.read_bytes()) if path.suffix == ".json" else path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_fuzz_with_hypothesis(target: str):
    """For some seconds, from the same seed each time, nothing fails."""
    assert 0 == main(["--seconds", str(SECONDS), "--target", target, "--seed", "0"])


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for every Python")
@pytest.mark.parametrize("target", ["reader", "writeback"])
def test_fuzz_with_atheris(target: str):
    """For some seconds, from sound workbooks on, nothing fails."""
    command = [sys.executable, "-m", "tests.hostile.fuzz", "--engine", "atheris", "--target", target]
    done = subprocess.run(
        [*command, "--seconds", str(SECONDS)], capture_output=True, cwd=Path(__file__).parents[2], check=False
    )

    assert 0 == done.returncode, done.stderr.decode("utf-8", "replace")[-2_000:]


def test_without_atheris_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A Python that atheris has no wheel for is told what to do."""
    monkeypatch.setitem(sys.modules, "atheris", None)

    assert NO_ATHERIS == main(["--seconds", "1", "--target", "reader", "--engine", "atheris"])
    assert "--engine hypothesis" in capsys.readouterr().err
