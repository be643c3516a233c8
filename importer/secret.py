"""
The API token, and where it may go.

Owns the one type that holds the token and the rule for addresses that it may be sent to. Where
the token is found is `importer.settings`' business, who sends it `importer.prolific`'s.
"""

from __future__ import annotations

import base64
import html
import ipaddress
import json
import re
from collections.abc import Iterator
from typing import Final, NoReturn
from urllib.parse import quote, urlsplit

from importer.errors import UsageError

HIDDEN: Final = "(token hidden)"
#: A token of Prolific is far longer; one as short as this opens nothing but a sandbox.
REAL_CHARACTERS: Final = 16
#: So many characters of a real token, at either end of it, are hidden where they stand alone.
_TELLING_CHARACTERS: Final = 12

# Whatever a URL parser might take differently from the next one: spaces, control characters,
# and the backslash, which browsers read as a slash.
_AMBIGUOUS: Final = re.compile(r"[\s\\\x00-\x1f\x7f]")


class Token:
    """
    The API token; neither printed, logged, formatted nor pickled by accident.

    Only `reveal` gives its text, and only the client that sends it asks for it.
    """

    __slots__ = ("_text", "_traces")

    def __init__(self, text: str) -> None:
        self._text = text
        self._traces: re.Pattern[str] | None = None
        _MADE.setdefault(text, self)

    def reveal(self) -> str:
        """Return the token's text."""
        return self._text

    @property
    def is_real(self) -> bool:
        """Whether it may be one of Prolific's, and not one made up for a sandbox."""
        return len(self._text) >= REAL_CHARACTERS

    def hide_in(self, text: str) -> str:
        """
        Return *text* with the token blotted out wherever it stands.

        Found are the whole token and either end of it: as it is, broken over lines, and encoded as
        servers encode what they quote (percent, HTML, JSON, hexadecimal, Base64).
        """
        if not self._text:
            return text
        if self._traces is None:
            self._traces = _traces_of(self._text)
        return self._traces.sub(HIDDEN, text)

    def hide_in_answer(self, content: bytes) -> bytes:
        """Return an answer without a real token, word for word: the journal keeps what was answered."""
        # Of megabytes only what searches at the speed of memory is fast enough.
        return content.replace(self._text.encode(), HIDDEN.encode()) if self.is_real else content

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is never stored")


#: Every token of this process, by its text: whoever prints need not know where one was read.
_MADE: Final[dict[str, Token]] = {}


def hide_tokens(text: str) -> str:
    """Return *text* with every real token blotted out that this process has read."""
    for token in tuple(_MADE.values()):
        if token.is_real:
            text = token.hide_in(text)
    return text


def _traces_of(token: str) -> re.Pattern[str]:
    """Return what finds a token in a text; its cost grows with the text only."""
    if len(token) < REAL_CHARACTERS:
        # A made-up token of the sandbox may be part of a word that must stay readable.
        return re.compile(rf"(?<!\w){re.escape(token)}(?!\w)")
    forms = sorted(set(_forms_of(token)), key=len, reverse=True)
    patterns = [_loosely(form) for form in forms]
    # A server may cut off what it quotes: the beginning of a token with what follows, or the end of one.
    patterns += [rf"{_loosely(form[:_TELLING_CHARACTERS])}[\w+/%-]*" for form in forms]
    patterns += [_loosely(form[-_TELLING_CHARACTERS:]) for form in forms]
    return re.compile("|".join(patterns), re.IGNORECASE)


def _forms_of(token: str) -> Iterator[str]:
    """Yield the token as it is, and as servers encode what they quote."""
    yield from (token, quote(token, safe=""), html.escape(token), json.dumps(token)[1:-1])
    yield token.encode().hex()
    for before in range(3):  # what stands before the token shifts its Base64 by so many bytes
        code = base64.b64encode(b"\0" * before + token.encode()).decode()
        bits = 8 * (before + len(token))
        inner = code[-(-8 * before // 6) : bits // 6]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))


def _loosely(letters: str) -> str:
    """Return what finds letters although a line may end, or nothing visible stand, between two of them."""
    return "[^!-~]{0,4}".join(map(re.escape, letters))


def check_url(url: str) -> str:
    """
    Return the address of Prolific without a trailing slash.

    Raises:
        UsageError: The token must not be sent there: not https (http only to this computer),
            or no plain address.
    """
    if _AMBIGUOUS.search(url):
        raise UsageError(f"The address {url!r} holds a space, a backslash or a control character.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is not an address: {error}.") from None
    if "@" in parts.netloc:
        raise UsageError("The address of Prolific must not hold a user name or password.")
    if not host or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        raise UsageError(f'"{url}" is not an address of Prolific, such as https://api.prolific.com.')
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f'"{url}" is plain http, so the token could be read on the way. Use https;'
            " http is for the sandbox on this computer only."
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """
    Whether a host name or address means this computer.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost.example.org")
    (True, True, False)
    """
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
