"""The real door: `importer check` as a process, with what it said, and what it took."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_PEAK_BYTES = 300_000_000
MAX_CPU_S = 10.0
#: What a terminal would obey.
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

#: `python -c` that starts a command and says on its last line what it took. Its own process, because
#: the peak of a process includes what its parent had when it was forked.
_MEASURE = """
import json, os, sys, time
begin = time.monotonic()
child = os.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
took = [os.waitstatus_to_exitcode(status), time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]
os.write(2, ("\\n" + json.dumps(took)).encode())
"""


@dataclass(frozen=True)
class Seen:
    """
    One run.

    Attributes:
        args: What was typed behind `importer`.
        code: Exit code; negative for a signal.
        out: What it printed, as text.
        err: Its messages.
        wall_s: Seconds on the clock, which depend on what else the machine does.
        cpu_s: Seconds of CPU.
        peak_bytes: The most memory it had.
    """

    args: tuple[str, ...]
    code: int
    out: str
    err: str
    wall_s: float
    cpu_s: float
    peak_bytes: int

    @property
    def report(self) -> dict[str, Any]:
        """What `--json` printed."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def codes(self) -> set[str]:
        """The codes of the errors that `--json` printed."""
        problems = self.report["report"]["problems"]
        return {problem["code"] for problem in problems if problem["severity"] == "error"}


@dataclass
class Figures:
    """What all runs of a session took at most."""

    seen: list[Seen] = field(default_factory=list)

    def __str__(self) -> str:
        """One line for the end of a test run."""
        slowest = max(self.seen, key=lambda one: one.cpu_s)
        largest = max(self.seen, key=lambda one: one.peak_bytes)
        return (
            f"hostile input: {len(self.seen)} runs; at most {largest.peak_bytes / 1e6:.0f} MB ({_name(largest)}) "
            f"and {slowest.cpu_s:.1f} s of CPU ({_name(slowest)})"
        )


def _name(seen: Seen) -> str:
    return Path(seen.args[-1]).name


def assert_civil(seen: Seen, *codes: int) -> None:
    """Fail unless a run ended as a run may end, whatever it was given."""
    said = seen.out + seen.err
    assert seen.code in (codes or (0, 1)), f"exit code {seen.code}: {said[-2000:]}"
    assert "Traceback" not in said
    assert [] == STEERING.findall(said)
    assert seen.peak_bytes < MAX_PEAK_BYTES, f"{seen.peak_bytes / 1e6:.0f} MB"
    assert seen.cpu_s < MAX_CPU_S, f"{seen.cpu_s:.1f} s of CPU"


def assert_sentences(seen: Seen) -> None:
    """Fail unless every problem that `--json` printed is said in one line of a sensible length."""
    for problem in seen.report["report"]["problems"]:
        for text in (problem["text"], problem["remedy"]):
            assert "\n" not in text
            assert len(text) < 2_500


def state_in(folder: Path) -> dict[str, str]:
    """The environment of a run, whose state is below *folder*."""
    return {**os.environ, "IMPORTER_STATE": str(folder / "state"), "PYTHONWARNINGS": "error::EncodingWarning"}


@contextmanager
def forked_door(folder: Path, figures: Figures) -> Iterator[Callable[..., Seen]]:
    """A door that forks from a process which has imported everything; *folder* is for what runs print."""
    command = [sys.executable, "-m", "tests.hostile.forker"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=state_in(folder), cwd=root
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def door(*args: str, cwd: Path = folder, user: int | None = None) -> Seen:
            out, err = folder / "out", folder / "err"
            call = {"args": args, "folder": str(cwd), "out": str(out), "err": str(err), "user": user}
            print(json.dumps(call), file=server.stdin, flush=True)
            took = json.loads(server.stdout.readline())
            seen = Seen(
                args, out=out.read_text("utf-8", "replace"), err=err.read_text("utf-8", "replace"), **took
            )
            figures.seen.append(seen)
            return seen

        yield door
        server.stdin.close()


def real_door(*args: str, folder: Path, timeout_s: float = 60) -> Seen:
    """Run `importer` as a child process."""
    command: Sequence[str] = [
        sys.executable, "-I", "-S", "-c", _MEASURE, sys.executable, "-P", "-m", "importer", *args
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, env=state_in(folder), cwd=folder, timeout=timeout_s, check=False
    )
    err, _, took = done.stderr.decode("utf-8", "replace").rpartition("\n")
    code, wall_s, cpu_s, peak_bytes = json.loads(took)
    return Seen(args, code, done.stdout.decode("utf-8", "replace"), err, wall_s, cpu_s, peak_bytes)
