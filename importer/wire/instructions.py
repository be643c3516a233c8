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
from dataclasses import dataclass, field, replace
from typing import Final

from importer.contract import InstructionType, canonical
from importer.errors import OutcomeUnknown
from importer.model import JSON, FreeText, HeadedOption, Instruction, Option

CARRIED_TYPES: Final = frozenset(kind.value for kind in InstructionType)
ITEM_FIELDS: Final = frozenset(
    (
        "type",
        "description",
        "helper_text",
        "placeholder_text_input",
        "answer_limit",
        "disable_dropdown",
        "options",
    )
)
OPTION_FIELDS: Final = frozenset(("label", "value", "heading"))
# What a server says about an item without the researcher having written it. Names that we do not
# know count as content, since a PUT would lose it; but created_by, updated_at or workspace_id must
# not stop a push, so names of that pattern never do.
_SERVER_MADE: Final = frozenset(("id", "parent_type", "order", "position", "version", "schema_version"))
_SERVER_MADE_ENDINGS: Final = ("_id", "_at", "_by")


@dataclass(frozen=True, slots=True)
class OptionContent:
    """
    One option in comparable form.

    Attributes:
        label: What participants see.
        value: What the data holds, as text: number 1 and 1.0 are "1", true is "true".
        heading: "" if it has none.
        is_text: False if Prolific returned a number or boolean; no part of the comparison.
    """

    label: str
    value: str
    heading: str = ""
    is_text: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class Content:
    """An instruction in comparable form, without ref and id; "" and None mean: absent."""

    type: str
    description: str
    helper_text: str = ""
    placeholder_text_input: str = ""
    answer_limit: int | None = None
    disable_dropdown: bool = False
    options: tuple[OptionContent, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """
    One instruction that Prolific holds.

    Attributes:
        id: Prolific's id, lower case.
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


def to_item(instruction: Instruction) -> dict[str, JSON]:
    """Build one item of the PUT's body; a field that is not set is left out."""
    item: dict[str, JSON] = {"type": instruction.type, "description": instruction.description}
    if instruction.id is not None:
        item["id"] = instruction.id
    if instruction.helper_text is not None:
        item["helper_text"] = instruction.helper_text
    if instruction.placeholder_text_input is not None:
        item["placeholder_text_input"] = instruction.placeholder_text_input
    if isinstance(instruction, FreeText):
        return item
    item["answer_limit"] = instruction.answer_limit
    if instruction.disable_dropdown is not None:
        item["disable_dropdown"] = instruction.disable_dropdown
    options: list[JSON] = [_option_item(option) for option in instruction.options]
    item["options"] = options
    return item


def _option_item(option: Option) -> dict[str, JSON]:
    item: dict[str, JSON] = {"label": option.label, "value": option.value}
    if isinstance(option, HeadedOption):
        item["heading"] = option.heading
    return item


def to_sent(instruction: Instruction) -> Sent:
    """Bring an instruction of the sheet into the form in which it is looked for in an answer."""
    return Sent(instruction.ref, instruction.id, to_content(instruction))


def to_content(instruction: Instruction) -> Content:
    """Bring an instruction of the sheet into comparable form."""
    common = Content(
        type=instruction.type,
        description=canonical(instruction.description),
        helper_text=canonical(instruction.helper_text or ""),
        placeholder_text_input=canonical(instruction.placeholder_text_input or ""),
    )
    if isinstance(instruction, FreeText):
        return common
    return replace(
        common,
        answer_limit=instruction.answer_limit,
        disable_dropdown=bool(instruction.disable_dropdown),
        options=tuple(
            OptionContent(
                label=canonical(option.label),
                value=canonical(option.value),
                heading=canonical(option.heading) if isinstance(option, HeadedOption) else "",
            )
            for option in instruction.options
        ),
    )


def from_item(item: Mapping[str, JSON]) -> Held:
    """
    Bring one returned instruction into comparable form.

    Tolerant of what Prolific adds (`batch_id` or `parent_id`, unknown fields) and of scalar option
    values. An answer limit on free_text is ignored: there is nothing to choose from.

    Raises:
        OutcomeUnknown: No id, no type, or options that are no list of objects: an answer that
            cannot be read says nothing about what Prolific did.
    """
    identity, kind = item.get("id"), item.get("type")
    if not isinstance(identity, str) or not isinstance(kind, str):
        raise OutcomeUnknown("Prolific returned an instruction without id or type.")
    return Held(
        identity.lower(), kind, content_of(item), _cannot_carry(item, kind, _objects(item.get("options")))
    )


def content_of(item: Mapping[str, JSON]) -> Content:
    """
    Bring what one item says into comparable form, sent or returned.

    Raises:
        OutcomeUnknown: Options that are no list of objects.
    """
    kind = str(item.get("type"))
    content = Content(
        type=kind,
        description=_text(item.get("description")),
        helper_text=_text(item.get("helper_text")),
        placeholder_text_input=_text(item.get("placeholder_text_input")),
    )
    if kind != InstructionType.FREE_TEXT:
        content = replace(
            content,
            answer_limit=_limit(item.get("answer_limit")),
            disable_dropdown=bool(item.get("disable_dropdown")),
            options=tuple(_option_content(option) for option in _objects(item.get("options"))),
        )
    return content


def _objects(value: JSON) -> list[Mapping[str, JSON]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise OutcomeUnknown("Prolific returned options that are no list.")
    options: list[Mapping[str, JSON]] = [option for option in value if isinstance(option, dict)]
    if len(options) != len(value):
        raise OutcomeUnknown("Prolific returned an option that is no object.")
    return options


def _option_content(option: Mapping[str, JSON]) -> OptionContent:
    value = option.get("value")
    return OptionContent(
        label=_text(option.get("label")),
        value=_text(value),
        heading=_text(option.get("heading")),
        is_text=isinstance(value, str),
    )


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


def _cannot_carry(
    item: Mapping[str, JSON], kind: str, options: Sequence[Mapping[str, JSON]]
) -> tuple[str, ...]:
    if kind not in CARRIED_TYPES:
        return (kind,)
    lost = [name for name, value in item.items() if _is_lost(name, value, ITEM_FIELDS)]
    if kind == InstructionType.FREE_TEXT and options:
        lost.append("options")
    for option in options:
        lost += [name for name, value in option.items() if _is_lost(name, value, OPTION_FIELDS)]
    return tuple(dict.fromkeys(lost))


def _is_lost(name: str, value: JSON, carried: frozenset[str]) -> bool:
    if name in carried or name in _SERVER_MADE or name.endswith(_SERVER_MADE_ENDINGS):
        return False
    return bool(value) and not (name == "validation" and _is_open(value))


def _is_open(validation: JSON) -> bool:
    """Whether a validation lets every text pass: a string without bounds."""
    return (
        isinstance(validation, dict)
        and validation.get("type") == "string"
        and validation.get("min") is None
        and validation.get("max") is None
    )


def settle(held: Content, desired: Content) -> Content:
    """
    Return *held* with its numbers and booleans as the texts that *desired* writes for them.

    The PUT takes option values as strings only, but Prolific may return any scalar: true for the
    "TRUE" of a sheet, 1.0 for "1". Two texts are never taken as one.
    """
    if all(option.is_text for option in held.options):
        return held
    texts = [option.value for option in desired.options]
    options = (
        option
        if option.is_text
        else replace(option, value=_text_for(option.value, texts[place : place + 1] + texts))
        for place, option in enumerate(held.options)
    )
    return replace(held, options=tuple(options))


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
