"""
The wire form `instructions`: the body of the PUT, and what Prolific returns, in comparable form.

Texts go out exactly as the sheet has them. For comparing, both sides become a `Content`: NFC,
CRLF as LF, absent = null = default, option values as text. What Prolific holds beyond that, and a
PUT would lose, is named in `Held.cannot_carry`.

Source: "Update Batch Instructions", PUT …/batches/{batch_id}/instructions, request and response.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, NamedTuple

from importer.contract import (
    CONTENT_FORMAT,
    FILE_TYPES,
    MAX_FILE_COUNT,
    MAX_FILE_SIZE_MB,
    MIN_FILE_COUNT,
    BlockType,
    InstructionType,
)
from importer.errors import OutcomeUnknown
from importer.model import (
    JSON,
    Block,
    FileUpload,
    FreeText,
    FreeTextWithUnit,
    HeadedOption,
    Instruction,
    Item,
    MultipleChoice,
    MultipleChoiceWithFreeText,
    Option,
    UnitOption,
)
from importer.texts import canonical

CARRIED_TYPES: Final = frozenset(kind.value for kind in InstructionType)
_COMMON: Final = ("description", "id", "helper_text", "placeholder_text_input")
_CHOICE: Final = (*_COMMON, "answer_limit", "disable_dropdown")
_FILE_FIELDS: Final = ("accepted_file_types", "max_file_size_mb", "min_file_count", "max_file_count")
#: Fields that go out under the model's name, in this order; options and validation are nested.
_PLAIN: Final[Mapping[str, tuple[str, ...]]] = {
    InstructionType.MULTIPLE_CHOICE: _CHOICE,
    InstructionType.FREE_TEXT: _COMMON,
    InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT: _CHOICE,
    InstructionType.FREE_TEXT_WITH_UNIT: (*_COMMON, "default_unit", "unit_position"),
    InstructionType.FILE_UPLOAD: (*_COMMON, *_FILE_FIELDS),
    BlockType.RICH_TEXT: ("id", "content", "content_format"),
    BlockType.IMAGE: ("id", "url", "alt_text", "caption"),
    BlockType.DATASET_FIELD: ("id", "field"),
}
_NESTED: Final[Mapping[str, tuple[str, ...]]] = {
    InstructionType.MULTIPLE_CHOICE: ("options",),
    InstructionType.FREE_TEXT: ("validation",),
    InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT: ("options",),
    InstructionType.FREE_TEXT_WITH_UNIT: ("unit_options",),
    InstructionType.FILE_UPLOAD: (),
}
#: What a PUT keeps of each type. An answer limit without options limits nothing, so it is no loss.
_CARRIED: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(("type", *_CHOICE, *_PLAIN[kind], *_NESTED[kind])) for kind in InstructionType
}
_CARRIED_OF_OPTION: Final = {
    "options": frozenset(("label", "value", "heading")),
    "unit_options": frozenset(("label", "value", "validation")),
}
#: All fields that have a column of the researcher's, whatever the type.
ITEM_FIELDS: Final = frozenset(("type", *chain(*_PLAIN.values(), *_NESTED.values()))) - {"id"}
OPTION_FIELDS: Final = frozenset(("exclusive", *chain(*_CARRIED_OF_OPTION.values())))
_VALIDATION_FIELDS: Final = frozenset(("type", "min", "max"))
_RULE: Final = ("validation_type", "validation_min", "validation_max")
# What a server says about an item without the researcher having written it. Names that we do not
# know count as content, since a PUT would lose it; but created_by, updated_at or workspace_id must
# not stop a push, so names of that pattern never do.
_SERVER_MADE: Final = frozenset(("id", "parent_type", "order", "position", "version", "schema_version"))
_SERVER_MADE_ENDINGS: Final = ("_id", "_at", "_by")


class Scalar(str):
    """The number or boolean that Prolific returned as an option's value, as text; it is equal to that text."""

    __slots__ = ()


# Tuples, because a workbook has hundreds of these: a frozen dataclass takes four times as long to build.
class OptionContent(NamedTuple):
    """
    One option in comparable form.

    Attributes:
        label: What participants see.
        value: What the data holds, as text: number 1 and 1.0 are "1", true is "true"; then it is a `Scalar`.
        heading: "" if it has none.
        exclusive: Whether it is chosen alone.
        validation_type: Of a unit: number or string; "" if anything may be written.
        validation_min: As text; "" if there is no bound.
        validation_max: As text; "" if there is no bound.
    """

    label: str
    value: str
    heading: str = ""
    exclusive: bool = False
    validation_type: str = ""
    validation_min: str = ""
    validation_max: str = ""


class Content(NamedTuple):
    """
    An instruction or content block in comparable form, without ref, id and place.

    "" and None mean: absent. Fields are named as the columns of the sheet; numbers are texts, file
    types are sorted, and what Prolific sets by itself is filled in.
    """

    type: str
    description: str = ""
    helper_text: str = ""
    placeholder_text_input: str = ""
    answer_limit: int | None = None
    disable_dropdown: bool = False
    options: tuple[OptionContent, ...] = ()
    validation_type: str = ""
    validation_min: str = ""
    validation_max: str = ""
    default_unit: str = ""
    unit_position: str = ""
    accepted_file_types: str = ""
    max_file_size_mb: str = ""
    min_file_count: str = ""
    max_file_count: str = ""
    content: str = ""
    content_format: str = ""
    url: str = ""
    alt_text: str = ""
    caption: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """
    One instruction or content block that Prolific holds.

    Attributes:
        id: Prolific's id, lower case; "" for a dataset_field without one.
        type: As Prolific names it; may be one that the PUT cannot carry.
        content: The part that the PUT can carry.
        cannot_carry: Names of what a PUT would lose: the type itself, or fields; empty if nothing.
    """

    id: str
    type: str
    content: Content
    cannot_carry: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """
    One instruction as it is to be sent, or was.

    Attributes:
        ref: The researcher's short name for it.
        id: Prolific's id; None means: new.
        content: What it says.
    """

    ref: str
    id: str | None
    content: Content


def request_body(instructions: Sequence[Instruction]) -> dict[str, JSON]:
    """Build the body of the PUT: every instruction of the batch, in order."""
    items: list[JSON] = [to_item(instruction) for instruction in instructions]
    return {"instructions": items}


def to_item(row: Item) -> dict[str, JSON]:
    """Build one item of a body; a field that is not set is left out."""
    item: dict[str, JSON] = {"type": row.type}
    for name in _PLAIN[row.type]:
        value = getattr(row, name)
        if value is not None:
            item[name] = list(value) if isinstance(value, tuple) else value
    if isinstance(row, FreeText):
        item |= _validation_item(row)
    elif isinstance(row, FreeTextWithUnit | MultipleChoice | MultipleChoiceWithFreeText):
        options: list[JSON] = [_option_item(option) for option in row.options]
        item["unit_options" if isinstance(row, FreeTextWithUnit) else "options"] = options
    return item


def _option_item(option: Option | UnitOption) -> dict[str, JSON]:
    item: dict[str, JSON] = {"label": option.label, "value": option.value}
    if isinstance(option, UnitOption):
        return item | _validation_item(option)
    if isinstance(option, HeadedOption):
        item["heading"] = option.heading
    if option.exclusive:
        item["exclusive"] = True
    return item


def _validation_item(entry: FreeText | UnitOption) -> dict[str, JSON]:
    if entry.validation_type is None:
        return {}
    bounds = {"min": entry.validation_min, "max": entry.validation_max}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"validation": {"type": entry.validation_type, **given}}


def not_carried(row: Item) -> tuple[str, ...]:
    """
    Name what this wire form cannot carry of a row: the sheet's columns, empty if it carries all.

    A content block as a whole is its type. The rest has no field in the PUT, whose documents know
    neither pages nor `exclusive` nor the limits of a file_upload.
    """
    if isinstance(row, Block):
        return ("type",)
    limits = _FILE_FIELDS if isinstance(row, FileUpload) else ()
    found = [name for name in (*limits, "page", "row", "column") if getattr(row, name) is not None]
    if isinstance(row, MultipleChoice | MultipleChoiceWithFreeText) and any(
        option.exclusive for option in row.options
    ):
        found.append("option_exclusive")
    return tuple(found)


def to_sent(row: Item) -> Sent:
    """Bring an instruction or content block of the sheet into the form in which it is looked for in an answer."""
    return Sent(row.ref, row.id, to_content(row))


def to_content(row: Item) -> Content:
    """Bring an instruction or content block of the sheet into comparable form."""
    return content_of(to_item(row))


def from_item(item: Mapping[str, JSON]) -> Held:
    """
    Bring one returned instruction or content block into comparable form.

    Tolerant of what Prolific adds (`batch_id` or `parent_id`, unknown fields) and of scalar option
    values. An answer limit without options is ignored: there is nothing to choose from.

    Raises:
        OutcomeUnknown: No id, no type, or fields of another shape than documented: an answer that
            cannot be read says nothing about what Prolific did.
    """
    identity, kind = item.get("id"), item.get("type")
    if identity is None and kind == BlockType.DATASET_FIELD:
        identity = ""
    if not isinstance(identity, str) or not isinstance(kind, str):
        raise OutcomeUnknown("Prolific returned an instruction without id or type.")
    content = content_of(item)
    return Held(identity.lower(), kind, content, _cannot_carry(item, content))


def content_of(item: Mapping[str, JSON]) -> Content:
    """
    Bring what one item says into comparable form, sent or returned.

    Raises:
        OutcomeUnknown: Fields of another shape than documented.
    """
    kind = _text(item.get("type"))
    own: dict[str, Any]
    match kind:
        case InstructionType.FREE_TEXT:
            own = dict(zip(_RULE, _validation(item), strict=True))
        case InstructionType.FREE_TEXT_WITH_UNIT:
            own = {
                "default_unit": _text(item.get("default_unit")),
                "unit_position": _text(item.get("unit_position")),
                "options": tuple(map(_option_content, _objects(item.get("unit_options")))),
            }
        case InstructionType.FILE_UPLOAD:
            own = _file_limits(item)
        case BlockType.RICH_TEXT | BlockType.IMAGE | BlockType.DATASET_FIELD:
            own = _block(kind, item)
        case _:
            own = {
                "answer_limit": _limit(item.get("answer_limit")),
                "disable_dropdown": bool(item.get("disable_dropdown")),
                "options": tuple(map(_option_content, _objects(item.get("options")))),
            }
    return Content(
        type=kind,
        description=_text(item.get("description")),
        helper_text=_text(item.get("helper_text")),
        placeholder_text_input=_text(item.get("placeholder_text_input")),
        **own,
    )


def ids_in_place(
    sent: Sequence[Mapping[str, JSON]], returned: Sequence[Mapping[str, JSON]]
) -> list[str] | None:
    """
    Return the id of each new item, in order, if every answer says exactly what was sent in its place.

    What `importer.matching` finds then too, at a tenth of its price: nearly every push that only creates is answered so.

    Args:
        sent: Items of a PUT.
        returned: Items of its answer, each with a text as `id`.

    Returns:
        The ids in lower case; None if anything has to be looked at more closely: an item that is not new, or says the same
        as another; an answer that adds, leaves out or changes something.
    """
    ids = [str(item["id"]).lower() for item in returned]
    is_plain = (
        len(sent) == len(returned) == len(set(ids)) == len({_text(item.get("description")) for item in sent})
        and not any("id" in item for item in sent)
        and all(map(_is_echo, sent, returned))
    )
    return ids if is_plain else None


def _is_echo(sent: Mapping[str, JSON], returned: Mapping[str, JSON]) -> bool:
    return sent.items() <= returned.items() and all(
        _is_server_made(name)
        or returned[name] is None
        or (name == "disable_dropdown" and returned[name] is False)
        for name in returned.keys() - sent.keys()
    )


def _file_limits(item: Mapping[str, JSON]) -> dict[str, str]:
    return {
        "accepted_file_types": ", ".join(sorted(_words(item.get("accepted_file_types")) or FILE_TYPES)),
        "max_file_size_mb": _text(item.get("max_file_size_mb")) or str(MAX_FILE_SIZE_MB),
        "min_file_count": _text(item.get("min_file_count")) or str(MIN_FILE_COUNT),
        "max_file_count": _text(item.get("max_file_count")) or str(MAX_FILE_COUNT),
    }


def _block(kind: str, item: Mapping[str, JSON]) -> dict[str, str]:
    is_text = kind == BlockType.RICH_TEXT
    return {
        "content": _text(item.get("content")),
        "content_format": _text(item.get("content_format")) or (CONTENT_FORMAT if is_text else ""),
        "url": _text(item.get("url")),
        "alt_text": _text(item.get("alt_text")),
        "caption": _text(item.get("caption")),
        "field": _text(item.get("field")),
    }


def _objects(value: JSON) -> list[Mapping[str, JSON]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise OutcomeUnknown("Prolific returned options that are no list.")
    options: list[Mapping[str, JSON]] = [option for option in value if isinstance(option, dict)]
    if len(options) != len(value):
        raise OutcomeUnknown("Prolific returned an option that is no object.")
    return options


def _words(value: JSON) -> set[str]:
    if value is None:
        return set()
    if not isinstance(value, list):
        raise OutcomeUnknown("Prolific returned file types that are no list.")
    return {_text(word) for word in value}


def _option_content(option: Mapping[str, JSON]) -> OptionContent:
    value = option.get("value")
    rule, low, high = _validation(option)
    return OptionContent(
        label=_text(option.get("label")),
        value=_text(value) if isinstance(value, str) else Scalar(_text(value)),
        heading=_text(option.get("heading")),
        exclusive=bool(option.get("exclusive")),
        validation_type=rule,
        validation_min=low,
        validation_max=high,
    )


def _validation(holder: Mapping[str, JSON]) -> tuple[str, str, str]:
    """Return type and bounds of the validation of a free_text or a unit; blank if every text passes."""
    rule = holder.get("validation")
    if not isinstance(rule, dict) or _is_open(rule):
        return "", "", ""
    return _text(rule.get("type")), _text(rule.get("min")), _text(rule.get("max"))


def _text(value: JSON) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return canonical(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.15g}"
    return str(value)


def _limit(value: JSON) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _cannot_carry(item: Mapping[str, JSON], content: Content) -> tuple[str, ...]:
    kind = content.type
    if kind not in CARRIED_TYPES:
        return (kind,)
    lost = _lost(item, _CARRIED[kind])
    if kind == InstructionType.FILE_UPLOAD:
        lost += [name for name, limit in _file_limits({}).items() if getattr(content, name) != limit]
    for name in _CARRIED_OF_OPTION.keys() & _NESTED[kind]:
        for option in _objects(item.get(name)):
            lost += _lost(option, _CARRIED_OF_OPTION[name])
    return tuple(dict.fromkeys(lost))


def without_column(item: Mapping[str, JSON]) -> tuple[str, ...]:
    """Name what a returned item says that the sheet has no column for."""
    lost = _lost(item, ITEM_FIELDS)
    for name in _CARRIED_OF_OPTION:
        for option in _objects(item.get(name)):
            lost += _lost(option, OPTION_FIELDS)
    return tuple(dict.fromkeys(lost))


def _lost(entry: Mapping[str, JSON], carried: frozenset[str]) -> list[str]:
    # Of what is carried only a validation can hold more: nearly every field stops at the first question.
    return [
        name
        for name, value in entry.items()
        if (name not in carried or name == "validation") and _is_lost(name, value, carried)
    ]


def _is_lost(name: str, value: JSON, carried: frozenset[str]) -> bool:
    if name == "validation" and isinstance(value, dict):
        return bool(value.keys() - _VALIDATION_FIELDS) or not (name in carried or _is_open(value))
    return bool(value) and name not in carried and not _is_server_made(name)


def _is_server_made(name: str) -> bool:
    return name in _SERVER_MADE or name.endswith(_SERVER_MADE_ENDINGS)


def _is_open(validation: Mapping[str, JSON]) -> bool:
    """Whether a validation lets every text pass: a string without bounds."""
    return (
        validation.get("type") == "string" and validation.get("min") is None and validation.get("max") is None
    )


def settle(held: Content, desired: Content) -> Content:
    """
    Return *held* with its numbers and booleans as the texts that *desired* writes for them.

    The PUT takes option values as strings only, but Prolific may return any scalar: true for the
    "TRUE" of a sheet, 1.0 for "1". Two texts are never taken as one.
    """
    if not any(isinstance(option.value, Scalar) for option in held.options):
        return held
    texts = [option.value for option in desired.options]
    options = (
        option._replace(value=_text_for(option.value, texts[place : place + 1] + texts))
        if isinstance(option.value, Scalar)
        else option
        for place, option in enumerate(held.options)
    )
    return held._replace(options=tuple(options))


def _text_for(value: str, texts: Sequence[str]) -> str:
    wanted = plain(value)
    return next((text for text in texts if plain(text) == wanted), value)


def plain(text: str) -> str:
    """
    Return the scalar that a text writes, at 15 digits; any other text as it is.

    >>> plain("TRUE"), plain("1.0"), plain("01"), plain("r1")
    ('true', '1', '01', 'r1')
    """
    try:
        value = json.loads(text.lower())
        if isinstance(value, bool):
            return text.lower().strip()
        return f"{float(value):.15g}" if isinstance(value, int | float) else text
    except (ValueError, OverflowError, RecursionError):
        return text
