"""Zip files of every form that programs write: one member replaced, every other byte kept."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator

import pytest

from importer.workbook.zipdirectory import CannotSplice, Directory, read_directory
from importer.workbook.zipsplice import inflated, same_others, splice

TEXT = b"<row>old</row>" * 50
NAMES = ("a.xml", "sheet.xml", "b.bin")


def upper(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return (piece.replace(b"old", b"newer") for piece in pieces)


class Unseekable(io.BytesIO):
    """A file that a writer cannot go back in, so that lengths stand behind the data."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation


def build(
    file: io.BytesIO, *, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"", zip64: bool = False
) -> bytes:
    with zipfile.ZipFile(file, "w", method) as package:
        package.comment = comment
        for name in NAMES:
            info = zipfile.ZipInfo(name, (2020, 2, 3, 4, 5, 6))
            info.compress_type = method
            info.extra = struct.pack("<2H3s", 0x9999, 3, b"own")
            with package.open(info, "w", force_zip64=zip64) as member:
                member.write(TEXT if name == "sheet.xml" else name.encode() * 20)
    return file.getvalue()


def with_zip64_end(data: bytes) -> bytes:
    """The same archive with zip64 end records, which some programs always write."""
    count, length, start = struct.unpack_from("<HII", data, len(data) - 12)
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(data) - 22, 1)
    full = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:-22] + record + locator + full


def without_descriptor_signature(data: bytes) -> bytes:
    """The same archive with the short data descriptor of old programs behind the first two members."""
    directory = read_directory(io.BytesIO(data))
    for member in sorted(directory.members, key=lambda member: -member.offset)[1:]:
        at = data.index(b"PK\7\x08", member.offset)
        data = data[:at] + data[at + 4 :]
    return repaired(data, -4)


def repaired(data: bytes, step: int, first: int = 0) -> bytes:
    """Correct the offsets after each member moved by *step* more bytes than the one before."""
    out = bytearray(data)
    start = data.index(b"PK\1\2")
    at = start
    for number in range(len(NAMES)):
        offset = struct.unpack_from("<I", data, at + 42)[0]
        struct.pack_into("<I", out, at + 42, offset + first + number * step)
        at = data.find(b"PK\1\2", at + 4)
    struct.pack_into("<I", out, len(data) - 6, start)
    return bytes(out)


def with_gap(data: bytes) -> bytes:
    """The same archive behind four bytes that belong to no member."""
    return repaired(b"\0gap" + data, 0, 4)


def with_reversed_directory(data: bytes) -> bytes:
    """The same archive with the records of the directory in the opposite order."""
    start = data.index(b"PK\1\2")
    records = [b"PK\1\2" + rest for rest in data[start:-22].split(b"PK\1\2")[1:]]
    return data[:start] + b"".join(reversed(records)) + data[-22:]


FORMS: dict[str, bytes] = {
    "plain": build(io.BytesIO()),
    "stored": build(io.BytesIO(), method=zipfile.ZIP_STORED),
    "comment": build(io.BytesIO(), comment=b"signed by Ann"),
    "zip64 sizes": build(io.BytesIO(), zip64=True),
    "zip64 end": with_zip64_end(build(io.BytesIO())),
    "descriptors": build(Unseekable()),
    "short descriptors": without_descriptor_signature(build(Unseekable())),
    "zip64 descriptors": build(Unseekable(), zip64=True),
    "gap": with_gap(build(io.BytesIO())),
    "reversed directory": with_reversed_directory(build(io.BytesIO())),
}


def spliced(data: bytes, name: str = "sheet.xml") -> bytes:
    source, out = io.BytesIO(data), io.BytesIO()
    splice(source, out, read_directory(source), {name: upper})
    return out.getvalue()


def both(old: bytes, new: bytes) -> tuple[io.BytesIO, Directory, io.BytesIO, Directory]:
    source, result = io.BytesIO(old), io.BytesIO(new)
    return source, read_directory(source), result, read_directory(result)


@pytest.mark.parametrize("form", FORMS)
def test_member_is_replaced_in_every_form_of_zip(form: str) -> None:
    """The stdlib reads the new content, all members pass its test, order and comment are kept."""
    old, new = (zipfile.ZipFile(io.BytesIO(data)) for data in (FORMS[form], spliced(FORMS[form])))

    assert new.testzip() is None
    assert TEXT.replace(b"old", b"newer") == new.read("sheet.xml")
    assert (old.namelist(), old.comment) == (new.namelist(), new.comment)


@pytest.mark.parametrize("form", FORMS)
def test_other_members_keep_every_byte(form: str) -> None:
    """Headers, compressed bytes, descriptors and gaps of the others are byte ranges of the original."""
    source, before, result, after = both(FORMS[form], spliced(FORMS[form]))

    first = before.find("sheet.xml").offset
    assert source.getvalue()[:first] == result.getvalue()[:first]
    assert same_others(source, before, result, after, {"sheet.xml"})


@pytest.mark.parametrize("form", FORMS)
def test_changed_member_keeps_its_stamp_method_and_extra_fields(form: str) -> None:
    """Only content, sizes and what described the old stream change."""
    old, new = (
        zipfile.ZipFile(io.BytesIO(data)).getinfo("sheet.xml") for data in (FORMS[form], spliced(FORMS[form]))
    )

    assert (old.date_time, old.compress_type, old.external_attr) == (
        new.date_time,
        new.compress_type,
        new.external_attr,
    )
    assert (new.flag_bits & 0xE, new.extra) == (0, struct.pack("<2H3s", 0x9999, 3, b"own"))


def test_same_others_finds_a_changed_byte() -> None:
    """The proof that others are kept fails for one bit in one of them."""
    old = FORMS["plain"]
    new = bytearray(spliced(old))
    new[40] ^= 1  # inside the first member's extra field

    assert not same_others(*both(old, bytes(new)), {"sheet.xml"})


def test_same_others_finds_a_missing_member() -> None:
    """The proof that others are kept fails if one is gone."""
    smaller = io.BytesIO()
    with zipfile.ZipFile(smaller, "w") as package:
        package.writestr("sheet.xml", TEXT)

    assert not same_others(*both(FORMS["plain"], smaller.getvalue()), {"sheet.xml"})


def flipped(place: int) -> Callable[[bytes], bytes]:
    def flip(data: bytes) -> bytes:
        at = data.index(b"sheet.xml") + place
        return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]

    return flip


def encrypted(data: bytes) -> bytes:
    at = data.rindex(b"sheet.xml") - 46 + 8
    return data[:at] + bytes([data[at] | 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:-1], "not a complete zip file"),
        (lambda data: data[:200], "not a complete zip file"),
        (lambda data: b"glued in front" + data, "directory is damaged"),
        (lambda data: data.replace(b"PK\1\2", b"PK\0\0"), "directory is damaged"),
        (lambda data: data.replace(b"sheet.xml", b"other.xml"), '"sheet.xml" 0 times'),
        (encrypted, "is encrypted"),
        (flipped(20), "is damaged"),
    ],
)
def test_damaged_zip_is_refused(damage: Callable[[bytes], bytes], reason: str) -> None:
    """Nothing is written from a zip that is not whole."""
    damaged = damage(FORMS["plain"])
    if damaged == FORMS["plain"]:
        pytest.fail("the damage did nothing")

    with pytest.raises(CannotSplice, match=reason):
        spliced(damaged)


def test_part_that_is_there_twice_is_refused() -> None:
    """Programs disagree on which of two equal names counts, so neither is changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("sheet.xml", "one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            package.writestr("sheet.xml", "two")

    with pytest.raises(CannotSplice, match="2 times"):
        spliced(file.getvalue())


def test_inflated_gives_small_pieces() -> None:
    """A member that inflates a thousandfold does not come in one piece."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("sheet.xml", bytes(5 << 20))

    sizes = [len(piece) for piece in inflated(file, read_directory(file).find("sheet.xml"))]

    assert (sum(sizes), max(sizes)) == (5 << 20, 64 << 10)
