"""
Zip files with some members replaced and every other byte kept.

Owns the copy: members that do not change are copied as the byte ranges that they are, gaps and data
descriptors included, and a changed member is inflated, edited and deflated in pieces, so that a
sheet of hundreds of megabytes never stands in memory. What an edit does is the caller's subject;
the layout of the directory is `importer.workbook.zipdirectory`'s.

Source: PKWARE APPNOTE 6.3.10, §4.3.7 (local header), §4.3.9 (data descriptor).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import pairwise
from typing import BinaryIO, Final

from importer.workbook.zipdirectory import (
    DAMAGED,
    FULL,
    CannotSplice,
    Directory,
    File,
    Member,
    moved,
    moved_tail,
    read_at,
    refilled,
    without_zip64,
)

#: What an edit does: the inflated bytes of a member in pieces → its new bytes in pieces.
Edit = Callable[[Iterator[bytes]], Iterator[bytes]]

#: Bytes read, inflated or copied at a time. Blocks beyond 128 KiB are mapped anew each time that Python
#: asks for one: at 1,000 rows that was a fifth of the CPU time.
PIECE_BYTES: Final = 64 << 10

# Level 5 takes three quarters of the time of level 6 for 1 % more bytes. Beyond 200 KB of XML the choice is
# between a millisecond or two and ten: level 2 takes a third as long as level 6 for a quarter more bytes,
# and as long as level 1 for a tenth less (measured on sheets of 25 KB, 0.4 and 4 MB).
# A window of 16 KB and half the usual memory stay within what the C library keeps at hand: the usual ones are
# mapped anew for each workbook, a quarter of the time of a sheet of 25 KB; they pack it no better.
_LARGE_PART_BYTES: Final = 200_000
_SMALL: Final = (5, zlib.DEFLATED, -14, 7)
_LARGE: Final = (2, zlib.DEFLATED, -zlib.MAX_WBITS)

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1
# Deflate effort (bits 1 and 2) and "sizes stand behind the data" (bit 3): no longer true of new data.
_STREAM_FLAGS = 0xE


def inflated(file: File, member: Member) -> Iterator[bytes]:
    """
    Give the bytes of a member in pieces.

    Raises:
        CannotSplice: Encrypted, another compression, or its bytes do not match its length and CRC;
            the last is known only when the pieces are exhausted.
    """
    if member.flags & _ENCRYPTED or member.method not in {_STORED, _DEFLATED}:
        raise CannotSplice(f'its part "{member.name}" is encrypted or packed in an unusual way')
    crc = size = 0
    for piece in _unpacked(file, member):
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        if size > member.size:
            break
        yield piece
    if (crc, size) != (member.crc, member.size):
        raise CannotSplice(f'its part "{member.name}" is damaged')


def _unpacked(file: File, member: Member) -> Iterator[bytes]:
    at = _data_start(file, member)
    end = at + member.packed
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while at < end:
            packed = read_at(file, at, min(PIECE_BYTES, end - at))
            at += len(packed)
            if member.method == _STORED:
                yield packed
                continue
            while packed and not engine.eof:
                yield engine.decompress(packed, PIECE_BYTES)
                packed = engine.unconsumed_tail
        if tail := engine.flush():
            yield tail
    except zlib.error as error:
        raise CannotSplice(f'its part "{member.name}" is damaged') from error


def _data_start(file: File, member: Member) -> int:
    signature, *_, name_length, extra_length = _LOCAL.unpack(read_at(file, member.offset, _LOCAL.size))
    if signature != b"PK\3\4":
        raise CannotSplice(DAMAGED)
    return member.offset + _LOCAL.size + int(name_length) + int(extra_length)


def splice(source: File, out: BinaryIO, directory: Directory, edits: Mapping[str, Edit]) -> None:
    """
    Write the zip again with the named members edited.

    Args:
        source: The original.
        directory: Its directory.
        out: Empty, writable and seekable.
        edits: What to do, by member name.

    Raises:
        CannotSplice: A part is damaged or cannot be edited; *out* is then worthless.
    """
    changed = [directory.find(name) for name in edits]
    records = [member.record for member in directory.members]
    done = shift = 0
    for number, member in sorted(enumerate(directory.members), key=lambda one: one[1].offset):
        if member in changed:
            if member.offset < done:
                raise CannotSplice(DAMAGED)
            _copy(source, out, done, member.offset)
            records[number] = _write_member(source, out, member, edits[member.name])
            done = _member_end(source, member)
            shift = out.tell() - done
        elif shift:
            records[number] = moved(member.record, member.offset + shift)
    _copy(source, out, done, directory.start)
    start = out.tell()
    out.writelines(records)
    end = out.tell()
    _check_size(end)
    out.write(moved_tail(directory, start, end - start))


def _check_size(size: int) -> None:
    if size >= FULL:
        raise CannotSplice("it holds more than 4 GB", "Split it into several workbooks.")


def _copy(source: File, out: BinaryIO, at: int, end: int) -> None:
    if end < at:
        raise CannotSplice(DAMAGED)
    while at < end:
        piece = read_at(source, at, min(PIECE_BYTES, end - at))
        out.write(piece)
        at += len(piece)


def _write_member(source: File, out: BinaryIO, member: Member, edit: Edit) -> bytes:
    """Write a changed member; gives its new directory record."""
    _check_size(member.size)
    header = _LOCAL.unpack(read_at(source, member.offset, _LOCAL.size))
    extra_start = member.offset + _LOCAL.size + header[9]
    name = read_at(source, member.offset + _LOCAL.size, header[9])
    extras = without_zip64(read_at(source, extra_start, header[10]))
    offset = out.tell()
    out.write(bytes(_LOCAL.size) + name + extras)
    crc, size = _pack(edit(inflated(source, member)), out, member)
    end = out.tell()
    packed = end - offset - _LOCAL.size - len(name) - len(extras)
    _check_size(max(size, end))
    flags = member.flags & ~_STREAM_FLAGS
    out.seek(offset)
    out.write(
        _LOCAL.pack(*header[:2], flags, header[3], *header[4:6], crc, packed, size, len(name), len(extras))
    )
    out.seek(end)
    return refilled(member, flags=flags, crc=crc, packed=packed, size=size, offset=offset)


def _pack(pieces: Iterator[bytes], out: BinaryIO, member: Member) -> tuple[int, int]:
    """Write the pieces as the member was packed; gives their CRC and length."""
    engine = zlib.compressobj(*(_LARGE if member.size > _LARGE_PART_BYTES else _SMALL))
    is_stored = member.method == _STORED
    crc = size = 0
    for piece in pieces:
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        out.write(piece if is_stored else engine.compress(piece))
    if not is_stored:
        out.write(engine.flush())
    return crc, size


def _member_end(source: File, member: Member) -> int:
    """Where a member ends in the file, its data descriptor included."""
    end = _data_start(source, member) + member.packed
    source.seek(end)
    behind = source.read(24)
    for signature in (b"PK\7\b", b""):
        for form in ("<I2Q", "<3I"):
            descriptor = signature + struct.pack(form, member.crc, member.packed, member.size)
            if behind.startswith(descriptor):
                return end + len(descriptor)
    return end


def same_others(
    source: File, directory: Directory, result: File, new: Directory, changed: Collection[str]
) -> bool:
    """
    Whether every member but the changed ones is byte for byte what it was.

    Compares directory records (all but the offset) and byte ranges: local header, compressed
    bytes, data descriptor and the gap up to the next member.
    """
    if [member.name for member in directory.members] != [member.name for member in new.members]:
        return False
    bounds = sorted([*(member.offset for member in directory.members), directory.start])
    following = dict(pairwise(bounds))
    return all(
        moved(old.record, fresh.offset) == fresh.record
        and _same_bytes(source, old.offset, result, fresh.offset, following[old.offset] - old.offset)
        for old, fresh in zip(directory.members, new.members, strict=True)
        if old.name not in changed
    )


def _same_bytes(source: File, at: int, result: File, result_at: int, length: int) -> bool:
    for done in range(0, length, PIECE_BYTES):
        size = min(PIECE_BYTES, length - done)
        if read_at(source, at + done, size) != read_at(result, result_at + done, size):
            return False
    return True
