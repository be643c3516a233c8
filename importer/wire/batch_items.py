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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from importer.errors import OutcomeUnknown, ProlificError
from importer.model import Block, DatasetField, Item
from importer.wire.instructions import (
    CARRIED_TYPES,
    ITEM_FIELDS,
    OPTION_FIELDS,
    Held,
    content_of,
    from_item,
    plain,
    settle,
    to_content,
    to_item,
)
from importer.wire.layout import (
    LEVELS,
    Entry,
    Node,
    Place,
    columns,
    items,
    place_blocks,
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


def check_layout(pages: JSON) -> list[Entry]:
    """
    Return the layout of a batch, as answered, if a replacement may be planned from it.

    Raises:
        ProlificError: It cannot be read, or names an id twice.
    """
    if not isinstance(pages, list):
        raise OutcomeUnknown("Prolific's answer for the layout of the batch is not a list of pages.")
    to_held(pages)
    if ids_twice(pages):
        raise ProlificError("Prolific's answer for the layout of the batch names an id twice.")
    return pages


def ids_twice(pages: Pages) -> tuple[str, ...]:
    """Return the ids that more than one item bears, content included."""
    ids = Counter(item.id for item in items(read(pages)) if item.id)
    return tuple(one for one, times in ids.items() if times > 1)


def asking(pages: Pages) -> int:
    """Return how many items are instructions, or may be: those that nobody knows."""
    return sum(item.own.get("type") not in CONTENT_TYPES for item in items(read(pages)))


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


def moved(before: Pages, after: Pages) -> dict[str, tuple[Place, Place]]:
    """Return where the items that change to another page, row or column stand before and after, by id."""
    was, is_ = (
        {item.id: parents for parents, item in _with_parents(read(pages)) if item.id}
        for pages in (before, after)
    )
    old, new = places(before), places(after)
    return {one: (old[one], new[one]) for one, home in was.items() if is_.get(one, home) != home}


def _with_parents(
    nodes: Sequence[Node], parents: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Node]]:
    for node in nodes:
        if len(parents) == len(LEVELS):
            yield parents, node
        else:
            yield from _with_parents(node.inner, (*parents, node.id))


def to_blocks(pages: Pages) -> tuple[Held, ...]:
    """Read the content blocks of a layout, in the order in which they are shown."""
    return tuple(from_item(item.own) for item in items(read(pages)) if item.own.get("type") in CONTENT_TYPES)


def without_row(pages: Pages, blocks: Sequence[Block]) -> int:
    """Return how many content blocks of a layout no row of the sheet stands for; fields are told apart by what they show."""
    rows = Counter(row.field if isinstance(row, DatasetField) else row.id or "" for row in blocks)
    held = Counter(one.content.field if one.type == "dataset_field" else one.id for one in to_blocks(pages))
    return (held - rows).total()


# ---------------------------------------------------------------- what a push would send
def lay_out(pages: Pages, rows: Sequence[Item]) -> Laid:
    """
    Return the layout that shows the rows of a sheet, and keeps all else.

    If every row says where it stands, the instructions and content blocks go there. Otherwise
    instructions stand in the order of the sheet, a block that Prolific holds stays where it is, and
    a new one stands right above the next row. Content that has no row stays; so do all
    instructions, if the sheet has none.

    Args:
        pages: The layout that Prolific holds, as answered; empty if it has none yet.
        rows: The rows of the sheet, in the order of `in_order`.
    """
    tree = read(pages)
    _stand_in([item for item in items(tree) if not item.id])
    held = {item.id: item for item in items(tree) if item.id}
    nodes = [Node({}, ref=row.ref) for row in rows]
    _stand_in([node for node, row in zip(nodes, rows, strict=True) if _fill(node, row) and not node.id])
    for node, row in zip(nodes, rows, strict=True):
        if node.id in held:
            node.own = _merged(row, held[node.id].own)
    if rows and all(row.page is not None for row in rows):
        claimed = {node.id for node in nodes} - {""}
        laid = place_by_number(
            tree,
            [(place_of(row), node) for row, node in zip(rows, nodes, strict=True)],
            lambda item: item.id in claimed or (is_instruction(item) and _asks(rows)),
        )
    else:
        laid = _in_place(tree, nodes, held, with_instructions=_asks(rows))
    return Laid(write(laid), tuple(item.ref for item in items(laid)))


def in_order(rows: Sequence[Item]) -> tuple[Item, ...]:
    """Return the rows of a sheet in the order in which a layout shows them: by place, if every row has one."""
    return tuple(sorted(rows, key=place_of)) if all(row.page is not None for row in rows) else tuple(rows)


def place_of(row: Item) -> Place:
    """Return where the sheet wants a row that has a page."""
    return row.page or 1, row.row or 1, row.column or 1


def _asks(rows: Sequence[Item]) -> bool:
    return any(not isinstance(row, Block) for row in rows)


def _fill(node: Node, row: Item) -> bool:
    node.own = to_item(row)
    return isinstance(row, DatasetField)


def _stand_in(fields: Sequence[Node]) -> None:
    """Tell apart what Prolific gives no id: the first item that shows a field, the second, and so on."""
    seen: Counter[str] = Counter()
    for node in fields:
        name = f"{node.own.get('type')}:{node.own.get('field')}"
        node.stand_in = f"{name}:{seen[name]}"
        seen[name] += 1


def _in_place(
    tree: list[Node], nodes: Sequence[Node], held: Mapping[str, Node], *, with_instructions: bool
) -> list[Node]:
    """Place instructions in the order of the sheet; known blocks are edited where they are, new ones join the next row."""
    blocks = [node for node in nodes if not is_instruction(node)]
    known = {node: held[node.id] for node in blocks if node.id in held}
    for node, there in known.items():
        there.own, there.ref = node.own, node.ref
    if with_instructions:
        tree = place_in_order(tree, [node for node in nodes if is_instruction(node)], is_instruction)
    # Pruning copies what is around the items, and never the items.
    rows = [known.get(node, node) for node in nodes]
    return place_blocks(tree, rows, {node for node in blocks if node not in known})


def without_server_made(pages: Pages) -> list[Entry]:
    """Return a layout as a request takes it: equal layouts are equal then."""
    return write(read(pages))


def crowded(laid: Laid) -> tuple[str, ...]:
    """Return the refs of what stands in a row of more columns than there may be."""
    refs = iter(laid.refs)
    found = [(place, next(refs)) for place, _, column in columns(read(laid.pages)) for _ in column.inner]
    rows = {place[:2] for place, _ in found if place[2] > MAX_COLUMNS}
    return tuple(ref for place, ref in found if ref and place[:2] in rows)


def _merged(row: Item, held: Entry) -> Entry:
    """Return what is sent of a row that Prolific holds: as it came if nothing differs, else with what has no column kept."""
    fresh = to_item(row)
    content, desired = content_of(held), to_content(row)
    if settle(content, desired) == desired:
        return held
    if held["type"] != fresh["type"]:
        return fresh
    kept = {name: value for name, value in held.items() if name not in ITEM_FIELDS}
    texts = [option.value for option in content.options]
    for name in ("options", "unit_options"):
        if name in fresh:
            fresh[name] = _options(_objects(held.get(name)), texts, _objects(fresh[name]))
    return kept | fresh


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
