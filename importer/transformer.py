"""
Frames → models, and back.

Past this module there are no frames. It trusts `importer.validator`: what it cannot build is a
mistake that should have been reported, so it raises instead of explaining. `to_rows` is the way
back, for `pull`: the rows that `to_batches` would read as the same batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from importer.contract import (
    ANY_NUMBER,
    ANY_NUMBER_WORD,
    BATCHES,
    INSTRUCTIONS,
    NO_WORDS,
    STUDIES,
    TASK_DETAILS,
    YES_WORDS,
    Column,
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
    Option,
    UnitOption,
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
    name for name in STUDIES.names if name in Draft.__struct_fields__ and name != "batch"
)
#: Columns that become a field of each option; those of an entry only where the option is a unit.
_OPTION_COLUMNS: Final = {
    column.name.removeprefix("option_"): column
    for column in INSTRUCTIONS.columns
    if column.level in (Level.OPTION, Level.ENTRY)
}


class _Field(NamedTuple):
    """A field of a model: its name, its column's place in a row, and what makes of the text what it holds."""

    name: str
    place: int
    read: Callable[[str], object] | None


class _Form(NamedTuple):
    """How the items of one type stand in the rows of a frame."""

    model: type[Item]
    ref: int
    fields: tuple[_Field, ...]
    options: tuple[_Field, ...]


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
    batch_rows = _batch_rows(frames)
    sheet = frames.instructions
    items: dict[str, list[Item]] = {}
    for (batch, _), rows in _blocks(frames, batch_rows).items():
        items.setdefault(batch, []).append(_item(sheet.names, [sheet.texts[at] for at in rows]))
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
        for row, cells in batch_rows
    )


def to_datasets(frames: Frames) -> tuple[Dataset, ...]:
    """Build the datasets of a workbook, in sheet order; errors as for `to_batches`."""
    if frames.datasets is None:
        return ()
    return tuple(
        Dataset.checked(
            {
                "ref": cells["dataset"],
                "row": row,
                "dataset_id": cells["dataset_id"].lower() or None,
                "name": cells["name"] or cells["dataset"],
                "file": cells["file"],
                "workspace_id": cells["workspace_id"].lower() or None,
            }
        )
        for row, cells in _rows(frames.datasets)
    )


def to_drafts(frames: Frames) -> tuple[Draft, ...]:
    """Build the studies of a workbook, in sheet order; errors as for `to_batches`."""
    if frames.studies is None:
        return ()
    return tuple(
        Draft.checked(
            {"ref": cells["study"], "row": row}
            | {
                name: _READERS.get(STUDIES.by_name[name].kind, str)(cells[name])
                for name in _DRAFT_COLUMNS
                if cells[name]
            }
            | {"batch": cells["batch"]}
        )
        for row, cells in _rows(frames.studies)
    )


def first_rows(frames: Frames) -> dict[tuple[str, str], int]:
    """Return where each instruction begins: Excel row by (batch ref, instruction ref), as in the models."""
    batch_rows = _batch_rows(frames)
    spelling = {canonical(cells["batch"]): cells["batch"] for _, cells in batch_rows}
    sheet = frames.instructions
    ref = sheet.names.index("ref")
    return {
        (spelling[batch], sheet.texts[first][ref]): sheet.numbers[first]
        for (batch, _), (first, *_) in _blocks(frames, batch_rows).items()
    }


def _batch_rows(frames: Frames) -> list[tuple[int | None, Cells]]:
    """Return the batches' rows; without any, the one batch that the instructions name or leave unnamed."""
    if frames.batches is not None and frames.batches.numbers:
        return [(row, cells) for row, cells in _rows(frames.batches)]
    names = (name for name in frames.instructions.column("batch") if name)
    return [(None, dict.fromkeys(BATCHES.names, "") | {"batch": next(names, "")})]


def _blocks(
    frames: Frames, batch_rows: Sequence[tuple[int | None, Cells]]
) -> dict[tuple[str, str], list[int]]:
    """Return the places of each instruction's rows, by (batch ref, ref) in canonical form, in order of appearance."""
    sheet = frames.instructions
    batches = {canonical(cells["batch"]) for _, cells in batch_rows}
    homes = {"": next(iter(batches))} if len(batch_rows) == 1 else {}
    names, refs = sheet.column("batch"), sheet.column("ref")
    homes |= {name: canonical(name) for name in {*names} if canonical(name) in batches}
    if lost := {*names} - homes.keys():
        row = sheet.numbers[names.index(lost.pop())]
        raise ValueError(f"row {row} names no batch of the sheet Batches")
    forms = {ref: canonical(ref) for ref in {*refs}}
    blocks: dict[tuple[str, str], list[int]] = {}
    keys = zip(map(homes.__getitem__, names), map(forms.__getitem__, refs), strict=True)
    for at, key in enumerate(keys):
        blocks.setdefault(key, []).append(at)
    return blocks


def _rows(sheet: SheetFrame) -> list[tuple[int, Cells]]:
    rows = zip(sheet.numbers, sheet.texts, strict=True)
    return [(row, dict(zip(sheet.names, cells, strict=True))) for row, cells in rows]


def _details(cells: Cells) -> dict[str, str]:
    given = {name: cells[name] for name in _DETAIL_COLUMNS if cells[name]}
    return given | {
        name: text.lower() for name, text in given.items() if BATCHES.by_name[name].kind is Kind.UUID
    }


@lru_cache(maxsize=100)
def _form(kind: str, names: tuple[str, ...]) -> _Form | None:
    """Return how an item of a type stands in rows of these columns; None if the type is not known."""
    model = MODELS.get(kind)
    if model is None:
        return None
    places = {name: place for place, name in enumerate(names)}

    def fields(columns: Mapping[str, Column], but_for: Level | None) -> tuple[_Field, ...]:
        # A frame leaves out what is blank throughout.
        return tuple(
            _Field(name, places[column.name], _reader(column))
            for name, column in columns.items()
            if column.name in places and column.level is not but_for
        )

    # A unit's rule is not the instruction's.
    but_for = (Level.ENTRY, None) if model is FreeTextWithUnit else (None, Level.ENTRY)
    return _Form(
        model, places["ref"], fields(_FIELD_COLUMNS, but_for[0]), fields(_OPTION_COLUMNS, but_for[1])
    )


def _reader(column: Column) -> Callable[[str], object] | None:
    if column.choices and all(map(str.isdigit, column.choices)):
        return int
    return _READERS.get(column.kind)


def _item(names: tuple[str, ...], rows: Sequence[Sequence[str]]) -> Item:
    """Build one item from its rows, which repeat its own cells or leave them blank."""
    own = [cells[0] or next(filter(None, cells), "") for cells in zip(*rows, strict=True)]
    form = _form(own[names.index("type")], names)
    if form is None:
        raise ValueError(f"{own[names.index('ref')]} has no known type")
    fields: dict[str, object] = {"ref": own[form.ref], **_read(own, form.fields)}
    options = [option for row in rows if (option := _read(row, form.options))]
    if options:
        fields["options"] = tuple(options)
    return form.model.checked(fields)


def _read(row: Sequence[str], fields: Iterable[_Field]) -> dict[str, object]:
    return {name: read(text) if read else text for name, place, read in fields if (text := row[place])}


def _limit(text: str) -> int:
    return ANY_NUMBER if text.casefold() == ANY_NUMBER_WORD else int(text)


def _flag(text: str) -> bool:
    word = text.casefold()
    if word not in (*YES_WORDS, *NO_WORDS):
        raise ValueError(f"{text} is neither yes nor no")
    return word in YES_WORDS


def _number(text: str) -> float:
    number = float(text)
    # A larger int says more digits than the cell, and may not fit into 64 bits.
    return int(number) if number.is_integer() and abs(number) < 10**MAX_DIGITS else number


#: What a text becomes by the kind of its column; that of any other stays as it is.
_READERS: Final[Mapping[Kind, Callable[[str], object]]] = {
    Kind.LIMIT: _limit,
    Kind.FLAG: _flag,
    Kind.NUMBER: _number,
    Kind.COUNT: _number,
    Kind.LIST: words_of,
    Kind.DEVICES: lambda text: words_of(text.casefold()),
    Kind.UUID: str.casefold,
    Kind.SHORT_ID: str.casefold,
    Kind.CHOICE: str.casefold,
}


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
    own = _cells(item, _FIELD_COLUMNS)
    rows = [_cells(option, _OPTION_COLUMNS) for option in getattr(item, "options", ())]
    first, *others = rows or [{}]
    return [{"batch": batch_ref, "ref": item.ref, **cells} for cells in (own | first, *others)]


def _cells(model: Item | Option | UnitOption, columns: Mapping[str, Column]) -> dict[str, str]:
    return {
        column.name: _text(getattr(model, field), column.kind)
        for field, column in columns.items()
        if hasattr(model, field)
    }


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
