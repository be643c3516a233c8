"""
What Prolific refused, said where the researcher can mend it.

A refusal names items by their place in what was sent, from 0; a researcher knows rows of a sheet.
Owns that translation, and the ways out where Prolific's documents leave open what it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from importer.errors import LayoutIssue, Rejected
from importer.journal import Import
from importer.matching import named
from importer.push.reading import GONE
from importer.wire.batch_items import item_places
from importer.wire.forms import Form, entries, form_of, to_held, to_sent

if TYPE_CHECKING:
    from importer.places import Places

#: The column at whose cell an issue is shown that names none.
_COLUMN: Final = "description"


def explained(
    refusal: Rejected, current: Import, places: Places | None, read_status: Callable[[], str]
) -> Rejected:
    """
    Return a refusal in a researcher's words.

    Args:
        refusal: Of the body, or of the batch's own details, of an import.
        current: That import.
        places: Where the rows of its workbook are; None if it was not read in this run.
        read_status: Asks Prolific for the batch's status; "" if it does not say.
    """
    said = str(refusal)
    ways: list[str] = []
    if current.body is not None:
        is_layout = form_of(current.body) is Form.BATCH_ITEMS
        if not is_layout and refusal.status in GONE:
            return Rejected(f"{said} {_NO_PUT} {_pages_way(current)}", refusal.status)
        if is_layout and refusal.issues:
            said = _issues(refusal, current, places)
        else:
            said, is_placed = _with_cells(said, current, places)
            ways += ["No instruction was changed. Correct it, then push again."] if is_placed else []
        if refusal.status in _ABOUT_CONTENT:
            ways += [*_retyped(current), *([] if is_layout else _beyond_put(current))]
    if refusal.status in _ABOUT_CONTENT:
        ways += filter(None, [_BY_STATUS.get(read_status())])
    return Rejected(" ".join([said, *ways]), refusal.status, refusal.issues)


#: How Prolific may refuse what it was sent, rather than who sent it, or when.
_ABOUT_CONTENT: Final = frozenset({400, 403, 409, 422})
_BY_STATUS: Final = {
    "PROCESSING": "Prolific is making the tasks of the batch, and may refuse any change meanwhile. Wait until it is READY, then "
    "push again with --tasks-exist.",
    "READY": "The tasks of the batch exist, and Prolific may refuse any change from then on, the more so if a study of it is "
    "published. If it does, use a new batch: put its batch_id into the sheet, clear the instruction_id cells, and push again.",
}
_NO_PUT: Final = (
    "Prolific may no longer take instructions as a list: its documents announced the end for 1 September 2026. "
    "No instruction was changed."
)
#: Types that the first documents of the PUT name; newer documents name more.
_PUT_TYPES: Final = frozenset({"multiple_choice", "free_text", "multiple_choice_with_free_text"})


def _pages_way(current: Import) -> str:
    """Say how the instructions of an import come to Prolific without the PUT."""
    count = len(to_held(current.before or []))
    if not count:
        return "This batch holds no instruction yet, so it takes them in pages: run again with --pages."
    return (
        f"This batch holds {count} instruction(s), and nothing documents what becomes of them if it is given pages. Edit them "
        "in the Prolific app; or make a new batch, put its batch_id into the sheet, clear the instruction_id cells, and "
        "push again."
    )


def _retyped(current: Import) -> Iterator[str]:
    """Say how an instruction gets another type if Prolific does not let it keep its id then."""
    types = {one.id: one.content.type for one in to_held(current.before or [])}
    sent = to_sent(current.body or {}, current.refs)
    found = [one.ref for one in sent if one.content.type != types.get(one.id or "", one.content.type)]
    if found:
        yield (
            f"If the reason is the new type of {named(found)}: clear the instruction_id there, push again, and let the old "
            "instruction be deleted when you are asked."
        )


def _beyond_put(current: Import) -> Iterator[str]:
    """Say what else takes the types that not every PUT takes."""
    sent = to_sent(current.body or {}, current.refs)
    found = [one.ref for one in sent if one.content.type not in _PUT_TYPES]
    if found:
        yield f"If the reason is the type of {named(found)}: batches made of pages take it. {_pages_way(current)}"


def _issues(refusal: Rejected, current: Import, places: Places | None) -> str:
    refs = _refs_by_place(current)
    said = named(f'{_where(one, refs, current, places)}: "{one.words}"' for one in refusal.issues)
    return (
        f"Prolific refused the pages of the batch {current.batch_id} ({refusal.status}). {said}. No instruction was changed. "
        "Correct it, then push again."
    )


_PATH: Final = re.compile(
    r"\b(?:instructions\.(?P<at>\d+)"
    r"|batch_items\.(?P<page>\d+)\.rows\.(?P<row>\d+)\.columns\.(?P<column>\d+)\.items\.(?P<item>\d+))"
    r"(?P<field>(?:\.\w+)*)"
)


def _with_cells(said: str, current: Import, places: Places | None) -> tuple[str, bool]:
    """Return a refusal that names rows of the sheet where it named places in the body, and whether it did."""
    refs = _refs_by_place(current)

    def name(found: re.Match[str]) -> str:
        numbers = [found[group] for group in ("at", "page", "row", "column", "item")]
        place = tuple(int(number) for number in numbers if number is not None)
        field = re.sub(r"\.(\d+)", lambda at: f" {int(at[1]) + 1}", found["field"]).replace(".", " ").strip()
        if place not in refs:
            return found[0]
        where = _where(
            LayoutIssue(place, "instruction_id" if field == "id" else field), refs, current, places
        )
        return f"{where} {field}".strip()

    worded = _PATH.sub(name, said)
    return worded, worded != said


def _refs_by_place(current: Import) -> dict[tuple[int, ...], tuple[str, str]]:
    """Return the ref and type of each item that was sent, by its place in the body, from 0."""
    body = current.body or {}
    listed = entries(body)
    if form_of(body) is Form.BATCH_ITEMS:
        kinds = item_places(listed)
    else:
        kinds = {(at,): str(item.get("type")) for at, item in enumerate(listed)}
    return {place: (ref, kind) for (place, kind), ref in zip(kinds.items(), current.refs, strict=True)}


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
