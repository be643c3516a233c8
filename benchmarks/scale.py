"""
Measure many and large workbooks, and print one table.

    python -m benchmarks.scale [--only CASE]… [--quick] [--rounds N] [--write]

`--write` also puts the table into docs/performance.md and draws benchmarks/scale.png. Ends with 0
whatever it measured, as `benchmarks.run`; Ctrl-C keeps what was measured until then.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Final

from benchmarks.contenders import FLOOR, JOBS, OURS, PYXFORM, SCRIPT, THREADS, Work, check, push
from benchmarks.measure import ROOT, Sample, interleave, own_peak_mb
from benchmarks.run import heading

PAGE: Final = ROOT / "docs" / "performance.md"
PICTURE: Final = ROOT / "benchmarks" / "scale.png"
BEGIN: Final = "<!-- python -m benchmarks.scale --write: begin -->\n"
END: Final = "<!-- python -m benchmarks.scale --write: end -->\n"
BOOKS: Final = (1, 10, 100, 500, 1_000, 10_000)
COLUMNS: Final = (
    "case",
    "contender",
    "wall",
    "CPU",
    "peak memory",
    "requests",
    "server's CPU per request",
    "wall, CPU, memory ÷ ours",
    "target",
    "met",
)


@dataclass(frozen=True)
class Target:
    """
    What a contender's figure must be at least, divided by ours.

    Attributes:
        contender: Whose.
        figure: `wall`, `CPU` or `memory`.
        times: Below 1 where ours may be more.
    """

    contender: str
    figure: str
    times: float

    def __str__(self) -> str:
        """Return it as the table shows it."""
        if self.times >= 1:
            return f"{self.figure} ≥ {self.times:.3g} × ours"
        return f"{self.figure}: ours ≤ {1 / self.times:.3g} × the {self.contender}"

    def is_met(self, ours: Sample, theirs: Sample) -> bool:
        """Tell whether it is reached."""
        return ratios(theirs, ours)[self.figure] >= self.times


@dataclass(frozen=True)
class Case:
    """
    One size.

    Attributes:
        title: As the table shows it.
        contenders: Ours first.
        sample: Measures a contender once.
        targets: What must be reached.
        rounds: Samples of each contender, unless `--rounds` says otherwise.
        is_quick: Whether `--quick` measures it.
    """

    title: str
    contenders: tuple[str, ...]
    sample: Callable[[str], Sample]
    targets: tuple[Target, ...] = ()
    rounds: int = 1
    is_quick: bool = False


def ratios(theirs: Sample, ours: Sample) -> dict[str, float]:
    """Return how many times ours another costs: wall, CPU, memory."""
    return {
        "wall": theirs.wall_s / ours.wall_s,
        "CPU": theirs.cpu_s / ours.cpu_s,
        "memory": theirs.peak_mb / ours.peak_mb,
    }


# ---------------------------------------------------------------- the cases
def _books(count: int) -> Case:
    # The user's script takes a quarter of a second for each workbook, so it is measured up to 500.
    contenders = (OURS, SCRIPT, THREADS, FLOOR) if count <= 500 else (OURS, FLOOR)
    targets = (
        Target(SCRIPT, "wall", 20),
        Target(SCRIPT, "CPU", 10),
        Target(THREADS, "wall", 4),
        Target(FLOOR, "wall", 1 / 3),
    )
    return Case(
        f"{count:,} {'workbook' if count == 1 else 'workbooks'} of 60 rows",
        contenders,
        partial(push, work=Work(books=count)),
        targets if count == 500 else (),
        rounds=3 if count <= 10 or count == 500 else 1,
        is_quick=count <= 100,
    )


def _one(title: str, work: Work, *targets: Target, is_quick: bool = False) -> Case:
    sample = partial(push, work=work)
    rounds = 3 if work.rows == 10_000 else 1
    return Case(f"1 workbook, {title}", (OURS, SCRIPT, FLOOR), sample, targets, rounds, is_quick)


def _check(rows: int) -> Case:
    targets = (Target(PYXFORM, "wall", 1),) if rows > 60 else ()
    sample = partial(check, rows=rows)
    return Case(f"check of {rows:,} rows", (OURS, PYXFORM), sample, targets, rounds=5, is_quick=True)


CASES: Final[Mapping[str, Case]] = {
    **{f"books-{count}": _books(count) for count in BOOKS},
    "batches-167": _one(
        "10,000 rows in 167 batches",
        Work(rows=10_000),
        Target(SCRIPT, "wall", 15),
        Target(FLOOR, "wall", 1 / 3),
        is_quick=True,
    ),
    "batches-1000": _one("60,000 rows in 1,000 batches", Work(rows=60_000)),
    "rows-10000": _one(
        "10,000 rows in 1 batch",
        Work(rows=10_000, rows_per_batch=10_000),
        Target(SCRIPT, "wall", 2),
        is_quick=True,
    ),
    "rows-100000": _one(
        "100,000 rows in 1 batch",
        Work(rows=100_000, rows_per_batch=100_000),
        Target(SCRIPT, "wall", 1 / 0.3),
        Target(SCRIPT, "memory", 2),
    ),
    **{f"check-{rows}": _check(rows) for rows in (60, 1_000, 10_000)},
}


# ---------------------------------------------------------------- the run
@dataclass
class Results:
    """What was measured so far: the lines of the table, and the points of the plot."""

    lines: list[str] = field(default_factory=list)
    seconds: dict[str, dict[int, float]] = field(default_factory=dict)

    def add(self, name: str, found: Mapping[str, Sample]) -> Iterator[str]:
        """Keep what a case gave; yields its lines."""
        case = CASES[name]
        for contender, sample in found.items():
            line = _line(case, contender, sample, found[OURS])
            self.lines.append(line)
            if name.startswith("books-"):
                self.seconds.setdefault(contender, {})[int(name.removeprefix("books-"))] = sample.wall_s
            yield line


def main() -> None:
    options = _options()
    head = [
        *heading("benchmarks.scale"),
        f"- pyxform {version('pyxform')}; latency of the server 100 ms, {JOBS} requests in flight",
    ]
    head += ["", *_table_head()]
    print("\n".join(head), flush=True)
    results = Results()
    try:
        for name in options.only or _all(is_quick=options.quick):
            _run(name, options.rounds or (1 if options.quick else CASES[name].rounds), results)
    except KeyboardInterrupt:
        print("interrupted; what was measured is kept", file=sys.stderr)
    foot = f"\nNo contender can show a smaller peak than the measuring process's own {own_peak_mb():.0f} MB."
    print(foot)
    if options.write:
        _write("\n".join([*head, *results.lines, foot]))
        if results.seconds:
            from benchmarks.plot import draw

            draw(results.seconds, PICTURE)


def _all(*, is_quick: bool) -> list[str]:
    return [name for name, case in CASES.items() if case.is_quick or not is_quick]


def _run(name: str, rounds: int, results: Results) -> None:
    try:
        found = _measure(name, rounds)
    except RuntimeError as failure:
        results.lines.append(f"| {CASES[name].title} | failed | | | | | | | | **no** |")
        print(results.lines[-1], flush=True)
        print(f"failed\n{failure}", file=sys.stderr)
        return
    for line in results.add(name, found):
        print(line, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(CASES), help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="the small cases, one sample of each")
    parser.add_argument("--rounds", type=int, help="samples of each contender (default: 1 to 5 by case)")
    parser.add_argument("--write", action="store_true", help="renew docs/performance.md and the plot")
    return parser.parse_args()


def _measure(name: str, rounds: int) -> dict[str, Sample]:
    case = CASES[name]

    def sampled(contender: str) -> Sample:
        start = time.strftime("%H:%M:%S")
        print(f"{start}  {case.title}: {contender} …", file=sys.stderr, end=" ", flush=True)
        sample = case.sample(contender)
        print(f"{sample.wall_s:,.2f} s", file=sys.stderr, flush=True)
        return sample

    each = {contender: partial(sampled, contender) for contender in case.contenders}
    return interleave(rounds, each, warm_up=False)


# ---------------------------------------------------------------- the table
def _table_head() -> list[str]:
    return [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]


def _line(case: Case, contender: str, sample: Sample, ours: Sample) -> str:
    targets = [target for target in case.targets if target.contender == contender]
    cells = [
        case.title,
        contender,
        _s(sample.wall_s),
        _s(sample.cpu_s),
        f"{sample.peak_mb:.0f} MB",
        f"{sample.requests:,.0f}" if sample.requests else "",
        f"{sample.server_cpu_s / sample.requests * 1000:.1f} ms" if sample.requests else "",
        ", ".join(f"{ratio:.2g}" for ratio in ratios(sample, ours).values()) if sample != ours else "",
        "; ".join(map(str, targets)),
        ", ".join("yes" if target.is_met(ours, sample) else "**no**" for target in targets),
    ]
    return f"| {' | '.join(cells)} |"


def _s(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 10 else f"{seconds:.2f} s"


def _write(table: str) -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
