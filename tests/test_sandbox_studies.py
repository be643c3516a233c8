"""The local Prolific, from nothing to a draft study: datasets, uploads, setup, studies."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from importer.sandbox import Sandbox
from importer.sandbox.world import PROJECT_ID, WORKSPACE_ID
from tests.sandboxes import API, WHY, call, ids, put

DATASETS = "/api/v1/data-collection/datasets"
STUDIES = "/api/v1/studies"
UNKNOWN = "0192041c-470f-7336-8e3d-e03fc086a4e1"
CSV = b"prompt,META_source\nHello,a\nGoodbye,b\nAgain,c\n"


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    served.clear()
    return served


@pytest.fixture
def dataset_id(sandbox: Sandbox) -> str:
    answer = call(sandbox, "POST", DATASETS, {"name": "Prompts", "workspace_id": WORKSPACE_ID})
    assert answer.status_code == 201
    return str(answer.json()["id"])


@pytest.fixture
def batch_id(sandbox: Sandbox) -> str:
    """A batch of one instruction that uses a dataset of three rows, all as a test may have it at once."""
    return sandbox.add_batch("Wave 1", dataset_id=sandbox.add_dataset(rows=3), instructions=[WHY])


@pytest.fixture
def ready_id(sandbox: Sandbox, batch_id: str) -> str:
    """That batch, set up."""
    set_up(sandbox, batch_id)
    assert statuses(sandbox, f"{API}/{batch_id}") == ["PROCESSING", "READY"]
    return batch_id


def promised(sandbox: Sandbox, dataset_id: str, filename: str = "prompts.csv") -> dict[str, Any]:
    """Ask for a presigned address."""
    answer = call(sandbox, "GET", f"{DATASETS}/{dataset_id}/upload-url/{filename}")
    assert answer.status_code == 201
    return dict(answer.json())


def upload(url: str, body: bytes = CSV, **headers: str) -> requests.Response:
    """Send a file to a presigned address."""
    return requests.put(url, data=body, headers={"Content-Type": "text/csv"} | headers, timeout=20)


def set_up(sandbox: Sandbox, batch_id: str, **body: object) -> requests.Response:
    return call(sandbox, "POST", f"{API}/{batch_id}/setup", body)


def statuses(sandbox: Sandbox, path: str, readings: int = 2) -> list[str]:
    """Read a status so many times."""
    return [call(sandbox, "GET", f"{path}/status").json()["status"] for _ in range(readings)]


def draft(batch_id: str, **fields: object) -> dict[str, object]:
    """A study as a request makes it; a field that is None is left out."""
    study = {
        "name": "Rate the prompts",
        "internal_name": "wave 1",
        "description": "<p>Rate three prompts.</p>",
        "prolific_id_option": "not_required",
        "reward": 200,
        "estimated_completion_time": 5,
        "device_compatibility": ["desktop"],
        "data_collection_method": "AI_TASK_BUILDER_BATCH",
        "data_collection_id": batch_id,
        "data_collection_metadata": {"annotators_per_task": 4},
    }
    return {name: value for name, value in (study | fields).items() if value is not None}


def detail(answer: requests.Response) -> list[str]:
    """The fields that a 400 complains about."""
    assert answer.status_code == 400
    return sorted(answer.json()["error"]["detail"])


# ------------------------------------------------------------------ datasets


def test_dataset_is_ready_after_its_upload(sandbox: Sandbox, dataset_id: str) -> None:
    """Made empty, filled through the presigned address, processed for one reading, then READY with its rows."""
    assert statuses(sandbox, f"{DATASETS}/{dataset_id}", 1) == ["UNINITIALISED"]
    target = promised(sandbox, dataset_id)
    assert (target["http_method"], target["content_type"]) == ("PUT", "text/csv")

    assert upload(target["upload_url"]).status_code == 200

    assert statuses(sandbox, f"{DATASETS}/{dataset_id}") == ["PROCESSING", "READY"]
    dataset = call(sandbox, "GET", f"{DATASETS}/{dataset_id}").json()
    assert (dataset["total_datapoint_count"], dataset["filename"]) == (3, "prompts.csv")
    assert dataset["has_predetermined_grouping_id"] is False


def test_batch_knows_what_its_dataset_has_become(sandbox: Sandbox, dataset_id: str) -> None:
    """A dataset may be attached before its file is there; the batch says how many rows it has by now."""
    batch_id = sandbox.add_batch(dataset_id=dataset_id)
    upload(promised(sandbox, dataset_id)["upload_url"])
    statuses(sandbox, f"{DATASETS}/{dataset_id}")

    ready = {"id": dataset_id, "total_datapoint_count": 3, "filename": "prompts.csv"}
    assert call(sandbox, "GET", f"{API}/{batch_id}").json()["datasets"] == [ready]


@pytest.mark.parametrize("body", [b"", b"prompt\n", b"prompt\n\xff\n"])
def test_file_without_rows_ends_in_error(sandbox: Sandbox, dataset_id: str, body: bytes) -> None:
    """Nothing, a header alone and what is not UTF-8 are taken at first, and then found to be no data."""
    upload(promised(sandbox, dataset_id)["upload_url"], body)

    assert statuses(sandbox, f"{DATASETS}/{dataset_id}") == ["PROCESSING", "ERROR"]


def test_zip_is_unpacked(sandbox: Sandbox, dataset_id: str) -> None:
    """A .zip counts the rows of the .csv files in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("prompts.csv", CSV)
    target = promised(sandbox, dataset_id, "prompts.zip")

    upload(target["upload_url"], packed.getvalue(), **{"Content-Type": target["content_type"]})

    assert statuses(sandbox, f"{DATASETS}/{dataset_id}")[-1] == "READY"
    assert sandbox.datasets()[0]["total_datapoint_count"] == 3


def test_upload_keeps_to_what_was_presigned(sandbox: Sandbox, dataset_id: str) -> None:
    """Another content type, another signature, another name, and an API token are refused in the store's XML."""
    url = promised(sandbox, dataset_id)["upload_url"]
    refused = [
        upload(url, **{"Content-Type": "text/plain"}),
        upload(url + "0"),
        upload(url.replace("prompts.csv", "other.csv")),
        upload(url, Authorization="Token sandbox"),
    ]

    assert [answer.status_code for answer in refused] == [403, 403, 403, 400]
    assert {answer.headers["Content-Type"] for answer in refused} == {"application/xml"}
    assert statuses(sandbox, f"{DATASETS}/{dataset_id}", 1) == ["UNINITIALISED"]


def test_upload_needs_its_length(sandbox: Sandbox, dataset_id: str) -> None:
    """Object stores do not take a body in chunks, which is how an HTTP library sends a stream."""
    url = promised(sandbox, dataset_id)["upload_url"]

    chunked = requests.put(url, data=iter([CSV]), headers={"Content-Type": "text/csv"}, timeout=20)

    assert (chunked.status_code, sandbox.creations()["upload"]) == (501, 0)


def test_presigned_address_expires() -> None:
    """An hour later it is of no use."""
    now = [1_800_000_000.0]
    with Sandbox(clock=lambda: now[0]) as sandbox:
        made = call(sandbox, "POST", DATASETS, {"name": "D", "workspace_id": "w"}).json()["id"]
        url = promised(sandbox, made)["upload_url"]
        now[0] += 3601

        assert "expired" in upload(url).text


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "D"}, ["workspace_id"]),
        ({"name": 5, "workspace_id": "w"}, ["name"]),
        ({"name": "D", "workspace_id": "w", "schema": {}}, ["schema"]),
    ],
)
def test_dataset_of_another_shape_is_refused(
    sandbox: Sandbox, body: dict[str, object], fields: list[str]
) -> None:
    """Name and workspace are required; a schema needs a feature that the sandbox has not."""
    assert detail(call(sandbox, "POST", DATASETS, body)) == fields
    assert sandbox.datasets() == []


def test_file_must_be_a_table(sandbox: Sandbox, dataset_id: str) -> None:
    """Other endings than .csv and .zip get no address; nor does an unknown dataset."""
    assert call(sandbox, "GET", f"{DATASETS}/{dataset_id}/upload-url/prompts.xlsx").status_code == 400
    assert call(sandbox, "GET", f"{DATASETS}/{UNKNOWN}/upload-url/prompts.csv").status_code == 404


# ------------------------------------------------------------------ setup


def test_setup_makes_tasks(sandbox: Sandbox, batch_id: str) -> None:
    """202 without a body; PROCESSING for one reading; then READY with a task for each row, in groups."""
    answer = set_up(sandbox, batch_id, tasks_per_group=2)

    assert (answer.status_code, answer.content) == (202, b"")
    assert statuses(sandbox, f"{API}/{batch_id}") == ["PROCESSING", "READY"]
    batch = call(sandbox, "GET", f"{API}/{batch_id}").json()
    assert (batch["status"], batch["total_task_count"], batch["total_task_groups"]) == ("READY", 3, 2)


def test_groups_of_the_dataset_come_first(sandbox: Sandbox, dataset_id: str) -> None:
    """META_TASK_GROUP_ID decides how many groups there are, whatever setup asks for."""
    upload(promised(sandbox, dataset_id)["upload_url"], b"prompt,META_TASK_GROUP_ID\na,1\nb,1\nc,2\n")
    statuses(sandbox, f"{DATASETS}/{dataset_id}")
    batch_id = sandbox.add_batch(instructions=[WHY])

    set_up(sandbox, batch_id, dataset_id=dataset_id, tasks_per_group=3)
    statuses(sandbox, f"{API}/{batch_id}")

    assert sandbox.batch(batch_id)["total_task_groups"] == 2


def test_processing_lasts_as_long_as_asked(sandbox: Sandbox, batch_id: str) -> None:
    """With the switch, more readings say PROCESSING; looking at the sandbox itself is no reading."""
    sandbox.switches.processing_reads = 3
    set_up(sandbox, batch_id)
    sandbox.batch(batch_id)

    got = [call(sandbox, "GET", f"{API}/{batch_id}").json()["status"] for _ in range(4)]
    assert got == ["PROCESSING", "PROCESSING", "PROCESSING", "READY"]


def test_setup_may_end_in_error_and_be_tried_again(sandbox: Sandbox, batch_id: str) -> None:
    """With the switch, tasks cannot be made; the next setup is taken."""
    sandbox.switches.setup_ends = "ERROR"
    set_up(sandbox, batch_id)
    assert statuses(sandbox, f"{API}/{batch_id}") == ["PROCESSING", "ERROR"]

    sandbox.switches.setup_ends = "READY"

    assert set_up(sandbox, batch_id).status_code == 202


def test_setup_is_done_once(sandbox: Sandbox, ready_id: str) -> None:
    """A second setup is refused, unless the switch says otherwise."""
    assert detail(set_up(sandbox, ready_id)) == ["status"]

    sandbox.switches.second_setup = "accept"

    assert set_up(sandbox, ready_id).status_code == 202
    assert detail(set_up(sandbox, ready_id)) == ["status"]


def test_setup_may_answer_as_it_did_once(sandbox: Sandbox, batch_id: str) -> None:
    """An older document says 204."""
    sandbox.switches.setup_answer = 204

    assert set_up(sandbox, batch_id).status_code == 204


@pytest.mark.parametrize(
    ("dataset", "instructions", "body", "field"),
    [
        ("", [WHY], {}, "dataset_id"),
        ("empty", [WHY], {}, "dataset_id"),
        ("ready", [], {}, "batch_items"),
        ("ready", [WHY], {"tasks_per_group": 0}, "tasks_per_group"),
        ("ready", [WHY], {"tasks_per_group": "2"}, "tasks_per_group"),
        ("", [WHY], {"dataset_id": "7"}, "dataset_id"),
    ],
)
def test_setup_needs_a_ready_dataset_and_instructions(
    sandbox: Sandbox,
    dataset_id: str,
    dataset: str,
    instructions: list[dict[str, Any]],
    body: dict[str, object],
    field: str,
) -> None:
    """400 says what is missing, and the batch stays as it was."""
    used = {"": None, "empty": dataset_id, "ready": sandbox.add_dataset()}[dataset]
    batch_id = sandbox.add_batch(dataset_id=used, instructions=instructions)

    assert detail(set_up(sandbox, batch_id, **body)) == [field]
    assert sandbox.batch(batch_id)["status"] == "UNINITIALISED"


# ------------------------------------------------------------------ studies


def test_study_is_a_draft_of_a_ready_batch(sandbox: Sandbox, ready_id: str) -> None:
    """201 with what was sent, a status, and as many places as groups times annotators."""
    answer = call(sandbox, "POST", f"{STUDIES}/", draft(ready_id))

    study = answer.json()
    assert (answer.status_code, study["status"]) == (201, "UNPUBLISHED")
    assert draft(ready_id).items() <= study.items()
    assert (study["total_available_places"], study["project"]) == (12, PROJECT_ID)
    assert call(sandbox, "GET", f"{STUDIES}/{study['id']}/").json() == study


@pytest.mark.parametrize(
    ("fields", "complaints"),
    [
        ({"name": None}, ["name"]),
        ({"reward": "2"}, ["reward"]),
        ({"reward": 1.5}, ["reward"]),
        ({"estimated_completion_time": 0}, ["estimated_completion_time"]),
        ({"device_compatibility": ["desktop", "watch"]}, ["device_compatibility"]),
        ({"prolific_id_option": "never"}, ["prolific_id_option"]),
        ({"data_collection_metadata": {"annotators_per_task": 0}}, ["data_collection_metadata"]),
        ({"data_collection_method": None}, ["data_collection_method"]),
        ({"external_study_url": "https://example.org"}, ["external_study_url"]),
        ({"data_collection_id": UNKNOWN}, ["data_collection_id"]),
        ({"data_collection_id": None}, ["external_study_url", "total_available_places"]),
    ],
)
def test_study_of_another_shape_is_refused(
    sandbox: Sandbox, ready_id: str, fields: dict[str, object], complaints: list[str]
) -> None:
    """400 names the field, and nothing is created."""
    assert detail(call(sandbox, "POST", f"{STUDIES}/", draft(ready_id, **fields))) == complaints
    assert sandbox.studies() == []


def test_study_waits_for_its_batch(sandbox: Sandbox, batch_id: str) -> None:
    """A batch that is not READY cannot be attached."""
    assert detail(call(sandbox, "POST", f"{STUDIES}/", draft(batch_id))) == ["data_collection_id"]


def test_draft_may_be_changed(sandbox: Sandbox, ready_id: str) -> None:
    """Any field; more annotators make more places."""
    study = call(sandbox, "POST", f"{STUDIES}/", draft(ready_id)).json()
    change = {"name": "Rate them", "data_collection_metadata": {"annotators_per_task": 5}}

    changed = call(sandbox, "PATCH", f"{STUDIES}/{study['id']}/", change).json()

    assert changed == study | change | {"total_available_places": 15}


def test_published_study_is_almost_fixed(sandbox: Sandbox, ready_id: str) -> None:
    """After a person has published it, its name stays; places may rise and not fall."""
    study = call(sandbox, "POST", f"{STUDIES}/", draft(ready_id)).json()
    sandbox.publish(study["id"])
    path = f"{STUDIES}/{study['id']}/"

    assert detail(call(sandbox, "PATCH", path, {"name": "Other"})) == ["name"]
    assert detail(call(sandbox, "PATCH", path, {"total_available_places": 3})) == ["total_available_places"]
    assert (
        call(sandbox, "PATCH", path, {"total_available_places": 20, "internal_name": "x"}).status_code == 200
    )


@pytest.mark.parametrize("action", ["PUBLISH", "SCHEDULE_PUBLISH", "START"])
def test_no_request_publishes(sandbox: Sandbox, ready_id: str, action: str) -> None:
    """A transition is refused and stands in the ledger."""
    study_id = call(sandbox, "POST", f"{STUDIES}/", draft(ready_id)).json()["id"]

    answer = call(sandbox, "POST", f"{STUDIES}/{study_id}/transition/", {"action": action})

    assert answer.status_code == 400
    assert sandbox.studies()[0]["status"] == "UNPUBLISHED"
    assert sandbox.ledger[-1].path.endswith("/transition/")


def test_another_process_may_publish_for_a_test(sandbox: Sandbox, ready_id: str) -> None:
    """Through the control endpoints, which are no part of Prolific."""
    study_id = call(sandbox, "POST", f"{STUDIES}/", draft(ready_id)).json()["id"]

    assert call(sandbox, "POST", f"/_sandbox/studies/{study_id}/publish").json()["status"] == "ACTIVE"


def test_lists_hold_the_short_form(sandbox: Sandbox, ready_id: str) -> None:
    """All studies, and those of a project: with their names, without their descriptions and batches."""
    study_id = call(sandbox, "POST", f"{STUDIES}/", draft(ready_id)).json()["id"]

    (listed,) = call(sandbox, "GET", f"{STUDIES}/").json()["results"]

    assert (listed["id"], listed["name"], listed["status"]) == (study_id, "Rate the prompts", "UNPUBLISHED")
    assert not {"description", "data_collection_id"} & set(listed)
    assert ids(call(sandbox, "GET", f"/api/v1/projects/{PROJECT_ID}/studies/").json()["results"]) == [
        study_id
    ]
    assert call(sandbox, "GET", "/api/v1/projects/other/studies/").json()["results"] == []


def test_studies_of_a_project_come_in_pages(sandbox: Sandbox) -> None:
    """If that is asked for: so many on a page, the newest first on demand, and how many there are."""
    made = [sandbox.add_study(UNKNOWN, f"Study {number}") for number in range(5)]

    def page(query: str) -> tuple[list[str], int]:
        listed = call(sandbox, "GET", f"/api/v1/projects/{PROJECT_ID}/studies/?{query}").json()
        return ids(listed["results"]), listed["meta"]["count"]

    assert page("page=2&page_size=2") == (made[2:4], 5)
    assert page("page=1&page_size=2&ordering=-date_created") == (made[:-3:-1], 5)
    assert page("page=4&page_size=2") == ([], 5)
    assert call(sandbox, "GET", f"/api/v1/projects/{PROJECT_ID}/studies/?page=0").status_code == 400


def test_workspace_and_project_are_listed(sandbox: Sandbox) -> None:
    """One of each, so that a study has somewhere to be."""
    workspaces = call(sandbox, "GET", "/api/v1/workspaces/").json()["results"]
    projects = call(sandbox, "GET", f"/api/v1/workspaces/{WORKSPACE_ID}/projects/").json()["results"]

    assert (ids(workspaces), ids(projects)) == ([WORKSPACE_ID], [PROJECT_ID])
    assert call(sandbox, "GET", f"/api/v1/workspaces/{WORKSPACE_ID}/").json()["id"] == WORKSPACE_ID


# ------------------------------------------------------------------ editing what has tasks


def edits(sandbox: Sandbox, batch_id: str) -> list[int]:
    """Try to edit a batch in each way; returns the statuses."""
    return [
        put(sandbox, batch_id, WHY).status_code,
        call(sandbox, "POST", f"{API}/{batch_id}/instructions", {"instructions": [WHY]}).status_code,
        call(sandbox, "PATCH", f"{API}/{batch_id}", {"name": "Other"}).status_code,
    ]


def test_edits_depend_on_where_a_batch_is(sandbox: Sandbox, batch_id: str) -> None:
    """Refused while tasks are made, taken when they exist, refused once participants see them."""
    set_up(sandbox, batch_id)
    assert edits(sandbox, batch_id) == [400, 400, 400]
    statuses(sandbox, f"{API}/{batch_id}")
    assert edits(sandbox, batch_id) == [200, 201, 200]
    sandbox.publish(call(sandbox, "POST", f"{STUDIES}/", draft(batch_id)).json()["id"])
    before = sandbox.batch(batch_id)
    assert edits(sandbox, batch_id) == [400, 400, 400]
    assert sandbox.batch(batch_id) == before


def test_edits_may_depend_otherwise(sandbox: Sandbox, batch_id: str) -> None:
    """Nobody knows where Prolific draws the line: each place has its switch."""
    sandbox.switches.edit_processing, sandbox.switches.edit_ready = 200, 409
    sandbox.switches.edit_published = 200
    set_up(sandbox, batch_id)
    assert edits(sandbox, batch_id) == [200, 201, 200]
    statuses(sandbox, f"{API}/{batch_id}")
    assert edits(sandbox, batch_id) == [409, 409, 409]
    sandbox.publish(call(sandbox, "POST", f"{STUDIES}/", draft(batch_id)).json()["id"])
    assert edits(sandbox, batch_id) == [200, 201, 200]


# ------------------------------------------------------------------ ledger, faults, state


def test_ledger_counts_what_was_created(sandbox: Sandbox, dataset_id: str, ready_id: str) -> None:
    """Each kind by its name, so that a test sees what was created twice."""
    details = {"task_name": "T", "task_introduction": "I", "task_steps": "S"}
    batch = {"name": "B", "workspace_id": WORKSPACE_ID, "task_details": details}
    made = [call(sandbox, "POST", API, batch).json()["id"] for _ in range(2)]
    put(sandbox, made[0], WHY, WHY)
    upload(promised(sandbox, dataset_id)["upload_url"])
    call(sandbox, "POST", f"{STUDIES}/", draft(ready_id))

    assert sandbox.creations() == {
        "dataset": 1,
        "setup": 1,
        "batch": 2,
        "instruction": 2,
        "upload": 1,
        "study": 1,
    }


@pytest.mark.parametrize("fault", ["error-after", "reset-after", "half-json"])
def test_creation_may_lose_its_answer(sandbox: Sandbox, ready_id: str, fault: str) -> None:
    """A study is there although its answer never came, or not whole."""
    sandbox.fault(fault, method="POST", path="/studies")

    try:
        answer = call(sandbox, "POST", f"{STUDIES}/", draft(ready_id))
        assert answer.status_code == 500 or not answer.text.endswith("}")
    except requests.ConnectionError:
        pass

    assert len(sandbox.studies()) == 1


def test_upload_may_fail(sandbox: Sandbox, dataset_id: str) -> None:
    """Faults strike the presigned address too."""
    sandbox.fault("error-before", method="PUT", path="/uploads/", status=503)
    url = promised(sandbox, dataset_id)["upload_url"]

    assert [upload(url).status_code, upload(url).status_code] == [503, 200]
    assert sandbox.creations()["upload"] == 1


def test_everything_outlives_the_process(tmp_path: Path) -> None:
    """With a folder, another sandbox goes on where the first one was killed, in the middle of a setup too."""
    with Sandbox(state=tmp_path) as first:
        batch_id = first.add_batch(dataset_id=first.add_dataset(), instructions=[WHY])
        set_up(first, batch_id)
        statuses(first, f"{API}/{batch_id}")
        call(first, "POST", f"{STUDIES}/", draft(batch_id))
        other_id = first.add_batch(dataset_id=first.add_dataset(), instructions=[WHY])
        set_up(first, other_id)
    with Sandbox(state=tmp_path) as second:
        assert (second.datasets(), second.studies()) == (first.datasets(), first.studies())
        assert statuses(second, f"{API}/{other_id}") == ["PROCESSING", "READY"]
        second.clear()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
