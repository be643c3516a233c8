"""
Measure everything, and print one table.

    python -m benchmarks.run [--only NAME]… [--rounds N]

Always ends with 0: a figure says how this machine was in these minutes, and nobody's build should
stop for it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks.cases import CASES, Row
from benchmarks.measure import own_peak_mb

PACKAGES: Final = ("prolific-sheet-importer", "pandas", "pandera", "openpyxl", "requests", "python-calamine")
#: pandera imports hypothesis when it can, pandas pyarrow.
UNUSUAL: Final = ("hypothesis", "pyarrow", "polars", "niquests")


def main() -> None:
    options = _options()
    print("\n".join(heading("benchmarks.run", f"medians of {options.rounds} interleaved rounds, ")))
    print("\n| case | ours | theirs | ratio | target | met |\n|---|---|---|---|---|---|", flush=True)
    for name in options.only or CASES:
        try:
            for row in CASES[name](options.rounds):
                print(_line(row), flush=True)
        except RuntimeError as failure:
            print(f"| {name} | failed | | | | **no** |", flush=True)
            print(failure, file=sys.stderr)
    print(f"\nNo child can show a smaller peak than the measuring process's own {own_peak_mb():.0f} MB.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(CASES), help="may be repeated")
    parser.add_argument("--rounds", type=int, default=7, help="samples of each contender (default: 7)")
    return parser.parse_args()


def heading(module: str, method: str = "") -> list[str]:
    """Return when, on what and with what a module measures, as lines of a list."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    return [
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {method}load average {load}",
        f"- {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"- Python {platform.python_version()}, {packages}",
        f"- `{' '.join(['python -m', module, *sys.argv[1:]])}`",
        *_warnings(),
    ]


def _warnings() -> list[str]:
    """Say what makes this environment another one than a user's."""
    found = [name for name in UNUSUAL if find_spec(name)]
    return [
        f"- **{name} is installed here**, and changes the figures (benchmarks/README.md)" for name in found
    ]


def _processor() -> str:
    """Return the processor's name, which Linux tells only here."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _line(row: Row) -> str:
    met = {None: "", True: "yes", False: "**no**"}[row.is_met]
    return f"| {row.case} | {row.ours} | {row.theirs} | {row.ratio} | {row.target} | {met} |"


if __name__ == "__main__":
    main()
