"""
What differs between a sheet and a batch, instruction by instruction, graded by risk.

Owns the comparison only: which change needs consent is `importer.plan`'s business, how it looks
`importer.render`'s. The grades say what happens to data already collected: a new wording leaves it
as it is, a new option value or answer limit makes old and new answers differ, a delete orphans it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from importer.model import Instruction, Item
from importer.problems import quote
from importer.wire.instructions import Content, Held, OptionContent, settle, to_content
from importer.wire.layout import Place


class Kind(StrEnum):
    """What a push does to one instruction, above all."""

    CREATE = "create"
    UPDATE = "update"  # wording: description, label, heading, helper text …
    VALUE = "value"  # option value, options added or removed, type, answer limit
    MOVE = "move"
    DELETE = "delete"
    KEEP = "keep"

    @property
    def sign(self) -> str:
        """One character for it."""
        return _SIGNS[self]


_SIGNS: Final = {
    Kind.CREATE: "+",
    Kind.UPDATE: "~",
    Kind.VALUE: "!",
    Kind.MOVE: "↕",
    Kind.DELETE: "-",
    Kind.KEEP: "=",
}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """
    One field that differs.

    Attributes:
        name: The API's field name; options by place and value: `option 2 (r2) label`.
        existing: What Prolific holds; "" if nothing.
        desired: What the sheet says; "" if nothing.
    """

    name: str
    existing: str
    desired: str


@dataclass(frozen=True, slots=True)
class Change:
    """
    What a push does to one instruction.

    Attributes:
        kind: The main thing; an update that also moves is an update with `is_moved`.
        ref: The researcher's ref; "" for a delete, whose ref nobody knows.
        id: Prolific's id; None for a create.
        type: The instruction's type (of the sheet, unless deleted).
        description: Its description in full (of the sheet, unless deleted).
        fields: What differs, field by field; empty for create, move, delete and keep.
        existing_place: Its place in the batch, from 1; None for a create.
        desired_place: Its place in the sheet, from 1; None for a delete.
        is_moved: Whether it changes places with its neighbours.
    """

    kind: Kind
    ref: str
    id: str | None
    type: str
    description: str
    fields: tuple[FieldChange, ...] = ()
    existing_place: int | None = None
    desired_place: int | None = None
    is_moved: bool = False

    @property
    def label(self) -> str:
        """One line that says which instruction it is: type and start of the description."""
        return f"{self.type} {quote(self.description)}"


def compare(desired: Sequence[Instruction], held: Sequence[Held]) -> tuple[Change, ...]:
    """
    Compare the sheet with what Prolific holds.

    Args:
        desired: The instructions of the sheet, in order.
        held: The instructions of the batch, in order.

    Returns:
        One change per instruction: those of the sheet in its order, then the deletes.
    """
    places = {one.id: place for place, one in enumerate(held)}
    resting = longest_rising([places[row.id] for row in desired if row.id is not None and row.id in places])
    changes = [_change(row, place, held, places, resting) for place, row in enumerate(desired, 1)]
    claimed = {row.id for row in desired}
    return (*changes, *(_delete(one, places[one.id] + 1) for one in held if one.id not in claimed))


def _change(
    row: Instruction, place: int, held: Sequence[Held], places: dict[str, int], resting: frozenset[int]
) -> Change:
    at = places.get(row.id or "")
    if at is None:
        return Change(Kind.CREATE, row.ref, row.id, row.type, row.description, desired_place=place)
    fields, is_risky = differences(held[at].content, to_content(row))
    is_moved = at not in resting
    kind = Kind.VALUE if is_risky else Kind.UPDATE if fields else Kind.MOVE if is_moved else Kind.KEEP
    return Change(kind, row.ref, row.id, row.type, row.description, fields, at + 1, place, is_moved)


def _delete(one: Held, place: int) -> Change:
    return Change(Kind.DELETE, "", one.id, one.type, one.content.description, existing_place=place)


def compare_blocks(desired: Sequence[Item], held: Sequence[Held]) -> tuple[Change, ...]:
    """
    Compare the content blocks of a sheet with those of a layout; none is ever deleted.

    Args:
        desired: The blocks of the sheet, in order.
        held: Those of the layout, in the order in which they are shown. One without an id is known
            by what it says: the first of its kind, the second, and so on.

    Returns:
        One change per block of the sheet.
    """
    by_id = {one.id: one.content for one in held if one.id}
    nameless = Counter(one.content for one in held if not one.id)
    found = []
    for row in desired:
        content = to_content(row)
        there = by_id.get(row.id or "")
        if there is None and row.id is None and nameless[content] > 0:
            nameless[content] -= 1
            there = content
        shown = content.content or content.alt_text or content.field
        if there is None:
            found.append(Change(Kind.CREATE, row.ref, row.id, row.type, shown))
        else:
            differing = differences(there, content)[0]
            kind = Kind.UPDATE if differing else Kind.KEEP
            found.append(Change(kind, row.ref, row.id, row.type, shown, differing))
    return tuple(found)


def with_places(changes: Sequence[Change], moved: Mapping[str, tuple[Place, Place]]) -> tuple[Change, ...]:
    """
    Say where on the pages things go.

    Args:
        changes: In any order.
        moved: Where those that change to another page, row or column stand now and then, by id.
    """
    return tuple(
        _with_place(one, *moved[one.id]) if one.id is not None and one.id in moved else one for one in changes
    )


def _with_place(one: Change, existing: Place, desired: Place) -> Change:
    field = FieldChange("place", _place(existing), _place(desired))
    kind = Kind.MOVE if one.kind is Kind.KEEP else one.kind
    return replace(one, kind=kind, is_moved=True, fields=(*one.fields, field))


def _place(place: Place) -> str:
    return ", ".join(f"{name} {at}" for name, at in zip(("page", "row", "column"), place, strict=True))


def longest_rising(places: Sequence[int]) -> frozenset[int]:
    """
    Return the largest set of places that already rise: what stays put if the fewest move.

    >>> sorted(longest_rising([4, 0, 1, 2, 3]))
    [0, 1, 2, 3]
    """
    tails: list[int] = []  # the smallest end of a rising run of each length …
    ends: list[int] = []  # … and which of *places* it is
    before: list[int] = []  # for each of *places*, the one in front of it in its run
    for index, place in enumerate(places):
        length = bisect_left(tails, place)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [place]
        ends[length : length + 1] = [index]
    resting = set()
    at = ends[-1] if ends else -1
    while at >= 0:
        resting.add(places[at])
        at = before[at]
    return frozenset(resting)


# Other answers are possible than before: what is collected, and what comes, are no longer alike.
_RISKY: Final = ("type", "answer_limit", "validation_type", "validation_min", "validation_max")
_RISKY_OF_OPTION: Final = ("exclusive", "validation_type", "validation_min", "validation_max")
_WORDING: Final = tuple(name for name in Content._fields if name not in (*_RISKY, "options"))


def differences(existing: Content, desired: Content) -> tuple[tuple[FieldChange, ...], bool]:
    """
    Return the fields that differ, and whether answers already collected are affected.

    Args:
        existing: What Prolific holds.
        desired: What the sheet says.
    """
    existing = settle(existing, desired)
    if existing == desired:
        return (), False
    risky = [*_plain_fields(existing, desired, _RISKY)]
    wording = [*_plain_fields(existing, desired, _WORDING)]
    for change, is_risky in _option_changes(existing.options, desired.options):
        (risky if is_risky else wording).append(change)
    return (*risky, *wording), bool(risky)


def _plain_fields(
    existing: Content | OptionContent, desired: Content | OptionContent, names: Sequence[str]
) -> Iterator[FieldChange]:
    for name in names:
        old, new = getattr(existing, name), getattr(desired, name)
        if old != new:
            yield FieldChange(name, _shown(old), _shown(new))


def _shown(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _option_changes(
    existing: Sequence[OptionContent], desired: Sequence[OptionContent]
) -> Iterator[tuple[FieldChange, bool]]:
    pairs = _pair_options(existing, desired)
    for place, option in enumerate(desired):
        name = f"option {place + 1} ({option.value})"
        if place not in pairs:
            yield FieldChange(name, "", option.label), True
            continue
        old = existing[pairs[place]]
        if old.value != option.value:
            yield FieldChange(f"option {place + 1} value", old.value, option.value), True
        if old.label != option.label:
            yield FieldChange(f"{name} label", old.label, option.label), False
        if old.heading != option.heading:
            yield FieldChange(f"{name} heading", old.heading, option.heading), False
        for change in _plain_fields(old, option, _RISKY_OF_OPTION):
            yield replace(change, name=f"{name} {change.name}"), True
    for place, option in enumerate(existing):
        if place not in pairs.values():
            yield FieldChange(f"option {place + 1} ({option.value})", option.label, ""), True
    kept = [pairs[place] for place in sorted(pairs)]
    if kept != sorted(kept):
        yield FieldChange("order of options", _values(existing), _values(desired)), False


def _values(options: Sequence[OptionContent]) -> str:
    return ", ".join(option.value for option in options)


def _pair_options(existing: Sequence[OptionContent], desired: Sequence[OptionContent]) -> dict[int, int]:
    """Return the existing option of each desired one, by place: same value, else label, else place."""
    keys: tuple[Callable[[int, OptionContent], Hashable], ...] = (
        lambda _, option: option.value,
        lambda _, option: (option.label, option.heading),
        lambda place, _: place,
    )
    pairs: dict[int, int] = {}
    for key in keys:
        taken = set(pairs.values())
        free = {key(place, option): place for place, option in enumerate(existing) if place not in taken}
        for place, option in enumerate(desired):
            match = None if place in pairs else free.pop(key(place, option), None)
            if match is not None:
                pairs[place] = match
    return pairs
