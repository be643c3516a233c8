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
from threading import Event, Semaphore, Thread
from typing import TYPE_CHECKING, Final, Self

from importer.contract import BATCHES, trim
from importer.errors import ProlificError, Rejected, WorkbookRefused
from importer.sheets.headers import Place, find_sheet, first_rows, match_headers
from importer.workbook.reader import open_workbook

if TYPE_CHECKING:
    from importer.journal import Journal
    from importer.model import JSON
    from importer.prolific import Prolific

Items = list[dict[str, "JSON"]]

#: Batches that are read at the same time.
READERS: Final = 4

#: How a server says that an endpoint is not there (any more).
GONE: Final = frozenset({404, 405, 410, 501})


@dataclass(frozen=True, slots=True)
class Fetched:
    """
    What Prolific answered.

    Attributes:
        batch: The batch, as answered.
        items: Its instructions, as answered; None if the endpoint is gone or does not apply.
    """

    batch: dict[str, JSON]
    items: Items | None

    @property
    def count(self) -> int | None:
        """How many instructions the batch counts; None if it does not say."""
        count = self.batch.get("total_instruction_count")
        return count if isinstance(count, int) else None


def fetch(prolific: Prolific, batch_id: str) -> Fetched:
    """
    Read a batch and its instructions.

    Raises:
        ProlificError: What `Prolific.get_batch` raises; or the batch counts more instructions
            than are listed, so that a full replacement would delete some unseen.
        TokenRefused: The token is not accepted.
    """
    batch = prolific.get_batch(batch_id)
    if batch.get("batch_items") is not None:
        return Fetched(batch, None)
    fetched = Fetched(batch, fetch_items(prolific, batch_id))
    if fetched.items is not None and fetched.count is not None and fetched.count > len(fetched.items):
        raise ProlificError(
            f"Prolific counts {fetched.count} instruction(s) in the batch {batch_id}, but lists {len(fetched.items)}. "
            "A push would delete the others unseen. Try again in a minute."
        )
    return fetched


def fetch_items(prolific: Prolific, batch_id: str) -> Items | None:
    """Read the instructions of a batch; None if Prolific no longer offers to."""
    try:
        return prolific.get_instructions(batch_id)
    except Rejected as refusal:
        if refusal.status in GONE:
            return None
        raise


class Reading:
    """
    Batches being read in the background, each once; a context manager.

    Args:
        prolific: The open client.
        revision: The journal's when the reading began; whoever uses it asks again for a batch
            that an import has touched since (`again`).
        batch_ids: To begin with.
    """

    def __init__(self, prolific: Prolific, revision: int, batch_ids: Iterable[str] = ()) -> None:
        self.revision = revision
        self._prolific = prolific
        self._places = Semaphore(READERS)
        self._is_over = Event()
        self._asked: dict[str, Future[Fetched]] = {}
        for batch_id in batch_ids:
            self.ask(batch_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()

    def ask(self, batch_id: str) -> Future[Fetched]:
        """Begin to read a batch, unless that has begun already."""
        if batch_id not in self._asked:
            future = self._asked[batch_id] = Future[Fetched]()
            # Daemons, because nobody waits for an answer that is no longer needed: a pool's threads
            # are joined at the end of the process, after Ctrl-C too.
            Thread(target=self._read, args=(batch_id, future), name="reading", daemon=True).start()
        return self._asked[batch_id]

    def _read(self, batch_id: str, future: Future[Fetched]) -> None:
        with self._places:
            if self._is_over.is_set():
                future.cancel()
                return
            try:
                future.set_result(fetch(self._prolific, batch_id))
            except BaseException as failure:  # whoever asked gets it
                future.set_exception(failure)

    def again(self, batch_id: str) -> Future[Fetched]:
        """Read a batch once more, because it has changed."""
        self._asked.pop(batch_id, None)
        return self.ask(batch_id)


def begin(
    prolific: Prolific, journal: Journal, paths: Sequence[Path], batch_id: str | None = None
) -> Reading:
    """Begin to read the batches that some workbooks name, as far as a glance shows."""
    named = [batch_id.lower()] if batch_id is not None else [i for path in paths for i in glance(path)]
    return Reading(prolific, journal.revision(), named)


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
