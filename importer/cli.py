"""
The command line: commands, confirmation, exit codes.

Owns what is typed, and the exit code that a command returns. What happens is `importer.run`'s
business, how it looks `importer.render`'s. Everything but click is imported by the command that
needs it: `--help` must not wait for a library.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from importer import __version__, first_steps, options, pulling, setting_up
from importer.at_work import (
    JOURNAL_NAME,
    asker,
    at_work,
    confirm,
    find,
    known_owners,
    open_desk,
    reporter,
    settings,
    teller,
    watching,
)
from importer.errors import UsageError, WriteRefused
from importer.output import print_json, print_lines, say

if TYPE_CHECKING:
    from importer.errors import ImporterError
    from importer.journal import Creation
    from importer.problems import Report
    from importer.push.desk import Desk
    from importer.push.submitter import Outcome
    from importer.render.screen import Lines

PENDING: Final = 10

EXIT_CODES: Final = """\b
Exit codes:
  0    done, or nothing to do
  1    problems in workbooks, or a push that is not possible or needs consent; nothing was sent
  2    wrong usage
  3    some workbooks done, some not
  4    token missing or refused
  5    sent, but ids not yet in the workbook, or outcome unknown: run importer resume
  6    Prolific refused, or cannot be reached
  10   plan --exit-code: changes are pending
  130  interrupted
  70   our bug; the message says where the report is"""


def _fingerprints(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(text.strip().lower() for text in texts)
    for text in found:
        if not re.fullmatch(r"[0-9a-f]{12}", text):
            raise click.BadParameter(f"{text!r} is not a fingerprint. Copy the one that importer plan shows.")
    return found


_PATHS = click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(readable=False, path_type=Path),
    metavar="PATH...",
)
_BATCH = click.option(
    "--batch",
    "batch_id",
    callback=options.batch_id,
    metavar="ID",
    help="The batch of a workbook that has no sheet Batches.",
)
_REPORT = click.option(
    "--report",
    "report_to",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a report for people: FILE.html is one page, FILE.xlsx a workbook.",
)


class _InOrder(click.Group):
    """Lists the commands in the order of a first round, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        return list(self.commands)


class _Harmless(logging.Formatter):
    """Lets nothing steer the terminal: urllib3 logs headers that it cannot read as the server sent them."""

    def format(self, record: logging.LogRecord) -> str:
        from importer.render.screen import harmless

        return harmless(super().format(record))

    def formatException(self, _: object) -> str:  # noqa: N802 - logging's name
        return ""  # a traceback never reaches a researcher


@click.group(
    cls=_InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="importer")
@click.option("-q", "--quiet", is_flag=True, help="Say only results and refusals.")
@click.option("-v", "--verbose", count=True, help="Say more; twice: every request.")
@click.option("--url", metavar="URL", help="Address of Prolific (PROLIFIC_URL).")
@click.option("--state", metavar="FOLDER", help="Folder of journal and backups (IMPORTER_STATE).")
@click.option("--ca-file", metavar="FILE", help="Certificates of a private authority (IMPORTER_CA_FILE).")
@click.pass_context
def commands(context: click.Context, /, quiet: bool, verbose: int, **flags: str | None) -> None:
    """
    Fill in a spreadsheet, push it to Prolific, get the IDs back.

    \b
    A first round:
      importer demo                     see it all once, on a local Prolific
      importer template                 write an empty workbook
      importer check study.xlsx         find every problem, cell by cell
      importer plan study.xlsx          see what a push would change
      importer push study.xlsx          send it, and write the ids back
    """
    context.obj = {"quiet": quiet, "flags": flags}
    level = logging.DEBUG if verbose > 1 else logging.INFO if verbose else logging.WARNING
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Harmless("%(message)s"))
    # What libraries warn of is for programmers; it is heard among the requests.
    logging.basicConfig(level=level if verbose > 1 else logging.ERROR, handlers=[handler])
    logging.getLogger("importer").setLevel(level)


commands.add_command(first_steps.template)


# ---------------------------------------------------------------- workbooks
@commands.command()
@_PATHS
@_BATCH
@click.option("--mark", is_flag=True, help="Write NAME.checked.xlsx with every problem marked at its cell.")
@_REPORT
@options.AS_JSON
def check(
    paths: tuple[Path, ...], batch_id: str | None, mark: bool, report_to: Path | None, as_json: bool
) -> int:
    """
    Find every problem of every workbook; nothing is sent.

    \b
    Examples:
      importer check study.xlsx
      importer check --mark wave1.xlsx wave2.xlsx
      importer check studies/ --report problems.html
    """
    from importer.gathered import Gathered
    from importer.helpers import Helpers
    from importer.render import reports

    write_report = reporter(report_to, "check")
    workbooks = find(paths)
    with (
        Helpers(len(workbooks)) as helpers,
        Gathered() as gathered,
        known_owners() as owners,
        watching(workbooks) as watcher,
    ):
        watcher.checking(len(workbooks))
        for part in helpers.check_parts(workbooks, batch_id=batch_id):
            gathered.add(part)
            watcher.checked(part.workbooks, part.problems)
        report = gathered.report(owners)
    marked, refused = _mark(report) if mark else ({}, ())
    code = int(bool(report.broken))
    summary: Lines = ()
    if (
        report_to is not None or len(workbooks) > 1
    ):  # what this imports, the check of one workbook need not wait for
        from importer.render.runs import checked_text
        from importer.run.results import checked

        result = checked(report)
        write_report(result, code, paths, ())
        summary = checked_text(result, list(map(str, paths))) if len(workbooks) > 1 else ()
    if as_json:
        print_json(
            "check",
            code,
            report=reports.report_json(report),
            marked={k: str(v) for k, v in marked.items()},
        )
    else:
        print_lines([*reports.report_text(report), *summary])
        for target in marked.values():
            say(f"Marked copy: {target}")
    for refusal in refused:
        say(str(refusal))
    if mark and not marked and not refused:
        say("There is nothing to mark.")
    return code


def _mark(report: Report) -> tuple[dict[str, Path], tuple[WriteRefused, ...]]:
    from importer.workbook.marked import mark_all

    return mark_all(report)


@commands.command()
@_PATHS
@_BATCH
@options.RELINK
@options.PAGES
@options.JOBS
@options.RATE
@click.option("--exit-code", "pending_code", is_flag=True, help="Exit with 10 if changes are pending.")
@_REPORT
@options.AS_JSON
def plan(
    paths: tuple[Path, ...],
    batch_id: str | None,
    relink: bool,
    as_pages: bool,
    jobs: int,
    per_s: float | None,
    pending_code: bool,
    report_to: Path | None,
    as_json: bool,
) -> int:
    """
    Show what a push would change; nothing is sent.

    \b
    Examples:
      importer plan study.xlsx
      importer plan studies/ --report plans.html
      importer plan study.xlsx --exit-code && echo "nothing to do"
    """
    write_report = reporter(report_to, "plan")
    with at_work(paths, batch_id, jobs=jobs, per_s=per_s) as work:
        from importer.render import runs
        from importer.run.pushing import plan_all
        from importer.run.results import Consent

        consent = Consent(relink=relink, as_pages=as_pages)
        planned = plan_all(work.desk, work.check, work.reading, consent=consent, watcher=work.watcher)
    code = planned.exit_code
    if code == 0 and pending_code and any(row.has_work for row in planned.rows):
        code = PENDING
    if as_json:
        print_json("plan", code, **runs.pushed_json(planned))
    else:
        print_lines(runs.planned_text(planned, list(map(str, paths)), batch_id))
    write_report(planned, code, paths, work.exchanges)
    return code


@commands.command()
@_PATHS
@_BATCH
@options.RELINK
@options.PAGES
@options.TASKS
@options.PUBLISHED
@options.ALLOW_REMOVE
@click.option(
    "--plan",
    "fingerprints",
    multiple=True,
    metavar="FINGERPRINT",
    callback=_fingerprints,
    help="Push only the plan that was reviewed, without asking.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@click.option(
    "--all-or-nothing", is_flag=True, help="Send nothing if any workbook is not ready or would be refused."
)
@options.JOBS
@options.RATE
@_REPORT
@options.AS_JSON
def push(
    paths: tuple[Path, ...],
    batch_id: str | None,
    relink: bool,
    as_pages: bool,
    tasks_exist: bool,
    is_published: bool,
    allow_remove: int | None,
    fingerprints: tuple[str, ...],
    yes: bool,
    all_or_nothing: bool,
    jobs: int,
    per_s: float | None,
    report_to: Path | None,
    as_json: bool,
) -> int:
    """
    Check, plan, send, and write the ids back into the workbook.

    \b
    Examples:
      importer push study.xlsx
      importer push study.xlsx --allow-remove 2
      importer push studies/ --yes --report run.html
      importer push wave1.xlsx wave2.xlsx --yes --json
    """
    is_agreed = yes or bool(fingerprints)
    if as_json and not is_agreed:
        raise UsageError(
            "With --json nobody sees the plan and can be asked. If the plan is right, run again with --yes, or with "
            "--plan FINGERPRINT. Nothing was sent."
        )
    write_report = reporter(report_to, "push")
    with at_work(paths, batch_id, jobs=jobs, per_s=per_s) as work:
        from importer.render import runs
        from importer.run import pushing
        from importer.run.results import Consent

        pushed = pushing.push(
            work.desk,
            work.workbooks,
            work.check,
            work.reading,
            consent=Consent(allow_remove, fingerprints, relink, tasks_exist, as_pages, is_published),
            ask=asker(is_agreed=is_agreed, is_shown=not as_json),
            all_or_nothing=all_or_nothing,
            watcher=work.watcher,
        )
    if as_json:
        print_json("push", pushed.exit_code, **runs.pushed_json(pushed))
    else:
        print_lines(runs.pushed_text(pushed, list(map(str, paths))))
    write_report(pushed, pushed.exit_code, paths, work.exchanges)
    return pushed.exit_code


commands.add_command(setting_up.setup)
commands.add_command(pulling.pull)


@commands.command()
@click.option(
    "--give-up",
    metavar="ID",
    help="End the open imports of a batch, or one thing that setup began, if it can never be finished; sends nothing.",
)
@click.option(
    "-y", "--yes", is_flag=True, help="With --give-up: do not ask; needed where there is no terminal."
)
@options.AS_JSON
def resume(give_up: str | None, yes: bool, as_json: bool) -> int:
    """
    Finish what a crash or a lost answer left open.

    \b
    Examples:
      importer resume
      importer resume --give-up 019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11
    """
    from importer.journal import Journal
    from importer.render import runs, setups
    from importer.run import resuming
    from importer.run.results import combine
    from importer.settings import load_token

    given = settings()
    outcomes: Sequence[Outcome] = ()
    made: Sequence[Creation] = ()
    refusals: Sequence[ImporterError] = ()
    with Journal(given.state / JOURNAL_NAME) as journal:
        if give_up is not None:
            with open_desk(given, load_token(given), journal, tell=teller()) as desk:
                return _give_up(desk, give_up, is_agreed=yes, as_json=as_json)
        open_ones, open_creations = journal.open_imports(), journal.open_creations()
        if open_ones or open_creations:
            with open_desk(given, load_token(given), journal, tell=teller()) as desk:
                made, refusals = resuming.resume_creations(desk, open_creations)
                outcomes = resuming.resume(desk, open_ones)
    codes = [0 if o.refusal is None else o.refusal.exit_code for o in outcomes]
    code = combine([*codes, *(0 for one in made if not one.state.is_open), *(r.exit_code for r in refusals)])
    if as_json:
        print_json(
            "resume",
            code,
            imports=[runs.outcome_json(o) for o in outcomes],
            made=[setups.creation_json(one) for one in made],
            refusals=[runs.refusal_json(refusal) for refusal in refusals],
        )
    else:
        print_lines(
            [*setups.creations_text(made), *(runs.resumed_text(outcomes) if outcomes or not made else ())]
        )
    for refusal in refusals:
        say(str(refusal))
    if made and not as_json:
        say("To make what is left: importer setup")
    return code


def _give_up(desk: Desk, name: str, *, is_agreed: bool, as_json: bool) -> int:
    """Say what will be true then, ask, and end what is open; print the ids that only the journal has."""
    from importer.push import giving_up, making
    from importer.render import runs, screen, setups

    if creation := making.find_unsettled(desk.journal, name):
        if not is_agreed:
            print_lines(setups.creations_text([creation]), err=True)
            print_lines([screen.line(making.outlook(creation))], err=True)
            confirm("Give this up?", "giving up", "Nothing was changed.")
        ended = making.give_up_made(desk, creation)
        if as_json:
            print_json("resume", 0, imports=[], made=[setups.creation_json(ended)], refusals=[])
        else:
            print_lines(setups.creations_text([ended]))
        return 0
    found = giving_up.find_open(desk.journal, name)
    if not is_agreed:
        print_lines(runs.status_text(found), err=True)
        print_lines([screen.line(giving_up.outlook(one)) for one in found], err=True)
        confirm("Give this up?", "giving up", "Nothing was changed.")
    done = giving_up.give_up(desk, found)
    if as_json:
        print_json("resume", 0, imports=[{**runs.import_json(one), "refusal": None} for one in done])
    else:
        print_lines(runs.status_text(done))
        print_lines([screen.line(f"{ref}  {id_}", depth=2) for one in done for ref, id_ in one.ids.items()])
    return 0


@commands.command()
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many runs, and how many finished imports, to show.",
)
@options.AS_JSON
def status(limit: int, as_json: bool) -> None:
    """
    List open and recent runs and imports.

    \b
    Example:
      importer status
    """
    from importer.journal import Journal
    from importer.render.runs import import_json, run_json, runs_text, status_text
    from importer.render.setups import creation_json, creations_text

    with Journal(settings().state / JOURNAL_NAME) as journal:
        open_ones, recent, runs = journal.open_imports(), journal.recent(limit), journal.runs(limit)
        # What is open may be recent as well.
        made = {one.id: one for one in (*journal.open_creations(), *journal.recent_creations(limit))}.values()
    imports = [*open_ones, *(i for i in recent if not i.state.is_open)]
    if as_json:
        print_json(
            "status",
            0,
            runs=[run_json(run) for run in runs],
            imports=[import_json(i) for i in imports],
            made=[creation_json(one) for one in made],
        )
    else:
        listed = status_text(imports) if imports or not made else ()
        print_lines([*runs_text(runs), *listed, *creations_text(made)])


for step in (first_steps.sandbox, first_steps.demo, first_steps.completion):
    commands.add_command(step)
