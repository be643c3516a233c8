"""
What spoils an answer on its way back, or a request on its way in.

Plain functions of an `Answer` or a JSON payload; which of them is a fault of which name stands in
`importer.sandbox.faults`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from importer.sandbox.exchange import Answer

if TYPE_CHECKING:
    from importer.model import JSON

HTML: Final = {"content-type": "text/html; charset=utf-8"}
_MAINTENANCE: Final = b"<!doctype html><title>Maintenance</title><p>We will be back soon.</p>"
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_ALIEN: Final[dict[str, JSON]] = {
    "id": "0192041c-4710-7336-8e3d-000000000000",
    "created_at": "2024-09-18T09:00:00+00:00",
    "created_by": "5f9a1c2e7b3d4a0012c0ffee",
    "type": "free_text",
    "description": "Who put this here?",
}

# ------------------------------------------------------------------ the answer as a whole


def half(answer: Answer) -> bytes:
    """Return the first half of a body."""
    return answer.body[: len(answer.body) // 2]


def as_page(answer: Answer) -> Answer:
    """Put a page for people into the place of the body."""
    return replace(answer, headers=HTML, body=_MAINTENANCE)


def wrapped(name: str) -> Callable[[Answer], Answer]:
    """Put an object around a bare list."""

    def wrap(answer: Answer) -> Answer:
        listed = answer.json
        return answer.with_json({name: listed}) if isinstance(listed, list) else answer

    return wrap


def bare(answer: Answer) -> Answer:
    """Take the object around a list away."""
    listed = answer.json
    return answer.with_json(listed["results"]) if isinstance(listed, dict) and "results" in listed else answer


# ------------------------------------------------------------------ the list in it


def relist(change: Callable[[list[JSON]], list[JSON]]) -> Callable[[Answer], Answer]:
    """Change the list of an answer (bare, under `results` with its count, or a layout's items), as a bug would."""

    def changed(answer: Answer) -> Answer:
        payload = answer.json
        if isinstance(payload, list):
            return answer.with_json(change(payload))
        if isinstance(payload, dict) and isinstance(results := payload.get("results"), list):
            items = change(results)
            return answer.with_json(payload | {"results": items, "meta": {"count": len(items)}})
        if isinstance(payload, dict) and isinstance(pages := payload.get("batch_items"), list):
            change_items(pages, change)
            return answer.with_json(payload)
        return answer

    return changed


def change_items(pages: list[JSON], change: Callable[[list[JSON]], list[JSON]]) -> None:
    """
    Change the items of a layout in place, as if they were one list.

    Every column keeps its size; what is added goes to the last one, what is missing is missing there.
    """
    columns = list(_columns(pages))
    changed = change([item for column in columns for item in column])
    for column in columns:
        column[:], changed = changed[: len(column)], changed[len(column) :]
    if columns:
        columns[-1].extend(changed)


def _columns(entries: list[JSON]) -> Iterator[list[JSON]]:
    for entry in entries:
        for name, inside in entry.items() if isinstance(entry, dict) else ():
            if name == "items" and isinstance(inside, list):
                yield inside
            elif isinstance(inside, list):
                yield from _columns(inside)


def with_alien(items: list[JSON]) -> list[JSON]:
    """Add an instruction that nobody sent."""
    return [*items, dict(_ALIEN)]


def with_doubled_id(items: list[JSON]) -> list[JSON]:
    """Give the last item the id of the first."""
    first, last = (items[0], items[-1]) if items else (None, None)
    if isinstance(first, dict) and isinstance(last, dict):
        return [*items[:-1], last | {"id": first.get("id")}]
    return items


def without_ids(items: list[JSON]) -> list[JSON]:
    """Leave the id out of every item."""
    return [
        {name: value for name, value in item.items() if name != "id"} if isinstance(item, dict) else item
        for item in items
    ]


def revalue(change: Callable[[str], JSON]) -> Callable[[Answer], Answer]:
    """Change the option values of an answer."""

    def changed(payload: JSON) -> JSON:
        if isinstance(payload, list):
            return [changed(entry) for entry in payload]
        if not isinstance(payload, dict):
            return payload
        inside = {name: changed(value) for name, value in payload.items()}
        value = payload.get("value")
        return inside | {"value": change(value)} if isinstance(value, str) else inside

    return lambda answer: answer if answer.json is None else answer.with_json(changed(answer.json))


def as_number(value: str) -> JSON:
    """Return the number that a text writes; any other text as it is."""
    if not _NUMBER.fullmatch(value):
        return value
    return float(value) if "." in value else int(value)


def as_flag(value: str) -> JSON:
    """Return the boolean that a text writes; any other text as it is."""
    return {"true": True, "false": False}.get(value.lower(), value)


# ------------------------------------------------------------------ the request


def retexted(payload: JSON, change: Callable[[str, str], str | None]) -> JSON:
    """
    Return a request with its texts changed.

    Args:
        payload: The body's JSON.
        change: From field name and text to what is stored; None leaves the field out.
    """
    if isinstance(payload, list):
        return [retexted(entry, change) for entry in payload]
    if not isinstance(payload, dict):
        return payload
    changed = {
        name: change(name, value) if isinstance(value, str) else retexted(value, change)
        for name, value in payload.items()
    }
    return {name: value for name, value in changed.items() if value is not None}


def without_last(payload: JSON) -> JSON:
    """Return a request without its last instruction, or without the last item of its layout."""
    if isinstance(payload, dict) and isinstance(items := payload.get("instructions"), list):
        return payload | {"instructions": items[:-1]}
    if isinstance(payload, dict) and isinstance(pages := payload.get("batch_items"), list):
        change_items(pages, lambda items: items[:-1])
        return payload | {"batch_items": _without_gaps(pages)}
    return payload


def _without_gaps(entries: list[JSON]) -> list[JSON]:
    """Return the pages, rows or columns of a layout that hold something."""
    kept: list[JSON] = []
    for entry in entries:
        if isinstance(entry, dict):
            name = next((name for name in ("rows", "columns") if name in entry), "")
            inside = entry.get(name)
            if isinstance(inside, list):
                entry = entry | {name: _without_gaps(inside)}  # noqa: PLW2901
            if [] in entry.values():
                continue
        kept.append(entry)
    return kept
