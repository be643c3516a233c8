"""Frames become models, and models become rows again."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given

from importer.contract import BATCHES, INSTRUCTIONS, SheetContract
from importer.model import (
    Batch,
    BatchDetails,
    FreeText,
    HeadedOption,
    MultipleChoice,
    MultipleChoiceWithFreeText,
    Option,
)
from importer.sheets.frames import Frames, SheetFrame
from importer.transformer import first_rows, to_batches, to_rows
from tests.books import BATCH_ID, LIKERT, ONE_BATCH, rows_of
from tests.strategies import workbooks

OTHER_ID = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a22"
ID = "0192041c-470f-7336-8e3d-e03fc086a4e1"


def sheet(
    contract: SheetContract, rows: Sequence[dict[str, str]], numbers: Sequence[int] | None = None
) -> SheetFrame:
    """Build the frame of one sheet, as reading and checking leave it."""
    texts = [[row.get(name, "") for name in contract.names] for row in rows]
    numbers = numbers or range(2, 2 + len(rows))
    nothing: MappingProxyType[object, object] = MappingProxyType({})
    return SheetFrame(
        contract.name, contract.names, numbers, texts, nothing, "xl/worksheets/sheet1.xml", "", nothing
    )


def table(text: str) -> list[dict[str, str]]:
    header, *rows = rows_of(text)
    return [dict(zip(header, row, strict=False)) for row in rows]


def frames(
    instructions: str | Sequence[dict[str, str]],
    batches: str | Sequence[dict[str, str]] | None = ONE_BATCH,
    numbers: Sequence[int] | None = None,
) -> Frames:
    """Build the frames of a workbook from text tables, or from rows."""
    instruction_rows, batch_rows = (
        table(rows) if isinstance(rows, str) else rows for rows in (instructions, batches)
    )
    return Frames(
        "study.xlsx",
        Path("study.xlsx"),
        "",
        sheet(INSTRUCTIONS, instruction_rows or (), numbers),
        None if batch_rows is None else sheet(BATCHES, batch_rows),
    )


def test_rows_become_instructions_in_order():
    """Rows of one ref are one instruction; its options keep the order of the rows."""
    batches = to_batches(frames(LIKERT))

    assert batches == (
        Batch(
            batch_id=BATCH_ID,
            row=2,
            items=(
                MultipleChoice(
                    ref="Q1",
                    description="How was it?",
                    answer_limit=1,
                    options=(Option(label="Good", value="good"), Option(label="Bad", value="bad")),
                ),
                FreeText(ref="Q2", description="Why?"),
            ),
        ),
    )


def test_every_instruction_cell_becomes_a_field():
    """Any, yes, headings, texts and an id in capitals arrive in the model."""
    (batch,) = to_batches(
        frames(f"""
            | ref | type                           | description | answer_limit | option_heading | option_label | option_value | helper_text | placeholder_text_input | disable_dropdown | instruction_id |
            | Q1  | multiple_choice_with_free_text | Rate it     | Any          | Accuracy       | Good         | good         | Slowly      | Type …                 | YES              | {ID.upper()}   |
            | Q1  |                                |             |              | Accuracy       | Bad          | bad          |             |                        |                  |                |
        """)
    )

    assert batch.instructions == (
        MultipleChoiceWithFreeText(
            ref="Q1",
            id=ID,
            description="Rate it",
            helper_text="Slowly",
            placeholder_text_input="Type …",
            answer_limit=-1,
            disable_dropdown=True,
            options=(
                HeadedOption(label="Good", value="good", heading="Accuracy"),
                HeadedOption(label="Bad", value="bad", heading="Accuracy"),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("word", "flag"), [("no", False), ("False", False), ("0", False), ("1", True), ("", None)]
)
def test_flags_are_words(word: str, flag: bool | None):
    """A flag is yes, no, or blank for: leave the default."""
    (batch,) = to_batches(
        frames(f"""
            | ref | type            | description | answer_limit | option_label | option_value | disable_dropdown |
            | Q1  | multiple_choice | Rate it     | 1            | Good         | good         | {word}           |
        """)
    )

    assert [flag] == [row.disable_dropdown for row in batch.instructions if isinstance(row, MultipleChoice)]


def test_texts_are_kept_as_they_stand():
    """What participants see is not trimmed, folded or normalised."""
    text = " e\u0301\u00a0NA\n"
    (batch,) = to_batches(frames([{"ref": "Q1", "type": "free_text", "description": text}]))

    assert [text] == [row.description for row in batch.instructions]


def test_sorted_rows_lose_nothing():
    """After sorting, an instruction's own cells may stand below a row that leaves them blank."""
    (batch,) = to_batches(
        frames(f"""
            | ref | type            | description | answer_limit | option_label | option_value | helper_text | instruction_id |
            | Q1  |                 |             |              | Bad          | bad          |             |                |
            | Q1  | multiple_choice | Rate it     | 1            | Good         | good         | Slowly      | {ID}           |
        """)
    )

    assert [(ID, "Slowly", "1")] == [
        (row.id, row.helper_text, str(row.answer_limit)) for row in batch.instructions
    ]


def test_rows_apart_are_one_instruction():
    """Rows of one ref belong together wherever they stand; order is first appearance."""
    (batch,) = to_batches(
        frames("""
            | ref | type            | description | answer_limit | option_label | option_value |
            | Q1  | multiple_choice | Rate it     | 1            | Good         | good         |
            | Q2  | free_text       | Why?        |              |              |              |
            | Q1  |                 |             |              | Bad          | bad          |
        """)
    )

    assert [("Q1", 2), ("Q2", 0)] == [
        (row.ref, len(getattr(row, "options", ()))) for row in batch.instructions
    ]


def test_each_batch_gets_its_own_instructions():
    """Several batches in one workbook may use the same refs; a batch without rows stays empty."""
    batches = to_batches(
        frames(
            """
            | batch | ref | type      | description |
            | w2    | Q1  | free_text | Second      |
            | w1    | Q1  | free_text | First       |
            """,
            f"""
            | batch | batch_id           | name   | task_name |
            | w1    | {BATCH_ID}         | Wave 1 |           |
            | w2    | {OTHER_ID.upper()} |        | Compare   |
            | w3    | {ID}               |        |           |
            """,
        )
    )

    assert batches == (
        Batch(
            ref="w1",
            batch_id=BATCH_ID,
            row=2,
            details=BatchDetails(name="Wave 1"),
            items=(FreeText(ref="Q1", description="First"),),
        ),
        Batch(
            ref="w2",
            batch_id=OTHER_ID,
            row=3,
            details=BatchDetails(task_name="Compare"),
            items=(FreeText(ref="Q1", description="Second"),),
        ),
        Batch(ref="w3", batch_id=ID, row=4),
    )


def test_blank_batch_cell_means_the_only_batch():
    """With one batch, its short name may stand on the sheet Batches alone."""
    (batch,) = to_batches(frames(LIKERT, f"| batch | batch_id |\n| w1 | {BATCH_ID} |"))

    assert ("w1", ["Q1", "Q2"]) == (batch.ref, [row.ref for row in batch.instructions])


@pytest.mark.parametrize("batches", [None, "| batch | batch_id | name |\n|  |  | Wave 1 |"])
def test_batch_id_argument_names_the_batch(batches: str | None):
    """`--batch` serves a workbook without sheet Batches, or with a blank batch_id there."""
    (batch,) = to_batches(frames(LIKERT, batches), batch_id=BATCH_ID.upper())

    assert (BATCH_ID, 2) == (batch.batch_id, len(batch.instructions))


def test_workbook_without_sheet_batches_may_name_its_batch():
    """Without sheet Batches the short name of the instructions is the batch's."""
    (batch,) = to_batches(
        frames("| batch | ref | type | description |\n| w1 | Q1 | free_text | Why? |", None), batch_id=ID
    )

    assert ("w1", ID, None) == (batch.ref, batch.batch_id, batch.row)


@pytest.mark.parametrize(
    ("instructions", "batches"),
    [
        ("| ref | type | description |\n| Q1 | mutiple_choice | Why? |", ONE_BATCH),
        ("| ref | type | description |\n| Q1 | free_text |  |", ONE_BATCH),
        ("| ref | type | description | option_label |\n| Q1 | free_text | Why? | Good |", ONE_BATCH),
        ("| ref | type | description | disable_dropdown |\n| Q1 | free_text | Why? | perhaps |", ONE_BATCH),
        (
            "| batch | ref | type | description |\n| w9 | Q1 | free_text | Why? |",
            f"| batch | batch_id |\n| w1 | {ID} |",
        ),
        (
            "| batch | ref | type | description |\n| w1 | Q1 | free_text | a |\n| w2 | Q1 | free_text | b |",
            None,
        ),
        (LIKERT, None),
    ],
)
def test_unchecked_frames_raise(instructions: str, batches: str | None):
    """What checking should have reported is never built, and never guessed."""
    with pytest.raises(ValueError, match=r"."):
        to_batches(frames(instructions, batches))


def test_first_rows_are_excel_rows():
    """Where an id is written: the first row of the block, counted as Excel does."""
    found = first_rows(frames(LIKERT, f"| batch | batch_id |\n| w1 | {BATCH_ID} |", numbers=[4, 7, 12]))

    assert {("w1", "Q1"): 4, ("w1", "Q2"): 12} == found


def test_refs_compare_in_canonical_form():
    """One ref typed in two ways of writing é is one instruction, named as the sheets first have it."""
    made = frames(
        [
            {"batch": "caf\u00e9", "ref": "Q\u00e9", "type": "free_text", "description": "Why?"},
            {"batch": "cafe\u0301", "ref": "Qe\u0301"},
        ],
        [{"batch": "cafe\u0301", "batch_id": BATCH_ID}],
    )

    (batch,) = to_batches(made)

    assert ["Q\u00e9"] == [row.ref for row in batch.instructions]
    assert first_rows(made) == {(batch.ref, "Q\u00e9"): 2}


def test_rows_read_like_the_template():
    """Going back, the ref stands on every row and the instruction's other cells on its first."""
    instructions, batches = to_rows(to_batches(frames(LIKERT)))

    assert table(LIKERT) == [{name: row[name] for name in table(LIKERT)[0]} for row in instructions]
    assert [(BATCH_ID, "")] == [(row["batch_id"], row["name"]) for row in batches]


@given(workbooks())
def test_models_survive_the_way_between_processes(batches: tuple[Batch, ...]):
    """What is checked in one process is sent by another."""
    assert batches == pickle.loads(pickle.dumps(batches))  # noqa: S301 - ours


@given(workbooks())
def test_models_survive_the_sheet(batches: tuple[Batch, ...]):
    """Models written as rows and read again are the same models."""
    assert batches == to_batches(frames(*to_rows(batches)))
