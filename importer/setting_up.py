"""
The command that makes studies from nothing: `importer setup`.

Owns what is typed for it, as `importer.cli` does for the other commands on workbooks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer import options
from importer.at_work import at_work, confirm, settings
from importer.errors import UsageError
from importer.output import print_json, print_lines

if TYPE_CHECKING:
    from importer.run.setup import SetupResult


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(readable=False, path_type=Path), metavar="PATH..."
)
@click.option("--dry-run", "is_dry", is_flag=True, help="Show what would be made, and make nothing.")
@options.PAGES
@options.RELINK
@options.TASKS
@options.PUBLISHED
@options.ALLOW_REMOVE
@click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
def setup(
    paths: tuple[Path, ...],
    is_dry: bool,
    as_pages: bool,
    relink: bool,
    tasks_exist: bool,
    is_published: bool,
    allow_remove: int | None,
    yes: bool,
    as_json: bool,
) -> int:
    """
    Make the batches and draft studies of a workbook; never publishes.

    Makes the datasets of the sheet Datasets, the batches that have a workspace_id and no batch_id, and drafts
    of the studies of the sheet Studies; pushes the instructions; writes all ids back.

    \b
    Examples:
      importer setup study.xlsx --dry-run
      importer setup study.xlsx
      importer setup studies/ --yes
    """
    if as_json and not (yes or is_dry):
        raise UsageError(
            "With --json nobody sees the plan and can be asked. Look at it with --dry-run; if it is right, run again "
            "with --yes. Nothing was made."
        )
    with at_work(paths, None, jobs=1, per_s=None) as work:
        from importer.render import setups
        from importer.run.results import Consent
        from importer.run.setup import setup as set_up

        def ask(ready: SetupResult) -> None:
            if not as_json:
                print_lines(setups.setup_plan_text(ready), err=True)
            if not yes:
                confirm("Make this?", "the plan", "Nothing was made.")

        result = set_up(
            work.desk,
            work.workbooks,
            work.check,
            work.reading,
            ask=ask,
            is_dry=is_dry,
            consent=Consent(allow_remove, (), relink, tasks_exist, as_pages, is_published),
        )
    if as_json:
        print_json("setup", result.exit_code, **setups.setup_json(result))
    elif is_dry:
        print_lines(setups.setup_plan_text(result))
    else:
        print_lines(setups.setup_text(result, settings().app_url))
    return result.exit_code
