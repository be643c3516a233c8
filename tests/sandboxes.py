"""A client for tests of the sandbox itself: plain HTTP, no help from the importer."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests

from importer.sandbox import Sandbox

API = "/api/v1/data-collection/batches"

CHOICE = {
    "type": "multiple_choice",
    "description": "Which response is more accurate?",
    "answer_limit": 1,
    "options": [{"label": "Response 1", "value": "1"}, {"label": "Response 2", "value": "true"}],
}
WHY = {"type": "free_text", "description": "Why? "}
RATE = {
    "type": "multiple_choice_with_free_text",
    "description": "Rate it.",
    "answer_limit": -1,
    "options": [{"label": "Good", "value": "good", "heading": "Accuracy"}],
}


def call(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: object = None,
    *,
    fault: str = "",
    authorization: str = "Token sandbox",
) -> requests.Response:
    """Send one request; never follows a redirect."""
    headers = {"Authorization": authorization}
    if fault:
        headers["X-Sandbox-Fault"] = fault
    return requests.request(
        method, sandbox.url + path, json=body, headers=headers, allow_redirects=False, timeout=20
    )


def put(sandbox: Sandbox, batch_id: str, *items: dict[str, Any], fault: str = "") -> requests.Response:
    """Replace the instructions of a batch."""
    return call(sandbox, "PUT", f"{API}/{batch_id}/instructions", {"instructions": list(items)}, fault=fault)


def raw_put(sandbox: Sandbox, batch_id: str, *items: dict[str, Any], fault: str) -> http.client.HTTPResponse:
    """Replace the instructions of a batch over the standard library, which hides nothing."""
    connection = connect(sandbox)
    headers = {"Authorization": "Token sandbox", "X-Sandbox-Fault": fault}
    try:
        connection.request(
            "PUT", f"{API}/{batch_id}/instructions", json.dumps({"instructions": items}), headers
        )
        return connection.getresponse()
    finally:
        connection.close()


def connect(sandbox: Sandbox) -> http.client.HTTPConnection:
    """Return a connection that the test closes."""
    return http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=20)


def ids(items: list[dict[str, Any]]) -> list[str]:
    """Return the ids of instructions, in order."""
    return [str(item["id"]) for item in items]


def wait_until(is_so: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return as soon as something is so; fails after the time-out."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
