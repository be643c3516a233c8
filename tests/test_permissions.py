"""What may not be written, or no longer can: said in a sentence, with nothing lost on either side."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from importer.sandbox import Sandbox
from tests.books import LIKERT, write_book
from tests.ordinary import run_as_ordinary
from tests.test_push import ids_held, ids_in, push_and_die

MB = 1 << 20


@pytest.fixture
def study(tmp_path: Path, batch_id: str) -> Path:
    folder = tmp_path / "studies"
    folder.mkdir()
    return write_book(folder / "study.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [batch_id]]})


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def importer(
    prolific: Sandbox, state: Path, *arguments: object, file_bytes: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the real command as a user whom permissions bind."""
    environ = {"PROLIFIC_URL": prolific.url, "PROLIFIC_TOKEN": prolific.token, "IMPORTER_STATE": str(state)}
    return run_as_ordinary("-m", "importer", *arguments, file_bytes=file_bytes, environ=environ)


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    return f"{done.stdout} {done.stderr}"


@pytest.mark.parametrize(
    ("place", "mode", "words"),
    [("study.xlsx", 0o400, "is read-only"), (".", 0o500, "no file can be made in its folder")],
)
def test_read_only_workbook_or_folder_sends_nothing(
    prolific: Sandbox, state: Path, study: Path, batch_id: str, place: str, mode: int, words: str
):
    """The ids could not be written back, so nothing is sent."""
    before, forbidden = study.read_bytes(), study.parent / place
    forbidden.chmod(mode)

    done = importer(prolific, state, "push", study, "--yes")

    forbidden.chmod(0o700)
    assert 1 == done.returncode
    assert words in said(done)
    assert (0, before, [study]) == (
        prolific.generations(batch_id),
        study.read_bytes(),
        [*study.parent.iterdir()],
    )


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_state_folder_without_permission_sends_nothing(
    prolific: Sandbox, state: Path, study: Path, batch_id: str, mode: int
):
    """Without a journal a crash could not be picked up, so nothing is sent."""
    before = study.read_bytes()
    state.chmod(mode)

    done = importer(prolific, state, "push", study, "--yes")

    state.chmod(0o700)
    assert 1 == done.returncode
    assert str(state) in said(done)
    assert (0, before) == (prolific.generations(batch_id), study.read_bytes())


def test_read_only_journal_sends_nothing(prolific: Sandbox, state: Path, study: Path, batch_id: str):
    """A journal that can only be read is none."""
    importer(prolific, state, "plan", study)
    journal = state / "journal.sqlite3"
    journal.chmod(0o400)
    state.chmod(0o500)

    done = importer(prolific, state, "push", study, "--yes")

    state.chmod(0o700)
    assert 1 == done.returncode
    assert f"The journal {journal} cannot be used" in said(done)
    assert 0 == prolific.generations(batch_id)


def test_backups_without_permission_keep_the_ids_safe(
    prolific: Sandbox, state: Path, study: Path, batch_id: str
):
    """No copy of the workbook can be made, so it is not touched; once one can, resume delivers."""
    before, backups = study.read_bytes(), state / "backups"
    backups.mkdir(mode=0o500)

    done = importer(prolific, state, "push", study, "--yes")

    assert 5 == done.returncode
    assert "importer resume" in said(done)
    assert (1, before) == (prolific.generations(batch_id), study.read_bytes())

    backups.chmod(0o700)
    assert 0 == importer(prolific, state, "resume").returncode
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


@pytest.mark.parametrize("verb", ["push", "resume"])
def test_locks_that_cannot_be_made_send_nothing(
    prolific: Sandbox, state: Path, study: Path, batch_id: str, verb: str
):
    """Without its lock two pushes could meet, so a batch is left as it is; with it, all goes on."""
    before, locks = study.read_bytes(), state / "locks"
    if verb == "resume":
        push_and_die(prolific, state, study, "journal:planned")
        shutil.rmtree(locks)
    locks.mkdir(mode=0o500)
    words = ("push", study, "--yes") if verb == "push" else ("resume",)

    done = importer(prolific, state, *words)

    assert 1 == done.returncode
    assert f"cannot be locked in {locks}" in said(done)
    assert (0, before) == (prolific.generations(batch_id), study.read_bytes())

    locks.chmod(0o700)
    assert 0 == importer(prolific, state, *words).returncode
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


# ---------------------------------------------------------------- disk full
def grow(study: Path) -> None:
    """Make the workbook larger than the journal gets, by texts that do not compress."""
    noise = [[hashlib.sha256(str(n).encode()).hexdigest()] for n in range(40_000)]
    sheets = {"Instructions": LIKERT, "Batches": [["batch_id"], [study.stem]], "Noise": noise}
    write_book(study, sheets)


def test_disk_full_at_the_write_back(prolific: Sandbox, state: Path, tmp_path: Path, batch_id: str):
    """Sent, but no room for the new copy: the old one stays whole, and resume delivers when there is room."""
    study = tmp_path / f"{batch_id}.xlsx"
    grow(study)
    before = study.read_bytes()
    assert len(before) > MB

    done = importer(prolific, state, "push", study, "--yes", file_bytes=MB)

    assert 5 == done.returncode
    assert "the disk is full. Free some space" in said(done)
    assert (1, before) == (prolific.generations(batch_id), study.read_bytes())
    assert [] == [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"]

    assert 0 == importer(prolific, state, "resume").returncode
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


def test_disk_full_at_the_journal_sends_nothing(prolific: Sandbox, state: Path, study: Path, batch_id: str):
    """Without room for the journal nothing is sent, and nothing is left open."""
    before = study.read_bytes()

    done = importer(prolific, state, "push", study, "--yes", file_bytes=4096)

    assert 1 == done.returncode
    assert "Check its folder, and the space on the disk." in said(done)
    assert (0, before) == (prolific.generations(batch_id), study.read_bytes())

    again = importer(prolific, state, "push", study, "--yes", "--json")

    assert (0, 0) == (again.returncode, json.loads(again.stdout)["exit_code"])
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())
