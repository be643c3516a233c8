"""
Zip files as the bytes that they are: records, members, and what stands between them.

Source: PKWARE APPNOTE 6.3.10, §4.3.7 (local header), §4.3.12 (directory), §4.3.16 (end).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_UTF8 = 0x800
#: Deflate effort and "sizes stand behind the data": true only of the bytes that they were set for.
_OF_THE_DATA = 0xE
BUILT = 0x5A21  # 1 January 2025, in the format of MS-DOS


@dataclass(frozen=True)
class Entry:
    """
    One member.

    Attributes:
        name: As the directory spells it.
        record: Its directory record.
        local: Its bytes in the file: local header, compressed bytes, and what follows up to the next member.
    """

    name: str
    record: bytes
    local: bytes

    @property
    def content(self) -> bytes:
        """The inflated bytes; fails if they do not match length and CRC."""
        _, _, _, _, method, _, _, crc, packed, size, *_ = _CENTRAL.unpack_from(self.record)
        *_, name_length, extra_length = _LOCAL.unpack_from(self.local)
        start = _LOCAL.size + name_length + extra_length
        data = self.local[start : start + packed]
        inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data) if method else data
        assert (crc, size) == (zlib.crc32(inflated), len(inflated)), f"{self.name} is damaged"
        return inflated

    @property
    def attributes(self) -> tuple[object, ...]:
        """What the directory says of it, whatever its bytes are: versions, flags, times, attributes, extras, comment."""
        fields = list(_CENTRAL.unpack_from(self.record))
        fields[3] &= ~_OF_THE_DATA
        for place in (7, 8, 9, 16):  # CRC, packed size, size, offset
            fields[place] = 0
        return (*fields, self.record[_CENTRAL.size :])

    def refilled(self, content: bytes) -> Entry:
        """The same member with other bytes, compressed as it was."""
        fields, local = list(_CENTRAL.unpack_from(self.record)), list(_LOCAL.unpack_from(self.local))
        packed = _deflated(content) if fields[4] else content
        names = self.local[_LOCAL.size : _LOCAL.size + local[9] + local[10]]
        fields[3] &= ~_OF_THE_DATA
        fields[7:10] = zlib.crc32(content), len(packed), len(content)
        local[2], local[6:9] = fields[3], fields[7:10]
        record = _CENTRAL.pack(*fields) + self.record[_CENTRAL.size :]
        return replace(self, record=record, local=_LOCAL.pack(*local) + names + packed)


@dataclass(frozen=True)
class Zip:
    """
    A zip file.

    Attributes:
        entries: Its members, in the order of the directory.
        order: Their names, in the order of the file.
        head: Bytes before the first member.
        tail: The end record and the archive's comment.
    """

    entries: tuple[Entry, ...]
    order: tuple[str, ...]
    head: bytes
    tail: bytes

    @property
    def by_name(self) -> dict[str, Entry]:
        """The members by name."""
        return {entry.name: entry for entry in self.entries}

    def edited(self, replaced: Mapping[str, bytes], added: Mapping[str, bytes] = {}) -> bytes:
        """The whole file with some members' contents replaced and some members added behind the others."""
        kept = tuple(e.refilled(replaced[e.name]) if e.name in replaced else e for e in self.entries)
        new = tuple(_new_entry(name, content) for name, content in added.items())
        return replace(self, entries=kept + new, order=(*self.order, *added)).to_bytes()

    def to_bytes(self) -> bytes:
        """The file, with offsets that fit."""
        offsets, at, named = {}, len(self.head), self.by_name
        for name in self.order:
            offsets[name] = at
            at += len(named[name].local)
        records = [e.record[:42] + struct.pack("<I", offsets[e.name]) + e.record[46:] for e in self.entries]
        count = len(records)
        end = _END.pack(b"PK\5\6", 0, 0, count, count, sum(map(len, records)), at, len(self.tail) - _END.size)
        files = [named[name].local for name in self.order]
        return b"".join([self.head, *files, *records, end, self.tail[_END.size :]])


def read_zip(data: bytes) -> Zip:
    """Read a zip file without zip64 records, one member of each name."""
    end = data.rindex(b"PK\5\6")
    *_, count, length, start, _ = _END.unpack_from(data, end)
    assert start + length == end, "records between directory and end"
    records, at = [], start
    for _ in range(count):
        record_end = at + _CENTRAL.size + sum(_CENTRAL.unpack_from(data, at)[10:13])
        records.append(data[at:record_end])
        at = record_end
    offsets = [int(_CENTRAL.unpack_from(record)[16]) for record in records]
    following = dict(pairwise([*sorted(offsets), start]))
    entries = tuple(
        Entry(_name_of(record), record, data[offset : following[offset]])
        for record, offset in zip(records, offsets, strict=True)
    )
    names = [entry.name for entry in entries]
    assert len(set(names)) == len(names), "two members of one name"
    order = tuple(name for _, name in sorted(zip(offsets, names, strict=True)))
    return Zip(entries, order, data[: min(offsets)], data[end:])


def _name_of(record: bytes) -> str:
    fields = _CENTRAL.unpack_from(record)
    return record[_CENTRAL.size :][: fields[10]].decode("utf-8" if fields[3] & _UTF8 else "cp437")


def _new_entry(name: str, content: bytes) -> Entry:
    spelt, packed = name.encode(), _deflated(content)
    numbers = zlib.crc32(content), len(packed), len(content)
    local = _LOCAL.pack(b"PK\3\4", 20, 0, 8, 0, BUILT, *numbers, len(spelt), 0) + spelt + packed
    record = _CENTRAL.pack(b"PK\1\2", 20, 20, 0, 8, 0, BUILT, *numbers, len(spelt), 0, 0, 0, 0, 0, 0) + spelt
    return Entry(name, record, local)


def _deflated(content: bytes) -> bytes:
    engine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(content) + engine.flush()
