"""
The batch_items wire form: pages of rows of columns of items, each with an id.

Owns the check of a layout and the keeping or giving of ids at its four levels. What an
instruction must hold is `importer.sandbox.rules`.

Source: "Update a Batch" of today (batch_items: a known id is kept, a missing id is new, a known
id that is left out is removed, null removes everything) and its INVALID_BATCH_ITEMS body.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from importer.sandbox.refusals import LayoutRefused, Refused
from importer.sandbox.rules import LAYOUT, REQUIRED, Complaint, clean_instruction

if TYPE_CHECKING:
    from importer.model import JSON

Object = dict[str, "JSON"]
#: (page, row, column, item), zero-based
Position = tuple[int, int, int, int]
#: Returns what is wrong with an instruction.
Check = Callable[[Object], "Iterable[Complaint]"]

#: The list that each level holds, from the outside in.
_LEVELS: Final = ("rows", "columns", "items")
_MAX_COLUMNS: Final = 2
_CONTENT: Final[dict[str, tuple[str, ...]]] = {"image": ("url", "alt_text"), "rich_text": ("content",)}
#: Pages that are shown once; they may hold content only.
_ONCE: Final = ("intro", "outro")


def check_layout(pages: JSON, dataset_fields: Collection[str], check: Check) -> list[Object]:
    """
    Return the pages of a layout that keeps every rule.

    Args:
        pages: The `batch_items` of a request.
        dataset_fields: Fields of the batch's dataset schema; empty if it has none.
        check: Returns what is wrong with an instruction.

    Raises:
        Refused: 400, the layout is not pages of rows of columns of items.
        LayoutRefused: 422, an item breaks a rule.
    """
    checked = _children(pages, "batch_items")
    complaints = dict(_shape_complaints(checked, "batch_items", 0))
    if complaints:
        raise Refused(400, {path: [said] for path, said in complaints.items()})
    issues = [
        issue for number, page in enumerate(checked) for issue in _issues(page, number, dataset_fields, check)
    ]
    if issues:
        raise LayoutRefused(issues)
    return checked


def _children(value: JSON, path: str) -> list[Object]:
    if not isinstance(value, list) or not value:
        raise Refused(400, {path: ["Expected a list with at least one entry."]})
    children = [child for child in value if isinstance(child, dict)]
    if len(children) < len(value):
        raise Refused(400, {path: ["Every entry must be an object."]})
    return children


def _shape_complaints(entries: list[Object], path: str, level: int) -> Iterator[tuple[str, str]]:
    for number, entry in enumerate(entries):
        here = f"{path}.{number}"
        if "id" in entry and not isinstance(entry["id"], str):
            yield f"{here}.id", "Not a valid string."
        if level == 0 and entry.get("display_position", "body") not in ("body", *_ONCE):
            yield f"{here}.display_position", "Must be intro, body or outro."
        if level == len(_LEVELS):
            continue
        name = _LEVELS[level]
        if name not in entry:
            yield f"{here}.{name}", REQUIRED
            continue
        children = _children(entry[name], f"{here}.{name}")
        if name == "columns" and len(children) > _MAX_COLUMNS:
            yield f"{here}.{name}", "A row has one or two columns."
        yield from _shape_complaints(children, f"{here}.{name}", level + 1)


def _issues(page: Object, number: int, dataset_fields: Collection[str], check: Check) -> Iterator[Object]:
    seen: set[str] = set()
    for position, item in _items(page, number):
        for said in _item_complaints(item, page, dataset_fields, seen, check):
            page_at, row, column, item_at = position
            issue: Object = {"page": page_at, "row": row, "column": column, "item": item_at}
            issue |= {"type": str(item.get("type")), "message": said}
            if item.get("type") == "dataset_field":
                issue["field"] = str(item.get("field"))
            yield issue


def _item_complaints(
    item: Object, page: Object, dataset_fields: Collection[str], seen: set[str], check: Check
) -> Iterator[str]:
    kind = item.get("type")
    if isinstance(kind, str) and kind in _CONTENT:
        missing = [field for field in _CONTENT[kind] if not isinstance(item.get(field), str)]
        yield from (f"{field}: {REQUIRED}" for field in missing)
    elif page.get("display_position") in _ONCE:
        yield "An intro or outro page holds only rich_text and image."
    elif kind == "dataset_field":
        field = item.get("field")
        if not isinstance(field, str) or field not in dataset_fields:
            yield "The batch has no dataset with a schema that has this field."
        elif field in seen:
            yield "A field may stand only once on a page."
        else:
            seen.add(field)
    else:
        yield from (f"{path}: {said}" for path, said in check(item))


def _items(page: Object, number: int) -> Iterator[tuple[Position, Object]]:
    for row_at, row in enumerate(_objects(page.get("rows"))):
        for column_at, column in enumerate(_objects(row.get("columns"))):
            for item_at, item in enumerate(_objects(column.get("items"))):
                yield (number, row_at, column_at, item_at), item


def _objects(value: JSON) -> list[Object]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def instructions_of(pages: list[Object] | None) -> list[Object]:
    """Return the instruction items of a layout, in the order in which they are shown."""
    return [
        item
        for number, page in enumerate(pages or [])
        for _, item in _items(page, number)
        if item.get("type") in LAYOUT.types
    ]


def ids_of(pages: list[Object] | None) -> dict[str, int]:
    """Return the level (0 page, 1 row, 2 column, 3 item) of every id in a layout."""
    return dict(_ids(pages or [], 0))


def _ids(entries: list[Object], level: int) -> Iterator[tuple[str, int]]:
    for entry in entries:
        if isinstance(entry.get("id"), str):
            yield str(entry["id"]), level
        if level < len(_LEVELS):
            yield from _ids(_objects(entry.get(_LEVELS[level])), level + 1)


def give_ids(
    pages: list[Object], new_id: Callable[[], str], keep: Callable[[str, int], bool]
) -> list[Object]:
    """
    Return a checked layout as it is kept: every level with its id, instructions cleaned.

    Args:
        pages: What `check_layout` returned.
        new_id: Gives the next id.
        keep: Whether an id at a level is kept; otherwise the entry is taken as new.
    """
    return [_with_ids(page, 0, new_id, keep) for page in pages]


def _with_ids(
    entry: Object, level: int, new_id: Callable[[], str], keep: Callable[[str, int], bool]
) -> Object:
    kept = dict(entry)
    if level == len(_LEVELS):
        # The published schema gives dataset_field no id.
        if entry["type"] == "dataset_field":
            return {"type": "dataset_field", "field": entry["field"]}
        if entry["type"] in LAYOUT.types:
            kept = clean_instruction(entry, LAYOUT)
    else:
        name = _LEVELS[level]
        kept[name] = [_with_ids(child, level + 1, new_id, keep) for child in _objects(entry[name])]
    sent = entry.get("id")
    is_kept = isinstance(sent, str) and keep(sent, level)
    return kept | {"id": sent if is_kept else new_id()}
