"""
What an answer of Prolific means: which refusal, in whose words, and when to come back.

Owns the mapping of status codes to refusals and how error bodies are understood. Whether an
answer came at all is `importer.prolific`'s business. An error body that cannot be understood is
quoted as the text it is.

Source: the error bodies of the API's specification, of the official command line and of its
tests; all are accepted, because no page says which call gives which.
"""

from __future__ import annotations

import email.utils
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import takewhile
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from importer.errors import LayoutIssue, ProlificError, RateLimited, Rejected, TokenRefused
from importer.secret import Token
from importer.texts import INVISIBLE

MAX_WORDS: Final = 500
MAX_RETRY_AFTER_S: Final = 3600.0

#: Their names say nothing that their words do not say.
_WRAPPERS: Final = (
    "error", "errors", "issues", "title", "message", "detail", "additional_information", "non_field_errors",
)  # fmt: skip
#: For programs, not for people.
_CODES: Final = ("status", "status_code", "error_code", "code", "type", "instance", "request_id")
#: Where an item of batch_items stands; zero-based in the answer.
_POSITIONS: Final = ("page", "row", "column", "item")

_HIDDEN_HTML: Final = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-zA-Z!][^<>]*>")
_UNPRINTABLE: Final = re.compile(f"[\\s\\x00-\\x1f\\x7f-\\x9f\ud800-\udfff{INVISIBLE}]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One answer, read to its end.

    Attributes:
        url: Where the request went.
        status: The HTTP status code.
        headers: By name, in any case.
        content: The body, decompressed.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether Prolific accepted the request."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def text(self) -> str:
        """The body as text, without a byte order mark."""
        return self.content.decode("utf-8-sig", "replace")


def refusal(answer: Answer, what: str, token: Token, now: float) -> ProlificError | TokenRefused | None:
    """
    Return the refusal that an answer is; None for a success and for a server's failure.

    Args:
        answer: The answer.
        what: What the request was about, such as `the batch 019a…`.
        token: Blotted out of the server's words.
        now: Seconds since 1970, for a `Retry-After` that is a date.
    """
    status, words = answer.status, words_of(answer, token)
    if not HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    if status == HTTPStatus.UNAUTHORIZED:
        todo = "Set PROLIFIC_TOKEN to an API token of your Prolific account."
        return TokenRefused(f"Prolific does not accept the token ({status}){words} {todo}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        text = f"Prolific asks to slow down ({status}){words} If it goes on, try again later."
        return RateLimited(text, retry_after_s(answer, now))
    if status == HTTPStatus.FORBIDDEN:
        text = f"Prolific does not allow this for {what}, or your token has no access ({status}){words}"
    elif status == HTTPStatus.NOT_FOUND:
        text = f"Prolific does not know {what}, or your token has no access ({status}){words}"
    elif status < HTTPStatus.BAD_REQUEST:
        text = (
            f"Prolific points to another address ({status}: {_target(answer, token)}). It was not"
            " followed, because the token would go along. Check PROLIFIC_URL."
        )
    else:
        text = f"Prolific refused the request for {what} ({status}){words}"
    return Rejected(text, status, layout_issues(answer.text, token))


def layout_issues(body: str, token: Token) -> tuple[LayoutIssue, ...]:
    """
    Return what a refusal of a layout (INVALID_BATCH_ITEMS) says of single items; empty for any other.

    Args:
        body: The answer's text.
        token: Blotted out, should the answer repeat it.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    issues = said.get("issues") if isinstance(said, dict) else None
    return (
        tuple(_issue(one, token) for one in issues if isinstance(one, dict))
        if isinstance(issues, list)
        else ()
    )


def _issue(issue: dict[str, Any], token: Token) -> LayoutIssue:
    found = takewhile(lambda at: at is not None, (issue.get(name) for name in _POSITIONS))
    place = (at for at in found if isinstance(at, int))
    words = "; ".join(filter(None, (clean(words, token) for words in _sentences(issue.get("message")))))
    return LayoutIssue(tuple(place), words[:MAX_WORDS])


def words_of(answer: Answer, token: Token) -> str:
    """Return the server's own words as the end of a sentence: `: "…".`, or `.` if it has none."""
    words = quoted_words(answer.text, token)
    if not words:
        return "."
    return f': "{words}"' + ("" if words.endswith((".", "!", "?")) else ".")


def retry_after_s(answer: Answer, now: float) -> float | None:
    """
    Return what `Retry-After` asks for, in seconds from 0 to an hour; None if it asks for nothing.

    Args:
        answer: Its header holds seconds or a date.
        now: Seconds since 1970.
    """
    value = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"-?\d{1,18}(\.\d+)?", value):
        seconds = float(value)
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def deprecation(answer: Answer, token: Token) -> str:
    """Return one sentence if Prolific announces the end of the call, "" if it does not."""
    sunset = clean(answer.headers.get("Sunset", ""), token)
    if sunset:
        return f"Prolific has deprecated it; it ends, or has ended, on {sunset}."
    if answer.headers.get("Deprecation", "false").strip().casefold() != "false":
        return "Prolific has deprecated it."
    return ""


def _target(answer: Answer, token: Token) -> str:
    try:
        parts = urlsplit(urljoin(answer.url, answer.headers.get("Location", "")))
        host = parts.netloc.rpartition("@")[2]  # without a name and password
        return clean(f"{parts.scheme}://{host}{parts.path}", token)[:MAX_WORDS]
    except ValueError:
        return "an address that cannot be read"


def quoted_words(body: str, token: Token) -> str:
    """
    Return what an error answer says, at most 500 characters.

    Args:
        body: The answer's text: one of the documented JSON bodies, any other JSON, HTML, or text.
        token: Blotted out, should the answer repeat it.

    >>> quoted_words('{"error": {"title": "Bad", "detail": {"name": ["Too long."]}}}', Token("t0ken"))
    'Bad; name: Too long.'
    """
    try:
        sentences = list(_sentences(json.loads(body)))
    except (ValueError, RecursionError):
        sentences = [html.unescape(_TAG.sub(" ", _HIDDEN_HTML.sub(" ", body)))]
    cleaned = [clean(sentence, token) for sentence in sentences]
    words = "; ".join(dict.fromkeys(filter(None, cleaned)))
    return words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1] + "…"


def clean(text: str, token: Token) -> str:
    """Return *text* on one line, without the token and without characters nobody sees."""
    return _UNPRINTABLE.sub(" ", token.hide_in(text)).strip()


def _sentences(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _sentences(inner)
    elif isinstance(value, dict):
        place = _place(value)
        for name, inner in value.items():
            if name in _CODES or (place and name in (*_POSITIONS, "field")):
                continue
            prefix = place if name in _WRAPPERS else f"{place}{name}: "
            yield from (prefix + sentence for sentence in _sentences(inner))


def _place(issue: dict[str, Any]) -> str:
    found = [(name, issue[name]) for name in _POSITIONS if isinstance(issue.get(name), int)]
    if not found:
        return ""
    words = ", ".join(f"{name} {index + 1}" for name, index in found)
    field = issue.get("field")
    return f"{words} ({field}): " if isinstance(field, str) and field else f"{words}: "
