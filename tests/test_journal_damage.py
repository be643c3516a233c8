"""A journal that is damaged, locked or lost: said in a sentence, and nothing is created twice for it."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from importer import journal as journal_module
from importer.cli import commands
from importer.errors import JournalRefused
from importer.journal import Journal, State
from importer.push.desk import Desk
from importer.run.resuming import resume
from importer.sandbox import Sandbox
from tests.desks import Clock, effects, open_desk
from tests.test_journal import BATCH, ITEM, new
from tests.test_push import edit, go, ids_held, ids_in, push_and_die

ROUNDS = 300


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def filled(path: Path) -> bytes:
    """Make a journal with forty imports, and return the file's bytes."""
    with Journal(path) as journal:
        for number in range(40):
            journal.start([new(str(number), str(path), number)])
            journal.move(
                journal.get(str(number)), State.PLANNED, at=number, body={"instructions": [ITEM]}, refs=["Q"]
            )
    return path.read_bytes()


def use(path: Path) -> None:
    """Ask a journal everything, and move what is open."""
    with Journal(path) as journal:
        journal.owners([ITEM["id"]])
        journal.last_known(BATCH)
        journal.recent(5)
        for found in journal.open_imports():
            journal.move(found, State.CANCELLED, at=1.0)


def test_damage_anywhere_is_refused_or_harmless(tmp_path: Path):
    """Whichever bytes of the file are wrong, the journal works or is refused; never a traceback."""
    good = filled(tmp_path / "good.sqlite3")
    chance = random.Random(20261122)  # noqa: S311 - damage, no secrets
    refused = 0
    for number in range(ROUNDS):
        damaged = bytearray(good)
        for _ in range(chance.choice((1, 8, 64))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path = tmp_path / f"{number}.sqlite3"
        path.write_bytes(damaged[: chance.choice((None, None, chance.randrange(1, len(damaged))))])
        try:
            use(path)
        except JournalRefused:
            refused += 1
    assert refused > ROUNDS // 10


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE imports SET body = '{'",
        "UPDATE imports SET state = 'sleeping'",
        "UPDATE imports SET note = CAST(x'ff' AS TEXT)",
        "ALTER TABLE imports DROP COLUMN attempts",
    ],
)
def test_a_journal_of_other_content_is_refused(tmp_path: Path, spoil: str):
    """What SQLite takes for whole, but holds what the importer never writes, is damaged too."""
    path = tmp_path / "journal.sqlite3"
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute(spoil)
    db.close()

    with pytest.raises(JournalRefused, match="It is damaged: wait"):
        use(path)


def test_a_damaged_journal_sends_nothing(prolific: Sandbox, state: Path, study: Path, batch_id: str):
    """Neither Prolific nor the workbook is touched, and the journal stays for whoever looks into it."""
    state.mkdir()
    journal, before = state / "journal.sqlite3", study.read_bytes()
    journal.write_bytes(b"SQLite format 3\0" + bytes(5000))

    with pytest.raises(JournalRefused), open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        go(desk, study)

    assert (0, before, 5016) == (prolific.generations(batch_id), study.read_bytes(), journal.stat().st_size)


@pytest.mark.parametrize(
    ("moment", "code"), [("journal:sent", 0), ("answered", 1), ("journal:acknowledged", 1), ("replaced", 0)]
)
def test_a_journal_lost_on_the_way_creates_nothing_twice(
    prolific: Sandbox, state: Path, study: Path, batch_id: str, moment: str, code: int
):
    """Without a journal the next push asks Prolific, and refuses to replace what it finds there."""
    push_and_die(prolific, state, study, moment)
    for file in state.glob("journal.sqlite3*"):
        file.unlink()

    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        first = go(desk, study)
        again = go(desk, study, relink=True)

    assert (code, 0) == (first.exit_code, again.exit_code)
    assert 1 == prolific.generations(batch_id)
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_damaged_journal_does_not_stop_the_check(
    state: Path, study: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
):
    """The check needs the journal for a hint only: it says what it does without, and finds the rest."""
    state.mkdir()
    journal = state / "journal.sqlite3"
    journal.write_bytes(b"SQLite format 3\0" + bytes(5000))
    edit(study, "B2", "mutiple_choice")
    edit(study, "G2", ITEM["id"])

    code = commands(["--state", str(state), "check", str(study), *arguments], standalone_mode=False)

    printed = capsys.readouterr()
    assert (1, 5016) == (code, journal.stat().st_size)
    assert "type-unknown" in printed.out
    assert f"The journal {journal} cannot be used" in printed.err


def test_a_file_name_that_is_no_text_is_no_damage(prolific: Sandbox, state: Path, study: Path, batch_id: str):
    """A name whose bytes are not UTF-8 is kept as it is, and a push from it is picked up."""
    odd = study.rename(study.with_name("study\udcff.xlsx"))
    push_and_die(prolific, state, odd, "answered")

    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        assert [str(odd)] == [i.workbook for i in desk.journal.open_imports(workbooks=[odd])]
        assert 0 == go(desk, odd).exit_code

    assert 1 == prolific.generations(batch_id)
    assert ids_held(prolific, batch_id) == list(ids_in(odd).values())


def test_half_a_character_is_no_damage(tmp_path: Path):
    """JSON can carry one, so a server can send it; what was answered is kept as it came."""
    half = {**ITEM, "description": "half \ud83d"}
    with Journal(tmp_path / "journal.sqlite3") as journal:
        journal.start([new()])
        moved = journal.move(journal.get("one"), State.ACKNOWLEDGED, at=2.0, after=[half], note="half \ud83d")

    assert ([half], "half \\ud83d") == (moved.after, moved.note)


# ---------------------------------------------------------------- locked by another process
HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(journal: Path) -> Iterator[None]:
    """Have another process hold the journal's write lock."""
    command = [sys.executable, "-c", HOLDER, str(journal)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        yield
        holder.kill()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "BUSY_S", 0.2)


@pytest.mark.usefixtures("impatient")
def test_a_locked_journal_sends_nothing(prolific: Sandbox, state: Path, study: Path, batch_id: str):
    """A lock that does not go away is said, with what to do."""
    before = study.read_bytes()
    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        with held(desk.journal.path):
            result = go(desk, study)

        assert (1, 0, before) == (result.exit_code, prolific.generations(batch_id), study.read_bytes())
        assert "Another program holds it. Close other importers." in str(result.results[0].refusal)
        assert 0 == go(desk, study).exit_code


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("moment", ["journal:sent", "answered", "journal:acknowledged", "workbook-written"])
def test_a_journal_locked_on_the_way_is_finished_later(
    prolific: Sandbox, state: Path, study: Path, batch_id: str, moment: str
):
    """Once something was sent, a journal that cannot be written is exit code 5, and resume ends it."""
    with (
        open_desk(prolific.url, prolific.token, state, Clock()) as desk,
        pushed_until_locked(desk, moment) as watched,
    ):
        result = go(watched, study)
    with open_desk(prolific.url, prolific.token, state, Clock()) as desk:
        assert (5, 1) == (result.exit_code, len(desk.journal.open_imports()))
        assert "importer resume" in str(result.results[0].refusals[0])
        outcomes = resume(desk, desk.journal.open_imports())

    assert [None] == [o.refusal for o in outcomes]
    assert 1 == prolific.generations(batch_id)
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())


@contextmanager
def pushed_until_locked(desk: Desk, moment: str) -> Iterator[Desk]:
    """Have a desk whose journal another process locks when a push comes by a checkpoint."""
    with ExitStack() as stack:

        def lock(name: str) -> None:
            if name == moment:
                stack.enter_context(held(desk.journal.path))

        yield replace(desk, effects=effects(Clock(), lock))
