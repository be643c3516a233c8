"""
The crash matrix of importer setup as a command: kill it at every step, and count what is there twice.

    python -m tests.setup_soak --kills 300

A death is followed by resume or by another setup, which may die as well, and the server goes wrong in
between. Exits with 1 on any violation. Needs a system with fork and SIGKILL.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

# OpenBLAS would start threads when numpy is imported, and a process with threads must not fork.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from importer.journal import Journal, Made
from importer.push.making import give_up_made
from tests.desks import open_desk
from tests.elsewhere import SandboxElsewhere, sandbox_elsewhere
from tests.from_nothing import WHOLE, ids_held, ids_in_sheets, write_study
from tests.killed import Death, End, FastClock, Kind, Place, Verb, run_child, run_rivals, warm_up

#: What the server does wrong at a POST or an upload; each is settled without a person, but for datasets.
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "reset-before"},
    {"kind": "reset-after"},
    {"kind": "close-after"},
    {"kind": "error-before", "status": 503},
    {"kind": "error-after", "status": 504},
    {"kind": "late-commit", "seconds": 0.05},
    {"kind": "rate-limited", "seconds": 1},
    {"kind": "truncated-body"},
    {"kind": "half-json"},
    {"kind": "empty-body"},
    {"kind": "html-body"},
)
KINDS: Final[tuple[Kind, ...]] = ("checkpoint", "effect", "statement", "instant", "full", "interrupt")
#: How many of the cases begin with two setups of one workbook at once.
RACES: Final = 0.15
#: Rounds, undisturbed, within which every case must come to its end.
ROUNDS: Final = 8
INSTANT_S: Final = 0.012


@dataclass(slots=True)
class Tally:
    """
    What came of some cases.

    Attributes:
        cases: How many were played.
        kills: How many child processes died of SIGKILL.
        died: Kills by verb and place of death.
        faults: Faults that the server committed, by name and path.
        races: How often two processes set up one workbook at once.
        doubts: How often a person had to decide about a dataset.
        violations: What was broken, each with its case.
    """

    cases: int = 0
    kills: int = 0
    died: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    races: int = 0
    doubts: int = 0
    violations: list[str] = field(default_factory=list)


class Stage:
    """Plays cases on a sandbox in another process, and keeps the tally."""

    def __init__(self, sandbox: SandboxElsewhere, seed: int) -> None:
        self.tally = Tally()
        self._sandbox = sandbox
        self._random = random.Random(seed)  # noqa: S311 - cases, no secrets
        with tempfile.TemporaryDirectory(prefix="setup-") as folder:
            warm_up([write_study(Path(folder))])
        self.steps = self.play([])

    def cases(self) -> Iterator[list[tuple[Verb, Death]]]:
        """Every checkpoint in turn, each beside a case that is all chance; without end."""
        while True:
            numbers = list(range(1, self.steps["checkpoint"] + 1))
            self._random.shuffle(numbers)
            for number in numbers:
                again: list[tuple[Verb, Death]] = [("resume", Death("checkpoint", 1))]
                yield [("setup", Death("checkpoint", number)), *again[: number % 2]]
                yield [("setup", self._death()) for _ in range(self._random.choice((1, 1, 2)))]

    def _death(self) -> Death:
        kind = self._random.choice(KINDS)
        if kind == "instant":
            after = self._random.randint(0, self.steps["checkpoint"])
            return Death(kind, after, self._random.uniform(0, INSTANT_S))
        of_kind = "checkpoint" if kind in ("full", "interrupt") else kind
        return Death(kind, self._random.randint(1, self.steps[of_kind]))

    def play(self, deaths: list[tuple[Verb, Death]]) -> dict[str, int]:
        """Play a case on an empty sandbox, and enter it in the tally; returns the steps of the last setup."""
        self._sandbox.ask("clear")
        faults = self._random.sample(FAULTS, self._random.choice((0, 0, 1, 2)) if deaths else 0)
        for fault in faults:
            method = self._random.choice(("POST", "POST", "POST", "PUT"))
            self._sandbox.ask("fault", method=method, after=self._random.randint(0, 4), **fault)
        with tempfile.TemporaryDirectory(prefix="setup-") as folder:
            path = write_study(Path(folder))
            url, token = self._sandbox.url, self._sandbox.token
            place = Place(url, token, Path(folder) / "state", (path,), FastClock())
            broken: list[str] = []
            end = End()
            given_up = 0
            try:
                if deaths and self._random.random() < RACES:
                    self.tally.races += 1
                    for end in run_rivals([("setup", None), ("setup", None)], place):
                        self._enter("setup", end, broken)
                for verb, death in deaths:
                    end = run_child(verb, place, death)
                    self._enter(verb, end, broken)
                    if death.kind == "interrupt" and end.passed[death.number - 1 :] and end.codes != [130]:
                        broken.append(f"interrupted, but it ends with {end.codes}: {end.said}")
                for number in range(ROUNDS):
                    verb = self._random.choice(("setup", "resume")) if number % 2 else "setup"
                    end = run_child(verb, place)
                    self._enter(verb, end, broken)
                    if verb == "setup" and end.codes == [0]:
                        break
                    given_up += _give_up_datasets(place)
                else:
                    broken.append(f"after {ROUNDS} more rounds it is still not done: {end.said}")
                broken += self._broken(path, place, given_up)
            except (TimeoutError, AssertionError) as error:
                broken.append(str(error))
        self.tally.cases += 1
        self.tally.doubts += given_up
        self.tally.faults.update(
            f"{r.method} {r.path.rsplit('/', 1)[-1][:12]} {r.fault}"
            for r in self._sandbox.ask("ledger")
            if r.fault
        )
        self.tally.violations += [f"{what} — {deaths} {faults}" for what in broken]
        return end.steps

    def _enter(self, verb: Verb, end: End, broken: list[str]) -> None:
        if end.is_killed:
            self.tally.kills += 1
            self.tally.died[f"{verb}: {end.died_at}"] += 1
        if end.broken:
            broken.append(f"a traceback: {end.broken}")

    def _broken(self, path: Path, place: Place, given_up: int) -> Iterator[str]:
        """Yield what is not as it must be when all is done."""
        made = Counter(self._sandbox.ask("creations"))
        spare = made["dataset"] - WHOLE["dataset"]
        if not 0 <= spare <= given_up or made - Counter(dataset=spare) != WHOLE:
            yield f"made were {dict(made)}, with {given_up} given up"
        datasets = [one for one in self._sandbox.ask("datasets") if one["status"] == "READY"]
        held = ids_held(datasets, self._sandbox.ask("batches"), self._sandbox.ask("studies"))
        if ids_in_sheets(path) != held:
            yield f"the workbook has {ids_in_sheets(path)}, Prolific {held}"
        with Journal(place.state / "journal.sqlite3") as journal:
            if still_open := (*journal.unsettled_creations(), *journal.open_imports()):
                yield f"still open is {still_open}"


def _give_up_datasets(place: Place) -> int:
    """Decide about datasets of which nobody knows whether they were made, as a person does; return how many."""
    with open_desk(place.url, place.token, place.state, place.clock) as desk:
        doubts = [
            one for one in desk.journal.open_creations() if one.kind is Made.DATASET and one.state == "sent"
        ]
        for one in doubts:
            give_up_made(desk, one)
    return len(doubts)


def main() -> int:
    """Play cases until enough kills are over; print the summary."""
    parser = argparse.ArgumentParser(prog="python -m tests.setup_soak", description=__doc__.split("\n")[1])
    parser.add_argument("--kills", type=int, default=300, help="how many processes to kill (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="gives the cases (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON document")
    options = parser.parse_args()
    with sandbox_elsewhere() as sandbox:
        stage = Stage(sandbox, options.seed)
        for case in stage.cases():
            stage.play(case)
            if stage.tally.kills >= options.kills:
                break
    tally = stage.tally
    found = {
        "seed": options.seed,
        "cases": tally.cases,
        "kills": tally.kills,
        "died": dict(tally.died),
        "faults": dict(tally.faults),
        "races": tally.races,
        "doubts": tally.doubts,
        "violations": tally.violations,
    }
    sys.stdout.write(f"{json.dumps(found, indent=None if options.json else 2)}\n")
    return int(bool(tally.violations))


if __name__ == "__main__":
    sys.exit(main())
