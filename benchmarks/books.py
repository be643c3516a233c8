"""
The workbooks that are measured: filled ones of any size, and one formatted down to the last row.

    echo BATCH_ID BATCH_ID … | python -m benchmarks.books write OUT ROWS

Twelve columns, one row per instruction and option, 18 instructions per 60 rows, with what a real
sheet has: borders, wrapped text, a filter, frozen headers, drop-down lists and blank formatted
cells where the ids will stand. What else can be made of the same questions is under `ACTIONS`; all
of it in processes of their own, because the one that measures must stay small.
"""

from __future__ import annotations

import getpass
import hashlib
import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Final

#: Three instructions of a batch: rows that each takes, so that 18 instructions take 60 rows.
PATTERN: Final = (("multiple_choice", 5), ("multiple_choice_with_free_text", 4), ("free_text", 1))
ROWS_PER_BATCH: Final = 60
LAST_ROW: Final = 1_048_576

COLUMNS: Final = (
    ("batch", 10),
    ("ref", 8),
    ("type", 31),
    ("description", 60),
    ("answer_limit", 13),
    ("option_heading", 18),
    ("option_label", 30),
    ("option_value", 18),
    ("helper_text", 40),
    ("disable_dropdown", 17),
    ("instruction_id", 38),
    ("status", 30),
)
#: Text of column K, where the ids stand.
ID_COLUMN: Final = 11

#: Stands in the workbook that others are copied from, and nowhere else.
_PLACEHOLDER: Final = "019a0f6e-1c1d-7cc2-8a67-c0b1ed000000"
_UUID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_ROOT: Final = Path(__file__).resolve().parent.parent


# ---------------------------------------------------------------- where they are
def cached(name: str, rows: int) -> Path:
    """Return the path of a workbook in the cache, made if it is not there: `filled` or `formatted`."""
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"importer-benchmarks-{getpass.getuser()}" / version
    path = folder / f"{name}-{rows}.xlsx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = path.with_suffix(".part")
        make(unfinished, rows, [f"019a0f6e-1c1d-7cc2-8a67-{number:012x}" for number in range(batches(rows))])
        if name == "formatted":
            format_to_last_row(unfinished)
        unfinished.replace(path)
    return path


def make(path: Path, rows: int, batch_ids: Sequence[str]) -> None:
    """Write a filled workbook; its batches have 60 rows, or as many as their number asks for."""
    run("write", path, rows, batch_ids)


def run(action: str, path: Path, number: int, batch_ids: Sequence[str] = ()) -> None:
    """
    Do one of `ACTIONS` in a process of its own.

    Raises:
        RuntimeError: It failed; the process has said why.
    """
    # Ids go through stdin: what stands in a word of a command has a limit (128 KiB on Linux).
    command = [sys.executable, "-m", "benchmarks.books", action, str(path), str(number)]
    if subprocess.run(command, check=False, cwd=_ROOT, input=" ".join(batch_ids), text=True).returncode:
        raise RuntimeError(f"benchmarks.books {action} failed for {path.name}")


def batches(rows: int) -> int:
    """Return how many batches a workbook of so many rows has."""
    return -(-rows // ROWS_PER_BATCH)


def instructions(rows: int, rows_per_batch: int = ROWS_PER_BATCH) -> int:
    """Return how many instructions a workbook of so many rows has."""
    return sum(1 for _ in _blocks(rows, rows_per_batch))


# ---------------------------------------------------------------- what stands in them
def _blocks(rows: int, rows_per_batch: int = ROWS_PER_BATCH) -> Iterator[tuple[int, int, str, int]]:
    """Yield each instruction: its batch, its number there, its type, its rows."""
    for batch, start in enumerate(range(0, rows, rows_per_batch)):
        left = min(rows_per_batch, rows - start)
        for number, (kind, size) in enumerate(cycle(PATTERN), 1):
            if left <= 0:
                break
            yield batch, number, kind, min(size, left)
            left -= size


def _rows(rows: int, rows_per_batch: int) -> Iterator[list[str | int]]:
    for batch, number, kind, size in _blocks(rows, rows_per_batch):
        for option in range(size):
            yield _row(batch, number, kind, option)


def _row(batch: int, number: int, kind: str, option: int) -> list[str | int]:
    head: list[str | int] = [f"wave{batch + 1}", f"Q{number}"]
    if option == 0:
        head += [
            kind,
            f"Question {number} of wave {batch + 1}: which of the answers below is nearer to what you think?",
        ]
        head += ["" if kind == "free_text" else 1]
    else:
        head += ["", "", ""]
    heading = f"Aspect {option // 2 + 1}" if kind == "multiple_choice_with_free_text" else ""
    answer = (
        ["", ""] if kind == "free_text" else [f"Answer {option + 1} & why", f"q{number}_answer_{option + 1}"]
    )
    helper = f"Take your time with question {number}." if option == 0 else ""
    dropdown = "yes" if option == 0 and kind == "multiple_choice" else ""
    return [*head, heading, *answer, helper, dropdown, "", ""]


def write(path: Path, rows: int, batch_ids: Sequence[str]) -> None:
    """Write a filled workbook with XlsxWriter."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path)) as book:
        cell = book.add_format({"border": 1, "text_wrap": True, "valign": "top", "num_format": "@"})
        bold = book.add_format({"border": 1, "bold": True, "bg_color": "#DDEBF7"})
        sheet = book.add_worksheet("Instructions")
        for column, (name, width) in enumerate(COLUMNS):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, name, bold)
        rows_per_batch = max(ROWS_PER_BATCH, -(-rows // len(batch_ids)))
        for number, values in enumerate(_rows(rows, rows_per_batch), 1):
            for column, value in enumerate(values):
                sheet.write(number, column, value, cell)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, rows, len(COLUMNS) - 1)
        sheet.data_validation(1, 2, rows, 2, {"validate": "list", "source": [kind for kind, _ in PATTERN]})
        listed = book.add_worksheet("Batches")
        listed.write_row(0, 0, ["batch", "batch_id"], bold)
        for number, batch_id in enumerate(batch_ids, 1):
            listed.write_row(number, 0, [f"wave{number}", batch_id], cell)


def write_form(path: Path, rows: int, _ids: Sequence[str]) -> None:
    """Write what pyxform reads: a question for each instruction, a choice for each option."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path)) as book:
        survey, choices = book.add_worksheet("survey"), book.add_worksheet("choices")
        survey.write_row(0, 0, ["type", "name", "label", "hint"])
        choices.write_row(0, 0, ["list_name", "name", "label"])
        line = 0
        for question, (batch, number, kind, size) in enumerate(_blocks(rows), 1):
            name, first = f"w{batch + 1}_q{number}", _row(batch, number, kind, 0)
            asked = "text" if kind == "free_text" else f"select_one {name}_list"
            survey.write_row(question, 0, [asked, name, first[3], first[8]])
            for option in range(0 if kind == "free_text" else size):
                line += 1
                label, value = _row(batch, number, kind, option)[6:8]
                choices.write_row(line, 0, [f"{name}_list", value, label])


def write_payload(path: Path, rows: int, _ids: Sequence[str]) -> None:
    """Write the body of a PUT that sends one batch of so many rows."""
    names = [name for name, _ in COLUMNS]
    sent: list[dict[str, Any]] = []
    for _, number, kind, size in _blocks(rows, rows):
        first, *_ = lines = [
            dict(zip(names, _row(0, number, kind, option), strict=True)) for option in range(size)
        ]
        item: dict[str, Any] = {name: first[name] for name in ("type", "description", "helper_text")}
        if kind != "free_text":
            fields = ("heading", "label", "value")
            options = [{field: line[f"option_{field}"] for field in fields} for line in lines]
            item |= {"answer_limit": 1, "options": [{k: v for k, v in o.items() if v} for o in options]}
        sent.append(item)
    path.write_text(json.dumps({"instructions": sent}))


# ---------------------------------------------------------------- many of them
def write_copies(folder: Path, rows: int, batch_ids: Sequence[str]) -> None:
    """
    Write a workbook of one batch for each id, named for it: as fast as files can be written.

    The text that holds the id is stored, not deflated, in the one that is copied; so only the id
    and the text's checksum (once before the text, once in the directory of the zip) differ.
    """
    source = folder / "source.part"
    write(source, rows, [_PLACEHOLDER])
    data, text = _with_stored_text(source)
    source.unlink()
    checksum, placeholder = _checksum(text), _PLACEHOLDER.encode()
    if (data.count(placeholder), data.count(checksum)) != (1, 2):
        raise RuntimeError("the workbook cannot be copied: its id or its checksum also stands elsewhere")
    for batch_id in batch_ids:
        new_checksum = _checksum(text.replace(placeholder, batch_id.encode()))
        copy = data.replace(placeholder, batch_id.encode()).replace(checksum, new_checksum)
        (folder / f"{batch_id}.xlsx").write_bytes(copy)


def _checksum(text: bytes) -> bytes:
    return zlib.crc32(text).to_bytes(4, "little")


def _with_stored_text(path: Path) -> tuple[bytes, bytes]:
    """Return a workbook's zip with its shared text stored, and that text."""
    target, part = io.BytesIO(), "xl/sharedStrings.xml"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        text = source.read(part)
        for member in source.infolist():
            kind = zipfile.ZIP_STORED if member.filename == part else zipfile.ZIP_DEFLATED
            out.writestr(member, source.read(member), compress_type=kind)
    return target.getvalue(), text


def verify(folder: Path, expected: int, batch_ids: Sequence[str]) -> None:
    """Make sure that so many ids, which are not those of batches, stand in each workbook of a folder."""
    known = {batch_id.encode() for batch_id in batch_ids}
    for path in sorted(folder.glob("*.xlsx")):
        came_back = len(ids_in(path) - known)
        if came_back != expected:
            raise RuntimeError(f"{path.name}: {came_back} ids came back, not {expected}")


def ids_in(path: Path) -> set[bytes]:
    """Return all ids that stand in a workbook."""
    with zipfile.ZipFile(path) as book:
        parts = [name for name in book.namelist() if name.endswith(".xml")]
        return {found for name in parts for found in _UUID.findall(book.read(name))}


# ---------------------------------------------------------------- formatted to the last row
def format_to_last_row(path: Path) -> None:
    """Give every row below the filled ones twelve bordered blank cells, as a whole-column format does."""
    target = path.with_suffix(".formatted")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for member in source.infolist():
            if member.filename == "xl/worksheets/sheet1.xml":
                _write_formatted(source.read(member), out)
            else:
                out.writestr(member, source.read(member))
    target.replace(path)


def _write_formatted(xml: bytes, out: zipfile.ZipFile) -> None:
    above, below = xml.split(b"</sheetData>")
    style = above[above.rindex(b' s="') :].split(b'"')[1].decode()
    first = above.count(b"<row ") + 1
    with out.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
        part.write(
            above.replace(b'<dimension ref="A1:L%d"' % (first - 1), b'<dimension ref="A1:L%d"' % LAST_ROW)
        )
        for start in range(first, LAST_ROW + 1, 4096):
            numbers = range(start, min(start + 4096, LAST_ROW + 1))
            part.write("".join(_blank_row(number, style) for number in numbers).encode())
        part.write(b"</sheetData>" + below)


def _blank_row(number: int, style: str) -> str:
    cells = "".join(f'<c r="{letter}{number}" s="{style}"/>' for letter in "ABCDEFGHIJKL")
    return f'<row r="{number}" spans="1:12">{cells}</row>'


#: What a process of its own can do: a function of a path, a number of rows (or of ids) and the batches' ids.
ACTIONS: Final = {
    "write": write,
    "write-copies": write_copies,
    "write-form": write_form,
    "write-payload": write_payload,
    "verify": verify,
}

if __name__ == "__main__":
    ACTIONS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), sys.stdin.read().split())
