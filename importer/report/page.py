"""
The report as one page, which loads nothing and runs nothing.

Owns the page's parts (`page_parts/`), what of a long run stands on it, and that no text of a
study becomes markup. It is written piece by piece, so memory does not grow with the workbooks.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from importer.problems import Severity
from importer.prolific import Exchange
from importer.render.folding import Folded, fold
from importer.render.screen import Line, harmless
from importer.render.words import count_of, some_of
from importer.report.data import Receipt, RunInfo, WorkbookDetail
from importer.report.plots import WIDTH, plots_of
from importer.report.summary import (
    STATES,
    Summary,
    duration,
    has_details,
    headline,
    look_of,
    needs_look,
    nothing_sent,
)

#: Workbooks whose details stand on the page, those that need a look first; browsers slow down beyond.
MAX_DETAILS: Final = 400
#: Of one workbook, problems after folding, lines of plans, and ids.
MAX_PROBLEMS: Final = 50
MAX_LINES: Final = 200
MAX_IDS: Final = 200
_CELLS_SHOWN: Final = 8
_REFS_SHOWN: Final = 4

_SIGNS: Final = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.NOTE: "·"}


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One workbook as the page shows it.

    Attributes:
        number: Its place in the run, from 1.
        detail: The workbook.
        is_open: Whether its details stand on the page.
    """

    number: int
    detail: WorkbookDetail
    is_open: bool

    @property
    def problems(self) -> tuple[Folded, ...]:
        """Its problems, equal ones folded."""
        return fold(self.detail.problems)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all its plans."""
        return tuple(line for plan in self.detail.plans for line in plan)

    @property
    def receipts(self) -> Iterator[tuple[Receipt, tuple[tuple[str, str], ...]]]:
        """Its receipts, each with as many ids as still have room."""
        room = MAX_IDS
        for receipt in self.detail.receipts:
            if room > 0:
                yield receipt, tuple(receipt.ids.items())[:room]
                room -= max(len(receipt.ids), 1)

    @property
    def unlisted_ids(self) -> int:
        """Ids that have no room on the page."""
        return sum(len(receipt.ids) for receipt in self.detail.receipts) - sum(
            len(ids) for _, ids in self.receipts
        )


def write_page(
    target: Path,
    info: RunInfo,
    summary: Summary,
    details: Callable[[], Iterator[WorkbookDetail]],
    requests: Sequence[Exchange],
) -> None:
    """
    Write the report of a run as an HTML page.

    Args:
        target: The file, which is overwritten.
        info: The run as a whole.
        summary: The run in numbers.
        details: Gives every workbook, the same each time; called twice.
        requests: Every HTTP request of the run.

    Raises:
        OSError: The file cannot be written.
    """
    environment = _environment()
    style = environment.get_template("page.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    unlisted = max(sum(summary.detailed) - MAX_DETAILS, 0)
    pieces = environment.get_template("page.html").generate(
        info=info,
        summary=summary,
        headline=headline(info, summary),
        nothing_sent=nothing_sent(info, summary),
        took_s=(info.ended_at - info.began_at).total_seconds(),
        plots=plots_of(summary, requests),
        entries=lambda: _entries(details(), summary),
        unlisted=unlisted,
        style=Markup(style),  # noqa: S704 – our own file, with no text of anybody else
        digest=digest,
    )
    with target.open("w", encoding="utf-8", newline="\n") as page:
        page.writelines(pieces)


def _entries(details: Iterable[WorkbookDetail], summary: Summary) -> Iterator[Entry]:
    """Number workbooks, and open details as long as there is room, first for those that need a look."""
    needy, _ = summary.detailed
    room = {True: MAX_DETAILS, False: max(MAX_DETAILS - needy, 0)}
    for number, detail in enumerate(details, 1):
        kind = needs_look(detail.row.state)
        is_open = has_details(detail) and room[kind] > 0
        room[kind] -= is_open
        yield Entry(number, detail, is_open)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("importer.report", "page_parts"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every text on its way into the page, so that none is forgotten.
        finalize=_harmless,
    )
    environment.filters |= {"duration": duration, "count_of": count_of, "number": "{:,}".format}
    environment.globals |= {
        "STATES": tuple(STATES),
        "SIGNS": _SIGNS,
        "WIDTH": WIDTH,
        "MAX_LINES": MAX_LINES,
        "MAX_PROBLEMS": MAX_PROBLEMS,
        "look_of": look_of,
        "place_of": _place,
        "about": _about,
        "state_class": _state_class,
    }
    return environment


def _harmless(value: Any) -> Any:
    """Return what is to be shown without what could steer a reader's eye, and without a token."""
    return harmless(value) if type(value) is str else value


def _state_class(state: str) -> str:
    """
    Return the class of a state, by which the page filters.

    >>> _state_class("not ready"), _state_class("<b>")
    ('s3', 's10')
    """
    return f"s{tuple(STATES).index(state) if state in STATES else len(STATES)}"


def _place(folded: Folded) -> str:
    one = folded.first
    if one.sheet is None:
        return "the file"
    return f"{one.sheet}!{some_of(folded.cells, _CELLS_SHOWN)}" if folded.cells else one.sheet


def _about(folded: Folded) -> str:
    return ", ".join(filter(None, (some_of(folded.refs, _REFS_SHOWN), folded.first.column)))
