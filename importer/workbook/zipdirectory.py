"""
The records of a zip file, byte for byte: what its members are, where they stand, and how to move them.

Owns the layout of the central directory and of the records behind it, zip64 included. The stdlib's
`zipfile` reads the same records but forgets the bytes it does not need, so a copy made with it loses
extra fields, flags and gaps; here a record stays the bytes that it was, with single numbers replaced.

Source: PKWARE APPNOTE 6.3.10, §4.3.12 (directory), §4.3.14–16 (ends), §4.5.3 (zip64 extra field).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

FULL: Final = 0xFFFFFFFF  # a 32-bit field with this value refers to the zip64 extra field
UTF8_NAME: Final = 0x800  # flag: the name is UTF-8, else code page 437
ZIP64_EXTRA: Final = 1

_FULL_BYTES: Final = FULL.to_bytes(4, "little")

# Only what is asked for: the signature, flags and method, CRC and sizes, three lengths, the offset.
_CENTRAL: Final = struct.Struct("<4s4x2H4x3I3H8xI")
_END: Final = struct.Struct("<4s4H2IH")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR: Final = struct.Struct("<4sIQI")
_MAX_COMMENT: Final = 0xFFFF
_MAX_DIRECTORY_BYTES: Final = 64 << 20

# Byte positions inside a directory record.
_FLAGS, _CRC, _PACKED, _SIZE, _EXTRA_LENGTH, _DISK, _OFFSET = 8, 16, 20, 24, 30, 34, 42

DAMAGED: Final = "its zip directory is damaged"


class CannotSplice(Exception):
    """
    The bytes cannot be patched.

    The message is the reason, as a clause that follows "because".

    Attributes:
        remedy: One thing to do, as a sentence.
    """

    def __init__(
        self, reason: str, remedy: str = "Open it in Excel, save it under a new name, and use that file."
    ) -> None:
        super().__init__(reason)
        self.remedy = remedy


class File(Protocol):
    """A binary file that can be read at any place."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...  # noqa: D102 (as io has it)
    def read(self, size: int = -1, /) -> bytes: ...  # noqa: D102


class Member(NamedTuple):
    """
    One entry of the directory.

    Attributes:
        name: Its name in the zip.
        record: The bytes of its directory record.
        flags: General purpose flags.
        method: 0 stored, 8 deflated.
        crc: CRC-32 of the inflated bytes.
        packed: Bytes as compressed.
        size: Bytes when inflated.
        offset: Where its local header begins.
    """

    name: str
    record: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


class Directory(NamedTuple):
    """
    The central directory of a zip file.

    Attributes:
        members: In the order of the directory, which need not be that of the file.
        start: Where the first record begins.
        tail: Everything behind the last record: zip64 records, end record, archive comment.
    """

    members: tuple[Member, ...]
    start: int
    tail: bytes

    def find(self, name: str) -> Member:
        """The one member of this name."""
        found = [member for member in self.members if member.name == name]
        if len(found) != 1:
            raise CannotSplice(f'it holds the part "{name}" {len(found)} times instead of once')
        return found[0]


def read_at(file: File, offset: int, length: int) -> bytes:
    """Read exactly *length* bytes; raises CannotSplice if the file ends before."""
    file.seek(offset)
    data = file.read(length)
    if len(data) < length:
        raise CannotSplice("it ends in the middle of a part")
    return data


def read_directory(file: File) -> Directory:
    """
    Read the central directory.

    Raises:
        CannotSplice: There is none, it is damaged, or its offsets do not count from the file's
            first byte (a program glued in front).
    """
    try:
        start, length, count, end = _locate(file)
        if length > _MAX_DIRECTORY_BYTES or end - start - length > _MAX_COMMENT:
            raise CannotSplice(DAMAGED)
        records = read_at(file, start, length)
        members = tuple(_members(records))
        tail = read_at(file, start + length, file.seek(0, io.SEEK_END) - start - length)
    except struct.error as error:
        raise CannotSplice(DAMAGED) from error
    if len(members) != count or any(member.offset + member.packed > start for member in members):
        raise CannotSplice(DAMAGED)
    return Directory(members, start, tail)


def _locate(file: File) -> tuple[int, int, int, int]:
    """Start, length in bytes and number of records of the directory, and where the end record stands."""
    size = file.seek(0, io.SEEK_END)
    base = max(0, size - _END.size - _MAX_COMMENT)
    last = read_at(file, base, size - base)
    at = _end_record(last)
    _, disk, _, _, count, length, start, _ = _END.unpack_from(last, at)
    if at >= _LOCATOR.size and last.startswith(b"PK\6\7", at - _LOCATOR.size):
        _, disk, offset64, _ = _LOCATOR.unpack_from(last, at - _LOCATOR.size)
        end64 = _END64.unpack(read_at(file, offset64, _END64.size))
        count, length, start = end64[7:]
    if disk or start + length > base + at:
        raise CannotSplice(DAMAGED)
    return start, length, count, base + at


def _end_record(last: bytes) -> int:
    """Where the end record begins: the last signature whose comment reaches exactly to the end."""
    at = len(last)
    while (at := last.rfind(b"PK\5\6", 0, at)) >= 0:
        if at + _END.size <= len(last) and at + _END.size + _END.unpack_from(last, at)[-1] == len(last):
            return at
    raise CannotSplice("it is not a complete zip file")


def _members(records: bytes) -> Iterator[Member]:
    at = 0
    while at < len(records):
        signature, flags, method, crc, packed, size, name_length, extra, comment, offset = (
            _CENTRAL.unpack_from(records, at)
        )
        name_end = at + _CENTRAL.size + name_length
        end = name_end + extra + comment
        if signature != b"PK\1\2" or end > len(records):
            raise CannotSplice(DAMAGED)
        record = records[at:end]
        if FULL in (size, packed, offset):
            size, packed, offset = (
                struct.unpack_from(form, record, place)[0] for place, form in _places(record)
            )
        raw = records[at + _CENTRAL.size : name_end]
        # What is ASCII is the same in both, and the codec of code page 437 is slow.
        name = raw.decode("utf-8" if flags & UTF8_NAME or raw.isascii() else "cp437", "replace")
        yield Member(name, record, flags, method, crc, packed, size, offset)
        at = end


def _places(record: bytes) -> list[tuple[int, str]]:
    """Where a record keeps its size, packed size and offset: in 32-bit fields, or in the zip64 extra field."""
    places = [(_SIZE, "<I"), (_PACKED, "<I"), (_OFFSET, "<I")]
    full = [n for n, (place, _) in enumerate(places) if record.startswith(_FULL_BYTES, place)]
    if full:
        name_length, extra_length = struct.unpack_from("<2H", record, 28)
        first = _CENTRAL.size + name_length
        extras = extra_fields(record[first : first + extra_length])
        wide = next((first + start for kind, start, _ in extras if kind == ZIP64_EXTRA), None)
        if wide is not None:
            for order, n in enumerate(full):
                places[n] = (wide + 8 * order, "<Q")
    return places


def extra_fields(extras: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of the data of each extra field; bytes that make no field end the list."""
    at = 0
    while at + 4 <= len(extras):
        kind, length = struct.unpack_from("<2H", extras, at)
        if at + 4 + length > len(extras):
            return
        yield kind, at + 4, at + 4 + length
        at += 4 + length


def without_zip64(extras: bytes) -> bytes:
    """The extra fields less the zip64 one."""
    kept, done = b"", 0
    for kind, start, end in extra_fields(extras):
        if kind == ZIP64_EXTRA:
            kept += extras[done : start - 4]
            done = end
    return kept + extras[done:]


def moved(record: bytes, offset: int) -> bytes:
    """A directory record whose member begins at *offset*; nothing else changes."""
    place, form = (_OFFSET, "<I") if not record.startswith(_FULL_BYTES, _OFFSET) else _places(record)[2]
    return record[:place] + struct.pack(form, offset) + record[place + struct.calcsize(form) :]


def refilled(member: Member, *, flags: int, crc: int, packed: int, size: int, offset: int) -> bytes:
    """The directory record of a member with other content, its numbers in the 32-bit fields."""
    name_length, extra_length = struct.unpack_from("<2H", member.record, 28)
    first = _CENTRAL.size + name_length
    extras = without_zip64(member.record[first : first + extra_length])
    changed = bytearray(member.record[:first] + extras + member.record[first + extra_length :])
    struct.pack_into("<H", changed, _FLAGS, flags)
    struct.pack_into("<3I", changed, _CRC, crc, packed, size)
    struct.pack_into("<H", changed, _EXTRA_LENGTH, len(extras))
    struct.pack_into("<H", changed, _DISK, 0)
    struct.pack_into("<I", changed, _OFFSET, offset)
    return bytes(changed)


def moved_tail(directory: Directory, start: int, length: int) -> bytes:
    """The records behind a directory that now begins at *start* and takes *length* bytes."""
    tail = bytearray(directory.tail)
    old_end = directory.start + sum(len(member.record) for member in directory.members)
    at = _end_record(directory.tail)
    if at >= _LOCATOR.size and tail.startswith(b"PK\6\7", at - _LOCATOR.size):
        place = at - _LOCATOR.size + 8
        offset64 = struct.unpack_from("<Q", tail, place)[0]
        struct.pack_into("<Q", tail, place, offset64 - old_end + start + length)
        struct.pack_into("<2Q", tail, offset64 - old_end + 40, length, start)
    for place, value in ((at + 12, length), (at + 16, start)):
        if struct.unpack_from("<I", tail, place)[0] != FULL:
            struct.pack_into("<I", tail, place, value)
    return bytes(tail)
