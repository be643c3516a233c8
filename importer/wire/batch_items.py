"""
The wire form `batch_items`: the layout of a batch, what of it the sheet describes, and the PATCH's body.

A PATCH replaces the whole layout, so everything that the sheet does not describe goes out as it
came: content, items of types that nobody has described, the fields of an instruction that have no
column, and the ids of pages, rows and columns. The answer carries every id in place.

Source: "Update a Batch" of today: a known id is kept at all four levels, a missing id is new, a
known id that is left out is removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from importer.errors import OutcomeUnknown, ProlificError
from importer.model import Instruction
from importer.wire.instructions import (
    CARRIED_TYPES,
    ITEM_FIELDS,
    OPTION_FIELDS,
    Held,
    from_item,
    plain,
    settle,
    to_content,
    to_item,
)
from importer.wire.layout import (
    Entry,
    Node,
    Place,
    columns,
    items,
    place_by_number,
    place_in_order,
    read,
    write,
)

if TYPE_CHECKING:
    from importer.model import JSON

Pages = Sequence[Mapping[str, "JSON"]]

#: Items that show something and ask nothing.
CONTENT_TYPES: Final = frozenset(("rich_text", "image", "dataset_field"))
MAX_COLUMNS: Final = 2


@dataclass(frozen=True, slots=True)
class Laid:
    """
    The layout that a push would send.

    Attributes:
        pages: Of rows of columns of items.
        refs: The ref of each of its items, in the order in which they are shown; "" for an item
            that the sheet does not describe.
    """

    pages: list[Entry]
    refs: tuple[str, ...]


# ---------------------------------------------------------------- what a layout says
def to_held(pages: Pages) -> tuple[Held, ...]:
    """
    Read the instructions of a layout, in the order in which they are shown.

    Raises:
        OutcomeUnknown: The layout cannot be read, or an instruction has no id.
    """
    return tuple(from_item(item.own) for item in items(read(pages)) if is_instruction(item))


def check_layout(pages: JSON, count: int | None) -> list[Entry]:
    """
    Return the layout of a batch, as answered, if a replacement may be planned from it.

    Args:
        pages: The batch's `batch_items`.
        count: How many instructions the batch counts; None if it does not say.

    Raises:
        ProlificError: It cannot be read, names an id twice, or lacks an instruction.
    """
    if not isinstance(pages, list):
        raise OutcomeUnknown("Prolific's answer for the layout of the batch is not a list of pages.")
    tree = read(pages)
    held = [from_item(item.own) for item in items(tree) if is_instruction(item)]
    ids = Counter(item.id for item in items(tree) if item.id)
    if any(times > 1 for times in ids.values()):
        raise ProlificError("Prolific's answer for the layout of the batch names an id twice.")
    asking = sum(item.own.get("type") not in CONTENT_TYPES for item in items(tree))
    if count is not None and count > asking:
        raise ProlificError(
            f"Prolific counts {count} instruction(s) in the batch, but its layout shows {len(held)}. "
            "A push would delete the others unseen. Try again in a minute."
        )
    return pages


def is_instruction(item: Node) -> bool:
    """Whether an item is an instruction of a type that the sheet can describe."""
    return item.own.get("type") in CARRIED_TYPES


def sent_items(pages: Pages) -> list[Entry]:
    """Return the items of a layout, in the order in which they are shown."""
    return [item.own for item in items(read(pages))]


def placed_items(pages: Pages) -> list[tuple[Place, Entry]]:
    """Return the items of a layout with where they stand, in the order in which they are shown."""
    return [(place, item.own) for place, _, column in columns(read(pages)) for item in column.inner]


def item_places(pages: Pages) -> dict[tuple[int, ...], str]:
    """Return the type of each item by its page, row, column and place there, from 0, as refusals name them."""
    return {
        (page - 1, row - 1, at - 1, place): str(item.own.get("type"))
        for (page, row, at), _, column in columns(read(pages))
        for place, item in enumerate(column.inner)
    }


def places(pages: Pages) -> dict[str, Place]:
    """Return where each item with an id stands."""
    return {item.id: place for place, _, column in columns(read(pages)) for item in column.inner if item.id}


# ---------------------------------------------------------------- what a push would send
def lay_out(pages: Pages, rows: Sequence[Instruction], wanted: Sequence[Place | None]) -> Laid:
    """
    Return the layout that shows the instructions of a sheet, and keeps all else.

    Args:
        pages: The layout that Prolific holds, as answered; empty if it has none yet.
        rows: Every instruction of the sheet, in the order in which they are to be shown.
        wanted: Where the sheet wants each; None: where it is, or on a page of its own.
    """
    tree = read(pages)
    held = {item.id: item.own for item in items(tree) if is_instruction(item)}
    nodes = [Node(_item(row, held.get(row.id or "")), ref=row.ref) for row in rows]
    placed = [(place, node) for place, node in zip(wanted, nodes, strict=True) if place is not None]
    if len(placed) == len(nodes):
        laid = place_by_number(tree, placed, is_instruction)
    else:
        laid = place_in_order(tree, nodes, is_instruction)
    return Laid(write(laid), tuple(item.ref for item in items(laid)))


def without_server_made(pages: Pages) -> list[Entry]:
    """Return a layout as a request takes it: equal layouts are equal then."""
    return write(read(pages))


def crowded(pages: Pages) -> tuple[int, ...]:
    """Return the pages, from 1, with a row of more columns than there may be."""
    found = [place[0] for place, _, _ in columns(read(pages)) if place[2] > MAX_COLUMNS]
    return tuple(dict.fromkeys(found))


def _item(row: Instruction, held: Entry | None) -> Entry:
    """Return what is sent of an instruction: as it came if nothing differs, else with what has no column kept."""
    fresh = to_item(row)
    if held is None:
        return fresh
    content, desired = from_item(held).content, to_content(row)
    if settle(content, desired) == desired:
        return held
    if held["type"] != fresh["type"]:
        return fresh
    kept = {name: value for name, value in held.items() if name not in ITEM_FIELDS}
    texts = [option.value for option in content.options]
    name = "unit_options" if "unit_options" in fresh else "options"
    options = _options(_objects(held.get(name)), texts, _objects(fresh.get(name)))
    return kept | fresh | ({name: options} if options else {})


def _options(held: Sequence[Entry], texts: Sequence[str], fresh: Sequence[Entry]) -> list[JSON]:
    """Keep of each option what has no column, and a number or boolean that is written the same."""
    known = {plain(text): option for text, option in zip(texts, held, strict=False)}
    options: list[JSON] = []
    for option in fresh:
        old = known.pop(plain(str(option["value"])), {})
        kept = {name: value for name, value in old.items() if name not in OPTION_FIELDS}
        scalar = {"value": old["value"]} if not isinstance(old.get("value", ""), str) else {}
        options.append(kept | option | scalar)
    return options


def _objects(value: JSON) -> list[Entry]:
    return [dict(one) for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


# ---------------------------------------------------------------- comparing layouts
def is_same(one: Pages, other: Pages) -> bool:
    """Whether two answers show the same: ids, contents and places."""
    return _comparable(read(one)) == _comparable(read(other))


def _comparable(nodes: Sequence[Node], level: int = 0) -> list[object]:
    return [_comparable_node(node, level) for node in nodes]


def _comparable_node(node: Node, level: int) -> object:
    if is_instruction(node):
        return from_item(node.own)
    return node.own, _comparable(node.inner, level + 1)


def lies_as_sent(sent: Pages, held: Pages) -> bool:
    """Whether every entry lies where it was sent to, under its id if it had one."""
    return _lies(read(sent), read(held))


def _lies(sent: Sequence[Node], held: Sequence[Node]) -> bool:
    return len(sent) == len(held) and all(
        (not one.id or one.own.get("type") == "dataset_field" or one.id == other.id)
        and one.own.get("type") == other.own.get("type")
        and _lies(one.inner, other.inner)
        for one, other in zip(sent, held, strict=True)
    )
