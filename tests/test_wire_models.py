"""Items of Prolific as models: what was sent comes back, and what no row can say is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.model import MODELS, Item
from importer.wire.instructions import content_of, to_item
from importer.wire.models import NotDescribable, is_describable, to_model
from tests.layouts import ask, uuid
from tests.strategies import blocks, instructions

CHOICE = {"type": "multiple_choice", "id": uuid(1), "description": "Which?", "answer_limit": 1}


@given(row=instructions("Q1", uuid(1)) | blocks("Q1", uuid(1)))
def test_what_is_sent_comes_back(row: Item):
    """Every type and field, texts to the letter."""
    again = to_model(to_item(row), "Q1")

    assert content_of(to_item(row)) == content_of(to_item(again))
    assert (row.ref, row.id, row.type) == (again.ref, again.id, again.type)
    texts = {name: value for name, value in to_item(row).items() if isinstance(value, str)}
    assert texts.items() <= to_item(again).items()


@given(kind=st.sampled_from(sorted(MODELS)))
def test_every_type_with_a_model_is_describable(kind: str):
    """And no other."""
    assert is_describable({"type": kind})
    assert not is_describable({"type": f"{kind}_x"})


def test_scalars_become_the_texts_that_a_sheet_writes():
    """Numbers and booleans of options, and of the unit that is chosen beforehand."""
    values = [True, 1.0, 0, "x"]
    options = [{"label": "A", "value": value} for value in values]
    found: Any = to_model(CHOICE | {"options": options}, "Q1")
    assert ["true", "1", "0", "x"] == [option.value for option in found.options]

    unit = {
        "type": "free_text_with_unit",
        "id": uuid(1),
        "description": "How much?",
        "unit_position": "suffix",
    }
    found = to_model(unit | {"default_unit": 1, "unit_options": options[1:]}, "Q1")
    assert "1" == found.default_unit


def test_a_whole_number_may_be_written_as_a_fraction():
    """1.0 is 1 in JSON."""
    found: Any = to_model(CHOICE | {"answer_limit": 1.0, "options": [{"label": "A", "value": "a"}]}, "Q1")

    assert "1" == str(found.answer_limit)


def test_what_says_nothing_is_blank():
    """Null, false and empty texts; a validation that every text passes."""
    found = to_model(
        ask(1, helper_text="", placeholder_text_input=None, validation={"type": "string", "min": None}), "Q1"
    )

    assert (None, None, None) == (found.helper_text, found.placeholder_text_input, found.validation_type)  # type: ignore[union-attr]


def test_a_place_is_where_the_sheet_says_it():
    """Page, row and column."""
    found = to_model(ask(1), "Q1", (3, 2, 1))

    assert (3, 2, 1) == (found.page, found.row, found.column)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (ask(1) | {"id": "abc"}, "an id that is not of the usual kind"),
        (ask(1) | {"description": ""}, "description"),
        (CHOICE | {"options": []}, "no options"),
        (CHOICE | {"options": [{"label": "", "value": "a"}]}, "options.1.label"),
        (CHOICE | {"options": [{"label": "A", "value": "a", "heading": "H"}]}, "heading"),
        ({"type": "image", "id": uuid(1), "url": "http://x/a.png", "alt_text": "A"}, "url"),
    ],
)
def test_what_no_row_can_say_is_refused(item: dict[str, Any], reason: str):
    """With the field that is to blame."""
    with pytest.raises(NotDescribable, match=reason):
        to_model(item, "Q1")
