"""Every type and its columns: what is wrong with a sheet, what it becomes, and the way back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from importer import checking
from importer.contract import INSTRUCTIONS
from importer.model import (
    Batch,
    DatasetField,
    FileUpload,
    FreeText,
    FreeTextWithUnit,
    Image,
    Item,
    MultipleChoice,
    Option,
    RichText,
    UnitOption,
)
from importer.texts import canonical, is_blank, trim
from importer.transformer import to_batches, to_rows
from importer.wire.instructions import from_item, to_content, to_item
from importer.workbook.template import write_filled
from tests.books import BATCH_ID, rows_of, write_book
from tests.checks import brief, check, read
from tests.strategies import layouts

Book = Callable[..., Path]

#: One instruction of each type, and a content block of each, with all that they may have.
GOOD = """
    | ref | type                | description | answer_limit | option_label | option_value | option_exclusive | validation_type | validation_min | validation_max | default_unit | unit_position | accepted_file_types | max_file_size_mb | min_file_count | max_file_count | content | content_format | url             | alt_text | caption | field | page | row | column |
    | T1  | rich_text           |             |              |              |              |                  |                 |                |                |              |               |                     |                  |                |                | # Read  | Markdown       |                 |          |         |       | 1    |     |        |
    | P1  | image               |             |              |              |              |                  |                 |                |                |              |               |                     |                  |                |                |         |                | https://x/a.png | A map    | Town    |       | 1    | 2   | 1      |
    | D1  | dataset_field       |             |              |              |              |                  |                 |                |                |              |               |                     |                  |                |                |         |                |                 |          |         | text  | 1    | 2   | 2      |
    | Q1  | multiple_choice     | Which?      | any          | A            | a            | no               |                 |                |                |              |               |                     |                  |                |                |         |                |                 |          |         |       | 2    |     |        |
    | Q1  |                     |             |              | None         | n            | YES              |                 |                |                |              |               |                     |                  |                |                |         |                |                 |          |         |       |      |     |        |
    | Q2  | free_text           | How many?   |              |              |              |                  | number          | -0.5           | 1e2            |              |               |                     |                  |                |                |         |                |                 |          |         |       | 2    |     |        |
    | Q3  | free_text_with_unit | How heavy?  |              | Kilograms    | kg           |                  | number          | 0              |                | kg           | Suffix        |                     |                  |                |                |         |                |                 |          |         |       | 3    |     |        |
    | Q3  |                     |             |              | Pounds       | lb           |                  | string          | 1              | 9              |              |               |                     |                  |                |                |         |                |                 |          |         |       |      |     |        |
    | Q4  | file_upload         | Send it.    |              |              |              |                  |                 |                |                |              |               | .pdf; .JPG          | 2.5              | 2              | 3              |         |                |                 |          |         |       | 3    |     |        |
"""
ITEMS: tuple[Item, ...] = (
    RichText(ref="T1", content="# Read", content_format="markdown", page=1),
    Image(ref="P1", url="https://x/a.png", alt_text="A map", caption="Town", page=1, row=2, column=1),
    DatasetField(ref="D1", field="text", page=1, row=2, column=2),
    MultipleChoice(
        ref="Q1",
        description="Which?",
        answer_limit=-1,
        options=(
            Option(label="A", value="a", exclusive=False),
            Option(label="None", value="n", exclusive=True),
        ),
        page=2,
    ),
    FreeText(
        ref="Q2",
        description="How many?",
        validation_type="number",
        validation_min=-0.5,
        validation_max=100,
        page=2,
    ),
    FreeTextWithUnit(
        ref="Q3",
        description="How heavy?",
        default_unit="kg",
        unit_position="suffix",
        options=(
            UnitOption(label="Kilograms", value="kg", validation_type="number", validation_min=0),
            UnitOption(
                label="Pounds", value="lb", validation_type="string", validation_min=1, validation_max=9
            ),
        ),
        page=3,
    ),
    FileUpload(
        ref="Q4",
        description="Send it.",
        accepted_file_types=(".pdf", ".JPG"),
        max_file_size_mb=2.5,
        min_file_count=2,
        max_file_count=3,
        page=3,
    ),
)


def test_every_type_becomes_its_model(book: Book):
    """With every field that it may have."""
    path = book(GOOD)

    assert [] == brief(check(path))
    assert to_batches(read(path))[0].items == ITEMS


@pytest.mark.parametrize(
    ("item", "body"),
    [
        (
            ITEMS[4],
            {
                "type": "free_text",
                "description": "How many?",
                "validation": {"type": "number", "min": -0.5, "max": 100},
            },
        ),
        (
            ITEMS[5],
            {
                "type": "free_text_with_unit",
                "description": "How heavy?",
                "default_unit": "kg",
                "unit_position": "suffix",
                "unit_options": [
                    {"label": "Kilograms", "value": "kg", "validation": {"type": "number", "min": 0}},
                    {
                        "label": "Pounds",
                        "value": "lb",
                        "validation": {"type": "string", "min": 1, "max": 9},
                    },
                ],
            },
        ),
        (
            ITEMS[6],
            {
                "type": "file_upload",
                "description": "Send it.",
                "accepted_file_types": [".pdf", ".JPG"],
                "max_file_size_mb": 2.5,
                "min_file_count": 2,
                "max_file_count": 3,
            },
        ),
        (ITEMS[0], {"type": "rich_text", "content": "# Read", "content_format": "markdown"}),
        (ITEMS[1], {"type": "image", "url": "https://x/a.png", "alt_text": "A map", "caption": "Town"}),
        (ITEMS[2], {"type": "dataset_field", "field": "text"}),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_a_type_goes_out_as_prolific_documents_it(item: Item, body: dict[str, object]):
    """Its place is no field of an item, and an option that is not exclusive does not say so."""
    assert body == to_item(item)


def test_a_bound_may_be_larger_than_any_machine_word(book: Book):
    """What a cell may say is checked, and comes back as a cell may say it."""
    path = book("""
        | ref | type      | description | validation_type | validation_min | validation_max |
        | Q1  | free_text | How many?   | number          | -1e30          | 123456789012e9 |
    """)

    (study,) = checking.check([path]).studies
    (item,) = study.batches[0].items
    assert isinstance(item, FreeText)
    assert (-1e30, 123456789012e9) == (item.validation_min, item.validation_max)
    (cells,), _ = to_rows(study.batches)
    assert ("-1e+30", "1.23456789012e+20") == (cells["validation_min"], cells["validation_max"])


def test_only_an_exclusive_option_says_so():
    """False is the default, and the documents of the PUT do not know the field."""
    assert [False, True] == ["exclusive" in option for option in to_item(ITEMS[3])["options"]]  # type: ignore[union-attr]


# ---------------------------------------------------------------- what is wrong
def table(kind: str, *columns: tuple[str, str]) -> str:
    """Make a sheet with one row: ref, type and description stand in A2, B2 and C2, the columns from D2 on."""
    names, texts = zip(*columns, strict=True) if columns else ((), ())
    description = "" if kind in ("rich_text", "image", "dataset_field") else "Why?"
    header = ["ref", "type", "description", *names]
    return f"| {' | '.join(header)} |\n| {' | '.join(['Q1', kind, description, *texts])} |"


@pytest.mark.parametrize(
    ("kind", "columns", "found"),
    [
        # what may be written
        ("free_text", [("validation_type", "number")], []),
        ("free_text", [("validation_type", "digits")], [("word-unknown", "D2")]),
        ("free_text", [("validation_min", "1"), ("validation_type", "")], [("validation-type-missing", "E2")]),
        ("free_text", [("validation_type", "number"), ("validation_min", "0,5")], [("number-invalid", "E2")]),
        ("free_text", [("validation_type", "number"), ("validation_max", "inf")], [("number-invalid", "E2")]),
        ("free_text", [("validation_type", "string"), ("validation_min", "0.5")], [("length-invalid", "E2")]),
        ("free_text", [("validation_type", "string"), ("validation_max", "-1")], [("length-invalid", "E2")]),
        ("free_text", [("validation_type", "string"), ("validation_max", "1e2")], []),
        (
            "free_text",
            [("validation_type", "number"), ("validation_max", "9"), ("validation_min", "10")],
            [("range-reversed", "F2")],
        ),
        ("file_upload", [("validation_type", "number")], [("cell-not-for-type", "D2")]),
        # files
        ("file_upload", [("accepted_file_types", "pdf")], [("file-type-invalid", "D2")]),
        ("file_upload", [("accepted_file_types", ".pdf, jpg")], [("file-type-invalid", "D2")]),
        ("file_upload", [("accepted_file_types", ",")], [("file-type-invalid", "D2")]),
        ("file_upload", [("max_file_size_mb", "0")], [("file-size-invalid", "D2")]),
        ("file_upload", [("max_file_size_mb", "big")], [("file-size-invalid", "D2")]),
        ("file_upload", [("min_file_count", "0")], [("count-invalid", "D2")]),
        ("file_upload", [("max_file_count", "1.5")], [("count-invalid", "D2")]),
        ("file_upload", [("min_file_count", "10")], []),
        ("file_upload", [("min_file_count", "11")], [("range-reversed", "D2")]),
        ("file_upload", [("min_file_count", "3"), ("max_file_count", "2")], [("range-reversed", "D2")]),
        ("file_upload", [("min_file_count", "11"), ("max_file_count", "x")], [("count-invalid", "E2")]),
        ("free_text", [("max_file_count", "2")], [("cell-not-for-type", "D2")]),
        ("file_upload", [("answer_limit", "1")], [("cell-not-for-type", "D2")]),
        ("file_upload", [("option_label", "A")], [("option-not-for-type", "D2")]),
        ("free_text", [("option_exclusive", "yes")], [("option-not-for-type", "D2")]),
        # content blocks
        ("rich_text", [], [("column-missing", "")]),
        ("rich_text", [("content", "x"), ("content_format", "rtf")], [("word-unknown", "E2")]),
        ("rich_text", [("content", "x"), ("helper_text", "y")], [("cell-not-for-type", "E2")]),
        ("rich_text", [("content", "x"), ("option_value", "y")], [("option-not-for-type", "E2")]),
        ("image", [("url", "http://x/a"), ("alt_text", "x")], [("address-invalid", "D2")]),
        ("image", [("url", "https://x y"), ("alt_text", "x")], [("address-invalid", "D2")]),
        ("image", [("url", "https://x/a"), ("alt_text", "")], [("cell-missing", "E2")]),
        ("dataset_field", [("field", ""), ("content", "x")], [("cell-missing", "D2"), ("cell-not-for-type", "E2")]),
        ("free_text", [("field", "x")], [("cell-not-for-type", "D2")]),
        # places
        ("free_text", [("page", "0")], [("count-invalid", "D2")]),
        ("free_text", [("page", "1"), ("row", "x")], [("count-invalid", "E2")]),
        ("free_text", [("page", "1"), ("column", "3")], [("word-unknown", "E2")]),
        ("free_text", [("page", ""), ("column", "2")], [("page-missing", "D2")]),
        ("free_text", [("page", ""), ("row", "2")], [("page-missing", "D2")]),
    ],
)  # fmt: skip
def test_one_row(book: Book, kind: str, columns: list[tuple[str, str]], found: list[tuple[str, str]]):
    """Each mistake at its cell, and nothing else."""
    places = [(code, f"Instructions!{cell}" if cell else "Instructions") for code, cell in found]

    assert places == brief(check(book(table(kind, *columns))))


UNITS = """
    | ref | type                | description | unit_position | option_label | option_value | option_heading | default_unit | option_exclusive |
    | Q1  | free_text_with_unit | How heavy?  | {position}    | Kilograms    | kg           | {heading}      | {default}    | {exclusive}      |
    | Q1  |                     |             |               | Pounds       | {second}     |                |              |                  |
"""
SOUND = {"position": "suffix", "heading": "", "default": "", "exclusive": "", "second": "lb"}


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({}, []),
        ({"default": "lb"}, []),
        ({"default": "g"}, [("unit-unknown", "H2")]),
        ({"position": ""}, [("cell-missing", "D2")]),
        ({"position": "middle"}, [("word-unknown", "D2")]),
        ({"heading": "Weight"}, [("cell-not-for-type", "G2")]),
        ({"exclusive": "yes"}, [("cell-not-for-type", "I2")]),
        ({"second": "kg"}, [("value-twice", "F3, F2")]),
        ({"second": ""}, [("value-missing", "F3")]),
    ],
)
def test_units(book: Book, cells: dict[str, str], found: list[tuple[str, str]]):
    """Units are options with their own rules."""
    places = [(code, f"Instructions!{cell}") for code, cell in found]

    assert places == brief(check(book(UNITS.format(**SOUND | cells))))


@pytest.mark.parametrize("rows", [1, 2])
def test_a_quantity_needs_two_units(book: Book, rows: int):
    """With one, or none, there is nothing to choose."""
    lines = UNITS.format(**SOUND).strip().splitlines()
    lines[1] = lines[1].replace("Kilograms", "").replace("kg", "") if rows == 1 else lines[1]

    assert [("units-too-few", "Instructions!E2")] == brief(check(book("\n".join(lines[:2]))))


def test_a_rule_of_a_unit_is_judged_on_its_row(book: Book):
    """Also where it is all that the row has: then the unit lacks label and value."""
    path = book("""
        | ref | type                | description | unit_position | option_label | option_value | validation_type | validation_min | validation_max |
        | Q1  | free_text_with_unit | How heavy?  | suffix        | Kilograms    | kg           | number          | 5              | 4              |
        | Q1  |                     |             |               | Pounds       | lb           |                 | 2              |                |
        | Q1  |                     |             |               |              |              | number          |                |                |
    """)

    assert [
        ("range-reversed", "Instructions!H2"),
        ("validation-type-missing", "Instructions!G3"),
        ("label-missing", "Instructions!E4"),
        ("value-missing", "Instructions!F4"),
    ] == brief(check(path))


@pytest.mark.parametrize(
    ("limit", "first", "found"),
    [
        ("any", "", []),
        ("1", "", [("exclusive-of-one", "G3")]),
        ("2", "yes", [("exclusive-of-all", "G2")]),
        ("any", "perhaps", [("flag-invalid", "G2")]),
        ("", "", [("answer-limit-missing", "D2")]),
    ],
)
def test_exclusive_options(book: Book, limit: str, first: str, found: list[tuple[str, str]]):
    """Alone means: not with others, so there must be others, and more than one answer."""
    places = [(code, f"Instructions!{cell}") for code, cell in found]
    path = book(f"""
        | ref | type            | description | answer_limit | option_label | option_value | option_exclusive |
        | Q1  | multiple_choice | Which?      | {limit}      | A            | a            | {first}          |
        | Q1  |                 |             |              | None         | n            | yes              |
    """)

    assert places == brief(check(path))


def test_pages_are_for_all_items_of_a_batch_or_for_none(book: Book):
    """Another batch of the workbook has nothing to do with it; a field may stand once on a page."""
    path = book(
        """
        | batch | ref | type          | description | field | page |
        | a     | D1  | dataset_field |             | text  | 1    |
        | a     | D2  | dataset_field |             | text  | 2    |
        | a     | D3  | dataset_field |             | text  | 1    |
        | a     | Q1  | free_text     | Why?        |       |      |
        | b     | D1  | dataset_field |             | text  |      |
        | b     | D2  | dataset_field |             | text  |      |
        | b     | Q1  | free_text     | Why?        |       |      |
        """,
        f"| batch | batch_id |\n| a | {BATCH_ID} |\n| b | {BATCH_ID.replace('11', '22')} |",
    )

    assert [("field-twice", "Instructions!E4, E2"), ("page-missing", "Instructions!F5")] == brief(check(path))


def test_a_type_that_needs_a_missing_column_names_the_column(book: Book):
    """It is the sheet that lacks it, not the row."""
    path = book("""
        | ref | type                | description | option_label | option_value |
        | Q1  | free_text_with_unit | How heavy?  | Kilograms    | kg           |
        | Q1  |                     |             | Pounds       | lb           |
    """)

    (found,) = check(path)

    assert ("column-missing", "Instructions", "unit_position") == (found.code, found.place, found.column)


def test_workbooks_with_and_without_rare_columns_are_checked_together(book: Book):
    """Each by its own rows, whatever the others have."""
    first = book(GOOD, name="first.xlsx")
    other = f"| batch_id |\n| {BATCH_ID.replace('11', '22')} |"
    second = book(table("file_upload", ("max_file_count", "x")), other, name="second.xlsx")
    third = book(table("free_text"), other.replace("22", "33"), name="third.xlsx")

    assert [("count-invalid", "second.xlsx")] == [(p.code, p.workbook) for p in check(first, second, third)]


def test_a_rare_column_that_is_blank_is_as_if_it_were_not_there(book: Book):
    """The template has every header, and what nobody fills in costs nothing."""
    path = book(table("free_text", ("page", ""), ("url", ""), ("validation_type", "number")))

    rare = {c.name for c in INSTRUCTIONS.columns if c.is_rare}
    assert ["validation_type"] == [n for n in read(path).instructions.names if n in rare]


# ---------------------------------------------------------------- what is accepted can be built
ODD = ["", "x", "0", "-1", "2", "1.5", "1e9", "yes", ".pdf", "kg", "string", "https://x/a", "prefix"]
CHANGES = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 23), st.sampled_from(ODD)), min_size=1, max_size=4
)


@settings(max_examples=40, deadline=None)
@given(CHANGES)
def test_what_is_accepted_can_be_built(changes: list[tuple[int, int, str]]):
    """Whatever is changed in a good workbook: without an error it becomes models, which refuse every mistake."""
    rows = rows_of(GOOD)
    for row, column, text in changes:
        rows[row][column] = text
    with tempfile.TemporaryDirectory() as folder:
        path = write_book(
            Path(folder) / "study.xlsx", {"Instructions": rows, "Batches": [["batch_id"], [BATCH_ID]]}
        )
        is_accepted = not any(p.is_error for p in check(path))
        event("accepted" if is_accepted else "not accepted")
        if is_accepted:
            to_batches(read(path))


# ---------------------------------------------------------------- there and back
_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=9
).filter(lambda text: not is_blank(text))
_words = _texts.map(trim)
_values = st.lists(_words, min_size=1, max_size=3, unique_by=canonical)


@settings(max_examples=15, deadline=None)
@given(layouts(texts=_texts, words=_words, values=_values))
def test_every_item_survives_sheet_and_wire(items: tuple[Item, ...]):
    """Models → rows → .xlsx → check → the same models; and what they send compares equal when it comes back."""
    batch = Batch(batch_id=BATCH_ID, row=2, items=items)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.xlsx"
        write_filled(path, *to_rows([batch]))
        assert [] == [p for p in check(path) if p.is_error and p.code != "field-twice"]
        assert (batch,) == to_batches(read(path))
    for item in items:
        held = from_item({**to_item(item), "id": BATCH_ID})
        assert (item.type, to_content(item)) == (held.type, held.content)
