"""Reports, plans and outcomes as people and programs see them."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from importer.errors import PlanRefused, Unfinished
from importer.journal import Import, State
from importer.model import Batch, BatchDetails, FreeText, MultipleChoice, Option
from importer.plan import Existing, Plan, make_plan
from importer.problems import Problem, Report
from importer.push.submitter import Outcome
from importer.render import plans, reports, runs, screen
from importer.render.folding import cell_ranges, fold
from importer.run.results import PlannedBatch, RunResult, StudyResult
from importer.wire.instructions import from_item
from tests.books import BATCH_ID

ID_1 = "0192041c-470f-7336-8e3d-e03fc086a4e1"
ID_2 = "0192041c-4710-7336-8e3d-e03fc086a4e2"
ID_3 = "0192041c-4711-7336-8e3d-e03fc086a4e3"


def problem(cell: str = "C7", code: str = "type-unknown", **values: str) -> Problem:
    given = {
        "text": "Not a type.",
        "remedy": "Use another.",
        "ref": "Q3",
        "column": "type",
        "workbook": "a.xlsx",
    }
    return Problem(code, sheet="Instructions", cells=(cell,), **(given | values))  # type: ignore[arg-type]


def report(*problems: Problem, workbooks: tuple[str, ...] = ("a.xlsx",)) -> Report:
    return Report(workbooks, problems)


def shown(lines: screen.Lines) -> list[str]:
    return screen.plain(lines).splitlines()


# ---------------------------------------------------------------- report


def test_problem_says_place_text_and_remedy() -> None:
    """Where, what, and one thing to do; the code for programs; the counts last."""
    assert shown(reports.report_text(report(problem()))) == [
        "✗ error  a.xlsx › Instructions!C7 (Q3, type)   type-unknown",
        "    Not a type.",
        "    Use another.",
        "",
        "1 workbook checked: not ready (1 error). Nothing was sent.",
    ]


def test_problem_of_the_whole_file_has_no_cell() -> None:
    """A file that cannot be read has no place inside."""
    whole = Problem("encrypted", "a.xlsx", "It is encrypted.", "")
    assert shown(reports.report_text(report(whole)))[:2] == [
        "✗ error  a.xlsx   encrypted",
        "    It is encrypted.",
    ]


def test_ready_workbook_is_said() -> None:
    """Warnings and notes do not keep a workbook back."""
    lines = shown(reports.report_text(report(problem(code="spaces-at-end"), problem(code="rows-ignored"))))

    assert lines[0].startswith("! warning  a.xlsx")
    assert lines[-1] == "1 workbook checked: ready (1 warning, 1 note)."


def test_counts_cover_all_workbooks() -> None:
    """Several workbooks end in one line."""
    found = report(
        problem(),
        problem("C8", text="Other."),
        problem("A1", "value-trimmed"),
        workbooks=("a.xlsx", "b.xlsx", "c.xlsx"),
    )
    assert str(reports.summary_text(found)) == (
        "3 workbooks checked: 2 ready, 1 not ready (2 errors, 1 warning). Nothing was sent."
    )
    assert (
        str(reports.summary_text(report(workbooks=("a.xlsx", "b.xlsx")))) == "2 workbooks checked: all ready."
    )


def test_screen_shows_twenty_problems_per_workbook() -> None:
    """The rest is counted, and where it can be read is said."""
    many = [problem(f"C{row}", text=f"Number {row}.") for row in range(2, 27)]
    other = problem(workbook="b.xlsx")

    lines = shown(reports.report_text(report(*many, other, workbooks=("a.xlsx", "b.xlsx"))))

    assert sum("a.xlsx › " in line for line in lines) == 20
    assert "… and 5 more (all in --json and --mark)" in lines
    assert sum("b.xlsx › " in line for line in lines) == 1


def test_report_json_keeps_every_problem() -> None:
    """Programs get what screens fold."""
    document = reports.report_json(report(*(problem(f"C{row}") for row in range(2, 40))))

    assert document["workbooks"] == [
        {"workbook": "a.xlsx", "is_ready": False, "errors": 38, "warnings": 0, "notes": 0}
    ]
    assert len(document["problems"]) == 38  # type: ignore[arg-type]
    assert document["problems"][0] == {  # type: ignore[index, call-overload]
        "code": "type-unknown",
        "severity": "error",
        "workbook": "a.xlsx",
        "sheet": "Instructions",
        "cells": ["C2"],
        "place": "Instructions!C2",
        "ref": "Q3",
        "column": "type",
        "text": "Not a type.",
        "remedy": "Use another.",
    }


# ---------------------------------------------------------------- folding


def test_more_than_three_equal_problems_fold_into_one() -> None:
    """One entry with cell ranges and all refs, at the place of the first."""
    equal = [problem(f"E{row}", ref="Q6" if row < 17 else "Q7") for row in (15, 16, 17, 20)]
    other = problem("C9", text="Other.")

    lines = shown(reports.report_text(report(equal[0], other, *equal[1:])))

    assert lines[:2] == [
        "✗ error  a.xlsx › Instructions!E15:E17, E20 (Q6, Q7, type)   type-unknown",
        "    4 cells: Not a type.",
    ]
    assert lines[4].startswith("✗ error  a.xlsx › Instructions!C9 ")


def test_three_equal_problems_stay_apart() -> None:
    """Three are read faster apart than as a range."""
    assert [one.count for one in fold(problem(f"E{row}") for row in (2, 3, 4))] == [1, 1, 1]


@pytest.mark.parametrize(
    "change", [{"column": "x"}, {"text": "x"}, {"remedy": "x"}, {"workbook": "x"}, {"code": "flag-invalid"}]
)
def test_unequal_problems_do_not_fold(change: dict[str, str]) -> None:
    """Equal means: the same words about the same column of the same file."""
    problems = [problem(f"E{row}") for row in (2, 3, 4)] + [problem("E5", **change)]
    assert [one.count for one in fold(problems)] == [1, 1, 1, 1]


def test_ranges_run_down_columns_in_any_order() -> None:
    """Cells below each other join, however they were found."""
    assert cell_ranges(["E20", "AA1", "E15", "E17", "E16", "AA2", "E16"]) == ("E15:E17", "E20", "AA1:AA2")


# ---------------------------------------------------------------- plan


def held(number: str, description: str, *values: str) -> dict[str, object]:
    options = [{"label": value.upper(), "value": value} for value in values]
    kind = "multiple_choice" if values else "free_text"
    extra = {"answer_limit": 1, "options": options} if values else {}
    return {"id": number, "type": kind, "description": description, **extra}


EXISTING = Existing(
    batch_id=BATCH_ID,
    name="Accuracy",
    task_details={},
    dataset_id=None,
    status="UNINITIALISED",
    pages=None,
    held=tuple(
        from_item(item)  # type: ignore[arg-type]
        for item in (held(ID_1, "Which?", "a", "b"), held(ID_2, "Why?"), held(ID_3, "How sure?"))
    ),
    source="instructions",
)
WHICH = MultipleChoice(
    ref="Q1",
    id=ID_1,
    description="Which one?",
    answer_limit=1,
    options=(Option(label="A", value="a"), Option(label="B", value="b2")),
)
EDITED = Batch(
    batch_id=BATCH_ID,
    details=BatchDetails(name="Accuracy 2"),
    items=(
        FreeText(ref="Q2", id=ID_2, description="Why?"),
        WHICH,
        FreeText(ref="Q4", description="Who?"),
    ),
)


def planned(plan: Plan, name: str = "my study.xlsx", **values: object) -> StudyResult:
    return StudyResult(name, (PlannedBatch(plan, None),), **values)  # type: ignore[arg-type]


def run_of(
    *results: StudyResult, found: Report | None = None, resumed: tuple[Outcome, ...] = ()
) -> RunResult:
    return RunResult(found or Report(tuple(r.workbook for r in results), ()), results, resumed)


def test_plan_shows_each_change_with_sign_and_word() -> None:
    """Symbols and words, fields old → new, what is deleted by what it says, and the counts."""
    plan = make_plan(EDITED, EXISTING)

    lines = [one for one in shown(plans.plan_text(plan, "a.xlsx")) if not one.startswith("  Note:")]

    assert lines == [
        f'a.xlsx → batch "Accuracy" {BATCH_ID} (3 instructions there, UNINITIALISED)',
        '  ~ batch name: "Accuracy" → "Accuracy 2"',
        "  ↕ move   Q2 from place 2 to 1",
        '  ! value  Q1 multiple_choice "Which one?"',
        '      option 2 value: "b" → "b2"',
        '      description: "Which?" → "Which one?"',
        "      Answers already collected stay as they were given.",
        '  + create Q4 free_text "Who?"',
        '  - delete free_text "How sure?"',
        "      It is on Prolific, but not in the sheet.",
        (
            f"Plan {plan.fingerprint}: 1 to create, 1 to update (1 in what answers mean), 1 to move, "
            "1 to delete, the batch's own details to update. Nothing sent yet."
        ),
    ]


def test_plan_without_changes_says_so() -> None:
    """Nothing to change is a result, too."""
    same = Batch(batch_id=BATCH_ID, items=())
    assert shown(plans.plan_text(make_plan(same, EXISTING), "a.xlsx"))[-1].endswith(": nothing to change.")


def test_plan_of_a_move() -> None:
    """A move says from where to where."""
    rows = (
        FreeText(ref="Q3", id=ID_3, description="How sure?"),
        MultipleChoice(
            ref="Q1",
            id=ID_1,
            description="Which?",
            answer_limit=1,
            options=(Option(label="A", value="a"), Option(label="B", value="b")),
        ),
        FreeText(ref="Q2", id=ID_2, description="Why?"),
    )
    lines = shown(plans.plan_text(make_plan(Batch(batch_id=BATCH_ID, items=rows), EXISTING), "a.xlsx"))
    assert "  ↕ move   Q3 from place 3 to 1" in lines


def test_update_that_also_moves_says_both() -> None:
    """An instruction that is edited and moved is one change."""
    rows = (
        FreeText(ref="Q2", id=ID_2, description="Why?"),
        FreeText(ref="Q3", id=ID_3, description="How sure?"),
        WHICH,
    )
    lines = shown(plans.plan_text(make_plan(Batch(batch_id=BATCH_ID, items=rows), EXISTING), "a.xlsx"))
    assert '  ! value  Q1 multiple_choice "Which one?", moved from place 1' in lines


def test_plan_that_cannot_be_pushed_says_why() -> None:
    """Obstacles are shown with the plan, and no command to push it is offered."""
    plan = make_plan(EDITED, EXISTING, as_pages=True)

    lines = shown(runs.planned_text(run_of(planned(plan))))

    assert any(line.startswith("  Cannot be pushed: The batch holds") for line in lines)
    assert not any("importer push" in line for line in lines)


def test_the_command_has_the_consents_that_the_plan_needs() -> None:
    """Whoever copies it pushes what was shown: in pages, and with the consent for tasks."""
    rows = (FreeText(ref="Q1", description="Why?"),)
    there = replace(EXISTING, held=(), source="count", status="READY")
    plan = make_plan(Batch(batch_id=BATCH_ID, items=rows), there, as_pages=True)

    lines = shown(runs.planned_text(run_of(planned(plan))))

    assert "(no instruction there, in pages, READY)" in lines[0]
    assert lines[-1].endswith(f"--plan {plan.fingerprint} --pages --tasks-exist")


def test_long_plan_is_cut_and_counted() -> None:
    """A batch of hundreds of changes stays readable."""
    rows = tuple(FreeText(ref=f"N{n}", description=f"New {n}") for n in range(60))
    plan = make_plan(Batch(batch_id=BATCH_ID, items=rows), replace(EXISTING, held=()))

    lines = shown(plans.plan_text(plan, "a.xlsx"))

    assert sum(line.startswith("  + create") for line in lines) == 50
    assert "  … and 10 more (all in --json)" in lines


def test_next_command_pushes_exactly_the_plan() -> None:
    """The command names the file, the plan, and the consent that the plan needs."""
    plan = make_plan(EDITED, EXISTING)
    assert shown(runs.planned_text(run_of(planned(plan))))[-2:] == [
        "To push exactly this:",
        f'  importer push "my study.xlsx" --plan {plan.fingerprint} --allow-remove 1',
    ]


def test_lost_ids_offer_relinking() -> None:
    """Rows that look like what would be deleted are offered their ids back."""
    lost = Batch(batch_id=BATCH_ID, items=(FreeText(ref="Q2", description="Why?"),))
    text = screen.plain(runs.planned_text(run_of(planned(make_plan(lost, EXISTING)))))
    accepted = screen.plain(runs.planned_text(run_of(planned(make_plan(lost, EXISTING, relink=True)))))

    assert "      Q2 looks like it, but has no id." in text
    assert f"  ? relink Q2 has no id, and equals {ID_2} in everything" in text
    assert 'importer plan "my study.xlsx" --relink' in text
    assert f"  = relink Q2 takes the id {ID_2}" in accepted
    assert "--relink --allow-remove 2" in accepted


def test_refusal_of_a_workbook_is_shown_line_by_line() -> None:
    """What keeps one workbook back stands under its name."""
    refused = StudyResult("b.xlsx", refusal=PlanRefused("One reason.\nAnother. Nothing was sent."))
    assert shown(runs.planned_text(run_of(refused))) == [
        "✗ not sent  b.xlsx",
        "    One reason.",
        "    Another. Nothing was sent.",
    ]


# ---------------------------------------------------------------- outcomes

DONE = Import(
    id="import-1",
    batch_id=BATCH_ID,
    batch_ref="wave1",
    workbook="/home/me/my study.xlsx",
    sha256="",
    state=State.WRITTEN,
    before=[],
    body={"instructions": []},
    patch=None,
    refs=("Q1", "Q2"),
    marks={"Q1": "created", "Q2": "created", "Q3": "updated", "": "updated"},
    fingerprint="abc",
    answer="[]",
    ids={"Q1": ID_1},
    after=None,
    note="",
    attempts=1,
    sent_at=1_795_000_000.0,
    created_at=1_795_000_000.0,
    updated_at=1_795_000_000.0,
)


def test_outcome_counts_what_was_done() -> None:
    """Created, updated and deleted, under the batch's name."""
    result = planned(make_plan(EDITED, EXISTING), outcomes=(Outcome(DONE, None),))
    assert shown(runs.pushed_text(run_of(result))) == [
        (
            f"✓ done  my study.xlsx → batch wave1 {BATCH_ID}: 2 created, 1 updated, 1 deleted, "
            "the batch's own details updated"
        )
    ]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.SENT, "? sent, outcome unknown"),
        (State.ACKNOWLEDGED, "! sent, ids not in the workbook"),
        (State.CONFLICT, "✗ conflict"),
        (State.REJECTED, "✗ rejected"),
        (State.CANCELLED, "· cancelled"),
    ],
)
def test_unfinished_outcome_says_state_and_reason(state: State, words: str) -> None:
    """Every state has its words, and the refusal says what to do."""
    outcome = Outcome(replace(DONE, state=state), Unfinished("Run importer resume."))
    lines = shown(runs.resumed_text([outcome]))

    assert lines[0].startswith(f"{words}  /home/me/my study.xlsx → batch wave1")
    assert lines[-1:] == ["    Run importer resume."]


@pytest.mark.parametrize("state", [State.CONFLICT, State.REJECTED, State.CANCELLED, State.SENT])
def test_what_did_not_happen_is_not_told_in_the_past(state: State) -> None:
    """Only what Prolific has accepted is counted as created, updated or deleted."""
    result = planned(make_plan(EDITED, EXISTING), outcomes=(Outcome(replace(DONE, state=state), None),))

    head = shown(runs.pushed_text(run_of(result)))[0]

    assert head.endswith(": 2 to create, 1 to update, 1 to delete, the batch's own details to update")


def test_a_conflict_shows_the_three_sides() -> None:
    """What was there, what was sent and what is there now tell a person who wrote in between."""
    sides = {
        "before": [],
        "body": {"instructions": [{"description": f"Mine {n}"} for n in range(7)]},
        "after": [{"description": "Theirs"}],
    }
    lines = shown(runs.resumed_text([Outcome(replace(DONE, state=State.CONFLICT, **sides), None)]))  # type: ignore[arg-type]

    assert lines[1:] == [
        "    before: nothing",
        '    sent:   "Mine 0", "Mine 1", "Mine 2", "Mine 3", "Mine 4" and 2 more',
        '    now:    "Theirs"',
    ]


def test_ids_without_a_row_are_not_simply_done() -> None:
    """What Prolific holds and the workbook lacks is for a person to decide."""
    lines = shown(runs.resumed_text([Outcome(DONE, Unfinished("No row was found for Q2."))]))

    assert lines[0].startswith("! done, but ids without a row  /home/me/my study.xlsx")
    assert lines[1:] == ["    No row was found for Q2."]


def test_who_is_asked_sees_everything_first() -> None:
    """What was picked up, every warning, and then the plans."""
    result = planned(make_plan(EDITED, EXISTING))
    warned = report(problem(code="column-unknown"))
    run = run_of(result, found=warned, resumed=(Outcome(DONE, None),))

    text = screen.plain(runs.asking_text(run))

    places = [text.index(words) for words in ("✓ done", "! warning  a.xlsx › Instructions!C7", "Plan ")]
    assert places == sorted(places)


def test_nothing_to_resume_is_said() -> None:
    """An empty answer would look like a failure."""
    assert shown(runs.resumed_text([])) == ["Nothing is open."]


def test_unchanged_workbook_is_said() -> None:
    """A second push sends nothing, and says so."""
    assert shown(runs.pushed_text(run_of(StudyResult("a.xlsx")))) == [
        "= unchanged  a.xlsx: nothing to change, nothing was sent."
    ]


def test_broken_workbook_beside_a_sent_one_is_not_called_unsent() -> None:
    """`Nothing was sent.` must be true of the whole run."""
    found = report(problem(workbook="b.xlsx"), workbooks=("a.xlsx", "b.xlsx"))
    sent = StudyResult("a.xlsx", outcomes=(Outcome(DONE, None),))

    lines = shown(runs.pushed_text(run_of(sent, StudyResult("b.xlsx"), found=found)))

    assert "✗ not ready" in next(line for line in lines if line.startswith("b.xlsx"))
    assert not any("Nothing was sent" in line for line in lines)
    assert not any("Nothing was sent" in line for line in lines)


def test_broken_workbooks_alone_end_with_nothing_sent() -> None:
    """A run that only found problems ends with the counts."""
    lines = shown(runs.pushed_text(run_of(StudyResult("a.xlsx"), found=report(problem()))))
    assert lines[-1] == "1 workbook checked: not ready (1 error). Nothing was sent."


def test_status_lists_imports() -> None:
    """One line each, in UTC, with the reason below."""
    assert shown(runs.status_text([replace(DONE, note="No row was found for Q9.")])) == [
        f"2026-11-18 11:06 UTC  ✓ done  /home/me/my study.xlsx → batch wave1 {BATCH_ID}",
        "    No row was found for Q9.",
    ]
    assert shown(runs.status_text([])) == ["No imports yet."]


def test_run_as_json_holds_everything() -> None:
    """One document that json can write, with plans, imports and refusals."""
    plan = make_plan(EDITED, EXISTING)
    result = planned(plan, outcomes=(Outcome(DONE, Unfinished("Later.")),), refusal=PlanRefused("No."))

    document = json.loads(json.dumps(runs.pushed_json(run_of(result))))

    (found,) = document["results"]
    assert found["plans"][0]["fingerprint"] == plan.fingerprint
    assert found["imports"][0]["state"] == "written"
    assert found["imports"][0]["sent_at"] == "2026-11-18T11:06:40+00:00"
    assert found["imports"][0]["refusal"] == {"kind": "Unfinished", "message": "Later.", "exit_code": 5}
    assert found["refusal"] == {"kind": "PlanRefused", "message": "No.", "exit_code": 1}
    assert "body" not in found["imports"][0]


# ---------------------------------------------------------------- the screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LINES = (screen.line(("✗ error", "error"), "  [red]:smile:[/red]", depth=1),)


def test_terminal_gets_colour_and_literal_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour on a terminal; what a cell holds is no markup."""
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    screen.write(LINES, terminal, environ={"TERM": "xterm-256color"})

    assert "\x1b[1;31m✗ error" in terminal.getvalue()
    assert "[red]:smile:[/red]" in terminal.getvalue()


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminal_may_want_no_colour(environ: dict[str, str]) -> None:
    """NO_COLOR and dumb terminals get plain text; the words say it all."""
    terminal = Terminal()
    screen.write(LINES, terminal, environ=environ)
    assert terminal.getvalue() == "  ✗ error  [red]:smile:[/red]\n"


def test_long_line_wraps_under_its_indent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrapped remedy stays in its column."""
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    screen.write((screen.line("word " * 15, depth=2),), terminal, environ={"TERM": "xterm"})

    rows = terminal.getvalue().splitlines()
    assert len(rows) == 3
    assert all(row.startswith("    word") and len(row) <= 40 for row in rows)


def test_file_name_cannot_steer_the_terminal() -> None:
    """Escape sequences in a name do not reach the terminal."""
    for stream in (Terminal(), io.StringIO()):
        screen.write((screen.line("a\x1b]0;owned\x07\u202e.xlsx"),), stream, environ={"TERM": "xterm"})
        assert not {"\x1b]", "\x07", "\u202e"} & set(stream.getvalue())
        assert "\x1b]" not in stream.getvalue()


def test_code_page_without_symbols_does_not_break(tmp_path: Path) -> None:
    """Windows writes files in a code page that lacks ✗ and ↕."""
    path = tmp_path / "out.txt"
    with path.open("w", encoding="cp1252") as stream:
        screen.write(LINES, stream, environ={})
    assert path.read_text("cp1252") == "  ? error  [red]:smile:[/red]\n"


def test_plain_text_does_not_load_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output into a file or pipe does not wait for a library of colours."""
    monkeypatch.setitem(sys.modules, "rich.console", None)
    stream = io.StringIO()
    screen.write(LINES, stream, environ={})
    assert stream.getvalue() == "  ✗ error  [red]:smile:[/red]\n"
