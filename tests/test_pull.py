"""Pull: what Prolific holds becomes a workbook, and a push of that workbook does nothing."""

from __future__ import annotations

import itertools
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from importer.checking import check, check_parts
from importer.errors import Interrupted, ProlificError, WriteRefused
from importer.limits import MAX_CELL_CHARACTERS
from importer.push.desk import Desk
from importer.push.reading import begin
from importer.run.pulling import PullResult, pull
from importer.run.pushing import plan_all
from importer.run.watching import Watcher
from importer.sandbox import Sandbox
from importer.texts import canonical, cell_name, trim
from importer.transformer import to_rows
from importer.wire.batch_items import MAX_COLUMNS
from importer.wire.instructions import to_item
from importer.workbook.template import write_filled
from tests.books import LIKERT, write_book
from tests.desks import Clock, open_desk
from tests.layouts import ask, by_hand, page, single, text, uuid
from tests.strategies import blocks, instructions
from tests.test_cli import Shell
from tests.test_push import edit, go
from tests.test_round_trip import texts

SAMPLES = Path(__file__).parents[1] / "samples"
FORMS = ["instructions", "batch_items"]
#: Of ids that no other batch has.
NUMBERS = itertools.count(1_000_000)


@pytest.fixture
def desk(prolific: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(prolific.url, prolific.token, tmp_path / "state", Clock(), jobs=4) as opened:
        yield opened


def pulled(desk: Desk, folder: Path, *batch_ids: str) -> PullResult:
    return pull(desk, batch_ids, folder)


def rows_of(path: Path | None, sheet: str = "Instructions") -> list[dict[str, Any]]:
    """The filled rows of a sheet, without blank cells; an importer's file opens in openpyxl too."""
    assert path is not None
    header, *rows = openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True)
    names = [str(name).removesuffix(" *") for name in header]
    found = [{name: cell for name, cell in zip(names, row, strict=True) if cell is not None} for row in rows]
    return [row for row in found if row]


def pending(desk: Desk, *paths: Path) -> list[str]:
    """What a push of workbooks would do, and why it could not."""
    with begin(desk, paths) as reading:
        planned = plan_all(desk, lambda: check_parts(paths), reading)
    plans = [p.plan for result in planned.results for p in result.planned]
    assert len(paths) == len(plans)
    return [str(refusal) for r in planned.results for refusal in r.refusals] + [
        word
        for plan in plans
        for word in (
            *plan.obstacles,
            *("something is sent" for _ in range(plan.needs_push)),
            *map(str, plan.details),
        )
    ]


def hold(prolific: Sandbox, form: str, items: Sequence[Mapping[str, Any]], name: str = "Wave 1") -> str:
    """Have the sandbox hold some items, in either form; those without an id get one."""
    if form == "instructions":
        return prolific.add_batch(name, instructions=items)
    return prolific.add_batch(name, batch_items=[single(n, with_id(item)) for n, item in enumerate(items, 1)])


def with_id(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with an id that no other batch has; Prolific gives a dataset_field none."""
    return {**item} if item["type"] == "dataset_field" else {"id": uuid(next(NUMBERS)), **item}


FIELD = {"type": "dataset_field", "field": "answer"}
CHOICE: dict[str, Any] = {
    "type": "multiple_choice_with_free_text",
    "description": "Rate it",
    "answer_limit": -1,
    "disable_dropdown": True,
    "helper_text": "Help",
    "options": [
        {"label": "Good", "value": "g", "heading": "Accuracy"},
        {"label": "Bad", "value": 0, "heading": "Accuracy"},
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_becomes_a_workbook(desk: Desk, prolific: Sandbox, tmp_path: Path, form: str):
    """Every row, ids in place, the batch's own details, one workbook named after the batch."""
    batch_id = hold(prolific, form, [ask(1, "Why?", placeholder_text_input="Type"), CHOICE])

    (done,) = pulled(desk, tmp_path / "out", batch_id).batches

    assert (tmp_path / "out" / "Wave 1.xlsx", 2, None) == (done.workbook, done.instructions, done.refusal)
    held = [item["id"] for item in prolific.instructions(batch_id)]
    assert [
        {"ref": "Q1", "type": "free_text", "description": "Why?", "placeholder_text_input": "Type",
         "instruction_id": held[0]},
        {"ref": "Q2", "type": "multiple_choice_with_free_text", "description": "Rate it", "answer_limit": "any",
         "disable_dropdown": "yes", "helper_text": "Help", "instruction_id": held[1],
         "option_heading": "Accuracy", "option_label": "Good", "option_value": "g"},
        {"ref": "Q2", "option_heading": "Accuracy", "option_label": "Bad", "option_value": "0"},
    ] == rows_of(done.workbook)  # fmt: skip
    (batch,) = rows_of(done.workbook, "Batches")
    assert {"batch_id": batch_id, "name": "Wave 1", **prolific.batch(batch_id)["task_details"]} == batch  # type: ignore[dict-item]
    assert [] == pending(desk, tmp_path / "out" / "Wave 1.xlsx")


def test_an_edit_of_a_pulled_workbook_is_an_edit(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Ids stay, and what has no rows stays."""
    pages = [single(1, text(9), ask(1)), page(2, [[ask(2)], [text(8), ask(3)]])]
    batch_id = prolific.add_batch("Wave 1", batch_items=pages)
    (done,) = pulled(desk, tmp_path, batch_id).batches
    assert done.workbook is not None
    before = prolific.batch(batch_id)["batch_items"]

    edit(done.workbook, "D3", "Really?")
    assert 0 == go(desk, done.workbook).exit_code

    after = prolific.batch(batch_id)["batch_items"]
    assert json.dumps(before, sort_keys=True).replace("Why 1?", "Really?") == json.dumps(
        after, sort_keys=True
    )


def test_an_edit_of_content_is_one_too(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """The block keeps its id and its place."""
    batch_id = prolific.add_batch("Wave 1", batch_items=[single(1, text(9, "<p>Old</p>"), ask(1))])
    (done,) = pulled(desk, tmp_path, batch_id).batches
    assert done.workbook is not None
    before = prolific.batch(batch_id)["batch_items"]
    header = [cell.value for cell in openpyxl.load_workbook(done.workbook)["Instructions"][1]]

    edit(done.workbook, cell_name(2, header.index("content") + 1), "<p>New</p>")
    assert 0 == go(desk, done.workbook).exit_code

    after = prolific.batch(batch_id)["batch_items"]
    assert json.dumps(before, sort_keys=True).replace("Old", "New") == json.dumps(after, sort_keys=True)


# ---------------------------------------------------------------- everything there is
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sample", ["documented", "likert", "messy"])
def test_a_pulled_sample_plans_nothing(desk: Desk, prolific: Sandbox, tmp_path: Path, sample: str, form: str):
    """Pushed, pulled, and pushed again: nothing to do, and the refs are those of the push."""
    (study,) = check([SAMPLES / sample / "study.xlsx"]).studies
    paths, batches = [], []
    for number, known in enumerate(study.batches):
        batch_id = prolific.add_batch(f"{sample} {number}")
        rows = [row.replace(id=None) for row in known.instructions]
        batch = known.replace(ref="", batch_id=batch_id, items=tuple(rows))
        paths.append(tmp_path / f"{number}.xlsx")
        write_filled(paths[-1], *to_rows([batch]))
        batches.append(batch)
    assert 0 == go(desk, *paths, as_pages=form == "batch_items").exit_code

    done = pulled(desk, tmp_path / "out", *(batch.batch_id for batch in batches)).batches

    assert [None] * len(batches) == [one.refusal for one in done]
    again = [one.workbook for one in done if one.workbook is not None]
    assert [] == pending(desk, *again)
    for batch, path in zip(batches, again, strict=True):
        assert [row.ref for row in batch.instructions] == list(
            dict.fromkeys(row["ref"] for row in rows_of(path))
        )


#: Few characters that nothing can hold, so that most batches can be pulled.
odd = st.one_of(texts, texts, texts, st.sampled_from([" ", "x\x00", "x" * 32_768, "👍" * 16_384]))
long = st.sampled_from(["x" * 32_767, "👍" * 16_383, "a\r\n" * 10_000])


@st.composite
def asked(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw the instructions of a batch as Prolific may hold them."""
    wording = st.one_of(texts, long, odd) if draw(st.booleans()) else texts
    words = wording if draw(st.booleans()) else texts.map(trim).filter(bool)
    values = st.lists(words, min_size=1, max_size=4, unique_by=canonical)
    count = draw(st.integers(1, 4))
    return [
        to_item(draw(instructions(f"Q{n}", None, texts=wording, headings=words, values=values)))
        for n in range(1, count + 1)
    ]


@st.composite
def laid_out(draw: st.DrawFn, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Draw pages that show some instructions, with content between them and types that nobody has described."""
    extra = [to_item(draw(blocks("B"))) for _ in range(draw(st.integers(0, 3)))]
    extra += [{"type": "video_narration", "description": "Talk"}] * draw(st.integers(0, 1))
    left = draw(st.permutations([*items, *extra]))
    intro = [text(next(NUMBERS))] * draw(st.integers(0, 1))
    pages: list[list[list[list[dict[str, Any]]]]] = []
    for item in left:
        level = draw(st.integers(0, 3)) if pages else 0
        if level == 2 and len(pages[-1][-1]) == MAX_COLUMNS:
            level = 1
        match level:
            case 0:
                pages.append([[[with_id(item)]]])
            case 1:
                pages[-1].append([[with_id(item)]])
            case 2:
                pages[-1][-1].append([with_id(item)])
            case _:
                pages[-1][-1][-1].append(with_id(item))
    numbered = [page(next(NUMBERS), *rows) for rows in pages]
    return [*(single(next(NUMBERS), one, display_position="intro") for one in intro), *numbered]


#: Batches that are drawn: all by command (`make pulls`), fewer in the suite.
EXAMPLES = 20 if os.environ.get("EVERY_BATCH") else 1
PER_EXAMPLE = 5


@settings(
    deadline=None,
    derandomize=True,
    max_examples=EXAMPLES,
    phases=[Phase.generate],  # to shrink workbooks takes minutes
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(data=st.data())
def test_what_is_pulled_plans_nothing(
    prolific: Sandbox, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    """Any batch, in either form: a workbook that a push has nothing to do for, or the reason why there is none."""
    folder = tmp_path_factory.mktemp("drawn")
    ids = {}
    for items in [data.draw(asked()) for _ in range(PER_EXAMPLE)]:
        ids[prolific.add_batch("Drawn", instructions=items)] = items
        ids[prolific.add_batch("Drawn", batch_items=data.draw(laid_out(items)))] = items
    with open_desk(prolific.url, prolific.token, folder / "state", Clock(), jobs=4) as desk:
        done = pulled(desk, folder, *ids).batches
        written = [one.workbook for one in done if one.workbook is not None]
        assert len(written) == len(set(written))
        if written:
            assert [] == pending(desk, *written)
    for one in done:
        lost = any(is_lost(t) for t in texts_of(ids[one.batch_id])) or any(
            is_trimmed(t) for t in words_of(ids[one.batch_id])
        )
        assert lost == isinstance(one.refusal, WriteRefused), (one.refusal, ids[one.batch_id])


def texts_of(items: Sequence[Mapping[str, Any]]) -> list[str]:
    every = [value for item in items for value in item.values() if isinstance(value, str)]
    return every + [value for o in options_of(items) for value in o.values() if isinstance(value, str)]


def options_of(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [o for item in items for name in ("options", "unit_options") for o in item.get(name, ())]


def words_of(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        o[name]
        for item in items
        for o in item.get("options", ())
        for name in ("value", "heading")
        if name in o
    ]


def is_lost(text: str) -> bool:
    """Whether no cell can hold a text: too long, blank, or beyond XML."""
    units = sum(1 + (ord(character) > 0xFFFF) for character in text)
    forbidden = any(
        (character < " " and character not in "\t\n\r")
        or "\ud800" <= character <= "\udfff"
        or character in "\ufffe\uffff"
        for character in text
    )
    return (
        units > MAX_CELL_CHARACTERS
        or forbidden
        or not text.strip(
            " \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff"
        )
    )


def is_trimmed(text: str) -> bool:
    return trim(text) != text


# ---------------------------------------------------------------- what stays, what is refused
def test_what_has_no_rows_stays_and_is_named(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """A type of which little is known, and a field without a column: named, and kept by a push of the layout."""
    batch_id = prolific.add_batch(batch_items=by_hand(hint="stays"))

    (done,) = pulled(desk, tmp_path, batch_id).batches

    assert done.workbook is not None
    said = " ".join(done.notes)
    for name in ("video_narration", "hint", "A push keeps"):
        assert name in said
    assert [] == pending(desk, done.workbook)


def test_a_type_that_a_put_would_delete_is_named_and_refused_by_the_gate(
    desk: Desk, prolific: Sandbox, tmp_path: Path
):
    """The workbook has the other rows; a push of it is refused."""
    batch_id = prolific.add_batch(instructions=[ask(1), {"type": "star_rating", "description": "Stars"}])

    (done,) = pulled(desk, tmp_path, batch_id).batches

    assert done.workbook is not None
    assert "star_rating" in done.notes[0]
    assert "refused" in done.notes[0]
    assert 1 == go(desk, done.workbook).exit_code
    assert 2 == len(prolific.instructions(batch_id))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"description": "x" * 32_768}, "32,768 characters"),
        ({"description": "\x00"}, "no workbook can hold"),
        ({"description": " \n"}, "shows nothing"),
        ({"type": "multiple_choice", "answer_limit": 1, "options": [{"label": "A", "value": "a "}]}, "spaces"),
        ({"type": "multiple_choice", "answer_limit": 2, "options": [{"label": "A", "value": "a"}]}, "answer_limit 2"),
        (
            {"type": "multiple_choice", "answer_limit": 1,
             "options": [{"label": "A", "value": 1}, {"label": "B", "value": "1"}]},
            "two options have one value",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", FORMS)
def test_what_no_sheet_can_say_is_named(
    desk: Desk, prolific: Sandbox, tmp_path: Path, item: dict[str, Any], expected: str, form: str
):
    """No workbook is written that a push would change anything for."""
    batch_id = hold(prolific, form, [ask(1), ask(2) | item])

    result = pulled(desk, tmp_path / "out", batch_id)

    assert (1, WriteRefused) == (result.exit_code, type(result.batches[0].refusal))
    assert expected in str(result.batches[0].refusal)
    assert "Q2" in str(result.batches[0].refusal)
    assert [] == list((tmp_path / "out").iterdir())


def test_a_detail_that_no_cell_holds_stays_blank(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """A blank cell leaves what Prolific has, so the workbook is written, and the detail is named."""
    batch_id = prolific.add_batch(task_details={"task_steps": "x" * 40_000}, instructions=[ask(1)])

    (done,) = pulled(desk, tmp_path, batch_id).batches

    assert done.workbook is not None
    assert "task_steps" in done.notes[0]
    assert [] == pending(desk, done.workbook)


def test_a_batch_without_instructions_is_to_be_filled_in(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """A workbook with the batch's details, and a note."""
    (done,) = pulled(desk, tmp_path, prolific.add_batch("New")).batches

    assert (tmp_path / "New.xlsx", 0) == (done.workbook, done.instructions)
    assert ["New"] == [row["name"] for row in rows_of(done.workbook, "Batches")]
    assert "no instruction" in done.notes[0]


def test_a_file_that_is_there_is_left_alone(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """It is named, keeps its bytes and its time, and the others are written."""
    ids = [hold(prolific, "instructions", [ask(1)], name) for name in ("One", "Two")]
    (tmp_path / "One.xlsx").write_bytes(b"mine")
    stamp = (tmp_path / "One.xlsx").stat().st_mtime_ns

    result = pulled(desk, tmp_path, *ids)

    assert (3, [1, 0]) == (result.exit_code, [one.exit_code for one in result.batches])
    assert "One.xlsx is there already" in str(result.batches[0].refusal)
    assert (b"mine", stamp) == (
        (tmp_path / "One.xlsx").read_bytes(),
        (tmp_path / "One.xlsx").stat().st_mtime_ns,
    )
    assert ["One.xlsx", "Two.xlsx", "state"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_batch_that_cannot_be_read_stops_only_itself(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Prolific's refusal is told, the other batch becomes a workbook."""
    result = pulled(desk, tmp_path, uuid(99), hold(prolific, "instructions", [ask(1)]))

    assert (3, True) == (result.exit_code, isinstance(result.batches[0].refusal, ProlificError))
    assert (tmp_path / "Wave 1.xlsx") == result.batches[1].workbook


def test_what_nobody_lists_is_not_pulled(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """The deprecated list is gone, and no push is remembered: refused; after a push from here the journal tells."""
    batch_id = hold(prolific, "instructions", [ask(1)])
    prolific.switches.get_instructions = 410
    try:
        assert "no longer lists" in str(pulled(desk, tmp_path, batch_id).batches[0].refusal)
        other = prolific.add_batch("Other")
        study = write_book(
            tmp_path / "mine.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [other]]}
        )
        assert 0 == go(desk, study).exit_code

        (done,) = pulled(desk, tmp_path, other).batches

        assert tmp_path / "Other.xlsx" == done.workbook
        assert "last push from here" in done.notes[0]
        assert [] == pending(desk, tmp_path / "Other.xlsx")
    finally:
        prolific.switches.get_instructions = 200


def test_batches_of_one_name_get_files_of_their_own(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """And each file holds its own batch."""
    ids = [hold(prolific, "instructions", [ask(1)], name) for name in ("Same", "same")]

    done = pulled(desk, tmp_path, *ids).batches

    assert ids == [rows_of(one.workbook, "Batches")[0]["batch_id"] for one in done]
    assert 2 == len({str(one.workbook).casefold() for one in done})


def test_a_pulled_workbook_has_the_permissions_of_any_other(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Those that the umask leaves."""
    (tmp_path / "plain").touch()
    (done,) = pulled(desk, tmp_path, hold(prolific, "instructions", [ask(1)])).batches

    assert done.workbook is not None
    assert (tmp_path / "plain").stat().st_mode == done.workbook.stat().st_mode
    assert stat.S_ISREG(done.workbook.stat().st_mode)


class Stop(Watcher):
    """Ctrl-C after the first workbook."""

    def pulled(self) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_keeps_what_is_written(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """The others are told as interrupted, and no unfinished file stays."""
    ids = [hold(prolific, "instructions", [ask(1)], name) for name in ("One", "Two")]

    result = pull(desk, ids, tmp_path / "out", watcher=Stop())

    assert (130, [None, Interrupted]) == (
        result.exit_code,
        [one.refusal and type(one.refusal) for one in result.batches],
    )
    assert ["One.xlsx"] == [path.name for path in (tmp_path / "out").iterdir()]


def test_rows_say_where_they_stand_if_pages_hold_several(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """Content and instructions in the order in which they are shown, with page, row and column, and nothing planned."""
    pages = [page(1, [[ask(3), text(9)], [ask(1)]], [[ask(2)]]), single(2, ask(5), FIELD)]

    (done,) = pulled(desk, tmp_path, prolific.add_batch(batch_items=pages)).batches

    places = [
        [row[name] for name in ("ref", "page", "row", "column")] + [row.get("instruction_id")]
        for row in rows_of(done.workbook)
    ]
    assert [
        ["Q1", "1", "1", "1", uuid(3)],
        ["T1", "1", "1", "1", uuid(9)],
        ["Q2", "1", "1", "2", uuid(1)],
        ["Q3", "1", "2", "1", uuid(2)],
        ["Q4", "2", "1", "1", uuid(5)],
        ["D1", "2", "1", "1", None],
    ] == places
    assert done.workbook is not None
    assert [] == pending(desk, done.workbook)


def test_one_item_on_each_page_needs_no_places(desk: Desk, prolific: Sandbox, tmp_path: Path):
    """The order of the rows says it all."""
    pages = [single(1, text(9), display_position="intro"), single(2, ask(1))]

    (done,) = pulled(desk, tmp_path, prolific.add_batch(batch_items=pages)).batches

    assert [["T1"], ["Q1"]] == [
        [row["ref"], *(row[n] for n in ("page", "row") if n in row)] for row in rows_of(done.workbook)
    ]
    assert done.workbook is not None
    assert [] == pending(desk, done.workbook)


# ---------------------------------------------------------------- typed
@pytest.fixture
def shell(tmp_path: Path, prolific: Sandbox) -> Shell:
    typing = Shell(tmp_path, prolific.url)
    typing.env["PROLIFIC_TOKEN"] = prolific.token
    return typing


def test_a_workspace_is_pulled_into_a_folder(shell: Shell, prolific: Sandbox):
    """One workbook per batch; what to do next; as JSON the same, where every file is there already."""
    ids = [
        prolific.add_batch(name, workspace_id="f00d", instructions=[ask(n)]) for n, name in enumerate("AB", 1)
    ]

    ended = shell("pull", "--workspace", "f00d", "--out", "mine")

    assert (0, ["A.xlsx", "B.xlsx"]) == (
        ended.code,
        sorted(p.name for p in (shell.folder / "mine").iterdir()),
    )
    assert "importer plan mine" in ended.out
    again = shell("pull", "--workspace", "f00d", "--out", "mine", "--json")
    document = json.loads(again.out)
    assert (1, 1, ids) == (
        again.code,
        document["exit_code"],
        [one["batch_id"] for one in document["results"]],
    )
    assert "is there already" in document["results"][0]["refusal"]["message"]


def test_ids_are_filled_into_a_workbook(shell: Shell, prolific: Sandbox):
    """The batch may be named for a workbook that has no sheet Batches."""
    batch_id = prolific.add_batch(instructions=[{"type": "free_text", "description": "Reasons?"}])
    rows = "| ref | type | description | instruction_id |\n| q | free_text | Reasons? | |"
    path = write_book(shell.folder / "mine.xlsx", {"Instructions": rows})

    ended = shell("pull", batch_id, "--into", path.name)

    assert (0, prolific.instructions(batch_id)[0]["id"]) == (ended.code, rows_of(path)[0]["instruction_id"])
    assert "1 relinked" in ended.out


@pytest.mark.parametrize(
    "words",
    [[], ["--into", "x.xlsx", "--out", "y"], ["--into", "x.xlsx", "--workspace", "f00d"], ["no-id"]],
)
def test_what_makes_no_sense_is_refused(shell: Shell, words: list[str]):
    """With exit code 2, and nothing read or written."""
    assert 2 == shell("pull", *words).code
