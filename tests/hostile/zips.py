"""Zip files record by record, so that a record can lie; and members of a gigabyte that are made in a second."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """
    One member as its records describe it; what is None is the truth.

    Attributes:
        name: In the directory.
        packed: Its compressed bytes, in pieces.
        crc: CRC-32 as declared.
        size: Inflated size as declared.
        method: 0 stored, 8 deflated, others as declared.
        flags: General purpose flags.
        local_name: In its own header.
        start: Where the directory says that it begins.
    """

    name: str
    packed: Sequence[bytes]
    crc: int
    size: int
    method: int = 8
    flags: int = 0x800
    local_name: str | None = None
    start: int | None = None


def entry(name: str, content: bytes) -> Entry:
    """An honest member."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return Entry(name, (packer.compress(content) + packer.flush(),), zlib.crc32(content), len(content))


def repeated(name: str, before: bytes, block: bytes, times: int, after: bytes) -> Entry:
    """A member that holds *block* many times, whose compressed form is repeated and not made again."""
    packed: list[bytes] = []
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    first = packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
    once = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = [first, *[once] * times, packer.compress(after) + packer.flush()]
    crc = zlib.crc32(before)
    for _ in range(times):
        crc = zlib.crc32(block, crc)
    size = len(before) + len(block) * times + len(after)
    return Entry(name, packed, zlib.crc32(after, crc), size)


def write_zip(
    path: Path, entries: Iterable[Entry], *, count: int | None = None, comment: bytes = b""
) -> Path:
    """Write a zip; *count* is the number of members that its end declares."""
    directory: list[bytes] = []
    with path.open("wb") as out:
        for one in entries:
            at = out.tell() if one.start is None else one.start
            packed = sum(map(len, one.packed))
            numbers = (20, one.flags, one.method, 0, 0x21, one.crc, packed, one.size)
            name, local_name = one.name.encode(), (one.local_name or one.name).encode()
            if one.start is None:
                out.write(struct.pack("<4s5H3I2H", b"PK\3\4", *numbers, len(local_name), 0) + local_name)
                out.writelines(one.packed)
            directory.append(
                struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, *numbers, len(name), 0, 0, 0, 0, 0, at) + name
            )
        start = out.tell()
        out.writelines(directory)
        length = out.tell() - start
        number = len(directory) if count is None else count
        out.write(
            struct.pack(
                "<4s4H2IH", b"PK\5\6", 0, 0, number & 0xFFFF, number & 0xFFFF, length, start, len(comment)
            )
        )
        out.write(comment)
    return path


def entries_of(parts: Mapping[str, bytes], **changed: Entry) -> list[Entry]:
    """Honest members, but for those in *changed*, by part name."""
    return [changed.get(name) or entry(name, content) for name, content in parts.items()]
