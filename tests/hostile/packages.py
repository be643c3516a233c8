"""Hostile zips: what the package says of itself is not so, or is too much."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

from tests.hostile.inputs import (
    BATCHES_PART,
    HEAD,
    INSTRUCTIONS_PART,
    TAIL,
    book,
    hostile,
    parts,
    with_entry,
)
from tests.hostile.zips import Entry, entries_of, entry, repeated, write_zip

MEGABYTE = b" " * 1_000_000


@hostile("too-large")
def bomb_by_ratio(path: Path) -> None:
    """A sheet of 1 GB in 1 MB."""
    with_entry(path, repeated(INSTRUCTIONS_PART, HEAD, MEGABYTE, 1_000, TAIL))


@hostile("damaged")
def bomb_that_lies_about_its_size(path: Path) -> None:
    """A sheet of 1 GB that declares 1 MB."""
    bomb = repeated(INSTRUCTIONS_PART, HEAD, MEGABYTE, 1_000, TAIL)
    with_entry(path, Entry(bomb.name, bomb.packed, bomb.crc, 1_000_000))


@hostile("too-large")
def bomb_of_shared_strings(path: Path) -> None:
    """100,000 shared strings of 30 kB."""
    item = b"<si><t>" + b"x" * 30_000 + b"</t></si>"
    head, tail = parts(strings=[])["xl/sharedStrings.xml"].split(b"</sst>")
    with_entry(path, repeated("xl/sharedStrings.xml", head, item, 100_000, b"</sst>" + tail))


@hostile("too-large")
def bomb_in_many_sheets(path: Path) -> None:
    """Sheets of 500 MB each, none of which has a name that says what it is."""
    bomb = repeated("x", HEAD, b'<row r="1"/>' * 100_000, 416, TAIL)
    made = raw_sheets(6)
    entries = [
        Entry(name, bomb.packed, bomb.crc, bomb.size) if "worksheets" in name else entry(name, content)
        for name, content in made.items()
    ]
    write_zip(path, entries)


def raw_sheets(count: int) -> dict[str, bytes]:
    """The parts of a workbook with sheets of no known name."""
    from tests.raw import raw_parts  # noqa: PLC0415

    return raw_parts({f"Data {n}": "" for n in range(count)})


@hostile()
def nested_zips(path: Path) -> None:
    """A zip in a zip in a zip, as a picture; nobody opens it."""
    inner = b"PK\3\4" * 1000
    for depth in range(9):
        file = path.with_suffix(f".{depth}")
        inner = write_zip(file, [entry(f"{n}.zip", inner) for n in range(4)]).read_bytes()
    write_zip(path, [*entries_of(parts()), entry("xl/media/image1.png", inner)])


@hostile("not-a-workbook")
def zip_of_workbooks(path: Path) -> None:
    """A workbook packed once more."""
    inner = book(path.with_suffix(".inner")).read_bytes()
    write_zip(path, [entry("study.xlsx", inner)])


@hostile("too-large")
def ten_thousand_members(path: Path) -> None:
    """One member more than is read."""
    write_zip(path, [*entries_of(parts()), *(entry(f"xl/media/{n}.png", b"") for n in range(10_000))])


@hostile("too-large")
def a_million_members(path: Path) -> None:
    """A zip64 directory of a million entries, all of them the same member."""
    member = write_zip(path, [entry("a", b"a")]).read_bytes()
    at = struct.unpack_from("<I", member, len(member) - 6)[0]
    record, data = member[at:-22], member[:at]
    count = 1_000_000
    length = len(record) * count
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, len(data))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(data) + length, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(data + record * count + end64 + locator + end)


@hostile("damaged")
def fewer_members_than_declared(path: Path) -> None:
    """The end says 60,000 members, the directory has nine."""
    write_zip(path, entries_of(parts()), count=9_999)


@hostile("damaged")
def no_member_declared(path: Path) -> None:
    """The end says that there is none."""
    write_zip(path, entries_of(parts()), count=0)


@hostile("damaged")
def overlapping_members(path: Path) -> None:
    """A thousand members that are one and the same bytes."""
    shared = [Entry(f"xl/media/{n}.png", (b"",), 0, 0, start=0) for n in range(1_000)]
    write_zip(path, [*entries_of(parts()), *shared])


@hostile()
def names_that_lead_out(path: Path) -> None:
    """Members that an unpacker would write elsewhere; nothing is unpacked."""
    names = ("../../../../tmp/evil", "/etc/evil", "C:\\evil", "xl/../../evil", "\u202egnp.exe", "a" * 60_000)
    write_zip(path, [*entries_of(parts()), *(entry(name, b"evil") for name in names)])


@hostile("damaged")
def name_with_escapes(path: Path) -> None:
    """A member that is found damaged, and whose name is 60 kB that a terminal would obey."""
    name = "xl/\x1b]0;evil\x07\x1b[2J" + "a" * 60_000
    write_zip(path, [*entries_of(parts()), Entry(name, (b"",), 0, 0, start=1)])


@hostile("damaged")
def member_twice(path: Path) -> None:
    """Two sheets of one name, of which readers would take one or the other."""
    write_zip(path, [*entries_of(parts()), entry(INSTRUCTIONS_PART, HEAD + TAIL)])


@hostile("damaged")
def member_twice_in_other_case(path: Path) -> None:
    """Part names are equal without case."""
    write_zip(path, [*entries_of(parts()), entry(INSTRUCTIONS_PART.upper(), HEAD + TAIL)])


@hostile("damaged")
def wrong_checksum(path: Path) -> None:
    """The CRC of a sheet is not that of its bytes."""
    honest = entry(INSTRUCTIONS_PART, parts()[INSTRUCTIONS_PART])
    with_entry(path, Entry(honest.name, honest.packed, honest.crc ^ 1, honest.size))


@hostile()
def wrong_checksum_of_a_picture(path: Path) -> None:
    """What nobody reads may be damaged."""
    write_zip(path, [*entries_of(parts()), Entry("xl/media/image1.png", (b"\3\0",), 7, 7)])


@hostile("damaged")
def two_names(path: Path) -> None:
    """A member that calls itself something else than the directory does."""
    honest = entry(BATCHES_PART, parts()[BATCHES_PART])
    with_entry(
        path, Entry(honest.name, honest.packed, honest.crc, honest.size, local_name=BATCHES_PART + "x")
    )


@hostile("damaged")
def unknown_compression(path: Path) -> None:
    """LZMA, which Excel does not know."""
    honest = entry(BATCHES_PART, parts()[BATCHES_PART])
    with_entry(path, Entry(honest.name, honest.packed, honest.crc, honest.size, method=14))


@hostile("encrypted")
def encrypted_member(path: Path) -> None:
    """A zip password."""
    honest = entry(BATCHES_PART, parts()[BATCHES_PART])
    with_entry(path, Entry(honest.name, honest.packed, honest.crc, honest.size, flags=0x801))


@hostile()
def thousands_of_empty_blocks(path: Path) -> None:
    """Deflate blocks of nothing, so that each read of the file gives few bytes."""
    content = parts()[INSTRUCTIONS_PART]
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    pieces = [packer.compress(content[:500]) + packer.flush(zlib.Z_FULL_FLUSH)]
    pieces += [b"\0\0\0\xff\xff"] * 1_000_000
    pieces += [packer.compress(content[500:]) + packer.flush()]
    with_entry(path, Entry(INSTRUCTIONS_PART, pieces, zlib.crc32(content), len(content)))


@hostile("damaged")
def end_in_the_comment(path: Path) -> None:
    """A second end record in the archive's comment: which of the two counts?"""
    write_zip(
        path, entries_of(parts()), comment=struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 46, 0, 0) + b"x"
    )


@hostile("damaged")
def cut_off(path: Path) -> None:
    """Half a download."""
    whole = book(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@hostile("not-a-workbook")
def mere_name(path: Path) -> None:
    """A CSV under the name .xlsx, in UTF-16."""
    path.write_text("ref,type,description\nQ1,free_text,Why?\n", "utf-16")


@hostile("too-large")
def too_large_file(path: Path) -> None:
    """A file of 200 MB, sparse."""
    book(path)
    with path.open("r+b") as file:
        file.seek(200_000_000)
        file.write(b"\0")


@hostile("encrypted")
def encrypted_container(path: Path) -> None:
    """An OLE container whose stream says that the workbook is encrypted."""
    container = io.BytesIO(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504))
    container.seek(0, io.SEEK_END)
    container.write("EncryptedPackage".encode("utf-16-le") + bytes(480))
    path.write_bytes(container.getvalue())


@hostile("not-a-workbook")
def container_of_nothing(path: Path) -> None:
    """90 MB that begin like an OLE container."""
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\x09\x08\x10\x00" * 22_000_000)
