"""
The zip file that a workbook is: its directory, and its members inflated in pieces.

Owns the zip format and the attacks on it. What the members mean is `importer.workbook.package`'s
business. `zipfile` is not used: it takes the directory's word for its own size (a million entries
are half a gigabyte of objects), lets two members have one name or share bytes, and its import
costs as much CPU as reading a small workbook (measured: 20 ms).

Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 (records), 4.4.4 (flags), 4.5.3 (zip64).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from importer.errors import WorkbookRefused
from importer.limits import MAX_MEMBERS
from importer.workbook.refusals import damaged, too_large

LOCAL_MAGIC: Final = b"PK\x03\x04"
_CENTRAL_MAGIC: Final = b"PK\x01\x02"
_END_MAGIC: Final = b"PK\x05\x06"
_END64_MAGIC: Final = b"PK\x06\x06"
_LOCATOR_MAGIC: Final = b"PK\x06\x07"
_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_EXTRA: Final = struct.Struct("<2H")
_LOCAL: Final = struct.Struct("<4s5H3L2H")

_STORED: Final = 0
_DEFLATED: Final = 8
#: Encrypted, strongly encrypted, directory encrypted.
_ENCRYPTED_FLAGS: Final = 0x0001 | 0x0040 | 0x2000
_UTF8_FLAG: Final = 0x0800
_IN_ZIP64: Final = 0xFFFF_FFFF
_ZIP64_EXTRA: Final = 1
#: A comment is at most 65,535 bytes, so the end record starts within these.
_END_WITHIN: Final = 65_535 + _END.size
#: Ten thousand members with the longest names seen are 2 MB of directory.
_MAX_DIRECTORY_BYTES: Final = 8_000_000

READ_BYTES: Final = 65_536
PIECE_BYTES: Final = 262_144


class Member(NamedTuple):
    """
    One member of the zip.

    Attributes:
        name: As it stands in the directory.
        is_deflated: Compressed; otherwise stored as it is.
        crc: CRC-32 of the inflated bytes.
        packed: Compressed size in bytes.
        size: Inflated size in bytes, as the directory declares it.
        start: Offset of its local header.
        data: Offset of its first compressed byte.
    """

    name: str
    is_deflated: bool
    crc: int
    packed: int
    size: int
    start: int
    data: int


def read_directory(file: BinaryIO, file_bytes: int) -> tuple[Member, ...]:
    """
    Read the directory, and prove that its members are whole, apart and readable.

    Args:
        file: An open zip file.
        file_bytes: Its size.

    Returns:
        The members without folders, in directory order.

    Raises:
        WorkbookRefused: `damaged`, `encrypted` or `too-large`.
    """
    entries, start, length = _find_directory(file, file_bytes)
    if entries > MAX_MEMBERS:
        raise too_large("The workbook has", entries, MAX_MEMBERS, "parts")
    if length > _MAX_DIRECTORY_BYTES:
        raise too_large("The list of the workbook's parts has", length, _MAX_DIRECTORY_BYTES, "bytes")
    file.seek(start)
    members = tuple(_central_entries(file.read(length), entries))
    placed = sorted((_with_data(file, member) for member in members), key=lambda member: member.start)
    end = 0
    for member in placed:
        if member.start < end or member.data + member.packed > start:
            raise damaged(f"the part {member.name} shares bytes with another one")
        end = member.data + member.packed
    return tuple(member for member in placed if not member.name.endswith("/"))


def _find_directory(file: BinaryIO, file_bytes: int) -> tuple[int, int, int]:
    """Return the number of entries, the directory's offset and its length."""
    tail_start = max(0, file_bytes - _END_WITHIN)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(_END_MAGIC)
    if at < 0 or len(tail) - at < _END.size:
        raise damaged("its end is missing, as if a copy or download had been cut off")
    _, _, _, _, entries, length, start, _ = _END.unpack_from(tail, at)
    if at >= _LOCATOR.size and tail[at - _LOCATOR.size :].startswith(_LOCATOR_MAGIC):
        _, _, end64, _ = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)
        if end64 > file_bytes - _END64.size:
            raise damaged("the list of its parts is broken")
        file.seek(end64)
        magic, _, _, _, _, _, _, entries, length, start = _END64.unpack(file.read(_END64.size))
        if magic != _END64_MAGIC:
            raise damaged("the list of its parts is broken")
    if start + length > tail_start + at:
        raise damaged("the list of its parts is broken")
    return entries, start, length


def _central_entries(directory: bytes, entries: int) -> Iterator[Member]:
    at = 0
    for _ in range(entries):
        if len(directory) - at < _CENTRAL.size or not directory.startswith(_CENTRAL_MAGIC, at):
            raise damaged("the list of its parts is broken")
        fields = _CENTRAL.unpack_from(directory, at)
        _, _, _, flags, method, _, _, crc, packed, size, name_length, length, comment, _, _, _, start = fields
        name_end = at + _CENTRAL.size + name_length
        extra_end = name_end + length
        name = _decode_name(directory[at + _CENTRAL.size : name_end], flags)
        if flags & _ENCRYPTED_FLAGS:
            raise WorkbookRefused("encrypted")
        if method not in (_STORED, _DEFLATED):
            raise damaged(
                f"the part {name} is compressed in a way that Excel does not know (method {method})"
            )
        if _IN_ZIP64 in (packed, size, start):
            packed, size, start = _zip64(directory[name_end:extra_end], packed, size, start)
        yield Member(name, method == _DEFLATED, crc, packed, size, start, start)
        at = extra_end + comment
    if at != len(directory):
        raise damaged("the list of its parts is broken")


def _decode_name(name: bytes, flags: int) -> str:
    if b"\0" in name or not name:
        raise damaged("a part has no proper name")
    try:
        return name.decode("utf-8" if flags & _UTF8_FLAG else "cp437")
    except UnicodeDecodeError:
        raise damaged("a part has no proper name") from None


def _zip64(extra: bytes, packed: int, size: int, start: int) -> tuple[int, int, int]:
    """Replace the sizes that do not fit into 32 bits by those of the zip64 field."""
    at = 0
    while len(extra) - at >= _EXTRA.size:
        kind, length = _EXTRA.unpack_from(extra, at)
        if kind == _ZIP64_EXTRA:
            field = extra[at + _EXTRA.size : at + _EXTRA.size + length]
            wide = [int.from_bytes(field[n : n + 8], "little") for n in range(0, len(field) - 7, 8)]
            try:
                size = wide.pop(0) if size == _IN_ZIP64 else size
                packed = wide.pop(0) if packed == _IN_ZIP64 else packed
                start = wide.pop(0) if start == _IN_ZIP64 else start
            except IndexError:
                raise damaged("the list of its parts is broken") from None
        at += _EXTRA.size + length
    return packed, size, start


def _with_data(file: BinaryIO, member: Member) -> Member:
    """Find where the member's bytes start; its own header must name it as the directory does."""
    file.seek(member.start)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(LOCAL_MAGIC):
        raise damaged(f"the part {member.name} is not where it should be")
    _, _, flags, *_, name_length, extra_length = _LOCAL.unpack(header)
    if _decode_name(file.read(name_length), flags) != member.name:
        raise damaged(f"the part {member.name} has another name in its own header")
    return Member._make((*member[:-1], member.start + _LOCAL.size + name_length + extra_length))


def inflate(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """
    Give a member's bytes in pieces of at most 256 KiB; size and CRC are checked at the end.

    Raises:
        WorkbookRefused: `damaged`.
    """
    crc = given = 0
    for piece in _inflated(file, member) if member.is_deflated else _packed(file, member):
        given += len(piece)
        if given > member.size:
            raise damaged(f"the part {member.name} is larger than it says")
        crc = zlib.crc32(piece, crc)
        yield piece
    if given != member.size or crc != member.crc:
        raise damaged(f"the part {member.name} does not match its checksum")


def _packed(file: BinaryIO, member: Member) -> Iterator[bytes]:
    at, left = member.data, member.packed
    while left:
        # Two parts may be read in turn, so the file's position is nobody's.
        file.seek(at)
        read = file.read(min(READ_BYTES, left))
        if not read:
            raise damaged(f"the part {member.name} is cut off")
        at += len(read)
        left -= len(read)
        yield read


def _inflated(file: BinaryIO, member: Member) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for read in _packed(file, member):
            waiting = read
            while waiting and not inflater.eof:
                if piece := inflater.decompress(waiting, PIECE_BYTES):
                    yield piece
                waiting = inflater.unconsumed_tail
        while not inflater.eof and (piece := inflater.decompress(b"", PIECE_BYTES)):
            yield piece
    except zlib.error:
        raise damaged(f"the part {member.name} cannot be unpacked") from None
    if not inflater.eof:
        raise damaged(f"the part {member.name} is cut off")
