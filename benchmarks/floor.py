"""
The least that a push can cost: no check, no plan, no journal, no id written, no library.

    python -I -S floor.py TASKS URL TOKEN CONNECTIONS BODY

`TASKS` has a line for each workbook: its path, then its batches' ids. Each workbook is read, unzipped, its first sheet
scanned once by expat without a handler, and its zip copied once; each batch is one PUT of the bytes in `BODY` on a
connection that stays open. Nothing is imported but what the interpreter has built in or beside it.
"""

import pyexpat
import socket
import struct
import sys
import threading
import zlib
from _queue import SimpleQueue

SHEET = b"xl/worksheets/sheet1.xml"


def members(data):
    """Yield the name and the content of each member of a zip."""
    end = data.rindex(b"PK\x05\x06")
    count, _, place = struct.unpack_from("<HII", data, end + 10)
    for _ in range(count):
        method, packed = struct.unpack_from("<10xH8xI", data, place)
        name_size, extra_size, note_size = struct.unpack_from("<28xHHH", data, place)
        (header,) = struct.unpack_from("<42xI", data, place)
        name = data[place + 46 : place + 46 + name_size]
        start = header + 30 + sum(struct.unpack_from("<26xHH", data, header))
        content = data[start : start + packed]
        yield name, zlib.decompress(content, -15) if method else content
        place += 46 + name_size + extra_size + note_size


def handle(path):
    with open(path, "rb") as book:  # noqa: PTH123 - pathlib costs more than the book
        data = book.read()
    sheet = dict(members(data))[SHEET]
    pyexpat.ParserCreate().Parse(sheet, True)
    with open(f"{path}.copy", "wb") as copy:  # noqa: PTH123
        copy.write(data)


def send(address, token, body, batch_ids, failures):
    """Send a PUT for each id from the queue, one after the other, until there is an empty one."""
    try:
        with socket.create_connection(address) as connection, connection.makefile("rb") as answers:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while batch_id := batch_ids.get():
                head = (
                    f"PUT /api/v1/data-collection/batches/{batch_id}/instructions HTTP/1.1\r\nHost: {address[0]}\r\n"
                    f"Authorization: Token {token}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                connection.sendall(head.encode() + body)
                receive(answers)
    except (OSError, RuntimeError) as failure:
        failures.append(failure)


def receive(answers):
    status, length = answers.readline(), 0
    while (line := answers.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    answers.read(length)
    if b" 200 " not in status:
        raise RuntimeError(f"answered {status!r}")


def main(tasks, url, token, connections, body_path):
    host, _, port = url.rpartition("/")[2].partition(":")
    with open(body_path, "rb") as file:  # noqa: PTH123
        body = file.read()
    batch_ids, failures = SimpleQueue(), []
    arguments = ((host, int(port)), token, body, batch_ids, failures)
    senders = [threading.Thread(target=send, args=arguments) for _ in range(int(connections))]
    for sender in senders:
        sender.start()
    with open(tasks) as lines:  # noqa: PTH123
        for line in lines:
            path, *ids = line.split()
            handle(path)
            for batch_id in ids:
                batch_ids.put(batch_id)
    for _ in senders:
        batch_ids.put("")
    for sender in senders:
        sender.join()
    if failures:
        sys.exit(f"{len(failures)} connections failed: {failures[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
