"""Many workbooks in one command: found in a folder, planned, agreed to as a whole, sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from importer.run.watching import FEW
from importer.sandbox import Sandbox
from tests.books import LIKERT, write_book
from tests.test_cli import Shell, prolific, shell
from tests.test_push import edit, ids_in

__all__ = ["prolific", "shell"]  # fixtures

COUNT = 12


@pytest.fixture
def lab(shell: Shell, prolific: Sandbox) -> Path:
    """A folder of more workbooks than are shown one by one."""
    folder = shell.folder / "lab"
    folder.mkdir()
    for number in range(COUNT):
        batches = [["batch_id"], [prolific.add_batch(f"Wave {number}")]]
        write_book(folder / f"study-{number}.xlsx", {"Instructions": LIKERT, "Batches": batches})
    return folder


def written(lab: Path) -> int:
    """How many workbooks have ids."""
    return sum(any(ids_in(path).values()) for path in lab.glob("*.xlsx"))


def test_the_plan_of_a_folder_has_one_fingerprint(shell: Shell, lab: Path):
    """The command that plan names pushes exactly that; after an edit it pushes nothing."""
    planned = shell("plan", "lab")
    (command,) = (line.split()[1:] for line in planned.out.splitlines() if "importer push lab --plan" in line)
    edit(lab / "study-3.xlsx", "C2", "How was it really?")
    refused = shell(*command)
    edit(lab / "study-3.xlsx", "C2", "How was it?")

    assert (0, 1, 0) == (planned.code, refused.code, written(lab))
    assert "no longer the one that was reviewed" in refused.out
    # The edited workbook was saved anew, but says what it said.
    assert (0, COUNT) == (shell(*command).code, written(lab))


@pytest.mark.parametrize(("words", "code", "sent"), [([], 3, COUNT - 1), (["--all-or-nothing"], 1, 0)])
def test_a_broken_workbook_stops_itself_or_everything(
    shell: Shell, lab: Path, words: list[str], code: int, sent: int
):
    """As the researcher wants."""
    edit(lab / "study-5.xlsx", "B2", "mutiple_choice")

    ended = shell("push", "lab", "--yes", *words)

    assert (code, sent) == (ended.code, written(lab))
    assert "✗ not ready" in ended.out


def test_a_run_is_reported_and_listed(shell: Shell, lab: Path):
    """One page, one line in status, and nothing to do the second time."""
    assert 0 == shell("push", "lab", "--yes", "--report", "run.html").code
    page = (shell.folder / "run.html").read_text("utf-8")
    (run,) = json.loads(shell("status", "--json").out)["runs"]
    again = shell("push", "lab", "--yes")

    assert f"{COUNT} workbooks" in page
    assert (COUNT, {"written": COUNT}, 0) == (run["workbooks"], run["imports"], run["exit_code"])
    assert (0, f"= {COUNT} unchanged" in again.out) == (again.code, True)


@pytest.mark.parametrize("count", [FEW, FEW + 1])
def test_plans_that_nobody_is_asked_about_are_shown_for_a_few_batches(
    shell: Shell, prolific: Sandbox, count: int
):
    """Of many, whether in one workbook or in many, a line each says what was done."""
    rows = [["batch", "ref", "type", "description", "instruction_id", "status"]]
    batches = [["batch", "batch_id"]]
    for number in range(count):
        rows.append([f"wave{number}", "Q1", "free_text", f"Why {number}?", "", ""])
        batches.append([f"wave{number}", prolific.add_batch(f"Wave {number}")])
    write_book(shell.folder / "waves.xlsx", {"Instructions": rows, "Batches": batches})

    ended = shell("push", "waves.xlsx", "--yes")

    assert (0, count) == (ended.code, ended.out.count(": 1 created"))
    assert ("+ create" in ended.out + ended.err) == (count <= FEW)
