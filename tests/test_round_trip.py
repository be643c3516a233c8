"""
Properties: valid instructions → real .xlsx → check → payload → Prolific → plan, and nothing changes on the way.

Several lists are checked in one run, each in a workbook of its own, because what a run costs is
mostly independent of how much there is to check.
"""

from __future__ import annotations

import json
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.changes import Kind
from importer.checking import check, check_parts
from importer.contract import BATCHES, INSTRUCTIONS
from importer.model import (
    Batch,
    FileUpload,
    FreeText,
    HeadedOption,
    MultipleChoiceWithFreeText,
)
from importer.places import Study
from importer.push.desk import Desk
from importer.push.reading import begin
from importer.run.pushing import plan_all
from importer.sandbox import Sandbox
from importer.texts import canonical, is_blank, trim
from importer.transformer import to_rows
from importer.wire.instructions import request_body
from importer.workbook.looks import escape
from importer.workbook.template import write_filled
from tests.desks import Clock, open_desk
from tests.strategies import instructions
from tests.test_push import go

CASES = Path(__file__).parents[2] / "shared" / "cases"

Row = Mapping[str, str]
Grid = list[list[str]]
Writer = Callable[[Path, Sequence[Row], Sequence[Row]], None]

slowly = settings(
    deadline=None,
    derandomize=True,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

# ---------------------------------------------------------------- what is drawn

#: What a spreadsheet, pandas or JSON would gladly take for something else.
LOOKALIKES = (
    "=1+1", "=HYPERLINK(\"http://x\",\"y\")", "+44", "-1", "@SUM(A1)", "'=1", "%s", "{{name}}",
    "007", "1.0", "1e5", "-0", "12345678901234567890", "1,5", "50%", "$5", "2026-01-01", "12:30", "MAR1",
    "TRUE", "false", "NA", "N/A", "#N/A", "#REF!", "null", "None", "nan", "inf", "any",
    "_x0041_", "_x000D_", "_xD83D_", "&amp;", "<b>x</b>", "]]>", "\\n", '"',
    "a\r\nb", "a\rb", "a\nb", "a\tb", "\ta", " a", "a ", "a\u00a0", "\u200bb", "\ufeffc", "\u202eevil", "\u2028d\x85e",
    "👨\u200d👩\u200d👧", "🇩🇪", "שלום ⟵ عربى", "e\u0301", "\u1112\u1161\u11ab", "\u212b", "ﬁ", "İ", "ß", "\U000e0041x",
)  # fmt: skip

#: What XML cannot carry is a problem of its own (control-character).
_FORBIDDEN = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]))
_anything = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=_FORBIDDEN), min_size=1, max_size=12
)
texts = st.one_of(st.sampled_from(LOOKALIKES), _anything).filter(lambda text: not is_blank(text))
#: Refs, values and headings, as they come out of a cell: without spaces at their ends.
words = texts.map(trim)
refs = words.filter(lambda text: not text.startswith("#"))


values = st.lists(words, min_size=1, max_size=4, unique_by=canonical)


@st.composite
def batches(draw: st.DrawFn, number: int, *, with_ids: bool) -> Batch:
    """Draw a batch whose ids nobody else's workbook has."""
    names = draw(st.lists(refs, min_size=1, max_size=5, unique_by=canonical))
    ids = [draw(st.none() | st.just(str(UUID(int=number * 100 + n)))) for n in range(len(names))]
    return Batch(
        batch_id=str(UUID(int=number)),
        items=tuple(
            draw(
                instructions(
                    name,
                    identity if with_ids else None,
                    texts=texts,
                    headings=words,
                    values=values,
                    is_put=True,
                )
            )
            for name, identity in zip(names, ids, strict=True)
        ),
    )


@st.composite
def studies(draw: st.DrawFn, *, with_ids: bool = True) -> list[Batch]:
    """Draw the batches of several workbooks, one each."""
    return [draw(batches(number, with_ids=with_ids)) for number in range(1, draw(st.integers(2, 6)))]


# ---------------------------------------------------------------- how it is written


def with_template(path: Path, instruction_rows: Sequence[Row], batch_rows: Sequence[Row]) -> None:
    write_filled(path, instruction_rows, batch_rows)


def _grids(instruction_rows: Sequence[Row], batch_rows: Sequence[Row]) -> dict[str, Grid]:
    return {
        contract.name: [list(contract.names), *([row[name] for name in contract.names] for row in rows)]
        for contract, rows in ((INSTRUCTIONS, instruction_rows), (BATCHES, batch_rows))
    }


def with_openpyxl(path: Path, instruction_rows: Sequence[Row], batch_rows: Sequence[Row]) -> None:
    save(path, _grids(instruction_rows, batch_rows))


def save(path: Path, grids: Mapping[str, Grid]) -> None:
    """Write every cell as a text, in shared strings, as openpyxl and Excel do."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, grid in grids.items():
        sheet = book.create_sheet(name)
        for number, row in enumerate(grid, 1):
            for column, text in enumerate(row, 1):
                if text:
                    sheet.cell(number, column, escape(text)).data_type = "s"
    book.save(path)


def with_xlsxwriter(path: Path, instruction_rows: Sequence[Row], batch_rows: Sequence[Row]) -> None:
    with xlsxwriter.Workbook(path) as book:
        for name, grid in _grids(instruction_rows, batch_rows).items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(grid):
                for column, text in enumerate(row):
                    if text:
                        sheet.write_string(number, column, text)


WRITERS: tuple[Writer, ...] = (
    with_template,
    with_openpyxl,
    with_xlsxwriter,
)


@contextmanager
def books(drawn: Sequence[Batch]) -> Iterator[list[Path]]:
    """Write each batch into a workbook of its own, each in another way."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.xlsx" for number in range(len(drawn))]
        for path, batch, write in zip(paths, drawn, cycle(WRITERS), strict=False):
            write(path, *to_rows([batch]))
        yield paths


def ready(paths: Sequence[Path]) -> tuple[Study, ...]:
    """Check workbooks, all of which must be ready."""
    checked = check(paths)
    assert [] == [(one.code, one.place, one.text) for one in checked.report.problems if one.is_error]
    return checked.studies


def payload(batch: Batch) -> dict[str, Any]:
    return request_body(batch.instructions)


# ---------------------------------------------------------------- sheet → payload


@slowly
@given(drawn=studies())
def test_what_is_written_is_what_is_sent(drawn: list[Batch]):
    """Any list of valid instructions comes out of the check as it went into the sheet, whoever wrote it."""
    with books(drawn) as paths:
        found = ready(paths)

    assert [payload(batch) for batch in drawn] == [payload(study.batches[0]) for study in found]
    assert [[i.ref for i in batch.instructions] for batch in drawn] == [
        [i.ref for i in study.batches[0].instructions] for study in found
    ]


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[Batch], list[Callable[[Sequence[Row]], Grid]]]:
    """Draw batches, and for each a way to lay out the sheet Instructions that must not matter."""
    drawn = draw(studies())
    return drawn, [draw(_layout(batch)) for batch in drawn]


@st.composite
def _layout(draw: st.DrawFn, batch: Batch) -> Callable[[Sequence[Row]], Grid]:
    rows, _ = to_rows([batch])
    used = [
        name
        for name in INSTRUCTIONS.names
        if any(row[name] for row in rows) or name in ("instruction_id", "ref", "type", "description")
    ]
    columns = [
        *used,
        *draw(st.lists(st.sampled_from(["notes", "Note to self", "_mine", "note-2"]), unique=True)),
    ]
    order = draw(st.permutations(columns))
    headers = [draw(_spellings(name)) if name in used else name for name in order]
    gaps = draw(st.lists(st.integers(0, len(rows)), max_size=3))

    def lay_out(rows: Sequence[Row]) -> Grid:
        grid = [[row.get(name, "") if name in used else "=ask Mia" for name in order] for row in rows]
        for gap in sorted(gaps, reverse=True):
            grid.insert(gap, [""] * len(order))
        return [headers, *grid]

    return lay_out


@st.composite
def _spellings(draw: st.DrawFn, name: str) -> str:
    between = draw(st.sampled_from(["_", " ", "-", "", " _ ", "\u00a0"]))
    said = name.replace("_", between)
    said = draw(st.sampled_from([said, said.upper(), said.title()]))
    return draw(st.sampled_from(["", " "])) + said + draw(st.sampled_from(["", " *", "*", " "]))


@slowly
@given(drawn=layouts())
def test_layout_changes_nothing(drawn: tuple[list[Batch], list[Callable[[Sequence[Row]], Grid]]]):
    """Columns in any order and spelling, note columns and blank rows: same payload, and ids land in their rows."""
    expected, grids = [], []
    for batch, lay_out in zip(*drawn, strict=True):
        rows, batch_rows = to_rows([batch])
        grid = lay_out(rows)
        grids.append({"Instructions": grid, "Batches": _grids([], batch_rows)["Batches"]})
        keys = ["".join(c for c in header.lower() if c.isalpha()) for header in grid[0]]
        ref, identity = keys.index("ref"), keys.index("instructionid")
        firsts = {row[ref]: number for number, row in reversed(list(enumerate(grid, 1))) if number > 1}
        expected.append({one.ref: (firsts[one.ref], identity + 1) for one in batch.instructions})

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.xlsx" for number in range(len(grids))]
        for path, sheets in zip(paths, grids, strict=True):
            save(path, sheets)
        found = ready(paths)

    assert [payload(batch) for batch in drawn[0]] == [payload(study.batches[0]) for study in found]
    assert expected == [_spots(study) for study in found]


def _spots(study: Study) -> dict[str, tuple[int, int]]:
    """Row and column that the id of each ref goes to."""
    places = study.places
    spots = {ref: places.instructions.spots[row, "instruction_id"] for (_, ref), row in places.rows.items()}
    return {ref: (spot.row, spot.column) for ref, spot in spots.items()}


@slowly
@given(drawn=studies(), data=st.data())
def test_sorted_rows_keep_their_instruction(drawn: list[Batch], data: st.DataObject):
    """Rows in any order: each instruction has its own cells and its own options, in the order of the rows."""
    shuffled = [data.draw(st.permutations(to_rows([batch])[0])) for batch in drawn]

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.xlsx" for number in range(len(drawn))]
        for path, rows, batch in zip(paths, shuffled, drawn, strict=True):
            with_openpyxl(path, rows, to_rows([batch])[1])
        found = ready(paths)

    expected = [payload(_in_order(batch, rows)) for batch, rows in zip(drawn, shuffled, strict=True)]
    assert expected == [payload(study.batches[0]) for study in found]


def _in_order(batch: Batch, rows: Sequence[Row]) -> Batch:
    """Return a batch whose instructions and options are in the order of rows."""
    by_ref = {one.ref: one for one in batch.instructions}
    ordered = []
    for ref in dict.fromkeys(row["ref"] for row in rows):
        one = by_ref[ref]
        if not isinstance(one, FreeText | FileUpload):
            values = [row["option_value"] for row in rows if row["ref"] == ref]
            options = sorted(one.options, key=lambda option: values.index(option.value))
            one = one.replace(options=tuple(options))
        ordered.append(one)
    return batch.replace(items=tuple(ordered))


# ---------------------------------------------------------------- every text there is


def describing(descriptions: Sequence[str]) -> Batch:
    """Return a batch of free_text instructions with these descriptions."""
    return Batch(
        batch_id=str(UUID(int=1)),
        items=tuple(FreeText(ref=f"Q{n}", description=text) for n, text in enumerate(descriptions, 1)),
    )


@pytest.mark.parametrize("write", WRITERS)
def test_every_character_survives(write: Writer, tmp_path: Path):
    """Each code point that XML can carry, assigned or not, in each way of writing a workbook."""
    every = [chr(code) for code in range(9, sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    every = [one for one in every if one not in _FORBIDDEN]
    batch = describing([f"x{''.join(every[at : at + 2000])}x" for at in range(0, len(every), 2000)])
    write(tmp_path / "study.xlsx", *to_rows([batch]))
    (found,) = ready([tmp_path / "study.xlsx"])

    assert payload(batch) == payload(found.batches[0])


@pytest.mark.parametrize("write", WRITERS)
def test_lookalikes_survive(write: Writer, tmp_path: Path):
    """Never a formula, number, date, boolean or blank: as description, label, value and heading."""
    different = {canonical(trim(text)): text for text in LOOKALIKES}
    options = tuple(
        HeadedOption(label=text, value=trim(text), heading=trim(text)) for text in different.values()
    )
    choice = MultipleChoiceWithFreeText(ref="all", description="Pick", answer_limit=-1, options=options)
    batch = Batch(batch_id=str(UUID(int=1)), items=(*describing(LOOKALIKES).instructions, choice))
    write(tmp_path / "study.xlsx", *to_rows([batch]))
    (found,) = ready([tmp_path / "study.xlsx"])

    assert payload(batch) == payload(found.batches[0])


@pytest.mark.parametrize("write", [with_template, with_openpyxl])  # XlsxWriter escapes one of the two
def test_long_and_escaped_texts_survive(write: Writer, tmp_path: Path):
    """A description is never cut or composed; two escapes may share an underscore."""
    batch = describing(["x" * 32_767, "e\u0301" * 8000, "a\n" * 16_000 + "b", "_x005F_x0041_"])
    write(tmp_path / "study.xlsx", *to_rows([batch]))
    (found,) = ready([tmp_path / "study.xlsx"])

    assert payload(batch) == payload(found.batches[0])


def test_a_text_that_only_its_escapes_make_long_survives(tmp_path: Path):
    """Excel counts what it shows; a line end of Windows is 8 characters in the file."""
    batch = describing(["a\r\n" * 10_000])
    with_template(tmp_path / "study.xlsx", *to_rows([batch]))
    (found,) = ready([tmp_path / "study.xlsx"])

    assert payload(batch) == payload(found.batches[0])


# ---------------------------------------------------------------- payload → Prolific → plan


@pytest.fixture(scope="module")
def prolific() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        sandbox.switches.put_types = "live"
        yield sandbox


@contextmanager
def pushed_from(prolific: Sandbox, drawn: Sequence[Batch]) -> Iterator[tuple[Desk, list[Path], list[Batch]]]:
    """Have a desk, and workbooks for batches that the sandbox holds."""
    held = [one.replace(batch_id=prolific.add_batch("Drawn")) for one in drawn]
    with (
        books(held) as paths,
        open_desk(prolific.url, prolific.token, paths[0].parent / "state", Clock()) as desk,
    ):
        yield desk, paths, held


def pending(desk: Desk, paths: Sequence[Path]) -> list[str]:
    """What a push would still do."""
    with begin(desk, paths) as reading:
        planned = plan_all(desk, lambda: check_parts(paths), reading)
    assert 0 == planned.exit_code
    changes = [c for r in planned.results for p in r.planned for c in p.plan.changes]
    return [change.ref for change in changes if change.kind is not Kind.KEEP]


def without_ids(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was sent of instructions, without what the server adds: ids, nulls and false."""
    sent = (
        "type",
        "description",
        "helper_text",
        "placeholder_text_input",
        "answer_limit",
        "disable_dropdown",
    )
    return [
        {name: item[name] for name in sent if item.get(name)}
        | {"options": [{k: v for k, v in o.items() if v is not None} for o in item.get("options") or []]}
        for item in items
    ]


def wanted(batch: Batch) -> list[dict[str, Any]]:
    return without_ids(payload(batch)["instructions"])


@settings(slowly, max_examples=6)
@given(drawn=studies(with_ids=False), data=st.data())
def test_after_a_push_nothing_is_pending(prolific: Sandbox, drawn: list[Batch], data: st.DataObject):
    """Prolific holds the sheet to the letter, ids stand in their rows; also after an edit that reorders everything."""
    with pushed_from(prolific, drawn) as (desk, paths, held):
        assert 0 == go(desk, *paths).exit_code
        assert [wanted(one) for one in held] == [
            without_ids(prolific.instructions(one.batch_id)) for one in held
        ]
        assert [] == pending(desk, paths)

        known = [study.batches[0] for study in ready(paths)]
        ids = [{one.ref: one.id for one in batch.instructions} for batch in known]
        assert [[item["id"] for item in prolific.instructions(one.batch_id)] for one in held] == [
            list(refs.values()) for refs in ids
        ]

        edited = [_edited(batch, data) for batch in known]
        for path, batch in zip(paths, edited, strict=True):
            with_openpyxl(path, *to_rows([batch]))
        assert 0 == go(desk, *paths).exit_code

        assert [wanted(one) for one in edited] == [
            without_ids(prolific.instructions(one.batch_id)) for one in edited
        ]
        assert ids == [{one.ref: one.id for one in study.batches[0].instructions} for study in ready(paths)]
        assert [] == pending(desk, paths)


def _edited(batch: Batch, data: st.DataObject) -> Batch:
    """Reorder a batch, and give one of its instructions another description."""
    order = data.draw(st.permutations(batch.instructions))
    first = order[0].replace(description=data.draw(texts))
    return batch.replace(items=(first, *order[1:]))


def test_a_decomposed_text_is_sent_decomposed(prolific: Sandbox):
    """Comparison is on NFC, what is sent is not: NFD on disk is NFD on Prolific, and no change is seen."""
    text = unicodedata.normalize("NFD", "Überprüfen Sie é 한글")
    with pushed_from(prolific, [describing([text])]) as (desk, paths, (held,)):
        go(desk, *paths)

        assert [text] == [item["description"] for item in prolific.instructions(held.batch_id)]
        assert [] == pending(desk, paths)


# ---------------------------------------------------------------- real questionnaires


@pytest.mark.parametrize("path", sorted(CASES.glob("*.json")), ids=lambda path: path.stem)
@pytest.mark.parametrize("write", WRITERS)
def test_case(path: Path, write: Writer, tmp_path: Path):
    """A real questionnaire is sent exactly, or refused if it is broken; values and headings are trimmed."""
    case = json.loads(path.read_text("utf-8"))
    book = tmp_path / "case.xlsx"
    write(
        book,
        _case_rows(case["instructions"]),
        [dict.fromkeys(BATCHES.names, "") | {"batch_id": str(UUID(int=1))}],
    )

    checked = check([book])

    if case["expect"] == "accept":
        assert () == checked.report.broken
    if case["expect"] == "reject":
        assert () == checked.studies
    for study in checked.studies:
        assert _trimmed(case["instructions"]) == payload(study.batches[0])["instructions"]


def _case_rows(items: Sequence[Mapping[str, Any]]) -> list[Row]:
    rows = []
    for number, item in enumerate(items, 1):
        own = {name: _cell(item[name]) for name in INSTRUCTIONS.names if name in item}
        for option in item.get("options") or [{}]:
            cells = {f"option_{name}": _cell(value) for name, value in option.items()}
            rows.append(dict.fromkeys(INSTRUCTIONS.names, "") | {"ref": f"Q{number}"} | own | cells)
            own = {}
    return rows


def _cell(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _trimmed(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in item.items() if name != "options"}
        | (
            {"options": [{k: v if k == "label" else trim(v) for k, v in o.items()} for o in item["options"]]}
            if "options" in item
            else {}
        )
        for item in items
    ]
