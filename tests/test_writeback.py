"""Write-back as a call that any process can make: what goes in, what comes out, and what it raises."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from importer.checking import check
from importer.errors import WriteRefused
from importer.places import Places
from importer.writeback import Delivered, Delivery, NewIds, deliver
from tests.books import BATCH_ID, LIKERT, ONE_BATCH, write_book

NOW = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
IDS = {ref: f"019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a9{number}" for number, ref in enumerate(("Q1", "Q2"))}

#: Answers as a helper of a push would, and tells which of the sender's own modules it has loaded.
ELSEWHERE = """
import pickle, sys
from importer.errors import ImporterError
from importer.writeback import deliver
work = pickle.load(sys.stdin.buffer)
try:
    answer = deliver(work)
except ImporterError as refusal:
    answer = refusal
own = {"sqlite3", "requests", "importer.journal", "importer.prolific", "importer.push"}
pickle.dump((answer, own & set(sys.modules)), sys.stdout.buffer)
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_book(tmp_path / "study.xlsx", {"Instructions": LIKERT, "Batches": ONE_BATCH})


def places_in(study: Path) -> Places:
    (ready,) = check([study]).studies
    return ready.places


def delivery(study: Path, places: Places | None, *, marks: dict[str, str] | None = None) -> Delivery:
    new = NewIds("import", "", BATCH_ID, IDS, dict.fromkeys(IDS, "created") if marks is None else marks)
    return Delivery(study, (new,), places, study.parent / "state", NOW)


def elsewhere(work: Delivery) -> tuple[object, set[str]]:
    """Deliver in another process; gives its answer, and which of the sender's modules it needed."""
    command = [sys.executable, "-c", ELSEWHERE]
    done = subprocess.run(command, input=pickle.dumps(work), capture_output=True, check=True)
    answer, own = pickle.loads(done.stdout)  # noqa: S301 (ours)
    return answer, own


def ids_in(study: Path) -> dict[object, object]:
    rows = openpyxl.load_workbook(study)["Instructions"].iter_rows(min_row=2, values_only=True)
    return {row[0]: row[6] for row in rows if row[6]}


def test_another_process_delivers_the_same(study: Path, tmp_path: Path) -> None:
    """Its workbook, digest and backup are those of a delivery here; it needs neither journal nor network."""
    other = tmp_path / "other" / "study.xlsx"
    other.parent.mkdir()
    other.write_bytes(study.read_bytes())
    here = deliver(delivery(study, places_in(study)))

    there, own = elsewhere(delivery(other, places_in(other)))

    assert (here, set()) == (there, own)
    assert IDS == ids_in(study)
    assert study.read_bytes() == other.read_bytes()
    assert 1 == len(list((other.parent / "state" / "study.xlsx").iterdir()))


def test_another_process_reads_a_workbook_again(study: Path) -> None:
    """A workbook of which no places are known is read there."""
    answer, own = elsewhere(delivery(study, None))

    assert isinstance(answer, Delivered)
    assert ({"import": ()}, IDS, set()) == (answer.homeless, ids_in(study), own)


def test_a_refusal_crosses_with_its_sentence(study: Path) -> None:
    """What a helper refuses reads as if it had been refused here; the workbook stays as it was."""
    work = delivery(study, places_in(study))
    study.with_name("~$study.xlsx").write_bytes(b"\3Ann")
    before = study.read_bytes()
    with pytest.raises(WriteRefused) as refusal:
        deliver(work)

    answer, _ = elsewhere(work)

    assert isinstance(answer, WriteRefused)
    assert (str(refusal.value), before) == (str(answer), study.read_bytes())


def test_saved_since_though_nothing_was_to_be_written(study: Path) -> None:
    """Places that hold every id already are no reason to leave a workbook without them as it is."""
    bare = study.read_bytes()
    deliver(delivery(study, places_in(study), marks={}))
    full = places_in(study)
    study.write_bytes(bare)

    delivered = deliver(delivery(study, full, marks={}))

    assert IDS == ids_in(study)
    assert full.sha256 == delivered.sha256


def test_nothing_to_write_leaves_the_time_stamp(study: Path) -> None:
    """Ids that stand there already are not written again."""
    deliver(delivery(study, places_in(study), marks={}))
    os.utime(study, (0, 0))

    deliver(delivery(study, places_in(study), marks={}))

    assert 0 == study.stat().st_mtime
