"""
Reading batches from Prolific in the background.

Light on purpose: a push begins to read here, and only then imports pandas and pandera, so that
the network and the imports wait together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from importer.contract import BATCHES
from importer.errors import ProlificError, Rejected, WorkbookRefused
from importer.push.crew import Crew
from importer.sheets.headers import Place, find_sheet, first_rows, match_headers
from importer.texts import trim
from importer.workbook.reader import open_workbook

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.prolific import Prolific
    from importer.push.desk import Desk

Items = list[dict[str, "JSON"]]

#: Batches that are read at the same time, beforehand, at least: a crew of one would read at once.
READERS: Final = 8
#: More workbooks than this are not looked into beforehand: they are checked before their batches could be read.
GLANCES: Final = 8

#: How a server says that an endpoint is not there (any more).
GONE: Final = frozenset({404, 405, 410, 501})


@dataclass(frozen=True, slots=True)
class Fetched:
    """
    What Prolific answered.

    Attributes:
        batch: The batch, as answered.
        items: Its pages, or its instructions, as answered; None if nobody lists them any more.
    """

    batch: dict[str, JSON]
    items: Items | None

    @property
    def count(self) -> int | None:
        """How many instructions the batch counts; None if it does not say."""
        count = self.batch.get("total_instruction_count")
        return count if isinstance(count, int) else None


def fetch(desk: Desk, batch_id: str) -> Fetched:
    """
    Read a batch, and its instructions if it has no pages.

    A batch that counts no instruction, and was never pushed to from here, has none to list.

    Raises:
        ProlificError: What `Prolific.get_batch` raises; or the batch counts more instructions
            than are shown, so that a full replacement would delete some unseen; or its layout
            cannot be read.
        TokenRefused: The token is not accepted.
    """
    batch = desk.prolific.get_batch(batch_id)
    fetched = Fetched(batch, None)
    is_empty = fetched.count == 0 and not desk.journal.knows(batch_id)
    if (pages := batch.get("batch_items")) is not None:
        items, listed = _read_layout(pages)
        fetched = Fetched(batch, items)
    elif not is_empty:
        fetched = Fetched(batch, fetch_items(desk.prolific, batch_id))
        listed = len(fetched.items or ())
    if fetched.items is not None and fetched.count is not None and fetched.count > listed:
        raise ProlificError(
            f"Prolific counts {fetched.count} instruction(s) in the batch {batch_id}, but lists {listed}. "
            "A push would delete the others unseen. Try again in a minute."
        )
    return fetched


def _read_layout(pages: JSON) -> tuple[Items, int]:
    """Return the pages of a layout, and how many instructions they show; raises as `fetch` does."""
    # The models that come with it take a tenth of a second, and a push begins to read before it needs them.
    from importer.wire.batch_items import asking, check_layout  # noqa: PLC0415

    items = check_layout(pages)
    return items, asking(items)


def fetch_items(prolific: Prolific, batch_id: str) -> Items | None:
    """Read the instructions of a batch; None if Prolific no longer offers to."""
    try:
        return prolific.get_instructions(batch_id)
    except Rejected as refusal:
        if refusal.status in GONE:
            return None
        raise


def fetch_pages(prolific: Prolific, batch_id: str) -> Items:
    """Read the layout of a batch; empty if it has none any more."""
    pages = prolific.get_batch(batch_id).get("batch_items")
    return [] if pages is None else _read_layout(pages)[0]


class Reading:
    """
    Batches being read before anybody needs them; a context manager that ends it.

    Args:
        desk: What a push needs within reach.
        batch_ids: To read.

    Attributes:
        began_at: Seconds since 1970.
        revision: The journal's then.
    """

    def __init__(self, desk: Desk, batch_ids: Iterable[str] = ()) -> None:
        self.began_at = desk.at
        self.revision = desk.journal.revision()
        crew = Crew(max(READERS, desk.jobs))
        self._asked = {batch_id: crew.submit(fetch, desk, batch_id) for batch_id in dict.fromkeys(batch_ids)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for future in self._asked.values():
            future.cancel()

    def asked(self, batch_id: str) -> Future[Fetched] | None:
        """Return the answer about a batch, if it was asked for; it is as old as `revision`."""
        return self._asked.get(batch_id)


def begin(desk: Desk, paths: Sequence[Path], batch_id: str | None = None) -> Reading:
    """Begin to read the batches that a few workbooks name, as far as a glance shows; of many, none."""
    if batch_id is not None:
        named = [batch_id.lower()]
    else:
        named = [i for path in paths for i in glance(path)] if len(paths) <= GLANCES else []
    # What is open is looked at first, and is read anew then: one request at a time for each batch.
    waiting = {one.batch_id for one in desk.journal.open_imports()}
    return Reading(desk, [one for one in named if one not in waiting])


def glance(path: Path) -> Iterator[str]:
    """Yield the batch ids in a workbook's sheet Batches, unchecked; none if it cannot be read."""
    try:
        with open_workbook(path) as book:
            sheet, _ = find_sheet(book, BATCHES, "")
            if sheet is None:
                return
            rows = book.rows(sheet)
            top = first_rows(rows)
            headers, _ = match_headers(top, BATCHES, Place("", None))
            column = headers.columns.get("batch_id")
            for row in (*top, *rows):
                if row is not headers.row:
                    yield from (
                        trim(c.text).lower() for c in row.cells if c.column == column and trim(c.text)
                    )
    except WorkbookRefused:
        return
