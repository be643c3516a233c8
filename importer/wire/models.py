"""
Prolific's items → models, for `pull`: the way back of what `to_item` builds.

Texts are taken exactly as they came. What a model has no field for is left out here, and named by
whoever pulls; what no row can say is refused.

Source: "Update Batch Instructions", response, and `batch_items` of "Get a Batch".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec import ValidationError

from importer.contract import OPTION_TYPES, BlockType, InstructionType
from importer.model import MODELS, Item
from importer.wire.instructions import Content, OptionContent, content_of

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.wire.layout import Place

#: Fields that have another shape in a model, or that no server gives.
_OWN: Final = frozenset(("options", "unit_options", "validation", "ref", "page", "row", "column"))
#: The parts of the path in a message of msgspec; and the message that names its last part itself.
_PARTS: Final = re.compile(r"\w+")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")


class NotDescribable(ValueError):
    """No row of a sheet can say the item; the message says why, as the end of a sentence about it."""


def is_describable(item: Mapping[str, JSON]) -> bool:
    """Whether an item is of a type that the sheet has rows for."""
    return item.get("type") in MODELS


def to_model(item: Mapping[str, JSON], ref: str, place: Place | None = None) -> Item:
    """
    Build the model of an item that Prolific returned.

    Args:
        item: Of a type that `is_describable`.
        ref: The short name that it gets.
        place: Where it stands on the pages of its batch; None to leave that blank.

    Raises:
        NotDescribable: Its values break a rule of the sheet, such as two options of one value.
        OutcomeUnknown: It cannot be read (`content_of`).
    """
    content = content_of(item)
    fields: dict[str, object] = {
        name: _whole(item[name]) for name in _fields_of(item) if _says_something(item[name])
    }
    if (unit := item.get("default_unit")) is not None and not isinstance(unit, str):
        fields["default_unit"] = content.default_unit
    if "id" in item or item.get("type") != BlockType.DATASET_FIELD:
        fields["id"] = str(item.get("id") or "").lower()
        if not is_uuid(str(fields["id"])):
            raise NotDescribable(f"has an id that is not of the usual kind ({fields['id']})")
    fields |= _rule(item, content) | {"ref": ref}
    if content.options or item.get("type") in OPTION_TYPES:
        listed = item.get(
            "unit_options" if item.get("type") == InstructionType.FREE_TEXT_WITH_UNIT else "options"
        )
        raw = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        fields["options"] = [_option(*pair) for pair in zip(raw, content.options, strict=True)]
    if place is not None:
        fields |= dict(zip(("page", "row", "column"), place, strict=True))
    try:
        return MODELS[str(item.get("type"))].checked(fields)
    except ValidationError as error:
        raise NotDescribable(_reason(error)) from None


def _fields_of(item: Mapping[str, JSON]) -> Iterator[str]:
    """Yield the fields of an item that its model has in the same shape."""
    names = MODELS[str(item.get("type"))].__struct_fields__
    return (name for name in item if name in names and name not in _OWN)


def _whole(value: JSON) -> JSON:
    """Return 2 for 2.0: to JSON they are one number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _option(option: Mapping[str, JSON], content: OptionContent) -> dict[str, object]:
    names = ("label", "heading", "exclusive")
    given: dict[str, object] = {name: option[name] for name in names if _says_something(option.get(name))}
    value = option.get("value")
    return given | _rule(option, content) | {"value": value if isinstance(value, str) else content.value}


def _rule(holder: Mapping[str, JSON], content: Content | OptionContent) -> dict[str, object]:
    """Return the validation of a free_text or a unit, as fields; none if every text passes."""
    rule = holder.get("validation")
    if not content.validation_type or not isinstance(rule, Mapping):
        return {}
    return {
        f"validation_{name}": value
        for name in ("type", "min", "max")
        if (value := rule.get(name)) is not None
    }


def _says_something(value: JSON) -> bool:
    """Whether a value differs from what a blank cell says; 0 does."""
    return value not in (None, "", [], {}) and value is not False


def is_uuid(text: str) -> bool:
    """Whether a text is an id as the sheet takes it, in lower case."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _reason(error: ValidationError) -> str:
    what, _, path = str(error).partition(" - at `$")
    # `$.options[0].label`: people count from 1.
    places = [str(int(part) + 1) if part.isdigit() else part for part in _PARTS.findall(path)]
    if missing := _MISSING.fullmatch(what):
        places, what = [*places, missing[1]], "missing"
    where = f"{'.'.join(places)}: " if places else ""
    return f"breaks a rule of the sheet ({where}{what.replace('`', '')})"
