"""The report for people: everything at its place, nothing that runs or loads, nothing that grows."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from openpyxl import load_workbook

from importer.errors import UsageError, WriteRefused
from importer.problems import problem
from importer.prolific import Exchange
from importer.render.screen import line
from importer.report import book, check_target, page, write_report
from importer.report.data import Receipt, RunInfo, WorkbookDetail
from importer.report.plots import changes_plot, latency_plot, plots_of, timeline_plot, waiting_plot
from importer.report.summary import headline, nothing_sent, summarise
from importer.run.results import WorkbookRow
from importer.secret import HIDDEN, Token
from tests.test_security import INJECTED, cells_of

BEGAN = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
INFO = RunInfo("r1", "push", BEGAN, BEGAN + timedelta(seconds=5), 0, (), "1.0")
ID = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11"

PLAN = (
    line(("a.xlsx", "strong"), " → batch"),
    line(("+ create", "create"), " Q1", depth=1),
    line("label: nothing → Good", depth=3),
)


def row(
    workbook: str, state: str = "done", created: int = 0, problems: int = 0, why: str = ""
) -> WorkbookRow:
    return WorkbookRow(workbook, 1, created, 0, 0, 0, 4, problems, state, (why,) if why else ())


def done(workbook: str, created: int = 1) -> WorkbookDetail:
    receipt = Receipt(ID, "B1", "written", {"Q1": ID})
    return WorkbookDetail(row(workbook, created=created), plans=(PLAN,), receipts=(receipt,))


def broken(workbook: str) -> WorkbookDetail:
    found = problem(
        "label-missing", workbook, sheet="Instructions", cells=["G3"], ref="Q1", column="option_label"
    )
    return WorkbookDetail(row(workbook, "not ready", problems=1, why="Mend it."), (found,))


def unchanged(workbook: str) -> WorkbookDetail:
    return WorkbookDetail(row(workbook, "unchanged"), plans=(PLAN,))


def requests(count: int, status: int | None = 200, waited_s: float = 0.0) -> list[Exchange]:
    return [Exchange(at * 0.1, 0.2, "GET", status, waited_s) for at in range(count)]


def write(
    target: Path,
    details: Sequence[WorkbookDetail],
    sent: Sequence[Exchange] = (),
    info: RunInfo = INFO,
) -> Path:
    write_report(target, info, lambda: iter(details), sent)
    return target


# ---------------------------------------------------------------- reading a page
VOID = {"meta", "input"}


@dataclass
class Element:
    """A piece of a page: its tag, its attributes, and the text in it and below."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Element]:
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.all(tag)

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


class Reader(HTMLParser):
    """Read a page into elements, strictly: every tag is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.path = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.path[-1].children.append(element)
        if tag not in VOID:
            self.path.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.path[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.path.pop().tag

    def handle_data(self, data: str) -> None:
        for element in self.path:
            element.text += data


def read(path: Path) -> Element:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    assert [reader.root] == reader.path
    return reader.root


def every(element: Element) -> Iterator[Element]:
    for child in element.children:
        yield child
        yield from every(child)


def texts(root: Element, tag: str) -> list[str]:
    return [element.words for element in root.all(tag)]


def table(root: Element, name: str) -> list[list[str]]:
    (found,) = [one for one in root.all("table") if one.attributes["class"] == name]
    return [[cell.words for cell in line.children if cell.tag in {"th", "td"}] for line in found.all("tr")]


# ---------------------------------------------------------------- the page
def test_a_page_has_a_row_for_each_workbook(tmp_path: Path):
    """In the run's order, with counts, state and the reason."""
    root = read(write(tmp_path / "r.html", [done("a.xlsx", 3), broken("b.xlsx"), unchanged("c.xlsx")]))

    assert [
        ["workbook", "state", "batches", "created", "updated", "moved", "deleted", "kept", "problems"],
        ["a.xlsx", "✓ done", "1", "3", "0", "0", "0", "4", "0"],
        ["b.xlsx Mend it.", "✗ not ready", "1", "0", "0", "0", "0", "4", "1"],
        ["c.xlsx", "= unchanged", "1", "0", "0", "0", "0", "4", "0"],
    ] == table(root, "workbooks")
    assert ["2 of 3 workbooks are done"] == texts(root, "h1")


def test_details_hold_problems_plans_and_receipts(tmp_path: Path):
    """Of every workbook about which there is more to say than its row says."""
    root = read(write(tmp_path / "r.html", [done("a.xlsx"), broken("b.xlsx"), unchanged("c.xlsx")]))

    first, second = root.all("details")
    assert "a.xlsx → batch + create Q1 label: nothing → Good" in first.words
    assert [["instruction", "id on Prolific"], ["Q1", ID]] == table(first, "receipt")
    assert ["✗ error Instructions!G3 (Q1, option_label) label-missing", "The option has no label."] == texts(
        second, "p"
    )[:2]


def test_the_only_workbook_is_open(tmp_path: Path):
    """There is nothing else to look at; and one of a thing is counted in the singular."""
    root = read(write(tmp_path / "r.html", [broken("b.xlsx")]))

    assert [True] == ["open" in one.attributes for one in root.all("details")]
    assert [
        "workbook",
        "batch",
        "created",
        "updated",
        "moved",
        "deleted",
        "kept",
        "problem",
        "requests",
    ] == texts(root, "dt")


def test_equal_problems_are_folded(tmp_path: Path):
    """As on the screen; a page of a thousand equal sentences helps nobody."""
    found = tuple(
        problem("label-missing", "b.xlsx", sheet="Instructions", cells=[f"G{n}"], column="option_label")
        for n in range(3, 9)
    )
    root = read(write(tmp_path / "r.html", [replace(broken("b.xlsx"), problems=found)]))

    assert ["✗ error Instructions!G3:G8 (option_label) label-missing 6 cells: The option has no label."] == [
        one.words.removesuffix(" Write what participants see.")
        for one in root.all("li")
        if one.attributes.get("class") == "error"
    ]


def test_every_link_leads_somewhere(tmp_path: Path):
    """From a row into its details, and nowhere else; ids are unique."""
    root = read(
        write(tmp_path / "r.html", [done("a.xlsx"), unchanged("b.xlsx"), broken("c.xlsx")], requests(20))
    )

    ids = [element.attributes["id"] for element in every(root) if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert [("a.xlsx", "#w1"), ("c.xlsx", "#w3")] == [(a.words, a.attributes["href"]) for a in root.all("a")]
    named = [
        name
        for element in every(root)
        for key in ("aria-labelledby", "aria-describedby")
        for name in (element.attributes.get(key) or "").split()
    ]
    assert {"w1", "w3", *named} <= set(ids)


def test_a_long_run_shows_what_needs_a_look_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Details beyond the limit are counted, and said where they are; no row is left out."""
    monkeypatch.setattr(page, "MAX_DETAILS", 3)
    made = [done(f"{n}.xlsx") for n in range(5)] + [broken("x.xlsx"), broken("y.xlsx")]

    root = read(write(tmp_path / "r.html", made))

    assert ["0.xlsx ✓ done", "x.xlsx ✗ not ready", "y.xlsx ✗ not ready"] == texts(root, "summary")
    assert 8 == len(table(root, "workbooks"))
    assert [one for one in texts(root, "p") if "4 more workbooks" in one]


def test_long_details_are_cut_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Problems, lines of plans and ids of one workbook, each with its own limit."""
    for name in ("MAX_PROBLEMS", "MAX_LINES", "MAX_IDS"):
        monkeypatch.setattr(page, name, 2)
    problems = tuple(
        problem(code, "a.xlsx", sheet="Instructions")
        for code in ("no-instructions", "sheet-hidden", "ref-missing", "label-missing")
    )
    ids = (Receipt(ID, "B1", "written", {"Q1": ID}), Receipt(ID, "B2", "written", {"Q2": ID, "Q3": ID}))
    made = WorkbookDetail(row("a.xlsx", problems=4), problems, (PLAN,), ids)

    root = read(write(tmp_path / "r.html", [made]))

    said = [one.split(":")[0] for one in texts(root, "p") if one.startswith("…")]
    assert ["… and 2 more problems", "… and 1 more line", "… and 1 more id"] == said


HOSTILE = "<script>alert(1)</script>\"' onload='x' {{7*7}} &lt;b&gt; \x1b[2J\x00\u202eslx.</details>"


def hostile_run() -> tuple[RunInfo, WorkbookDetail]:
    found = broken(HOSTILE).problems[0]._replace(text=HOSTILE, remedy=HOSTILE, sheet=HOSTILE, ref=HOSTILE)
    plan = (line((HOSTILE, "strong"), HOSTILE, depth=1),)
    receipt = Receipt(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE})
    state = row(HOSTILE, HOSTILE, created=1, why=HOSTILE)
    info = replace(INFO, id=HOSTILE, next_steps=(HOSTILE,), version=HOSTILE, command=HOSTILE)
    return info, WorkbookDetail(state, (found,), (plan,), (receipt,))


def test_no_text_becomes_markup(tmp_path: Path):
    """Whatever stands in a cell, a file name or an answer is shown as it stands, and steers nothing."""
    info, hostile = hostile_run()
    calm = replace(INFO, next_steps=("Mend it.",))
    plain = read(write(tmp_path / "plain.html", [done("a.xlsx"), broken("b.xlsx")], requests(20), calm))
    root = read(write(tmp_path / "r.html", [hostile, hostile], requests(20), info))

    known = {(one.tag, key) for one in every(plain) for key in ("", *one.attributes)}
    assert {(one.tag, key) for one in every(root) for key in ("", *one.attributes)} <= known
    shown = HOSTILE.replace("\x1b", " ").replace("\x00", " ").replace("\u202e", " ")
    assert 20 < root.text.count(shown)
    assert [] == re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", root.text)


@pytest.mark.parametrize("suffix", [".html", ".xlsx"])
def test_a_report_hides_the_token(suffix: str, tmp_path: Path):
    """A server may repeat it in a sentence, a researcher may paste it into a cell."""
    token = Token("report-token-0123456789abcdef")
    sentence = f"Prolific said: {token.reveal()}"
    path = write(tmp_path / f"r{suffix}", [WorkbookDetail(row("a.xlsx", "rejected", why=sentence))])

    said = read(path).text if suffix == ".html" else "".join(content for _, content in cells_of(path))
    assert token.reveal() not in said
    assert HIDDEN in said


def test_a_page_loads_and_runs_nothing(tmp_path: Path):
    """Its policy forbids everything but its own style, whose digest it names; nothing in it would need more."""
    root = read(write(tmp_path / "r.html", [done("a.xlsx"), done("b.xlsx"), broken("c.xlsx")], requests(20)))

    (policy,) = [m.attributes["content"] for m in root.all("meta") if "http-equiv" in m.attributes]
    (style,) = root.all("style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" == policy
    assert [] == re.findall(r"@import|url\(|https?:", style.text)
    tags = {one.tag for one in every(root)}
    assert set() == tags & {"script", "link", "img", "iframe", "object", "embed", "form", "image", "use"}
    reaching = {key for one in every(root) for key in one.attributes if key in {"src", "style", "srcset"}}
    assert set() == reaching


def test_a_page_is_open_to_everybody(tmp_path: Path):
    """It says its language; tables have captions and scopes; plots have names and words."""
    root = read(write(tmp_path / "r.html", [done("a.xlsx"), done("b.xlsx")], requests(20, waited_s=0.5)))

    assert ["en"] == [one.attributes["lang"] for one in root.all("html")]
    assert [] == [one for one in root.all("table") if not list(one.all("caption"))]
    assert [] == [one for one in root.all("th") if one.attributes.get("scope") not in {"col", "row"}]
    plots = [one for one in root.all("svg") if one.attributes.get("role") == "img"]
    assert 4 == len(plots)
    assert [] == [one for one in plots if not one.attributes["aria-describedby"]]
    assert [] == [one for one in root.all("svg") if one not in plots and "aria-hidden" not in one.attributes]


TEXTS = [
    *(
        ("ink", "back"),
        ("ink", "card"),
        ("ink", "mist"),
        ("soft", "back"),
        ("soft", "card"),
        ("soft", "mist"),
    ),
    *(("deep", "back"), ("deep", "card"), ("deep", "mist"), ("card", "deep")),
    *((tone, f"{tone}-back") for tone in ("good", "warn", "bad", "quiet")),
    *((tone, ground) for tone in ("good", "warn", "bad") for ground in ("card", "mist")),
]
SHAPES = [(look, "card") for look in ("create", "update", "move", "delete", "limited", "lost", "calm")]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_apart(scheme: int):
    """Texts 4.5 to 1 and shapes 3 to 1 on their grounds, in light and dark (WCAG 2.2, 1.4.3 and 1.4.11)."""
    style = (Path(page.__file__).parent / "page_parts" / "page.css").read_text("utf-8")
    colours = dict(
        re.findall(r"--([\w-]+): (#\w{6})", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme])
    )

    def ratio(pair: tuple[str, str]) -> float:
        dark, light = sorted(luminance(colours[name]) for name in pair)
        return (light + 0.05) / (dark + 0.05)

    assert [] == [(pair, ratio(pair)) for pair in TEXTS if ratio(pair) < 4.5]
    assert [] == [(pair, ratio(pair)) for pair in SHAPES if ratio(pair) < 3]


def test_every_colour_has_its_place(tmp_path: Path):
    """A class of a plot or of a plan that the style does not know would be black, or nothing."""
    sent = [
        replace(one, status=status)
        for one, status in zip(requests(12, waited_s=1), [429, 500, None, 200] * 3, strict=True)
    ]
    root = read(write(tmp_path / "r.html", [done("a.xlsx"), done("b.xlsx")], [*sent, *requests(3)]))

    (style,) = root.all("style")
    looks = {one.attributes.get("class") for one in root.all("rect")}
    assert {"v-create", "v-limited", "v-failed", "v-lost", "v-fine", "v-read", "v-held", "v-flight"} == looks
    assert [] == [look for look in looks if f".{look}" not in style.text]


# ---------------------------------------------------------------- plots
def values(told: Iterable[str]) -> list[str]:
    return [one.split(": ")[1] for one in told]


def test_the_busiest_workbooks_are_drawn():
    """Most first, at most ten, each as long as its changes."""
    summary = summarise((done(f"{n}.xlsx", n) for n in range(30)), [])
    plot = changes_plot(summary)

    assert ["29.xlsx", "28.xlsx"] == [tick.label for tick in plot.y_ticks[:2]]
    assert 10 == len(plot.bars)
    assert plot.bars[0].width * 20 / 29 == pytest.approx(plot.bars[9].width)
    assert "435 changes in all; the most, 29, in 29.xlsx." in plot.words


def test_requests_stand_where_they_began():
    """A column counts what left in its part of the run, whatever came of it."""
    sent = [Exchange(at, 0.5, "GET", status, 0) for at, status in [(0, 200), (0.1, 429), (11.5, None)]]
    plot = timeline_plot(sent)

    assert ["1 answered", "1 refused, too many requests (429)", "1 no answer"] == values(
        b.told for b in plot.bars
    )
    assert plot.bars[0].x == plot.bars[1].x < plot.bars[2].x
    assert plot.bars[0].y == pytest.approx(plot.bars[1].y + plot.bars[1].height)
    assert (
        "3 requests within 12 s: 1 answered; 1 refused, too many requests (429); 1 no answer." == plot.words
    )


def test_waiting_is_drawn_for_as_long_as_it_lasted():
    """Held back from 2 s to 5 s, then on its way until 12 s: never both at once."""
    plot = waiting_plot([Exchange(5, 7, "PUT", 200, 3)])

    held = [bar for bar in plot.bars if bar.look == "held"]
    assert (3, 7) == (len(held), len(plot.bars) - len(held))
    assert ["from 2 s: 1 held back", "from 3 s: 1 held back", "from 4 s: 1 held back"] == [
        b.told for b in held
    ]
    assert "1 request of 1 held back because of rate limits: 3 s together, 3 s at most." == plot.words


def test_latency_says_what_is_usual_and_what_is_slow():
    """Every request is in one column, and the marks stand inside."""
    sent = [Exchange(0, n / 100, "PUT" if n % 2 else "GET", 200, 0) for n in range(1, 101)]
    plot = latency_plot(sent)

    assert 100 == sum(int(told.split()[0]) for told in values(bar.told for bar in plot.bars))
    assert "Half of them took at most 505 ms, 95 of 100 at most 951 ms, the slowest 1 s." == plot.words
    assert plot.bars[0].x < plot.marks[0].at < plot.marks[1].at < plot.bars[-1].x + plot.bars[-1].width


@pytest.mark.parametrize("took_s", [0.0, 1e-9, 0.1, 59.9, 90_000.0])
def test_any_span_of_time_can_be_drawn(took_s: float):
    """A run of an instant, and one of a day."""
    plots = plots_of(summarise([], []), [Exchange(0, took_s, "GET", 200, took_s)] * 10)

    assert ["timeline", "latency", "waiting"] == [plot.name for plot in plots]
    for plot in plots:
        assert [] == [bar for bar in plot.bars if not (0 <= bar.x <= 560 and 0 <= bar.y and bar.height >= 0)]
        assert 1 <= len(plot.x_ticks) <= 16


def test_few_requests_are_not_drawn():
    """Two requests are no distribution, and one workbook is no comparison."""
    assert () == plots_of(summarise([done("a.xlsx")], []), requests(9))


# ---------------------------------------------------------------- the sentence on top
@pytest.mark.parametrize(
    ("command", "exit_code", "states", "expected"),
    [
        ("push", 0, ["done"], "1 workbook is done"),
        ("push", 0, ["done", "unchanged"], "2 workbooks are done"),
        ("push", 0, ["unchanged", "unchanged"], "Nothing to change in 2 workbooks. Nothing was sent."),
        ("push", 3, ["done", "not ready", "conflict"], "1 of 3 workbooks is done"),
        ("push", 3, ["done", "not ready", "done"], "2 of 3 workbooks are done"),
        ("push", 1, ["not ready", "not sent"], "None of 2 workbooks is done. Nothing was sent."),
        ("push", 5, ["sent, outcome unknown"], "1 workbook is not done"),
        ("push", 130, ["done", "interrupted"], "Interrupted: 1 of 2 workbooks is done"),
        ("plan", 0, ["ready", "unchanged"], "2 workbooks are ready. Nothing was sent."),
        ("check", 1, ["ready", "not ready"], "1 of 2 workbooks is ready. Nothing was sent."),
        ("check", 0, [], "No workbook was found. Nothing was sent."),
        ("push", 0, ["unheard of"], "1 workbook is not done"),
    ],
)
def test_the_outcome_in_one_sentence(command: str, exit_code: int, states: list[str], expected: str):
    """Says how many went through, and whether anything was sent."""
    info = replace(INFO, command=command, exit_code=exit_code)
    summary = summarise((WorkbookDetail(row(f"{n}.xlsx", state)) for n, state in enumerate(states)), [])

    said = headline(info, summary) + (". Nothing was sent." if nothing_sent(info, summary) else "")
    assert expected == said


# ---------------------------------------------------------------- the workbook
PLOTS = [
    "Changes per study",
    "Requests over time",
    "How long requests took",
    "Waiting because of rate limits",
]


def rows(path: Path, sheet: str) -> list[list[object]]:
    return [[cell.value for cell in line] for line in load_workbook(path)[sheet].iter_rows()]


def test_the_workbook_says_the_same(tmp_path: Path):
    """A sheet for each kind of fact, everything unfolded and uncut."""
    sent = [Exchange(0.5, 0.25, "PUT", None, 0.0), Exchange(0.0, 0.125, "GET", 200, 1.5)]
    path = write(tmp_path / "r.xlsx", [done("a.xlsx", 3), broken("b.xlsx"), unchanged("c.xlsx")], sent)

    assert ["Summary", "Workbooks", "Problems", "Changes", "Receipts", "Requests"] == load_workbook(
        path
    ).sheetnames
    assert ["2 of 3 workbooks are done", None] == rows(path, "Summary")[0]
    assert [
        ["a.xlsx", "✓ done", 1, 3, 0, 0, 0, 4, 0, None],
        ["b.xlsx", "✗ not ready", 1, 0, 0, 0, 0, 4, 1, "Mend it."],
        ["c.xlsx", "= unchanged", 1, 0, 0, 0, 0, 4, 0, None],
    ] == rows(path, "Workbooks")[1:]
    assert [
        [
            *("b.xlsx", "✗ error", "Instructions!G3", "Q1", "option_label"),
            *("The option has no label.", "Write what participants see.", "label-missing"),
        ]
    ] == rows(path, "Problems")[1:]
    plan = ["a.xlsx → batch", "    + create Q1", "            label: nothing → Good"]
    assert [[name, text] for name in ("a.xlsx", "c.xlsx") for text in plan] == rows(path, "Changes")[1:]
    assert [["a.xlsx", "B1", ID, "written", "Q1", ID]] == rows(path, "Receipts")[1:]
    assert [["GET", 200, 0, 0.125, 1.5], ["PUT", "no answer", 0.5, 0.25, 0]] == rows(path, "Requests")[1:]


def test_plots_are_charts_of_cells(tmp_path: Path):
    """A table for each plot of the page, in its words, and a chart beside it that shows every row of it."""
    sent = requests(20, waited_s=0.5)
    path = write(tmp_path / "r.xlsx", [done("a.xlsx", 3), done("=b.xlsx", 5)], sent)

    found = rows(path, "Plots")
    titles = [number for number, cells in enumerate(found, 1) if cells[1] is None and cells[0] in PLOTS]
    assert PLOTS == [found[number - 1][0] for number in titles]
    assert [
        ["workbook", "created", "updated", "moved", "deleted"],
        ["=b.xlsx", 5, 0, 0, 0],
        ["a.xlsx", 3, 0, 0, 0],
    ] == [cells[:5] for cells in found[2:5]]
    charts = load_workbook(path)["Plots"]._charts
    assert titles == [chart.anchor._from.row + 1 for chart in charts]
    assert "'Plots'!$B$4:$B$5" == charts[0].series[0].val.numRef.f
    assert "'Plots'!$A$4:$A$5" == charts[0].series[0].cat.numRef.f
    answered = found[titles[1] + 2 : titles[2] - 1]
    assert 20 == sum(cells[1] for cells in answered if isinstance(cells[1], int))


def test_lists_can_be_filtered_and_scrolled(tmp_path: Path):
    """The header stays in view, and the filter spans every row."""
    saved = load_workbook(write(tmp_path / "r.xlsx", [done("a.xlsx"), done("b.xlsx")]))

    assert {"Workbooks": ("B2", "A1:J3"), "Receipts": ("B2", "A1:F3"), "Requests": ("A2", "A1:E1")} == {
        name: (saved[name].freeze_panes, saved[name].auto_filter.ref)
        for name in ("Workbooks", "Receipts", "Requests")
    }


@pytest.mark.parametrize("text", [*INJECTED, "#REF!", "007", HOSTILE, "_x0041_", "a\rb"])
def test_no_text_becomes_a_formula(text: str, tmp_path: Path):
    """Nor an error, nor a number: a text is a text, wherever it comes from."""
    made = WorkbookDetail(
        row(text, why=text),
        broken(text).problems,
        ((line(text),),),
        (Receipt(text, text, text, {text: text}),),
    )
    path = write(tmp_path / "r.xlsx", [made], info=replace(INFO, next_steps=(text,), id=text))

    texts = [(attributes, content) for attributes, content in cells_of(path) if "<is>" in content]
    assert 12 < len(texts)
    assert [] == [content for _, content in cells_of(path) if "<f" in content]
    kinds = {kind for attributes, _ in cells_of(path) for kind in re.findall(r'\bt="(\w+)"', attributes)}
    assert {"inlineStr", "n"} == kinds


def test_a_full_sheet_says_what_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Excel has only so many rows; the last one counts the rest."""
    monkeypatch.setattr(book, "MAX_ROWS", 4)
    path = write(tmp_path / "r.xlsx", [done(f"{n}.xlsx") for n in range(5)])

    assert ["workbook", "0.xlsx", "1.xlsx", "… and 3 more: in --json."] == [
        one[0] for one in rows(path, "Workbooks")
    ]


# ---------------------------------------------------------------- writing
@pytest.mark.parametrize("suffix", [".html", ".xlsx"])
def test_memory_does_not_grow_with_the_workbooks(suffix: str, tmp_path: Path):
    """Details are gone through one by one, and what is written is let go."""

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            write_report(
                tmp_path / f"r{suffix}", INFO, lambda: (done(f"{n:05}.xlsx") for n in range(count)), ()
            )
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # loads what is loaded once
    assert peak(250) - peak(50) < 50_000


@pytest.mark.parametrize("name", ["report.pdf", "report", ".html"])
def test_only_pages_and_workbooks_are_written(name: str, tmp_path: Path):
    """Any other name is a mistake on the command line, refused before anything is written."""
    with pytest.raises(UsageError, match="End its name with"):
        write(tmp_path / name, [done("a.xlsx")])
    assert [] == list(tmp_path.iterdir())


def test_a_place_that_is_none_is_refused_early(tmp_path: Path):
    """A folder that is not there, and a folder of this name."""
    (tmp_path / "folder.html").mkdir()
    for target in (tmp_path / "nowhere" / "r.html", tmp_path / "folder.html"):
        with pytest.raises(WriteRefused, match="Choose another place"):
            check_target(target)


@pytest.mark.parametrize("suffix", [".html", ".xlsx"])
def test_a_report_is_whole_or_not_there(suffix: str, tmp_path: Path):
    """If writing breaks off, the report of the last run is still there, and nothing is left beside it."""
    target = write(tmp_path / f"r{suffix}", [done("a.xlsx")])
    before = target.read_bytes()

    def failing() -> Iterator[WorkbookDetail]:
        yield done("b.xlsx")
        raise OSError(28, "No space left on device")

    with pytest.raises(WriteRefused, match="No space left on device"):
        write_report(target, INFO, failing, ())
    assert before == target.read_bytes()
    assert [target] == list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("suffix", [".html", ".xlsx"])
def test_a_report_is_as_open_as_other_new_files(suffix: str, tmp_path: Path):
    """It is made to be handed on, unlike the journal; the umask decides."""
    before = os.umask(0o027)
    try:
        target = write(tmp_path / f"r{suffix}", [done("a.xlsx")])
    finally:
        os.umask(before)
    assert 0o640 == target.stat().st_mode & 0o777


def test_a_run_without_a_report_loads_nothing_for_it():
    """jinja2 and openpyxl cost a tenth of a second together."""
    script = "import sys, importer.report; print(*{'jinja2', 'openpyxl'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "\n" == found.stdout
