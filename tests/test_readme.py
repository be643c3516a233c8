"""The README is true: its tables are the contract's, its pictures what is shown, its commands run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.cli import EXIT_CODES
from importer.sandbox import Sandbox
from samples import make
from tests.books import LIKERT, write_book
from tests.test_cli import SECRET, Shell
from tests.test_push import edit

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
INSTALLS = [block.strip() for block in BLOCKS if "pip install" in block]
TYPED = [
    line.split("#")[0].strip()
    for block in BLOCKS
    for line in block.splitlines()
    if line.startswith("importer ")
]
OURS = re.compile(r"`(importer [^`]+)`")


#: What the README's commands name.
EXAMPLE_ID, EXAMPLE_WORKSPACE = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11", "6655b8281cc82a88996f0bcd"


@pytest.fixture(scope="module")
def prolific() -> Iterator[Sandbox]:
    with Sandbox(token=SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def shell(tmp_path: Path, prolific: Sandbox) -> Shell:
    """A folder with the workbooks that the README names, each for a batch of its own."""
    for name in ("study.xlsx", "wave1.xlsx", "wave2.xlsx"):
        batches = [["batch_id"], [prolific.add_batch(name)]]
        write_book(tmp_path / name, {"Instructions": LIKERT, "Batches": batches})
    (tmp_path / "studies").mkdir()
    for name in ("one.xlsx", "two.xlsx"):
        batches = [["batch_id"], [prolific.add_batch(name)]]
        write_book(tmp_path / "studies" / name, {"Instructions": LIKERT, "Batches": batches})
    prolific.add_batch("Pulled", batch_id=EXAMPLE_ID, workspace_id=EXAMPLE_WORKSPACE)
    return Shell(tmp_path, prolific.url)


def test_the_column_tables_are_the_contract():
    """`python -m samples.make` writes them."""
    assert make.with_tables(TEXT) == TEXT


def test_the_page_about_the_wire_forms_is_what_is_sent():
    """`python -m samples.make` writes it."""
    page = make.make_wire_forms.PAGE.read_text("utf-8")

    assert make.wire_forms(page) == page
    for sent in ('"instructions": [', '"batch_items": [', "<p>Read both responses first.</p>", "| Q3 |"):
        assert sent in page


def test_the_picture_of_the_plan_is_what_is_shown():
    """`python -m samples.make` draws it."""
    assert make.plan_picture() == make.PLAN_PICTURE.read_text("utf-8")


def test_the_mistake_looks_like_that(shell: Shell):
    """The text in the README is what `importer check` prints."""
    (shown,) = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    edit(shell.folder / "study.xlsx", "B2", "mutiple_choice")

    assert shown == shell("check", "study.xlsx").out


def test_every_picture_is_there():
    """A README with a broken picture is no README."""
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT)

    assert [] == [picture for picture in pictures if not (ROOT / picture).is_file()]


def test_the_two_commands_are_those_that_ci_runs():
    """Word for word, in a clean environment each."""
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert 2 == len(INSTALLS)
    assert [] == [command for command in INSTALLS if command not in makefile]


@pytest.mark.parametrize("command", [line for line in TYPED if "sandbox" not in line])
def test_every_command_runs(command: str, shell: Shell):
    """In a folder as the README describes it, each ends as it should."""
    words = shlex.split(command)[1:]
    if words[0] == "push" and "--yes" not in words:
        words.append("--yes")
    if words[0] == "template":
        (shell.folder / "study.xlsx").unlink()

    assert 0 == shell(*words).code


def test_the_sandbox_command_runs(shell: Shell):
    """It is a server, so only its options are tried."""
    (command,) = (line for line in TYPED if "sandbox" in line)

    assert 0 == shell(*shlex.split(command)[1:], "--help").code


def test_the_exit_codes_are_those_of_help():
    """One table in the README, one in --help, the same codes."""
    in_readme = re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)
    in_help = re.findall(r"^ {2}(\d+) ", EXIT_CODES, re.MULTILINE)

    assert in_help == in_readme


@pytest.mark.parametrize("command", sorted({found.split()[1] for found in OURS.findall(TEXT)}))
def test_every_command_in_the_text_exists(command: str, shell: Shell):
    """What the sentences name can be typed."""
    assert 0 == shell(command, "--help").code


def test_every_variable_in_the_readme_is_read():
    """The configuration table names what settings.py reads, and nothing else."""
    source = (ROOT / "importer" / "settings.py").read_text("utf-8")

    assert set(re.findall(r'"((?:IMPORTER|PROLIFIC)_[A-Z_]+)"', source)) == set(
        re.findall(r"\b((?:IMPORTER|PROLIFIC)_[A-Z_]+)", TEXT)
    )
