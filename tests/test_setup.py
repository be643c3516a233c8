"""Studies from nothing: what is made, in which order, and what stops it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from importer.checking import check_parts
from importer.errors import PlanRefused, ProlificError, Refusal, Unfinished
from importer.journal import Made, State
from importer.push.desk import Desk
from importer.push.making import find_unsettled, give_up_made
from importer.push.reading import begin
from importer.run.pushing import push
from importer.run.results import Consent
from importer.run.setup import SetupResult
from importer.sandbox import Sandbox
from importer.sandbox.world import WORKSPACE_ID
from tests.desks import Clock, open_desk
from tests.from_nothing import (
    BATCHES,
    DATASETS,
    STUDIES,
    WHOLE,
    ids_held,
    ids_in_sheets,
    rows,
    said,
    set_up,
    write_study,
)
from tests.test_cli import SECRET, Shell

POST_BATCH = "/data-collection/batches"
POST_DATASET = "/data-collection/datasets"


@pytest.fixture
def prolific() -> Iterator[Sandbox]:
    """Have a local Prolific without anything, one for each test."""
    with Sandbox(token=SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(prolific: Sandbox, tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    with open_desk(prolific.url, prolific.token, tmp_path / "state", clock) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_study(tmp_path)


def held(prolific: Sandbox) -> dict[str, str]:
    """The ids on the sandbox, by the short names of the workbook."""
    return ids_held(prolific.datasets(), prolific.batches(), prolific.studies())


def posts(prolific: Sandbox) -> int:
    """How many requests could have made something."""
    return sum(entry.method in ("POST", "PUT", "PATCH") for entry in prolific.ledger)


# ---------------------------------------------------------------- all goes well
def test_everything_is_made_once_and_its_id_is_in_the_workbook(desk: Desk, prolific: Sandbox, path: Path):
    """Datasets, batches, instructions, tasks and a draft."""
    result = set_up(desk, path)

    assert (0, []) == (result.exit_code, said(result))
    assert prolific.creations() == WHOLE
    assert ids_in_sheets(path) == held(prolific)


def test_it_is_made_in_the_order_in_which_each_needs_the_one_before(
    desk: Desk, prolific: Sandbox, path: Path
):
    """A draft shows a batch that is READY, which needs a dataset that is."""
    set_up(desk, path)

    made = [made for entry in prolific.ledger for made in entry.creations]
    assert ["dataset", "upload", "batch", "batch", "instruction", "instruction", "setup", "study"] == made


def test_the_draft_says_what_the_sheet_says(desk: Desk, prolific: Sandbox, path: Path):
    """And shows the batch of this workbook."""
    set_up(desk, path)

    (study,) = prolific.studies()
    assert ("UNPUBLISHED", 200, 5, ["desktop", "tablet"]) == (
        study["status"],
        study["reward"],
        study["estimated_completion_time"],
        study["device_compatibility"],
    )
    assert {"annotators_per_task": 3} == study["data_collection_metadata"]
    assert ids_in_sheets(path)["w1"] == study["data_collection_id"]


def test_the_batch_has_its_dataset_and_instructions(desk: Desk, prolific: Sandbox, path: Path):
    """The file was uploaded and read, and the rows have their ids."""
    set_up(desk, path)

    first, second = prolific.batches()
    assert [2] == [one["total_datapoint_count"] for one in prolific.datasets()]
    assert [ids_in_sheets(path)["pairs"]] == [one["id"] for one in first["datasets"]]  # type: ignore[union-attr, index, call-overload]
    assert (2, 1) == (first["total_instruction_count"], second["total_instruction_count"])
    ids = [row["instruction_id"] for row in rows(path, "Instructions") if row["type"]]
    assert ids == [one["id"] for batch in (first, second) for one in prolific.instructions(str(batch["id"]))]


def test_the_statuses_say_when(desk: Desk, path: Path):
    """In the grey column of each sheet."""
    set_up(desk, path)

    found = [row["status"] for sheet in ("Datasets", "Batches", "Studies") for row in rows(path, sheet)]
    assert ["created 2026-11-22 10:31 UTC"] * 4 == found


def test_the_second_run_makes_nothing(desk: Desk, prolific: Sandbox, path: Path):
    """Nor writes anything."""
    set_up(desk, path)
    before = path.read_bytes()
    prolific.clear_ledger()

    result = set_up(desk, path)

    assert (0, 0, before) == (result.exit_code, posts(prolific), path.read_bytes())


def test_several_workbooks(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """A broken one stops only itself."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    good = write_study(tmp_path / "a")
    bad = write_study(tmp_path / "b", Batches=BATCHES.replace("Wave 2", "      "))

    result = set_up(desk, good, bad)

    assert 3 == result.exit_code
    assert [str(bad)] == list(result.report.broken)
    assert ids_in_sheets(good) == held(prolific)


def test_a_batch_that_is_there_can_have_a_study(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """And what the sheet changes of it is pushed first."""
    there = prolific.add_batch("Wave 1", dataset_id=prolific.add_dataset("There", rows=4))
    batches = f"| batch | batch_id |\n| w1 | {there} |"
    path = write_study(
        tmp_path,
        Instructions="| ref | type | description |\n| Q1 | free_text | Why? |",
        Batches=batches,
        Datasets="| dataset | file |\n| # none | |",
    )

    assert 0 == set_up(desk, path).exit_code
    assert {"instruction": 1, "setup": 1, "study": 1} == prolific.creations()


def test_new_batches_may_be_laid_out_in_pages(desk: Desk, prolific: Sandbox, path: Path):
    """As with push --pages."""
    set_up(desk, path, as_pages=True)

    assert [True, True] == [bool(batch["batch_items"]) for batch in prolific.batches()]
    assert ids_in_sheets(path) == held(prolific)


# ---------------------------------------------------------------- nothing without consent
def test_nothing_is_made_without_consent(desk: Desk, prolific: Sandbox, path: Path):
    """Whoever says no has changed nothing, here or there."""
    before = path.read_bytes()

    def refuse(_: SetupResult) -> None:
        raise Refusal("You said no.")

    with pytest.raises(Refusal):
        set_up(desk, path, ask=refuse)

    assert (0, before, ()) == (posts(prolific), path.read_bytes(), desk.journal.open_creations())


def test_a_dry_run_shows_all_and_makes_nothing(desk: Desk, prolific: Sandbox, path: Path):
    """In the order in which it would be made."""
    before = path.read_bytes()

    (one,) = set_up(desk, path, is_dry=True).workbooks

    assert [Made.DATASET, Made.BATCH, Made.BATCH, Made.SETUP, Made.STUDY] == [step.kind for step in one.steps]
    assert [2, 1] == [len(planned.plan.changes) for planned in one.planned]
    assert (0, before) == (posts(prolific), path.read_bytes())


def test_push_sends_nothing_for_a_batch_that_is_not_made(desk: Desk, prolific: Sandbox, path: Path):
    """It names the command that makes it."""
    with begin(desk, [path]) as reading:
        result = push(
            desk, [path], lambda: check_parts([path]), reading, consent=Consent(), ask=lambda _: None
        )

    (refusal,) = result.results[0].refusals
    assert (1, 0) == (result.exit_code, posts(prolific))
    assert "importer setup" in str(refusal)


def test_a_name_that_is_there_already_is_said(desk: Desk, prolific: Sandbox, path: Path):
    """A workbook restored from a backup has lost its ids."""
    there = prolific.add_batch("Wave 1", workspace_id=WORKSPACE_ID)

    (one,) = set_up(desk, path, is_dry=True).workbooks

    assert [there] == [note.split("(")[1].split(")")[0] for note in one.notes]


def test_leftover_ids_of_a_copied_workbook_stop_it(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """The rows bear ids of another batch, which the new one cannot hold."""
    stale = "0192041c-470f-7336-8e3d-e03fc086a4e1"
    instructions = f"| batch | ref | type | description | instruction_id |\n| w1 | Q1 | free_text | Why? | {stale} |\n| w2 | Q1 | free_text | Why? | |"
    path = write_study(tmp_path, Instructions=instructions)

    result = set_up(desk, path)

    assert (1, 0) == (result.exit_code, posts(prolific))


def test_what_a_push_needs_consent_for_setup_needs_it_for(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """It says so before it makes anything; push is no way out, because it refuses what is not made yet."""
    there = prolific.add_batch("Wave 1", instructions=[{"type": "free_text", "description": "Old?"}])
    batches = BATCHES.replace("| w1    |          |", f"| w1 | {there} |")
    path = write_study(tmp_path, Batches=batches)

    result = set_up(desk, path)

    assert (1, 0) == (result.exit_code, posts(prolific))
    assert "--allow-remove 1" in said(result)[0]

    assert 0 == set_up(desk, path, allow_remove=1).exit_code
    assert ["Why?", "How was it?"] == sorted(
        (str(i["description"]) for i in prolific.instructions(there)), reverse=True
    )


def test_rows_of_one_name_are_two_things(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Waves of one study bear one name; also when the answer to the second is lost."""
    row = STUDIES.strip().splitlines()[-1]
    path = write_study(
        tmp_path,
        Batches=BATCHES.replace("Wave 2", "Wave 1"),
        Studies=f"{STUDIES}{row.replace('| s1', '| s2')}",
    )
    prolific.fault("reset-after", method="POST", path=POST_BATCH, after=1)
    prolific.fault("reset-after", method="POST", path="/api/v1/studies", after=1)

    assert 0 == set_up(desk, path).exit_code
    assert not prolific.waiting_faults()
    assert WHOLE + Counter(study=1) == prolific.creations()
    found = [str(row["study_id"]) for row in rows(path, "Studies")]
    assert [one["id"] for one in prolific.studies()] == found
    assert ["w1", "w2"] == [str(row["batch"]) for row in rows(path, "Batches")]
    assert [b["id"] for b in prolific.batches()] == [row["batch_id"] for row in rows(path, "Batches")]


# ---------------------------------------------------------------- what stops it
def test_what_was_made_before_a_refusal_stays_in_the_workbook(desk: Desk, prolific: Sandbox, path: Path):
    """And the next run goes on from there."""
    prolific.fault("refused", method="POST", path=POST_BATCH, after=1, status=400)

    result = set_up(desk, path)

    assert 6 == result.exit_code
    assert ["w2", "s1"] == [name for name, found in ids_in_sheets(path).items() if not found]
    assert 0 == set_up(desk, path).exit_code
    assert prolific.creations() == WHOLE


def test_a_dataset_that_cannot_be_read_stops_it(desk: Desk, prolific: Sandbox, path: Path):
    """Its id stays in the workbook; no batch is made of it."""
    prolific.switches.dataset_ends = "ERROR"

    result = set_up(desk, path)

    assert 6 == result.exit_code
    assert ["pairs"] == [name for name, found in ids_in_sheets(path).items() if found]


def test_tasks_that_cannot_be_made_stop_it(desk: Desk, prolific: Sandbox, path: Path):
    """No study is made of a batch in ERROR, nor by the next run."""
    prolific.switches.setup_ends = "ERROR"

    assert [6, 6] == [set_up(desk, path).exit_code for _ in range(2)]
    assert [] == prolific.studies()


def test_waiting_has_an_end(desk: Desk, prolific: Sandbox, path: Path, clock: Clock):
    """Five minutes, and the next run waits on."""
    prolific.switches.processing_reads = 150

    result = set_up(desk, path)

    assert 5 == result.exit_code
    assert clock.passed_s < 310
    assert [5, 0] == [
        set_up(desk, path).exit_code for _ in range(2)
    ]  # the dataset is READY now, but then the tasks
    assert prolific.creations() == WHOLE


def test_two_alike_are_for_a_person_to_tell_apart(desk: Desk, prolific: Sandbox, path: Path, clock: Clock):
    """Somebody made the same batch while the answer to ours was lost."""
    prolific.fault("reset-after", method="POST", path=POST_BATCH)
    details = {"task_name": "Compare", "task_introduction": "<p>Hello.</p>", "task_steps": "Read."}
    original = desk.prolific.list_batches
    calls = []

    def list_batches(workspace_id: str) -> list[dict[str, object]]:
        calls.append(workspace_id)
        if len(calls) == 4:  # two notes, one list before, and now the look
            prolific.add_batch("Wave 1", task_details=details)
        return original(workspace_id)

    desk.prolific.list_batches = list_batches  # type: ignore[method-assign]
    result = set_up(desk, path)

    assert 5 == result.exit_code
    (doubt,) = desk.journal.unsettled_creations()
    assert (State.CONFLICT, 2) == (doubt.state, doubt.note.count("-") // 4)
    assert 1 == set_up(desk, path).exit_code  # nothing of the name is made while that is open
    assert 2 == len(prolific.batches())


def test_a_dataset_whose_answer_was_lost_is_for_a_person(desk: Desk, prolific: Sandbox, path: Path):
    """Datasets cannot be listed. Given up, it is made anew."""
    prolific.fault("reset-after", method="POST", path=POST_DATASET)

    result = set_up(desk, path)

    assert 5 == result.exit_code
    (doubt,) = desk.journal.open_creations()
    assert 5 == set_up(desk, path).exit_code
    assert 1 == prolific.creations()["dataset"]
    assert doubt.id in said(result)[0]

    found = find_unsettled(desk.journal, doubt.id)
    assert found is not None
    give_up_made(desk, found)
    assert 0 == set_up(desk, path).exit_code
    assert 2 == prolific.creations()["dataset"]


def test_a_workbook_that_was_moved_makes_nothing_twice(
    desk: Desk, prolific: Sandbox, path: Path, tmp_path: Path
):
    """What is on its way from the old place has the same name."""
    prolific.fault("reset-after", method="POST", path=POST_BATCH)
    prolific.fault("error-before", method="GET", path=POST_BATCH, times=None, after=3, status=500)
    set_up(desk, path)
    prolific.clear_faults()
    (tmp_path / "moved").mkdir()
    (tmp_path / "pairs.csv").rename(tmp_path / "moved" / "pairs.csv")
    moved = path.rename(tmp_path / "moved" / "study.xlsx")

    result = set_up(desk, moved)

    assert 1 == result.exit_code
    assert 1 == len(prolific.batches())


def test_a_workbook_changed_meanwhile_is_not_made_unseen(prolific: Sandbox, path: Path):
    """Somebody adds a study while the dataset is processed."""

    def change() -> None:
        book = openpyxl.load_workbook(path)
        book["Studies"]["E2"] = "999"
        book.save(path)
        clock.while_sleeping = lambda: None

    clock = Clock(while_sleeping=change)
    with open_desk(prolific.url, prolific.token, path.parent / "state", clock) as desk:
        result = set_up(desk, path)

    assert isinstance(result.workbooks[0].refusal, Unfinished)
    assert [] == prolific.studies()


def test_a_file_is_never_sent_in_the_clear(desk: Desk, path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nor to this computer from the real Prolific; no sentence holds the address, which is a secret."""
    address = "http://files.example.com/x?X-Amz-Signature=secret"
    monkeypatch.setattr(desk.prolific, "_read", lambda *_: {"upload_url": address})

    with pytest.raises(ProlificError, match="without encryption") as refused:
        desk.prolific.upload("019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11", path)

    assert "secret" not in str(refused.value)


# ---------------------------------------------------------------- lists
PAGED = {"results": [{"id": "a"}, {"id": "b"}], "meta": {"count": 3}}


@pytest.mark.parametrize(
    ("pages", "ids"),
    [
        ([{"results": [{"id": "a"}]}], ["a"]),
        ([PAGED, {"results": [{"id": "c"}], "meta": {"count": 3}}], ["a", "b", "c"]),
        (
            [{"results": [{"id": "a"}], "_links": {"next": {"href": "…"}}}, {"results": [{"id": "b"}]}],
            ["a", "b"],
        ),
        ([{"results": [{"id": "a"}], "_links": {"next": {"href": None}}}], ["a"]),
        ([PAGED, PAGED], None),
        ([{"results": "none"}], None),
        ([[{"id": "a"}]], None),
        ([{"results": [{"id": "../a"}]}], None),
    ],
)
def test_lists_are_read_to_their_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, pages: list[object], ids: list[str] | None
):
    """Or refused: what is there unseen would be made a second time."""
    answers = iter(pages)
    monkeypatch.setattr(desk.prolific, "_read", lambda *_: next(answers))

    if ids is None:
        with pytest.raises(ProlificError):
            desk.prolific.list_studies()
    else:
        assert ids == [one["id"] for one in desk.prolific.list_studies()]


def test_a_list_that_lags_behind_makes_nothing_twice(desk: Desk, prolific: Sandbox, path: Path):
    """The answer is lost, and the first look shows what was there before."""
    prolific.fault("reset-after", method="POST", path=POST_BATCH)
    prolific.fault("stale", method="GET", path=POST_BATCH, after=3, times=3)

    assert 0 == set_up(desk, path).exit_code
    assert () == prolific.waiting_faults()
    assert prolific.creations() == WHOLE
    assert ids_in_sheets(path) == held(prolific)


# ---------------------------------------------------------------- the command
def test_the_command_says_where_to_look(prolific: Sandbox, path: Path):
    """The last line is the address of the draft, and that nothing is published."""
    shell = Shell(path.parent, prolific.url)

    done = shell("setup", "study.xlsx", "--yes")

    *_, said_before, last = done.out.strip().splitlines()
    assert 0 == done.code, done.err
    assert f"https://app.prolific.com/researcher/studies/{ids_in_sheets(path)['s1']}" == last.strip()
    assert said_before.startswith("Nothing is published.")


def test_the_command_as_json(prolific: Sandbox, path: Path):
    """One document: what was to be made, and what was."""
    shell = Shell(path.parent, prolific.url)
    dry = json.loads(shell("setup", "study.xlsx", "--dry-run", "--json").out)
    done = json.loads(shell("setup", "study.xlsx", "--yes", "--json").out)

    assert ["dataset", "batch", "batch", "setup", "study"] == [
        one["kind"] for one in dry["workbooks"][0]["steps"]
    ]
    made = {
        one["ref"]: one["made_id"]
        for one in done["workbooks"][0]["made"]
        if one["kind"] in ("batch", "study")
    }
    assert made == {name: found for name, found in ids_in_sheets(path).items() if name != "pairs"}


def test_the_command_asks(prolific: Sandbox, path: Path):
    """Where nobody can be asked, --yes is needed."""
    assert (2, 0) == (Shell(path.parent, prolific.url)("setup", "study.xlsx").code, posts(prolific))


def test_status_and_resume_know_of_what_is_open(prolific: Sandbox, path: Path):
    """A lost dataset is listed with its id, which resume --give-up takes."""
    shell = Shell(path.parent, prolific.url)
    prolific.fault("reset-after", method="POST", path=POST_DATASET)

    assert 5 == shell("setup", "study.xlsx", "--yes").code
    (open_one,) = json.loads(shell("status", "--json").out)["made"]
    assert ("dataset", "sent") == (open_one["kind"], open_one["state"])
    assert 5 == shell("resume").code
    assert 0 == shell("resume", "--give-up", open_one["id"], "--yes").code
    assert 0 == shell("setup", "study.xlsx", "--yes").code


@pytest.mark.parametrize("sheet", [DATASETS, STUDIES])
def test_the_sheets_of_the_scene_are_whole(sheet: str):
    """A table with a hole would test something else."""
    widths = {line.count("|") for line in sheet.strip().splitlines()}

    assert 1 == len(widths)


def test_what_came_some_way_never_ends_as_if_nothing_was_sent(desk: Desk, prolific: Sandbox, path: Path):
    """A push that is refused after datasets and batches were made: some is done, some is not."""
    prolific.fault("refused", method="POST", path=POST_BATCH, times=None, status=400)

    (one,) = set_up(desk, path).workbooks

    refused = replace(one, refusal=PlanRefused("The batch was changed meanwhile. Nothing was sent."))
    assert (["dataset", "upload"], 3) == ([made.kind.value for made in one.made], refused.exit_code)
    assert 1 == replace(refused, made=()).exit_code
