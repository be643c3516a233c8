"""What came of a pull: a line for each workbook, and what stays on Prolific."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from importer.problems import quote
from importer.render.plans import CHANGES_SHOWN, plan_text
from importer.render.reports import problem_lines
from importer.render.runs import outcome_lines, refusal_json
from importer.render.screen import Line, Lines, line
from importer.render.words import count_of, typed
from importer.run.watching import FEW

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.run.pulling import PulledBatch, PullResult
    from importer.run.results import RunResult, StudyResult

#: Workbooks about which there is nothing to say, beyond which they are counted.
PLAIN_SHOWN: Final = 40


def pulled_text(result: PullResult) -> Lines:
    """Show what was written, what was not and why, and what to do next."""
    lines: list[Line] = []
    plain = [one for one in result.batches if one.refusal is None and not one.notes]
    hidden = {one.batch_id for one in plain[PLAIN_SHOWN:]}
    for one in result.batches:
        if one.batch_id not in hidden:
            lines += _batch_lines(one)
    if hidden:
        lines.append(line((f"… and {count_of(len(hidden), 'more workbook')} (all in --json)", "quiet")))
    if not result.batches:
        lines.append(line("There is no batch in the workspace that your token may see."))
    written = [one for one in result.batches if one.workbook is not None]
    if len(result.batches) > 1:
        rest = len(result.batches) - len(written)
        lines.append(
            line(
                (count_of(len(written), "workbook"), "strong"),
                f" written, {rest} not." if rest else " written.",
            )
        )
    if written:
        target = written[0].workbook if len(written) == 1 else written[0].workbook.parent  # type: ignore[union-attr] # it has one
        lines.append(line(f"Edit what you like, then run: importer plan {typed(str(target))}"))
    return tuple(lines)


def _batch_lines(one: PulledBatch) -> Iterator[Line]:
    batch = " ".join(filter(None, ["batch", quote(one.name) if one.name else "", one.batch_id]))
    if one.refusal is None:
        yield line(
            ("✓ written", "done"), f"  {one.workbook} ← {batch}: {count_of(one.instructions, 'instruction')}"
        )
    else:
        yield line(("✗ not written", "error"), f"  {batch}")
        yield from (line(sentence, depth=2) for sentence in str(one.refusal).splitlines())
    yield from (line(("Note: ", "note"), note, depth=2) for note in one.notes)


def pulled_json(result: PullResult) -> dict[str, JSON]:
    """Return what came of each batch."""
    return {
        "results": [
            {
                "batch_id": one.batch_id,
                "name": one.name,
                "workbook": None if one.workbook is None else str(one.workbook),
                "exit_code": one.exit_code,
                "instructions": one.instructions,
                "notes": list(one.notes),
                "refusal": refusal_json(one.refusal),
            }
            for one in result.batches
        ]
    }


def filled_text(run: RunResult) -> Lines:
    """Show which ids were filled in, and what differs between each workbook and Prolific; of many, only how much."""
    lines: list[Line] = list(problem_lines(run.report))
    limit = CHANGES_SHOWN if len(run.results) <= FEW else 0
    for result in run.results:
        lines += _filled_lines(result, limit)
    if run.report.broken:
        lines.append(
            line("Nothing was written into a workbook that has errors. Mend them, then run this again.")
        )
    return tuple(lines)


def _filled_lines(result: StudyResult, limit: int) -> Iterator[Line]:
    for outcome in result.outcomes:
        yield from outcome_lines(outcome, None, result.workbook)
    if result.refusal is not None:
        yield line(("✗ not written", "error"), f"  {result.workbook}")
        yield from (line(sentence, depth=2) for sentence in str(result.refusal).splitlines())
    elif result.planned and not result.outcomes:
        yield line(("= unchanged", "done"), f"  {result.workbook}: no id to fill in.")
    for planned in result.planned:
        if planned.plan.needs_push:
            yield line()
            yield line("The workbook and Prolific differ. A push of the workbook would do this:")
            # What was filled in is no longer to be done.
            left = replace(planned.plan, relinked={}) if result.outcomes else planned.plan
            yield from plan_text(left, result.workbook, limit=limit)
