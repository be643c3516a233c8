"""Hostile cells: sound packages whose sheets are too much, or whose texts are meant for somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from importer.limits import MAX_COLUMNS
from importer.texts import column_letter
from tests.hostile.inputs import BATCHES, HEADERS, book, cell, free_text, hostile, row, rows
from tests.raw import raw_book

#: A text that a terminal, a spreadsheet, a markup language or a template would obey.
OBEYED = (
    "\x9b31m red",
    "_x001B_]0;title_x0007_",
    "\u202egpj.exe",
    "\u2066isolated",
    '=HYPERLINK("http://127.0.0.1:9/","click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "[red]rich[/red] [link=http://127.0.0.1:9/]link[/link] [/]",
    "{workbook} {0} {__class__} %s %(x)s ${x}",
    "<script>alert(1)</script>&amp;",
    "_x0000_ _x0008_ _xFFFF_ _xD800_",
    "a\u0300\u0301\u0302\u200b\u00ad",
    "'; DROP TABLE imports; --",
    "../../../etc/passwd",
)
LONG = "x" * 32_767

#: So many rows take no more than the limits on time and memory allow.
MANY_ROWS = 50_000


def with_texts(path: Path, texts: Sequence[Sequence[str]], headers: Sequence[str] = HEADERS) -> None:
    """Write a workbook whose rows are texts."""
    book(path, rows(*(row(n, texts_of_row) for n, texts_of_row in enumerate(texts, 2)), headers=headers))


@hostile()
def longest_cell(path: Path) -> None:
    """32,767 characters, as many as Excel allows."""
    with_texts(path, [["Q1", "free_text", LONG]])


@hostile("too-large")
def cell_too_long(path: Path) -> None:
    """One more."""
    with_texts(path, [["Q1", "free_text", LONG + "x"]])


@hostile("too-large")
def one_long_text_in_every_cell(path: Path) -> None:
    """A shared text of 32,767 characters that 700,000 cells show: 23 GB, if each were copied."""
    cells = "".join(
        f'<row r="{n}">' + "".join(f'<c r="{c}{n}" t="s"><v>0</v></c>' for c in "ABCDEFGHIJKLMN") + "</row>"
        for n in range(2, MANY_ROWS)
    )
    book(path, rows(cells), strings=[" " + LONG[1:]])


@hostile("type-unknown", "id-malformed")
def long_texts_where_words_belong(path: Path) -> None:
    """20 MB of one long text with spaces, in refs, types, limits and ids."""
    cells = "".join(
        f'<row r="{n}">' + "".join(f'<c r="{c}{n}" t="s"><v>0</v></c>' for c in "ABCG") + "</row>"
        for n in range(2, 150)
    )
    book(path, rows(cells), strings=[" " + LONG[2:] + " "])


@hostile()
def wide_characters(path: Path) -> None:
    """18 MB of text, four bytes a character in memory because of one emoji in each."""
    with_texts(path, [[f"Q{n}", "free_text", f"{n}😀{'x' * 8_000}"] for n in range(2_200)])


@hostile("description-missing")
def marks_without_end(path: Path) -> None:
    """Cells full of combining marks, which take half a second each to normalise."""
    marks = "a" + "\u0316\u0301" * 16_000
    with_texts(path, [[f"{marks}{n}", "free_text"] for n in range(200)])


@hostile("type-missing", "description-missing")
def rows_of_a_ref(path: Path) -> None:
    """Every row has one mistake or two."""
    with_texts(path, [[f"Q{n}"] for n in range(MANY_ROWS - 1)])


@hostile("answer-limit-invalid", "id-malformed", "type-unknown")
def mistakes_in_every_cell(path: Path) -> None:
    """Very many rows, and something wrong in each cell of them."""
    texts = [" Q", "multiple_choice", "x ", "many", " l", "v"]
    with_texts(path, [[f"{text}{n // 3}" for text in texts] + ["id", ""] for n in range(MANY_ROWS - 1)])


@hostile()
def very_many_rows(path: Path) -> None:
    """A sound workbook of very many rows."""
    with_texts(path, list(_choices(MANY_ROWS - 1)))


@hostile()
def as_many_rows_in_an_unusual_way(path: Path) -> None:
    """The same read by expat: a comment stands in it."""
    content = rows(*(row(n, texts) for n, texts in enumerate(_choices(12_000), 2)))
    book(path, content + "<!-- by hand -->")


@hostile("too-large")
def too_many_rows(path: Path) -> None:
    """200,001 filled rows."""
    with_texts(path, list(_choices(200_000)))


def _choices(count: int) -> list[list[str]]:
    first = ["multiple_choice", "How was it?", "1"]
    return [
        [f"Q{n // 5}", *(first if n % 5 == 0 else [""] * 3), f"Label {n % 5}", f"value{n % 5}"]
        for n in range(count)
    ]


@hostile()
def a_cell_in_every_column(path: Path) -> None:
    """Rows with a formatted cell in each of 16,384 columns, where a column is to be added."""
    blanks = "".join(f'<c r="{column_letter(n)}@" s="1"/>' for n in range(4, MAX_COLUMNS + 1))
    filled = [row(n, [f"Q{n}", "free_text", "Why?"], blanks.replace("@", str(n))) for n in range(2, 72)]
    book(path, rows(*filled, headers=HEADERS[:3]))


@hostile("too-large")
def a_cell_in_every_column_of_every_row(path: Path) -> None:
    """The same in 130 rows, 2 million cells."""
    blanks = "".join(f'<c r="{column_letter(n)}@" s="1"/>' for n in range(4, MAX_COLUMNS + 1))
    filled = [row(n, [f"Q{n}", "free_text", "Why?"], blanks.replace("@", str(n))) for n in range(2, 132)]
    book(path, rows(*filled, headers=HEADERS[:3]))


@hostile("column-missing")
def no_room_for_our_columns(path: Path) -> None:
    """A header in the last column, so that none is left for the ids."""
    book(path, row(1, HEADERS[:3], cell(1, MAX_COLUMNS, "notes")) + free_text(2))


@hostile("column-near-miss")
def headers_in_every_column(path: Path) -> None:
    """16,000 headers, each nearly one of ours."""
    near = [f"option_heading{n}x" for n in range(16_000)]
    with_texts(path, [["Q1", "free_text", "Why?"]], [*HEADERS, *near])


@hostile()
def long_headers(path: Path) -> None:
    """A hundred headers of 32,767 characters."""
    with_texts(path, [["Q1", "free_text", "Why?"]], [*HEADERS, *(f"{n}{LONG[:-4]}" for n in range(100))])


@hostile("answer-limit-invalid")
def limit_of_five_thousand_digits(path: Path) -> None:
    """A number that Python itself refuses to read."""
    with_texts(path, [["Q1", "multiple_choice", "Which?", "9" * 5_000, "a", "a"]])


@hostile("number-too-long", "answer-limit-invalid")
def numbers_beyond_all_bounds(path: Path) -> None:
    """Infinite, tiny and endless numbers."""
    numbers = ["1e999", "-1e999", "1e-999", "9" * 400, "0." + "1" * 400, "1e308", "-0"]
    cells = "".join(
        row(
            n,
            [f"Q{n}", "multiple_choice", "Which?"],
            f'<c r="D{n}"><v>{number}</v></c><c r="E{n}"><v>{number}</v></c><c r="F{n}"><v>{number}</v></c>',
        )
        for n, number in enumerate(numbers, 2)
    )
    book(path, rows(cells))


@hostile("type-unknown")
def texts_that_are_obeyed_elsewhere(path: Path) -> None:
    """Every column holds what a terminal, a sheet or a markup language would obey."""
    texts = [[text, text, text, text, text, text, text, text] for text in OBEYED]
    content = rows(*(row(n, line) for n, line in enumerate(texts, 2)), headers=[*HEADERS, *OBEYED])
    batches = row(1, ["batch", "batch_id", *OBEYED]) + "".join(
        row(n, [text] * 9) for n, text in enumerate(OBEYED, 2)
    )
    raw_book(path, {"Instructions": content, "Batches": batches, **{f"{text}": "" for text in OBEYED}})


@hostile("sheet-missing")
def sheet_names_that_are_obeyed_elsewhere(path: Path) -> None:
    """Sheet names are named in messages too."""
    raw_book(path, {f"{text}": row(1, ["x"]) for text in OBEYED} | {"Batches": BATCHES})
