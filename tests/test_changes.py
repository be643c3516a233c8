"""What differs between sheet and batch, graded by risk."""

from __future__ import annotations

from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.changes import Change, FieldChange, Kind, compare, differences, longest_rising
from importer.model import FreeText, Instruction, MultipleChoice, Option
from importer.wire.instructions import Content, Held, OptionContent, Scalar, to_content
from tests.strategies import sheets


def uuid(number: int) -> str:
    return str(UUID(int=number))


def free(number: int, description: str = "Why?") -> FreeText:
    return FreeText(ref=f"Q{number}", id=uuid(number), description=description)


def held(row: Instruction) -> Held:
    return Held(row.id or "", row.type, to_content(row))


def content(*options: tuple[str, str], heading: str = "", limit: int = 1) -> Content:
    """Build a choice from (value, label) pairs."""
    return Content(
        "multiple_choice",
        "Rate it",
        answer_limit=limit,
        options=tuple(OptionContent(label, value, heading) for value, label in options),
    )


def test_each_kind_of_change_is_told_apart():
    """Create, update, move, delete and keep, in sheet order, deletes last."""
    there = [held(free(n)) for n in (1, 2, 3, 4)]
    new = FreeText(ref="Q9", description="New?")

    changes = compare([free(3), free(1), new, free(2, "How?")], there)

    assert [
        (Kind.MOVE, "Q3", uuid(3), 3, 1),
        (Kind.KEEP, "Q1", uuid(1), 1, 2),
        (Kind.CREATE, "Q9", None, None, 3),
        (Kind.UPDATE, "Q2", uuid(2), 2, 4),
        (Kind.DELETE, "", uuid(4), 4, None),
    ] == [(c.kind, c.ref, c.id, c.existing_place, c.desired_place) for c in changes]


def test_an_update_that_moves_says_both():
    """The wording changed and the place too: neither hides the other."""
    there = [held(free(n)) for n in (1, 2, 3)]

    moved = compare([free(3, "How?"), free(1), free(2)], there)[0]

    assert (Kind.UPDATE, True, (FieldChange("description", "Why?", "How?"),)) == (
        moved.kind,
        moved.is_moved,
        moved.fields,
    )


def test_an_id_nobody_knows_stays_visible():
    """An instruction whose id the batch does not hold is no create without id."""
    assert (Change(Kind.CREATE, "Q1", uuid(1), "free_text", "Why?", desired_place=1),) == compare(
        [free(1)], []
    )


def test_delete_is_described_by_type_and_text():
    """Nobody knows the ref of what the sheet no longer has, so it is described."""
    (gone,) = compare([], [held(free(1, "Why" * 40))])

    assert f'free_text "{("Why" * 40)[:59]}…"' == gone.label


RATE = content(("r1", "Good"), ("r2", "Bad"))


@pytest.mark.parametrize(
    ("desired", "fields", "is_risky"),
    [
        (RATE, [], False),
        (content(("r1", "Fine"), ("r2", "Bad")), [("option 1 (r1) label", "Good", "Fine")], False),
        (content(("r1", "Good"), ("n2", "Bad")), [("option 2 value", "r2", "n2")], True),
        (
            content(("r1", "Good"), ("n2", "Worse")),
            [("option 2 value", "r2", "n2"), ("option 2 (n2) label", "Bad", "Worse")],
            True,
        ),
        (content(("r1", "Good"), ("r2", "Bad"), ("r3", "Ugly")), [("option 3 (r3)", "", "Ugly")], True),
        (content(("r2", "Bad")), [("option 1 (r1)", "Good", "")], True),
        (content(("n2", "Bad")), [("option 1 value", "r2", "n2"), ("option 1 (r1)", "Good", "")], True),
        (content(("r2", "Bad"), ("r1", "Good")), [("order of options", "r1, r2", "r2, r1")], False),
        (
            content(("r1", "Bad"), ("r2", "Good")),
            [("option 1 (r1) label", "Good", "Bad"), ("option 2 (r2) label", "Bad", "Good")],
            False,
        ),
        (content(("r1", "Good"), ("r2", "Bad"), limit=-1), [("answer_limit", "1", "-1")], True),
        (
            content(("r1", "Good"), ("r2", "Bad"), heading="H"),
            [("option 1 (r1) heading", "", "H"), ("option 2 (r2) heading", "", "H")],
            False,
        ),
        (
            Content("free_text", "Rate it"),
            [
                ("type", "multiple_choice", "free_text"),
                ("answer_limit", "1", ""),
                ("option 1 (r1)", "Good", ""),
                ("option 2 (r2)", "Bad", ""),
            ],
            True,
        ),
        (
            Content("multiple_choice", "Rate", "Slowly", "…", 1, True, RATE.options),
            [
                ("description", "Rate it", "Rate"),
                ("helper_text", "", "Slowly"),
                ("placeholder_text_input", "", "…"),
                ("disable_dropdown", "no", "yes"),
            ],
            False,
        ),
    ],
)
def test_fields_are_shown_and_graded(desired: Content, fields: list[tuple[str, str, str]], is_risky: bool):
    """Every field that differs is named, existing → desired; values, limits and types are a risk to answers."""
    found, risk = differences(RATE, desired)

    assert (fields, is_risky) == ([(one.name, one.existing, one.desired) for one in found], risk)


def test_a_returned_scalar_is_no_change():
    """Prolific's true and 1.0 are the sheet's TRUE and 1."""
    there = Content(
        "multiple_choice",
        "Rate it",
        answer_limit=1,
        options=(OptionContent("A", Scalar("true")), OptionContent("B", Scalar("1"))),
    )

    assert ((), False) == differences(there, content(("TRUE", "A"), ("1.0", "B")))


@given(sheets(), st.data())
def test_differences_are_found_if_and_only_if_there_are_any(
    rows: tuple[Instruction, ...], data: st.DataObject
):
    """No two contents that differ compare as kept, whatever differs."""
    one, other = data.draw(st.sampled_from(rows)), data.draw(st.sampled_from(rows))

    assert bool(differences(to_content(one), to_content(other))[0]) == (to_content(one) != to_content(other))


@given(st.permutations(range(7)))
def test_moves_are_the_fewest(places: list[int]):
    """What stays put rises, and no larger set does."""
    resting = longest_rising(places)

    kept = [place for place in places if place in resting]
    assert kept == sorted(kept)
    assert len(kept) == longest_run(places)


def longest_run(places: list[int]) -> int:
    """Length of the longest rising run, by trying every one."""
    sizes = range(len(places), 0, -1)
    return next(size for size in sizes if any(list(run) == sorted(run) for run in combinations(places, size)))


@given(st.permutations(range(1, 7)))
def test_moving_what_moves_gives_the_sheet(order: list[int]):
    """Taking out what is said to move leaves existing and desired in one order."""
    changes = compare([free(n) for n in order], [held(free(n)) for n in range(1, 7)])

    resting = [change.existing_place for change in changes if not change.is_moved]
    assert resting == sorted(place for place in resting if place is not None)
    assert {Kind.MOVE, Kind.KEEP} >= {change.kind for change in changes}


def test_one_row_taken_to_the_front_is_one_move():
    """Moving the last of many to the front is one move, not all the others."""
    there = [held(free(n)) for n in range(1, 60)]
    rows = [free(59), *(free(n) for n in range(1, 59))]

    assert ["Q59"] == [change.ref for change in compare(rows, there) if change.is_moved]


def test_one_label_among_many_is_named_alone():
    """In a list of 249 countries only the changed one is shown."""
    options = [(f"c{n}", f"Country {n}") for n in range(249)]
    edited = [*options[:100], ("c100", "Land"), *options[101:]]

    found, _ = differences(content(*options), content(*edited))

    assert [FieldChange("option 101 (c100) label", "Country 100", "Land")] == list(found)


def test_new_options_of_a_choice_are_a_value_change():
    """The grade of an instruction is its riskiest field."""
    row = MultipleChoice(
        ref="Q1", id=uuid(1), description="Rate", answer_limit=1, options=(Option(label="A", value="a"),)
    )
    wider = row.replace(description="Rate it", options=(*row.options, Option(label="B", value="b")))

    assert [Kind.VALUE] == [change.kind for change in compare([wider], [held(row)])]
