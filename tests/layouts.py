"""Layouts for tests: short to write, short to compare, and a hand-written one with all there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

Entry = dict[str, Any]


def uuid(number: int) -> str:
    return str(UUID(int=number))


def ask(number: int, description: str = "", **more: object) -> Entry:
    """An instruction with an id."""
    return {"type": "free_text", "id": uuid(number), "description": description or f"Why {number}?", **more}


def text(number: int, content: str = "") -> Entry:
    """A block of rich text."""
    return {
        "type": "rich_text",
        "id": uuid(number),
        "content": content or f"<p>{number}</p>",
        "content_format": "html",
    }


def page(number: int, *rows: Sequence[Sequence[Entry]], **more: object) -> Entry:
    """A page with an id, of rows of columns; ids of rows and columns follow from the page's."""
    return {
        "id": uuid(number * 10_000),
        **more,
        "rows": [
            {
                "id": uuid(number * 10_000 + row_at * 100),
                "columns": [
                    {"id": uuid(number * 10_000 + row_at * 100 + column_at), "items": list(items)}
                    for column_at, items in enumerate(row, 1)
                ],
            }
            for row_at, row in enumerate(rows, 1)
        ],
    }


def single(number: int, *items: Entry, **more: object) -> Entry:
    """A page of one column."""
    return page(number, [list(items)], **more)


def by_hand(**more: object) -> list[Entry]:
    """
    A layout as somebody made it: content around and between, two columns, a type of which little is known.

    Args:
        more: Fields of the second instruction, and of the first option of the third, that no document names.
    """
    image = {
        "type": "image",
        "id": uuid(92),
        "url": "https://example.org/a.png",
        "alt_text": "A",
        "caption": "One",
    }
    talk = {"type": "video_narration", "id": uuid(93), "description": "Talk about it."}
    choice = {
        "type": "multiple_choice",
        "id": uuid(3),
        "description": "Which?",
        "answer_limit": 1,
        "disable_dropdown": False,
        "options": [{"label": "One", "value": 1, **more}, {"label": "Two", "value": "two"}],
    }
    return [
        single(1, text(90), display_position="intro"),
        page(
            2,
            [[text(91), ask(1), image], [ask(2, **more)]],
            [[{"type": "dataset_field", "field": "answer"}]],
        ),
        single(3, text(94)),
        page(4, [[choice]], [[talk], [ask(4), text(95), ask(5)]], title="Stays, too"),
        single(5, text(96), display_position="outro"),
    ]


def brief(pages: Sequence[Mapping[str, Any]]) -> str:
    """A layout in one line: pages between `|`, rows between `/`, columns between `,`; items by id or ref, `+` if new."""

    def name(item: Mapping[str, Any]) -> str:
        if "id" not in item:
            return f"+{item.get('description', item.get('content', item['type']))}"
        return str(UUID(item["id"]).int)

    return " | ".join(
        " / ".join(
            ", ".join(" ".join(map(name, column["items"])) for column in row["columns"])
            for row in page["rows"]
        )
        for page in pages
    )


def items(pages: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """The items of a layout, in the order in which they are shown."""
    return [i for p in pages for row in p["rows"] for column in row["columns"] for i in column["items"]]
