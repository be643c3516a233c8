"""Options that several commands have, and what their values must look like."""

from __future__ import annotations

import re
from typing import Final

import click

_UUID: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
JOBS = click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=32,
    show_default=True,
    metavar="N",
    help="At most so many requests at the same time; fewer as soon as Prolific asks for it.",
)
RATE = click.option(
    "--rate",
    "per_s",
    type=click.FloatRange(0, min_open=True),
    metavar="R",
    help="At most so many requests in a second.",
)
RELINK = click.option(
    "--relink", is_flag=True, help="Give rows that lost their ids the ids of the instructions they look like."
)
PAGES = click.option(
    "--pages",
    "as_pages",
    is_flag=True,
    help="Lay out batches that have neither pages nor instructions yet in pages (batch_items).",
)
TASKS = click.option(
    "--tasks-exist",
    is_flag=True,
    help="Agree to change batches that are READY: their tasks are made and may not take it up. Those that are PROCESSING "
    "are waited for, up to two minutes.",
)
PUBLISHED = click.option(
    "--published",
    "is_published",
    is_flag=True,
    help="Agree to change batches of which a study is published: participants may be answering.",
)
ALLOW_REMOVE = click.option(
    "--allow-remove",
    type=click.IntRange(min=1),
    metavar="N",
    help="Agree to delete exactly N instructions on Prolific.",
)


def batch_id(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """Return a batch id as it was typed; a `BadParameter` if it is none."""
    if text is not None and not re.fullmatch(_UUID, text, re.IGNORECASE):
        raise click.BadParameter(f"{text!r} is not the id of a batch. Copy the id from Prolific.")
    return text
