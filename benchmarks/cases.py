"""What is compared with what, and which ratio is the target."""

from __future__ import annotations

import re
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.books import batches, cached, ids_in, instructions, make
from benchmarks.measure import Sample, interleave, peak_together_mb, run_child, run_step
from benchmarks.server import Server, running

LATENCY_S: Final = 0.1
SIZES: Final = (60, 1_000, 10_000)
#: Samples of the memory of all processes, which hardly varies.
MEMORY_ROUNDS: Final = 3

#: What costs enough at start-up to be worth keeping out of `--help`.
HEAVY: Final = {
    "msgspec",
    "numpy",
    "openpyxl",
    "pandas",
    "pandera",
    "requests",
    "rich",
    "sqlite3",
    "starlette",
    "urllib3",
    "uvicorn",
}
USER_SCRIPT: Final = Path(__file__).with_name("user_script.py")


@dataclass(frozen=True)
class Row:
    """
    One line of the result.

    Attributes:
        case: What was done and what was measured.
        ours: The importer's figure, with its unit.
        theirs: The other's, with its name.
        ratio: ours / theirs, or theirs / ours where the target says how many times less.
        target: What it must be; "" if it is only told.
        is_met: None if there is no target.
    """

    case: str
    ours: str
    theirs: str
    ratio: str
    target: str
    is_met: bool | None


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def _mb(megabytes: float) -> str:
    return f"{megabytes:.1f} MB"


# ---------------------------------------------------------------- 1. starting
def start(rounds: int) -> Iterator[Row]:
    """`--help` and `--version`, beside a bare Python and the user's script's imports."""
    imports = "import openpyxl, pandas, requests"
    found = interleave(
        rounds,
        {
            "--help": lambda: run_child([_importer(), "--help"])[0],
            "--version": lambda: run_child([_importer(), "--version"])[0],
            "bare Python": lambda: run_child([sys.executable, "-c", "pass"])[0],
            "the user's script's imports": lambda: run_child([sys.executable, "-c", imports])[0],
        },
    )
    for flag in ("--help", "--version"):
        for other in ("bare Python", "the user's script's imports"):
            ours, theirs = found[flag], found[other]
            yield Row(
                f"importer {flag}, wall, beside {other}",
                _ms(ours.wall_s),
                _ms(theirs.wall_s),
                f"{ours.wall_s / theirs.wall_s:.2f}",
                "≤ 150 ms",
                ours.wall_s <= 0.150,
            )
        loaded = sorted(_loaded(flag) & HEAVY)
        yield Row(f"importer {flag}, heavy modules", ", ".join(loaded) or "none", "", "", "none", not loaded)


def _loaded(flag: str) -> set[str]:
    """Return the packages that are imported, as `-X importtime` tells."""
    _, text = run_child([sys.executable, "-X", "importtime", _importer(), flag])
    names = re.findall(r"^import time:.*\|\s*([\w.]+)$", text, re.MULTILINE)
    return {name.partition(".")[0] for name in names}


def _importer() -> str:
    return str(Path(sysconfig.get_path("scripts")) / "importer")


# ---------------------------------------------------------------- 2. push with everything
@dataclass(frozen=True)
class Command:
    """What one side of a push runs."""

    words: list[str]
    env: dict[str, str]


def push(rounds: int, rows: int) -> Iterator[Row]:
    """A workbook that was never pushed, against the local Prolific."""
    commands = {"ours": _our_push, "theirs": _their_push}
    with running(LATENCY_S) as server:
        timed = {name: partial(_push, server, rows, command, _cost) for name, command in commands.items()}
        found = interleave(rounds, timed, warm_up=rows < 10_000)
        sizes = {name: partial(_push, server, rows, command, _size) for name, command in commands.items()}
        together = interleave(MEMORY_ROUNDS, sizes, warm_up=False)
    ours, theirs = found["ours"], found["theirs"]
    case = f"push {rows:,} rows in {batches(rows)} {'batch' if batches(rows) == 1 else 'batches'}"
    yield _compared(f"{case}, wall", ours.wall_s, theirs.wall_s, _ms, "≤ 1.0" if rows == 60 else "")
    yield _compared(f"{case}, CPU", ours.cpu_s, theirs.cpu_s, _ms)
    yield _compared(f"{case}, peak memory of the largest process", ours.peak_mb, theirs.peak_mb, _mb)
    yield _compared(
        f"{case}, peak memory of all processes together",
        together["ours"].peak_mb,
        together["theirs"].peak_mb,
        _mb,
        "< 1.0",
    )


def _compared(case: str, ours: float, theirs: float, shown: Callable[[float], str], target: str = "") -> Row:
    ratio = ours / theirs
    is_met = {"": None, "≤ 1.0": ratio <= 1, "< 1.0": ratio < 1}[target]
    return Row(case, shown(ours), shown(theirs), f"{ratio:.2f}", target, is_met)


def _push(
    server: Server,
    rows: int,
    make_command: Callable[[Server, Path, list[str]], Command],
    measure: Callable[[Command, Path], Sample],
) -> Sample:
    """Push a new workbook of new batches, and make sure that its ids came back."""
    ids = server.new_batches(batches(rows))
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study.xlsx"
        make(study, rows, ids)
        sample = measure(make_command(server, study, ids), study.parent)
        came_back = ids_in(study) - {batch_id.encode() for batch_id in ids}
    if len(came_back) != instructions(rows):
        raise RuntimeError(f"{len(came_back)} ids came back, not {instructions(rows)}")
    return sample


def _cost(command: Command, folder: Path) -> Sample:
    return run_child(command.words, env=command.env, cwd=folder)[0]


def _size(command: Command, folder: Path) -> Sample:
    return Sample(0, 0, peak_together_mb(command.words, env=command.env, cwd=folder))


def _our_push(server: Server, study: Path, _ids: list[str]) -> Command:
    env = {
        "PROLIFIC_URL": server.url,
        "PROLIFIC_TOKEN": server.token,
        "IMPORTER_STATE": str(study.parent / "state"),
    }
    return Command([_importer(), "push", study.name, "--yes"], env)


def _their_push(server: Server, study: Path, ids: list[str]) -> Command:
    batch_id = ids[0] if len(ids) == 1 else "Batches"
    return Command([sys.executable, str(USER_SCRIPT), study.name, batch_id, server.url, server.token], {})


# ---------------------------------------------------------------- 3. reading
def read(rounds: int) -> Iterator[Row]:
    """The sheet Instructions of 10,000 rows without imports: ours every cell, the others every value."""
    path = cached("filled", 10_000)
    found = _steps(rounds, ("read-ours", "read-calamine", "read-openpyxl"), path)
    ours, calamine, openpyxl = found.values()
    ratio = ours.cpu_s / calamine.cpu_s
    case = "read 10,000 rows, CPU, beside"
    yield Row(f"{case} calamine", _ms(ours.cpu_s), _ms(calamine.cpu_s), f"{ratio:.2f}", "≤ 2.5", ratio <= 2.5)
    times = openpyxl.cpu_s / ours.cpu_s
    yield Row(
        f"{case} openpyxl read-only",
        _ms(ours.cpu_s),
        _ms(openpyxl.cpu_s),
        f"{times:.1f} × less",
        "≥ 5 × less",
        times >= 5,
    )


# ---------------------------------------------------------------- 4. writing back
def write(rounds: int) -> Iterator[Row]:
    """An id into every row, without imports; ours checks, verifies and keeps a backup as in a push."""
    for rows in SIZES:
        found = _steps(rounds, ("write-ours", "write-openpyxl"), cached("filled", rows))
        ours, theirs = found.values()
        times = theirs.cpu_s / ours.cpu_s
        target = "≥ 20 × less" if rows == 1_000 else ""
        yield Row(
            f"write back {rows:,} rows, CPU, beside openpyxl load and save",
            _ms(ours.cpu_s),
            _ms(theirs.cpu_s),
            f"{times:.1f} × less",
            target,
            times >= 20 if target else None,
        )


# ---------------------------------------------------------------- 5. formatted to the last row
def formatted(rounds: int) -> Iterator[Row]:
    """60 filled rows, formatted blank cells down to row 1,048,576 over 12 columns."""
    found = _steps(rounds, ("read-ours", "inflate"), cached("formatted", 60))
    ours, inflating = found.values()
    ratio = ours.cpu_s / inflating.cpu_s
    case = "read a sheet formatted to row 1,048,576"
    yield Row(
        f"{case}, CPU, beside inflating it in pieces",
        _ms(ours.cpu_s),
        _ms(inflating.cpu_s),
        f"{ratio:.2f}",
        "≤ 2.0",
        ratio <= 2,
    )
    yield Row(
        f"{case}, peak memory",
        _mb(ours.peak_mb),
        _mb(inflating.peak_mb),
        "",
        "< 100 MB",
        ours.peak_mb < 100,
    )


def _steps(rounds: int, names: tuple[str, ...], path: Path) -> dict[str, Sample]:
    def contender(name: str) -> Callable[[], Sample]:
        return lambda: run_step(name, path)

    return interleave(rounds, {name: contender(name) for name in names})


CASES: Final[dict[str, Callable[[int], Iterator[Row]]]] = {
    "start": start,
    "push-60": lambda rounds: push(rounds, 60),
    "push-1000": lambda rounds: push(rounds, 1_000),
    "push-10000": lambda rounds: push(rounds, 10_000),
    "read": read,
    "write": write,
    "formatted": formatted,
}
