"""Models: what cannot be built, and by which way; a model never changes, and is one with its equals."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given

from importer.model import (
    MODELS,
    Batch,
    BatchDetails,
    Dataset,
    FileUpload,
    FreeText,
    FreeTextWithUnit,
    HeadedOption,
    Image,
    MultipleChoice,
    MultipleChoiceWithFreeText,
    Option,
    RichText,
    UnitOption,
)
from tests.strategies import workbooks

A, B = Option(label="A", value="a"), Option(label="B", value="b")
UNITS = (UnitOption(label="Kilograms", value="kg"), UnitOption(label="Pounds", value="lb"))
#: The fields that each model needs.
NEEDED: dict[type[Any], dict[str, object]] = {
    FreeText: {"ref": "Q1", "description": "Why?"},
    MultipleChoice: {"ref": "Q1", "description": "Which?", "answer_limit": 1, "options": (A, B)},
    MultipleChoiceWithFreeText: {
        "ref": "Q1",
        "description": "Which?",
        "answer_limit": 1,
        "options": (HeadedOption(label="A", value="a", heading="H"),),
    },
    FreeTextWithUnit: {"ref": "Q1", "description": "How heavy?", "unit_position": "suffix", "options": UNITS},
    FileUpload: {"ref": "Q1", "description": "Send it."},
    RichText: {"ref": "T1", "content": "Read."},
    Image: {"ref": "P1", "url": "https://x/a.png", "alt_text": "A map"},
    MODELS["dataset_field"]: {"ref": "D1", "field": "text"},
    Dataset: {"ref": "d", "row": 2, "name": "Texts"},
    BatchDetails: {},
    Batch: {"batch_id": "b"},
}
NAN, ENDLESS = float("nan"), float("inf")

#: What breaks a rule: no way leads to such a model.
BROKEN: list[tuple[type[Any], dict[str, object]]] = [
    (FreeText, {"options": (A,)}),
    (FreeText, {"colour": "red"}),
    (FreeText, {"validation_min": 1}),
    (FreeText, {"validation_type": "number", "validation_min": "1"}),
    (FreeText, {"validation_type": "number", "validation_min": 2, "validation_max": 1}),
    (FreeText, {"validation_type": "number", "validation_max": NAN}),
    (FreeText, {"validation_type": "number", "validation_max": ENDLESS}),
    (FreeText, {"validation_type": "string", "validation_max": 1.5}),
    (FreeText, {"validation_type": "string", "validation_min": -1}),
    (FreeText, {"row": 1}),
    (MultipleChoice, {"options": ()}),
    (MultipleChoice, {"options": (A, A)}),
    (MultipleChoice, {"answer_limit": 3}),
    (MultipleChoice, {"answer_limit": 0}),
    (MultipleChoice, {"answer_limit": "1"}),
    (MultipleChoice, {"options": (A, B.replace(exclusive=True))}),
    (MultipleChoice, {"column": 1}),
    (FreeTextWithUnit, {"default_unit": "g"}),
    (FreeTextWithUnit, {"options": (UNITS[0], UNITS[0])}),
    (FileUpload, {"min_file_count": 3, "max_file_count": 2}),
    (FileUpload, {"max_file_size_mb": 0}),
    (FileUpload, {"max_file_size_mb": NAN}),
    (FileUpload, {"max_file_size_mb": ENDLESS}),
    (Batch, {"batch_id": ""}),
]
#: What has another type, length or form than it may: `checked` and `replace` see it, and mypy the types.
MISSHAPEN: list[tuple[type[Any], dict[str, object]]] = [
    (FreeText, {"ref": ""}),
    (FreeText, {"description": ""}),
    (FreeText, {"description": 1}),
    (FreeText, {"description": None}),
    (FreeText, {"validation_type": "colour"}),
    (FreeText, {"page": 0}),
    (FreeText, {"page": 1, "column": 3}),
    (MultipleChoice, {"answer_limit": 1.0}),
    (MultipleChoice, {"answer_limit": True}),
    (MultipleChoice, {"disable_dropdown": "yes"}),
    (MultipleChoice, {"options": (HeadedOption(label="A", value="a", heading="H"),)}),
    (MultipleChoiceWithFreeText, {"options": (A,)}),
    (FreeTextWithUnit, {"unit_position": "above"}),
    (FreeTextWithUnit, {"options": UNITS[:1]}),
    (FileUpload, {"accepted_file_types": ()}),
    (FileUpload, {"accepted_file_types": ("pdf",)}),
    (FileUpload, {"accepted_file_types": (".pdf\n",)}),
    (FileUpload, {"max_file_count": 0}),
    (RichText, {"content": ""}),
    (RichText, {"content_format": "rtf"}),
    (Image, {"url": "http://x/a.png"}),
    (Image, {"url": "https://x/a.png\n"}),
    (Dataset, {"name": ""}),
    (BatchDetails, {"name": 1}),
    (Batch, {"items": (A,)}),
]


@pytest.mark.parametrize("model", NEEDED)
def test_what_is_needed_is_enough(model: type[Any]):
    """Built either way it is the same, and without one of these fields there is none."""
    fields = NEEDED[model]

    assert model.checked(fields) == model(**fields)
    for name in fields:
        others = {key: value for key, value in fields.items() if key != name}
        with pytest.raises(ValueError, match=name):
            model.checked(others)
        with pytest.raises(TypeError, match=name):
            model(**others)


@pytest.mark.parametrize(("model", "fields"), BROKEN)
def test_no_way_leads_around_a_rule(model: type[Any], fields: dict[str, object]):
    """Checked, replaced, or called by its name."""
    with pytest.raises(ValueError, match=r"."):
        model.checked(NEEDED[model] | fields)
    with pytest.raises(ValueError, match=r"."):
        model(**NEEDED[model]).replace(**fields)
    with pytest.raises((ValueError, TypeError)):
        model(**(NEEDED[model] | fields))


@pytest.mark.parametrize(("model", "fields"), MISSHAPEN)
def test_what_is_checked_or_replaced_has_its_form(model: type[Any], fields: dict[str, object]):
    """A class that is called by its name does not look at types, lengths and forms."""
    with pytest.raises(ValueError, match=r"."):
        model.checked(NEEDED[model] | fields)
    with pytest.raises(ValueError, match=r"."):
        model(**NEEDED[model]).replace(**fields)
    assert model(**(NEEDED[model] | fields))


@given(batches=workbooks())
def test_models_are_values(batches: tuple[Batch, ...]):
    """Equal copies have one hash, a process gets what another sent, and nothing can be set."""
    again = pickle.loads(pickle.dumps(batches))  # noqa: S301 - ours

    assert (batches, hash(batches), repr(batches)) == (again, hash(again), repr(again))
    for one in (batches[0], batches[0].details, *batches[0].items):
        with pytest.raises(AttributeError):
            setattr(one, one.__struct_fields__[0], "x")
