"""Faults of the local Prolific, as a client sees them and as its state tells afterwards."""

from __future__ import annotations

import http.client
import json
import queue
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from importer.sandbox import FAULTS, Received, Sandbox
from tests.sandboxes import API, CHOICE, WHY, call, connect, ids, put, raw_put, wait_until

DONE: queue.Queue[Received] = queue.Queue()


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with Sandbox(on_request=DONE.put, clock=lambda: 1_800_000_000.25) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    served.clear()
    while not DONE.empty():
        DONE.get()
    return served


@pytest.fixture
def batch_id(sandbox: Sandbox) -> str:
    return sandbox.add_batch("Wave 1")


def is_applied(sandbox: Sandbox, batch_id: str) -> bool:
    """Whether the request that is over by now has had its effect."""
    entry = DONE.get(timeout=20)
    assert entry.is_committed == bool(sandbox.instructions(batch_id))
    return entry.is_committed


# ------------------------------------------------------------------ refused before any effect


@pytest.mark.parametrize(
    ("fault", "retry_after"),
    [
        ("rate-limited; seconds=2", "2"),
        ("rate-limited; seconds=0.2", "1"),
        ("rate-limited-bare", None),
    ],
)
def test_rate_limit_has_no_effect(
    sandbox: Sandbox, batch_id: str, fault: str, retry_after: str | None
) -> None:
    """429 with Retry-After in whole seconds, or without it."""
    answer = put(sandbox, batch_id, WHY, fault=fault)

    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, retry_after)
    assert not is_applied(sandbox, batch_id)


def test_rate_limit_may_name_a_date(sandbox: Sandbox, batch_id: str) -> None:
    """Retry-After as an HTTP date lies so many seconds ahead, rounded up."""
    answer = put(sandbox, batch_id, WHY, fault="rate-limited-date; seconds=2")

    assert parsedate_to_datetime(answer.headers["Retry-After"]).timestamp() == 1_800_000_003


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_has_no_effect(sandbox: Sandbox, batch_id: str, status: int) -> None:
    """The answer leads to an address whose visitors the ledger shows."""
    answer = put(sandbox, batch_id, WHY, fault=f"redirect; status={status}")

    assert (answer.status_code, answer.headers["Location"]) == (
        status,
        f"/redirected{API}/{batch_id}/instructions",
    )
    assert not is_applied(sandbox, batch_id)


@pytest.mark.parametrize(
    ("kind", "status", "applied"),
    [("error-before", 500, False), ("error-before", 503, False), ("error-after", 502, True)],
)
def test_errors_before_and_after_the_commit(
    sandbox: Sandbox, batch_id: str, kind: str, status: int, applied: bool
) -> None:
    """The same answer, with and without effect: what makes a 5xx ambiguous."""
    answer = put(sandbox, batch_id, WHY, fault=f"{kind}; status={status}")

    assert (answer.status_code, answer.json()["error"]["status"]) == (status, status)
    assert is_applied(sandbox, batch_id) == applied


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 422])
def test_refusal_has_no_effect(sandbox: Sandbox, batch_id: str, status: int) -> None:
    """Every refusal that Prolific documents can be had for the asking."""
    answer = put(sandbox, batch_id, WHY, fault=f"refused; status={status}")

    assert (answer.status_code, answer.json()["error"]["detail"]) == (status, "This cannot be done.")
    assert not is_applied(sandbox, batch_id)


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("unwrapped", r'\{"status":400,.*"detail":"This cannot be done\."\}'),
        ("flat", r'\{"message":"Bad Request","detail":"This cannot be done\."\}'),
        ("message", r'\{"message":"This cannot be done\."\}'),
        ("detail", r'\{"detail":"This cannot be done\."\}'),
        ("text", r"This cannot be done\."),
    ],
)
def test_refusal_has_the_shape_that_is_asked_for(
    sandbox: Sandbox, batch_id: str, shape: str, body: str
) -> None:
    """One request's refusal may look different from the others'."""
    answer = put(sandbox, batch_id, WHY, fault=f"refused; shape={shape}")

    assert re.fullmatch(body, answer.text)


def test_layout_is_refused(sandbox: Sandbox, batch_id: str) -> None:
    """422 with the place of the guilty item, as batch_items have it."""
    answer = put(sandbox, batch_id, WHY, fault="refused-pages")

    assert (answer.status_code, answer.json()["type"]) == (422, "INVALID_BATCH_ITEMS")
    assert not is_applied(sandbox, batch_id)


def test_redirect_may_lead_to_another_host(sandbox: Sandbox, batch_id: str) -> None:
    """A token that follows it would leave Prolific."""
    answer = put(sandbox, batch_id, WHY, fault="redirect; status=307; to=http://127.0.0.9:9")

    assert answer.headers["Location"] == f"http://127.0.0.9:9/redirected{API}/{batch_id}/instructions"


@pytest.mark.parametrize(
    ("kind", "status", "applied"),
    [("bad-gateway", 502, False), ("bad-gateway-after", 502, True), ("portal", 200, False)],
)
def test_pages_of_what_stands_between(
    sandbox: Sandbox, batch_id: str, kind: str, status: int, applied: bool
) -> None:
    """A proxy's failure and a network's login page are HTML, whatever became of the request."""
    answer = put(sandbox, batch_id, WHY, fault=kind)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert is_applied(sandbox, batch_id) == applied


# ------------------------------------------------------------------ no answer, or a late one


@pytest.mark.parametrize(("kind", "applied"), [("timeout-before", False), ("timeout-after", True)])
def test_silence_lasts_until_the_client_gives_up(
    sandbox: Sandbox, batch_id: str, kind: str, applied: bool
) -> None:
    """Nothing comes, and nothing happens after the client has gone."""
    with pytest.raises(requests.ReadTimeout):
        requests.put(
            f"{sandbox.url}{API}/{batch_id}/instructions",
            json={"instructions": [WHY]},
            headers={"Authorization": "Token sandbox", "X-Sandbox-Fault": kind},
            timeout=0.1,
        )

    assert is_applied(sandbox, batch_id) == applied


def test_silence_ends_with_the_sandbox() -> None:
    """Stopping does not wait for clients that wait."""
    with ThreadPoolExecutor(1) as pool, Sandbox() as silent:
        sent = pool.submit(put, silent, silent.add_batch(), WHY, fault="timeout-before")
        wait_until(lambda: bool(silent.ledger))
        silent.stop()
        with pytest.raises(requests.ConnectionError):
            sent.result(timeout=20)


def test_answer_comes_in_drips(sandbox: Sandbox, batch_id: str) -> None:
    """Piece by piece, and whole in the end."""
    answer = requests.put(
        f"{sandbox.url}{API}/{batch_id}/instructions",
        json={"instructions": [WHY]},
        headers={"Authorization": "Token sandbox", "X-Sandbox-Fault": "slow-drip; seconds=0.1"},
        stream=True,
        timeout=20,
    )
    first = answer.raw.read1(10_000)
    whole = first + answer.raw.read()

    assert 0 < len(first) < len(whole) == int(answer.headers["Content-Length"])
    assert ids(json.loads(whole)) == ids(sandbox.instructions(batch_id))
    assert is_applied(sandbox, batch_id)


def test_answer_drips_until_the_client_gives_up(sandbox: Sandbox, batch_id: str) -> None:
    """Blanks without end, which a JSON reader would skip; the request was applied."""
    with requests.put(
        f"{sandbox.url}{API}/{batch_id}/instructions",
        json={"instructions": [WHY]},
        headers={"Authorization": "Token sandbox", "X-Sandbox-Fault": "endless-drip; seconds=0.1"},
        stream=True,
        timeout=20,
    ) as answer:
        assert b"   " == answer.raw.read(3)

    assert is_applied(sandbox, batch_id)


def test_reading_may_lag_behind(sandbox: Sandbox, batch_id: str) -> None:
    """A stale answer is the one before; without one, it is the proper one."""
    path = f"{API}/{batch_id}/instructions"
    unread = call(sandbox, "GET", path, fault="stale").json()["results"]
    put(sandbox, batch_id, WHY)

    stale = call(sandbox, "GET", path, fault="stale").json()["results"]
    fresh = call(sandbox, "GET", path).json()["results"]

    assert (unread, stale, ids(fresh)) == ([], [], ids(sandbox.instructions(batch_id)))


def test_a_list_may_lag_behind(sandbox: Sandbox) -> None:
    """What has just been created is missing in it; the list of another workspace does not take its place."""
    call(sandbox, "GET", f"{API}?workspace_id=mine")
    other = sandbox.add_batch(workspace_id="yours")
    sandbox.add_batch(workspace_id="mine")

    mine, yours = (
        call(sandbox, "GET", f"{API}?workspace_id={whose}", fault="stale").json()["results"]
        for whose in ("mine", "yours")
    )

    assert (mine, ids(yours)) == ([], [other])


@pytest.mark.parametrize(
    ("kind", "error", "applied"),
    [
        ("reset-before", ConnectionResetError, False),
        ("reset-after", ConnectionResetError, True),
        ("close-before", http.client.RemoteDisconnected, False),
        ("close-after", http.client.RemoteDisconnected, True),
        ("late-commit; seconds=0.1", ConnectionResetError, True),
    ],
)
def test_connection_ends_without_an_answer(
    sandbox: Sandbox, batch_id: str, kind: str, error: type[Exception], applied: bool
) -> None:
    """RST and FIN on the socket itself, with and without effect; the ledger has no status."""
    with pytest.raises(error) as raised:
        raw_put(sandbox, batch_id, WHY, fault=kind)

    assert raised.type is error
    assert is_applied(sandbox, batch_id) == applied
    assert [entry.status for entry in sandbox.ledger] == [None]


def test_late_commit_comes_after_the_reset() -> None:
    """The client is gone before the request has its effect; stopped in between, it has none."""
    with Sandbox() as sandbox:
        batch_id = sandbox.add_batch()
        with pytest.raises(ConnectionResetError):
            raw_put(sandbox, batch_id, WHY, fault="late-commit; seconds=60")

    assert sandbox.instructions(batch_id) == []


@pytest.mark.parametrize(("kind", "applied"), [("slow-before", False), ("slow-after", True)])
def test_slow_answers_outlast_a_client(sandbox: Sandbox, batch_id: str, kind: str, applied: bool) -> None:
    """A client that gives up leaves a request that has had its effect, or has not yet."""
    with ThreadPoolExecutor(1) as pool, Sandbox() as slow:
        other = slow.add_batch()
        sent = pool.submit(put, slow, other, WHY, fault=f"{kind}; seconds=60")
        wait_until(lambda: [entry.is_committed for entry in slow.ledger] == [applied])
        held = slow.instructions(other)
        slow.stop()
        with pytest.raises(requests.ConnectionError):
            sent.result(timeout=20)

    assert bool(held) == applied
    assert bool(slow.instructions(other)) == applied


@pytest.mark.parametrize("kind", ["slow-before", "slow-after"])
def test_slow_answers_come(sandbox: Sandbox, batch_id: str, kind: str) -> None:
    """A client that waits gets the proper answer."""
    answer = put(sandbox, batch_id, WHY, fault=f"{kind}; seconds=0.01")

    assert ids(answer.json()) == ids(sandbox.instructions(batch_id))


# ------------------------------------------------------------------ applied, but the answer is spoilt


@pytest.mark.parametrize("kind", ["truncated-body", "truncated-chunks"])
def test_answer_is_cut(sandbox: Sandbox, batch_id: str, kind: str) -> None:
    """The connection ends in the middle of the body, with a Content-Length and with chunks."""
    connection = connect(sandbox)
    headers = {"Authorization": "Token sandbox", "X-Sandbox-Fault": kind}
    connection.request("PUT", f"{API}/{batch_id}/instructions", json.dumps({"instructions": [WHY]}), headers)
    answer = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()

    assert answer.status == 200
    assert (answer.getheader("Transfer-Encoding") == "chunked") == (kind == "truncated-chunks")
    assert is_applied(sandbox, batch_id)


@pytest.mark.parametrize(
    ("kind", "head", "body"),
    [
        ("half-json", (200, "application/json"), r'\[\{"id":"[^\]]*'),
        ("empty-body", (200, "application/json"), r""),
        ("no-content", (204, None), r""),
        ("null-body", (200, "application/json"), r"null"),
        ("html-body", (200, "text/html; charset=utf-8"), r"<!doctype html>.*</p>"),
        ("wrong-type", (200, "text/plain"), r"\[\{.*\}\]"),
        ("byte-order-mark", (200, "application/json"), r"(\ufeff|ï»¿)\[\{.*\}\]"),
        ("no-ids", (200, "application/json"), r'\[\{"created_at":(?!.*"id":).*\}\]'),
        ("wrapped-results", (200, "application/json"), r'\{"results":\[\{.*\}\]\}'),
        ("wrapped-instructions", (200, "application/json"), r'\{"instructions":\[\{.*\}\]\}'),
    ],
)
def test_answer_is_no_list(
    sandbox: Sandbox, batch_id: str, kind: str, head: tuple[int, str | None], body: str
) -> None:
    """Complete HTTP answers that do not hold the bare array of the document."""
    answer = put(sandbox, batch_id, WHY, fault=kind)

    assert (answer.status_code, answer.headers.get("Content-Type")) == head
    assert re.fullmatch(body, answer.text)
    assert is_applied(sandbox, batch_id)


def test_half_json_cannot_be_read(sandbox: Sandbox, batch_id: str) -> None:
    """The body has the length that was announced, and still is half a document."""
    answer = put(sandbox, batch_id, WHY, fault="half-json")

    assert len(answer.content) == int(answer.headers["Content-Length"])
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


def test_list_may_be_bare(sandbox: Sandbox, batch_id: str) -> None:
    """GET instructions answers an array without `results` around it."""
    put(sandbox, batch_id, WHY)

    bare = call(sandbox, "GET", f"{API}/{batch_id}/instructions", fault="bare-list").json()

    assert ids(bare) == ids(sandbox.instructions(batch_id))


@pytest.mark.parametrize("method", ["PUT", "GET"])
@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("reordered", [2, 1, 0]),
        ("missing-item", [0, 1]),
        ("extra-item", [0, 1, 2, None]),
        ("doubled-id", [0, 1, 0]),
    ],
)
def test_list_differs_from_what_is_held(
    sandbox: Sandbox, batch_id: str, method: str, kind: str, places: list[int | None]
) -> None:
    """The answer names other ids, or in another order, than the batch holds."""
    held = put(sandbox, batch_id, WHY, CHOICE, WHY).json()
    kept = [WHY | {"id": held[0]["id"]}, CHOICE | {"id": held[1]["id"]}, WHY | {"id": held[2]["id"]}]

    if method == "PUT":
        answered = put(sandbox, batch_id, *kept, fault=kind).json()
    else:
        answered = call(sandbox, "GET", f"{API}/{batch_id}/instructions", fault=kind).json()["results"]

    at = {one: place for place, one in enumerate(ids(held))}
    assert [at.get(one) for one in ids(answered)] == places
    assert ids(sandbox.instructions(batch_id)) == ids(held)


@pytest.mark.parametrize(
    ("kind", "values"), [("values-as-numbers", [1, "true"]), ("values-as-booleans", ["1", True])]
)
def test_option_values_change_their_type(
    sandbox: Sandbox, batch_id: str, kind: str, values: list[object]
) -> None:
    """Values that look like numbers or booleans come back as such; strings are held."""
    (answered,) = put(sandbox, batch_id, CHOICE, fault=kind).json()

    assert [(option["value"], type(option["value"])) for option in answered["options"]] == [
        (value, type(value)) for value in values
    ]
    assert held_values(sandbox.instructions(batch_id)) == ["1", "true"]


def held_values(items: list[dict[str, Any]]) -> list[object]:
    return [option["value"] for item in items for option in item["options"]]


# ------------------------------------------------------------------ another request is applied


def test_ids_may_be_lost(sandbox: Sandbox, batch_id: str) -> None:
    """A sent id is ignored: the instruction is held under another one from then on."""
    (before,) = put(sandbox, batch_id, WHY).json()

    (after,) = put(sandbox, batch_id, WHY | {"id": before["id"]}, fault="ids-not-preserved").json()

    assert after["id"] != before["id"]
    assert ids(sandbox.instructions(batch_id)) == [after["id"]]


def test_an_instruction_may_be_dropped(sandbox: Sandbox, batch_id: str) -> None:
    """The last one that was sent is neither held nor answered."""
    answered = put(sandbox, batch_id, WHY, CHOICE, fault="item-dropped").json()

    assert ([WHY["description"]], ids(answered)) == (
        [item["description"] for item in answered],
        ids(sandbox.instructions(batch_id)),
    )


@pytest.mark.parametrize(
    ("kind", "sent", "held"),
    [
        ("text-trimmed", " Why? ", "Why?"),
        ("text-nfc", "Cafe\u0301 ", "Caf\u00e9 "),
        ("text-collapsed", "Why  so?\nWhy? ", "Why so? Why?"),
        ("text-escaped", "Fish & 'chips' <3", "Fish &amp; 'chips' &lt;3"),
        ("text-typographic", "It's", "It\u2019s"),
    ],
)
def test_texts_may_be_normalised(sandbox: Sandbox, batch_id: str, kind: str, sent: str, held: str) -> None:
    """What is answered and held differs from what was sent."""
    (answered,) = put(sandbox, batch_id, WHY | {"description": sent}, fault=kind).json()

    assert (answered["description"], sandbox.instructions(batch_id)[0]["description"]) == (held, held)


# ------------------------------------------------------------------ the same, of a layout


def laid_out(*columns: list[str]) -> list[dict[str, Any]]:
    """A page with one row for each column; items are instructions with these descriptions."""
    items = [[WHY | {"description": text} for text in column] for column in columns]
    return [{"rows": [{"columns": [{"items": column}]} for column in items]}]


def texts_and_ids(pages: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Description and id of each item, in the order in which they are shown."""
    columns = [column for page in pages for row in page["rows"] for column in row["columns"]]
    return [(item["description"], item.get("id")) for column in columns for item in column["items"]]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("reordered", ["C", "B", "A"]),
        ("missing-item", ["A", "B"]),
        ("extra-item", ["A", "B", "C", "Who put this here?"]),
        ("doubled-id", ["A", "B", "C"]),
        ("no-ids", ["A", "B", "C"]),
    ],
)
def test_layout_differs_from_what_is_held(
    sandbox: Sandbox, batch_id: str, kind: str, texts: list[str]
) -> None:
    """PATCH answers other items than are held, or other ids of them."""
    body = {"batch_items": laid_out(["A"], ["B", "C"])}

    answer = call(sandbox, "PATCH", f"{API}/{batch_id}", body, fault=kind).json()

    held = [(item["description"], item["id"]) for item in sandbox.instructions(batch_id)]
    answered = texts_and_ids(answer["batch_items"])
    assert [text for text, _ in held] == ["A", "B", "C"]
    assert [text for text, _ in answered] == texts
    assert (answered == held) is False
    assert {one for _, one in answered} - {one for _, one in held} == {
        "extra-item": {"0192041c-4710-7336-8e3d-000000000000"},
        "no-ids": {None},
    }.get(kind, set())


def test_an_item_of_a_layout_may_be_dropped(sandbox: Sandbox, batch_id: str) -> None:
    """The last one is neither held nor answered, nor the row that held nothing else."""
    body = {"batch_items": laid_out(["A"], ["B"])}

    answer = call(sandbox, "PATCH", f"{API}/{batch_id}", body, fault="item-dropped").json()

    assert texts_and_ids(answer["batch_items"]) == [("A", ids(sandbox.instructions(batch_id))[0])]
    assert len(answer["batch_items"][0]["rows"]) == 1


# ------------------------------------------------------------------ asking for faults


def test_queued_fault_waits_for_its_request(sandbox: Sandbox, batch_id: str) -> None:
    """Method and path choose the request; the fault comes so often, after so many, and then is gone."""
    sandbox.fault("error-before", method="PUT", path="/instructions", times=2, after=1)

    statuses = [
        call(sandbox, "GET", f"{API}/{batch_id}/instructions").status_code,
        *(put(sandbox, batch_id, WHY).status_code for _ in range(4)),
    ]

    assert statuses == [200, 200, 500, 500, 200]
    assert sandbox.waiting_faults() == ()


def test_fault_may_stay(sandbox: Sandbox, batch_id: str) -> None:
    """Without a number of times it stays until it is cleared."""
    sandbox.fault("error-before", times=None)
    statuses = [put(sandbox, batch_id, WHY).status_code for _ in range(3)]

    sandbox.clear_faults()

    assert [*statuses, put(sandbox, batch_id, WHY).status_code] == [500, 500, 500, 200]


def test_faults_are_queued_over_http(sandbox: Sandbox, batch_id: str) -> None:
    """Another process can ask for faults, list them and clear them."""
    asked = call(sandbox, "POST", "/_sandbox/faults", {"kind": "error-before", "status": 503, "times": 2})
    answer = put(sandbox, batch_id, WHY)
    waiting = call(sandbox, "GET", "/_sandbox/faults").json()["waiting"]
    cleared = call(sandbox, "DELETE", "/_sandbox/faults").json()

    assert asked.json()["kinds"] == list(FAULTS)
    assert (answer.status_code, [fault["times"] for fault in waiting]) == (503, [1])
    assert cleared["waiting"] == []


@pytest.mark.parametrize(
    "body", [[], {}, {"kind": "nonsense"}, {"kind": "redirect", "times": "2"}, {"kid": 1}]
)
def test_unknown_faults_are_refused_over_http(sandbox: Sandbox, body: object) -> None:
    """A misspelt fault is refused instead of never coming."""
    answer = call(sandbox, "POST", "/_sandbox/faults", body)

    assert (answer.status_code, sandbox.waiting_faults()) == (400, ())


@pytest.mark.parametrize(
    "header", ["nonsense", "redirect; status=often", "redirect; colour=red", "refused; shape=round"]
)
def test_unknown_faults_in_the_header_are_refused(sandbox: Sandbox, batch_id: str, header: str) -> None:
    """A misspelt header has no effect but the refusal."""
    answer = put(sandbox, batch_id, WHY, fault=header)

    assert answer.status_code == 400
    assert not is_applied(sandbox, batch_id)


def test_fault_of_a_request_comes_before_the_queue(sandbox: Sandbox, batch_id: str) -> None:
    """The header decides for its own request; the queue goes on waiting."""
    sandbox.fault("error-before")

    answer = put(sandbox, batch_id, WHY, fault="null-body")

    assert (answer.text, len(sandbox.waiting_faults())) == ("null", 1)
    assert [entry.fault for entry in sandbox.ledger] == ["null-body"]


def test_fault_needs_the_token(sandbox: Sandbox, batch_id: str) -> None:
    """Without the token there is a 401 and the fault goes on waiting."""
    sandbox.fault("error-before")

    answer = call(sandbox, "GET", f"{API}/{batch_id}", authorization="Token wrong")

    assert (answer.status_code, len(sandbox.waiting_faults())) == (401, 1)
