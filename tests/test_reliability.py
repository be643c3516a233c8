"""docs/reliability.md is true where a number or a name could go stale: each is the one of the code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from importer import limits
from importer.push.desk import HOLD_S
from importer.push.submitter import FRESH_S
from importer.sandbox import FAULTS
from importer.workbook.backups import KEPT_BACKUPS
from tests import (
    test_crash,
    test_fault_matrix,
    test_journal_damage,
    test_saved_meanwhile,
    test_setup_crash,
    test_setup_faults,
)
from tests.faults.matrix import COLUMNS, ROWS, cells
from tests.hostile.door import MAX_CPU_S, MAX_PEAK_BYTES
from tests.hostile.test_inputs import INPUTS
from tests.hostile.test_places import PLACES

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "reliability.md").read_text("utf-8")
FLAT = " ".join(TEXT.split())


def parameters(test: object, name: str) -> int:
    """How many values a test is run with, by the name of the argument."""
    marks = [mark.args for mark in test.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    return next(len(values) for names, values in marks if name in names)


def pushes() -> int:
    """Tests of the fault matrix: each cell; of one PUT with three batches too, of every PUT for one kind."""
    played = {column: len(list(cells(column))) for column in COLUMNS}
    of_three = sum(kind == "both" for _, kind in cells("lasting"))
    return sum(played.values()) + played["once"] + of_three


def paged() -> int:
    """Tests of the fault matrix with batches made of pages, as many as the suite plays."""
    tests = [test for name, test in vars(test_fault_matrix).items() if name.startswith("test_fault_of")]
    marks = [(test, mark.args) for test in tests for mark in test.pytestmark if mark.name == "parametrize"]
    of_two = parameters(test_fault_matrix.test_fault_of_one_put, "batches")
    return sum(
        sum(is_paged for _, _, is_paged in values)
        * (of_two if test is test_fault_matrix.test_fault_of_one_put else 1)
        for test, (names, values) in marks
        if "is_paged" in names
    )


def side_by_side() -> int:
    """Tests of the fault matrix with several batches at a time, as many as the suite plays."""
    tests = [test for name, test in vars(test_fault_matrix).items() if name.endswith("_side_by_side")]
    of_two = parameters(test_fault_matrix.test_fault_of_one_put_side_by_side, "jobs")
    of_one_put = parameters(test_fault_matrix.test_fault_of_one_put_side_by_side, "row")
    return sum(parameters(test, "row") for test in tests) + (of_two - 1) * of_one_put


SENTENCES = [
    (
        f"{len(FAULTS)} faults in {len(ROWS)} rows, {pushes()} pushes, {paged()} of batches made of pages, and "
        f"{side_by_side()} of six batches side by side"
    ),
    (
        f"{pushes()} pushes, {paged()} of batches made of pages, {side_by_side()} of six batches side by side, and the "
        "questions beside them"
    ),
    f"{test_crash.KILLS} processes killed in every test run, at {len(test_crash.CHECKPOINTS)} checkpoints",
    (
        f"{len(test_setup_faults.PART)} of {len(test_setup_faults.EVERY)} faults of five requests in every test run: "
        f"`tests/test_setup_faults.py`; {test_setup_crash.KILLS} processes killed"
    ),
    f"only after {HOLD_S:.0f} s (HOLD)",
    f"if the plan is older than {FRESH_S:.0f} s",
    f"the last {KEPT_BACKUPS} versions",
    (
        f"{parameters(test_saved_meanwhile.test_edits_survive_and_ids_find_their_rows, 'save')} edits and "
        f"{parameters(test_saved_meanwhile.test_nowhere_to_write_is_said_and_resumed, 'spoil')} ways to spoil it, "
        f"each at {len(test_saved_meanwhile.MOMENTS)} moments"
    ),
    f"within {MAX_PEAK_BYTES / 1e6:.0f} MB and {MAX_CPU_S:.0f} s",
    f"{len(INPUTS)} made inputs, {len(PLACES)} places",
    f"{test_journal_damage.ROUNDS} damaged journals",
    (
        f"{limits.MAX_FILLED_ROWS:,} filled rows, {limits.MAX_FILE_BYTES / 1e6:.0f} MB of file, "
        f"{limits.MAX_CELL_CHARACTERS:,} characters in a cell"
    ),
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_count_is_the_one_of_the_code(sentence: str):
    """A promise is no larger than what is tested."""
    assert sentence in FLAT


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT))))
def test_every_test_that_is_named_is_there(path: str):
    """A promise without its test is none."""
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"make [a-z]+(?: [A-Z]+=\d+)*", TEXT))))
def test_every_command_is_one(command: str):
    """What the page says how to repeat can be typed."""
    assert (
        0
        == subprocess.run(
            [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, check=False
        ).returncode
    )


def test_every_link_leads_somewhere():
    """A page is read from its folder."""
    assert [] == [to for to in re.findall(r"\]\(([^)]+)\)", TEXT) if not (ROOT / "docs" / to).is_file()]
