"""The table at the end of a run, and the next steps."""

from __future__ import annotations

import pytest

from importer.render.screen import Lines
from importer.render.table import next_steps, summary_table
from importer.render.words import width_of
from importer.report.summary import STATES
from importer.run.results import WorkbookRow


def row(name: str, state: str = "done", *sentences: str, **counts: int) -> WorkbookRow:
    """A row with one batch; other counts are 0 unless given."""
    numbers = dict.fromkeys(("created", "updated", "moved", "deleted", "kept", "problems"), 0)
    return WorkbookRow(name, state=state, sentences=sentences, **({"batches": 1} | numbers | counts))


def texts(lines: Lines) -> list[str]:
    return [str(one) for one in lines]


def test_each_workbook_has_a_row_and_empty_columns_are_left_out():
    """Numbers stand at the right, the state says its sign, what needs a look says why, and the end adds up."""
    table = summary_table([
        row("study-1.xlsx", created=1200, kept=2),
        row("wave 2/study-2.xlsx", "conflict", "Somebody changed it.\nLook at it.", kept=30),
        row("study-3.xlsx", "unchanged", "Not said.", kept=5),
    ])  # fmt: skip

    assert [
        "workbook             created  kept  state",
        "study-1.xlsx           1,200     2  ✓ done",
        "wave 2/study-2.xlsx        0    30  ✗ conflict",
        "    Somebody changed it.",
        "    Look at it.",
        "study-3.xlsx               0     5  = unchanged",
        "3 workbooks            1,200    37",
        "✓ 1 done, = 1 unchanged, ✗ 1 conflict",
    ] == texts(table)


def test_batches_are_counted_where_a_workbook_has_several():
    """Else the column says nothing."""
    assert "batches" in texts(summary_table([row("a.xlsx", batches=2)]))[0]
    assert "batches" not in texts(summary_table([row("a.xlsx")]))[0]


def test_of_many_those_that_need_a_look_are_shown_and_the_others_counted():
    """In the order of the run; where the rest stands is said."""
    rows = [row(f"study-{n}.xlsx", "conflict" if n % 1000 == 7 else "done", created=1) for n in range(3000)]

    table = texts(summary_table(iter(rows), limit=2))

    assert ["study-7.xlsx", "study-1007.xlsx"] == [one.split()[0] for one in table[1:3]]
    assert [
        "3,000 workbooks     3,000",
        "✓ 2,997 done, ✗ 3 conflict",
        "… 2,998 more not shown (✓ 2,997 done, ✗ 1 conflict)",
        "… all in --report and --json",
    ] == table[3:]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("state", STATES)
def test_table_fits_the_terminal(state: str, width: int):
    """With every column, large numbers, the longest state, and a name in Chinese that is too long."""
    many = {"batches": 10, "created": 9999, "updated": 9999, "moved": 9999, "deleted": 999, "kept": 9999}
    rows = [row("研究" * 60 + ".xlsx", state, **many, problems=9999), row("b.xlsx", state)]

    table = texts(summary_table(rows, width=width))

    assert max(map(width_of, table)) <= width
    assert table[1].split()[0].endswith("xlsx")
    ends = {
        width_of(one[: one.rindex(last)])
        for one, last in zip(table[:3], ("  state", "  ", "  "), strict=True)
    }
    assert len(ends) <= 2  # the state begins in one column, whatever a name's characters are


def test_name_steers_no_terminal():
    """A workbook may be called anything."""
    table = summary_table([row("a\x1b[2J\nb.xlsx", "not sent", "Because\x1b[1m.")])

    assert not any("\x1b" in one or "\n" in one for one in texts(table))


def test_no_workbook_is_no_crash():
    """A run that was interrupted before anything was read."""
    assert ["0 workbooks", ""] == texts(summary_table([]))


# ---------------------------------------------------------------- what to do next
def test_what_was_sent_comes_first_and_every_step_has_its_command():
    """One sentence each, with what to type."""
    rows = [
        row("my study.xlsx", "conflict"),
        row("b.xlsx", "not ready"),
        row("c.xlsx", "sent, outcome unknown"),
        row("d.xlsx", "ids not in the workbook"),
        row("e.xlsx"),
    ]

    steps = next_steps(rows, "push", ["my lab"])

    assert ["importer resume", 'importer plan "my study.xlsx"', 'importer push "my lab"'] == [
        step[step.rindex(": ") + 2 :] for step in steps
    ]
    assert "2 workbooks" in steps[0]
    assert 'importer check --mark "my lab"' in steps[2]


@pytest.mark.parametrize("state", sorted({*STATES} - {"done", "unchanged", "ready"}))
def test_every_state_that_needs_somebody_has_a_step(state: str):
    """None leaves the researcher alone."""
    assert len(next_steps([row("a.xlsx", state)], "push", ["a.xlsx"])) == 1


def test_done_needs_no_step():
    """After a push there is nothing to do; after a check the plan follows, after a plan the push."""
    assert () == next_steps([row("a.xlsx"), row("b.xlsx", "unchanged")], "push", ["lab"])
    ready = [row("a.xlsx", "ready")]
    assert next_steps(ready, "check", ["lab"])[0].endswith(": importer plan lab")
    assert next_steps(ready, "plan", ["lab"])[0].endswith(": importer push lab")


def test_many_names_are_not_typed_again():
    """A shell may have expanded a pattern to thousands."""
    steps = next_steps([row("a.xlsx", "interrupted")], "push", [f"{n}.xlsx" for n in range(500)])

    assert steps[0].endswith("importer push …")
