"""
The fault matrix of importer setup: each POST and the upload, through each way in which a request goes wrong.

What is promised: nothing is there twice; whoever is told that it is done has all ids; and what nobody can
know is left to a person, who is told where to look.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from importer.journal import Made
from importer.push.making import give_up_made
from importer.sandbox import Sandbox
from tests.desks import Clock, open_desk
from tests.from_nothing import WHOLE, ids_held, ids_in_sheets, said, set_up, write_study
from tests.sandboxes import wait_until

#: Method and path of each request that makes something.
REQUESTS: Final = {
    "dataset": ("POST", "/datasets"),
    "upload": ("PUT", "/uploads"),
    "batch": ("POST", "/data-collection/batches"),
    "tasks": ("POST", "/setup"),
    "study": ("POST", "/studies"),
}
#: Refused before any effect, or surely not arrived.
BEFORE: Final[dict[str, dict[str, Any]]] = {
    "reset-before": {},
    "close-before": {},
    "timeout-before": {},
    "error-before": {"status": 503},
    "bad-gateway": {},
    "redirect": {"status": 303, "to": "http://127.0.0.1:9"},
    "rate-limited": {"seconds": 1},
}
#: It had its effect, and the answer says so badly or not at all.
AFTER: Final[dict[str, dict[str, Any]]] = {
    "reset-after": {},
    "close-after": {},
    "timeout-after": {},
    "error-after": {"status": 504},
    "bad-gateway-after": {},
    "late-commit": {"seconds": 0.2},
    "truncated-body": {},
    "truncated-chunks": {},
    "half-json": {},
    "empty-body": {},
    "no-content": {},
    "null-body": {},
    "html-body": {},
    "byte-order-mark": {},
}
FAULTS: Final = BEFORE | AFTER
EVERY: Final = sorted(product(REQUESTS, FAULTS))
#: The suite plays a part of the matrix, by a seed; with EVERY_ROW in the environment, all of it.
PART: Final = random.Random(20261122).sample(EVERY, 16)  # noqa: S311 - cases, no secrets
PLAYED: Final = EVERY if os.environ.get("EVERY_ROW") else PART


@pytest.fixture(scope="module")
def prolific() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize(("request_name", "fault"), PLAYED)
def test_nothing_is_made_twice(prolific: Sandbox, tmp_path: Path, request_name: str, fault: str):
    """Within a few runs all is made once, or a person was asked about a dataset."""
    method, path = REQUESTS[request_name]
    prolific.clear()
    prolific.fault(fault, method=method, path=path, **FAULTS[fault])
    workbook = write_study(tmp_path)
    given_up = 0

    def settle() -> None:
        wait_until(lambda: all(entry.seconds is not None for entry in prolific.ledger))

    with open_desk(
        prolific.url, prolific.token, tmp_path / "state", Clock(while_sleeping=settle), read_s=0.5
    ) as desk:
        for _ in range(4):
            result = set_up(desk, workbook)
            settle()
            assert len(prolific.batches()) <= 2
            assert len(prolific.studies()) <= 1
            assert len(prolific.datasets()) <= 1 + given_up
            if result.exit_code == 0:
                break
            for doubt in desk.journal.open_creations():
                assert doubt.kind is Made.DATASET, said(result)
                give_up_made(desk, doubt)
                given_up += 1
        still_open = desk.journal.unsettled_creations()

    spare = Counter(dataset=len(prolific.datasets()) - 1)
    assert (0, (), ()) == (result.exit_code, still_open, prolific.waiting_faults()), said(result)
    assert prolific.creations() == WHOLE + spare
    ready = [one for one in prolific.datasets() if one["status"] == "READY"]
    assert ids_in_sheets(workbook) == ids_held(ready, prolific.batches(), prolific.studies())
    assert given_up == 0 or request_name == "dataset"
