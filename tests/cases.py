"""
Cases of the crash matrix: what is pushed, what the server does wrong, and how often the push dies.

A seed gives the same cases on every run; only the deaths at an instant fall where they fall.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from importer.errors import Interrupted
from tests.elsewhere import SandboxElsewhere
from tests.killed import Death, End, Kind, Verb, run_child, run_rivals, warm_up
from tests.promises import age_left_overs, broken_at_the_end, broken_now, left_overs
from tests.scenes import SHAPES, Scene, Shape, set_scene

#: What the server does wrong, with settings. Each ends well without a person: the rest of what can
#: go wrong is the fault matrix's subject.
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "reset-before"},
    {"kind": "reset-after"},
    {"kind": "close-before"},
    {"kind": "close-after"},
    {"kind": "error-before", "status": 500},
    {"kind": "error-before", "status": 503},
    {"kind": "error-after", "status": 504},
    {"kind": "late-commit", "seconds": 0.05},
    {"kind": "slow-before", "seconds": 0.02},
    {"kind": "slow-after", "seconds": 0.02},
    {"kind": "rate-limited", "seconds": 1},
    {"kind": "truncated-body"},
    {"kind": "half-json"},
    {"kind": "empty-body"},
    {"kind": "html-body"},
    {"kind": "reordered"},
    {"kind": "missing-item"},
    {"kind": "doubled-id"},
)
VERBS: Final[tuple[Verb, ...]] = ("push", "resume")
KINDS: Final[tuple[Kind, ...]] = ("checkpoint", "effect", "statement", "instant", "full", "interrupt")
#: An instant falls where it falls, often behind the end, so it is tried twice as often.
CHANCES: Final = (1, 1, 1, 2, 1, 1)
#: How many of the cases by chance begin with a race.
RACES: Final = 0.2
#: Rounds of push and resume, undisturbed, within which every case must come to its end.
ROUNDS: Final = 6
#: The longest time that an instant lies behind its checkpoint, in seconds.
INSTANT_S: Final = 0.004


@dataclass(frozen=True, slots=True)
class Case:
    """
    One case.

    Attributes:
        shape: What is pushed.
        rivals: What is done first by several processes at once, and when one of them dies.
        deaths: What is done then, one after the other, and when it dies.
        faults: What the server does wrong, once each.
        ending: What is done then, undisturbed, until nothing is left to do; pushes follow.
    """

    shape: Shape
    deaths: tuple[tuple[Verb, Death], ...] = ()
    faults: tuple[dict[str, Any], ...] = ()
    ending: tuple[Verb, ...] = ("push",)
    rivals: tuple[tuple[Verb, Death | None], ...] = ()


@dataclass(slots=True)
class Tally:
    """
    What came of some cases.

    Attributes:
        cases: How many were played.
        kills: How many child processes died of SIGKILL.
        died: Kills by verb and place of death.
        shapes: Kills by shape.
        faults: Faults that the server committed, by name.
        longest: The most kills of one push.
        races: How often several processes pushed one workbook at once.
        full: How often the disk got full, by place.
        interrupted: How often Ctrl-C came, by place.
        violations: What was broken, each with its case.
    """

    cases: int = 0
    kills: int = 0
    died: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    longest: int = 0
    races: int = 0
    full: Counter[str] = field(default_factory=Counter)
    interrupted: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the tally as a JSON object."""
        return {part.name: getattr(self, part.name) for part in fields(self)}


class Stage:
    """
    Plays cases, and keeps the tally.

    Args:
        sandbox: In another process.
        seed: Gives the cases.
    """

    def __init__(self, sandbox: SandboxElsewhere, seed: int) -> None:
        self.tally = Tally()
        self._sandbox = sandbox
        self._random = random.Random(seed)  # noqa: S311 - cases, no secrets
        self._last = End()
        self._steps: dict[Shape, dict[str, int]] = {}
        with tempfile.TemporaryDirectory(prefix="crash-") as folder:
            warm_up(set_scene(SHAPES[-1], sandbox, Path(folder)).place.paths)

    # ------------------------------------------------------------ which cases
    def cases(self) -> Iterator[Case]:
        """Every step of every shape in turn, each beside a case that is all chance; without end."""
        while True:
            every = [
                (shape, Death("checkpoint", n))
                for shape in SHAPES
                for n in range(1, self.steps(shape)["checkpoint"] + 1)
            ]
            self._random.shuffle(every)
            # Each shape has had its turn before any has another, so that a short run leaves none out.
            turns: Counter[Shape] = Counter()
            every.sort(key=lambda case: turns.update([case[0]]) or turns[case[0]])
            for number, (shape, death) in enumerate(every):
                # Whoever picks a dead push up dies as well, every other time.
                deaths: list[tuple[Verb, Death]] = [("push", death), ("resume", Death("checkpoint", 1))]
                yield Case(shape, tuple(deaths[: 1 + number % 2]), ending=self._ending())
                yield self._by_chance()

    def _by_chance(self) -> Case:
        shape = self._random.choice(SHAPES)
        verbs = self._random.choices(VERBS, k=self._random.choice((0, 0, 1, 1, 2, 3)))
        deaths = tuple((verb, self._death(shape)) for verb in ("push", *verbs))
        faults = self._random.sample(FAULTS, self._random.choice((0, 0, 1, 1, 2)))
        rivals = self._rivals(shape) if self._random.random() < RACES else ()
        return Case(shape, deaths, tuple(faults), self._ending(), rivals)

    def _rivals(self, shape: Shape) -> tuple[tuple[Verb, Death | None], ...]:
        """Two or three at once; in every other race the first of them dies."""
        first = Death("checkpoint", self._random.randint(1, self.steps(shape)["checkpoint"]))
        others = self._random.choices(VERBS, k=self._random.choice((1, 2)))
        return (("push", self._random.choice((None, first))), *((verb, None) for verb in others))

    def _death(self, shape: Shape) -> Death:
        (kind,) = self._random.choices(KINDS, CHANCES)
        if kind in ("full", "interrupt"):
            return Death(kind, self._random.randint(1, self.steps(shape)["checkpoint"]))
        if kind == "instant":
            after = self._random.randint(0, self.steps(shape)["checkpoint"])
            return Death("instant", after, self._random.uniform(0, INSTANT_S))
        return Death(kind, self._random.randint(1, self.steps(shape)[kind]))

    def _ending(self) -> tuple[Verb, ...]:
        return self._random.choice((("push",), ("resume", "push"), ("resume", "resume", "push")))

    def steps(self, shape: Shape) -> dict[str, int]:
        """Return how many steps of each kind an undisturbed push of a shape takes."""
        if shape not in self._steps:
            self.play(Case(shape))
        return self._steps[shape]

    # ------------------------------------------------------------ playing them
    def play(self, case: Case) -> None:
        """Play a case on an empty sandbox, in a folder of its own, and enter it in the tally."""
        self._sandbox.ask("clear")
        with tempfile.TemporaryDirectory(prefix="crash-") as folder:
            scene = set_scene(case.shape, self._sandbox, Path(folder))
            for fault in case.faults:
                self._sandbox.ask("fault", method=case.shape.method, **fault)
            try:
                broken = [*self._die(case, scene), *self._finish(case, scene)]
            except TimeoutError as error:
                broken = [str(error)]
        self.tally.cases += 1
        self.tally.faults.update(r.fault for r in self._sandbox.ask("ledger") if r.fault)
        self.tally.violations += [f"{what} — {case}" for what in broken]

    def _die(self, case: Case, scene: Scene) -> Iterator[str]:
        kills = self.tally.kills
        if case.rivals:
            self.tally.races += 1
            for (verb, _), end in zip(case.rivals, run_rivals(case.rivals, scene.place), strict=True):
                yield from self._enter(verb, end)
        for verb, death in case.deaths:
            yield from self._run(verb, scene, death)
            yield from broken_now(scene, self._sandbox)
            age_left_overs(scene)
        kills = self.tally.kills - kills
        self.tally.shapes[str(case.shape)] += kills
        self.tally.longest = max(self.tally.longest, kills)

    def _run(self, verb: Verb, scene: Scene, death: Death | None) -> Iterator[str]:
        """Run one child; whoever says that nothing was sent must have sent nothing."""
        sent = self._puts()
        end = run_child(verb, scene.place, death)
        yield from self._enter(verb, end)
        if death is not None and end.passed[death.number - 1 :]:
            place = f"{verb}: after {end.passed[death.number - 1]}"
            self.tally.full[place] += death.kind == "full"
            self.tally.interrupted[place] += death.kind == "interrupt"
            if death.kind == "interrupt" and end.codes != [Interrupted.exit_code]:
                yield f"interrupted, but it ends with {end.codes}: {end.said}"
        if end.codes == [1] and self._puts() > sent:
            yield f"instructions were replaced, but exit code 1 says that nothing was sent: {end.said}"
        self._last = end

    def _puts(self) -> int:
        """How often instructions were replaced, as far as a ledger tells: a PATCH may be one of the batch's name only."""
        ledger = self._sandbox.ask("ledger")
        return sum(e.is_committed and (e.method == "PUT" or bool(e.ids_created)) for e in ledger)

    def _enter(self, verb: Verb, end: End) -> Iterator[str]:
        if end.is_killed:
            self.tally.kills += 1
            self.tally.died[f"{verb}: {end.died_at}"] += 1
        if end.broken:
            yield f"a traceback: {end.broken}"

    def _finish(self, case: Case, scene: Scene) -> Iterator[str]:
        """Push and resume until a push has nothing left to do."""
        said: list[str] = []
        for verb in (*case.ending, *("push",) * ROUNDS):
            old = left_overs(scene)
            yield from self._run(verb, scene, None)
            end = self._last
            if "temp-written" in end.passed and old & left_overs(scene):
                yield "an unfinished copy of two hours ago is still there"
            said += end.said
            if verb == "push" and end.codes == [0]:
                break
        else:
            yield f"after {ROUNDS} more pushes it is still not done: {said[-3:]}"
        if not case.deaths:
            self._steps[case.shape] = end.steps
        yield from broken_now(scene, self._sandbox)
        yield from broken_at_the_end(scene, self._sandbox)
