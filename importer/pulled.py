"""
What Prolific holds of a batch → the rows of a workbook: the decisions of `importer pull`.

A workbook that would change anything if it were pushed as it is, is not made: what a sheet cannot
say, or a cell cannot keep, is named instead. What has no rows at all stays on Prolific, and that is
named too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

from importer.contract import BATCHES, INSTRUCTIONS, TASK_DETAILS, BlockType, Column, Kind
from importer.limits import MAX_CELL_CHARACTERS
from importer.matching import named
from importer.model import Batch, BatchDetails, Item
from importer.problems import quote
from importer.sheets.celltext import take_text
from importer.texts import canonical
from importer.transformer import to_rows
from importer.wire import batch_items
from importer.wire.batch_items import CONTENT_TYPES, MAX_COLUMNS
from importer.wire.instructions import without_column
from importer.wire.models import NotDescribable, is_describable, is_uuid, to_model

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.plan import Existing
    from importer.wire.layout import Place

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pulled:
    """
    What a workbook for one batch would say.

    Attributes:
        instructions: How many it describes.
        instruction_rows: Of the sheet Instructions.
        batch_rows: Of the sheet Batches: one.
        notes: What stays on Prolific, and what a push makes of it; one sentence each.
        obstacles: What a sheet cannot say, so that no workbook should be made; one sentence each.
        is_partial: Whether instructions have no rows that a push would delete, and that the gate keeps.
    """

    instructions: int
    instruction_rows: Sequence[Cells]
    batch_rows: Sequence[Cells]
    notes: tuple[str, ...]
    obstacles: tuple[str, ...]
    is_partial: bool


def to_pulled(existing: Existing, items: Sequence[Mapping[str, JSON]], refs: Mapping[str, str]) -> Pulled:
    """
    Describe what Prolific holds of a batch in rows.

    Args:
        existing: The batch.
        items: Its instructions, or its pages, as answered.
        refs: Short names that its items had before, by id; the others become Q1, Q2 … in order.
    """
    shown = _shown(existing, items)
    found = _described(shown, refs)
    details, left_blank = _details(existing)
    batch = Batch(batch_id=existing.batch_id, details=details, items=tuple(found.models))
    instruction_rows, batch_rows = to_rows([batch])
    notes = [*_staying(existing, found), *left_blank]
    return Pulled(
        instructions=len(batch.instructions),
        instruction_rows=instruction_rows,
        batch_rows=batch_rows,
        notes=tuple(notes),
        obstacles=tuple(found.obstacles),
        is_partial=existing.pages is None and bool(found.staying),
    )


# ---------------------------------------------------------------- items
def _shown(
    existing: Existing, items: Sequence[Mapping[str, JSON]]
) -> list[tuple[Place | None, Mapping[str, JSON]]]:
    """Return the items in the order in which they are shown, with their places where the order does not tell them."""
    if existing.pages is None:
        return [(None, item) for item in items]
    placed = batch_items.placed_items(items)
    pages = [page for (page, _, _), _ in placed]
    # One item on each page is what the order of the rows says, and no row may have a third column.
    is_plain = len(pages) == len(set(pages)) or any(column > MAX_COLUMNS for (_, _, column), _ in placed)
    return [(None if is_plain else place, item) for place, item in placed]


@dataclass(slots=True)
class _Described:
    """Models of items, why there is none of an instruction, the items that have no rows, and fields without a column."""

    models: list[Item] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    staying: list[Mapping[str, JSON]] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)


def _described(
    shown: Sequence[tuple[Place | None, Mapping[str, JSON]]], refs: Mapping[str, str]
) -> _Described:
    found = _Described()
    known = [(place, item) for place, item in shown if is_describable(item)]
    names = _refs([item for _, item in known], refs)
    for (place, item), ref in zip(known, names, strict=True):
        try:
            found.models.append(_kept(to_model(item, ref, place)))
        except NotDescribable as reason:
            if item.get("type") in CONTENT_TYPES:
                found.staying.append(item)  # nothing is lost: a push leaves content alone that has no row
            else:
                found.obstacles.append(f"{ref} ({quote(str(item.get('description')))}) {reason}.")
        else:
            found.beyond += without_column(item)
    found.staying += [item for _, item in shown if not is_describable(item)]
    return found


_LETTERS: Final[Mapping[str, str]] = {
    BlockType.RICH_TEXT: "T",
    BlockType.IMAGE: "I",
    BlockType.DATASET_FIELD: "D",
}
_ANY: Final = "any"


def _refs(items: Sequence[Mapping[str, JSON]], known: Mapping[str, str]) -> list[str]:
    """Return a ref for each item: the known one, or a letter with the next number that is free: Q1, Q2, T1."""
    found: list[str] = []
    taken: set[str] = set()
    for item in items:
        ref = known.get(str(item.get("id") or "").lower(), "")
        found.append("" if canonical(ref) in taken else ref)
        taken.add(canonical(ref))
    numbers = {letter: _free(letter, taken) for letter in ("Q", *_LETTERS.values())}
    return [
        ref or next(numbers[_LETTERS.get(str(item.get("type")), "Q")])
        for item, ref in zip(items, found, strict=True)
    ]


def _free(letter: str, taken: set[str]) -> Iterator[str]:
    return (name for name in (f"{letter}{n}" for n in count(1)) if name not in taken)


def _kept(model: Item) -> Item:
    """Return an item whose cells give it back; NotDescribable if one would not."""
    rows, _ = to_rows([Batch(batch_id=_ANY, items=(model,))])
    losses = [
        f"has a text for {name} ({quote(text)}) that {loss}"
        for cells in rows
        for name, text in cells.items()
        if text and (loss := _loss(text, INSTRUCTIONS.by_name[name]))
    ]
    if losses:
        raise NotDescribable("; ".join(losses))
    return model


def _loss(text: str, column: Column) -> str:
    """Say why a cell of a column would not give a text back; "" if it would."""
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units > MAX_CELL_CHARACTERS:
        return (
            f"has {units:,} characters as Excel counts them, and a cell holds at most {MAX_CELL_CHARACTERS:,}"
        )
    if column.kind is Kind.UUID and not is_uuid(text.lower()):
        return "is no id of the usual kind"
    taken = take_text(text, column.kind)
    if taken.code == "control-character":
        return "has characters that no workbook can hold"
    if not taken.text:
        return "shows nothing, and a sheet takes such a cell for a blank one"
    return "" if taken.text == text else "begins or ends with spaces, which this column does not keep"


# ---------------------------------------------------------------- what stays on Prolific


def _staying(existing: Existing, found: _Described) -> Iterator[str]:
    """Say what the sheet has no rows or columns for, and what a push makes of it."""
    is_layout = existing.pages is not None
    if not existing.held:
        yield "The batch holds no instruction that a sheet can describe; fill some in before you push."
    if existing.source == "journal":
        yield "Prolific no longer lists the instructions of the batch; these are those of the last push from here."
    if found.staying:
        what = named(dict.fromkeys(str(item.get("type")) for item in found.staying))
        then = "A push keeps them in place." if is_layout else "So a push of instructions is refused."
        yield f"{len(found.staying)} item(s) of the batch have no rows ({what}), and stay on Prolific as they are. {then}"
    beyond = (
        found.beyond
        if is_layout
        else [n for one in existing.held or () for n in one.cannot_carry if n != one.type]
    )
    if beyond:
        what = named(dict.fromkeys(beyond))
        then = "A push keeps it." if is_layout else "So a push that changes an instruction is refused."
        yield f"Prolific holds more than a push of the sheet could send ({what}). {then}"


# ---------------------------------------------------------------- the batch's own details
def _details(existing: Existing) -> tuple[BatchDetails, list[str]]:
    """Return what the sheet Batches says, and a sentence for each cell that stays blank though there is something."""
    given = {
        "name": existing.name,
        **{name: existing.task_details.get(name, "") for name in TASK_DETAILS},
        "dataset_id": existing.dataset_id or "",
    }
    losses = {name: _loss(text, BATCHES.by_name[name]) for name, text in given.items() if text}
    notes = [
        f"The cell of {name} stays blank, because the text {loss}. A push leaves it as it is."
        for name, loss in losses.items()
        if loss
    ]
    kept = {name: text for name, text in given.items() if text and not losses[name]}
    return BatchDetails.checked(kept), notes
