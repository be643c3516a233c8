"""
The command that makes workbooks of what Prolific holds: `importer pull`.

Owns what is typed for it, as `importer.cli` does for the other commands on workbooks.
"""

from __future__ import annotations

from pathlib import Path

import click

from importer import options
from importer.at_work import JOURNAL_NAME, at_work, open_desk, settings, teller, watching
from importer.errors import UsageError
from importer.output import print_json, print_lines


def _batch_ids(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        options.batch_id(context, parameter, text)
    return tuple(dict.fromkeys(text.lower() for text in texts))


@click.command()
@click.argument("batch_ids", nargs=-1, metavar="[BATCH_ID]...", callback=_batch_ids)
@click.option("--workspace", metavar="ID", help="Pull every batch of a workspace.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where the workbooks go; this folder if not given. A file that is there is never replaced.",
)
@click.option(
    "--into",
    multiple=True,
    type=click.Path(readable=False, path_type=Path),
    metavar="PATH",
    help="Fill in the ids that a workbook (or each of a folder) lacks, and show what differs; may be repeated.",
)
@options.JOBS
@options.RATE
@options.AS_JSON
def pull(
    batch_ids: tuple[str, ...],
    workspace: str | None,
    out: Path | None,
    into: tuple[Path, ...],
    jobs: int,
    per_s: float | None,
    as_json: bool,
) -> int:
    """
    Make workbooks of what Prolific holds; nothing is sent.

    Each batch becomes a workbook of its own, named after it. With --into, a workbook that is there gets the ids
    of the instructions that it describes word for word, and nothing else in it is changed.

    \b
    Examples:
      importer pull 019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11
      importer pull --workspace 6655b8281cc82a88996f0bbb --out studies
      importer pull --into study.xlsx
    """
    if into:
        return _fill(batch_ids, workspace, out, into, jobs, per_s, as_json=as_json)
    if not (batch_ids or workspace):
        raise UsageError("Name the batches to pull by their ids, or all of a workspace with --workspace ID.")
    from importer.journal import Journal
    from importer.settings import load_token

    given = settings()
    token = load_token(given)
    with (
        Journal(given.state / JOURNAL_NAME) as journal,
        open_desk(given, token, journal, jobs=jobs, per_s=per_s, tell=teller()) as desk,
    ):
        from importer.render import pulls
        from importer.run import pulling

        listed = desk.prolific.list_batches(workspace) if workspace else []
        wanted = tuple(dict.fromkeys((*batch_ids, *(str(batch["id"]).lower() for batch in listed))))
        with watching(wanted) as watcher:
            result = pulling.pull(desk, wanted, out or Path(), watcher=watcher)
    if as_json:
        print_json("pull", result.exit_code, **pulls.pulled_json(result))
    else:
        print_lines(pulls.pulled_text(result))
    return result.exit_code


def _fill(
    batch_ids: tuple[str, ...],
    workspace: str | None,
    out: Path | None,
    into: tuple[Path, ...],
    jobs: int,
    per_s: float | None,
    *,
    as_json: bool,
) -> int:
    if workspace or out or len(batch_ids) > 1:
        raise UsageError(
            "--into takes the batches that the workbooks name. Leave --workspace, --out and all other batches out; one "
            "BATCH_ID serves a workbook that has no sheet Batches."
        )
    with at_work(into, next(iter(batch_ids), None), jobs=jobs, per_s=per_s) as work:
        from importer.render import pulls, runs
        from importer.run.filling import fill

        filled = fill(work.desk, work.check, work.reading, watcher=work.watcher)
    if as_json:
        print_json("pull", filled.exit_code, **runs.pushed_json(filled))
    else:
        print_lines(pulls.filled_text(filled))
    return filled.exit_code
