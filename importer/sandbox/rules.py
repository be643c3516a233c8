"""
What Prolific documents about one instruction: its types, fields and limits.

The sandbox states these rules a second time on purpose: sharing `importer.contract` or
`importer.model` would let one mistake pass on both sides.

Source: "Update Batch Instructions" (request schema and prose); for the types that only newer
documents have, the schemas of "Create Batch Instructions" and of batch_items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importer.model import JSON

Item = Mapping[str, "JSON"]
#: (field path within the item, what is wrong with it)
Complaint = tuple[str, str]

REQUIRED: Final = "This field is required."

_COMMON: Final = ("description", "helper_text", "placeholder_text_input")
_CHOICE: Final = (*_COMMON, "answer_limit", "disable_dropdown", "options")
_FILE_LIMITS: Final = ("accepted_file_types", "max_file_size_mb", "min_file_count", "max_file_count")
#: The documented fields of each type, in the order of the documents; others are dropped.
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "multiple_choice": _CHOICE,
    "free_text": (*_COMMON, "validation"),
    "multiple_choice_with_free_text": _CHOICE,
    "free_text_with_unit": (*_COMMON, "unit_options", "default_unit", "unit_position"),
    "file_upload": (*_COMMON, *_FILE_LIMITS),
    "video_narration": _COMMON,
    "star_rating": (*_COMMON, "max_stars"),
}
#: What each option has, by the type of its instruction; `exclusive` may come with it.
_OPTION_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "multiple_choice": ("label", "value"),
    "multiple_choice_with_free_text": ("label", "value", "heading"),
}
#: Types whose fields nobody has documented: whatever is sent is kept.
_OPEN: Final = frozenset({"video_narration", "star_rating"})
_REQUIRED_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "multiple_choice": ("answer_limit", "options"),
    "multiple_choice_with_free_text": ("answer_limit", "options"),
    "free_text_with_unit": ("unit_options", "unit_position"),
}


@dataclass(frozen=True, slots=True)
class Form:
    """
    What one operation takes.

    Attributes:
        types: The instruction types it knows.
        scalar_values: Whether option values may be numbers and booleans.
        dropped: Fields (of items and options) that it does not know and so loses.
    """

    types: frozenset[str]
    scalar_values: bool = False
    dropped: frozenset[str] = frozenset()


_SEED_TYPES: Final = frozenset({"multiple_choice", "free_text", "multiple_choice_with_free_text"})
_LIVE_TYPES: Final = _SEED_TYPES | {"free_text_with_unit", "file_upload"}
PUT_SEED: Final = Form(_SEED_TYPES, dropped=frozenset({"exclusive", "validation"}))
PUT_LIVE: Final = Form(_LIVE_TYPES, dropped=frozenset({"exclusive", *_FILE_LIMITS}))
POST: Final = Form(_LIVE_TYPES)
LAYOUT: Final = Form(_LIVE_TYPES | _OPEN, scalar_values=True)


def is_integer(value: object) -> bool:
    """Whether a JSON value is an integer; 1.0 is one, true is not."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text(value: object) -> bool:
    """Whether a JSON value is a string."""
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


_TEXT: Final = (is_text, "Not a valid string.")
_INTEGER: Final = (is_integer, "A valid integer is required.")
_LIST: Final = (_is_list, "Expected a list of items.")
_ANY: Final = (lambda _: True, "")
_KINDS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "description": _TEXT,
    "helper_text": _TEXT,
    "placeholder_text_input": _TEXT,
    "answer_limit": _INTEGER,
    "disable_dropdown": (_is_flag, "Must be a valid boolean."),
    "options": _LIST,
    "unit_options": _LIST,
    "default_unit": _TEXT,
    "unit_position": (lambda value: value in ("prefix", "suffix"), "Must be prefix or suffix."),
    "accepted_file_types": _LIST,
    "max_file_size_mb": (_is_number, "A valid number is required."),
    "min_file_count": _INTEGER,
    "max_file_count": _INTEGER,
    "validation": (lambda value: isinstance(value, dict), "Expected an object."),
}


def check_instruction(item: Item, form: Form) -> list[Complaint]:
    """
    Return what is wrong with one instruction, by field; empty if nothing is.

    Args:
        item: One entry of the request.
        form: What the operation takes.
    """
    kind = item.get("type")
    if kind is None:
        return [("type", REQUIRED)]
    if not isinstance(kind, str) or kind not in form.types:
        return [("type", f"{kind!r} is not a valid choice. Use one of: {', '.join(sorted(form.types))}.")]
    return list(_check_fields(item, kind)) or list(_check_limits(item, kind, form))


def _check_fields(item: Item, kind: str) -> Iterator[Complaint]:
    for field in ("description", *_REQUIRED_FIELDS.get(kind, ())):
        if field not in item:
            yield field, REQUIRED
    # Also of fields that other types have: what is no value of a field is refused, whoever bears it.
    for field, value in item.items():
        is_right, said = _KINDS.get(field, _ANY)
        if not is_right(value):
            yield field, said


def _check_limits(item: Item, kind: str, form: Form) -> Iterator[Complaint]:
    if "options" in FIELDS[kind]:
        yield from _check_options(item, kind, form)
    if kind == "free_text_with_unit":
        yield from _check_units(item)
    if kind == "file_upload" and number_in(item, "min_file_count", 1) > number_in(item, "max_file_count", 10):
        yield "min_file_count", "Must not be greater than max_file_count."
    if "validation" in item and kind == "free_text":
        yield from _check_validation(item["validation"])


def _check_options(item: Item, kind: str, form: Form) -> Iterator[Complaint]:
    options = _list(item["options"])
    if not options:
        yield "options", "This list may not be empty."
        return
    for number, option in enumerate(options):
        if not isinstance(option, dict):
            yield f"options.{number}", "Expected an object."
            continue
        for field in _OPTION_FIELDS[kind]:
            value = option.get(field)
            if isinstance(value, str) or (field == "value" and _is_scalar(value, form)):
                continue
            yield f"options.{number}.{field}", "Not a valid string." if field in option else REQUIRED
    limit = number_in(item, "answer_limit", 1)
    if not (limit == -1 or 1 <= limit <= len(options)):
        yield "answer_limit", f"Must be -1, or from 1 to the number of options ({len(options)})."
    if "exclusive" not in form.dropped:
        yield from _check_exclusive(_objects(options), limit)


def _check_exclusive(options: list[dict[str, JSON]], limit: float) -> Iterator[Complaint]:
    exclusive = [option.get("exclusive", False) for option in options]
    if not all(map(_is_flag, exclusive)):
        yield "options", "exclusive must be a valid boolean."
    elif any(exclusive) and (limit == 1 or all(exclusive)):
        yield "options", "exclusive needs more than one answer, and an option that is not exclusive."


def _is_scalar(value: object, form: Form) -> bool:
    return form.scalar_values and isinstance(value, bool | int | float)


def _check_units(item: Item) -> Iterator[Complaint]:
    units = _list(item["unit_options"])
    if len(units) < 2:  # noqa: PLR2004 - the documented minimum
        yield "unit_options", "At least two units are required."
    values = [unit.get("value") if isinstance(unit, dict) else None for unit in units]
    if "default_unit" in item and item["default_unit"] not in values:
        yield "default_unit", "Must be one of the values of unit_options."


def _check_validation(rule: JSON) -> Iterator[Complaint]:
    if not isinstance(rule, dict) or rule.get("type") not in ("number", "string"):
        yield "validation.type", "Must be number or string."
        return
    low, high = rule.get("min"), rule.get("max")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield "validation.min", "Must not be greater than max."


def repeated_values(item: Item) -> Iterator[Complaint]:
    """Yield a complaint for each option whose value another option has."""
    seen: list[JSON] = []
    for number, option in enumerate(_objects(_list(item.get("options")))):
        if option.get("value") in seen:
            yield f"options.{number}.value", "Another option has this value."
        seen.append(option.get("value"))


def oversizes(value: JSON, path: str, max_text: int, max_count: int) -> Iterator[Complaint]:
    """Yield a complaint for each text and list in a request that is too long; 0 allows any length."""
    if isinstance(value, str) and 0 < max_text < len(value):
        yield path, f"Ensure this field has no more than {max_text} characters."
    if isinstance(value, list) and 0 < max_count < len(value):
        yield path, f"Ensure this list has no more than {max_count} entries."
    inside = value.items() if isinstance(value, dict) else enumerate(_list(value))
    for name, entry in inside:
        yield from oversizes(entry, f"{path}.{name}", max_text, max_count)


def number_in(item: Item, field: str, default: int) -> float:
    """Return the number in a field; the default where there is none."""
    value = item.get(field, default)
    return value if isinstance(value, int | float) else default


def clean_instruction(item: Item, form: Form) -> dict[str, JSON]:
    """
    Return an instruction as it is kept: the documented fields of its type, defaults filled in.

    Args:
        item: An entry in which `check_instruction` found nothing wrong.
        form: What the operation takes.
    """
    kind = str(item["type"])
    if kind in _OPEN:
        return dict(item)
    kept: dict[str, JSON] = {"type": kind}
    kept |= {field: item[field] for field in FIELDS[kind] if field in item and field not in form.dropped}
    if "options" in kept:
        kept.setdefault("disable_dropdown", False)
        fields = (*_OPTION_FIELDS[kind], *({"exclusive"} - form.dropped))
        kept["options"] = [
            {field: option[field] for field in fields if field in option}
            for option in _objects(_list(kept["options"]))
        ]
    if is_integer(kept.get("answer_limit")):
        kept["answer_limit"] = int(number_in(item, "answer_limit", 1))
    return kept


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _objects(values: list[JSON]) -> list[dict[str, JSON]]:
    return [value for value in values if isinstance(value, dict)]
