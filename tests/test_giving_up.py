"""Giving up an import that can never be finished: no push is kept back for ever, and what is said is true."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import pytest

from importer.cli import commands
from importer.errors import JournalRefused, Refusal, Unfinished, UsageError
from importer.journal import Import, Journal, State
from importer.push.desk import Desk, locked
from importer.push.giving_up import find_open, give_up
from importer.run.resuming import resume
from importer.sandbox import Sandbox
from tests.desks import Clock, open_desk
from tests.test_journal import BATCH, ITEM, new
from tests.test_push import edit, go, ids_held, ids_in, push_and_die, puts

WAY_OUT = "importer resume --give-up {}"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def stuck(desk: Desk) -> Import:
    (one,) = desk.journal.open_imports()
    return one


def hide_instructions(prolific: Sandbox, batch_id: str, status: int = 404) -> None:
    """Let Prolific no longer list the instructions of a batch."""
    path = f"{batch_id}/instructions"
    prolific.fault("refused", method="GET", path=path, times=None, status=status)


# ---------------------------------------------------------------- acknowledged, and the workbook is gone
@pytest.fixture
def renamed(prolific: Sandbox, state: Path, study: Path) -> Path:
    """Have a workbook that got another name before its ids were in it."""
    push_and_die(prolific, state, study, "journal:acknowledged")
    return study.rename(study.with_name("renamed.xlsx"))


def test_a_renamed_workbook_gets_its_ids_after_all(
    prolific: Sandbox, state: Path, renamed: Path, batch_id: str
):
    """Each refusal names the way out; behind it the rows get the ids that were made for them."""
    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        kept_back = go(desk, renamed)
        resumed = resume(desk, desk.journal.open_imports())

        assert WAY_OUT.format(batch_id) in str(kept_back.results[0].refusal)
        assert WAY_OUT.format(batch_id) in str(resumed[0].refusal)

        (given_up,) = give_up(desk, find_open(desk.journal, batch_id))

        assert State.GIVEN_UP is given_up.state
        assert ids_held(prolific, batch_id) == list(given_up.ids.values())

        asked = go(desk, renamed)
        agreed = go(desk, renamed, relink=True)

    assert (1, 0) == (asked.exit_code, agreed.exit_code)
    assert "--relink" in str(asked.results[0].refusal)
    assert ids_held(prolific, batch_id) == list(ids_in(renamed).values())
    assert (1, 1) == (prolific.generations(batch_id), puts(prolific, batch_id))


def test_the_journal_knows_the_ids_that_prolific_no_longer_lists(
    prolific: Sandbox, state: Path, renamed: Path, batch_id: str
):
    """What was acknowledged before it was given up is still what the batch is known to hold."""
    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        give_up(desk, find_open(desk.journal, batch_id))
        hide_instructions(prolific, batch_id)

        assert 0 == go(desk, renamed, relink=True).exit_code

    prolific.clear_faults()
    assert ids_held(prolific, batch_id) == list(ids_in(renamed).values())
    assert 1 == puts(prolific, batch_id)


# ---------------------------------------------------------------- sent, and nobody knows what became of it
def test_an_unknown_outcome_stays_unknown(prolific: Sandbox, state: Path, study: Path, batch_id: str):
    """While Prolific does not list the instructions, no push replaces them unseen; when it does, they keep their ids."""
    push_and_die(prolific, state, study, "answered")
    hide_instructions(prolific, batch_id)
    with open_desk(prolific.url, prolific.token, state, Clock(3600)) as desk:
        (refused,) = resume(desk, desk.journal.open_imports())

        assert isinstance(refused.refusal, Unfinished)
        assert WAY_OUT.format(batch_id) in str(refused.refusal)

        (given_up,) = give_up(desk, find_open(desk.journal, batch_id))

        assert (State.GIVEN_UP, {}) == (given_up.state, given_up.ids)
        assert "nobody knows whether" in given_up.note
        assert "whose outcome is known" in str(go(desk, study).results[0].refusal)

        prolific.clear_faults()

        assert 0 == go(desk, study, relink=True).exit_code

    assert ids_held(prolific, batch_id) == list(ids_in(study).values())
    assert 1 == puts(prolific, batch_id)


@pytest.mark.parametrize(
    ("passed_s", "waited_s"), [(0.0, 60.0), (45.0, 15.0), (3600.0, 0.0), (-3600.0, 60.0)]
)
def test_what_is_under_way_is_waited_for(
    prolific: Sandbox, state: Path, study: Path, passed_s: float, waited_s: float
):
    """The next plan must not be made before a late request has arrived; at most HOLD, whatever the clock says."""
    push_and_die(prolific, state, study, "journal:sent")
    clock = Clock(passed_s)

    with open_desk(prolific.url, prolific.token, state, clock) as desk:
        give_up(desk, desk.journal.open_imports())

    assert waited_s == sum(clock.slept)


@pytest.mark.parametrize("status", [404, 500])
def test_a_batch_that_cannot_be_read_names_the_way_out(
    prolific: Sandbox, state: Path, study: Path, batch_id: str, status: int
):
    """A batch may have been deleted on Prolific."""
    push_and_die(prolific, state, study, "answered")
    prolific.fault("refused", method="GET", path=batch_id, times=None, status=status)

    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        (refused,) = resume(desk, desk.journal.open_imports())

    prolific.clear_faults()
    assert WAY_OUT.format(batch_id) in str(refused.refusal)


def test_an_answer_that_never_comes_names_the_way_out(
    prolific: Sandbox, state: Path, study: Path, batch_id: str
):
    """A push that was sent often enough need not be sent for ever."""
    prolific.fault("reset-before", method="PUT", path=batch_id, times=None)

    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        refused = go(desk, study)

    prolific.clear_faults()
    assert WAY_OUT.format(batch_id) in str(refused.results[0].refusals[0])


@pytest.mark.parametrize(
    ("end", "known"), [(State.GIVEN_UP, None), (State.CONFLICT, None), (State.REJECTED, [ITEM])]
)
def test_an_earlier_push_does_not_stand_for_a_later_one(
    tmp_path: Path, end: State, known: list[dict[str, str]] | None
):
    """Behind a push of unknown outcome nobody knows what the batch holds, whatever an earlier one was answered."""
    with Journal(tmp_path / "journal.sqlite3") as journal:
        for import_id in ("earlier", "later"):
            journal.start([new(import_id)])
        journal.move(journal.get("earlier"), State.ACKNOWLEDGED, at=2.0, after=[ITEM], attempts=1)
        journal.move(journal.get("later"), State.SENT, at=3.0, attempts=1)
        journal.move(journal.get("later"), end, at=4.0)

        assert known == journal.last_known(BATCH)


# ---------------------------------------------------------------- never sent
def test_what_was_never_sent_is_cancelled(prolific: Sandbox, state: Path, study: Path, batch_id: str):
    """Nothing is lost on either side."""
    before = study.read_bytes()
    push_and_die(prolific, state, study, "journal:planned")

    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        (given_up,) = give_up(desk, desk.journal.open_imports())
        assert (0, before) == (puts(prolific, batch_id), study.read_bytes())
        assert 0 == go(desk, study).exit_code

    assert State.CANCELLED is given_up.state
    assert "has not taken its instructions" in given_up.note


def test_nobody_gives_up_what_another_importer_works_on(prolific: Sandbox, state: Path, study: Path):
    """The lock of the batch comes first."""
    push_and_die(prolific, state, study, "journal:acknowledged")

    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        with locked(state, [stuck(desk).batch_id]), pytest.raises(JournalRefused, match="Another importer"):
            give_up(desk, desk.journal.open_imports())

        assert State.ACKNOWLEDGED is stuck(desk).state


# ---------------------------------------------------------------- the command
@pytest.fixture
def environ(prolific: Sandbox, state: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {
        "PROLIFIC_URL": prolific.url,
        "PROLIFIC_TOKEN": prolific.token,
        "IMPORTER_STATE": str(state),
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def type_in(*words: str) -> None:
    commands(["resume", *words], standalone_mode=False)


def state_of_the_only_import(state: Path) -> State:
    with Journal(state / "journal.sqlite3") as journal:
        return journal.recent(1)[0].state


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("renamed")
def test_the_command_prints_the_ids(
    environ: pytest.MonkeyPatch,
    prolific: Sandbox,
    state: Path,
    batch_id: str,
    capsys: pytest.CaptureFixture[str],
):
    """They are in the journal only, so they are shown, and what is true now is said."""
    type_in("--give-up", batch_id.upper(), "--yes")

    printed = capsys.readouterr().out
    assert all(one in printed for one in ids_held(prolific, batch_id))
    assert "given up" in printed
    assert "--relink" in printed
    assert State.GIVEN_UP is state_of_the_only_import(state)


@pytest.mark.usefixtures("renamed")
@pytest.mark.parametrize(("answer", "end"), [("n", State.ACKNOWLEDGED), ("y", State.GIVEN_UP)])
def test_the_command_asks(
    environ: pytest.MonkeyPatch,
    state: Path,
    batch_id: str,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    end: State,
):
    """On a terminal it says what will be true, and does what it is told."""
    environ.setattr("sys.stdin", Terminal(f"{answer}\n"))

    with suppress(Refusal):
        type_in("--give-up", batch_id)

    assert "the journal keeps their 2 id(s)" in capsys.readouterr().err
    assert end is state_of_the_only_import(state)


@pytest.mark.usefixtures("renamed")
def test_without_a_terminal_yes_must_be_typed(environ: pytest.MonkeyPatch, state: Path, batch_id: str):
    """Nobody can be asked."""
    environ.setattr("sys.stdin", io.StringIO())

    with pytest.raises(UsageError, match="--yes"):
        type_in("--give-up", batch_id)

    assert State.ACKNOWLEDGED is state_of_the_only_import(state)


@pytest.mark.usefixtures("environ")
def test_what_is_not_open_cannot_be_given_up(prolific: Sandbox, state: Path, study: Path, batch_id: str):
    """A finished import stays what it is."""
    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        go(desk, study)
        edit(study, "C4", "Why exactly?")

    with pytest.raises(UsageError, match="importer status"):
        type_in("--give-up", batch_id, "--yes")

    assert State.WRITTEN is state_of_the_only_import(state)
