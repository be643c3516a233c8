"""What is run over many or large workbooks: ours, the user's script, the floor, and pyxform."""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.books import ROWS_PER_BATCH, cached, instructions, run
from benchmarks.measure import Sample, run_child
from benchmarks.server import Server, running

LATENCY_S: Final = 0.1
#: Requests in flight, of ours and of what is compared with it.
JOBS: Final = 32
#: Pause between two looks at the memory of a contender's processes.
LOOK_S: Final = 0.05

OURS: Final = "importer"
SCRIPT: Final = "user's script"
THREADS: Final = f"user's script, {JOBS} threads"
FLOOR: Final = "floor"
PYXFORM: Final = "pyxform"

_HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Work:
    """
    What is pushed.

    Attributes:
        books: Number of workbooks.
        rows: Of each.
        rows_per_batch: 60, or as many as the workbook has if it is one batch.
    """

    books: int = 1
    rows: int = ROWS_PER_BATCH
    rows_per_batch: int = ROWS_PER_BATCH

    @property
    def batches(self) -> int:
        """How many batches each workbook has."""
        return -(-self.rows // self.rows_per_batch)


# ---------------------------------------------------------------- one push of everything
def push(contender: str, work: Work) -> Sample:
    """Push new workbooks of new batches to a server of their own, and make sure that the ids came back."""
    with running(LATENCY_S) as server, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "studies"
        folder.mkdir()
        ids = server.new_batches(work.books * work.batches)
        if work.batches == 1:
            run("write-copies", folder, work.rows, ids)
        else:
            run("write", folder / "study.xlsx", work.rows, ids)
        words, env = _COMMANDS[contender](server, folder, work, ids)
        server.cost()  # starting it is not part of it
        sample, _ = run_child(words, env=env, cwd=folder.parent, look_s=LOOK_S)
        requests, server_cpu_s = server.cost()
        if contender != FLOOR:
            run("verify", folder, instructions(work.rows, work.rows_per_batch), ids)
    return replace(sample, requests=requests, server_cpu_s=server_cpu_s)


# ---------------------------------------------------------------- their commands
Command = tuple[list[str], dict[str, str]]


def _ours(server: Server, folder: Path, _work: Work, _ids: list[str]) -> Command:
    env = {
        "PROLIFIC_URL": server.url,
        "PROLIFIC_TOKEN": server.token,
        "IMPORTER_STATE": str(folder.parent / "state"),
    }
    return [_script("importer"), "push", folder.name, "--yes", "--jobs", str(JOBS)], env


def _user(server: Server, folder: Path, work: Work, _ids: list[str]) -> Command:
    if work.batches > 1:
        words = [
            str(_HERE / "user_script.py"),
            f"{folder.name}/study.xlsx",
            "Batches",
            server.url,
            server.token,
        ]
    else:
        words = [str(_HERE / "user_script_folder.py"), folder.name, server.url, server.token]
    return [sys.executable, *words], {}


def _threads(server: Server, folder: Path, work: Work, ids: list[str]) -> Command:
    words, env = _user(server, folder, work, ids)
    return [*words, str(JOBS)], env


def _floor(server: Server, folder: Path, work: Work, ids: list[str]) -> Command:
    tasks, body = folder.parent / "tasks", folder.parent / "body"
    if work.batches == 1:
        lines = [f"{folder}/{batch_id}.xlsx {batch_id}" for batch_id in ids]
    else:
        lines = [f"{folder}/study.xlsx {' '.join(ids)}"]
    tasks.write_text("\n".join(lines))
    run("write-payload", body, work.rows_per_batch)
    words = [str(_HERE / "floor.py"), str(tasks), server.url, server.token, str(JOBS), str(body)]
    return [sys.executable, "-I", "-S", *words], {}


_COMMANDS: Final[dict[str, Callable[[Server, Path, Work, list[str]], Command]]] = {
    OURS: _ours,
    SCRIPT: _user,
    THREADS: _threads,
    FLOOR: _floor,
}


def _script(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


# ---------------------------------------------------------------- checking, without a network
def check(contender: str, rows: int) -> Sample:
    """Check a workbook with ours, or turn the equivalent XLSForm into an XForm with pyxform."""
    with tempfile.TemporaryDirectory() as temporary:
        if contender == OURS:
            return run_child([_script("importer"), "check", str(cached("filled", rows))], look_s=LOOK_S)[0]
        form = Path(temporary) / "form.xlsx"
        run("write-form", form, rows)
        words = [_script("xls2xform"), str(form), str(form.with_suffix(".xml")), "--skip_validate"]
        sample, _ = run_child(words, look_s=LOOK_S)
        asked = form.with_suffix(".xml").read_bytes().count(b"<bind ")
    if asked < instructions(rows):
        raise RuntimeError(f"pyxform made {asked} questions, not {instructions(rows)}")
    return sample
