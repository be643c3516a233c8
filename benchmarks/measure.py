"""
Measuring: one child process per sample, contenders taking turns, medians.

Wall time, CPU time (user + system) and peak resident memory come from `wait4`: time is that of the
process and of those that it started and waited for, interpreter start and end included; memory is that
of the largest of them. What they hold together is sampled, in runs of their own, because sampling
takes time. The process that measures must stay small: Linux counts what a child shared with it before
`exec` as the child's own peak.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parent.parent
#: ru_maxrss counts KiB on Linux, bytes on macOS.
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024
#: Bytes of a command's output that are read: the process that measures must stay small.
_KEPT_BYTES: Final = 1_000_000
#: Characters of a failed command's output that its message shows.
_SHOWN: Final = 2000
#: Pause between two looks at the memory of a running command.
_LOOK_S: Final = 0.01


@dataclass(frozen=True)
class Sample:
    """
    What one run cost, or the medians of several.

    Attributes:
        wall_s: Time from start to end.
        cpu_s: User and system time.
        peak_mb: Peak resident memory of the whole process, in units of 1,000,000 bytes.
        requests: What the server received.
        server_cpu_s: User and system time of the server.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    requests: float = 0
    server_cpu_s: float = 0


def run_child(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    look_s: float | None = None,
) -> tuple[Sample, str]:
    """
    Run a command; gives what it cost and what it printed, or the last megabyte of it.

    Args:
        command: Its words.
        env: What its environment has more than this process's.
        cwd: Its folder; None for the project's.
        look_s: Pause between two looks at the memory of all processes together, where this is to be known in the same
            run; the peak is then that of the largest process or of all together, whichever is more.

    Raises:
        RuntimeError: It ended with another exit code than 0; its output is in the message.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        child = _start(command, env, cwd, output)
        with _looking(child.pid, look_s) as seen_kb:
            _, status, used = os.wait4(child.pid, 0)
            wall_s = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(max(0, output.tell() - _KEPT_BYTES))
        text = output.read().decode(errors="replace")
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{text[-_SHOWN:]}")
    peak_mb = max(used.ru_maxrss * _RSS_UNIT, 1024 * seen_kb[0]) / 1e6
    return Sample(wall_s, used.ru_utime + used.ru_stime, peak_mb), text


@contextmanager
def _looking(pid: int, look_s: float | None) -> Iterator[list[int]]:
    """Look at the memory of a process and those under it while the block runs; gives the most KiB seen."""
    seen, ended = [0], threading.Event()

    def look() -> None:
        while look_s is not None and not ended.wait(look_s):
            seen[0] = max(seen[0], _together_kb(pid))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield seen
    finally:
        ended.set()
        looker.join()


def _start(
    command: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=environment() | dict(env or {}),
        cwd=cwd or ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def peak_together_mb(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> float:
    """
    Run a command; gives the most memory that it and all processes under it held at one moment.

    Pages that several processes share count once among them (Linux: Pss). Sampled, so a peak that
    lasts less than a hundredth of a second may be missed.

    Raises:
        RuntimeError: It ended with another exit code than 0.
    """
    child, peak_kb = _start(command, env, cwd, subprocess.DEVNULL), 0
    while child.poll() is None:
        peak_kb = max(peak_kb, _together_kb(child.pid))
        time.sleep(_LOOK_S)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return peak_kb * 1024 / 1e6


def _together_kb(pid: int) -> int:
    return sum(map(_proportional_kb, _with_descendants(pid)))


def _with_descendants(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it has ended
            for child in children.read_text().split():
                yield from _with_descendants(int(child))


def _proportional_kb(pid: int) -> int:
    with suppress(OSError):  # it has ended
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def own_peak_mb() -> float:
    """Return the peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT / 1e6


def environment() -> dict[str, str]:
    """
    Return this process's environment as a user has it.

    Python may cache its bytecode, and openpyxl does without defusedxml, which pyxform brings: with it openpyxl takes 1.5
    times as long or more to read.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"OPENPYXL_DEFUSEDXML": "False"}


def run_step(name: str, path: Path) -> Sample:
    """Run one step of `benchmarks.steps` in a fresh process: its own time, the process's peak memory."""
    whole, text = run_child([sys.executable, "-m", "benchmarks.steps", name, str(path)])
    step = json.loads(text)
    return Sample(step["wall_s"], step["cpu_s"], whole.peak_mb)


def interleave(
    rounds: int, contenders: Mapping[str, Callable[[], Sample]], *, warm_up: bool = True
) -> dict[str, Sample]:
    """
    Run contenders in turns, so that a busy minute of the machine meets all of them.

    Args:
        rounds: How many samples each one gives.
        contenders: Each makes one sample.
        warm_up: Whether one more round comes first and is not counted.

    Returns:
        The medians of each.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for number in range(rounds + warm_up):
        for name, contender in contenders.items():
            sample = contender()
            if number >= warm_up:
                samples[name].append(sample)
    return {name: median(found) for name, found in samples.items()}


def median(samples: Sequence[Sample]) -> Sample:
    """Return the medians, each of its own."""
    return Sample(*map(statistics.median, zip(*map(astuple, samples), strict=True)))
