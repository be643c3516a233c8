"""
The crash matrix as a command: kill pushes by the hundred or by the hour, and count what is broken.

    python -m tests.soak --kills 300
    python -m tests.soak --hours 24 --seed 7

Exits with 1 on any violation. Needs a system with fork and SIGKILL.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

# OpenBLAS would start threads when numpy is imported, and a process with threads must not fork.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from tests.cases import Stage, Tally
from tests.elsewhere import sandbox_elsewhere

#: How often it says how far it is, in seconds.
PROGRESS_S = 10.0


def main() -> int:
    """Play cases until enough kills or hours are over; print the summary."""
    options = _options()
    started = said = time.monotonic()
    with sandbox_elsewhere() as sandbox:
        stage = Stage(sandbox, options.seed)
        for case in stage.cases():
            stage.play(case)
            now = time.monotonic()
            if now - said >= PROGRESS_S:
                said = now
                sys.stderr.write(f"{_line(stage.tally, now - started)}\n")
            is_over = (
                now - started >= options.hours * 3600 if options.hours else stage.tally.kills >= options.kills
            )
            if is_over:
                break
    seconds = time.monotonic() - started
    found = {"seed": options.seed, "seconds": round(seconds, 1), **stage.tally.to_json()}
    summary = json.dumps(found) if options.json else _summary(stage.tally, options.seed, seconds)
    sys.stdout.write(f"{summary}\n")
    return int(bool(stage.tally.violations))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.split("\n")[1])
    parser.add_argument("--kills", type=int, default=300, help="how many processes to kill (%(default)s)")
    parser.add_argument("--hours", type=float, help="how long to go on, instead of --kills")
    parser.add_argument("--seed", type=int, default=1, help="gives the cases (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON document")
    return parser.parse_args()


def _line(tally: Tally, seconds: float) -> str:
    return f"{seconds:7.0f} s  {tally.cases} cases, {tally.kills} kills, {len(tally.violations)} violations"


def _summary(tally: Tally, seed: int, seconds: float) -> str:
    lines = [
        f"seed {seed}:{_line(tally, seconds)}, at most {tally.longest} kills of one push, {tally.races} races",
        "",
    ]
    for title, counts in (
        ("kills by place", tally.died),
        ("kills by shape", tally.shapes),
        ("disk full", tally.full),
        ("Ctrl-C", tally.interrupted),
        ("faults", tally.faults),
    ):
        lines += [title, *(f"{count:7}  {name}" for name, count in sorted(counts.items())), ""]
    return "\n".join([*lines, *tally.violations])


if __name__ == "__main__":
    sys.exit(main())
