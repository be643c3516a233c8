"""What is taken from one cell: Excel's own changes undone or reported, nothing guessed."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.contract import Kind
from importer.sheets.celltext import Taken, take
from importer.texts import CONTROL, INVISIBLE, is_plain
from importer.workbook.cells import Cell, CellKind
from importer.workbook.values import number_content, text_content


def cell(
    kind: CellKind, text: str, *, formula: bool = False, result: bool = True, formatted: bool = False
) -> Cell:
    return Cell(2, 1, kind, text, formula, result, formatted, 0, 0, None)


@pytest.mark.parametrize(
    "text", ["NA", "None", "null", "N/A", "#N/A", "nan", "TRUE", "007", "1.0", "=1+1", "'x"]
)
@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.WORD])
def test_text_is_taken_literally(text: str, kind: Kind):
    """What pandas would turn into a blank, a number or a truth is text."""
    assert Taken(text) == take(cell(CellKind.TEXT, text), kind)


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("1", "1"),
        ("1.0", "1"),
        ("-1", "-1"),
        ("1E2", "100"),
        ("0.5", "0.5"),
        ("-0.0", "0"),
        ("0.30000000000000004", "0.3"),
    ],
)
def test_number_is_one_text_however_it_is_stored(literal: str, text: str):
    """1, 1.0 and the text "1" are one value; what binary fractions add is not taken."""
    assert Taken(text) == take(cell(CellKind.NUMBER, literal), Kind.WORD)


def test_number_beyond_15_digits_is_a_problem():
    """Excel has changed its last digits already."""
    assert Taken("1234567890123450", "number-too-long") == take(
        cell(CellKind.NUMBER, "1.23456789012345E+15"), Kind.WORD
    )


def test_number_of_15_digits_is_whole():
    """Fifteen digits are what Excel keeps."""
    assert Taken("123456789012345") == take(cell(CellKind.NUMBER, "123456789012345"), Kind.WORD)


def test_formatted_number_is_a_warning():
    """What shows as 50% is sent as 0.5."""
    assert Taken("0.5", "number-formatted") == take(cell(CellKind.NUMBER, "0.5", formatted=True), Kind.TEXT)


def test_logical_value_is_a_warning():
    """TRUE may have been typed as true."""
    assert Taken("TRUE", "boolean-cell") == take(cell(CellKind.BOOLEAN, "TRUE"), Kind.WORD)


def test_logical_value_is_a_flag():
    """Where yes or no is asked for, TRUE is an answer."""
    assert Taken("TRUE") == take(cell(CellKind.BOOLEAN, "TRUE"), Kind.FLAG)


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [(CellKind.DATE, "2026-03-01", "date-cell"), (CellKind.ERROR, "#REF!", "error-cell")],
)
def test_dates_and_errors_are_problems(kind: CellKind, text: str, code: str):
    """Neither is what anybody typed."""
    assert Taken(text, code) == take(cell(kind, text), Kind.WORD)


def test_formula_without_result_is_a_problem():
    """Nobody knows what it shows."""
    found = take(cell(CellKind.BLANK, "", formula=True, result=False), Kind.TEXT)

    assert Taken("", "formula-without-result") == found


@pytest.mark.parametrize("kind", [CellKind.DATE, CellKind.ERROR, CellKind.BOOLEAN, CellKind.NUMBER])
def test_notes_may_hold_anything(kind: CellKind):
    """What is never sent is nobody's business."""
    assert Taken("1E+20") == take(cell(kind, "1E+20", formatted=True), Kind.FREE)


@pytest.mark.parametrize("text", [" Good", "Good ", "Good\u00a0", "Good\n", "\tGood", "\u3000Good"])
def test_spaces_at_the_ends_of_a_text_are_kept_and_said(text: str):
    """Participants get it exactly like this."""
    assert Taken(text, "spaces-at-end") == take(cell(CellKind.TEXT, text), Kind.TEXT)


@pytest.mark.parametrize("text", [" good", "good ", "good\u00a0", "\u200bgood", "\ufeffgood", "good\n"])
def test_spaces_at_the_ends_of_a_word_are_trimmed_and_said(text: str):
    """Non-breaking and zero-width spaces included."""
    assert Taken("good", "value-trimmed") == take(cell(CellKind.TEXT, text), Kind.WORD)


def test_tab_at_the_edge_of_a_word_stays():
    """It is how people keep =1+1 from becoming a formula, and tells two values apart."""
    assert Taken("\t=1+1", "invisible-character") == take(cell(CellKind.TEXT, "\t=1+1"), Kind.WORD)


@pytest.mark.parametrize("character", ["\u200b", "\u00ad", "\u202e", "\ufeff"])
def test_invisible_character_inside_is_a_warning(character: str):
    """It is kept: nothing inside a text is ever changed."""
    text = f"Go{character}od"

    assert Taken(text, "invisible-character") == take(cell(CellKind.TEXT, text), Kind.TEXT)


@pytest.mark.parametrize(
    "text", ["Qu\u2019est-ce\u00a0?", "two\nlines", "two\r\nlines", "👨\u200d👩\u200d👧", "a  b"]
)
def test_typography_is_no_invisible_character(text: str):
    """Non-breaking spaces, line breaks and joined emoji are what people mean."""
    assert Taken(text) == take(cell(CellKind.TEXT, text), Kind.TEXT)


def test_non_breaking_space_inside_a_word_is_a_warning():
    """It makes two refs differ that look alike."""
    assert Taken("a\u00a0b", "invisible-character") == take(cell(CellKind.TEXT, "a\u00a0b"), Kind.WORD)


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_control_character_is_a_problem(character: str):
    """XML and JSON forbid it, or the other side does."""
    text = f"Go{character}od"

    assert Taken(text, "control-character") == take(cell(CellKind.TEXT, text), Kind.TEXT)


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "\u200b", "\n\t "])
@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.WORD, Kind.UUID])
def test_text_that_nobody_sees_is_blank(text: str, kind: Kind):
    """A space in an empty cell is an empty cell."""
    assert Taken("") == take(cell(CellKind.TEXT, text), kind)


@pytest.mark.parametrize("kind", Kind)
@given(st.text("aZ 0.\n\t\x00ÄÅ東😀\u00a0\u200b\u034f\u00ad", max_size=4) | st.integers(-3, 10**16).map(str))
@example("007")
@example("-0")
@example("1234567890123450")
def test_plain_content_is_taken_without_a_look(kind: Kind, text: str):
    """What the reader calls plain is what any column takes of it, and nothing is said of it."""
    contents = [text_content(text)]
    if text.removeprefix("-").isdigit():
        contents.append(number_content(text))

    for content in contents:
        assert content.plain is None or Taken(content.plain) == take(cell(content.kind, text), kind)


def test_no_strange_character_is_plain():
    """The quick answer for printable texts is right for every character, within a text and at its ends."""
    strange = re.compile(rf"[{CONTROL}{INVISIBLE}\u00a0\t\r\n]")
    for character in map(chr, range(sys.maxunicode + 1)):
        is_taken = strange.match(character) is None
        assert is_plain(f"a{character}b") == is_taken
        is_taken &= not character.isspace()
        assert is_plain(f"a{character}") == is_plain(f"{character}a") == is_taken
