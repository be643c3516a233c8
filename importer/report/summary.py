"""
A run in numbers and in one sentence.

Owns the states that a workbook can be in, what each asks of a person, and the sentence on top of
every report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappush, heappushpop
from typing import TYPE_CHECKING, Final, NamedTuple

from importer.render.words import count_of

if TYPE_CHECKING:
    from importer.prolific import Exchange
    from importer.report.data import RunInfo, WorkbookDetail
    from importer.run.results import WorkbookRow

INTERRUPTED: Final = 130
#: Workbooks that the plot of changes shows.
BUSIEST: Final = 10

COUNTS: Final = ("batches", "created", "updated", "moved", "deleted", "kept", "problems")


class Look(NamedTuple):
    """How a state is shown: a sign, so that it is never told by colour alone, and a tone."""

    sign: str
    tone: str  # "good", "quiet", "warn" or "bad"


#: In the order in which they are counted; `ready` is for runs that only check or plan.
STATES: Final[Mapping[str, Look]] = {
    "done": Look("✓", "good"),
    "ready": Look("✓", "good"),
    "unchanged": Look("=", "quiet"),
    "not ready": Look("✗", "bad"),
    "not sent": Look("·", "warn"),
    "rejected": Look("✗", "bad"),
    "conflict": Look("✗", "bad"),
    "sent, outcome unknown": Look("?", "warn"),
    "ids not in the workbook": Look("!", "warn"),
    "interrupted": Look("·", "warn"),
}
#: For a state that has no place in the table: whoever reads the report should look.
_UNHEARD_OF: Final = Look("·", "warn")
_UNSENT: Final = frozenset({"unchanged", "not ready", "not sent"})


def look_of(state: str) -> Look:
    """Return how a state is shown."""
    return STATES.get(state, _UNHEARD_OF)


def needs_look(state: str) -> bool:
    """Whether a state asks a person to do something."""
    return look_of(state).tone in {"warn", "bad"}


def has_details(detail: WorkbookDetail) -> bool:
    """Whether there is more to say about a workbook than its row says."""
    is_plain = detail.row.state == "unchanged" and not detail.problems
    return not is_plain and bool(detail.problems or detail.plans or detail.receipts)


@dataclass(frozen=True, slots=True)
class Summary:
    """
    A run in numbers.

    Attributes:
        workbooks: How many there are.
        totals: Each of `COUNTS`, over all workbooks.
        states: Number of workbooks in each state that occurs, in the order of `STATES`.
        busiest: The workbooks with most changes, most first.
        detailed: Workbooks that need a look, and others, about which there is more to say than
            their rows say.
        requests: HTTP requests of the run.
        waited_s: Seconds that they were held back, together.
    """

    workbooks: int
    totals: Mapping[str, int]
    states: Mapping[str, int]
    busiest: tuple[WorkbookRow, ...]
    detailed: tuple[int, int]
    requests: int
    waited_s: float

    @property
    def good(self) -> int:
        """Workbooks that need nothing from a person."""
        return sum(count for state, count in self.states.items() if not needs_look(state))


def summarise(details: Iterable[WorkbookDetail], requests: Sequence[Exchange]) -> Summary:
    """Count a run in one pass."""
    totals, states, detailed = Counter[str](), Counter[str](), Counter[bool]()
    busiest: list[tuple[int, int, WorkbookRow]] = []
    for number, detail in enumerate(details):
        row = detail.row
        states[row.state] += 1
        detailed[needs_look(row.state)] += has_details(detail)
        for name in COUNTS:
            totals[name] += getattr(row, name)
        if row.changes:
            # The number makes equal ones come in order, and keeps rows from being compared.
            entry = (row.changes, -number, row)
            heappush(busiest, entry) if len(busiest) < BUSIEST else heappushpop(busiest, entry)
    return Summary(
        workbooks=states.total(),
        totals=totals,
        states={state: states[state] for state in (*STATES, *states) if states[state]},
        busiest=tuple(row for *_, row in sorted(busiest, reverse=True)),
        detailed=(detailed[True], detailed[False]),
        requests=len(requests),
        waited_s=sum(request.waited_s for request in requests),
    )


def headline(info: RunInfo, summary: Summary) -> str:
    """Return the outcome of a run in one sentence."""
    total, good = summary.workbooks, summary.good
    end = "done" if info.command == "push" else "ready"
    if not total:
        return "No workbook was found"
    if set(summary.states) == {"unchanged"}:
        return f"Nothing to change in {count_of(total, 'workbook')}"
    if total == 1:
        return f"1 workbook is {end if good else f'not {end}'}"
    some = (
        count_of(total, "workbook") if good == total else f"{good or 'None'} of {count_of(total, 'workbook')}"
    )
    said = f"{some} {'are' if good > 1 else 'is'} {end}"
    return f"Interrupted: {said}" if info.exit_code == INTERRUPTED else said


def nothing_sent(info: RunInfo, summary: Summary) -> bool:
    """Whether it is certain that the run changed nothing on Prolific."""
    return info.command != "push" or set(summary.states) <= _UNSENT


def duration(seconds: float) -> str:
    """
    Return a span of time as people say it.

    >>> duration(0.0421), duration(4.21), duration(200), duration(7260)
    ('42 ms', '4.2 s', '3 min 20 s', '2 h 1 min')
    """
    if (milliseconds := round(seconds * 1000)) < 1000:  # noqa: PLR2004 – a second
        return f"{milliseconds} ms"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.2g} s"
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
