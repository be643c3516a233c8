"""A batch of which a study is published is changed only by whoever says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from importer.errors import PlanRefused
from importer.push.desk import Desk
from importer.run.results import StudyResult
from importer.sandbox import Sandbox
from tests.desks import Clock, open_desk
from tests.from_nothing import ids_in_sheets, set_up, write_study
from tests.test_push import edit, go


@pytest.fixture
def prolific() -> Iterator[Sandbox]:
    """Have a local Prolific without anything, one for each test."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def desk(prolific: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(prolific.url, prolific.token, tmp_path / "state", Clock()) as opened:
        yield opened


@pytest.fixture
def path(desk: Desk, tmp_path: Path) -> Path:
    """Have a workbook whose study was made, and whose first question has another wording now."""
    made = write_study(tmp_path)
    set_up(desk, made)
    edit(made, "D2", "Which is the better one?")
    return made


def refusal_of(result: StudyResult) -> str:
    assert isinstance(result.refusal, PlanRefused)
    return str(result.refusal)


def test_a_published_study_needs_its_own_consent(desk: Desk, prolific: Sandbox, path: Path):
    """That tasks exist is another matter, and the name of the study is said."""
    (study,) = prolific.studies()
    prolific.publish(str(study["id"]))
    before = path.read_bytes(), prolific.batches()

    refused = go(desk, path, tasks_exist=True)

    assert f"{study['name']} (ACTIVE)" in refusal_of(refused.results[0])
    assert "--published" in refusal_of(refused.results[0])
    assert before == (path.read_bytes(), prolific.batches())
    prolific.switches.edit_published = 200
    assert 0 == go(desk, path, tasks_exist=True, is_published=True).exit_code


def test_a_draft_needs_none(desk: Desk, path: Path):
    """Nobody has seen it."""
    assert 0 == go(desk, path, tasks_exist=True).exit_code


@pytest.mark.parametrize("known_from", ["sheet", "journal"])
def test_it_is_known_from_the_sheet_or_from_the_journal(
    desk: Desk, prolific: Sandbox, path: Path, tmp_path: Path, known_from: str
):
    """Another computer has no journal of it; a workbook need not have the sheet."""
    prolific.publish(ids_in_sheets(path)["s1"])
    if known_from == "sheet":
        with open_desk(prolific.url, prolific.token, tmp_path / "elsewhere", Clock()) as other:
            refused = go(other, path, tasks_exist=True)
    else:
        book = openpyxl.load_workbook(path)
        del book["Studies"]
        book.save(path)
        refused = go(desk, path, tasks_exist=True)

    assert "--published" in refusal_of(refused.results[0])


def test_a_study_that_is_gone_stops_nothing(desk: Desk, prolific: Sandbox, path: Path):
    """Somebody deleted the draft on Prolific."""
    prolific.fault("refused", method="GET", path="studies", status=404)

    assert 0 == go(desk, path, tasks_exist=True).exit_code
