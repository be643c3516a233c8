"""Instructions go out as the seed documents them, and come back in comparable form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import OutcomeUnknown
from importer.model import (
    JSON,
    FreeText,
    HeadedOption,
    Instruction,
    Item,
    MultipleChoice,
    MultipleChoiceWithFreeText,
    Option,
)
from importer.wire.instructions import (
    Content,
    OptionContent,
    from_item,
    not_carried,
    request_body,
    settle,
    to_content,
    to_item,
)
from tests.strategies import blocks, instructions

ID = "0192041c-470f-7336-8e3d-e03fc086a4e1"

DOCUMENTED = (
    MultipleChoice(
        ref="Q1",
        id=ID,
        description="Choose the LLM response which is more accurate.",
        answer_limit=1,
        options=(
            Option(label="Response 1", value="response1"),
            Option(label="Response 2", value="response2"),
        ),
    ),
    FreeText(
        ref="Q2",
        id="0192041c-4710-7336-8e3d-e9b6149c0797",
        description="Please share the reasons for your choice.",
    ),
    MultipleChoiceWithFreeText(
        ref="Q3",
        description="Rate each aspect and explain your reasoning.",
        answer_limit=-1,
        options=(
            HeadedOption(label="Good", value="accuracy_good", heading="Accuracy"),
            HeadedOption(label="Needs improvement", value="accuracy_poor", heading="Accuracy"),
        ),
    ),
)

DOCUMENTED_BODY = (
    '{"instructions":[{"type":"multiple_choice","description":"Choose the LLM response which is more accurate.",'
    '"id":"0192041c-470f-7336-8e3d-e03fc086a4e1","answer_limit":1,"options":[{"label":"Response 1","value":"response1"},'
    '{"label":"Response 2","value":"response2"}]},{"type":"free_text","description":"Please share the reasons for your '
    'choice.","id":"0192041c-4710-7336-8e3d-e9b6149c0797"},{"type":"multiple_choice_with_free_text","description":"Rate '
    'each aspect and explain your reasoning.","answer_limit":-1,"options":[{"label":"Good","value":"accuracy_good",'
    '"heading":"Accuracy"},{"label":"Needs improvement","value":"accuracy_poor","heading":"Accuracy"}]}]}'
)


def returned(**fields: JSON) -> dict[str, JSON]:
    """Build an item as Prolific returns it."""
    made: dict[str, JSON] = {
        "id": ID,
        "created_at": "2026-11-21T10:00:00Z",
        "created_by": "u1",
        "type": "free_text",
        "batch_id": "b1",
        "description": "Why?",
    }
    return made | fields


def choice(*options: JSON, **fields: JSON) -> dict[str, JSON]:
    """Build a multiple_choice item as Prolific returns it."""
    given: list[JSON] = list(options)
    return returned(type="multiple_choice", answer_limit=1, options=given, **fields)


def test_body_is_the_documented_one():
    """The documented example leaves exactly as documented, order of keys included."""
    assert json.dumps(request_body(DOCUMENTED), separators=(",", ":")) == DOCUMENTED_BODY


def test_optional_fields_are_sent_only_if_set():
    """Helper text, placeholder and disable_dropdown stand between id and options; false is sent when it was said."""
    row = MultipleChoice(
        ref="Q1",
        description="Rate it",
        helper_text="Slowly",
        placeholder_text_input="Type …",
        answer_limit=1,
        disable_dropdown=False,
        options=(Option(label="Good", value="good"),),
    )

    assert list(to_item(row).items()) == [
        ("type", "multiple_choice"),
        ("description", "Rate it"),
        ("helper_text", "Slowly"),
        ("placeholder_text_input", "Type …"),
        ("answer_limit", 1),
        ("disable_dropdown", False),
        ("options", [{"label": "Good", "value": "good"}]),
    ]


def test_texts_leave_as_they_stand():
    """Comparison forms are never sent: a decomposed letter and CRLF stay."""
    row = FreeText(ref="Q1", description="e\u0301\r\n ")

    assert to_item(row)["description"] == "e\u0301\r\n "
    assert to_content(row).description == "é\n "


@given(instructions("Q1", ID))
def test_what_was_sent_compares_equal(row: Instruction):
    """An item that comes back as it was sent has the content of its row, and nothing is lost that a PUT carries."""
    held = from_item(to_item(row))

    assert (held.id, held.content) == (ID, to_content(row))
    assert set(held.cannot_carry) <= {name.removeprefix("option_") for name in not_carried(row)}


@given(blocks("B1", ID))
def test_blocks_that_were_sent_compare_equal(row: Item):
    """A content block has a content too, and a PUT carries none."""
    held = from_item(to_item(row))

    assert (held.id, held.content, held.cannot_carry) == (ID, to_content(row), (row.type,))
    assert ("type",) == not_carried(row)


@pytest.mark.parametrize(
    "extra",
    [
        {"helper_text": None, "placeholder_text_input": "", "disable_dropdown": False, "options": []},
        {"batch_id": None, "parent_id": "b1", "parent_type": "batch", "order": 3},
        {"updated_at": "2026-11-21", "workspace_id": "w1", "deleted_by": "u2", "schema_version": 4},
        {"answer_limit": 1},
        {"validation": None, "unit_options": [], "default_unit": ""},
        {"validation": {"type": "string", "min": None, "max": None}},
    ],
)
def test_absent_null_default_and_metadata_are_one(extra: dict[str, JSON]):
    """What a server adds by itself changes neither the content nor what can be carried."""
    held = from_item(returned(**extra))

    assert (held.content, held.cannot_carry) == (Content("free_text", "Why?"), ())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("r1", "r1"),
        (1, "1"),
        (1.0, "1"),
        (0.1, "0.1"),
        (True, "true"),
        (False, "false"),
        ("1.0", "1.0"),
        (None, ""),
    ],
)
def test_option_values_are_text(value: JSON, text: str):
    """Prolific may return any scalar; 1, 1.0 and "1" are one value, and a text stays what it is."""
    held = from_item(choice({"label": "One", "value": value}))

    assert [text] == [option.value for option in held.content.options]


@pytest.mark.parametrize(
    ("item", "lost"),
    [
        (returned(type="star_rating", max_stars=3), ("star_rating",)),
        (returned(type="file_upload", max_file_count=3), ("max_file_count",)),
        (returned(type="file_upload", max_file_count=10, min_file_count=1, max_file_size_mb=25.0), ()),
        (returned(type="file_upload", accepted_file_types=[".png"]), ("accepted_file_types",)),
        (returned(validation={"type": "number", "min": 1, "max": None}), ()),
        (returned(validation={"type": "number", "step": 2}), ("validation",)),
        (choice({"label": "A", "value": "a"}, validation={"type": "number"}), ("validation",)),
        (choice({"label": "A", "value": "a"}, validation={"type": "string"}), ()),
        (returned(something_new="yes"), ("something_new",)),
        (returned(options=[{"label": "A", "value": "a"}]), ("options",)),
        (
            choice({"label": "A", "value": "a"}, {"label": "None", "value": "n", "exclusive": True}),
            ("exclusive",),
        ),
        (choice({"label": "A", "value": "a", "exclusive": False, "id": "o1"}), ()),
    ],
)
def test_what_a_put_would_lose_is_named(item: dict[str, JSON], lost: tuple[str, ...]):
    """Types and fields outside the PUT are named, server-made ones are not."""
    assert lost == from_item(item).cannot_carry


@pytest.mark.parametrize(
    "item",
    [
        returned(id=None),
        returned(type=7),
        choice() | {"options": "a, b"},
        choice("a"),
        returned(type="free_text_with_unit", unit_options="kg, g"),
        returned(type="file_upload", accepted_file_types=".pdf"),
    ],
)
def test_unreadable_items_say_nothing_about_the_outcome(item: dict[str, JSON]):
    """An item without id or type, or with options of another shape, is an unreadable answer."""
    with pytest.raises(OutcomeUnknown):
        from_item(item)


def test_id_is_lower_case():
    """Ids compare without case."""
    assert ID == from_item(returned(id=ID.upper())).id


@pytest.mark.parametrize(
    ("value", "desired", "settled"),
    [
        (True, ["FALSE", "TRUE"], "TRUE"),
        (1.0, ["1.0", "1"], "1.0"),
        (1, ["2", "01"], "1"),
        (False, ["0"], "false"),
        ("true", ["TRUE"], "true"),
        (12345678901234567890.0, ["12345678901234567890"], "12345678901234567890"),
    ],
)
def test_scalars_settle_on_the_text_of_the_sheet(value: JSON, desired: list[str], settled: str):
    """A returned number or boolean is the text that the sheet writes for it; a returned text is itself."""
    held = from_item(choice({"label": "A", "value": value})).content
    wanted = Content("multiple_choice", "Why?", options=tuple(OptionContent("A", text) for text in desired))

    assert [settled] == [option.value for option in settle(held, wanted).options]


def test_scalars_settle_on_their_own_place_first():
    """Where two texts of a sheet write one number, the one at the same place is meant."""
    held = from_item(choice({"label": "A", "value": "1.0"}, {"label": "B", "value": 1})).content
    wanted = Content("multiple_choice", "Why?", options=(OptionContent("A", "1.0"), OptionContent("B", "1")))

    assert [option.value for option in settle(held, wanted).options] == ["1.0", "1"]


@given(st.text(max_size=8))
def test_settling_never_touches_a_text(text: str):
    """Two texts are never taken as one value, however alike they look."""
    held = from_item(choice({"label": "A", "value": text})).content
    wanted = Content("multiple_choice", "Why?", options=(OptionContent("A", text.upper() + "0"),))

    assert held == settle(held, wanted)
