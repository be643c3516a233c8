"""What importer setup is to make, what it has made, and where to look at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from importer.journal import Made, State
from importer.plan import as_dict
from importer.problems import quote
from importer.render.plans import plan_text
from importer.render.reports import problem_lines, report_json, summary_text
from importer.render.runs import STATES, outcome_json, pushed_json, pushed_text, refusal_json, resumed_text
from importer.render.screen import Line, Lines, line

if TYPE_CHECKING:
    from importer.journal import Creation
    from importer.model import JSON
    from importer.run.setup import SetupResult, WorkbookSetup

_WORDS: Final = {
    Made.DATASET: "dataset",
    Made.UPLOAD: "file",
    Made.BATCH: "batch",
    Made.SETUP: "tasks",
    Made.STUDY: "study",
}
#: What is worth a line of its own; a file goes with its dataset.
_BEFORE_PUSH: Final = (Made.DATASET, Made.BATCH)
_AFTER_PUSH: Final = (Made.SETUP, Made.STUDY)


def setup_plan_text(result: SetupResult) -> Lines:
    """Show what somebody must see before they agree: every problem, and all that would be made and pushed."""
    lines = [*problem_lines(result.report)]
    for one in result.workbooks:
        lines += _planned_lines(one)
    if result.report.broken:
        lines.append(summary_text(result.report))
    return tuple(lines)


def _planned_lines(one: WorkbookSetup) -> Iterator[Line]:
    if one.refusal is None and not one.has_work:
        yield line(("= unchanged", "done"), f"  {one.workbook}: there is nothing to make.")
        return
    yield line((one.workbook, "strong"), ": to make" if one.steps else ": nothing to make, but to push")
    for step in one.steps:
        name = " ".join(filter(None, [step.ref, quote(step.name) if step.name else ""]))
        details = f": {', '.join(step.details)}" if step.details else ""
        yield line((f"+ {_WORDS[step.kind]:<7}", "create"), f" {name}{details}", depth=1)
    yield from (line(("Note: ", "note"), note, depth=1) for note in one.notes)
    yield line()
    for planned in one.planned:
        if planned.has_work:
            yield from (*plan_text(planned.plan, one.workbook), line())
    yield from _refusal_lines(one)


def _refusal_lines(one: WorkbookSetup) -> Iterator[Line]:
    if one.refusal is not None:
        yield line(("✗ not finished" if one.made else "✗ not made", "error"), f"  {one.workbook}")
        yield from (line(sentence, depth=2) for sentence in str(one.refusal).splitlines())


def setup_text(result: SetupResult, app_url: str) -> Lines:
    """
    Show what was made, and where to look at it.

    Args:
        result: What came of it.
        app_url: Address of Prolific's app.
    """
    lines = [*(resumed_text(result.resumed) if result.resumed else ()), *problem_lines(result.report)]
    for one in result.workbooks:
        done = [made for made in one.made if made.state is State.WRITTEN]
        lines += [_made_line(made, one.workbook) for made in done if made.kind in _BEFORE_PUSH]
        if one.pushed is not None:
            lines += pushed_text(one.pushed)
        lines += [_made_line(made, one.workbook) for made in done if made.kind in _AFTER_PUSH]
        lines += _refusal_lines(one)
        if not (one.made or one.pushed or one.refusal):
            lines.append(line(("= unchanged", "done"), f"  {one.workbook}: there is nothing to make."))
    if result.report.broken:
        lines.append(summary_text(result.report))
    return (*lines, *_where_to_look(result, app_url))


def _made_line(made: Creation, workbook: str) -> Line:
    name = " ".join(filter(None, [made.ref, quote(made.name) if made.name else "", made.made_id]))
    return line(
        ("✓ made", "done"),
        f"  {workbook} → {_WORDS[made.kind]} {name}",
        f". {made.note}" if made.note else "",
    )


def _where_to_look(result: SetupResult, app_url: str) -> Iterator[Line]:
    drafts = [
        made for one in result.workbooks for made in one.made if made.kind is Made.STUDY and made.made_id
    ]
    if not drafts:
        return
    yield line(
        "Nothing is published. Look at each draft in the Prolific app, and press the button there yourself:"
    )
    for made in drafts:
        yield line((f"{app_url}/researcher/studies/{made.made_id}", "strong"), depth=1)


def creations_text(creations: Iterable[Creation]) -> Lines:
    """List what was made, or is on its way, one line each, with the reason where there is one."""
    lines: list[Line] = []
    for one in creations:
        at = f"{datetime.fromtimestamp(one.updated_at, UTC):%Y-%m-%d %H:%M} UTC"
        name = " ".join(filter(None, [one.ref, quote(one.name) if one.name else "", one.made_id or one.home]))
        lines.append(
            line(f"{at}  ", STATES[one.state.value], f"  {one.workbook} → {_WORDS[one.kind]} {name}")
        )
        lines += [line(sentence, depth=2) for sentence in one.note.splitlines()]
        lines += [line((f"id {one.id}", "quiet"), depth=2)] * one.state.is_open
    return tuple(lines)


def creation_json(one: Creation) -> dict[str, JSON]:
    """Return something that was made, or is on its way, without what was sent."""
    return {
        "id": one.id,
        "kind": one.kind.value,
        "ref": one.ref,
        "workbook": one.workbook,
        "state": one.state.value,
        "is_open": one.state.is_open,
        "made_id": one.made_id or None,
        "note": one.note,
        "attempts": one.attempts,
        "updated_at": datetime.fromtimestamp(one.updated_at, UTC).isoformat(),
    }


def setup_json(result: SetupResult) -> dict[str, JSON]:
    """Return the report, and for each workbook what was planned and what came of it."""
    return {
        "report": report_json(result.report),
        "workbooks": [
            {
                "workbook": one.workbook,
                "exit_code": one.exit_code,
                "steps": [
                    {
                        "kind": step.kind.value,
                        "ref": step.ref,
                        "name": step.name,
                        "details": list(step.details),
                    }
                    for step in one.steps
                ],
                "plans": [as_dict(planned.plan) for planned in one.planned],
                "notes": list(one.notes),
                "made": [creation_json(made) for made in one.made],
                "pushed": None if one.pushed is None else pushed_json(one.pushed),
                "refusal": refusal_json(one.refusal),
            }
            for one in result.workbooks
        ],
        "resumed": [outcome_json(outcome) for outcome in result.resumed],
    }
