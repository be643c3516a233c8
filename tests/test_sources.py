"""Which workbooks files, folders and patterns stand for, and what is left out."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from importer.errors import UsageError
from importer.render.skipped import skipped_text
from importer.sources import Reason, Skipped, find_workbooks
from importer.workbook.backups import keep_backup
from importer.workbook.marked import marked_path
from importer.workbook.temporary import temporary_file


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(*named: str) -> list[str]:
    return [path.as_posix() for path in find_workbooks([Path(name) for name in named]).workbooks]


def left_out(*named: str) -> list[tuple[str, Reason]]:
    skipped = find_workbooks([Path(name) for name in named]).skipped
    return sorted((one.path.as_posix(), one.reason) for one in skipped)


# ---------------------------------------------------------------- folders
def test_folder_is_searched_with_all_below_in_the_order_people_count():
    """Numbers count as numbers, capitals for nothing, files come before folders; other files are not meant."""
    make("lab/study-10.xlsx", "lab/Study-2.XLSX", "lab/wave-2/a.xlsm", "lab/wave-10/a.xlsx", "lab/notes.docx")

    expected = ["lab/Study-2.XLSX", "lab/study-10.xlsx", "lab/wave-2/a.xlsm", "lab/wave-10/a.xlsx"]
    assert expected == found("lab")


def test_what_is_no_workbook_of_the_researcher_is_left_out_and_said():
    """Lock files, hidden files and folders, with their reasons; Word's lock files are nobody's business."""
    make("lab/a.xlsx", "lab/~$a.xlsx", "lab/.~lock.a.xlsx#", "lab/.b.xlsm", "lab/.old/c.xlsx", "lab/~$d.docx")

    assert ["lab/a.xlsx"] == found("lab")
    assert [
        ("lab/.b.xlsm", Reason.HIDDEN_FILE),
        ("lab/.old", Reason.HIDDEN_FOLDER),
        ("lab/.~lock.a.xlsx#", Reason.LOCK),
        ("lab/~$a.xlsx", Reason.LOCK),
    ] == left_out("lab")


def test_what_the_importer_itself_writes_is_left_out(folder: Path):
    """Backups, also the second of one second, marked copies and unfinished files, under the names their writers give."""
    make("a.xlsx")
    now = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
    with Path("a.xlsx").open("rb") as source, temporary_file(folder) as unfinished:
        # Copied beside the workbook by a researcher who looked for an older version.
        backups = [keep_backup(source, "a.xlsx", folder / "kept", now) for _ in range(2)]
        backups = [Path(one).rename(folder / one.name) for one in backups]
        marked = marked_path(folder / "a.xlsx")
        marked.touch()

        assert ["a.xlsx"] == found(".")
        assert sorted(
            [(one.name, Reason.BACKUP) for one in backups]
            + [(marked.name, Reason.MARKED_COPY), (unfinished.name, Reason.UNFINISHED)]
        ) == left_out(".")


def test_file_that_is_named_is_taken_whatever_it_is():
    """Its own refusal says more than that it was skipped; a missing file is the reader's business too."""
    make("~$a.xlsx", "a.checked.xlsx", "a.csv")

    assert ["~$a.xlsx", "a.checked.xlsx", "a.csv", "gone.xlsx"] == found(
        "~$a.xlsx", "a.checked.xlsx", "a.csv", "gone.xlsx"
    )


def test_same_file_counts_once():
    """However it is reached: by name, in its folder, through a link to it or to its folder."""
    make("lab/a.xlsx", "lab/b.xlsx")
    Path("lab/c.xlsx").symlink_to("a.xlsx")
    Path("also").symlink_to("lab")

    assert ["lab/b.xlsx", "lab/a.xlsx"] == found("lab/b.xlsx", "lab", "also", "lab/../lab/a.xlsx")


def test_links_are_followed_but_not_in_circles():
    """A circle is said; a link to a file that is gone, and a link to itself, too."""
    make("lab/wave/a.xlsx", "elsewhere/b.xlsx")
    Path("lab/wave/up").symlink_to("../../lab")
    Path("lab/more").symlink_to("../elsewhere")
    Path("lab/gone.xlsx").symlink_to("nowhere")
    Path("lab/self.xlsx").symlink_to("self.xlsx")

    assert ["lab/wave/a.xlsx", "lab/more/b.xlsx"] == found("lab")
    assert [
        ("lab/gone.xlsx", Reason.NO_FILE),
        ("lab/self.xlsx", Reason.CIRCLE),
        ("lab/wave/up", Reason.CIRCLE),
    ] == left_out("lab")


def test_folder_in_a_folder_that_was_searched_is_no_mistake():
    """Its workbooks count once, and it is not called empty."""
    make("lab/wave/a.xlsx")

    assert ["lab/wave/a.xlsx"] == found("lab", "lab/wave")


def test_folder_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch):
    """The others are searched all the same; named itself, it is refused."""
    make("lab/a.xlsx", "lab/closed/b.xlsx")
    scan = os.scandir

    def closed(folder: str) -> object:
        # As for anybody but root, whom no permission keeps out.
        if Path(folder).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", closed)
    assert ["lab/a.xlsx"] == found("lab")
    assert [("lab/closed", Reason.UNREADABLE)] == left_out("lab")
    with pytest.raises(UsageError, match=r"lab/closed cannot be read \(Permission denied\)"):
        found("lab/closed")


def test_empty_folder_is_refused():
    """With what was left out, lest nobody understands why."""
    make("lab/a.checked.xlsx", "lab/notes.txt")

    with pytest.raises(
        UsageError, match=r"is in the folder lab \(1 left out, such as a\.checked\.xlsx, a marked copy\)"
    ):
        found("lab")


# ---------------------------------------------------------------- patterns
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("lab/*.xlsx", ["lab/a-2.xlsx", "lab/a-10.xlsx"]),
        ("lab/a-?.xlsx", ["lab/a-2.xlsx"]),
        ("lab/a-[13]*.xlsx", ["lab/a-10.xlsx"]),
        ("lab/w*", ["lab/w1/b.xlsx", "lab/w1/deep/c.xlsx"]),
        ("lab/*/*.xlsx", ["lab/w1/b.xlsx"]),
        ("l*/**/c.xlsx", ["lab/w1/deep/c.xlsx"]),
        ("lab/**/deep", ["lab/w1/deep/c.xlsx"]),
        ("lab/**/w1/**/*.xlsx", ["lab/w1/b.xlsx", "lab/w1/deep/c.xlsx"]),
        ("**/*.xlsx", ["lab/a-2.xlsx", "lab/a-10.xlsx", "lab/w1/b.xlsx", "lab/w1/deep/c.xlsx"]),
    ],
)
def test_pattern_is_expanded_where_the_shell_did_not(pattern: str, expected: list[str]):
    """As a shell would, folders that match being searched; what a pattern matches by chance is left out."""
    make(
        "lab/a-2.xlsx",
        "lab/a-10.xlsx",
        "lab/w1/b.xlsx",
        "lab/w1/deep/c.xlsx",
        "lab/w1/deep/~$c.xlsx",
        "lab/w.txt",
    )

    assert expected == found(pattern)


def test_pattern_says_what_it_leaves_out():
    """Of what it matches, and of nothing else."""
    make("a.xlsx", "~$a.xlsx", "a.checked.xlsx", "lab/a.xlsx", "lab/~$b.xlsx")

    assert [("a.checked.xlsx", Reason.MARKED_COPY), ("~$a.xlsx", Reason.LOCK)] == left_out("*.xlsx")
    assert [("a.checked.xlsx", Reason.MARKED_COPY)] == left_out("**/a*.xlsx")


def test_file_with_brackets_in_its_name_is_a_file():
    """A pattern is only what names no file."""
    make("study[1].xlsx", "study1.xlsx")

    assert ["study[1].xlsx"] == found("study[1].xlsx")


@pytest.mark.parametrize("pattern", ["*.csv", "gone/**/*.xlsx", "**/*.xlsm"])
def test_pattern_without_a_workbook_is_refused(pattern: str):
    """Something was meant by it."""
    make("a.csv", "a.xlsx")

    with pytest.raises(UsageError, match=r"No workbook \(\.xlsx, \.xlsm\) matches"):
        found("a.xlsx", pattern)


# ---------------------------------------------------------------- in words
def test_few_are_named():
    """Whoever skipped two files wants to know which."""
    skipped = [
        Skipped(Path("~$a.xlsx"), Reason.LOCK),
        Skipped(Path("x"), Reason.UNREADABLE, "Permission denied"),
    ]

    expected = "Skipped: ~$a.xlsx (lock file), x (folder that cannot be read: Permission denied)."
    assert expected == skipped_text(skipped)
    assert skipped_text([]) == ""


def test_many_are_counted():
    """By kind; folders that cannot be read are named, for they may hold workbooks."""
    kinds = [Reason.MARKED_COPY] * 1200 + [Reason.UNREADABLE] * 4 + [Reason.LOCK]
    skipped = [Skipped(Path(f"x{n}"), reason) for n, reason in enumerate(kinds)]

    expected = (
        "1 lock file, 1,200 marked copies, 4 folders that cannot be read (x1200, x1201, x1202 and 1 more)"
    )
    assert f"Skipped: {expected}." == skipped_text(skipped)
