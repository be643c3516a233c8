"""Reading batches before anybody needs them: each by itself, or many of them with a list."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from importer.checking import check_parts
from importer.push.desk import Desk
from importer.push.reading import GLANCES, Fetched, Reading, begin
from importer.run.pushing import push
from importer.run.results import Consent
from importer.sandbox import Sandbox
from tests.books import LIKERT, write_book
from tests.desks import Clock, open_desk
from tests.layouts import page
from tests.test_push import ids_in

MANY = GLANCES + 1


@pytest.fixture
def prolific() -> Iterator[Sandbox]:
    """One for each test: they count its requests."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def desk(prolific: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(prolific.url, prolific.token, tmp_path / "state", Clock(), jobs=4) as desk:
        yield desk


@pytest.fixture
def studies(prolific: Sandbox, tmp_path: Path) -> list[Path]:
    """More workbooks than are read one by one, each for a new batch."""
    return [
        write_book(
            tmp_path / f"{number}.xlsx",
            {"Instructions": LIKERT, "Batches": [["batch_id"], [prolific.add_batch(f"Wave {number}")]]},
        )
        for number in range(MANY)
    ]


def go(desk: Desk, paths: list[Path], reading: Reading) -> int:
    """Push, once the list is there or has failed."""
    assert reading._listed is not None
    reading._listed.exception()
    parts = list(check_parts(paths))
    return push(desk, paths, lambda: parts, reading, consent=Consent(), ask=lambda _: None).exit_code


def reads(prolific: Sandbox) -> int:
    return sum(one.method == "GET" for one in prolific.ledger)


def test_many_new_batches_are_read_with_a_list(desk: Desk, studies: list[Path], prolific: Sandbox):
    """Two requests instead of one for each; what is pushed is the same."""
    with begin(desk, studies) as reading:
        assert 0 == go(desk, studies, reading)

    assert 2 == reads(prolific)
    assert all(all(ids_in(path).values()) for path in studies)


def test_a_list_that_cannot_be_read_is_no_harm(desk: Desk, studies: list[Path], prolific: Sandbox):
    """Each batch is read by itself then."""
    prolific.fault("refused", method="GET", after=1, status=404)
    with begin(desk, studies) as reading:
        assert 0 == go(desk, studies, reading)

    assert 1 + MANY == reads(prolific)  # the list, and each
    assert all(all(ids_in(path).values()) for path in studies)


def test_few_are_read_one_by_one(desk: Desk, studies: list[Path], prolific: Sandbox):
    """A workspace may hold thousands of other batches."""
    with begin(desk, studies[:GLANCES]) as reading:
        assert reading._listed is None
        assert all(isinstance(future.result(), Fetched) for future in reading._asked.values())
    assert GLANCES == reads(prolific)


@pytest.mark.parametrize(("takes_s", "count"), [(0.3, 2), (3.0, 2 + MANY - 1)])
def test_a_list_is_waited_for_but_not_for_long(
    desk: Desk,
    studies: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    prolific: Sandbox,
    takes_s: float,
    count: int,
):
    """One that takes longer than the batches would is overtaken: each is read by itself then."""
    listed = desk.prolific.list_batches

    def late(workspace_id: str) -> list[dict[str, object]]:
        time.sleep(takes_s)
        return listed(workspace_id)

    monkeypatch.setattr(desk.prolific, "list_batches", late)
    parts = list(check_parts(studies))
    with begin(desk, studies) as reading:
        assert (
            0 == push(desk, studies, lambda: parts, reading, consent=Consent(), ask=lambda _: None).exit_code
        )
        assert reading._listed is not None
        reading._listed.result()

    assert count == reads(prolific)


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: batch.pop("batch_items"),
        lambda batch: batch.pop("status"),
        lambda batch: batch.update(total_instruction_count=1),
        lambda batch: batch.pop("total_instruction_count"),
        lambda batch: batch.update(batch_items=[page(1)]),
    ],
    ids=["pages unsaid", "status unsaid", "instructions", "count unsaid", "pages"],
)
def test_only_an_empty_batch_is_taken_from_the_list(
    desk: Desk,
    studies: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    prolific: Sandbox,
    change: Callable[[dict[str, object]], object],
):
    """Whatever else a list says, or leaves out, the batch is asked itself."""
    listed = desk.prolific.list_batches

    def changed(workspace_id: str) -> list[dict[str, object]]:
        batches = listed(workspace_id)
        change(batches[-1])
        return batches

    monkeypatch.setattr(desk.prolific, "list_batches", changed)
    with begin(desk, studies) as reading:
        assert reading._listed is not None
        reading._listed.result()
        *others, last = [str(one["id"]) for one in prolific.batches()]

    assert reading.asked(last) is None
    assert all(reading.asked(one) is not None for one in others)


def test_a_batch_that_was_pushed_before_is_read_by_itself(desk: Desk, studies: list[Path], prolific: Sandbox):
    """What counts no instruction now may hold some that are not counted yet."""
    with begin(desk, studies[:1]) as reading:
        parts = list(check_parts(studies[:1]))
        push(desk, studies[:1], lambda: parts, reading, consent=Consent(), ask=lambda _: None)
    first = str(prolific.batches()[0]["id"])
    with Reading(desk, [first], is_sample=True) as reading:
        assert reading._listed is not None
        reading._listed.result()
        assert reading.asked(first) is reading._asked[first]
