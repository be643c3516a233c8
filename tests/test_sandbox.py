"""The local Prolific: its operations, its refusals, its ledger, and that it serves loopback only."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests

from importer.errors import UsageError
from importer.sandbox import Received, Sandbox, Switches, format_entry, format_ledger
from importer.sandbox.ids import Ids
from importer.sandbox.switches import ALLOWED
from tests.sandboxes import API, CHOICE, RATE, WHY, call, connect, ids, put, wait_until

FOREIGN_ID = "0192041c-470f-7336-8e3d-e03fc086a4e1"
#: A layout with one instruction, as a request sends it.
PAGE = {"rows": [{"columns": [{"items": [{"type": "free_text", "description": "Why?"}]}]}]}


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    served.clear()
    return served


@pytest.fixture
def batch_id(sandbox: Sandbox) -> str:
    return sandbox.add_batch("Wave 1")


# ------------------------------------------------------------------ PUT instructions


def test_put_answers_what_was_sent_with_ids(sandbox: Sandbox, batch_id: str) -> None:
    """A PUT answers a bare array: each instruction as sent, with its id, time, batch and creator."""
    answer = put(sandbox, batch_id, CHOICE, WHY, RATE)

    added = ("id", "created_at", "batch_id", "created_by")
    contents = [{name: item[name] for name in item if name not in added} for item in answer.json()]
    assert answer.status_code == 200
    assert contents == [CHOICE | {"disable_dropdown": False}, WHY, RATE | {"disable_dropdown": False}]
    assert {item["batch_id"] for item in answer.json()} == {batch_id}


def test_put_keeps_sent_ids_and_deletes_absent_ones(sandbox: Sandbox, batch_id: str) -> None:
    """Full replacement: a sent id stays with its creation time, an absent one goes, the rest is new."""
    first, second = put(sandbox, batch_id, CHOICE, WHY).json()
    changed = WHY | {"id": second["id"], "description": "Why not?"}

    new, kept = put(sandbox, batch_id, RATE, changed).json()

    assert (kept["id"], kept["created_at"]) == (second["id"], second["created_at"])
    assert new["id"] not in ids([first, second])
    assert ids(sandbox.instructions(batch_id)) == [new["id"], kept["id"]]


def test_put_removes_fields_that_are_not_sent(sandbox: Sandbox, batch_id: str) -> None:
    """A kept instruction loses the helper text that the new request leaves out."""
    (before,) = put(sandbox, batch_id, WHY | {"helper_text": "Two sentences."}).json()

    (after,) = put(sandbox, batch_id, WHY | {"id": before["id"]}).json()

    assert "helper_text" not in after


def test_put_accepts_an_id_in_capitals(sandbox: Sandbox, batch_id: str) -> None:
    """A UUID means the same in capitals."""
    (before,) = put(sandbox, batch_id, WHY).json()

    (after,) = put(sandbox, batch_id, WHY | {"id": before["id"].upper()}).json()

    assert after["id"] == before["id"]


def test_put_counts_generations_and_instructions(sandbox: Sandbox, batch_id: str) -> None:
    """Each committed PUT is a generation; the batch says how many instructions it has."""
    put(sandbox, batch_id, CHOICE, WHY)
    put(sandbox, batch_id, WHY)
    put(sandbox, batch_id, {"type": "nonsense"})

    assert sandbox.generations(batch_id) == 2
    assert sandbox.batch(batch_id)["total_instruction_count"] == 1


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"description": "No type"}, "instructions.0.type"),
        (WHY | {"type": "file_upload"}, "instructions.0.type"),
        ({"type": "free_text"}, "instructions.0.description"),
        (WHY | {"description": 5}, "instructions.0.description"),
        (WHY | {"helper_text": None}, "instructions.0.helper_text"),
        ({**CHOICE, "answer_limit": None}, "instructions.0.answer_limit"),
        (CHOICE | {"answer_limit": True}, "instructions.0.answer_limit"),
        (CHOICE | {"answer_limit": "1"}, "instructions.0.answer_limit"),
        (CHOICE | {"answer_limit": 0}, "instructions.0.answer_limit"),
        (CHOICE | {"answer_limit": 3}, "instructions.0.answer_limit"),
        (CHOICE | {"answer_limit": -2}, "instructions.0.answer_limit"),
        (CHOICE | {"options": []}, "instructions.0.options"),
        (CHOICE | {"options": ["one"]}, "instructions.0.options.0"),
        (CHOICE | {"options": [{"label": "One", "value": 1}]}, "instructions.0.options.0.value"),
        (CHOICE | {"options": [{"value": "1"}]}, "instructions.0.options.0.label"),
        (CHOICE | {"disable_dropdown": "yes"}, "instructions.0.disable_dropdown"),
        (RATE | {"options": [{"label": "One", "value": "1"}]}, "instructions.0.options.0.heading"),
        (WHY | {"id": "7"}, "instructions.0.id"),
        (WHY | {"id": FOREIGN_ID}, "instructions.0.id"),
    ],
)
def test_put_refuses_what_the_document_rules_out(
    sandbox: Sandbox, batch_id: str, item: dict[str, Any], field: str
) -> None:
    """400 names the field, and the instructions stay as they were."""
    put(sandbox, batch_id, WHY)
    before = sandbox.instructions(batch_id)

    answer = put(sandbox, batch_id, item)

    assert (answer.status_code, list(answer.json()["error"]["detail"])) == (400, [field])
    assert sandbox.instructions(batch_id) == before


@pytest.mark.parametrize("body", [[], {}, {"instructions": {}}, {"instructions": ["one"]}, None])
def test_put_refuses_a_body_of_another_shape(sandbox: Sandbox, batch_id: str, body: object) -> None:
    """The body is an object with a list of objects."""
    answer = call(sandbox, "PUT", f"{API}/{batch_id}/instructions", body)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body", [b'{"instructions": [', b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 100_000, b"\xff"]
)
def test_put_refuses_what_is_not_json(sandbox: Sandbox, batch_id: str, body: bytes) -> None:
    """Half a document, NaN, half a surrogate pair, endless nesting and bytes that are no text."""
    answer = requests.put(
        f"{sandbox.url}{API}/{batch_id}/instructions",
        data=body,
        headers={"Authorization": "Token sandbox"},
        timeout=20,
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["detail"].startswith("The body is not JSON")


def test_put_refuses_an_id_twice(sandbox: Sandbox, batch_id: str) -> None:
    """Two entries cannot be the same instruction."""
    (before,) = put(sandbox, batch_id, WHY).json()
    kept = WHY | {"id": before["id"]}

    answer = put(sandbox, batch_id, kept, kept)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["detail"]) == ["instructions.1.id"]


def test_put_refuses_an_instruction_of_another_batch(sandbox: Sandbox, batch_id: str) -> None:
    """An id is known in its own batch only."""
    (foreign,) = put(sandbox, sandbox.add_batch(), WHY).json()

    assert put(sandbox, batch_id, WHY | {"id": foreign["id"]}).status_code == 400


def test_post_adds_behind_what_is_there(sandbox: Sandbox, batch_id: str) -> None:
    """POST answers 201 with the added instructions only."""
    (first,) = put(sandbox, batch_id, WHY).json()

    answer = call(sandbox, "POST", f"{API}/{batch_id}/instructions", {"instructions": [CHOICE]})

    assert answer.status_code == 201
    assert ids(sandbox.instructions(batch_id)) == [first["id"], *ids(answer.json())]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"type": "file_upload", "description": "Send", "min_file_count": 11}, "min_file_count"),
        (WHY | {"validation": {"type": "number", "min": 2, "max": 1}}, "validation.min"),
        (WHY | {"validation": {"type": "date"}}, "validation.type"),
        (CHOICE | {"options": [{"label": "A", "value": "a", "exclusive": True}]}, "options"),
        (
            {
                "type": "free_text_with_unit",
                "description": "How long?",
                "unit_options": [{"label": "cm", "value": "cm"}, {"label": "m", "value": "m"}],
                "unit_position": "suffix",
                "default_unit": "km",
            },
            "default_unit",
        ),
        (
            {
                "type": "free_text_with_unit",
                "description": "How long?",
                "unit_options": [{"label": "cm", "value": "cm"}],
                "unit_position": ["suffix"],
            },
            "unit_position",
        ),
    ],
)
def test_post_checks_the_types_of_today(
    sandbox: Sandbox, batch_id: str, item: dict[str, Any], field: str
) -> None:
    """The types that PUT of the seed does not know have rules too."""
    answer = call(sandbox, "POST", f"{API}/{batch_id}/instructions", {"instructions": [item]})

    assert list(answer.json()["error"]["detail"]) == [f"instructions.0.{field}"]


# ------------------------------------------------------------------ batches


def test_patch_answers_the_fields_of_the_seed(sandbox: Sandbox, batch_id: str) -> None:
    """A legacy batch answers exactly the thirteen fields of the seed document."""
    answer = call(sandbox, "PATCH", f"{API}/{batch_id}", {"name": "Wave 2"})

    assert set(answer.json()) == {
        *("id", "created_at", "created_by", "datasets", "name", "status", "total_task_count"),
        *("total_instruction_count", "workspace_id", "schema_version", "task_details", "total_task_groups"),
    }
    assert answer.json()["name"] == "Wave 2"


def test_patch_changes_only_what_is_sent(sandbox: Sandbox, batch_id: str) -> None:
    """A dataset is set; name and task details stay."""
    before = sandbox.batch(batch_id)

    call(sandbox, "PATCH", f"{API}/{batch_id}", {"dataset_id": FOREIGN_ID})

    dataset = {"id": FOREIGN_ID, "total_datapoint_count": 0, "filename": "dataset.csv"}
    assert sandbox.batch(batch_id) == before | {"datasets": [dataset]}


def test_patch_wants_all_task_details_together(sandbox: Sandbox, batch_id: str) -> None:
    """Two of the three task details are refused, and the name beside them is not changed either."""
    before = sandbox.batch(batch_id)

    answer = call(
        sandbox,
        "PATCH",
        f"{API}/{batch_id}",
        {"name": "Wave 2", "task_details": {"task_name": "T", "task_steps": ""}},
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["detail"] == {"task_details.task_introduction": ["This field is required."]}
    assert sandbox.batch(batch_id) == before


def test_post_creates_a_legacy_batch(sandbox: Sandbox) -> None:
    """A batch without batch_items takes instructions; GET says null."""
    details = {"task_name": "T", "task_introduction": "I", "task_steps": "S"}
    answer = call(sandbox, "POST", API, {"name": "New", "workspace_id": "w", "task_details": details})

    batch = sandbox.batch(answer.json()["id"])
    assert answer.status_code == 201
    assert (batch["name"], batch["task_details"], batch["batch_items"]) == ("New", details, None)


def test_batches_are_listed_by_workspace(sandbox: Sandbox) -> None:
    """A workspace's batches, oldest first; the workspace must be named."""
    mine = [sandbox.add_batch(workspace_id="mine") for _ in range(2)]
    sandbox.add_batch(workspace_id="yours")

    listed = call(sandbox, "GET", f"{API}?workspace_id=mine").json()

    assert (ids(listed["results"]), listed["meta"]) == (mine, {"count": 2})
    assert call(sandbox, "GET", API).status_code == 400


def test_status_user_and_trailing_slash(sandbox: Sandbox, batch_id: str) -> None:
    """The small reads answer, with a slash at the end or without."""
    assert call(sandbox, "GET", f"{API}/{batch_id}/status").json() == {"status": "UNINITIALISED"}
    assert call(sandbox, "GET", "/api/v1/users/me/").json() == call(sandbox, "GET", "/api/v1/users/me").json()
    assert call(sandbox, "GET", f"{API}/{batch_id}/").json()["id"] == batch_id


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", f"{API}/{FOREIGN_ID}", 404), ("GET", "/", 404), ("DELETE", f"{API}/{FOREIGN_ID}", 405)],
)
def test_what_is_not_there_has_an_error_body(sandbox: Sandbox, method: str, path: str, status: int) -> None:
    """Unknown batch, unknown address and unknown method answer in the documented shape."""
    answer = call(sandbox, method, path)

    assert (answer.status_code, answer.json()["error"]["status"]) == (status, status)


# ------------------------------------------------------------------ batch_items


def test_layout_ids_are_given_and_kept(sandbox: Sandbox, batch_id: str) -> None:
    """Page, row, column and item get ids; sent back with a second page, they stay."""
    (page,) = call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [PAGE]}).json()["batch_items"]

    kept, new = call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [page, PAGE]}).json()[
        "batch_items"
    ]

    column = page["rows"][0]["columns"][0]
    given = [page["id"], page["rows"][0]["id"], column["id"], column["items"][0]["id"]]
    assert kept == page
    assert len(set(given)) == 4
    assert new["id"] not in given
    assert sandbox.batch(batch_id)["total_instruction_count"] == 2


def test_layout_problems_have_positions(sandbox: Sandbox, batch_id: str) -> None:
    """422 says page, row, column and item, from zero, and nothing is changed."""
    field = {"type": "dataset_field", "field": "prompt"}
    column = {
        "items": [
            {"type": "rich_text", "content": "Hi"},
            field,
            {"type": "multiple_choice", "description": "?"},
        ]
    }
    intro = PAGE | {"display_position": "intro"}

    answer = call(
        sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [{"rows": [{"columns": [column]}]}, intro]}
    )

    places = [
        (issue["page"], issue["row"], issue["column"], issue["item"], issue["type"])
        for issue in answer.json()["issues"]
    ]
    assert (answer.status_code, answer.json()["type"]) == (422, "INVALID_BATCH_ITEMS")
    assert places == [
        (0, 0, 0, 1, "dataset_field"),
        *[(0, 0, 0, 2, "multiple_choice")] * 2,
        (1, 0, 0, 0, "free_text"),
    ]
    assert sandbox.batch(batch_id)["batch_items"] is None


@pytest.mark.parametrize(
    ("layout", "field"),
    [
        ([], "batch_items"),
        ([{}], "batch_items.0.rows"),
        ([{"rows": [{"columns": [{"items": []}]}]}], "batch_items.0.rows.0.columns.0.items"),
        ([PAGE | {"id": "unknown"}], "batch_items"),
        ([PAGE | {"display_position": "top"}], "batch_items.0.display_position"),
        ([{"rows": [{"columns": PAGE["rows"][0]["columns"] * 3}]}], "batch_items.0.rows.0.columns"),
    ],
)
def test_layout_of_another_shape_is_refused(
    sandbox: Sandbox, batch_id: str, layout: list[Any], field: str
) -> None:
    """400 names the level that is wrong."""
    answer = call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": layout})

    assert (answer.status_code, list(answer.json()["error"]["detail"])) == (400, [field])


def test_batch_with_a_layout_refuses_instructions(sandbox: Sandbox, batch_id: str) -> None:
    """PUT and POST answer 422 once a batch uses batch_items; GET shows the layout's instructions."""
    call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [PAGE]})

    posted = call(sandbox, "POST", f"{API}/{batch_id}/instructions", {"instructions": [WHY]})
    got = call(sandbox, "GET", f"{API}/{batch_id}/instructions").json()

    assert (put(sandbox, batch_id, WHY).status_code, posted.status_code) == (422, 422)
    assert [item["description"] for item in got["results"]] == ["Why?"]


def test_null_removes_a_layout(sandbox: Sandbox, batch_id: str) -> None:
    """`batch_items: null` takes the layout and its instructions away."""
    call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [PAGE]})

    call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": None})

    batch = sandbox.batch(batch_id)
    assert (batch["batch_items"], batch["total_instruction_count"]) == (None, 0)


def test_layout_shows_fields_of_the_dataset(sandbox: Sandbox) -> None:
    """A field of the dataset's schema may stand once on a page, and has no id."""
    batch_id = sandbox.add_batch(dataset_fields=["prompt"])
    field = {"type": "dataset_field", "field": "prompt"}
    once = {"rows": [{"columns": [{"items": [field]}]}]}
    twice = {"rows": [{"columns": [{"items": [field, field]}]}]}

    accepted = call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [once]})
    refused = call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [twice]})

    assert accepted.json()["batch_items"][0]["rows"][0]["columns"][0]["items"] == [field]
    assert [issue["field"] for issue in refused.json()["issues"]] == ["prompt"]


# ------------------------------------------------------------------ switches


def test_unknown_id_may_count_as_new(sandbox: Sandbox, batch_id: str) -> None:
    """With the switch, an unknown id creates an instruction under another id."""
    sandbox.switches.unknown_id = "create"

    (item,) = put(sandbox, batch_id, WHY | {"id": FOREIGN_ID}).json()

    assert item["id"] != FOREIGN_ID


def test_type_may_be_fixed(sandbox: Sandbox, batch_id: str) -> None:
    """A kept id may take another type, unless the switch says otherwise."""
    (item,) = put(sandbox, batch_id, WHY).json()
    assert put(sandbox, batch_id, CHOICE | {"id": item["id"]}).status_code == 200

    sandbox.switches.type_change = "refuse"

    assert put(sandbox, batch_id, WHY | {"id": item["id"]}).status_code == 400


def test_empty_list_may_be_refused(sandbox: Sandbox, batch_id: str) -> None:
    """No instructions at all is accepted, unless the switch says otherwise."""
    assert put(sandbox, batch_id).json() == []

    sandbox.switches.empty_list = "refuse"

    assert put(sandbox, batch_id).status_code == 400


def test_put_may_know_the_types_of_today(sandbox: Sandbox, batch_id: str) -> None:
    """With the switch, PUT takes file_upload, but not its limits: the document has none there."""
    sandbox.switches.put_types = "live"

    (item,) = put(
        sandbox, batch_id, {"type": "file_upload", "description": "Send", "max_file_count": 3}
    ).json()

    assert (item["type"], "max_file_count" in item) == ("file_upload", False)


def test_parent_may_be_in_the_form_of_today(sandbox: Sandbox, batch_id: str) -> None:
    """With the switch, instructions name their parent instead of their batch."""
    sandbox.switches.parent = "live"

    (item,) = put(sandbox, batch_id, WHY).json()

    assert (item["parent_id"], item["parent_type"], "batch_id" in item) == (batch_id, "batch", False)


def test_instructions_may_be_gone(sandbox: Sandbox, batch_id: str) -> None:
    """GET and PUT can be switched off one by one."""
    sandbox.switches.get_instructions, sandbox.switches.put_instructions = 410, 404

    assert call(sandbox, "GET", f"{API}/{batch_id}/instructions").status_code == 410
    assert put(sandbox, batch_id, WHY).status_code == 404
    assert sandbox.instructions(batch_id) == []


def test_answer_may_have_another_order(sandbox: Sandbox, batch_id: str) -> None:
    """PUT answers as sent, backwards or in the order of creation; what is held is in the sent order."""
    first, second = put(sandbox, batch_id, WHY, RATE).json()
    sent = [RATE | {"id": second["id"]}, CHOICE, WHY | {"id": first["id"]}]

    orders = {}
    for order in ALLOWED["response_order"]:
        sandbox.switches.response_order = str(order)
        orders[order] = [item["type"] for item in put(sandbox, batch_id, *sent).json()]

    choice, why, rate = CHOICE["type"], WHY["type"], RATE["type"]
    assert orders == {
        "sent": [rate, choice, why],
        "reversed": [why, choice, rate],
        "by_id": [why, rate, choice],
    }
    assert [item["type"] for item in sandbox.instructions(batch_id)] == [rate, choice, why]


@pytest.mark.parametrize("as_layout", [False, True])
@pytest.mark.parametrize(
    ("switch", "setting", "field"),
    [
        ("duplicate_values", "refuse", "options.1.value"),
        ("max_text", 5, "description"),
        ("max_count", 1, "options"),
    ],
)
def test_more_may_be_refused(
    sandbox: Sandbox, batch_id: str, switch: str, setting: str | int, field: str, as_layout: bool
) -> None:
    """Equal values, long texts and long lists are taken, unless the switch says otherwise."""
    twice = CHOICE | {"options": [{"label": label, "value": "1"} for label in "AB"]}

    def send() -> requests.Response:
        if as_layout:
            page = {"rows": [{"columns": [{"items": [twice]}]}]}
            return call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [page]})
        return put(sandbox, sandbox.add_batch(), twice)

    assert send().status_code == 200

    setattr(sandbox.switches, switch, setting)

    answer = send()
    assert answer.status_code == (422 if as_layout and switch == "duplicate_values" else 400)
    assert field in answer.text


def test_undocumented_types_keep_what_they_are_sent(sandbox: Sandbox, batch_id: str) -> None:
    """A video narration is taken in a layout with whatever fields it has; a star rating by switch only."""
    video = {"type": "video_narration", "description": "Speak.", "max_seconds": 30}
    stars = {"type": "star_rating", "description": "How good?", "max_stars": 5}
    pages = [{"rows": [{"columns": [{"items": [video, stars]}]}]}]
    refused = call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": pages}).json()
    assert [(issue["item"], issue["type"]) for issue in refused["issues"]] == [(1, "star_rating")]

    sandbox.switches.star_rating = "accept"
    (page,) = call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": pages}).json()["batch_items"]

    held = page["rows"][0]["columns"][0]["items"]
    assert [{name: item[name] for name in item if name != "id"} for item in held] == [video, stars]


def test_layout_may_be_refused_beside_instructions(sandbox: Sandbox, batch_id: str) -> None:
    """A layout takes the place of a legacy batch's instructions, unless the switch says otherwise."""
    sandbox.switches.layout_on_legacy = "refuse"
    put(sandbox, batch_id, WHY)
    assert call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [PAGE]}).status_code == 400

    sandbox.switches.layout_on_legacy = "replace"
    call(sandbox, "PATCH", f"{API}/{batch_id}", {"batch_items": [PAGE]})

    assert [item["description"] for item in sandbox.instructions(batch_id)] == ["Why?"]


def test_deprecation_is_announced_on_demand(sandbox: Sandbox, batch_id: str) -> None:
    """Only with the switch do the instructions endpoints say that they will go."""
    assert "Deprecation" not in put(sandbox, batch_id, WHY).headers

    sandbox.switches.deprecation = True

    headers = put(sandbox, batch_id, WHY).headers
    assert (headers["Deprecation"], headers["Sunset"]) == ("true", "Tue, 01 Sep 2026 23:59:59 GMT")
    assert "Deprecation" not in call(sandbox, "GET", f"{API}/{batch_id}").headers


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("wrapped", {"error": {"status": 404, "error_code": 404, "title": "Not Found", "detail": "…"}}),
        ("unwrapped", {"status": 404, "error_code": 404, "title": "Not Found", "detail": "…"}),
        ("flat", {"message": "Not Found", "detail": "…"}),
        ("message", {"message": "…"}),
        ("detail", {"detail": "…"}),
        ("text", "…"),
    ],
)
def test_refusals_come_in_every_documented_shape(sandbox: Sandbox, shape: str, body: object) -> None:
    """One switch gives each error body that the documents show."""
    sandbox.switches.error_shape = shape

    answer = call(sandbox, "GET", f"{API}/{FOREIGN_ID}").text

    said = answer.replace("Batch not found, or you have no access to it.", "…")
    assert (said if shape == "text" else json.loads(said)) == body


def test_switches_refuse_what_does_not_exist() -> None:
    """A misspelt switch or setting is an error, not a silent default."""
    with pytest.raises(ValueError, match="is not a switch"):
        Switches().unknown = "x"  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="cannot be"):
        Switches(parent="both")


def test_switches_start_at_their_first_setting() -> None:
    """The table of settings names the default first."""
    assert Switches().to_json() == {name: allowed[0] for name, allowed in ALLOWED.items()}


def test_switches_are_set_from_text() -> None:
    """The command line has text only; numbers and booleans are meant by it."""
    switches = Switches()
    for asked in ("put_instructions=410", "deprecation=true", "max_text=80", "parent=live"):
        switches.turn(asked)

    assert (switches.put_instructions, switches.deprecation, switches.max_text) == (410, True, 80)
    assert switches.parent == "live"
    for wrong in ("put_instructions=500", "put_instructions", "earthquake=1"):
        with pytest.raises(ValueError, match="Use one of"):
            switches.turn(wrong)


def test_every_switch_is_documented() -> None:
    """docs/sandbox.md lists each switch with its settings, the default first."""
    lines = (Path(__file__).parents[1] / "docs" / "sandbox.md").read_text("utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]

    settings = {
        name: f"`{allowed[0]}` to `{allowed[-1]}`"
        if isinstance(allowed, range)
        else ", ".join(f"`{one}`" for one in allowed)
        for name, allowed in ALLOWED.items()
    }
    assert {row[0].strip("`"): row[1] for row in rows} == settings


# ------------------------------------------------------------------ token and ledger


@pytest.mark.parametrize("header", [None, "Token wrong", "sandbox", "Bearer sandbox", "Token söndbox"])
def test_wrong_token_changes_nothing(sandbox: Sandbox, batch_id: str, header: str | None) -> None:
    """401 with a documented body that does not repeat what was sent."""
    headers = {} if header is None else {"Authorization": header.encode()}
    answer = requests.put(
        f"{sandbox.url}{API}/{batch_id}/instructions",
        json={"instructions": [WHY]},
        headers=headers,  # type: ignore[arg-type]  # requests takes bytes too
        timeout=20,
    )

    assert (answer.status_code, answer.json()["error"]["status"]) == (401, 401)
    assert "wrong" not in answer.text
    assert sandbox.instructions(batch_id) == []


def test_ledger_tells_what_was_received(sandbox: Sandbox, batch_id: str) -> None:
    """Method, path, size, digest, ids sent and created, commit, status; the token is redacted."""
    (kept,) = put(sandbox, batch_id, WHY).json()
    _, created = put(sandbox, batch_id, WHY | {"id": kept["id"]}, CHOICE).json()

    first, second = sandbox.ledger

    assert (first.number, first.method, first.path) == (1, "PUT", f"{API}/{batch_id}/instructions")
    assert (second.status, second.is_committed, second.fault) == (200, True, "")
    assert (second.ids_sent, second.ids_created) == ((kept["id"],), (created["id"],))
    assert (second.body_bytes > first.body_bytes, len(second.body_sha256)) == (True, 64)
    assert second.headers["authorization"] == "(redacted)"
    assert "Token sandbox" not in json.dumps(second.to_json())


def test_ledger_shows_refusals_as_not_committed(sandbox: Sandbox, batch_id: str) -> None:
    """A refused request is in the ledger too."""
    put(sandbox, batch_id, {"type": "nonsense"})

    (entry,) = sandbox.ledger
    assert (entry.status, entry.is_committed, entry.ids_created) == (400, False, ())


def test_ledger_is_printable(sandbox: Sandbox, batch_id: str) -> None:
    """One line for each request, without any text of an instruction."""
    put(sandbox, batch_id, WHY)
    call(sandbox, "GET", f"{API}?workspace_id=mine")

    lines = sandbox.format_ledger().splitlines()

    assert len(lines) == 2
    assert "PUT    200" in lines[0]
    assert lines[0].endswith("1 ids created; committed)")
    assert lines[1].endswith(f"{API}?workspace_id=mine")
    assert "Why" not in sandbox.format_ledger()


def test_ledger_line_of_a_cut_request(sandbox: Sandbox, batch_id: str) -> None:
    """A request without an answer is "..." while it runs and "cut" afterwards."""
    put(sandbox, batch_id, WHY)
    (entry,) = sandbox.ledger
    entry.status, entry.seconds = None, None
    running = format_entry(entry)
    entry.seconds, entry.fault = 0.1, "reset-after"

    assert "PUT    ..." in running
    assert "PUT    cut" in format_entry(entry)
    assert "fault reset-after" in format_entry(entry)


def test_empty_ledger_says_so() -> None:
    """An empty ledger is a sentence, not an empty screen."""
    assert format_ledger([]) == "No request has been received."


def test_on_request_gets_each_entry() -> None:
    """The callback sees each request when it is over."""
    seen: list[Received] = []
    with Sandbox(on_request=seen.append) as sandbox:
        call(sandbox, "GET", "/api/v1/users/me/")
        call(sandbox, "GET", "/_sandbox/ledger")

    assert [(entry.path, entry.seconds is not None) for entry in seen] == [("/api/v1/users/me/", True)]


# ------------------------------------------------------------------ control over HTTP


def test_control_shows_ledger_and_batches(sandbox: Sandbox, batch_id: str) -> None:
    """Another process can look inside; looking leaves no trace in the ledger."""
    put(sandbox, batch_id, WHY)

    entries = call(sandbox, "GET", "/_sandbox/ledger").json()
    inside = call(sandbox, "GET", f"/_sandbox/batches/{batch_id}").json()

    assert [entry["method"] for entry in entries] == ["PUT"]
    assert (inside["generations"], inside["instructions"]) == (1, sandbox.instructions(batch_id))
    assert len(sandbox.ledger) == 1
    assert call(sandbox, "DELETE", "/_sandbox/ledger").json() == []


def test_control_sets_switches(sandbox: Sandbox) -> None:
    """Another process can turn a switch; a setting that does not exist is refused."""
    answer = call(sandbox, "PATCH", "/_sandbox/switches", {"parent": "live"})
    refused = call(sandbox, "PATCH", "/_sandbox/switches", {"parent": "both"})

    assert (answer.json()["parent"], sandbox.switches.parent) == ("live", "live")
    assert (refused.status_code, call(sandbox, "PATCH", "/_sandbox/switches", []).status_code) == (400, 400)


def test_control_needs_the_token(sandbox: Sandbox) -> None:
    """A web page that finds the port cannot drive the sandbox."""
    assert call(sandbox, "GET", "/_sandbox/ledger", authorization="Token wrong").status_code == 401


# ------------------------------------------------------------------ serving


def test_sandbox_is_down_and_up_again() -> None:
    """Stopped, it refuses connections; started again, it has the same address and holds the same."""
    sandbox = Sandbox()
    with sandbox:
        batch_id = sandbox.add_batch("Wave 1")
    with pytest.raises(requests.ConnectionError):
        call(sandbox, "GET", f"{API}/{batch_id}")
    with sandbox:
        assert call(sandbox, "GET", f"{API}/{batch_id}").json()["name"] == "Wave 1"


def test_state_outlives_the_process(tmp_path: Path) -> None:
    """With a folder, another sandbox goes on with what the first one held."""
    with Sandbox(state=tmp_path) as first:
        batch_id = first.add_batch("Wave 1")
        put(first, batch_id, WHY, CHOICE)
    second = Sandbox(state=tmp_path)

    assert second.batch(batch_id) == first.batch(batch_id)
    assert second.instructions(batch_id) == first.instructions(batch_id)
    assert [path.name for path in tmp_path.iterdir()] == [f"{batch_id}.json"]
    second.clear()
    assert list(tmp_path.iterdir()) == []


def test_one_connection_serves_many_requests(sandbox: Sandbox, batch_id: str) -> None:
    """Connections are kept open, and no answer waits 40 ms for the client's acknowledgement."""
    connection = connect(sandbox)
    took_s, ports = [], set()
    for _ in range(8):
        started = time.perf_counter()
        connection.request("GET", f"{API}/{batch_id}", headers={"Authorization": "Token sandbox"})
        connection.getresponse().read()
        took_s.append(time.perf_counter() - started)
        ports.add(connection.sock.getsockname())
    connection.close()

    assert len(ports) == 1
    assert min(took_s[3:]) < 0.035


def test_requests_wait_side_by_side() -> None:
    """Sixteen requests with 0.2 s latency each do not come one after the other."""
    with Sandbox(latency_s=0.2) as sandbox, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: call(sandbox, "GET", "/api/v1/users/me/"), range(16)))
        wait_until(lambda: all(entry.seconds is not None for entry in sandbox.ledger))
        entries = sandbox.ledger

    span_s = (max(entry.at for entry in entries) - min(entry.at for entry in entries)).total_seconds()
    assert min(entry.seconds or 0 for entry in entries) >= 0.19
    assert span_s < 15 * 0.2


def test_large_bodies_pass(sandbox: Sandbox, batch_id: str) -> None:
    """Several megabytes in and out."""
    items = [WHY | {"description": "x" * 1_000_000} for _ in range(5)]

    assert len(put(sandbox, batch_id, *items).content) > 5_000_000


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "example.org", ""])  # noqa: S104 - must be refused
def test_only_loopback_is_served(host: str) -> None:
    """It is for this machine only."""
    with pytest.raises(UsageError, match="not a loopback address"):
        Sandbox(host=host)


def test_port_in_use_is_said() -> None:
    """A taken port is a usage error with the port in it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} "):
            Sandbox(port=port).start()


def test_batch_id_must_be_a_uuid() -> None:
    """A batch's id is also the name of its file, so nothing else is taken."""
    with pytest.raises(ValueError, match="is not a UUID"):
        Sandbox().add_batch(batch_id="../etc")


def test_foreground_serves_until_interrupted() -> None:
    """`serve_forever` prints nothing itself and ends with the interrupt."""
    script = (
        # Whoever runs the tests in the background has Ctrl-C ignored, and so would this process.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from importer.sandbox import Sandbox, serve_forever\n"
        "serve_forever(Sandbox(), lambda sandbox: print(sandbox.url, flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        answer = requests.get(
            f"{url}/api/v1/users/me/", headers={"Authorization": "Token sandbox"}, timeout=20
        )
        child.send_signal(signal.SIGINT)
        rest, errors = child.communicate(timeout=20)

    assert answer.status_code == 200
    assert rest == ""
    assert errors.splitlines()[-1] == "KeyboardInterrupt"


def test_import_is_light() -> None:
    """The sandbox needs neither frames nor workbooks."""
    script = (
        "import sys, importer.sandbox\n"
        "print({'pandas', 'pandera', 'openpyxl', 'requests', 'msgspec'} & set(sys.modules))\n"
    )

    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert out.strip() == "set()"


# ------------------------------------------------------------------ ids


def test_ids_rise_although_the_clock_stands_still() -> None:
    """Ids are UUIDs of version 7 in rising order, also when the clock goes back."""
    times = iter([1_700_000_000.0, 1_700_000_000.0, 1_600_000_000.0, 1_700_000_001.0])
    given = Ids(lambda: next(times))

    made = [given.new() for _ in range(4)]

    assert made == sorted(set(made))
    assert {UUID(one).version for one in made} == {7}
    assert UUID(made[-1]).int >> 80 == 1_700_000_001_000


def test_ids_are_unique_between_threads() -> None:
    """Threads that ask at the same time get different ids."""
    given = Ids(lambda: 1_700_000_000.0)
    barrier = threading.Barrier(4)

    def many(_: int) -> list[str]:
        barrier.wait()
        return [given.new() for _ in range(250)]

    with ThreadPoolExecutor(4) as pool:
        made = [one for some in pool.map(many, range(4)) for one in some]

    assert len(set(made)) == 1000
