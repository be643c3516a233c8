"""
XML parts, parsed by expat, with what a workbook never needs refused; and Excel's own text escapes.

Owns the XML traps: DOCTYPE and entities, encodings, tokens without end. What the elements mean is
left to the modules that read them.

Source: ECMA-376 part 1, 18.3.1 (main namespace), 22.9.2.19 (ST_Xstring); part 4 (transitional).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final
from xml.parsers import expat

from importer.errors import WorkbookRefused
from importer.workbook.refusals import damaged, too_large

MAIN_NAMESPACES: Final = frozenset(
    (
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    )
)
#: Namespaces of `r:id`, transitional and strict.
RELATIONSHIP_NAMESPACES: Final = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "http://purl.oclc.org/ooxml/officeDocument/relationships",
)
PACKAGE_RELATIONSHIPS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"

#: Expat keeps an unfinished tag or comment in memory, and so do we with an unfinished row. The
#: longest row that Excel can write in the contract's 14 columns is 2 MB of XML.
MAX_TOKEN_BYTES: Final = 8_000_000

#: Expat remembers every open element (measured: 30 million of them take 3.7 GB). Excel writes 12.
_MAX_DEPTH: Final = 250
_ID_NAMES: Final = frozenset((namespace, "id") for namespace in RELATIONSHIP_NAMESPACES)
#: Expat and Python keep every name of a part for as long as it is parsed. Excel's own are 30 kB.
_MAX_NAMES_CHARACTERS: Final = 500_000
#: Between the parts of a name: namespace, local name, prefix.
_SEPARATOR: Final = " "

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
#: Every byte but the control characters that XML forbids.
_ALLOWED: Final = b"\t\n\r" + bytes(range(0x20, 0x100))
#: U+FFFE and U+FFFF, which XML forbids and Python decodes.
_NON_CHARACTERS: Final = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
_ENTITY: Final = re.compile(r"&(amp|lt|gt|quot|apos|#9|#10|#13);")
_ENTITIES: Final = {
    "amp": "&",
    "lt": "<",
    "gt": ">",
    "quot": '"',
    "apos": "'",
    "#9": "\t",
    "#10": "\n",
    "#13": "\r",
}
_ESCAPE: Final = re.compile(
    r"_x(D[89AB][0-9A-F]{2})__x(D[C-F][0-9A-F]{2})_|_x((?!D[89A-F])[0-9A-F]{4})_", re.IGNORECASE
)
_TRUE: Final = ("1", "true", "on")

Attributes = Mapping[str, str]


class PartParser:
    """
    Expat over one part, fed in pieces.

    Attributes:
        part: Name of the part.
        root: Local name of the root element, "" until it came or if it is foreign.
        prefix: What the element that started last was written with, colon included (`x:`), or "".
        depth: Number of elements that are open.
        encoding: What the declaration says, in lower case.
        prefixes: Prefixes that the root element declares, without colon.
    """

    def __init__(
        self,
        part: str,
        start: Callable[[str, Attributes], None] | None = None,
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        """Handlers get local names, "" for elements of a foreign namespace."""
        self.part = part
        self.root = self.prefix = ""
        self.depth = 0
        self.encoding = "utf-8"
        self.prefixes: set[str] = set()
        self._start, self._end = start, end
        self._fed = self._mark = self._wanted = self._names = 0
        self._held = b""
        self._parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self._parser.namespace_prefixes = True
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._on_declaration
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartNamespaceDeclHandler = self._on_namespace
        self._parser.StartElementHandler = self._on_start
        self._parser.EndElementHandler = self._on_end
        self._parser.CharacterDataHandler = text

    @property
    def at(self) -> int:
        """Offset of the tag whose handler runs; behind `/>` for the end of an empty element."""
        return self._parser.CurrentByteIndex

    @property
    def unfinished(self) -> int:
        """Offset of the first byte that waits for the end of its tag or text."""
        # Expat gives -1 when it has put off the whole piece.
        self._mark = max(self._mark, self._parser.CurrentByteIndex)
        return self._mark

    def feed(self, piece: bytes, *, is_last: bool = False) -> None:
        """
        Take a piece.

        Raises:
            WorkbookRefused: `damaged` if it is not XML, `unsafe-xml`, or `too-large` for a tag or
                comment that does not end.
        """
        self._fed += len(piece)
        self._held += piece
        # Expat before 2.6 reads an unfinished tag from its beginning each time that it gets more,
        # so it gets as much again as it has.
        if is_last or len(self._held) >= self._wanted:
            self._parse(is_last=is_last)
        check_token(self.part, self._fed - self.unfinished)

    def _parse(self, *, is_last: bool) -> None:
        held, self._held = self._held, b""
        try:
            self._parser.Parse(held, is_last)
        except expat.ExpatError as error:
            reason = f"{expat.ErrorString(error.code)} in line {error.lineno}"
            raise damaged(f"the part {self.part} is not proper XML ({reason})") from None
        except (LookupError, ValueError):  # raised by pyexpat for an encoding that Python cannot map
            raise damaged(f"the part {self.part} is written in an unknown encoding") from None
        self._wanted = self._fed - self.unfinished
        if len(self._parser.intern) != self._names:
            self._names = len(self._parser.intern)
            if sum(map(len, filter(None, self._parser.intern))) > _MAX_NAMES_CHARACTERS:
                raise damaged(f"the part {self.part} uses too many different names")

    def close(self) -> None:
        """End the part; raises as `feed`."""
        self.feed(b"", is_last=True)
        # Expat holds its handlers, and they what holds expat: 30 kB that only a search for garbage would free.
        del self._parser
        self._start = self._end = None

    def _on_declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = (encoding or self.encoding).lower()

    def _on_namespace(self, prefix: str | None, _uri: str) -> None:
        if not self.depth and prefix:
            self.prefixes.add(prefix)

    def _refuse_doctype(self, *_: object) -> None:
        raise WorkbookRefused("unsafe-xml", detail=f"in the part {self.part}")

    def _on_start(self, name: str, attributes: Attributes) -> None:
        local, self.prefix = _names(name)
        if not self.depth:
            self.root = local
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise damaged(f"the elements of the part {self.part} are nested too deep")
        if self._start is not None:
            self._start(local, attributes)

    def _on_end(self, name: str) -> None:
        self.depth -= 1
        if self._end is not None:
            self._end(_names(name)[0])


@lru_cache(maxsize=256)
def _names(name: str) -> tuple[str, str]:
    """Split expat's `namespace local prefix` into the local name ("" if foreign) and `prefix:`."""
    namespace, _, rest = name.partition(_SEPARATOR)
    local, _, prefix = rest.partition(_SEPARATOR)
    if namespace not in MAIN_NAMESPACES and namespace != PACKAGE_RELATIONSHIPS:
        local = ""
    return local, f"{prefix}:" if prefix else ""


def parse(
    part: str,
    pieces: Iterable[bytes],
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """
    Parse a whole part; handlers get local names, "" for elements of a foreign namespace.

    Raises:
        WorkbookRefused: `damaged`, `unsafe-xml` or `too-large`.
    """
    parser = PartParser(part, start, end, text)
    for piece in pieces:
        parser.feed(piece)
    parser.close()


def check_token(part: str, waiting: int) -> None:
    """Refuse a tag, comment or row that has not ended after *waiting* bytes."""
    if waiting > MAX_TOKEN_BYTES:
        raise too_large(f"One element of the part {part} has", waiting, MAX_TOKEN_BYTES, "bytes")


def relationship_id(attributes: Attributes) -> str | None:
    """Return the value of `r:id`, whatever its prefix."""
    for key, value in attributes.items():
        if tuple(key.split(_SEPARATOR)[:2]) in _ID_NAMES:
            return value
    return None


def is_true(value: str | None) -> bool:
    """Whether an attribute means yes."""
    return value is not None and value.strip().lower() in _TRUE


def is_utf16(beginning: bytes) -> bool:
    """Whether a part begins like UTF-16."""
    return beginning.startswith(_UTF16)


def hides_tags(block: bytes) -> bool:
    """
    Whether tags and text may not be all that a block of an UTF-8 part holds.

    Without comment, CDATA, processing instruction and broken characters, `<` begins a tag wherever
    it stands.
    """
    # One byte is searched at the speed of memchr, two are not; and "!" is rare among tags.
    if (b"!" in block and b"<!" in block) or (b"?" in block and b"<?" in block):
        return True
    if b"]" in block and b"]]>" in block:
        return True
    if block.isascii():
        return False
    try:
        block.decode()
    except UnicodeDecodeError:
        return True
    return any(character in block for character in _NON_CHARACTERS)


def has_control_character(block: bytes) -> bool:
    """Whether a block holds a character that XML forbids."""
    return bool(block.translate(None, _ALLOWED))


def decode_entities(raw: str) -> str:
    """
    Decode the text of an element as expat does.

    Raises:
        ValueError: It holds an entity that is left to expat.
    """
    if "\r" in raw:
        raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    if "&" in raw:
        entities = raw.count("&")
        raw, known = _ENTITY.subn(lambda match: _ENTITIES[match[1]], raw)
        if known != entities:
            raise ValueError("an entity that is left to expat")
    return raw


def decode_escapes(text: str) -> str:
    r"""
    Decode `_xHHHH_`, in which Excel writes characters that XML cannot hold.

    Half a surrogate pair is no character, so its escape stays as it is.

    >>> decode_escapes("a_x000D_b _x005F_x000D_ _xD83D__xDE00_ _xD83D_")
    'a\rb _x000D_ 😀 _xD83D_'
    """
    return _ESCAPE.sub(_escaped, text) if "_x" in text else text


def _escaped(match: re.Match[str]) -> str:
    high, low, single = match.groups()
    if single is not None:
        return chr(int(single, 16))
    return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
