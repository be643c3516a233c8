"""Inputs for the fuzz targets, drawn by hypothesis: sound workbooks with a few things changed, and odd texts."""

from __future__ import annotations

import io
import re
import zipfile

from hypothesis import strategies as st

from importer.contract import INSTRUCTIONS, InstructionType
from tests.hostile.contents import OBEYED
from tests.hostile.targets import PARTS, SOUND

TOKENS = (
    b"<", b">", b"/>", b"&", b"&amp;", b"&#0;", b"&#x10FFFF;", b"&#xD800;", b"&nope;", b"<!--", b"-->", b"<![CDATA[", b"]]>",
    b"<?x?>", b'<!DOCTYPE a [<!ENTITY b "c">]>', b"\0", b"\x0c", b"\xff", b"\xef\xbf\xbf", b"\xed\xa0\x80", b"\r\n", b" ", b'"', b"'",
    b"<c/>", b'<c r="A1">', b"</c>", b"<v>", b"</v>", b"<v/>", b"<f>1</f>", b"<f/>", b"<is>", b"</is>", b"<t>", b"</t>", b"<r>", b"</r>",
    b"<row>", b"</row>", b'<row r="1048577">', b'<row r="2">', b"</sheetData>", b"<sheetData>", b"<si>", b"</si>", b"<rPh>", b"</rPh>",
    b"_x000D_", b"_xD83D_", b"_x005F_", b' r="XFD1048576"', b' t="s"', b' t="e"', b' t="b"', b' t="d"', b' t="str"', b' t="zz"', b' s="99"',
    b' hidden="1"', b' xml:space="preserve"', b' xmlns="urn:x"', b' xmlns:x="urn:x"', b"x:", b"1e999", b"-1", b"99999999999999999999",
    b"<mergeCells><mergeCell ref='A1:ZZZ9'/></mergeCells>", b'<cols><col min="1" max="99999" style="1"/></cols>',
)  # fmt: skip

_JOINTS = re.compile(rb"[ <>\"=/&]")
_AT_JOINTS = (b"", b"\t", b"\n", b"\x0b", b"\x0c", b"\0", b"'", b"  ", b"<", b">", b"/", b"&", b"=", b'"')


@st.composite
def changed(draw: st.DrawFn, content: bytes, max_changes: int = 3) -> bytes:
    """Bytes with a few changes: put in, taken out, doubled, or other bytes where markup has its own."""
    made = bytearray(content)
    joints = [match.start() for match in _JOINTS.finditer(content)]
    for _ in range(draw(st.integers(1, max_changes))):
        at = draw(st.integers(0, len(made)))
        end = min(len(made), at + draw(st.sampled_from((0, 0, 1, 2, 8, 40))))
        match draw(st.integers(0, 4)):
            case 0:
                made[at:end] = draw(st.sampled_from(TOKENS))
            case 1:
                made[at:end] = draw(st.binary(max_size=4))
            case 2:
                made[at:at] = made[at:end]
            case 3:
                joint = draw(st.sampled_from(joints))
                made[joint : joint + 1] = draw(st.sampled_from(_AT_JOINTS))
            case _:
                del made[at:end]
    return bytes(made)


def _zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:  # stored: a change of a byte reaches the part
        for name, content in SOUND.items():
            package.writestr(name, content)
    return stream.getvalue()


ZIPPED = _zipped()
#: Inputs as `tests.hostile.targets.book_of` takes them.
files = st.one_of(
    # The sheet itself three times, because most of the code reads it.
    *(
        changed(SOUND[name]).map(lambda content, n=n: bytes([n]) + content)
        for n, name in [(0, PARTS[0]), (0, PARTS[0]), *enumerate(PARTS)]
    ),
    changed(ZIPPED).map(lambda content: b"\xff" + content),
)

odd_texts = st.one_of(
    st.sampled_from([text for text in OBEYED if "\x9b" not in text]),
    st.sampled_from(
        [
            "",
            " ",
            "NA",
            "null",
            "TRUE",
            "1.0",
            "007",
            "1e5",
            "2026-03-01",
            "\u00a0x",
            "x\t",
            "\n",
            "é",
            "e\u0301",
            "\u200b",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12),
)
#: Mostly what a column takes, so that many rows are taken.
_USUAL = {
    "ref": st.sampled_from(["Q1", "Q2", "Q3", "", "#x"]),
    "type": st.sampled_from([*InstructionType, *InstructionType, ""]),
    "description": odd_texts,
    "answer_limit": st.sampled_from(["1", "-1", "any", "2", ""]),
    "option_heading": odd_texts,
    "option_label": odd_texts,
    "option_value": odd_texts,
    "helper_text": odd_texts,
    "placeholder_text_input": odd_texts,
    "disable_dropdown": st.sampled_from(["", "yes", "NO", "true"]),
}


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, str]]:
    """Rows of the sheet Instructions; most tables are mostly right, and each cell may be anything."""
    lines: list[dict[str, str]] = []
    for number in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(list(InstructionType)))
        options = draw(st.integers(1, 3)) if kind.has_options else 1
        for option in range(options):
            line = {"ref": f"Q{number}"}
            if option == 0:
                line |= {"type": kind, "description": draw(odd_texts) or "x", "helper_text": draw(odd_texts)}
            if kind.has_options:
                line |= {"option_label": draw(odd_texts) or "l", "option_value": f"{option}{draw(odd_texts)}"}
                line |= {"answer_limit": draw(st.sampled_from(["1", "-1", "any"]))} if option == 0 else {}
            if kind is InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT:
                line["option_heading"] = draw(odd_texts) or "h"
            lines.append(line)
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        name = draw(st.sampled_from(sorted(_USUAL)))
        draw(st.sampled_from(lines))[name] = draw(_USUAL[name] | odd_texts)
    return lines


assert set(_USUAL) <= set(INSTRUCTIONS.names)
