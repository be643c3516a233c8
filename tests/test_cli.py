"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from importer.sandbox import Sandbox
from tests.books import LIKERT, write_book
from tests.test_push import edit, ids_held, ids_in, puts

SECRET = "a-token-nobody-may-see"  # noqa: S105 - of the sandbox


@pytest.fixture(scope="module")
def prolific() -> Iterator[Sandbox]:
    with Sandbox(token=SECRET) as sandbox:
        yield sandbox


class Ended(NamedTuple):
    code: int
    out: str
    err: str


class Shell:
    """Types commands as a researcher would, in a process of their own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.env = {
            **os.environ,
            "PROLIFIC_URL": url,
            "PROLIFIC_TOKEN": SECRET,
            "IMPORTER_STATE": str(folder / "state"),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }

    def __call__(self, *words: str, **env: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "importer", *words],
            cwd=self.folder,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert SECRET not in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def shell(tmp_path: Path, prolific: Sandbox) -> Shell:
    return Shell(tmp_path, prolific.url)


def test_check_says_that_a_good_workbook_is_good(shell: Shell, study: Path):
    """Exit code 0; no token, no journal, no network needed."""
    ended = shell("check", study.name, PROLIFIC_TOKEN="", PROLIFIC_URL="http://127.0.0.1:9")

    assert 0 == ended.code
    assert not (shell.folder / "state").exists()


def test_check_names_the_cell(shell: Shell, study: Path):
    """Exit code 1, the place, and that nothing was sent."""
    edit(study, "B2", "mutiple_choice")

    ended = shell("check", study.name)

    assert 1 == ended.code
    assert "study.xlsx › Instructions!B2" in ended.out
    assert "Nothing was sent." in ended.out


def test_check_json_is_one_document(shell: Shell, study: Path):
    """Same exit code, everything in it."""
    edit(study, "B2", "mutiple_choice")

    ended = shell("check", study.name, "--json")
    document = json.loads(ended.out)

    assert (1, 1, "check") == (ended.code, document["exit_code"], document["command"])
    assert ["type-unknown"] == [p["code"] for p in document["report"]["problems"]]


def test_check_mark_writes_a_copy_beside(shell: Shell, study: Path):
    """The researcher's own file is never marked."""
    edit(study, "B2", "mutiple_choice")
    before = study.read_bytes()

    shell("check", study.name, "--mark")

    assert before == study.read_bytes()
    assert study.with_name("study.checked.xlsx").exists()


def test_a_copy_that_cannot_be_written_hides_no_report(shell: Shell, study: Path):
    """Open in Excel, say; here a folder stands in its place."""
    edit(study, "B2", "mutiple_choice")
    study.with_name("study.checked.xlsx").mkdir()

    ended = shell("check", study.name, "--mark")

    assert 1 == ended.code
    assert "study.xlsx › Instructions!B2" in ended.out
    assert "study.checked.xlsx cannot be written" in ended.err


def test_a_copy_is_neither_pushed_nor_marked_again(
    shell: Shell, study: Path, prolific: Sandbox, batch_id: str
):
    """Ids that are written into a copy would be missing from the workbook."""
    edit(study, "B2", "mutiple_choice")
    shell("check", study.name, "--mark")
    copy = study.with_name("study.checked.xlsx")
    before = copy.read_bytes()

    ended = shell("push", copy.name, "--yes")
    again = shell("check", copy.name, "--mark")

    assert (1, 1, 0) == (ended.code, again.code, puts(prolific, batch_id))
    assert "marked copy" in ended.out
    assert "nothing to mark" in again.err
    assert before == copy.read_bytes()
    assert [] == list(study.parent.glob("*.checked.checked.xlsx"))


def test_a_missing_workbook_is_not_marked(shell: Shell, study: Path):
    """There is nothing to copy; the report says why."""
    ended = shell("check", "missing.xlsx", "--mark")

    assert 1 == ended.code
    assert "nothing to mark" in ended.err
    assert not study.with_name("missing.checked.xlsx").exists()


def test_plan_shows_and_sends_nothing(shell: Shell, study: Path, prolific: Sandbox, batch_id: str):
    """Exit code 0, or 10 on request."""
    assert 0 == shell("plan", study.name).code
    assert 10 == shell("plan", study.name, "--exit-code").code
    assert 0 == puts(prolific, batch_id)


def test_push_without_terminal_needs_yes(shell: Shell, study: Path, prolific: Sandbox, batch_id: str):
    """Nobody can be asked, so consent must be typed; usage error."""
    ended = shell("push", study.name)

    assert (2, 0) == (ended.code, puts(prolific, batch_id))
    assert "--yes" in ended.err


def test_push_writes_ids_and_plan_is_empty_then(shell: Shell, study: Path, prolific: Sandbox, batch_id: str):
    """The whole round with real processes."""
    assert 0 == shell("push", study.name, "--yes").code
    assert ids_held(prolific, batch_id) == list(ids_in(study).values())
    assert 0 == shell("plan", study.name, "--exit-code").code


def test_push_json_is_one_document(shell: Shell, study: Path):
    """Nothing but JSON on stdout."""
    document = json.loads(shell("push", study.name, "--yes", "--json").out)

    assert (1, "push", 0) == (document["schema_version"], document["command"], document["exit_code"])


def test_a_plan_can_be_reviewed_and_then_pushed(shell: Shell, study: Path):
    """`--plan FINGERPRINT` pushes what was reviewed, without asking."""
    document = json.loads(shell("plan", study.name, "--json").out)
    fingerprint = document["results"][0]["plans"][0]["fingerprint"]

    assert 1 == shell("push", study.name, "--plan", "0" * 12).code
    assert 0 == shell("push", study.name, "--plan", fingerprint).code


def test_batch_serves_a_workbook_without_batches(
    shell: Shell, tmp_path: Path, prolific: Sandbox, batch_id: str
):
    """`--batch ID` says what the sheet Batches would."""
    path = write_book(tmp_path / "plain.xlsx", {"Instructions": LIKERT})

    assert (
        f"importer push plain.xlsx --batch {batch_id} --plan"
        in shell("plan", path.name, "--batch", batch_id).out
    )
    assert 1 == shell("push", path.name, "--yes").code
    assert 0 == shell("push", path.name, "--batch", batch_id, "--yes").code
    assert ids_held(prolific, batch_id) == list(ids_in(path).values())


def test_batch_must_be_the_batch_of_the_sheet(shell: Shell, study: Path, prolific: Sandbox, batch_id: str):
    """Two answers to one question are a usage error, not a guess."""
    other = prolific.add_batch("Another")

    ended = shell("push", study.name, "--batch", other, "--yes")

    assert (2, 0, 0) == (ended.code, puts(prolific, batch_id), puts(prolific, other))


def test_a_missing_token_is_exit_code_4(shell: Shell, study: Path):
    """Said before anything else is tried."""
    ended = shell("push", study.name, "--yes", PROLIFIC_TOKEN="")

    assert 4 == ended.code
    assert "PROLIFIC_TOKEN" in ended.err


def test_a_refused_token_is_exit_code_4(shell: Shell, study: Path):
    """401 is not a problem of the workbook."""
    assert 4 == shell("push", study.name, "--yes", PROLIFIC_TOKEN="wrong").code  # noqa: S106


def test_an_unreachable_prolific_is_exit_code_6(shell: Shell, study: Path):
    """Nothing was sent, and the sentence says so."""
    before = study.read_bytes()

    ended = shell("push", study.name, "--yes", PROLIFIC_URL="http://127.0.0.1:9")

    assert (6, before) == (ended.code, study.read_bytes())


def test_status_lists_what_was_pushed(shell: Shell, study: Path, batch_id: str):
    """The journal, one line per import."""
    shell("push", study.name, "--yes")

    ended = shell("status")

    assert 0 == ended.code
    assert batch_id in ended.out


def test_resume_with_nothing_open_says_so(shell: Shell):
    """Always safe to type."""
    assert 0 == shell("resume").code


def test_template_does_not_overwrite(shell: Shell):
    """A filled-in workbook must not be lost by typing the same command again."""
    assert 0 == shell("template").code
    before = (shell.folder / "study.xlsx").read_bytes()

    assert 2 == shell("template").code
    assert before == (shell.folder / "study.xlsx").read_bytes()
    assert 0 == shell("template", "--force", "--example").code


def test_the_example_passes_the_check(shell: Shell, batch_id: str):
    """`template --example` gives something to push at once, once it has a batch."""
    shell("template", "--example", "--out", "first.xlsx")
    ended = json.loads(shell("check", "first.xlsx", "--json").out)

    assert {"batch-id-missing"} >= {
        p["code"] for p in ended["report"]["problems"] if p["severity"] == "error"
    }


def test_a_bug_says_where_its_report_is(shell: Shell, study: Path):
    """Exit code 70, one sentence, and a private file without the token."""
    (shell.folder / "sitecustomize.py").write_text(
        "import os, sqlite3\n"
        "def broken(*_, **__): raise RuntimeError('boom ' + os.environ['PROLIFIC_TOKEN'])\n"
        "sqlite3.connect = broken\n"
    )
    path = f"{shell.folder}{os.pathsep}{shell.env['PYTHONPATH']}"

    ended = shell("push", study.name, "--yes", PYTHONPATH=path, TMPDIR=str(shell.folder))

    report = next(shell.folder.glob("importer-bug-*.txt"))
    assert 70 == ended.code
    assert report.name in ended.err
    assert "boom" in report.read_text()
    assert SECRET not in report.read_text()
    assert 0o600 == stat.S_IMODE(report.stat().st_mode)


# ---------------------------------------------------------------- what is typed
@pytest.mark.parametrize(
    "words",
    [
        ("push", "study.xlsx", "--batch", "xyz"),
        ("push", "study.xlsx", "--plan", ""),
        ("push", "study.xlsx"),
        ("push", "study.xlsx", "--yess"),
        ("push",),
    ],
)
def test_wrong_usage_is_one_document_too(
    shell: Shell, study: Path, prolific: Sandbox, batch_id: str, words: tuple[str, ...]
):
    """With `--json` every refusal is a document of one shape, whoever refuses; nothing is sent."""
    ended = shell(*words, "--json")
    document = json.loads(ended.out)

    assert (2, "push", 2) == (ended.code, document["command"], document["exit_code"])
    assert ("UsageError", 2) == (document["refusal"]["kind"], document["refusal"]["exit_code"])
    assert document["refusal"]["message"] in ended.err
    assert 0 == puts(prolific, batch_id)


def test_a_refusal_as_json_has_the_shape_of_all(shell: Shell, study: Path):
    """Kind, sentence and exit code, as for a workbook."""
    refusal = json.loads(shell("push", study.name, "--yes", "--json", PROLIFIC_TOKEN="").out)["refusal"]

    assert ("TokenRefused", 4) == (refusal["kind"], refusal["exit_code"])


def test_a_workbook_named_twice_is_taken_once(shell: Shell, study: Path):
    """Also by another path, or through a link."""
    (shell.folder / "link.xlsx").symlink_to(study)

    ended = shell("check", study.name, f"./{study.name}", str(study), "link.xlsx", "--json")

    assert [study.name] == [one["workbook"] for one in json.loads(ended.out)["report"]["workbooks"]]


def test_a_template_is_an_xlsx(shell: Shell):
    """Excel would not open it under another name."""
    assert 2 == shell("template", "--out", "study.txt").code
    assert [] == list(shell.folder.glob("study*"))


def test_resume_with_nothing_open_needs_no_token(shell: Shell):
    """Nothing is asked of Prolific."""
    assert (0, "Nothing is open.\n") == shell("resume", PROLIFIC_TOKEN="")[:2]


def test_help_imports_nothing_heavy():
    """`--help` must not wait for pandas."""
    heavy = ["pandas", "pandera", "numpy", "openpyxl", "requests", "msgspec", "rich", "starlette", "sqlite3"]
    code = f"import sys, importer.__main__; print([m for m in {heavy} if m in sys.modules])"

    assert (
        "[]"
        == subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
    )


def test_the_demo_shows_the_whole_round(shell: Shell):
    """One command, nothing to set up, nothing left behind."""
    ended = shell("demo", PROLIFIC_TOKEN="", PROLIFIC_URL="")

    assert 0 == ended.code
    assert "kept their ids" in ended.out
    assert [] == list(shell.folder.glob("*.xlsx"))


def test_the_sandbox_refuses_a_fault_that_there_is_not(shell: Shell):
    """With the names of all that there are."""
    ended = shell("sandbox", "--fault", "earthquake")

    assert (2, True) == (ended.code, "reset-after" in ended.err)


def test_the_sandbox_refuses_a_switch_that_there_is_not(shell: Shell):
    """With the names of all that there are; a setting that there is not, with all settings."""
    unknown = shell("sandbox", "--switch", "earthquake=1")
    wrong = shell("sandbox", "--switch", "put_instructions=500")

    assert (2, True) == (unknown.code, "put_instructions" in unknown.err)
    assert (2, True) == (wrong.code, "200, 404, 410" in wrong.err)
