"""
What Prolific refused, said where the researcher can mend it.

A refusal of a layout names items by their place in what was sent, from 0; a researcher knows rows
of a sheet. Owns that translation, and what is said when the PUT is no longer served.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from importer.errors import LayoutIssue, Rejected
from importer.journal import Import
from importer.matching import named
from importer.push.reading import GONE
from importer.wire.batch_items import item_places
from importer.wire.forms import Form, entries, form_of

if TYPE_CHECKING:
    from importer.places import Places

#: The column at whose cell an issue is shown that names none.
_COLUMN: Final = "description"


def explained(refusal: Rejected, current: Import, places: Places | None) -> Rejected:
    """
    Return a refusal in a researcher's words.

    Args:
        refusal: Of the body of an import.
        current: That import.
        places: Where the rows of its workbook are; None if it was not read in this run.
    """
    if current.body is None:
        return refusal
    is_layout = form_of(current.body) is Form.BATCH_ITEMS
    if not is_layout and refusal.status in GONE:
        return Rejected(f"{refusal} {_NO_PUT}", refusal.status)
    if not is_layout or not refusal.issues:
        return refusal
    items = item_places(entries(current.body))
    refs = {place: (ref, kind) for (place, kind), ref in zip(items.items(), current.refs, strict=True)}
    said = named(f'{_where(one, refs, current, places)}: "{one.words}"' for one in refusal.issues)
    return Rejected(
        f"Prolific refused the pages of the batch {current.batch_id} ({refusal.status}). {said}. Nothing was changed. "
        "Correct it, then push again.",
        refusal.status,
        refusal.issues,
    )


_NO_PUT: Final = (
    "Prolific may no longer take instructions this way: its documents announced the end for 1 September 2026. A batch that "
    "holds no instruction yet takes them in pages: run again with --pages. For any other, use a new batch."
)


def _where(
    issue: LayoutIssue, refs: dict[tuple[int, ...], tuple[str, str]], current: Import, places: Places | None
) -> str:
    ref, kind = refs.get(issue.place, ("", ""))
    if not ref:
        names = zip(("page", "row", "column", "item"), issue.place, strict=False)
        place = ", ".join(f"{name} {at + 1}" for name, at in names) or "the pages"
        return f"{place} ({kind}, not in the sheet)" if kind else place
    cell = "" if places is None else _cell(issue, ref, current, places)
    return f"{cell} ({ref})" if cell else ref


def _cell(issue: LayoutIssue, ref: str, current: Import, places: Places) -> str:
    """Return the cell of the column that an issue names first, else of the description."""
    columns = (word for word in re.findall(r"\w+", issue.words) if word in places.instructions.column_numbers)
    return places.cell(current.batch_ref, ref, next(columns, _COLUMN))
