"""
The demo: a whole round on the local Prolific, with the real commands.

Everything shown is what the commands print; the demo only types them, and plays the researcher
who edits a cell.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from importer.contract import INSTRUCTIONS
from importer.errors import ImporterError
from importer.sandbox import Sandbox
from importer.texts import header_key
from importer.workbook.cells import Spot
from importer.workbook.reader import open_workbook
from importer.workbook.template import DOCUMENTED_EXAMPLE, write_filled
from importer.workbook.writer import SheetEdits, write_back

WORKBOOK = "demo.xlsx"
EDITED = "Please share the reasons for your choice, in two sentences."


def run_demo(keep: Path | None) -> None:
    """
    Show the whole round.

    Args:
        keep: Folder for the demo's workbook; None: a temporary one.

    Raises:
        ImporterError: A step did not do what it promises; our bug.
    """
    with tempfile.TemporaryDirectory(prefix="importer-demo-") as temporary, Sandbox() as prolific:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with _surroundings(prolific, folder, Path(temporary) / "state"):
            _show(prolific)
    if keep is not None:
        click.echo(f"\nThe workbook is {keep / WORKBOOK}.")


def _show(prolific: Sandbox) -> None:
    batch_id = prolific.add_batch("Demo batch")
    _say(f"A local Prolific runs at {prolific.url}; it holds one batch without instructions.")
    write_filled(Path(WORKBOOK), DOCUMENTED_EXAMPLE, [{"batch_id": batch_id}])
    _say(f"A researcher has filled in {WORKBOOK}: three instructions, five rows.")
    _type("check", WORKBOOK)
    _type("plan", WORKBOOK)
    _type("push", WORKBOOK, "--yes")
    first = _ids(prolific, batch_id)
    _say("The ids that came back stand in the workbook:")
    _show_ids()
    _type_into_cell("description", 4, EDITED)
    _say(f'The researcher edits one cell, Instructions!D4: "{EDITED}"')
    _type("plan", WORKBOOK)
    _type("push", WORKBOOK, "--yes")
    if _ids(prolific, batch_id) != first:
        raise ImporterError("The demo's instructions did not keep their ids.")
    _say(f"All {len(first)} instructions kept their ids, and Prolific holds the new text. Once more:")
    _type("push", WORKBOOK, "--yes")
    _say("That is the whole round. Begin your own with: importer template")


@contextmanager
def _surroundings(prolific: Sandbox, folder: Path, state: Path) -> Iterator[None]:
    """Let the commands speak to the local Prolific, in a folder of their own; put everything back."""
    before, here = dict(os.environ), Path.cwd()
    os.environ.update(
        PROLIFIC_URL=prolific.url, PROLIFIC_TOKEN=prolific.token, IMPORTER_STATE=str(state.resolve())
    )
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)


def _say(sentence: str) -> None:
    click.echo(f"\n{click.style(sentence, bold=True)}")


def _type(*words: str) -> None:
    """Type a command, and let it print; a demo that fails has a bug."""
    from importer.cli import commands  # noqa: PLC0415 - the command line imports the demo

    click.echo(f"\n{click.style('$ importer ' + ' '.join(words), fg='cyan')}")
    code = commands.main(list(words), prog_name="importer", standalone_mode=False)
    if code:
        raise ImporterError(f"importer {words[0]} ended with {code} in the demo.")


def _ids(prolific: Sandbox, batch_id: str) -> list[str]:
    return [str(item["id"]) for item in prolific.instructions(batch_id)]


def _show_ids() -> None:
    for row in _rows():
        if row["instruction_id"]:
            click.echo(f"  {row['ref']:<4}{row['type']:<32}{row['instruction_id']}  {row['status']}")


def _rows() -> Iterator[dict[str, str]]:
    with open_workbook(Path(WORKBOOK)) as book:
        rows = book.rows(book.sheets[0])
        names = {cell.column: header_key(cell.text) for cell in next(rows).cells}
        keys = {header_key(name): name for name in INSTRUCTIONS.names}
        for row in rows:
            texts = {keys[names[cell.column]]: cell.text for cell in row.cells}
            yield {name: texts.get(name, "") for name in INSTRUCTIONS.names}


def _type_into_cell(header: str, number: int, text: str) -> None:
    """Change one cell, as somebody would in Excel."""
    path = Path(WORKBOOK)
    column = INSTRUCTIONS.names.index(header) + 1
    with open_workbook(path) as book:
        sheet = book.sheets[0]
        rows = book.rows(sheet)
        row = next(row for row in rows if row.number == number)
        cell = next(cell for cell in row.cells if cell.column == column)
        spot = Spot(number, column, cell.start, cell.end, cell.style)
        edit = SheetEdits(sheet.part, rows.prefix, {spot: text})
        write_back(path, [edit], sha256=book.sha256, backups=None, now=datetime.now(UTC))
