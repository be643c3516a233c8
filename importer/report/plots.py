"""
Plots as geometry: which rectangle stands where, what each says, and the plot in words.

Owns scales, bins and ticks; how a plot is drawn is the page's business (`page/plots.html`).
Measured against pygal: its plots are ten times as large, bring their own fonts, random names and
the day's date, and cannot follow the page into the dark.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

from importer.prolific import Exchange
from importer.render.words import count_of
from importer.report.summary import Summary, duration
from importer.run.results import WorkbookRow

WIDTH: Final = 560.0
#: Fewer requests than this are no distribution.
MIN_REQUESTS: Final = 10
_HEIGHT: Final = 244.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 12.0, 30.0, 46.0
_ROW: Final = 24.0
_NAMES: Final = 214.0
_NAME_CHARACTERS: Final = 31
_MAX_BINS: Final = 60
_MIN_BINS: Final = 12
_BINS_A_DECADE: Final = 8
_FASTEST_S: Final = 0.0001
_LIMITED: Final = 429
_REFUSED: Final = 400


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, in the plot's units; *look* names its colour, *told* is what it says on its own."""

    x: float
    y: float
    width: float
    height: float
    look: str
    told: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at a place on an axis."""

    at: float
    label: str
    full: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """
    A plot, ready to be drawn.

    Attributes:
        name: Its name in the page, a word.
        title: What it shows.
        words: The same in words, for everybody and above all for who cannot see it.
        x_title: What runs along the bottom; "" if the plot has names at its left instead.
        y_title: What runs upwards.
        height: Its height; the width is `WIDTH`.
        bars: Its rectangles.
        x_ticks: Labels along the bottom.
        y_ticks: Labels at the left.
        marks: Values that a line marks, along the bottom.
        legend: Look and meaning of each series that occurs.
        series: Look and meaning of each series.
        rows: What is drawn, as a table: a workbook or where a bin begins, and the value of each series.
    """

    name: str
    title: str
    words: str
    x_title: str
    y_title: str
    height: float
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    legend: tuple[tuple[str, str], ...]
    series: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]
    marks: tuple[Tick, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether it has a row for each name, and no axes."""
        return not self.x_title


def plots_of(summary: Summary, requests: Sequence[Exchange]) -> tuple[Plot, ...]:
    """Return the plots of which a look says more than the numbers."""
    found = [changes_plot(summary)] if len(summary.busiest) > 1 else []
    if len(requests) >= MIN_REQUESTS:
        found += [timeline_plot(requests), latency_plot(requests), waiting_plot(requests)]
    return tuple(found)


# ---------------------------------------------------------------- changes per workbook
_CHANGES: Final[tuple[tuple[str, str, Callable[[WorkbookRow], int]], ...]] = (
    ("create", "created", lambda row: row.created),
    ("update", "updated", lambda row: row.updated),
    ("move", "moved", lambda row: row.moved),
    ("delete", "deleted", lambda row: row.deleted),
)


def changes_plot(summary: Summary) -> Plot:
    """Show the workbooks with most changes, a row each."""
    rows = summary.busiest
    scale = (WIDTH - _NAMES - 48) / rows[0].changes
    bars: list[Bar] = []
    ticks, totals = [], []
    for number, row in enumerate(rows):
        x, y = _NAMES, _ROW * number + 4
        for look, word, count in _CHANGES:
            if changed := count(row):
                bars.append(Bar(x, y, changed * scale, _ROW - 8, look, f"{row.workbook}: {changed} {word}"))
                x += changed * scale
        ticks.append(Tick(y + 12, shortened(row.workbook), row.workbook))
        totals.append(Tick(x + 6, f"{row.changes:,}"))
    every = sum(summary.totals[word] for _, word, _ in _CHANGES)
    first = f"{count_of(every, 'change')} in all; the most, {rows[0].changes:,}, in {rows[0].workbook}."
    rest = f" Shown are the {len(rows)} workbooks with most changes." if len(rows) < summary.workbooks else ""
    series = tuple((look, word) for look, word, _ in _CHANGES)
    occurring = {bar.look for bar in bars}
    return Plot(
        "changes",
        "Changes per study",
        first + (rest if len(rows) > 1 else ""),
        "",
        "",
        _ROW * len(rows) + 4,
        tuple(bars),
        tuple(totals),
        tuple(ticks),
        tuple((look, word) for look, word in series if look in occurring),
        series,
        tuple((row.workbook, tuple(float(count(row)) for *_, count in _CHANGES)) for row in rows),
    )


def shortened(name: str, limit: int = _NAME_CHARACTERS) -> str:
    """
    Return the end of a name, which is what tells files of one folder apart.

    >>> shortened("studies/2024/spring/likert-07.xlsx", 16)
    '…g/likert-07.xlsx'
    """
    room = limit
    for number, character in enumerate(reversed(name)):
        room -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if room < 0:
            return f"…{name[len(name) - number :]}"
    return name


# ---------------------------------------------------------------- requests
_OUTCOMES: Final = (
    ("fine", "answered"),
    ("limited", "refused, too many requests (429)"),
    ("failed", "refused or failed (4xx, 5xx)"),
    ("lost", "no answer"),
)


def _outcome(request: Exchange) -> int:
    if request.status is None:
        return 3
    if request.status == _LIMITED:
        return 1
    return 2 if request.status >= _REFUSED else 0


def timeline_plot(requests: Sequence[Exchange]) -> Plot:
    """Show how many requests left when, and what came of them."""
    span_s, bins = _time_bins(requests)
    counts = [[0.0] * len(_OUTCOMES) for _ in range(bins)]
    found = [0] * len(_OUTCOMES)
    for request in requests:
        kind = _outcome(request)
        counts[min(int(request.began_s / span_s * bins), bins - 1)][kind] += 1
        found[kind] += 1
    fates = [f"{count} {word}" for count, (_, word) in zip(found, _OUTCOMES, strict=True) if count]
    return _columns(
        "timeline",
        "Requests over time",
        f"{count_of(len(requests), 'request')} within {duration(span_s)}: {'; '.join(fates)}.",
        x_title="since the run began",
        y_title=f"requests in {duration(span_s / bins)}",
        series=_OUTCOMES,
        stacks=counts,
        labels=[duration(at * span_s / bins) for at in range(bins)],
        x_ticks=_time_ticks(span_s),
    )


def waiting_plot(requests: Sequence[Exchange]) -> Plot:
    """Show how many requests were on their way and how many were held back, over time."""
    span_s, bins = _time_bins(requests)
    width_s = span_s / bins
    stacks = [[0.0, 0.0] for _ in range(bins)]
    for request in requests:
        left = max(request.began_s, 0.0)
        for kind, start, end in (
            (0, left, left + request.took_s),
            (1, max(left - request.waited_s, 0.0), left),
        ):
            for at in range(int(start / width_s), min(int(end / width_s), bins - 1) + 1):
                overlap_s = min(end, (at + 1) * width_s) - max(start, at * width_s)
                stacks[at][kind] += max(overlap_s, 0.0) / width_s
    held = [request.waited_s for request in requests if request.waited_s > 0]
    words = (
        f"{count_of(len(held), 'request')} of {len(requests)} held back because of rate limits: "
        f"{duration(sum(held))} together, {duration(max(held))} at most."
        if held
        else "No request was held back because of rate limits."
    )
    return _columns(
        "waiting",
        "Waiting because of rate limits",
        words,
        x_title="since the run began",
        y_title="requests at once",
        series=(("flight", "on their way"), ("held", "held back")),
        stacks=stacks,
        labels=[duration(at * width_s) for at in range(bins)],
        x_ticks=_time_ticks(span_s),
    )


def _time_bins(requests: Iterable[Exchange]) -> tuple[float, int]:
    """Return how long the requests took from the run's beginning on, in seconds, and in how many bins."""
    ends = [request.began_s + request.took_s for request in requests]
    bins = min(max(round(2 * math.sqrt(len(ends))), _MIN_BINS), _MAX_BINS)
    return max(*ends, _FASTEST_S), bins


def _time_ticks(span_s: float) -> tuple[Tick, ...]:
    step = _time_step(span_s / 6)
    return tuple(
        Tick(at * step / span_s, duration(at * step) if at else "0") for at in range(int(span_s / step) + 1)
    )


def latency_plot(requests: Sequence[Exchange]) -> Plot:
    """Show how long requests took, on a logarithmic scale."""
    taken = [max(request.took_s, _FASTEST_S) for request in requests]
    low, high = _decades(taken)
    bins = round((high - low) * _BINS_A_DECADE)
    stacks = [[0.0, 0.0] for _ in range(bins)]
    for request, took_s in zip(requests, taken, strict=True):
        at = int((math.log10(took_s) - low) * _BINS_A_DECADE)
        stacks[min(max(at, 0), bins - 1)][request.method != "GET"] += 1
    middle, slow = median(taken), _slow(taken)
    ticks = [
        Tick((math.log10(value) - low) / (high - low), duration(value))
        for decade in range(math.floor(low), math.ceil(high) + 1)
        for value in (1 * 10.0**decade, 2 * 10.0**decade, 5 * 10.0**decade)
        if low - 0.001 <= math.log10(value) <= high + 0.001
        and (value < 10.0**decade * 1.5 or high - low < 2.5)  # noqa: PLR2004
    ]
    return _columns(
        "latency",
        "How long requests took",
        f"Half of them took at most {duration(middle)}, 95 of 100 at most {duration(slow)}, "
        f"the slowest {duration(max(taken))}.",
        x_title="time until the answer (each step the same factor)",
        y_title="requests",
        series=(("read", "reading (GET)"), ("send", "sending (PUT, PATCH)")),
        stacks=stacks,
        labels=[duration(10 ** (low + at / _BINS_A_DECADE)) for at in range(bins)],
        x_ticks=tuple(ticks),
        marks=tuple(
            Tick((math.log10(value) - low) / (high - low), label)
            for value, label in ((middle, "half"), (slow, "95 %"))
        ),
    )


def _slow(taken: Sequence[float]) -> float:
    return quantiles(taken, n=20, method="inclusive")[-1] if len(taken) > 1 else taken[0]


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Return powers of ten around values, at least one decade apart, in steps of a bin."""
    low = math.floor(math.log10(min(values)) * _BINS_A_DECADE)
    high = math.floor(math.log10(max(values)) * _BINS_A_DECADE) + 1
    missing = max(_BINS_A_DECADE - (high - low), 0)
    return (low - missing // 2) / _BINS_A_DECADE, (high + missing - missing // 2) / _BINS_A_DECADE


# ---------------------------------------------------------------- columns
def _columns(
    name: str,
    title: str,
    words: str,
    *,
    x_title: str,
    y_title: str,
    series: Sequence[tuple[str, str]],
    stacks: Sequence[Sequence[float]],
    labels: Sequence[str],
    x_ticks: Sequence[Tick],
    marks: Sequence[Tick] = (),
) -> Plot:
    """
    Stack columns above equal bins.

    Args:
        name: As in `Plot`, like the other texts.
        title: …
        words: …
        x_title: …
        y_title: …
        series: Look and meaning of each series, from the bottom up.
        stacks: For each bin the value of each series.
        labels: Where each bin begins.
        x_ticks: At fractions of the width.
        marks: At fractions of the width.
    """
    wide, high = WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    step = _step(max(sum(stack) for stack in stacks) / 4)
    top = step * math.ceil(max(max(sum(stack) for stack in stacks) / step, 1) - 1e-9)
    bars: list[Bar] = []
    for at, stack in enumerate(stacks):
        x, y = _LEFT + wide * at / len(stacks), _TOP + high
        for (look, word), value in zip(series, stack, strict=True):
            if value > 0:
                y -= value / top * high
                width = max(wide / len(stacks) - 1, 1)
                bars.append(
                    Bar(x, y, width, value / top * high, look, f"from {labels[at]}: {value:.4g} {word}")
                )
    occurring = {bar.look for bar in bars}
    return Plot(
        name,
        title,
        words,
        x_title,
        y_title,
        _HEIGHT,
        tuple(bars),
        tuple(Tick(_LEFT + wide * tick.at, tick.label) for tick in x_ticks),
        tuple(
            Tick(_TOP + high - high * at * step / top, f"{at * step:,.10g}")
            for at in range(round(top / step) + 1)
        ),
        tuple((look, word) for look, word in series if look in occurring),
        tuple(series),
        tuple((label, tuple(stack)) for label, stack in zip(labels, stacks, strict=True)),
        tuple(Tick(_LEFT + wide * tick.at, tick.label) for tick in marks),
    )


def _step(about: float) -> float:
    """
    Return the next of …, 1, 2, 5, 10, 20, … from a distance between ticks on; of counts, no part.

    >>> _step(0.2), _step(3), _step(60)
    (1.0, 5.0, 100.0)
    """
    decade = 10.0 ** math.floor(math.log10(max(about, 1)))
    return next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= about - 1e-9)


def _time_step(about_s: float) -> float:
    """
    Return the next round span of time from a distance between ticks on, in seconds.

    >>> _time_step(0.03), _time_step(12), _time_step(5000)
    (0.05, 15.0, 7200.0)
    """
    if about_s <= 10:  # noqa: PLR2004 – below, people count in tens; above, in quarters of a minute
        decade = 10.0 ** math.floor(math.log10(about_s))
        return next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= about_s)
    steps = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0)
    return next((step for step in steps if step >= about_s), math.ceil(about_s / 3600) * 3600.0)
