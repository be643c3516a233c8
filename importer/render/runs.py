"""What came of a run, workbook by workbook, and the imports in the journal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from importer.errors import Interrupted
from importer.journal import State
from importer.plan import as_dict
from importer.problems import quote
from importer.render.plans import plan_text
from importer.render.reports import problem_lines, report_json, summary_text
from importer.render.screen import Line, Lines, line
from importer.render.table import next_steps, summary_table
from importer.render.words import count_of, some_of, typed
from importer.run.watching import FEW
from importer.wire.forms import descriptions, entries

if TYPE_CHECKING:
    from importer.errors import ImporterError
    from importer.journal import Import, Run
    from importer.model import JSON
    from importer.plan import Plan
    from importer.push.submitter import Outcome
    from importer.run.results import RunResult, StudyResult

#: Instructions on each side of a conflict that a screen shows.
TEXTS_SHOWN: Final = 5

#: A file name in which no shell finds anything to do between double quotes.
_PLAIN_NAME: Final = re.compile(r"[\w .,:/\\+@=()-]+")


def asking_text(run: RunResult) -> Lines:
    """Show what somebody must see before they agree: what was picked up, every problem, and the plans."""
    lines = [*_resumed_lines(run.resumed), *problem_lines(run.report)]
    if len(run.results) <= FEW:
        return (*lines, *(one for result in run.results for one in plans_text(result)))
    return (*lines, *summary_table(run.rows))


def plans_text(result: StudyResult) -> Lines:
    """Show the plans of one workbook."""
    return tuple(
        one for planned in result.planned for one in (*plan_text(planned.plan, result.workbook), line())
    )


def planned_text(run: RunResult, named: Sequence[str] = (), batch_id: str | None = None) -> Lines:
    """
    Show the problems and plans of a run, and the command that would push each.

    Args:
        run: What was planned.
        named: What was named on the command line.
        batch_id: As in `--batch`.
    """
    batch = [f"--batch {batch_id}"] * bool(batch_id)
    lines = list(problem_lines(run.report))
    if len(run.results) > FEW:
        return (*lines, *summary_table(run.rows), line(), *_push_all(run, named))
    for result in run.results:
        lines += plans_text(result)
        lines += _refusal_lines(result)
    relinking = [r.workbook for r in run.results if any(planned.plan.relinks for planned in r.planned)]
    if relinking:
        lines.append(line("To give the rows their ids back, look at:"))
        lines += [
            line((" ".join(["importer plan", typed(name), *batch, "--relink"]), "strong"), depth=1)
            for name in relinking
        ]
    commands = [_push_command(result, batch) for result in run.results if _is_pushable(result)]
    if commands:
        lines.append(line("To push exactly this:"))
        lines += [line((command, "strong"), depth=1) for command in commands]
    if run.report.broken:
        lines.append(summary_text(run.report))
    return tuple(lines)


def _push_all(run: RunResult, named: Sequence[str]) -> Iterator[Line]:
    """Name the command that would push all plans of a run, and what stands in its way."""
    deletes = sum(row.deleted for row in run.rows if row.has_work)
    if run.fingerprints:
        words = ["importer push", *map(typed, named), f"--plan {run.fingerprint}"]
        words += [f"--allow-remove {deletes}"] * bool(deletes)
        yield line("To push exactly this:")
        yield line((" ".join(words), "strong"), depth=1)
    yield line("To see one plan in full: importer plan WORKBOOK")
    yield from map(line, next_steps((row for row in run.rows if row.state != "ready"), "plan", named))


def _is_pushable(result: StudyResult) -> bool:
    return result.has_work and not any(p.plan.obstacles or p.plan.relinks for p in result.planned)


def _push_command(result: StudyResult, batch: Sequence[str]) -> str:
    plans = [planned.plan for planned in result.planned if planned.has_work]
    deletes = sum(len(plan.deletes) for plan in plans)
    words = [
        "importer push",
        typed(result.workbook),
        *batch,
        *(f"--plan {plan.fingerprint}" for plan in plans),
    ]
    words += ["--relink"] * any(plan.relinked for plan in plans)
    words += ["--pages"] * any(plan.is_form_asked for plan in plans)
    words += ["--tasks-exist"] * any(plan.changes_tasks_that_exist for plan in plans)
    words += ["--published"] * any(plan.published for plan in plans)
    words += [f"--allow-remove {deletes}"] * bool(deletes)
    return " ".join(words)


def pushed_text(run: RunResult, named: Sequence[str] = ()) -> Lines:
    """
    Show the problems of a run and what came of each workbook.

    Args:
        run: What came of it.
        named: What was named on the command line.
    """
    lines = [*_resumed_lines(run.resumed), *problem_lines(run.report)]
    rows = run.rows
    if len(rows) <= FEW:
        for result in run.results:
            lines += _result_lines(run, result)
        rows = tuple(replace(row, sentences=()) for row in rows)  # they stand above
    if len(rows) > 1:
        steps = next_steps(rows, "push", named)
        lines += [line(), *summary_table(rows), *([line()] if steps else []), *map(line, steps)]
        lines += [line((f"Run {run.run_id} (importer status lists it).", "quiet"))] * bool(run.run_id)
    elif run.report.broken:
        lines.append(summary_text(run.report))
    return tuple(lines)


def _result_lines(run: RunResult, result: StudyResult) -> Iterator[Line]:
    plans = {planned.plan.batch_id: planned.plan for planned in result.planned}
    for outcome in result.outcomes:
        yield from outcome_lines(outcome, plans.get(outcome.done.batch_id), result.workbook)
    yield from _refusal_lines(result)
    if not (result.outcomes or result.refusal or result.workbook in run.report.broken):
        yield line(("= unchanged", "done"), f"  {result.workbook}: nothing to change, nothing was sent.")
        for planned in result.planned:
            yield from (line(("Note: ", "note"), note, depth=2) for note in planned.plan.notes)


def checked_text(run: RunResult, named: Sequence[str]) -> Lines:
    """Show the table of a run that only checked, and what to do next."""
    steps = next_steps(run.rows, "check", named)
    return (*summary_table(run.rows), *([line()] if steps else []), *map(line, steps))


def resumed_text(outcomes: Sequence[Outcome]) -> Lines:
    """Show how far imports of an earlier run came."""
    return _resumed_lines(outcomes) or (line("Nothing is open."),)


def _resumed_lines(outcomes: Sequence[Outcome]) -> Lines:
    return tuple(one for outcome in outcomes for one in outcome_lines(outcome, None, outcome.done.workbook))


#: What a state looks like.
STATES: Final = {
    "new": ("· not sent", "note"),
    "planned": ("· not sent", "note"),
    "sent": ("? sent, outcome unknown", "warning"),
    "acknowledged": ("! sent, ids not in the workbook", "warning"),
    "written": ("✓ done", "done"),
    "conflict": ("✗ conflict", "error"),
    "rejected": ("✗ rejected", "error"),
    "cancelled": ("· cancelled", "note"),
    "given-up": ("✗ given up", "error"),
}
_HOMELESS: Final = ("! done, but ids without a row", "warning")


#: What a push would still have to do, by the mark of what it has done.
_TO_DO: Final = {
    "created": "to create",
    "updated": "to update",
    "moved": "to move",
    "relinked": "to relink",
    "deleted": "to delete",
}


def outcome_lines(outcome: Outcome, plan: Plan | None, workbook: str) -> Iterator[Line]:
    """Show how far one import came, and why no further; the plan counts what was deleted."""
    done = outcome.done
    what = _counts(done, plan)
    batch = done.batch_ref or (quote(plan.name) if plan and plan.name else "")
    where = " ".join(filter(None, [f"  {workbook} → batch", batch, done.batch_id]))
    is_homeless = done.state is State.WRITTEN and outcome.refusal is not None
    yield line(
        _HOMELESS if is_homeless else STATES[done.state.value], where, f": {', '.join(what)}" if what else ""
    )
    if done.state is State.CONFLICT:
        yield from _conflict_lines(done)
    sentences = str(outcome.refusal) if outcome.refusal else done.note
    yield from (line(sentence, depth=2) for sentence in sentences.splitlines())


def _counts(done: Import, plan: Plan | None) -> list[str]:
    """Count what was done; or what was to be done, as long as nobody knows that it was."""
    is_applied = done.state in {State.ACKNOWLEDGED, State.WRITTEN}
    counts = Counter(mark for ref, mark in sorted(done.marks.items(), key=lambda item: item[1]) if ref)
    counts["deleted"] = len(plan.deletes) if plan is not None else 0
    what = [f"{n} {mark if is_applied else _TO_DO[mark]}" for mark, n in counts.items() if n]
    own = f"the batch's own details {'updated' if is_applied else 'to update'}"
    return [*what, own] if "" in done.marks else what


def _conflict_lines(done: Import) -> Iterator[Line]:
    """Show what was there, what was sent and what is there now, as far as it is known."""
    sent = None if done.body is None else entries(done.body)
    for name, items in (("before", done.before), ("sent", sent), ("now", done.after)):
        if items is not None:
            texts = [quote(text) for text in descriptions(items)]
            yield line((f"{name + ':':<8}", "strong"), some_of(texts, TEXTS_SHOWN) or "nothing", depth=2)


def _refusal_lines(result: StudyResult) -> Iterator[Line]:
    if result.refusal is not None:
        yield line(("✗ not sent", "error"), f"  {result.workbook}")
        yield from (line(sentence, depth=2) for sentence in str(result.refusal).splitlines())


def runs_text(runs: Iterable[Run]) -> Lines:
    """List runs, one line each."""
    return tuple(_run_line(run) for run in runs)


def _run_line(run: Run) -> Line:
    end = ("did not end, or goes on", "warning")
    if run.exit_code is not None:
        end = ("interrupted", "note") if run.exit_code == Interrupted.exit_code else ("ended", "done")
    counts = ", ".join(f"{count} {state.value}" for state, count in run.states.items())
    return line(
        f"{_moment(run.began_at):%Y-%m-%d %H:%M} UTC  ",
        ("run ", "strong"),
        (run.id, "strong"),
        f"  {count_of(run.workbooks, 'workbook')}, ",
        end,
        "" if run.exit_code in (None, Interrupted.exit_code) else f" with exit code {run.exit_code}",
        f"; imports: {counts}" if counts else "",
    )


def run_json(run: Run) -> dict[str, JSON]:
    """Return a run and how far its imports have come."""
    return {
        "id": run.id,
        "began_at": _moment(run.began_at).isoformat(),
        "ended_at": None if run.ended_at is None else _moment(run.ended_at).isoformat(),
        "workbooks": run.workbooks,
        "exit_code": run.exit_code,
        "imports": {state.value: count for state, count in run.states.items()},
    }


def status_text(imports: Iterable[Import]) -> Lines:
    """List imports, one line each, with the reason where there is one."""
    lines: list[Line] = []
    for one in imports:
        at = f"{_moment(one.updated_at):%Y-%m-%d %H:%M} UTC"
        ref = f"{one.batch_ref} " if one.batch_ref else ""
        lines.append(
            line(f"{at}  ", STATES[one.state.value], f"  {one.workbook} → batch {ref}{one.batch_id}")
        )
        lines += [line(sentence, depth=2) for sentence in one.note.splitlines()]
    return tuple(lines) or (line("No imports yet."),)


def pushed_json(run: RunResult) -> dict[str, JSON]:
    """Return the report, every plan and every outcome of a run."""
    return {
        "report": report_json(run.report),
        "results": [
            {
                "workbook": result.workbook,
                "exit_code": result.exit_code,
                "plans": [as_dict(planned.plan) for planned in result.planned],
                "imports": [outcome_json(outcome) for outcome in result.outcomes],
                "refusal": refusal_json(result.refusal),
            }
            for result in run.results
        ],
        "resumed": [outcome_json(outcome) for outcome in run.resumed],
        "run": run.run_id or None,
    }


def outcome_json(outcome: Outcome) -> dict[str, JSON]:
    """Return how far an import came, and why no further."""
    return {**import_json(outcome.done), "refusal": refusal_json(outcome.refusal)}


def import_json(one: Import) -> dict[str, JSON]:
    """Return an import without what was sent; the journal keeps that."""
    return {
        "id": one.id,
        "workbook": one.workbook,
        "batch_id": one.batch_id,
        "batch": one.batch_ref,
        "state": one.state.value,
        "is_open": one.state.is_open,
        "fingerprint": one.fingerprint,
        "ids": dict(one.ids),
        "marks": dict(one.marks),
        "note": one.note,
        "attempts": one.attempts,
        "sent_at": None if one.sent_at is None else _moment(one.sent_at).isoformat(),
        "updated_at": _moment(one.updated_at).isoformat(),
    }


def refusal_json(refusal: ImporterError | None) -> dict[str, JSON] | None:
    """Return why something was not done; None if it was."""
    if refusal is None:
        return None
    return {"kind": type(refusal).__name__, "message": str(refusal), "exit_code": refusal.exit_code}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
