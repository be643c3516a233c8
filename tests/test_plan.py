"""The plan says what a push would do; the gate lets through only what is harmless or consented to."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given

from importer.changes import FieldChange, Kind
from importer.errors import PlanRefused
from importer.gate import check_gate
from importer.model import (
    Batch,
    BatchDetails,
    FileUpload,
    FreeText,
    Instruction,
    Item,
    MultipleChoice,
    Option,
    RichText,
)
from importer.plan import Existing, Plan, as_dict, make_plan
from importer.wire.instructions import Held, from_item, request_body, to_content
from tests.strategies import sheets

BATCH = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11"
DATASET = "019a0f6e-2b7a-7d0e-9f55-6c1a2b3c4d5e"
DETAILS = {"task_name": "Compare", "task_introduction": "<p>Hi</p>", "task_steps": "<ol></ol>"}


def uuid(number: int) -> str:
    return str(UUID(int=number))


def free(number: int, description: str = "", *, has_id: bool = True) -> FreeText:
    return FreeText(
        ref=f"Q{number}", id=uuid(number) if has_id else None, description=description or f"Why {number}?"
    )


def batch(*rows: Item, **details: str) -> Batch:
    return Batch(ref="w1", batch_id=BATCH, row=2, details=BatchDetails(**details), items=rows)


def held(row: Instruction, number: int = 0) -> Held:
    return Held(row.id or uuid(number), row.type, to_content(row))


def existing(*rows: Held) -> Existing:
    """Build a batch that holds these instructions."""
    return Existing(BATCH, "Wave 1", DETAILS, DATASET, "UNINITIALISED", None, rows, "instructions")


THREE = (free(1), free(2), free(3))
THERE = existing(*map(held, THREE))


def refusal(plan: Plan, **consent: object) -> str:
    """Return the gate's words."""
    with pytest.raises(PlanRefused) as refused:
        check_gate(plan, **consent)
    return str(refused.value)


@given(sheets())
def test_nothing_to_change_is_nothing_to_send(rows: tuple[Instruction, ...]):
    """A sheet that says what Prolific holds has an empty plan, and the gate is open."""
    known = tuple(row.replace(id=uuid(place)) for place, row in enumerate(rows, 1))

    plan = make_plan(batch(*known, **DETAILS, name="Wave 1", dataset_id=DATASET), existing(*map(held, known)))

    check_gate(plan)
    assert (False, None, None, ()) == (plan.needs_push, plan.body, plan.patch, plan.details)
    assert {Kind.KEEP} == {change.kind for change in plan.changes}


def test_a_change_sends_every_instruction():
    """The PUT is a full replacement: one new row, and all go."""
    rows = (*THREE, free(4, has_id=False))

    plan = make_plan(batch(*rows), THERE)

    check_gate(plan)
    assert (request_body(rows), True) == (plan.body, plan.needs_push)
    assert {"create": 1, "update": 0, "value": 0, "move": 0, "delete": 0, "keep": 3} == plan.counts


def test_no_rows_leave_the_instructions_alone():
    """A batch without rows in the sheet keeps what it holds; nothing counts as deleted."""
    plan = make_plan(batch(), THERE)

    check_gate(plan)
    assert ((), None) == (plan.changes, plan.body)


def test_a_first_push_creates():
    """An empty batch takes everything without consent."""
    plan = make_plan(batch(free(1, has_id=False)), existing())

    check_gate(plan)
    assert [Kind.CREATE] == [change.kind for change in plan.changes]


# ---------------------------------------------------------------- the batch's own details


def test_blank_details_are_left():
    """A blank cell leaves what Prolific has."""
    assert make_plan(batch(*THREE), THERE).patch is None


def test_task_details_go_together():
    """One changed task detail is merged with the two that Prolific has."""
    plan = make_plan(batch(*THREE, task_name="Judge"), THERE)

    assert {"task_details": DETAILS | {"task_name": "Judge"}} == plan.patch
    assert (FieldChange("task_name", "Compare", "Judge"),) == plan.details
    assert (True, None) == (plan.needs_push, plan.body)


def test_only_what_differs_is_patched():
    """Name and dataset go if they differ; ids compare without case, texts in canonical form."""
    there = replace(THERE, dataset_id=DATASET.upper(), name="Cafe\u0301")

    assert make_plan(batch(name="Café", dataset_id=DATASET), there).patch is None
    assert {"name": "Wave 2", "dataset_id": uuid(9)} == make_plan(
        batch(name="Wave 2", dataset_id=uuid(9)), there
    ).patch


def test_a_task_detail_nobody_gives_is_refused():
    """Prolific takes the three only together, so a missing one stops the push."""
    there = replace(THERE, task_details={"task_introduction": "<p>Hi</p>"})

    assert "has task_steps. Fill" in refusal(make_plan(batch(task_name="Judge"), there))


# ---------------------------------------------------------------- the gate


def test_deleting_needs_the_exact_number():
    """A row taken out of the sheet deletes, which the exact number allows, and no other."""
    plan = make_plan(batch(THREE[0]), THERE)

    assert refusal(plan) == (
        'This push would delete 2 of 3 instructions ("Why 2?", "Why 3?"). '
        "To go on, run again with --allow-remove 2. Nothing was sent."
    )
    assert "3 instructions, not 3 (" in refusal(plan, allow_remove=3)
    check_gate(plan, allow_remove=2)


def test_deleting_one_needs_consent_too():
    """There is no number of deletes that is small enough to go through unasked."""
    plan = make_plan(batch(*THREE[:2]), THERE)

    assert "--allow-remove 1." in refusal(plan)
    check_gate(plan, allow_remove=1)


def test_consent_to_delete_does_not_stop_what_deletes_nothing():
    """Running the same command again, when everything is done, is no mistake."""
    check_gate(make_plan(batch(*THREE), THERE), allow_remove=2)


def test_unknown_ids_stop_the_push():
    """Ids of another batch are named by ref; how many would be deleted then says nothing."""
    said = refusal(make_plan(batch(free(7), free(8)), THERE))

    assert "ids of 2 instruction(s) in this batch (Q7, Q8)" in said
    assert "--allow-remove" not in said


def test_a_type_the_put_cannot_carry_stops_the_push():
    """A full replacement would delete it, so not even consent helps."""
    upload = from_item({"id": uuid(9), "type": "star_rating", "description": "Your CV"})
    plan = make_plan(batch(*THREE, free(4, has_id=False)), existing(*map(held, THREE), upload))

    assert '("Your CV": star_rating)' in refusal(plan, allow_remove=1)


def test_what_the_put_has_no_field_for_is_named_at_its_cell():
    """It is not left out in silence: the obstacle says row and column."""
    choice = MultipleChoice(
        ref="Q5",
        description="Which?",
        answer_limit=-1,
        options=(Option(label="A", value="a"), Option(label="None", value="n", exclusive=True)),
    )
    upload = FileUpload(ref="Q6", description="Send it", max_file_count=2, page=1)
    text = RichText(ref="B1", content="<p>Read this</p>")

    said = refusal(make_plan(batch(*THREE, choice, upload, text), THERE))

    assert "4 cell(s)" in said
    assert "(Q5 option_exclusive, Q6 max_file_count, Q6 page, B1 type)" in said


def test_a_block_is_named_though_nothing_else_changes():
    """A batch without pages cannot hold it, so the sheet is not what Prolific has."""
    said = refusal(make_plan(batch(*THREE, RichText(ref="B1", content="x")), THERE))

    assert "(B1 type)" in said


def test_what_cannot_be_carried_does_not_matter_if_nothing_is_put():
    """A push that only changes the batch's name leaves the instructions alone."""
    upload = from_item({"id": uuid(9), "type": "star_rating", "description": "Your CV"})

    check_gate(make_plan(batch(name="Wave 2"), existing(upload)))


def test_a_batch_with_instructions_is_not_given_pages():
    """Nothing documents what becomes of them."""
    plan = make_plan(batch(*THREE, free(4, has_id=False)), THERE, as_pages=True)

    assert "holds 3 instruction(s) and no pages" in refusal(plan)


def test_an_unknown_batch_is_not_replaced():
    """If nobody knows what the batch holds, nothing is replaced unseen."""
    plan = make_plan(batch(*THREE), replace(THERE, held=None, source="unknown"))

    assert "Nobody knows" in refusal(plan)
    assert ((), True) == (plan.changes, plan.needs_push)


def test_all_reasons_are_given_at_once():
    """What has to be mended is said in one go."""
    plan = make_plan(batch(THREE[0]), THERE)

    said = refusal(plan, fingerprint="0123456789ab").splitlines()

    assert ["The plan is no longer the one", "This push would delete 2 of 3"] == [line[:29] for line in said]
    assert [1] == [sum("Nothing was sent." in line for line in said)]


# ---------------------------------------------------------------- the fingerprint


def test_the_reviewed_plan_goes_through():
    """The same sheet and the same batch have the same fingerprint."""
    rows = (free(1, "How?"), free(2), free(3))
    reviewed = make_plan(batch(*rows), THERE).fingerprint

    check_gate(make_plan(batch(*rows), THERE), fingerprint=f" {reviewed.upper()} ")
    assert 12 == len(reviewed)


@pytest.mark.parametrize(
    ("desired", "there"),
    [
        (batch(free(1, "When?"), free(2), free(3)), THERE),
        (batch(free(1, "How?"), free(2), free(3), name="Wave 2"), THERE),
        (
            batch(free(1, "How?"), free(2), free(3)),
            existing(held(free(1, "Who?")), held(THREE[1]), held(THREE[2])),
        ),
        (batch(free(1, "How?"), free(2), free(3)), existing(*map(held, THREE[::-1]))),
    ],
)
def test_another_plan_is_stopped(desired: Batch, there: Existing):
    """Whatever changed since the review, in the sheet or on Prolific, both fingerprints are named."""
    reviewed = make_plan(batch(free(1, "How?"), free(2), free(3)), THERE).fingerprint
    plan = make_plan(desired, there)

    said = refusal(plan, fingerprint=reviewed)

    assert f"is {plan.fingerprint}, not {reviewed}" in said


def test_details_that_changed_on_prolific_are_another_plan():
    """The reviewer saw existing → desired; somebody else's new name is a new plan, though the same is sent."""
    desired = batch(name="Wave 2")
    reviewed, now = make_plan(desired, THERE), make_plan(desired, replace(THERE, name="Wave 1b"))

    assert reviewed.patch == now.patch
    assert reviewed.fingerprint != now.fingerprint


# ---------------------------------------------------------------- lost ids


LOST = tuple(free(n, has_id=False) for n in (1, 2, 3))


def test_lost_ids_are_proposed_never_assumed():
    """A cleared id column reads as delete all, create all; the gate proposes to keep the ids."""
    plan = make_plan(batch(*LOST), THERE)

    said = refusal(plan)

    assert "3 row(s) without id (Q1, Q2, Q3)" in said
    assert "--relink" in said
    assert "--allow-remove 3" in said
    assert {} == plan.relinked


def test_accepted_relinks_leave_nothing_to_send():
    """With the ids back in their rows, only the sheet has to be written."""
    plan = make_plan(batch(*LOST), THERE, relink=True)

    check_gate(plan)
    assert {"Q1": uuid(1), "Q2": uuid(2), "Q3": uuid(3)} == plan.relinked
    assert (False, ()) == (plan.needs_push, plan.relinks)
    assert [(Kind.KEEP, uuid(n)) for n in (1, 2, 3)] == [(one.kind, one.id) for one in plan.changes]


def test_declining_relinks_takes_the_exact_number():
    """Whoever means to create anew says how many are deleted for it."""
    plan = make_plan(batch(*LOST), THERE)

    check_gate(plan, allow_remove=3)
    assert plan.body == request_body(LOST)


def test_relinked_and_edited_is_an_update():
    """A lost id and an edited option become a graded update under the old id."""
    there = existing(
        from_item(
            {
                "id": uuid(1),
                "type": "multiple_choice",
                "description": "Rate it",
                "answer_limit": 1,
                "options": [{"label": "Good", "value": 1}],
            }
        )
    )
    row = {"label": "Good", "value": "good"}
    desired = Batch.checked(
        {
            "batch_id": BATCH,
            "items": [
                {
                    "ref": "Q1",
                    "type": "multiple_choice",
                    "description": "Rate it",
                    "answer_limit": 1,
                    "options": [row],
                }
            ],
        }
    )

    plan = make_plan(desired, there, relink=True)

    assert [(Kind.VALUE, (FieldChange("option 1 value", "1", "good"),))] == [
        (c.kind, c.fields) for c in plan.changes
    ]


def test_rows_that_are_only_new_propose_nothing():
    """Where nothing would be deleted there is nothing to re-link."""
    plan = make_plan(batch(*THREE, free(1, has_id=False).replace(ref="Q9")), THERE)

    check_gate(plan)
    assert () == plan.relinks


# ---------------------------------------------------------------- notes and JSON


@pytest.mark.parametrize(
    ("status", "consent"), [("PROCESSING", None), ("READY", {"tasks_exist": True}), ("ERROR", {})]
)
def test_tasks_that_exist_are_noted(status: str, consent: dict[str, bool] | None):
    """While tasks are made nothing is sent; once they are, it needs a consent of its own; what failed is said."""
    plan = make_plan(batch(*THREE, free(4, has_id=False)), replace(THERE, status=status))

    assert [True] == [status in note for note in plan.notes]
    if consent != {}:
        assert status in refusal(plan)
    if consent is None:
        assert status in refusal(plan, tasks_exist=True)
    else:
        check_gate(plan, **consent)


def test_a_new_name_touches_no_task():
    """The batch's name is nothing that tasks are made from; its steps are."""
    ready = replace(THERE, status="READY")

    check_gate(make_plan(batch(*THREE, name="Wave 2"), ready))
    assert "--tasks-exist" in refusal(make_plan(batch(*THREE, task_steps="<p>New</p>"), ready))


def test_moves_say_what_they_are_counted_in():
    """Nothing documents the order of an answer, so a move says what it means."""
    plan = make_plan(batch(THREE[2], THREE[0], THREE[1]), THERE)

    assert [True] == ["order" in note for note in plan.notes]
    assert 1 == plan.counts[Kind.MOVE]


def test_a_plan_is_plain_json():
    """Everything a door shows is in the dict, as JSON values."""
    plan = make_plan(batch(free(1, "How?"), free(4, has_id=False), name="Wave 2"), THERE)

    shown = json.loads(json.dumps(as_dict(plan)))

    assert (plan.fingerprint, "Wave 1", {"name": "Wave 2"}) == (
        shown["fingerprint"],
        shown["name"],
        shown["patch"],
    )
    assert ["~ Q1", "+ Q4", "- ", "- "] == [f"{one['sign']} {one['ref']}" for one in shown["changes"]]
    assert [{"name": "description", "existing": "Why 1?", "desired": "How?"}] == shown["changes"][0]["fields"]
