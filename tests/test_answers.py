"""Every shape of an error body becomes one short text."""

from __future__ import annotations

import json

import pytest

from importer.prolific.answers import MAX_WORDS, clean, quoted_words
from importer.secret import Token

TOKEN = Token("s3cret-of-some-length")

ERROR = {
    "status": 400,
    "error_code": 140100,
    "title": "Bad request",
    "detail": "The name is too long.",
    "additional_information": "/api/docs",
}
ISSUE = {
    "page": 0,
    "row": 1,
    "column": 0,
    "item": 2,
    "type": "dataset_field",
    "field": "x",
    "message": "No such field.",
}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": ERROR}, "Bad request; The name is too long.; /api/docs"),
        (ERROR, "Bad request; The name is too long.; /api/docs"),
        ({"error": {**ERROR, "detail": ["One.", "Two."]}}, "Bad request; One.; Two.; /api/docs"),
        ({"error": {"detail": {"name": ["Too long.", "Too odd."]}}}, "name: Too long.; name: Too odd."),
        ({"message": "No permission.", "detail": "Feature off."}, "No permission.; Feature off."),
        ({"message": "Same.", "detail": "Same."}, "Same."),
        ({"detail": "Not found."}, "Not found."),
        (
            {"type": "INVALID_BATCH_ITEMS", "message": "Invalid.", "issues": [ISSUE]},
            "Invalid.; page 1, row 2, column 1, item 3 (x): No such field.",
        ),
        (
            {"instructions": [{}, {"options": ["This list may not be empty."]}]},
            "instructions: options: This list may not be empty.",
        ),
        (["One.", {"detail": "Two."}], "One.; Two."),
        ("A JSON text.", "A JSON text."),
        ({"error": None, "detail": 5}, ""),
        ({}, ""),
    ],
)
def test_json_bodies(body: object, words: str) -> None:
    """The documented shapes, and any other JSON, give their sentences."""
    assert quoted_words(json.dumps(body), TOKEN) == words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "<html><head><title>502</title></head><body><h1>502 Bad Gateway</h1><style>b{}</style><p>nginx &amp; co",
            "502 Bad Gateway nginx & co",
        ),
        ("upstream  timed\r\nout", "upstream timed out"),
        ("{broken", "{broken"),
        ("a < b and c > d", "a < b and c > d"),
        ("", ""),
        ("[" * 100_000, "[" * (MAX_WORDS - 1) + "…"),
    ],
)
def test_other_bodies(body: str, words: str) -> None:
    """HTML loses its tags; what is no JSON is quoted as it is."""
    assert quoted_words(body, TOKEN) == words


def test_words_are_at_most_500_characters() -> None:
    """A long answer is cut, and the cut is shown."""
    words = quoted_words(json.dumps({"detail": "word " * 500}), TOKEN)
    assert (len(words), words[-1]) == (MAX_WORDS, "…")


def test_token_is_blotted_out() -> None:
    """A server that repeats the token does not bring it onto the screen."""
    assert quoted_words(
        '{"detail": "Bad Tokens3cret-of-some-length, s3\\u0063ret-of-some-length."}', TOKEN
    ) == ("Bad Token(token hidden), (token hidden).")


def test_token_split_by_invisible_characters_is_blotted_out() -> None:
    """Neither letter by letter, nor put together by the cleaning."""
    assert clean("s3cret-of-\u200bsome-length", TOKEN) == "(token hidden)"


def test_control_characters_are_removed() -> None:
    """An answer cannot steer the terminal that shows it."""
    assert clean("\x1b[31mred\x07\u202e \x9b end", TOKEN) == "[31mred end"


def test_short_token_is_blotted_out_as_a_word_only() -> None:
    """The sandbox takes tokens like `no`, and its explanations must stay readable."""
    assert clean("not valid: no", Token("no")) == "not valid: (token hidden)"
