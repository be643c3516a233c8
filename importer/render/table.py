"""The end of a run over many workbooks: a table with a row per workbook, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from importer.render.screen import Line, Lines, harmless, line
from importer.render.words import count_of, shortened, typed, width_of
from importer.report.summary import COUNTS, STATES, look_of, needs_look

if TYPE_CHECKING:
    from importer.run.results import WorkbookRow

#: Workbooks that a screen shows; of more, those that need a look.
ROWS_SHOWN: Final = 40
WIDTH: Final = 80
#: Names of workbooks have at least this, enough for `10,000 workbooks`; below the second, headers give way.
_NAME_WIDTH: Final = 16
_ROOMY: Final = 24
#: Nobody types a command again that names more than these.
_TYPED_AGAIN: Final = 4

_SHORT: Final = {
    "batches": "bat.",
    "created": "new",
    "updated": "upd.",
    "moved": "mov.",
    "deleted": "del.",
    "kept": "kept",
    "problems": "prob.",
}
_STYLES: Final = {"good": "done", "quiet": "quiet", "warn": "warning", "bad": "error"}


def state_piece(state: str) -> tuple[str, str]:
    """Return a state with its sign, and its style."""
    look = look_of(state)
    return f"{look.sign} {state}", _STYLES[look.tone]


def one_line(text: str) -> str:
    """Return a name or a sentence as one line that steers no terminal and shows no token."""
    return " ".join(harmless(text).split("\n"))


def summary_table(rows: Iterable[WorkbookRow], *, limit: int = ROWS_SHOWN, width: int = WIDTH) -> Lines:
    """
    Show what came of each workbook.

    Of more than *limit* workbooks those are shown that need a look, and the others are counted.
    Columns that hold nothing are left out, and so is `batches` where each workbook has one.

    Args:
        rows: One per workbook; read once.
        limit: Workbooks that are shown.
        width: Columns of the terminal.
    """
    totals, states = Counter[str](), Counter[str]()
    first: list[WorkbookRow] = []
    looks: list[WorkbookRow] = []
    for row in rows:
        states[row.state] += 1
        totals.update({name: getattr(row, name) for name in COUNTS})
        if len(first) < limit:
            first.append(row)
        if needs_look(row.state) and len(looks) < limit:
            looks.append(row)
    shown = first if states.total() <= limit else looks
    columns = [
        name for name in COUNTS if totals[name] and (name, totals[name]) != ("batches", states.total())
    ]
    table = _Table(shown, columns, totals, width)
    lines = [table.header()] if shown else []
    for row in shown:
        lines.append(table.row(row))
        if needs_look(row.state):
            lines += [line(one, depth=2) for text in row.sentences for one in harmless(text).split("\n")]
    lines.append(table.total(states.total()))
    lines.append(_states_line(states))
    if hidden := states - Counter(row.state for row in shown):
        more = "more " if shown else ""
        lines.append(
            line((f"… {hidden.total():,} {more}not shown (", "quiet"), *_counted(hidden), (")", "quiet"))
        )
        lines.append(line(("… all in --report and --json", "quiet")))
    return tuple(lines)


def _states_line(states: Counter[str]) -> Line:
    return line(*_counted(states))


def _counted(states: Counter[str]) -> list[str | tuple[str, str]]:
    """Return how many workbooks are in each state: `✓ 9 done, ✗ 1 conflict`."""
    pieces: list[str | tuple[str, str]] = []
    for state in dict.fromkeys((*STATES, *states)):
        if states[state]:
            sign, (_, style) = look_of(state).sign, state_piece(state)
            pieces += [", "] * bool(pieces)
            pieces.append((f"{sign} {states[state]:,} {state}", style))
    return pieces


class _Table:
    """The widths of a table, and its lines."""

    def __init__(
        self, rows: Sequence[WorkbookRow], columns: Sequence[str], totals: Counter[str], width: int
    ) -> None:
        self._columns, self._totals = columns, totals
        names = max([width_of(one_line(row.workbook)) for row in rows] + [_NAME_WIDTH])
        states = max([width_of(state_piece(row.state)[0]) for row in rows] + [0])
        for self._headers, self._gap in (({name: name for name in columns}, 2), (_SHORT, 1)):
            self._widths = {name: max(len(self._headers[name]), len(f"{totals[name]:,}")) for name in columns}
            room = width - 2 - sum(self._gap + each for each in self._widths.values())
            if room - states >= min(names, _ROOMY):
                break
        self._state_width = min(states, room - _NAME_WIDTH)
        self._name_width = min(names, room - self._state_width)

    def header(self) -> Line:
        return line((f"{self._named('workbook')}{self._numbers(self._headers)}  state", "strong"))

    def row(self, row: WorkbookRow) -> Line:
        state, style = state_piece(row.state)
        numbers = self._numbers({name: f"{getattr(row, name):,}" for name in self._columns})
        return line(
            f"{self._named(one_line(row.workbook))}{numbers}  ", (shortened(state, self._state_width), style)
        )

    def total(self, workbooks: int) -> Line:
        numbers = self._numbers({name: f"{self._totals[name]:,}" for name in self._columns})
        return line((f"{self._named(count_of(workbooks, 'workbook'))}{numbers}", "strong"))

    def _named(self, name: str) -> str:
        name = shortened(name, self._name_width)
        return name + " " * (self._name_width - width_of(name))

    def _numbers(self, texts: Mapping[str, str]) -> str:
        return "".join(f"{'':{self._gap}}{texts[name]:>{self._widths[name]}}" for name in self._columns)


# ---------------------------------------------------------------- what to do next
def next_steps(rows: Iterable[WorkbookRow], command: str, typed_paths: Sequence[str]) -> tuple[str, ...]:
    """
    Say what to do next, one sentence each, what is most urgent first.

    Args:
        rows: One per workbook; read once.
        command: `push`, `plan` or `check`.
        typed_paths: Files, folders and patterns as they were typed, not quoted.

    Returns:
        Nothing if there is nothing left to do.
    """
    states = Counter[str]()
    some: dict[str, list[str]] = {}
    for row in rows:
        states[row.state] += 1
        if states[row.state] <= _TYPED_AGAIN:
            some.setdefault(row.state, []).append(row.workbook)
    steps = []
    if unsure := states["sent, outcome unknown"] + states["ids not in the workbook"]:
        steps.append(f"Finish what was sent ({count_of(unsure, 'workbook')}): importer resume")
    for state, step in _STEPS.items():
        if count := states[state]:
            of = {
                "count": count_of(count, "workbook"),
                "again": _command(command, typed_paths),
                "mark": _command("check --mark", typed_paths),
                "plan": _command("plan", some[state] if count <= _TYPED_AGAIN else typed_paths),
            }
            steps.append(step.format(**of))
    if states["ready"] and command != "push":
        following, why = _FOLLOWING[command]
        steps.append(f"{why} ({count_of(states['ready'], 'workbook')}): {_command(following, typed_paths)}")
    return tuple(steps)


_STEPS: Final = {
    "conflict": "Compare what Prolific holds now with the sheet ({count}): {plan}",
    "rejected": "Mend what Prolific refused ({count}; its words stand above), then run the same command again: {again}",
    "not ready": "Mend the problems ({count}; to see them at their cells: {mark}), then run the same command again: {again}",
    "not sent": "Do what is said above about each workbook that was not sent ({count}), then run the same command again: {again}",
    "interrupted": "Go on where it was stopped ({count}): {again}",
}
_FOLLOWING: Final = {
    "check": ("plan", "See what a push would change"),
    "plan": ("push", "Send what is ready"),
}


def _command(command: str, paths: Sequence[str]) -> str:
    """Return a command as it is typed; with too many paths, with a place for them."""
    words = [typed(path) for path in paths] if len(paths) <= _TYPED_AGAIN else ["…"]
    return one_line(" ".join(["importer", command, *words]))
