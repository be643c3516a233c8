"""
Lines of text on their way to a person: in colour on a terminal, plain elsewhere.

Owns the terminal: wrapping, colour, and what must never reach one. What is said is
`importer.render`'s business. rich is loaded only if there is a terminal to colour.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from importer.secret import hide_tokens

if TYPE_CHECKING:
    from rich.console import Console

INDENT: Final = "  "

#: What each style of a span looks like; a span always says in words, too, what its colour says.
STYLES: Final[Mapping[str, str]] = {
    "error": "bold red",
    "warning": "yellow",
    "note": "cyan",
    "create": "green",
    "update": "cyan",
    "value": "bold yellow",
    "move": "magenta",
    "delete": "bold red",
    "keep": "dim",
    "done": "green",
    "strong": "bold",
    "quiet": "dim",
}

# A cell, a file name or a server may say escape sequences; a terminal would obey them. Half a
# surrogate pair stands for a byte of a file name that is no UTF-8; no stream takes it.
_STEERING: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Span(NamedTuple):
    """A piece of a line, in one style."""

    text: str
    style: str = ""


class Line(NamedTuple):
    """
    One line.

    Attributes:
        spans: Its pieces.
        depth: How far it is indented, in steps.
    """

    spans: tuple[Span, ...]
    depth: int = 0

    def __str__(self) -> str:
        text = "".join(_STEERING.sub(" ", span.text) for span in self.spans)
        return (INDENT * self.depth + text).rstrip()


Lines = tuple[Line, ...]


def line(*pieces: str | tuple[str, str], depth: int = 0) -> Line:
    """Make a line of texts and (text, style) pairs."""
    return Line(tuple(Span(p) if isinstance(p, str) else Span(*p) for p in pieces), depth)


def harmless(text: str) -> str:
    r"""
    Return lines of text without what steers a terminal, and without a token.

    >>> harmless("a\x1b[2J.xlsx\nb")
    'a [2J.xlsx\nb'
    """
    return "\n".join(_STEERING.sub(" ", one) for one in hide_tokens(text).split("\n"))


def harmless_json(document: str) -> str:
    """Return a JSON document with what steers a terminal as escapes, and without a token."""
    shown = (_STEERING.sub(_escaped, one) for one in hide_tokens(document).split("\n"))
    return "\n".join(shown)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def plain(lines: Iterable[Line]) -> str:
    """Return lines as text without colour."""
    return "".join(f"{one}\n" for one in lines)


def write(lines: Iterable[Line], stream: TextIO, *, environ: Mapping[str, str] = os.environ) -> None:
    """
    Write lines to a stream, in colour if it is a terminal that wants it.

    Args:
        lines: What to write.
        stream: Standard output or standard error.
        environ: `NO_COLOR` and `TERM=dumb` ask for plain text.
    """
    if stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb":
        _show_in_colour(lines, stream)
        return
    # Where output goes into a file, Windows may still write it in a code page without ↕.
    encoding = stream.encoding or "utf-8"
    stream.write(plain(lines).encode(encoding, "replace").decode(encoding))
    stream.flush()


def _show_in_colour(lines: Iterable[Line], stream: TextIO) -> None:
    from rich.console import Console  # noqa: PLC0415 – 50 ms that plain text does not need

    paint(lines, Console(file=stream, highlight=False))


def paint(lines: Iterable[Line], console: Console) -> None:
    """Print lines on a console in colour, wrapped at its width."""
    from rich.text import Text  # noqa: PLC0415

    for one in lines:
        margin = INDENT * one.depth
        # Spans are taken literally: a cell that says [red] is no markup.
        text = Text.assemble(*((_STEERING.sub(" ", s.text), STYLES.get(s.style, "")) for s in one.spans))
        for part in text.wrap(console, max(console.width - len(margin), 20)) or [text]:
            part.rstrip()
            console.print(Text(margin) + part, soft_wrap=True)
