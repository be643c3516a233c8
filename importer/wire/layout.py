"""
The pages of a batch as a tree, and where the instructions of a sheet go in it.

A layout is pages of rows of columns of items. Owns the placing only: what is no instruction of the
sheet stays where it is and as it is, and what is left empty goes. What an item says is
`importer.wire.batch_items`' business.

Source: "Update a Batch" of today (`batch_items`), whose position is the order that participants see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeAlias

from importer.errors import OutcomeUnknown

if TYPE_CHECKING:
    from importer.model import JSON

Entry: TypeAlias = "dict[str, JSON]"
#: Page, row and column, each from 1.
Place: TypeAlias = tuple[int, int, int]

#: The list that each level holds, from the outside in.
LEVELS: Final = ("rows", "columns", "items")
#: What a server says of an entry that nobody has written; `order` must not be sent in a layout.
SERVER_MADE: Final = frozenset(
    ("order", "created_at", "created_by", "updated_at", "updated_by", "batch_id", "parent_id", "parent_type")
)


@dataclass(slots=True, eq=False)
class Node:
    """
    A page, row, column or item.

    Attributes:
        own: What it says itself, its id included; nothing that only a server says.
        inner: What it holds; of an item nothing.
        ref: Of an item that the sheet describes; "" of everything else.
        stand_in: What stands for the id of an item that never gets one.
    """

    own: Entry
    inner: list[Node] = field(default_factory=list)
    ref: str = ""
    stand_in: str = ""

    @property
    def id(self) -> str:
        """Prolific's id, lower case, or what stands for it; "" if it has none (yet)."""
        return str(self.own.get("id") or self.stand_in).lower()


#: Whether an item of a layout is one that the sheet places, or that goes because the sheet lacks it.
IsPlaced: TypeAlias = Callable[[Node], bool]


# ---------------------------------------------------------------- from and to JSON
def read(pages: Sequence[JSON], level: int = 0) -> list[Node]:
    """
    Return a layout, as answered, as a tree.

    Raises:
        OutcomeUnknown: It is not pages of rows of columns of items.
    """
    return [_node(entry, level) for entry in pages]


def _node(entry: JSON, level: int) -> Node:
    if not isinstance(entry, Mapping):
        raise OutcomeUnknown("Prolific returned a layout with an entry that is no object.")
    name = LEVELS[level] if level < len(LEVELS) else ""
    own = {key: value for key, value in entry.items() if key not in SERVER_MADE and key != name}
    inner = entry.get(name, []) if name else []
    if not isinstance(inner, Sequence) or isinstance(inner, str):
        raise OutcomeUnknown(f"Prolific returned a layout whose {name} are no list.")
    return Node(own, read(inner, level + 1) if name else [])


def write(nodes: Iterable[Node], level: int = 0) -> list[Entry]:
    """Return a tree as a request takes it."""
    if level == len(LEVELS):
        return [dict(node.own) for node in nodes]
    return [{**node.own, LEVELS[level]: write(node.inner, level + 1)} for node in nodes]


def items(nodes: Iterable[Node], level: int = 0) -> Iterator[Node]:
    """Yield the items of a tree, in the order in which they are shown."""
    for node in nodes:
        if level == len(LEVELS):
            yield node
        else:
            yield from items(node.inner, level + 1)


def columns(pages: Iterable[Node]) -> Iterator[tuple[Place, Node, Node]]:
    """Yield each column with its place and its page."""
    for page_at, page in enumerate(pages, 1):
        for row_at, row in enumerate(page.inner, 1):
            for column_at, column in enumerate(row.inner, 1):
                yield (page_at, row_at, column_at), page, column


# ---------------------------------------------------------------- in the order of the sheet
def place_in_order(pages: list[Node], wanted: Sequence[Node], is_placed: IsPlaced) -> list[Node]:
    """
    Return a layout that shows instructions in the order of the sheet.

    The instructions that the layout holds share its places among them: the first of them takes the
    first place, and so on. A new one gets a page of its own behind the page of the one above it, or
    stands right below that one where the page goes on with the next one of the sheet.

    Args:
        pages: The layout; it is changed.
        wanted: Every item that the sheet places, in its order.
        is_placed: Whether an item is one that the sheet places, or that goes because the sheet lacks it.
    """
    known = {item.id for item in items(pages)} - {""}
    kept = [node for node in wanted if node.id in known]
    queue, ids = iter(kept), {node.id for node in kept}
    homes: dict[Node, tuple[Node, Node]] = {}
    for _, page, column in columns(pages):
        column.inner = list(_refilled(column.inner, queue, ids, is_placed))
        homes |= {item: (page, column) for item in column.inner if item.ref}
    above: Node | None = None
    for node, below in zip(wanted, _next_kept(wanted, homes), strict=True):
        if node not in homes:
            homes[node] = _insert(pages, node, above, homes, below)
        above = node
    return _pruned(pages)


def _refilled(
    held: Iterable[Node], queue: Iterator[Node], ids: set[str], is_placed: IsPlaced
) -> Iterator[Node]:
    """Yield the items of a column, with the next of *queue* for each instruction that stays."""
    for item in held:
        if not is_placed(item):
            yield item
        elif item.id in ids:
            yield next(queue)


def _next_kept(wanted: Sequence[Node], kept: Mapping[Node, object]) -> list[Node | None]:
    """Return the next instruction with a place behind each."""
    below: Node | None = None
    found: list[Node | None] = []
    for node in reversed(wanted):
        found.append(below)
        below = node if node in kept else below
    return found[::-1]


def _insert(
    pages: list[Node],
    node: Node,
    above: Node | None,
    homes: Mapping[Node, tuple[Node, Node]],
    below: Node | None,
) -> tuple[Node, Node]:
    if above is None:
        at = sum(page.own.get("display_position") == "intro" for page in pages)
    else:
        page, column = homes[above]
        if below is not None and homes[below][0] is page:
            column.inner.insert(column.inner.index(above) + 1, node)
            return page, column
        at = pages.index(page) + 1
    column = Node({}, [node])
    pages.insert(at, Node({}, [Node({}, [column])]))
    return pages[at], column


def place_blocks(pages: list[Node], rows: Sequence[Node], blocks: set[Node]) -> list[Node]:
    """
    Return a layout with new content blocks: each right above the next row of the sheet that is shown.

    Args:
        pages: The layout with all else of the sheet; it is changed.
        rows: Every row of the sheet, in order.
        blocks: Those that are not in the layout yet.
    """
    homes = {item: (page, column) for _, page, column in columns(pages) for item in column.inner}
    shown = dict.fromkeys(row for row in rows if row in homes)
    belows = _next_kept(rows, shown)
    for at, (node, below) in enumerate(zip(rows, belows, strict=True)):
        if node not in blocks:
            continue
        if below is not None:
            page, column = homes[below]
            column.inner.insert(column.inner.index(below), node)
            homes[node] = page, column
        else:
            above = next((one for one in reversed(rows[:at]) if one in homes), None)
            homes[node] = _insert(pages, node, above, homes, above)
    return pages


# ---------------------------------------------------------------- by page, row and column
def place_by_number(
    pages: Sequence[Node], wanted: Sequence[tuple[Place, Node]], is_placed: IsPlaced
) -> list[Node]:
    """
    Return a layout that shows instructions where the sheet says.

    Numbers say what stands together and in which order. A page, row or column of the layout is
    known by the instructions that it holds; what has none of them stays in front of the one that
    follows it, and new ones make room for it where their numbers leave a gap.

    Args:
        pages: The layout; it is changed.
        wanted: Every item of the sheet with its place, in the order of their places.
        is_placed: Whether an item is one that the sheet places, or that goes because the sheet lacks it.
    """
    return _pruned(_arranged(pages, wanted, is_placed, 0))


def _arranged(
    held: Sequence[Node],
    wanted: Sequence[tuple[tuple[int, ...], Node]],
    is_placed: IsPlaced,
    level: int,
) -> list[Node]:
    if level == len(LEVELS):
        return _filled(held, [node for _, node in wanted], is_placed)
    inside = {node: list(items([node], level)) for node in held}
    owners = {item.id: node for node, found in inside.items() for item in found if item.id}
    claimed: dict[Node, int] = {}
    arranged: list[tuple[int, Node]] = []
    for number, group in groupby(wanted, key=lambda one: one[0][0]):
        rest = [(numbers[1:], node) for numbers, node in group]
        owner = next((o for _, node in rest if (o := owners.get(node.id)) and o not in claimed), None)
        entry = owner or Node({})
        claimed[entry] = number
        arranged.append((number, Node(entry.own, _arranged(entry.inner, rest, is_placed, level + 1))))
        inside[arranged[-1][1]] = inside.pop(entry, [])
    free = [node for node in held if node not in claimed]
    for node in free:
        _strip(node, is_placed, level)
    return _merged(held, [n for n in free if any(items([n], level))], arranged, list(claimed))


def _merged(
    held: Sequence[Node], free: Sequence[Node], arranged: Sequence[tuple[int, Node]], origins: Sequence[Node]
) -> list[Node]:
    """Merge what has no row of the sheet into what has, as `place_by_number` says; intro and outro stay at the ends."""
    at = {node: index for index, node in enumerate(held)}
    merged = [node for node in free if node.own.get("display_position") == "intro"]
    last = [node for node in free if node.own.get("display_position") == "outro"]
    between = [node for node in free if node not in merged and node not in last]
    for (number, entry), origin in zip(arranged, origins, strict=True):
        while between and (at[between[0]] < at[origin] if origin in at else len(merged) + 1 < number):
            merged.append(between.pop(0))
        merged.append(entry)
    return merged + between + last


def _filled(held: Sequence[Node], wanted: Sequence[Node], is_placed: IsPlaced) -> list[Node]:
    """Fill one column: what was in it keeps its places, what comes to it stands below the one above it."""
    known = {item.id for item in held} - {""}
    staying = [node for node in wanted if node.id in known]
    filled = list(_refilled(held, iter(staying), {node.id for node in staying}, is_placed))
    above: Node | None = None
    for node in wanted:
        if node not in staying:
            first = filled.index(staying[0]) if staying else len(filled)
            filled.insert(first if above is None else filled.index(above) + 1, node)
        above = node
    return filled


def _strip(node: Node, is_placed: IsPlaced, level: int) -> None:
    """Take the instructions out of a page, row or column that none of the sheet stands in."""
    if level == len(LEVELS) - 1:
        node.inner = [item for item in node.inner if not is_placed(item)]
    else:
        for inner in node.inner:
            _strip(inner, is_placed, level + 1)


def _pruned(nodes: Iterable[Node], level: int = 0) -> list[Node]:
    """Drop columns, rows and pages that hold nothing."""
    if level == len(LEVELS):
        return list(nodes)
    kept = [Node(node.own, _pruned(node.inner, level + 1), node.ref) for node in nodes]
    return [node for node in kept if node.inner]
