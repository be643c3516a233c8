"""The catalogue: every sentence that a researcher reads about a mistake. Only this test reads wording."""

from __future__ import annotations

import json
import re
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import pytest

from importer.contract import SETUP_SHEETS, SHEETS, Kind
from importer.problems import (
    CATALOGUE,
    ID_REMEDIES,
    QUOTED_CHARACTERS,
    Problem,
    Report,
    Severity,
    did_you_mean,
    problem,
    quote,
)
from importer.transformer import to_batches
from importer.wire.instructions import request_body
from samples import make_broken
from tests.checks import brief, check, read

SAMPLES = Path(make_broken.__file__).parent
BROKEN = SAMPLES / "broken"
#: The workbooks of samples/broken, one of which is not there.
NAMES = sorted(path.name.replace(".problems.json", ".xlsx") for path in BROKEN.glob("*.problems.json"))
JARGON = re.compile(
    r"\b(None|NaN|null|dtype|str|int|float|bool|boolean|string|regex|index|frame|dataframe|exception|error code|"
    r"traceback|schema|parse|invalid|question|choice|tab)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def run() -> tuple[Problem, ...]:
    """What is found in samples/broken, checked as one run."""
    return check(*(BROKEN / name for name in NAMES), known_ids=make_broken.KNOWN_IDS)


# ------------------------------------------------------------------ wording
@pytest.mark.parametrize("code", CATALOGUE)
def test_wording_is_whole_sentences(code: str):
    """Each says what is there, and each error and warning one thing to do."""
    wording = CATALOGUE[code]

    assert re.fullmatch(r"([A-Z{]|free_text|multiple_choice).*(\.|\{hint\})", wording.text)
    assert re.fullmatch(r"[A-Z{].*\.|\{todo\}", wording.remedy) or wording.severity is Severity.NOTE


@pytest.mark.parametrize("code", CATALOGUE)
def test_wording_has_no_jargon(code: str):
    """Nor words that mean something else here."""
    wording = CATALOGUE[code]
    said = re.sub(r"\{[^}]*\}|multiple_choice\w*", "", f"{wording.text} {wording.remedy}")

    assert [] == JARGON.findall(said)


@pytest.mark.parametrize("code", CATALOGUE)
def test_code_is_a_name(code: str):
    """Codes are stable names for scripts."""
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)


def test_remedies_of_ids_are_sentences():
    """One for each column of ids."""
    ids = {
        c.name
        for sheet in (*SHEETS, *SETUP_SHEETS)
        for c in sheet.columns
        if c.kind in (Kind.UUID, Kind.SHORT_ID)
    }

    assert ids == set(ID_REMEDIES)
    assert all(re.fullmatch(r"[A-Z].*\.", remedy) for remedy in ID_REMEDIES.values())


def test_what_is_said_is_whole_sentences(run: tuple[Problem, ...]):
    """With its values filled in, every problem ends in a full stop or the question of a hint."""
    assert [] == [p for p in run if not re.fullmatch(r"\S.*[.?]", p.text, re.DOTALL)]
    assert [] == [p for p in run if p.remedy and not re.fullmatch(r"\S.*\.", p.remedy, re.DOTALL)]


def test_a_problem_says_its_values():
    """Sheet, ref and column come from the problem itself."""
    found = problem(
        "cell-not-for-type", "a.xlsx", sheet="S", cells=["B2"], ref="Q1", column="x", type="free_text"
    )

    assert "free_text takes no x." == found.text
    assert "S!B2" == found.place


def test_a_problem_without_its_values_is_our_bug():
    """No sentence with a hole reaches anybody."""
    with pytest.raises(KeyError):
        problem("error-cell", "a.xlsx")


def test_report_counts_and_names_the_broken():
    """A warning does not keep a workbook from being pushed."""
    error = problem("no-instructions", "bad.xlsx", sheet="Instructions")
    warning = problem("sheet-hidden", "good.xlsx", sheet="Instructions")
    report = Report(("good.xlsx", "bad.xlsx"), (warning, error))

    assert ("bad.xlsx",) == report.broken
    assert (warning,) == report.of("good.xlsx")
    assert (1, 0) == (report.count(Severity.ERROR), report.count(Severity.ERROR, "good.xlsx"))


# ------------------------------------------------------------------ quoting
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Good", '"Good"'),
        ("Good ", '"Good␠"'),
        (" a b ", '"␠a b␠"'),
        ("Good\u00a0", '"Good⍽"'),
        ("two\nlines", '"two↵lines"'),
        ("a\tb\r", '"a⇥b␍"'),
        ("a\u200bb", '"a⟨U+200B⟩b"'),
        ("a\x01b", '"a⟨U+0001⟩b"'),
        ("  ", '"␠␠"'),
        ("", '""'),
    ],
)
def test_quote_shows_what_nobody_sees(text: str, shown: str):
    """Spaces at the ends, non-breaking spaces, line breaks, zero-width and control characters."""
    assert shown == quote(text)


def test_quote_is_cut_at_60_characters():
    """A whole paragraph is not repeated."""
    assert '"' + "x" * QUOTED_CHARACTERS + '"' == quote("x" * QUOTED_CHARACTERS)
    assert '"' + "x" * (QUOTED_CHARACTERS - 1) + '…"' == quote("x" * (QUOTED_CHARACTERS + 1))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mutiple_choice", " Did you mean multiple_choice?"),
        ("Free Text", " Did you mean free_text?"),
        ("dropdown", ""),
        ("", ""),
    ],
)
def test_did_you_mean_only_if_close(text: str, hint: str):
    """It never guesses wildly."""
    assert hint == did_you_mean(text, ["multiple_choice", "free_text"])


# ------------------------------------------------------------------ samples
def content_of(path: Path) -> object:
    """Return the bytes; of a workbook its parts, because another zlib may pack them differently."""
    if not is_zipfile(path):
        return path.read_bytes()
    with ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


@pytest.mark.parametrize("folder", ["broken", "messy"])
def test_made_again_the_samples_are_the_same(folder: str, tmp_path: Path):
    """The committed files are what samples/make_broken.py writes."""
    make_broken.main(tmp_path)

    made, committed = (
        {path.name: content_of(path) for path in (root / folder).iterdir() if path.name != "plan.txt"}
        for root in (tmp_path, SAMPLES)
    )
    assert committed == made


@pytest.mark.parametrize("name", NAMES)
def test_broken_workbook(run: tuple[Problem, ...], name: str):
    """What is found in it is what stands beside it, in order."""
    expected = json.loads((BROKEN / name).with_suffix(".problems.json").read_text("utf-8"))

    assert expected == [list(found) for found in brief(p for p in run if p.workbook == name)]


def test_every_code_is_in_the_broken_workbooks(run: tuple[Problem, ...]):
    """No code that nothing produces, and none without an example."""
    assert set(CATALOGUE) == {p.code for p in run}


def test_messy_workbook_is_taken():
    """What Excel does to people gives warnings, and the payload that they meant."""
    path = SAMPLES / "messy" / "study.xlsx"
    found = check(path)
    (batch,) = to_batches(read(path))

    expected = json.loads(path.with_suffix(".problems.json").read_text("utf-8"))
    assert expected == [list(problem) for problem in brief(found)]
    assert not any(p.is_error for p in found)
    assert json.loads(path.with_suffix(".payload.json").read_text("utf-8")) == request_body(
        batch.instructions
    )
