"""A push through every fault of the local Prolific: what is said, and that nothing is lost or doubled."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random

import pytest

from importer.journal import State
from importer.sandbox import FAULTS, Sandbox
from tests.faults import table
from tests.faults.matrix import COLUMNS, ROWS, Cell, End, Row, cells
from tests.faults.scene import INSTRUCTIONS, WHY, Heard, Play, Scene, Stage, composed

SOME = 3
#: Faults by which Prolific itself replaces ids, or loses an instruction.
LOSING = ("ids-not-preserved", "item-dropped")
#: A cache that lags behind for as many readings: 20 s, each of a batch and its instructions.
LAGGING = 8
#: Batches of one workbook that are pushed side by side, and how many at the same time.
MANY = 6
JOBS = (4, 32)
#: Whether side by side, too, every row is played (`make faults`); it takes minutes.
IS_COMPLETE = bool(os.environ.get("EVERY_ROW"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Sandbox() as sandbox, Sandbox(token="other") as elsewhere:  # noqa: S106 - opens nothing
        yield Stage(sandbox, elsewhere, tmp_path_factory.mktemp("faults"))


def every(column: str, *kinds: str) -> pytest.MarkDecorator:
    """
    Run a test for the rows of a column, for all their kinds of workbook or for some.

    Of batches made of pages a third is played, others in each column, or every row (`make faults`).
    """
    chosen = [(row, kind, False) for row, kind in cells(column) if not kinds or kind in kinds]
    paged = [(row, kind, True) for row, kind, _ in chosen if row.paged(column) is not None]
    if not IS_COMPLETE:
        paged = sorted(Random(column).sample(paged, len(paged) // 3), key=paged.index)  # noqa: S311 - rows, no secrets
    chosen += paged
    names = [f"{row.title}-{kind}{'-pages' if is_paged else ''}" for row, kind, is_paged in chosen]
    return pytest.mark.parametrize(("row", "kind", "is_paged"), chosen, ids=names)


def some(column: str) -> pytest.MarkDecorator:
    """Run a test for one row in three, in each column for others, and for the workbook of both; or for every row."""
    chosen = [(row, kind) for row, kind in cells(column) if kind == "both"]
    if not IS_COMPLETE:
        first = list(COLUMNS).index(column) % 3
        chosen = [(row, kind) for row, kind in chosen if not row.is_variant][first::3]
    return pytest.mark.parametrize(("row", "kind"), chosen, ids=[row.title for row, _ in chosen])


# ------------------------------------------------------------------ the matrix


@pytest.mark.parametrize("batches", [1, 3])
@every("once")
def test_fault_of_one_put(stage: Stage, row: Row, kind: str, is_paged: bool, batches: int) -> None:
    """The first batch's PUT is struck once; the other batches are not disturbed."""
    with playing(stage, row, Scene(kind, batches, is_paged=is_paged), "once") as play:
        heard = play.push()
        cell = row.cell("once", kind, is_paged=is_paged)
        is_shared = batches > 1 and cell.code and not row.is_for_all
        check_seen(play, row, cell, heard, SOME if is_shared else cell.code)
        check_end(play, row, cell, struck=batches if row.fault == "gone" else 1)


@every("lasting")
def test_fault_of_every_put(stage: Stage, row: Row, kind: str, is_paged: bool) -> None:
    """Every PUT is struck for as long as the push runs."""
    play_lasting(stage, row, Scene(kind, is_paged=is_paged))


@every("lasting", "both")
def test_fault_of_every_put_of_three_batches(stage: Stage, row: Row, kind: str, is_paged: bool) -> None:
    """What comes of one batch comes of all."""
    play_lasting(stage, row, Scene(kind, 3, is_paged=is_paged))


def play_lasting(stage: Stage, row: Row, scene: Scene, jobs: int = 1) -> None:
    with playing(stage, row, scene, "lasting", jobs) as play:
        heard = play.push()
        cell = row.cell("lasting", scene.kind, is_paged=scene.is_paged)
        check_seen(play, row, cell, heard, cell.code)
        check_end(play, row, cell, struck=scene.batches)


@every("read")
def test_fault_of_what_is_read_before(stage: Stage, row: Row, kind: str, is_paged: bool) -> None:
    """Without a trustworthy reading nothing is sent."""
    with playing(stage, row, Scene(kind, is_paged=is_paged), "read") as play:
        heard = play.push()
        cell = row.cell("read", kind, is_paged=is_paged)
        assert (cell.end is End.AGAIN) == (play.states() == [])
        check_seen(play, row, cell, heard, cell.code)
        check_end(play, row, cell, struck=1)


@every("look")
def test_fault_of_what_is_read_after(stage: Stage, row: Row, kind: str, is_paged: bool) -> None:
    """The PUT was applied, its answer was lost, and then the reading is struck, too."""
    with playing(stage, row, Scene(kind, is_paged=is_paged), "look") as play:
        stage.sandbox.fault("reset-after", method=play.scene.method)
        heard = play.push()
        cell = row.cell("look", kind, is_paged=is_paged)
        check_seen(play, row, cell, heard, cell.code)
        check_end(play, row, cell, struck=1)


@every("patch")
def test_fault_of_every_patch(stage: Stage, row: Row, kind: str, is_paged: bool) -> None:
    """A PATCH that fails keeps the PUT behind it back."""
    assert not is_paged
    with playing(stage, row, Scene(kind, has_names=True), "patch") as play:
        heard = play.push()
        cell = row.cell("patch", kind)
        check_seen(play, row, cell, heard, cell.code)
        check_end(play, row, cell, struck=1)
        assert "New name" == stage.sandbox.batch(play.scene.batch_id(1))["name"]


# ------------------------------------------------------------------ the same side by side


@pytest.mark.parametrize("jobs", JOBS)
@some("once")
def test_fault_of_one_put_side_by_side(stage: Stage, row: Row, kind: str, jobs: int) -> None:
    """One of several PUTs is struck, whichever comes first; the other batches are not disturbed."""
    with playing(stage, row, Scene(kind, MANY), "once", jobs) as play:
        heard = play.push()
        cell = row.cell("once", kind)
        check_seen(play, row, cell, heard, SOME if cell.code and not row.is_for_all else cell.code)
        assert row.fault == "gone" or play.spoilt() <= 1
        check_end(play, row, cell, struck=MANY if row.fault == "gone" else 1)


@some("lasting")
def test_fault_of_every_put_side_by_side(stage: Stage, row: Row, kind: str) -> None:
    """What comes of one batch comes of all."""
    play_lasting(stage, row, Scene(kind, MANY), max(JOBS))


@some("read")
def test_fault_of_what_is_read_before_side_by_side(stage: Stage, row: Row, kind: str) -> None:
    """Without a trustworthy reading of each batch nothing of the workbook is sent."""
    with playing(stage, row, Scene(kind, MANY), "read", max(JOBS)) as play:
        heard = play.push()
        cell = row.cell("read", kind)
        assert (cell.end is End.AGAIN) == (play.states() == [])
        check_seen(play, row, cell, heard, cell.code)
        check_end(play, row, cell, struck=MANY)


@some("look")
def test_fault_of_what_is_read_after_side_by_side(stage: Stage, row: Row, kind: str) -> None:
    """
    Every answer is lost, and what is read then is struck, too: nothing is created twice.

    Who waits longest moves the clock on for all, and plans that have aged are compared with a
    Prolific that cannot be read: how many are sent at all is chance.
    """
    with playing(stage, row, Scene(kind, MANY), "look", max(JOBS)) as play:
        stage.sandbox.fault("reset-after", method="PUT", path=INSTRUCTIONS, times=MANY)
        play.push()
        check_nothing_lost(play, row)
        play.end_fault()
        play.resume()
        play.clear_ids()
        heard = play.push(relink=True)
        check_nothing_lost(play, row)
        assert 0 == heard.code, heard.text
        assert {n: play.held(n) for n in play.scene.numbers} == play.in_sheet()


@some("patch")
def test_fault_of_every_patch_side_by_side(stage: Stage, row: Row, kind: str) -> None:
    """A PATCH that fails keeps the PUT of its batch back."""
    with playing(stage, row, Scene(kind, MANY, has_names=True), "patch", max(JOBS)) as play:
        heard = play.push()
        cell = row.cell("patch", kind)
        check_seen(play, row, cell, heard, cell.code)
        check_end(play, row, cell, struck=MANY)


def playing(stage: Stage, row: Row, scene: Scene, column: str, jobs: int = 1) -> AbstractContextManager[Play]:
    """Lay a scene out, with the fault waiting where the column wants it."""
    sandbox = stage.sandbox
    settings = {**row.settings}
    if settings.get("to"):
        settings["to"] = stage.elsewhere.url

    def strike(method: str, times: int | None = None, path: str = "") -> Callable[[], None]:
        return lambda: sandbox.fault(row.fault, method=method, times=times, path=path, **settings)  # type: ignore[arg-type]

    def switch_off() -> None:
        sandbox.switches.get_instructions = int(settings["status"])

    path = "" if scene.is_paged else INSTRUCTIONS
    look_times = LAGGING if row.fault == "stale" else None
    before: dict[str, Callable[[], None]] = {
        "once": strike(scene.method, times=1, path=path),
        "lasting": strike(scene.method, path=path),
        "read": strike("GET"),
        "patch": strike("PATCH"),
    }
    on_sent: dict[str, Callable[[], None]] = {"look": strike("GET", times=look_times)}
    if row.fault == "down":
        before, on_sent = {"read": stage.stop}, {"once": stage.stop, "lasting": stage.stop}
    if row.fault == "gone":
        before, on_sent = {"once": switch_off}, {"look": switch_off}
    return stage.play(
        scene,
        before=before.get(column),
        on_sent=on_sent.get(column),
        while_sleeping=stage.revive if (row.fault, column) == ("down", "once") else None,
        jobs=jobs,
        **row.waits,
    )


# ------------------------------------------------------------------ what must be so


def check_seen(play: Play, row: Row, cell: Cell, heard: Heard, code: int) -> None:
    """Sentence, exit code, workbook and batches right after the fault."""
    assert (code, cell.says) == (heard.code, cell.says if is_said(cell.says, heard.text) else heard.text)
    assert bool(cell.says) == bool(heard.text)
    assert () == play.stage.elsewhere.ledger
    check_nothing_lost(play, row)
    in_sheet = play.in_sheet()
    for number in play.scene.numbers:
        is_as_before = in_sheet[number] == list(play.scene.ids(number).values())
        assert is_as_before or in_sheet[number] == play.held(number)
    if State.WRITTEN not in play.states():
        assert play.before == play.path.read_bytes()


def is_said(words: str, text: str) -> bool:
    """Whether words stand in a text; `…` stands for anything."""
    return re.search(".*".join(map(re.escape, words.split("…"))), text, re.DOTALL) is not None


def check_nothing_lost(play: Play, row: Row) -> None:
    """No second generation of ids, and no instruction gone that the plan did not name."""
    for number in play.scene.numbers:
        born = 2 + play.scene.is_paged if row.fault == "ids-not-preserved" else play.scene.created
        assert play.created(number) <= born
        if row.fault not in LOSING:
            assert play.is_content_kept(number)
            assert play.scene.kept(number) <= set(play.held(number))


def check_end(play: Play, row: Row, cell: Cell, struck: int) -> None:
    """After the fault: resume, push again, decide what has to be decided; both sides hold the same."""
    play.end_fault()
    play.clock.passed_s += float(row.settings.get("seconds", 0))
    if cell.end is End.RESUME:
        assert 0 == play.resume().code
    assert () == play.desk.journal.open_imports()
    heard = play.push()
    if cell.end is End.PERSON:
        assert is_said(cell.asks, heard.text), heard.text
        check_nothing_lost(play, row)
        if cell.clears:
            play.clear_ids()
        decision = {name: struck if value is not True else True for name, value in cell.decision.items()}
        heard = play.push(**decision)
    else:
        check_nothing_lost(play, row)
    assert 0 == heard.code, heard.text
    assert () == play.desk.journal.open_imports()
    assert {n: play.held(n) for n in play.scene.numbers} == play.in_sheet()
    assert {n: play.wanted() for n in play.scene.numbers} == {n: play.texts(n) for n in play.scene.numbers}


# ------------------------------------------------------------------ what the matrix does not vary


def test_count_tells_what_a_list_no_longer_does(stage: Stage) -> None:
    """GET is gone and the batch still counts none: the PUT was not applied, so it is sent once more."""
    with stage.play(Scene("new")) as play:
        stage.sandbox.switches.get_instructions = 410
        stage.sandbox.fault("reset-before", method="PUT")

        heard = play.push()

        assert (0, 2) == (heard.code, play.created(1))
        assert play.clock.passed_s >= play.desk.hold_s
        assert {1: play.held(1)} == play.in_sheet()


def test_count_tells_that_it_was_applied(stage: Stage) -> None:
    """GET is gone and the batch counts what was sent: never sent again, and said."""
    with stage.play(Scene("new")) as play:
        stage.sandbox.switches.get_instructions = 410
        stage.sandbox.fault("reset-after", method="PUT")

        heard = play.push()

        assert 5 == heard.code
        assert "Prolific applied them (it counts 2)" in heard.text
        assert (1, play.before) == (stage.sandbox.generations(play.scene.batch_id(1)), play.path.read_bytes())


def test_edits_are_sent_again_without_a_reading(stage: Stage) -> None:
    """GET is gone, but a PUT that creates nothing is harmless twice."""
    with stage.play(Scene("known"), on_sent=lambda: gone_and_reset(stage)) as play:
        heard = play.push()

        assert (0, 0) == (heard.code, play.created(1))
        assert play.wanted() == play.texts(1)


def gone_and_reset(stage: Stage) -> None:
    stage.sandbox.switches.get_instructions = 404
    stage.sandbox.fault("reset-before", method="PUT")


def test_accepted_push_is_not_sent_again(stage: Stage) -> None:
    """Ids were answered, though unfit, and a cache goes on listing what was before: a person looks."""
    with stage.play(
        Scene("new"), on_sent=lambda: stage.sandbox.fault("stale", method="GET", times=None)
    ) as play:
        stage.sandbox.fault("missing-item", method="PUT")

        heard = play.push()

        assert (5, [State.CONFLICT]) == (heard.code, play.states())
        assert "Prolific accepted the push, but still holds what it held before." in heard.text
        assert (2, play.before) == (play.created(1), play.path.read_bytes())


def test_spaces_alone_are_not_taken_for_applied(stage: Stage) -> None:
    """An edit of nothing but spaces looks like what was there before, so a lost one is sent again."""
    with stage.play(Scene("known")) as play:
        tidied = [" ".join(text.split()) for text in play.wanted()]
        assert 0 == play.push().code
        items = stage.sandbox.instructions(play.scene.batch_id(1))
        stage.sandbox.set_instructions(
            play.scene.batch_id(1),
            [item | {"description": text} for item, text in zip(items, tidied, strict=True)],
        )
        stage.sandbox.fault("reset-before", method="PUT")

        assert 0 == play.push().code

        assert (play.wanted(), composed(WHY)) == (play.texts(1), play.texts(1)[1])


def test_resume_sends_again_as_often_as_it_is_asked(stage: Stage) -> None:
    """Two sends in vain end a run, not the import: the next resume tries anew."""
    with stage.play(Scene("new")) as play:
        stage.sandbox.fault("reset-before", method="PUT", times=5)

        codes = [play.push().code, play.resume().code, play.resume().code]

        assert ([5, 5, 0], 2) == (codes, play.created(1))
        assert {1: play.held(1)} == play.in_sheet()


# ------------------------------------------------------------------ the matrix itself


def test_every_fault_is_in_the_matrix() -> None:
    """A new fault of the sandbox needs a row."""
    assert {*FAULTS, "down", "gone"} == {row.fault for row in ROWS}


def test_every_column_is_played() -> None:
    """What the table shows is what the tests above have proved."""
    assert all(cells(column) for column in COLUMNS)
    assert {column for row in ROWS for column in row.cells} == set(COLUMNS)


def test_table_is_up_to_date() -> None:
    """`docs/faults.md` is what `python -m tests.faults.table` prints."""
    page = Path(__file__).parents[1] / "docs" / "faults.md"
    assert table.page() == page.read_text("utf-8")
