"""
Reading batches from Prolific in the background.

Light on purpose: a push begins to read here, and only then imports what checks and sends, so that
the network and the imports wait together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from importer.contract import BATCHES
from importer.errors import ProlificError, Rejected, WorkbookRefused
from importer.hands import aside
from importer.push.crew import Crew, apart
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
#: More workbooks than this are not looked into beforehand, and of more batches than this a list is read.
GLANCES: Final = 8

#: How long a list is worth waiting for, in seconds; later than that, batches are read one by one until it is there.
PATIENCE_S: Final = 1.0

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
        batch_ids: To read, each by itself.
        is_sample: Whether they stand for many more: whatever the workspace of the first lists is read too, at once.
            Who asks for a batch then waits for the list, but not for long.

    Attributes:
        began_at: Seconds since 1970.
        revision: The journal's then.
    """

    def __init__(self, desk: Desk, batch_ids: Iterable[str] = (), *, is_sample: bool = False) -> None:
        self.began_at = desk.at
        self.revision = desk.journal.revision()
        self._desk = desk
        crew = Crew(max(READERS, desk.jobs))
        self._asked = {batch_id: crew.submit(fetch, desk, batch_id) for batch_id in dict.fromkeys(batch_ids)}
        samples = list(self._asked.values()) if is_sample else []
        self._listed = apart(_list_empty, desk.prolific, samples[0]) if samples else None
        self._patient_until = desk.effects.monotonic() + PATIENCE_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for future in self._asked.values():
            future.cancel()

    def asked(self, batch_id: str) -> Future[Fetched] | None:
        """Return the answer about a batch, if it was asked for; it is as old as `revision`."""
        batch = self._empty().get(batch_id)
        if batch is None or self._desk.journal.knows(batch_id):
            return self._asked.get(batch_id)
        future: Future[Fetched] = Future()
        future.set_result(Fetched(batch, None))
        return future

    def _empty(self) -> dict[str, dict[str, JSON]]:
        """Return what the list shows to hold nothing; none of it if there is no list, or it cannot be read."""
        listed = self._listed
        if listed is None:
            return {}
        if not listed.done():
            with aside():
                wait([listed], max(0.0, self._patient_until - self._desk.effects.monotonic()))
        return listed.result() if listed.done() and listed.exception() is None else {}


def _list_empty(prolific: Prolific, sample: Future[Fetched]) -> dict[str, dict[str, JSON]]:
    """
    Return the batches that hold nothing, by id, of the workspace of one that is being read.

    Only of these a list says all that a plan needs. One that lacks a field is not taken at its word:
    whether a batch has pages, for example, is the batch's own answer.

    Source: GET data-collection/batches?workspace_id= lists whole batches.
    """
    workspace_id = sample.result().batch.get("workspace_id")
    batches = prolific.list_batches(workspace_id) if isinstance(workspace_id, str) else []
    return {str(batch["id"]).lower(): batch for batch in batches if _is_empty(batch)}


def _is_empty(batch: Mapping[str, JSON]) -> bool:
    is_whole = batch.keys() >= {"name", "status", "task_details", "datasets", "batch_items"}
    return is_whole and batch["batch_items"] is None and batch.get("total_instruction_count") == 0


def begin(desk: Desk, paths: Sequence[Path], batch_id: str | None = None) -> Reading:
    """Begin to read the batches that workbooks name, as far as a glance shows: each, or many with a list."""
    if batch_id is not None:
        named = [batch_id.lower()]
    else:
        named = [i for path in paths[:GLANCES] for i in glance(path)]
    # What is open is looked at first, and is read anew then: one request at a time for each batch.
    waiting = {one.batch_id for one in desk.journal.open_imports()}
    named = [one for one in named if one not in waiting]
    if named and (len(named) > GLANCES or len(paths) > GLANCES):
        return Reading(desk, named[:1], is_sample=True)
    return Reading(desk, named)


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
