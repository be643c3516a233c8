"""Checking: which cell breaks which rule, and what is silent because another problem is the root."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from importer import validator
from importer.contract import INSTRUCTIONS, ITEM_TYPES
from importer.errors import UsageError
from importer.problems import Problem, problem, sort_problems
from importer.transformer import to_batches
from importer.validator import validate
from importer.validator.rules import Rule
from tests.books import BATCH_ID, LIKERT, ONE_BATCH, rows_of, write_book
from tests.checks import brief, check, read

Book = Callable[..., Path]

ID = "0192041c-470f-7336-8e3d-e03fc086a4e1"
OTHER_ID = "0192041c-470f-7336-8e3d-e03fc086a4e2"
OTHER_BATCH = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a22"
TWO_BATCHES = f"""
    | batch | batch_id      |
    | a     | {BATCH_ID}    |
    | b     | {OTHER_BATCH} |
"""


def problems_of(path: Path, **options: object) -> list[tuple[str, str]]:
    return brief(check(path, **options))  # type: ignore[arg-type]


def choice(*, limit: str = "1", options: str = "") -> str:
    """Make a sheet with one instruction of three options, and further rows."""
    return f"""
        | ref | type            | description | answer_limit | option_label | option_value |
        | Q1  | multiple_choice | Good?       | {limit}      | Yes          | y            |
        | Q1  |                 |             |              | No           | n            |
        | Q1  |                 |             |              | Both         | b            |
        {options}
    """


# ------------------------------------------------------------------ what is right
def test_good_workbook_has_no_problem(book: Book):
    """The usual sheet is accepted."""
    assert [] == problems_of(book(LIKERT))


def test_nothing_to_check():
    """If no workbook could be read there is nothing more to say."""
    assert () == validate([]).problems


def test_row_of_its_own_for_an_instruction(book: Book):
    """Some write the instruction on one row and all options below."""
    path = book("""
        | ref | type            | description | answer_limit | option_label | option_value |
        | Q1  | multiple_choice | Good?       | 2            |              |              |
        | Q1  |                 |             |              | Yes          | y            |
        | Q1  |                 |             |              | No           | n            |
    """)

    assert [] == problems_of(path)
    assert 2 == len(to_batches(read(path))[0].instructions[0].options)


def test_sorted_sheet(book: Book):
    """The instruction's own cells may stand on any row of its block."""
    path = book("""
        | ref | type            | description | answer_limit | option_label | option_value |
        | Q1  |                 |             |              | A            | a            |
        | Q1  | multiple_choice | Good?       | 1            | B            | b            |
    """)

    assert [] == problems_of(path)


def test_identical_repetition_is_fine(book: Book):
    """Composed and decomposed letters, any and -1, yes and TRUE are the same."""
    path = book(r"""
        | ref | type            | description | answer_limit | option_label | option_value | disable_dropdown |
        | Q1  | multiple_choice | Caf\u00e9?  | any          | A            | a            | yes              |
        | Q1  | multiple_choice | Cafe\u0301? | -1           | B            | b            | TRUE             |
    """)

    assert [] == problems_of(path)


# ------------------------------------------------------------------ type and description
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("", "type-missing"),
        ("mutiple_choice", "type-unknown"),
        ("Free_Text", "type-unknown"),
        ("star_rating", "type-unsupported"),
    ],
)
def test_unknown_type_is_the_root(book: Book, kind: str, code: str):
    """What depends on the type is not reported."""
    path = book(f"""
        | ref | type   | description | answer_limit | option_label | option_heading |
        | Q1  | {kind} | Good?       |              | Yes          |                |
        | Q1  |        |             |              |              | x              |
    """)

    assert [(code, "Instructions!B2")] == problems_of(path)


def test_description_is_missing(book: Book):
    """On the first row of the block."""
    path = book("| ref | type | description |\n| Q1 | free_text | |")

    assert [("description-missing", "Instructions!C2")] == problems_of(path)


# ------------------------------------------------------------------ answer limit
@pytest.mark.parametrize("limit", ["1", "-1", "any", "ANY", "2", "3"])
def test_answer_limit(book: Book, limit: str):
    """1, -1, any, or a number up to the number of options."""
    assert [] == problems_of(book(choice(limit=limit)))


@pytest.mark.parametrize("limit", ["0", "-2", "1.5", "two", "1.0", "١", "one", "+1"])
def test_answer_limit_is_invalid(book: Book, limit: str):
    """0 and less than -1 have no meaning; a text is not a number."""
    assert [("answer-limit-invalid", "Instructions!D2")] == problems_of(book(choice(limit=limit)))


def test_answer_limit_as_a_number(tmp_path: Path):
    """1.0 is how Excel may keep 1."""
    path = write_book(
        tmp_path / "study.xlsx",
        {
            "Instructions": [
                ["ref", "type", "description", "answer_limit", "option_label", "option_value"],
                ["Q1", "multiple_choice", "Good?", 1.0, "Yes", 1],
                ["Q1", None, None, None, "No", 0],
            ],
            "Batches": ONE_BATCH,
        },
    )

    assert [] == problems_of(path)


def test_answer_limit_is_too_high(book: Book):
    """It cannot exceed the number of options."""
    assert [("answer-limit-too-high", "Instructions!D2")] == problems_of(book(choice(limit="4")))


def test_answer_limit_is_missing(book: Book):
    """Both choice types need one."""
    assert [("answer-limit-missing", "Instructions!D2")] == problems_of(book(choice(limit="")))


# ------------------------------------------------------------------ what a type takes
def test_free_text_takes_no_limit_and_no_flag(book: Book):
    """Each cell that it does not take."""
    path = book("""
        | ref | type      | description | answer_limit | disable_dropdown |
        | Q1  | free_text | Why?        | two          | maybe            |
    """)

    assert [
        ("cell-not-for-type", "Instructions!D2"),
        ("cell-not-for-type", "Instructions!E2"),
    ] == problems_of(path)


def test_free_text_takes_no_options(book: Book):
    """One problem for each row, at its first cell of an option."""
    path = book("""
        | ref | type      | description | option_label | option_value |
        | Q1  | free_text | Why?        | Yes          | y            |
        | Q1  |           |             |              | n            |
    """)

    assert [
        ("option-not-for-type", "Instructions!D2"),
        ("option-not-for-type", "Instructions!E3"),
    ] == problems_of(path)


def test_multiple_choice_takes_no_heading(book: Book):
    """Headings belong to multiple_choice_with_free_text."""
    path = book("""
        | ref | type            | description | answer_limit | option_heading | option_label | option_value |
        | Q1  | multiple_choice | Good?       | 1            |                | Yes          | y            |
        | Q1  |                 |             |              | Quality        | No           | n            |
    """)

    assert [("cell-not-for-type", "Instructions!E3")] == problems_of(path)


@pytest.mark.parametrize("flag", ["yes", "no", "TRUE", "False", "1", "0"])
def test_flag(book: Book, flag: str):
    """Words for yes and no, in any case."""
    path = book(f"""
        | ref | type            | description | answer_limit | option_label | option_value | disable_dropdown |
        | Q1  | multiple_choice | Good?       | 1            | Yes          | y            | {flag}           |
    """)

    assert [] == problems_of(path)


def test_flag_is_invalid(book: Book):
    """Neither yes nor no."""
    path = book("""
        | ref | type            | description | answer_limit | option_label | option_value | disable_dropdown |
        | Q1  | multiple_choice | Good?       | 1            | Yes          | y            | maybe            |
    """)

    assert [("flag-invalid", "Instructions!G2")] == problems_of(path)


# ------------------------------------------------------------------ options
def test_missing_heading_points_at_the_option(book: Book):
    """Every option of multiple_choice_with_free_text needs a heading."""
    path = book("""
        | ref | type                           | description | answer_limit | option_heading | option_label | option_value |
        | q1  | multiple_choice_with_free_text | Rate it     | 1            | Accuracy       | Good         | good         |
        | q1  |                                |             |              |                | Bad          | bad          |
    """)

    assert [("heading-missing", "Instructions!E3")] == problems_of(path)


def test_label_and_value_are_missing(book: Book):
    """Every option needs both."""
    path = book(choice(options="| Q1 | | | | New | |\n| Q1 | | | | | new |"))

    assert [("value-missing", "Instructions!F5"), ("label-missing", "Instructions!E6")] == problems_of(path)


def test_options_are_missing(book: Book):
    """A choice without options; its limit is not blamed."""
    path = book("""
        | ref | type            | description | answer_limit | option_label | option_value |
        | Q1  | multiple_choice | Good?       | 2            |              |              |
    """)

    assert [("options-missing", "Instructions!E2")] == problems_of(path)


def test_row_without_an_option(book: Book):
    """A ref alone is a row that somebody forgot."""
    path = book(choice(options="| Q1 | | | | | |"))

    assert [("option-empty", "Instructions!A5")] == problems_of(path)


def test_second_row_of_free_text(book: Book):
    """A free_text instruction is one row."""
    path = book("| ref | type | description |\n| Q1 | free_text | Why? |\n| Q1 | free_text | Why? |")

    assert [("option-empty", "Instructions!A3")] == problems_of(path)


def test_value_stands_twice(book: Book):
    """After canonical form; both cells are named."""
    path = book(r"""
        | ref | type            | description | answer_limit | option_label | option_value |
        | Q1  | multiple_choice | Good?       | 1            | A            | caf\u00e9    |
        | Q1  |                 |             |              | B            | cafe\u0301   |
        | Q2  | multiple_choice | Good?       | 1            | A            | caf\u00e9    |
    """)

    assert [("value-twice", "Instructions!F3, F2")] == problems_of(path)


def test_number_and_text_are_one_value(tmp_path: Path):
    """The number 1 and the text "1"; the text "1.0" is another."""
    path = write_book(
        tmp_path / "study.xlsx",
        {
            "Instructions": [
                ["ref", "type", "description", "answer_limit", "option_label", "option_value"],
                ["Q1", "multiple_choice", "Good?", 1, "A", 1],
                ["Q1", "", "", "", "B", "1"],
                ["Q1", "", "", "", "C", "1.0"],
                ["Q1", "", "", "", "D", "01"],
            ],
            "Batches": ONE_BATCH,
        },
    )

    assert [("value-twice", "Instructions!F3, F2")] == problems_of(path)


def test_label_stands_twice(book: Book):
    """A warning; under another heading the same label is another option."""
    path = book("""
        | ref | type                           | description | answer_limit | option_heading | option_label | option_value |
        | Q1  | multiple_choice_with_free_text | Rate it     | 1            | Accuracy       | Good         | a1           |
        | Q1  |                                |             |              | Clarity        | Good         | c1           |
        | Q1  |                                |             |              | Clarity        | Good         | c2           |
    """)

    assert [("label-twice", "Instructions!F4, F3")] == problems_of(path)


def test_copied_option_is_one_problem(book: Book):
    """If the value stands twice, the label is not reported too."""
    path = book(LIKERT.replace("| Bad          | bad ", "| Good | good "))

    assert [("value-twice", "Instructions!F3, F2")] == problems_of(path)


# ------------------------------------------------------------------ blocks
def test_cells_of_one_instruction_differ(book: Book):
    """Both cells are named."""
    path = book(
        LIKERT.replace(
            "| Q1  |                 |                |", "| Q1  |                 | Other?         |"
        )
    )

    assert [("cells-differ", "Instructions!C3, C2")] == problems_of(path)


def test_rows_of_one_instruction_stand_apart(book: Book):
    """A warning: they are taken as one instruction."""
    path = book("""
        | ref | type            | description | answer_limit | option_label | option_value |
        | Q1  | multiple_choice | Good?       | 1            | A            | a            |
        | Q2  | free_text       | Why?        |              |              |              |
        | Q1  |                 |             |              | B            | b            |
        | Q1  |                 |             |              | C            | c            |
    """)

    assert [("ref-split", "Instructions!A4")] == problems_of(path)


def test_refs_are_compared_in_canonical_form(book: Book):
    """Composed or decomposed, it is one ref."""
    path = book(r"""
        | ref    | type            | description | answer_limit | option_label | option_value |
        | \u00e9 | multiple_choice | Good?       | 2            | A            | a            |
        | e\u0301|                 |             |              | B            | b            |
    """)

    assert [] == problems_of(path)


def test_row_without_ref_is_one_problem(book: Book):
    """Nothing else is said of it."""
    path = book(LIKERT + "| | | | | | | | |\n| | | Lost? | 7 | | | | |")

    assert [("ref-missing", "Instructions!A6")] == problems_of(path)


# ------------------------------------------------------------------ columns and cells that cannot be judged
def test_column_that_is_needed_is_missing(book: Book):
    """One problem for each column, not one for each cell beneath."""
    path = book("""
        | ref | type                           | description |
        | Q1  | multiple_choice_with_free_text | Good?       |
        | Q2  | multiple_choice                | Good?       |
    """)
    found = check(path)

    assert [("column-missing", "Instructions")] * 4 == brief(found)
    assert {"answer_limit", "option_heading", "option_label", "option_value"} == {p.column for p in found}


def test_unreadable_cell_is_reported_once(tmp_path: Path):
    """An error cell where a type should stand is not an unknown type too."""
    path = write_book(
        tmp_path / "study.xlsx",
        {
            "Instructions": [
                ["ref", "type", "description", "answer_limit", "option_label", "option_value"],
                ["Q1", "", "Good?", 1, "Yes", "y"],
                ["Q2", "multiple_choice", "Good?", 1, "", ""],
                ["Q2", "", "", "", "No", "n"],
            ],
            "Batches": ONE_BATCH,
        },
    )
    book = openpyxl.load_workbook(path)
    book["Instructions"]["B2"] = "#REF!"
    book["Instructions"]["E3"] = "=X1"
    book["Instructions"]["F3"] = "=X1"
    book.save(path)

    assert [
        ("error-cell", "Instructions!B2"),
        ("formula-without-result", "Instructions!E3"),
        ("formula-without-result", "Instructions!F3"),
    ] == problems_of(path)


# ------------------------------------------------------------------ instruction ids
def with_ids(*ids: str) -> str:
    rows = "\n".join(f"| Q{n} | free_text | Why? | {i} |" for n, i in enumerate(ids, 1))
    return f"| ref | type | description | instruction_id |\n{rows}"


@pytest.mark.parametrize("text", ["new", ID[:-1], ID + "0", ID.replace("-", "")])
def test_id_is_malformed(book: Book, text: str):
    """It is never sent."""
    assert [("id-malformed", "Instructions!D2")] == problems_of(book(with_ids(text)))


def test_id_in_capitals_is_an_id(book: Book):
    """Case does not matter."""
    assert [] == problems_of(book(with_ids(ID.upper())))


def test_id_stands_twice(book: Book):
    """The later one looks like a copy."""
    assert [("id-twice", "Instructions!D3, D2")] == problems_of(book(with_ids(ID, ID.upper())))


def test_id_may_stand_on_every_row_of_its_block(book: Book):
    """Filled down, it is still one instruction's; another one is not."""
    table = """
        | ref | type            | description | answer_limit | option_label | option_value | instruction_id |
        | Q1  | multiple_choice | Good?       | 1            | A            | a            | {0}            |
        | Q1  |                 |             |              | B            | b            | {1}            |
    """

    assert [] == problems_of(book(table.format(ID, ID)))
    assert [("cells-differ", "Instructions!G3, G2")] == problems_of(book(table.format(ID, OTHER_ID)))


def test_id_of_another_batch(book: Book):
    """The journal knows whose it is."""
    path = book(with_ids(ID, OTHER_ID))

    assert [("id-of-other-batch", "Instructions!D2")] == problems_of(
        path, known_ids={ID.upper(): OTHER_BATCH, OTHER_ID: BATCH_ID}
    )


def test_ids_of_another_workbook(book: Book):
    """A copied workbook with a new batch keeps the old ids; the original is not blamed."""
    one = book(with_ids(ID), name="one.xlsx")
    copy = book(with_ids(ID), f"| batch_id |\n| {OTHER_BATCH} |", name="copy.xlsx")

    assert [("id-twice", "Instructions!D2")] == brief(check(one, copy))
    assert [("id-of-other-batch", "Instructions!D2", "one.xlsx")] == [
        (p.code, p.place, p.workbook) for p in check(one, copy, known_ids={ID: OTHER_BATCH})
    ]


# ------------------------------------------------------------------ batches
def test_batch_is_in_two_workbooks(book: Book):
    """The second push would replace the first; its ids are not reported one by one."""
    one = book(with_ids(ID), name="one.xlsx")
    two = book(with_ids(ID), f"| batch_id |\n| {BATCH_ID.upper()} |", name="two.xlsx")

    assert [("batch-twice", "Batches!B2", "one.xlsx"), ("batch-twice", "Batches!A2", "two.xlsx")] == [
        (p.code, p.place, p.workbook) for p in check(one, two)
    ]


def test_batch_stands_twice_in_one_workbook(book: Book):
    """Both cells are named."""
    path = book(
        "| batch | ref | type | description |\n| a | Q1 | free_text | x |\n| b | Q1 | free_text | x |",
        f"| batch | batch_id |\n| a | {BATCH_ID} |\n| b | {BATCH_ID} |",
    )

    assert [("batch-twice", "Batches!B3, B2")] == problems_of(path)


def test_batch_option_names_one_workbook_only(book: Book):
    """--batch for two workbooks would push both to one batch."""
    one, two = book(LIKERT, None, name="one.xlsx"), book(LIKERT, None, name="two.xlsx")

    assert [("batch-twice", "", "one.xlsx"), ("batch-twice", "", "two.xlsx")] == [
        (p.code, p.place, p.workbook) for p in check(one, two, batch_id=BATCH_ID)
    ]


@pytest.mark.parametrize("batches", [None, "| batch | batch_id |"])
def test_nothing_names_the_batch(book: Book, batches: str | None):
    """Without a row in Batches, --batch must say it."""
    path = book(LIKERT, batches)

    assert [("batch-not-named", "")] == problems_of(path)
    assert [] == problems_of(path, batch_id=BATCH_ID)


def test_batch_option_cannot_name_several(book: Book):
    """Two batches need a sheet that says which they are."""
    path = book(
        "| batch | ref | type | description |\n| a | Q1 | free_text | x |\n| b | Q1 | free_text | x |", None
    )

    assert [("batch-not-named", "")] == problems_of(path, batch_id=BATCH_ID)


def test_batch_id_is_missing(book: Book):
    """--batch may say it if there is one row."""
    path = book(LIKERT, "| batch_id | name |\n| | Wave 1 |")

    assert [("batch-id-missing", "Batches!A2")] == problems_of(path)
    assert [] == problems_of(path, batch_id=BATCH_ID)


def test_batch_option_does_not_fill_in_several(book: Book):
    """One id cannot be that of two batches."""
    path = book(
        "| batch | ref | type | description |\n| a | Q1 | free_text | x |\n| b | Q1 | free_text | x |",
        f"| batch | batch_id |\n| a | {BATCH_ID} |\n| b | |",
    )

    assert [("batch-id-missing", "Batches!B3")] == problems_of(path, batch_id=OTHER_BATCH)


def test_ids_of_batches_are_malformed(book: Book):
    """batch_id and dataset_id alike."""
    path = book(LIKERT, "| batch_id | dataset_id |\n| wave1 | data.csv |")

    assert [("id-malformed", "Batches!A2"), ("id-malformed", "Batches!B2")] == problems_of(path)


def test_instructions_of_several_batches(book: Book):
    """The same ref in two batches is two instructions."""
    path = book(
        """
        | batch | ref | type      | description |
        | a     | Q1  | free_text | Why?        |
        | b     | Q1  | free_text | Whose?      |
        """,
        TWO_BATCHES,
    )

    assert [] == problems_of(path)


def test_batch_is_unknown(book: Book):
    """The batch that nobody names then is not reported too."""
    path = book(
        "| batch | ref | type | description |\n| a | Q1 | free_text | x |\n| bb | Q2 | free_text | x |",
        TWO_BATCHES,
    )

    assert [("batch-unknown", "Instructions!A3")] == problems_of(path)


def test_instruction_names_no_batch(book: Book):
    """With several batches, each instruction must."""
    path = book(
        "| batch | ref | type | description |\n| a | Q1 | free_text | x |\n| | Q2 | free_text | x |",
        TWO_BATCHES,
    )

    assert [("batch-ref-missing", "Instructions!A3")] == problems_of(path)


def test_column_batch_is_missing(book: Book):
    """One problem, not one for each instruction."""
    assert [("column-missing", "Instructions")] == problems_of(book(LIKERT, TWO_BATCHES))


def test_several_batches_need_names(book: Book):
    """A blank one is missing, the same one stands twice."""
    path = book(
        "| batch | ref | type | description |\n| a | Q1 | free_text | x |",
        f"| batch | batch_id |\n| a | {BATCH_ID} |\n| | {OTHER_BATCH} |\n| a | {ID} |",
    )

    assert [("batch-ref-missing", "Batches!A3"), ("batch-ref-twice", "Batches!A4, A2")] == problems_of(path)


def test_batch_without_instructions(book: Book):
    """A warning: what Prolific has is left alone."""
    path = book("| batch | ref | type | description |\n| a | Q1 | free_text | x |", TWO_BATCHES)

    assert [("batch-without-instructions", "Batches!B3")] == problems_of(path)


def test_empty_sheet_is_one_problem(book: Book):
    """If there are no instructions at all, no batch is blamed."""
    assert [("no-instructions", "Instructions")] == problems_of(book("| ref | type | description |"))


# ------------------------------------------------------------------ runs
def test_problems_of_a_run_come_in_the_order_of_the_workbooks(book: Book):
    """Each workbook's own, although all were checked in one call."""
    good = book(LIKERT, name="good.xlsx")
    bad = book(LIKERT.replace("free_text", "fre_text"), f"| batch_id |\n| {OTHER_BATCH} |", name="bad.xlsx")
    worse = book(LIKERT.replace("How was it?", ""), f"| batch_id |\n| {ID} |", name="a-worse.xlsx")

    assert [
        ("bad.xlsx", "type-unknown", "Instructions!B4"),
        ("a-worse.xlsx", "description-missing", "Instructions!C2"),
    ] == [(p.workbook, p.code, p.place) for p in check(good, bad, worse)]


def test_order_of_problems():
    """By workbook, severity, sheet, row and column; a cell's warning gives way to its error."""

    def at(code: str, sheet: str | None, *cells: str, workbook: str = "a.xlsx") -> Problem:
        return problem(code, workbook, sheet=sheet, cells=cells, shown="x", taken="x")

    first = at("error-cell", "Batches", "B9")
    second = at("error-cell", "Instructions", "B9")
    third = at("error-cell", "Instructions", "AA9")
    fourth = at("error-cell", "Instructions", "A10")
    fifth = at("value-trimmed", "Batches", "A1")
    hidden = at("value-trimmed", "Instructions", "A10")
    sixth = at("ref-carried", "Instructions", "A10")
    other = at("error-cell", "Batches", "A1", workbook="0.xlsx")
    shuffled = [sixth, other, hidden, fourth, third, fifth, second, first, first]

    assert (first, second, third, fourth, fifth, sixth, other) == sort_problems(shuffled, ["a.xlsx"])


def test_check_that_crashes_is_our_bug(book: Book, monkeypatch: pytest.MonkeyPatch):
    """It never reaches a researcher as a problem."""

    def crash(facts: object):
        raise KeyError("oops")

    crashing = Rule("type-unknown", "type", crash)
    monkeypatch.setattr(validator, "INSTRUCTION_RULES", (crashing,))
    with pytest.raises(KeyError, match="oops"):
        check(book(LIKERT))

    broken = Rule("type-missing", "type", lambda facts: facts.rows)
    monkeypatch.setattr(validator, "INSTRUCTION_RULES", (broken, crashing))
    with pytest.raises(RuntimeError, match=r"type-unknown.*oops"):
        check(book(LIKERT))


def test_workbook_that_keeps_every_rule_needs_no_frame(book: Book):
    """Nobody imports pandas for it: that takes longer than to check hundreds of workbooks."""
    program = "import sys; from pathlib import Path; from importer.checking import check; "
    program += (
        "print(check([Path(sys.argv[1])]).report.broken, {'pandas', 'pandera', 'numpy'} & set(sys.modules))"
    )

    def run(path: Path) -> str:
        command = [sys.executable, "-c", program, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "() set()\n" == run(book(LIKERT))
    assert "pandera" in run(book(choice(limit="9")))


# ------------------------------------------------------------------ what is accepted can be built
GOOD = f"""
    | batch | ref | type                           | description | answer_limit | option_heading | option_label | option_value | disable_dropdown | instruction_id |
    | a     | Q1  | multiple_choice                | Good?       | 2            |                | Yes          | y            | yes              | {ID}           |
    |       | Q1  |                                |             |              |                | No           | n            |                  |                |
    | a     | Q2  | free_text                      | Why?        |              |                |              |              |                  |                |
    | a     | Q3  | multiple_choice_with_free_text | Rate it     | any          | Quality        | Good         | g            |                  |                |
    |       | Q3  |                                |             |              | Quality        | Bad          | b            | no               |                |
"""
TEXTS = {
    "batch": ["b", "c"],
    "ref": ["Q1", "Q2", "Q3", "#x", "Q4 "],
    "type": [*ITEM_TYPES, "star_rating"],
    "description": ["Good?", " Why? "],
    "answer_limit": ["1", "-1", "3", "x"],
    "option_heading": ["Quality"],
    "option_label": ["Yes"],
    "option_value": ["y", "n", "1"],
    "disable_dropdown": ["no", "maybe"],
    "instruction_id": [ID, ID.upper(), OTHER_ID, "x"],
}
CHANGES = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(list(TEXTS)), st.integers(0, 4)), min_size=1, max_size=3
)


@settings(max_examples=60, deadline=None)
@given(changes=CHANGES, batches=st.sampled_from([None, ONE_BATCH.replace("|       |", "| a |"), TWO_BATCHES]))
def test_what_is_accepted_can_be_built(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, str, int]], batches: str | None
):
    """Whatever is changed in a good workbook: without an error it becomes models, which refuse every mistake."""
    rows = rows_of(GOOD)
    for row, column, number in changes:
        rows[row][rows[0].index(column)] = ["", *TEXTS[column]][number % (len(TEXTS[column]) + 1)]
    sheets = {"Instructions": rows} | ({"Batches": batches} if batches else {})
    path = write_book(tmp_path_factory.mktemp("built") / "study.xlsx", sheets)
    try:
        is_accepted = not any(p.is_error for p in check(path, batch_id=BATCH_ID))
    except UsageError:  # it names another batch
        is_accepted = False
    event("accepted" if is_accepted else "not accepted")
    if is_accepted:
        built = [i.ref for batch in to_batches(read(path), batch_id=BATCH_ID) for i in batch.instructions]
        assert {row[1].strip() for row in rows[1:] if row[1] and row[1] != "#x"} == set(built)


# ------------------------------------------------------------------ real questionnaires
CASES = sorted((Path(__file__).parents[2] / "shared" / "cases").glob("*.json"))


@pytest.mark.skipif(not CASES, reason="the questionnaires are not kept with the project")
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_questionnaire(case: Path, tmp_path: Path):
    """Real questionnaires are accepted, and those with one fault are not."""
    wanted = json.loads(case.read_text("utf-8"))
    rows: list[list[str]] = [list(INSTRUCTIONS.names)]
    for number, item in enumerate(wanted["instructions"], 1):
        own = {"ref": f"Q{number}", **{name: str(value) for name, value in item.items()}}
        for option in item.get("options") or [{}]:
            cells = own | {f"option_{name}": str(value) for name, value in option.items()}
            rows.append([cells.get(name, "") for name in INSTRUCTIONS.names])
            own = {"ref": own["ref"]}
    path = write_book(tmp_path / "case.xlsx", {"Instructions": rows, "Batches": ONE_BATCH})

    errors = [p for p in check(path) if p.is_error]

    assert (wanted["expect"] == "accept") == (not errors)
