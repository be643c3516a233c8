"""The fuzz targets for a bounded time, and every input that once failed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.hostile.fuzz import BYTES_TARGETS, FIXTURES, NO_ATHERIS, TARGETS, main, run_target

SECONDS = 10
#: atheris, an extra of its own, takes part where it is installed, and makes bytes only.
RUNS = [
    *(("hypothesis", target) for target in TARGETS),
    *(("atheris", target) for target in BYTES_TARGETS if find_spec("atheris")),
]


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*-*.*")), ids=lambda path: path.name)
def test_what_once_failed(path: Path):
    """An input that made a target fail does so no more."""
    target = path.name.partition("-")[0]

    run_target(target, json.loads(path.read_bytes()) if path.suffix == ".json" else path.read_bytes())


@pytest.mark.parametrize(("engine", "target"), RUNS)
def test_fuzz(engine: str, target: str):
    """For some seconds, from sound workbooks or the same seed on, nothing fails."""
    command = [sys.executable, "-m", "tests.hostile.fuzz", "--engine", engine, "--target", target]
    done = subprocess.run(
        [*command, "--seconds", str(SECONDS), "--seed", "0"],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert 0 == done.returncode, done.stderr.decode("utf-8", "replace")[-2_000:]


def test_without_atheris_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A Python that atheris has no wheel for is told what to do."""
    monkeypatch.setitem(sys.modules, "atheris", None)

    assert NO_ATHERIS == main(["--seconds", "1", "--target", "reader", "--engine", "atheris"])
    assert "--engine hypothesis" in capsys.readouterr().err
