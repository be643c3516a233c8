"""
Frames → models, and back.

Past this module there are no frames. It trusts `importer.validator`: what it cannot build is a
mistake that should have been reported, so it raises instead of explaining. `to_rows` is the way
back, for `pull`: the rows that `to_batches` would read as the same batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from importer.contract import (
    ANY_NUMBER,
    ANY_NUMBER_WORD,
    BATCHES,
    INSTRUCTIONS,
    NO_WORDS,
    STUDIES,
    TASK_DETAILS,
    YES_WORDS,
    Kind,
    Level,
)
from importer.limits import MAX_DIGITS
from importer.model import (
    MODELS,
    Batch,
    BatchDetails,
    Dataset,
    Draft,
    FreeTextWithUnit,
    Item,
)
from importer.texts import canonical, words_of

if TYPE_CHECKING:
    from importer.sheets.frames import Frames, SheetFrame

Cells = Mapping[str, str]  # one row: text by column name

_DETAIL_COLUMNS: Final = ("name", *TASK_DETAILS, "dataset_id")
#: Columns that become a field of the item, by field name.
_FIELD_COLUMNS: Final = {
    ("id" if column.name == "instruction_id" else column.name): column
    for column in INSTRUCTIONS.columns
    if column.name == "instruction_id"
    or (column.level in (Level.INSTRUCTION, Level.ENTRY) and column.name not in ("batch", "ref"))
}
_DRAFT_COLUMNS: Final = tuple(
    name for name in STUDIES.names if name in Draft.model_fields and name != "batch"
)
#: Columns that become a field of each option; those of an entry only where the option is a unit.
_OPTION_COLUMNS: Final = {
    column.name.removeprefix("option_"): column
    for column in INSTRUCTIONS.columns
    if column.level in (Level.OPTION, Level.ENTRY)
}


def to_batches(frames: Frames, *, batch_id: str | None = None) -> tuple[Batch, ...]:
    """
    Build the batches that a workbook describes.

    Args:
        frames: *instructions* has one row per item and option (every value a text, each row with
            its Excel number); *batches* one row per batch, or None.
        batch_id: The batch of a workbook that does not name it: it has no sheet Batches, or one
            row there without batch_id.

    Returns:
        Batches in sheet order, each with its items in order of first appearance and their options
        in row order.

    Raises:
        ValueError: The frames have not passed `validate`; our bug, not the researcher's.

    Source: "Update Batch Instructions", PUT …/batches/{batch_id}/instructions.
    """
    blocks = _blocks(frames)
    items: dict[str, list[Item]] = {}
    for (ref, _), rows in blocks.items():
        items.setdefault(ref, []).append(_item([cells for _, cells in rows]))
    datasets = {canonical(one.ref): one.dataset_id for one in to_datasets(frames)}
    return tuple(
        Batch(
            ref=cells["batch"],
            batch_id=(cells["batch_id"] or batch_id or "").lower(),
            row=row,
            workspace_id=cells["workspace_id"].lower() or None,
            dataset=cells["dataset"],
            details=BatchDetails(
                **{"dataset_id": datasets.get(canonical(cells["dataset"])), **_details(cells)}
            ),
            items=tuple(items.get(canonical(cells["batch"]), ())),
        )
        for row, cells in _batch_rows(frames)
    )


def to_datasets(frames: Frames) -> tuple[Dataset, ...]:
    """Build the datasets of a workbook, in sheet order; errors as for `to_batches`."""
    if frames.datasets is None:
        return ()
    return tuple(
        Dataset(
            ref=cells["dataset"],
            row=row,
            dataset_id=cells["dataset_id"].lower() or None,
            name=cells["name"] or cells["dataset"],
            file=cells["file"],
            workspace_id=cells["workspace_id"].lower() or None,
        )
        for row, cells in _rows(frames.datasets)
    )


def to_drafts(frames: Frames) -> tuple[Draft, ...]:
    """Build the studies of a workbook, in sheet order; errors as for `to_batches`."""
    if frames.studies is None:
        return ()
    return tuple(
        Draft.model_validate(
            {"ref": cells["study"], "row": row}
            | {
                name: _value(STUDIES.by_name[name].kind, cells[name])
                for name in _DRAFT_COLUMNS
                if cells[name]
            }
            | {"batch": cells["batch"]}
        )
        for row, cells in _rows(frames.studies)
    )


def first_rows(frames: Frames) -> dict[tuple[str, str], int]:
    """Return where each instruction begins: Excel row by (batch ref, instruction ref), as in the models."""
    spelling = {canonical(cells["batch"]): cells["batch"] for _, cells in _batch_rows(frames)}
    return {(spelling[batch], rows[0][1]["ref"]): rows[0][0] for (batch, _), rows in _blocks(frames).items()}


def _batch_rows(frames: Frames) -> list[tuple[int | None, Cells]]:
    """Return the batches' rows; without any, the one batch that the instructions name or leave unnamed."""
    if frames.batches is not None and frames.batches.numbers:
        return [(row, cells) for row, cells in _rows(frames.batches)]
    names = (name for name in frames.instructions.column("batch") if name)
    return [(None, dict.fromkeys(BATCHES.names, "") | {"batch": next(names, "")})]


def _blocks(frames: Frames) -> dict[tuple[str, str], list[tuple[int, Cells]]]:
    """Return the rows of each instruction, by (batch ref, ref) in canonical form, in order of appearance."""
    batches = [canonical(cells["batch"]) for _, cells in _batch_rows(frames)]
    blocks: dict[tuple[str, str], list[tuple[int, Cells]]] = {}
    for row, cells in _rows(frames.instructions):
        batch = batches[0] if len(batches) == 1 and not cells["batch"] else canonical(cells["batch"])
        if batch not in batches:
            raise ValueError(f"row {row} names no batch of the sheet Batches")
        blocks.setdefault((batch, canonical(cells["ref"])), []).append((row, cells))
    return blocks


def _rows(sheet: SheetFrame) -> list[tuple[int, Cells]]:
    rows = zip(sheet.numbers, sheet.texts, strict=True)
    return [(row, dict(zip(sheet.names, cells, strict=True))) for row, cells in rows]


def _details(cells: Cells) -> dict[str, str]:
    given = {name: cells[name] for name in _DETAIL_COLUMNS if cells[name]}
    return given | {
        name: text.lower() for name, text in given.items() if BATCHES.by_name[name].kind is Kind.UUID
    }


def _item(rows: Sequence[Cells]) -> Item:
    """Build one item from its rows, which repeat its own cells or leave them blank."""
    kind = next((cells["type"] for cells in rows if cells["type"]), "")
    model = MODELS.get(kind)
    if model is None:
        raise ValueError(f"{rows[0]['ref']} has no known type")
    has_units = model is FreeTextWithUnit
    fields: dict[str, object] = {"ref": rows[0]["ref"]}
    for field, column in _FIELD_COLUMNS.items():
        # A frame leaves out what is blank throughout, and a unit's rule is not the instruction's.
        if column.name in rows[0] and not (has_units and column.level is Level.ENTRY):
            text = next((cells[column.name] for cells in rows if cells[column.name]), "")
            if text:
                fields[field] = _value(column.kind, text)
    options = [option for cells in rows if (option := _option(cells, has_units=has_units))]
    if options:
        fields["options"] = tuple(options)
    return model.model_validate(fields)


def _option(cells: Cells, *, has_units: bool) -> dict[str, object]:
    return {
        field: _value(column.kind, text)
        for field, column in _OPTION_COLUMNS.items()
        if (column.level is Level.OPTION or has_units) and (text := cells.get(column.name, ""))
    }


def _value(kind: Kind, text: str) -> object:
    word = text.casefold()
    match kind:
        case Kind.LIMIT:
            return ANY_NUMBER if word == ANY_NUMBER_WORD else int(text)
        case Kind.FLAG:
            if word not in (*YES_WORDS, *NO_WORDS):
                raise ValueError(f"{text} is neither yes nor no")
            return word in YES_WORDS
        case Kind.NUMBER | Kind.COUNT:
            number = float(text)
            return int(number) if number.is_integer() else number
        case Kind.LIST | Kind.DEVICES:
            return words_of(word if kind is Kind.DEVICES else text)
        case Kind.UUID | Kind.SHORT_ID | Kind.CHOICE:
            return word
        case _:
            return text


def to_rows(batches: Sequence[Batch]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """
    Write batches as the rows of a workbook.

    Returns:
        The rows of the sheet Instructions (the ref on every row, the item's other cells on
        its first) and those of the sheet Batches, each with a text for every column.
    """
    instructions = [
        dict.fromkeys(INSTRUCTIONS.names, "") | cells
        for batch in batches
        for item in batch.items
        for cells in _item_rows(batch.ref, item)
    ]
    return instructions, [dict.fromkeys(BATCHES.names, "") | _batch_row(batch) for batch in batches]


def _batch_row(batch: Batch) -> dict[str, str]:
    given = {name: getattr(batch.details, name) or "" for name in _DETAIL_COLUMNS}
    own = {"workspace_id": batch.workspace_id or "", "dataset": batch.dataset}
    if batch.dataset:
        given["dataset_id"] = ""
    return {"batch": batch.ref, "batch_id": batch.batch_id, **own, **given}


def _item_rows(batch_ref: str, item: Item) -> list[dict[str, str]]:
    fields = item.model_dump()
    options = fields.pop("options", ())
    own = {column.name: _text(fields.get(field), column.kind) for field, column in _FIELD_COLUMNS.items()}
    rows = [
        {
            _OPTION_COLUMNS[field].name: _text(value, _OPTION_COLUMNS[field].kind)
            for field, value in one.items()
        }
        for one in options
    ]
    first, *others = rows or [{}]
    return [{"batch": batch_ref, "ref": item.ref, **cells} for cells in (own | first, *others)]


def _text(value: object, kind: Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return YES_WORDS[0] if value else NO_WORDS[0]
    if isinstance(value, tuple):
        return ", ".join(value)
    if kind is Kind.LIMIT and value == ANY_NUMBER:
        return ANY_NUMBER_WORD
    return f"{value:.{MAX_DIGITS}g}" if isinstance(value, float) else str(value)
