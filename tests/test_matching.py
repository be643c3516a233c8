"""Ids go to rows by content, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.matching import (
    Assignment,
    MatchRefused,
    Relink,
    assign_ids,
    equals_before,
    find_relinks,
    ids_replaced,
    in_order_of_creation,
    named,
    rules_dropped,
)
from importer.model import FreeText, Instruction, MultipleChoice, Option
from importer.texts import canonical
from importer.wire.instructions import Held, Sent, from_item, ids_in_place, to_content, to_item, to_sent
from tests.strategies import sheets


def free(ref: str, description: str, identity: int | None = None) -> FreeText:
    return FreeText(ref=ref, description=description, id=None if identity is None else uuid(identity))


def choice(ref: str, description: str, *values: str, identity: int | None = None) -> MultipleChoice:
    return MultipleChoice(
        ref=ref,
        description=description,
        id=None if identity is None else uuid(identity),
        answer_limit=1,
        options=tuple(Option(label=value.upper(), value=value) for value in values),
    )


def uuid(number: int) -> str:
    return str(UUID(int=number))


def held(row: Instruction, identity: int | None = None) -> Held:
    """What Prolific holds of a row."""
    return Held(row.id or uuid(identity or 0), row.type, to_content(row))


def asked(rows: Sequence[Instruction]) -> tuple[Sent, ...]:
    """What is sent of rows."""
    return tuple(map(to_sent, rows))


def test_ids_follow_content_not_place():
    """An answer in another order still gives every row its own id."""
    sent = (free("Q1", "Why?"), free("Q2", "How?", 2), free("Q3", "When?"))
    answer = (held(sent[2], 33), held(sent[0], 11), held(sent[1]))

    assignment = assign_ids(asked(sent), answer, before={uuid(2)})

    assert ({"Q1": uuid(11), "Q2": uuid(2), "Q3": uuid(33)}, ()) == (assignment.ids, assignment.notes)


def test_equal_new_rows_pair_in_order_and_that_is_said():
    """Two new rows with one content are interchangeable; nobody is left to believe otherwise."""
    sent = (free("Q1", "Why?"), free("Q2", "Why?"))

    assignment = assign_ids(asked(sent), (held(sent[0], 11), held(sent[1], 12)), before=())

    assert {"Q1": uuid(11), "Q2": uuid(12)} == assignment.ids
    assert ["Q1, Q2"] == [note.partition(" are ")[0] for note in assignment.notes]


def test_ids_that_tell_the_time_tell_the_order():
    """Whatever the order of an answer; ids that tell nothing leave it."""
    row = free("Q1", "Why?")
    timed = [Held(one, "free_text", to_content(row)) for one in (TIMED.format(2), TIMED.format(1))]

    assert timed[::-1] == in_order_of_creation(timed)
    assert [held(row, 12), held(row, 11)] == in_order_of_creation([held(row, 12), held(row, 11)])


TIMED = "019a0f6e-1c1d-7cc2-8a67-00000000000{}"


def test_rule_that_was_not_kept_is_named():
    """All that was sent is there, but what may be written; anything else that differs is another matter."""
    ruled = free("Q1", "How old?").replace(validation_type="number")
    sent = (ruled, free("Q2", "Why?"))

    assert ("Q1",) == rules_dropped(asked(sent), (held(free("Q1", "How old?"), 11), held(sent[1], 12)))
    assert () == rules_dropped(asked(sent), (held(free("Q1", "How tall?"), 11), held(sent[1], 12)))
    assert () == rules_dropped(asked(sent), (held(sent[0], 11), held(sent[1], 12)))


def test_server_may_tidy_spaces_and_scalars():
    """Collapsed spaces and a value that came back as a number do not hide whose id it is."""
    sent = (choice("Q1", "Rate  it ", "1.0", "TRUE"), free("Q2", "Rate it"))
    item = to_item(sent[0]) | {
        "id": uuid(11),
        "description": "Rate it",
        "options": [{"label": "1.0", "value": 1}, {"label": "TRUE", "value": True}],
    }

    assert {"Q1": uuid(11), "Q2": uuid(12)} == assign_ids(
        asked(sent), (from_item(item), held(sent[1], 12)), before=()
    ).ids


def test_server_may_escape_texts():
    """`&amp;` for `&` does not hide whose id it is."""
    sent = (free("Q1", "Fish & chips"), free("Q2", "Fish"))
    answer = (held(sent[1], 12), held(free("other", "Fish &amp; chips"), 11))

    assert {"Q1": uuid(11), "Q2": uuid(12)} == assign_ids(asked(sent), answer, before=()).ids


@pytest.mark.parametrize(
    ("now", "refs"),
    [
        ((held(free("other", "Why?"), 8), held(free("other", "How?"), 9)), ("Q1",)),
        ((held(free("other", "How?"), 9), held(free("other", "Why? "), 8)), ("Q1",)),
        ((held(free("other", "Why?"), 1), held(free("other", "How?"), 9)), ()),
        ((held(free("other", "Why?"), 8), held(free("other", "When?"), 9)), ()),
        ((held(free("other", "Why?"), 8),), ()),
        (
            (held(free("other", "Why?"), 8), held(free("other", "How?"), 9), held(free("other", "When?"), 7)),
            (),
        ),
    ],
)
def test_replaced_ids_are_told_from_other_changes(now: tuple[Held, ...], refs: tuple[str, ...]):
    """Everything that was sent is there under other ids; anything else is another story."""
    assert refs == ids_replaced(asked((free("Q1", "Why?", 1), free("Q2", "How?"))), now)


def test_exact_content_goes_before_tidied_content():
    """A row that came back letter by letter is not mixed up with one that only looks like it."""
    sent = (free("Q1", "Rate  it"), free("Q2", "Rate it"))
    assignment = assign_ids(asked(sent), (held(sent[1], 12), held(sent[0], 11)), before=())

    assert ({"Q1": uuid(11), "Q2": uuid(12)}, ()) == (assignment.ids, assignment.notes)


OLD = free("Q1", "Why?", 1)
NEW = free("Q2", "How?")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([held(NEW, 22)], r"lacks the ids of 1 .*Q1"),
        ([held(OLD), held(NEW, 22), held(NEW, 23)], r"2 .* sent.* 3"),
        ([held(OLD)], r"2 .* sent.* 1"),
        ([held(OLD), held(OLD)], r"more than once"),
        ([held(OLD), held(NEW, 9)], r"of before"),
        ([held(OLD), held(free("other", "Else?"), 22)], r"surely Q2"),
        ([replace(held(NEW, 1)), held(NEW, 22)], r"something else for Q1 .*description"),
        ([], r"Q1"),
    ],
)
def test_answers_that_do_not_fit_are_refused(answer: list[Held], reason: str):
    """Missing, surplus, doubled, old and changed instructions: no id is given at all."""
    with pytest.raises(MatchRefused, match=reason):
        assign_ids(asked((OLD, NEW)), answer, before={uuid(1), uuid(9)})


def test_ambiguous_content_is_refused():
    """Two rows, of which the answer knows only one, twice: nothing says whose the other id is."""
    sent = (free("Q1", "Why?"), free("Q2", "How?"))

    with pytest.raises(MatchRefused):
        assign_ids(asked(sent), (held(sent[0], 11), held(sent[0], 12)), before=())


@given(sheets(), st.data())
def test_permuted_answers_assign_right(sent: tuple[Instruction, ...], data: st.DataObject):
    """In whatever order they come, every id belongs to its row's content, and kept ids stay."""
    made = [held(row, 1000 + place) for place, row in enumerate(sent)]
    answer = data.draw(st.permutations(made))

    ids = assign_ids(asked(sent), answer, before={row.id for row in sent if row.id}).ids

    contents = {one.id: one.content for one in answer}
    assert [to_content(row) for row in sent] == [contents[ids[row.ref]] for row in sent]
    assert len(sent) == len(set(ids.values()))
    assert {row.ref: row.id for row in sent if row.id} == {row.ref: ids[row.ref] for row in sent if row.id}


SERVER_MADE = {
    "created_at": "2026-11-22T10:00:00Z",
    "batch_id": uuid(7),
    "placeholder_text_input": None,
    "disable_dropdown": False,
}
TAMPERED = {
    "as it was sent": lambda answer: answer,
    "reversed": lambda answer: answer[::-1],
    "one is missing": lambda answer: answer[1:],
    "one more": lambda answer: [*answer, {**answer[0], "id": uuid(999)}],
    "an id twice": lambda answer: [{**answer[0], "id": answer[-1]["id"]}, *answer[1:]],
    "another text": lambda answer: [{**answer[0], "description": "Else?"}, *answer[1:]],
    "more than was sent": lambda answer: [{**answer[0], "placeholder_text_input": "Here"}, *answer[1:]],
    "another default": lambda answer: [{"disable_dropdown": 0, **answer[0], "answer_limit": 0}, *answer[1:]],
    "less than was sent": lambda answer: [{"id": answer[0]["id"], "type": answer[0]["type"]}, *answer[1:]],
}


@pytest.mark.parametrize("how", TAMPERED)
@given(drawn=sheets())
def test_the_quick_way_to_new_ids_finds_what_the_matcher_finds(how: str, drawn: tuple[Instruction, ...]):
    """It leaves to the matcher whatever is not exactly what was sent, in its place."""
    rows = [row.replace(id=None) for row in drawn]
    sent = [to_item(row) for row in rows]
    echo = [{**SERVER_MADE, **item, "id": uuid(100 + place).upper()} for place, item in enumerate(sent)]
    answer = TAMPERED[how](echo)

    quick = ids_in_place(sent, answer)

    if quick is not None:
        found = assign_ids(asked(rows), [from_item(item) for item in answer], before=())
        assert Assignment(dict(zip([row.ref for row in rows], quick, strict=True))) == found
    are_told_apart = len({canonical(row.description) for row in rows}) == len(rows)
    assert (quick is not None) == (are_told_apart and answer == echo)


@given(sheets(), st.data())
def test_a_lost_instruction_is_always_noticed(sent: tuple[Instruction, ...], data: st.DataObject):
    """An answer that lacks any one instruction gives no ids."""
    made = [held(row, 1000 + place) for place, row in enumerate(sent)]
    lost = data.draw(st.integers(0, len(made) - 1))

    with pytest.raises(MatchRefused):
        assign_ids(asked(sent), made[:lost] + made[lost + 1 :], before=())


def test_what_was_before_is_known_in_any_order():
    """The same ids with the same contents are what was before, however they are listed."""
    before = (held(OLD), held(NEW, 2))

    assert equals_before(before, before[::-1])


@pytest.mark.parametrize(
    "now",
    [
        (held(OLD),),
        (held(OLD), held(NEW, 3)),
        (held(OLD), held(free("other", "Else?"), 2)),
        (held(OLD), replace(held(NEW, 2), cannot_carry=("validation",))),
        (held(OLD), held(NEW, 2), held(NEW, 2)),
    ],
)
def test_any_difference_is_not_what_was_before(now: tuple[Held, ...]):
    """Another id, content, count or foreign field means that somebody wrote."""
    assert not equals_before((held(OLD), held(NEW, 2)), now)


def test_lost_ids_are_found_by_content():
    """Rows without id that equal unclaimed instructions are proposed, claimed ones are not."""
    rows = (free("Q1", "Why?"), free("Q2", "How?"), free("Q3", "When?", 3))
    there = (held(rows[2]), held(rows[1], 2), held(free("other", "Why?"), 1))

    assert ((Relink("Q1", uuid(1), True), Relink("Q2", uuid(2), True)), ()) == find_relinks(
        asked(rows), there
    )


def test_equal_rows_relink_in_order_and_that_is_said():
    """Two equal rows and two equal instructions pair in order."""
    rows = (free("Q1", "Why?"), free("Q2", "Why?"))
    found, notes = find_relinks(asked(rows), (held(rows[0], 5), held(rows[0], 4)))

    assert [("Q1", uuid(5)), ("Q2", uuid(4))] == [(one.ref, one.id) for one in found]
    assert ["Q1, Q2"] == [note.partition(" are ")[0] for note in notes]


def test_uneven_rows_are_not_relinked():
    """Two equal rows and one instruction: nothing says whose id it is."""
    rows = (free("Q1", "Why?"), free("Q2", "Why?"))

    assert ((), ()) == find_relinks(asked(rows), (held(rows[0], 5),))


def test_edited_options_are_relinked_by_description():
    """A lost id and an edited option come together; if the description is unique, it is one instruction."""
    rows = (choice("Q1", "Rate it", "good", "bad"), choice("Q2", "Again", "a"), choice("Q3", "Again", "b"))
    there = (
        held(choice("other", "Rate it", "good", "poor"), 1),
        held(choice("other", "Again", "c"), 2),
        held(choice("other", "Again", "d"), 3),
    )

    assert ((Relink("Q1", uuid(1), False),), ()) == find_relinks(asked(rows), there)


def test_many_names_are_counted():
    """A sentence names five and counts the rest."""
    assert named(f"Q{n}" for n in range(1, 9)) == "Q1, Q2, Q3, Q4, Q5 and 3 more"
