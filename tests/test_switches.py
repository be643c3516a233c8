"""What nobody knows about Prolific, both ways: a push and its edit under every setting of every switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.sandbox import Sandbox
from importer.sandbox.switches import ALLOWED
from tests.faults.study import FORMS, Study, open_study
from tests.faults.switches import DONE, EVES, SETTINGS, WAYS, Setting, Step, Steps, page
from tests.test_fault_matrix import is_said

#: Exit codes of what has had no effect.
UNCHANGED = (1, 6)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("switches")


def every(column: str) -> pytest.MarkDecorator:
    """Run a test for each setting and wire form of a column; settings that change nothing are one case."""
    cases = [(one, form) for one in SETTINGS for form in getattr(one, column) if not one.is_default(form)]
    names = [f"{one.switch}={one.setting}-{one.eve}-{form}" for one, form in cases]
    return pytest.mark.parametrize(("one", "form"), cases, ids=names)


@every("first")
def test_new_rows(sandbox: Sandbox, folder: Path, one: Setting, form: str) -> None:
    """All rows are new."""
    with open_study(sandbox, folder, form) as study:
        EVES[one.eve](study)
        one.turn(sandbox.switches)
        check_steps(study, one.first[form])


@every("edit")
def test_edit(sandbox: Sandbox, folder: Path, one: Setting, form: str) -> None:
    """What has been pushed is reworded, moved, deleted, added to, and gets another type."""
    with open_study(sandbox, folder, form) as study:
        assert 0 == study.push()[0]
        study.edit()
        one.turn(sandbox.switches)
        EVES[one.eve](study)
        check_steps(study, one.edit[form])


@pytest.mark.parametrize("form", FORMS)
def test_defaults(sandbox: Sandbox, folder: Path, form: str) -> None:
    """Every switch at its default, which is all that a batch made of pages meets of the switches of lists."""
    with open_study(sandbox, folder, form) as study:
        check_steps(study, DONE)
        study.edit()
        check_steps(study, DONE)
        asked = [one.path for one in sandbox.ledger if one.path.endswith("/instructions")]
        assert bool(asked) == (form == "instructions")


def test_instructions_that_nobody_lists(sandbox: Sandbox, folder: Path) -> None:
    """Without the list, and at a computer whose journal knows nothing, nothing is replaced unseen."""
    with open_study(sandbox, folder, "instructions") as study:
        study.push()
        sheet, held = study.path.read_bytes(), sandbox.instructions(study.batch_id)
    with open_study(sandbox, folder, "instructions") as elsewhere:
        elsewhere.path.write_bytes(sheet)
        elsewhere.edit()
        sandbox.set_instructions(elsewhere.batch_id, held)
        sandbox.switches.get_instructions = 410
        says = "Nobody knows which instructions the batch holds…Use a batch without instructions."
        check_steps(elsewhere, (Step(1, says, "new batch"), Step()))


def test_name_of_a_batch_with_tasks(sandbox: Sandbox, folder: Path) -> None:
    """What Prolific refuses of the batch's own details has a way out, too."""
    with open_study(sandbox, folder, "instructions") as study:
        study.push()
        study.take_ids()
        EVES["tasks exist"](study)
        sandbox.switches.edit_ready = 409
        study.name = "Another name"
        study.save()
        check_steps(study, (Step(6, "Prolific refused … (409): …use a new batch", "new batch"), Step()))
        assert "Another name" == sandbox.batch(study.batch_id)["name"]


# ------------------------------------------------------------------ what must be so
def check_steps(study: Study, steps: Steps) -> None:
    """Push, do what is said, push again, until it has ended well."""
    for step in steps:
        check_step(study, step)
        if step.then:
            WAYS[step.then](study)
    check_end(study)


def check_step(study: Study, step: Step) -> None:
    """Sentence and exit code; what is refused has changed nothing, and nothing that is known is lost or left open."""
    before, workbook = study.everything(), study.path.read_bytes()
    code, text = study.push()
    assert (step.code, step.says) == (code, step.says if is_said(step.says, text) else text)
    before, after = study.struck or before, study.everything()
    assert {row.id for row in study.rows} & before.keys() <= after.keys() - {None}
    assert set(study.strangers) <= after.keys()
    if code in UNCHANGED:
        assert before == after
    if code:
        assert workbook == study.path.read_bytes()
    assert () == study.desk.journal.open_imports()
    study.struck = None


def check_end(study: Study) -> None:
    """Both sides hold the same, nothing was created twice, and one more push sends nothing."""
    assert study.held() == study.in_sheet()
    assert study.created() == len(study.held()) + study.gone
    writes, workbook = study.writes(), study.path.read_bytes()
    code, text = study.push()
    assert (0, writes, workbook) == (code, study.writes(), study.path.read_bytes()), text


# ------------------------------------------------------------------ the table itself
def test_no_setting_is_missing() -> None:
    """Every setting of every switch has a row; of those with a range, the default and at least one other."""
    rows: dict[str, set[object]] = {name: set() for name in ALLOWED}
    for one in SETTINGS:
        rows[one.switch].add(one.setting)
    for name, allowed in ALLOWED.items():
        if isinstance(allowed, range):
            assert allowed[0] in rows[name], name
            assert len(rows[name]) > 1, name
        else:
            assert set(allowed) == rows[name], name


def test_everything_is_played() -> None:
    """What has happened before, and what a researcher does then, has a use."""
    played = [steps for one in SETTINGS for column in (one.first, one.edit) for steps in column.values()]
    assert {one.eve for one in SETTINGS} == EVES.keys()
    assert {step.then for steps in played for step in steps} == {*WAYS, ""}


def test_page_is_up_to_date() -> None:
    """`docs/switches.md` is what `python -m tests.faults.switches` prints."""
    assert page() == (Path(__file__).parents[1] / "docs" / "switches.md").read_text("utf-8")
