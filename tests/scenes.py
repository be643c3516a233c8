"""
What a case of the crash matrix plays in: batches on a sandbox, and a workbook that describes them.

A shape says how many batches, and whether their rows are new, known or both; a scene is a shape
made real, with what the workbook and the sandbox must hold when all is done.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from tests.books import write_book
from tests.elsewhere import SandboxElsewhere
from tests.killed import FastClock, Place

Rows = Literal["new", "known", "mixed"]

HEADERS: Final = (
    *(
        "batch",
        "ref",
        "type",
        "description",
        "answer_limit",
        "option_heading",
        "option_label",
        "option_value",
    ),
    *("notes", "instruction_id", "status"),
)
TYPES: Final = ("multiple_choice", "free_text", "multiple_choice_with_free_text")
#: What the researcher has in the same workbook, a formula included.
OWN_SHEET: Final = [["Budget", 12.5], ["Twice", "=B1*2"], ["Text", "  kept as it is  "]]


@dataclass(frozen=True, slots=True)
class Shape:
    """
    What is pushed.

    Attributes:
        batches: How many, in one workbook.
        rows: New instructions, known ones with changes, or both.
        details: Whether the batches' names change too, which is a PATCH.
        workbooks: How many, in one push.
        jobs: How many workbooks, and batches of one, are on their way side by side.
        is_paged: Whether the batches are made of pages, so that a PATCH takes the place of the PUT.
    """

    batches: int
    rows: Rows
    details: bool
    workbooks: int = 1
    jobs: int = 1
    is_paged: bool = False

    @property
    def method(self) -> str:
        """How a push sends instructions."""
        return "PATCH" if self.is_paged else "PUT"

    def __str__(self) -> str:
        """Return it as the summary names it."""
        books = f"{self.workbooks} × " if self.workbooks > 1 else ""
        side_by_side = f", {self.jobs} jobs" if self.jobs > 1 else ""
        pages = " in pages" if self.is_paged else ""
        return f"{books}{self.batches} {self.rows}{pages}{' +details' if self.details else ''}{side_by_side}"


#: What is pushed side by side.
CONCURRENT: Final = (
    Shape(3, "new", details=False, jobs=4),
    Shape(3, "mixed", details=True, jobs=32),
    Shape(1, "new", details=False, workbooks=4, jobs=4),
    Shape(2, "mixed", details=True, workbooks=3, jobs=32),
)
#: What is pushed as a layout.
PAGED: Final = (
    Shape(1, "new", details=False, is_paged=True),
    Shape(1, "mixed", details=True, is_paged=True),
    Shape(2, "known", details=False, is_paged=True),
    Shape(3, "mixed", details=False, jobs=4, is_paged=True),
)
SHAPES: Final = (
    *CONCURRENT,
    *PAGED,
    *(
        Shape(batches, rows, details)
        for batches, rows, details in product((1, 2, 3), ("new", "known", "mixed"), (False, True))
    ),
)


@dataclass(slots=True)
class HeldBatch:
    """
    One batch of a scene.

    Attributes:
        id: Its id.
        ref: Its ref in the workbook.
        name: The name that it must have in the end.
        texts: The descriptions that it must hold in the end, in order, by ref.
        known: The ids that stood in the workbook, by ref.
        content: Items of its layout that the sheet does not describe, with all around them.
    """

    id: str
    ref: str
    name: str
    texts: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    content: list[dict[str, Any]] = field(default_factory=list)

    @property
    def new(self) -> int:
        """How many instructions are created."""
        return len(self.texts) - len(self.known)


@dataclass(frozen=True, slots=True)
class Scene:
    """
    A shape made real.

    Attributes:
        shape: What it was made from.
        place: Where the children work.
        batches: In the order of the workbooks.
        originals: Copies of the workbooks as the researcher saved them, in their order.
    """

    shape: Shape
    place: Place
    batches: tuple[HeldBatch, ...]
    originals: tuple[Path, ...]


def set_scene(shape: Shape, sandbox: SandboxElsewhere, folder: Path) -> Scene:
    """Fill the sandbox and write the workbooks; the folder must be empty."""
    count = shape.batches * shape.workbooks
    made = tuple(_set_batch(shape, number, sandbox) for number in range(count))
    studies, originals = _folder(folder / "studies"), _folder(folder / "originals")
    paths = tuple(
        _write(shape, made[first : first + shape.batches], studies / f"study{first}.xlsx")
        for first in range(0, count, shape.batches)
    )
    copies = tuple(Path(shutil.copy(path, originals)) for path in paths)
    place = Place(sandbox.url, sandbox.token, folder / "state", paths, FastClock(), shape.jobs)
    return Scene(shape, place, made, copies)


def _write(shape: Shape, made: Sequence[HeldBatch], path: Path) -> Path:
    return write_book(
        path,
        {
            "Instructions": [HEADERS, *(row for batch in made for row in _rows(batch))],
            "Batches": [
                ["batch", "batch_id", "name", "status"],
                *([b.ref, b.id, b.name if shape.details else None, None] for b in made),
            ],
            "Mine": OWN_SHEET,
        },
    )


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def _set_batch(shape: Shape, number: int, sandbox: SandboxElsewhere) -> HeldBatch:
    """Hold a batch; known rows stand there in another order, and all but the first with another text."""
    refs = [f"B{number}Q{n}" for n in range(3)]
    known = refs if shape.rows == "known" else refs[::2] if shape.rows == "mixed" else []
    texts = {ref: f"What do you think of {ref}?" for ref in refs}
    held = [
        _item(refs.index(ref), texts[ref] + (" Once." if ref != refs[0] else "")) for ref in reversed(known)
    ]
    before, after = f"Batch {number}", f"Wave {number}"
    pages, content = _pages(number, held) if shape.is_paged else (None, [])
    batch_id = sandbox.ask(
        "add_batch", before, instructions=[] if shape.is_paged else held, batch_items=pages
    )
    ids = [item["id"] for item in sandbox.ask("instructions", batch_id)]
    return HeldBatch(
        batch_id,
        f"w{number}",
        after if shape.details else before,
        texts,
        dict(zip(reversed(known), ids, strict=True)),
        content,
    )


def _pages(number: int, held: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lay instructions out, with content in front and between; returns all pages, and those of content."""

    def page(at: int, item: dict[str, Any]) -> dict[str, Any]:
        uuids = (str(UUID(int=(number + 1) * 1000 + at * 10 + level)) for level in range(4))
        page_id, row_id, column_id, item_id = uuids
        items = [{"id": item_id, **item}]
        return {"id": page_id, "rows": [{"id": row_id, "columns": [{"id": column_id, "items": items}]}]}

    read = {"type": "rich_text", "content": "<p>Read this.</p>", "content_format": "html"}
    pages = [
        page(at, item) for at, item in enumerate([read, *(one for item in held for one in (item, read))])
    ]
    return pages, pages[::2]


def _item(number: int, description: str) -> dict[str, Any]:
    """An instruction as Prolific holds it; `_rows` writes the same."""
    kind = TYPES[number]
    if kind == "free_text":
        return {"type": kind, "description": description}
    heading = {"heading": "Group"} if kind.endswith("with_free_text") else {}
    options = [{"label": text, "value": text.lower(), **heading} for text in ("Yes", "No")]
    return {"type": kind, "description": description, "answer_limit": 1, "options": options}


def _rows(batch: HeldBatch) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = []
    for number, (ref, text) in enumerate(batch.texts.items()):
        item = _item(number, text)
        for place, option in enumerate(item.get("options", [{}])):
            start = [item["type"], text, item.get("answer_limit")] if place == 0 else [None] * 3
            rest = [option.get(name) for name in ("heading", "label", "value")]
            rows.append(
                [batch.ref, ref, *start, *rest, f"note {place}", batch.known.get(ref) if place == 0 else None]
            )
    return rows
