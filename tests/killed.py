"""
Pushes in child processes that die: at a chosen step, or at any instant.

A child is forked from a process that has imported everything already, so that a kill takes
milliseconds. It dies by SIGKILL: nothing of it is tidied up, and only the system frees its locks.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, NoReturn

from importer.checking import check, check_parts
from importer.errors import ImporterError, Interrupted
from importer.push.desk import Desk
from importer.push.reading import begin
from importer.run.pushing import push
from importer.run.results import Consent
from importer.run.resuming import resume, resume_creations
from tests.desks import NOW, Clock, open_desk
from tests.from_nothing import set_up

#: How much faster than the real one the children's clock runs: HOLD (60 s) takes 0.6 s, and a request that
#: is applied late comes after 0.05 s, so that even a machine at its limit keeps them in order.
SPEED: Final = 100
#: A child that takes longer hangs, in seconds.
PATIENCE_S: Final = 60.0

#: What the operating system is asked to change; the interpreter reports it before it happens.
EFFECTS: Final = frozenset(
    {
        *("os.rename", "os.remove", "os.link", "os.mkdir", "os.chmod", "os.chown", "os.utime", "os.truncate"),
        *("sqlite3.connect", "socket.connect"),
    }
)

Verb = Literal["push", "resume", "setup"]
Kind = Literal["checkpoint", "effect", "statement", "instant", "full", "interrupt"]


class FastClock(Clock):
    """A clock that runs faster than the real one, the same in every process forked from here."""

    def __init__(self) -> None:
        super().__init__()
        self._started = time.time()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=(time.time() - self._started) * SPEED)

    def monotonic(self) -> float:
        return time.monotonic() * SPEED

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / SPEED)


@dataclass(frozen=True, slots=True)
class Death:
    """
    When a child dies, or its disk gets full.

    Attributes:
        kind: At a checkpoint, just before an effect on the system, just before an SQL statement,
            or at an instant that nothing in the child marks. Two are no death: "full", from a
            checkpoint on no file can be written any more; "interrupt", Ctrl-C at a checkpoint.
        number: Of the step of that kind, from 1; for an instant, of the checkpoint that it comes
            after, 0 for the start; for a full disk and Ctrl-C, of the checkpoint.
        delay_s: How long after it; for an instant only.
    """

    kind: Kind
    number: int
    delay_s: float = 0.0


@dataclass(slots=True)
class End:
    """
    How a child ended.

    Attributes:
        passed: Names of the checkpoints that it passed, in order.
        steps: How many steps of each kind it took; known only if it ended by itself.
        codes: Exit code of each refusal, and 0 for each import that was finished.
        said: Its refusals.
        broken: Its traceback; "" if it has none.
        is_killed: Whether it died of SIGKILL.
        died_at: The step that it died at; "" if it ended by itself.
    """

    passed: list[str] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    broken: str = ""
    is_killed: bool = False
    died_at: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a child works.

    Attributes:
        url: Address of the sandbox.
        token: Its token.
        state: The state folder.
        paths: The workbooks.
        clock: One for all children of a case.
        jobs: How many workbooks, and batches of one, are on their way side by side.
    """

    url: str
    token: str
    state: Path
    paths: tuple[Path, ...]
    clock: Clock
    jobs: int = 1


# ---------------------------------------------------------------- in the parent
def warm_up(paths: Sequence[Path]) -> None:
    """Check workbooks, so that what that imports late need not be imported in every child."""
    check(paths)
    gc.collect()
    gc.freeze()


def run_child(verb: Verb, place: Place, death: Death | None = None) -> End:
    """
    Push or resume in a child process, and see how it ends.

    Raises:
        TimeoutError: It hangs; it was killed.
    """
    return run_rivals([(verb, death)], place)[0]


def run_rivals(rivals: Sequence[tuple[Verb, Death | None]], place: Place) -> list[End]:
    """Run several children at once on the same workbooks, and see how each ends; raises as `run_child` does."""
    started = [(*_start(verb, place, death), death) for verb, death in rivals]
    return [_wait(pid, reading, death) for pid, reading, death in started]


def _start(verb: Verb, place: Place, death: Death | None) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _live(verb, place, death, writing)
    os.close(writing)
    return pid, reading


def _wait(pid: int, reading: int, death: Death | None) -> End:
    end = End()
    try:
        _watch(reading, pid, death, end)
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)  # nothing happens to one that has ended
        _, status = os.waitpid(pid, 0)
    end.is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if end.is_killed and not end.died_at:
        end.died_at = f"instant after {end.passed[-1] if end.passed else 'the start'}"
    return end


def _watch(pipe: int, pid: int, death: Death | None, end: End) -> None:
    """Read what the child says until it ends; kill it when its instant has come."""
    deadline = time.monotonic() + PATIENCE_S
    dies_at = None
    text = b""
    while True:
        if (
            death is not None
            and death.kind == "instant"
            and dies_at is None
            and len(end.passed) >= death.number
        ):
            dies_at = time.monotonic() + death.delay_s
        until = deadline if dies_at is None else dies_at
        if not select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            if dies_at is None:
                raise TimeoutError(f"the child hangs after {end.passed[-1:]}")
            os.kill(pid, signal.SIGKILL)
            dies_at = deadline
            continue
        piece = os.read(pipe, 1 << 16)
        if not piece:
            return
        *lines, text = (text + piece).split(b"\n")
        for line in lines:
            _note(json.loads(line), end)


def _note(said: dict[str, Any], end: End) -> None:
    for name, value in said.items():
        if name == "passed":
            end.passed.append(value)
        else:
            setattr(end, name, value)


# ---------------------------------------------------------------- in the child
def _live(verb: Verb, place: Place, death: Death | None, writing: int) -> NoReturn:
    """Do the deed, say how it went, and end without running anything of the parent's."""
    steps = dict.fromkeys(("checkpoint", "effect", "statement"), 0)
    counting = Lock()

    def say(**what: object) -> None:
        os.write(writing, json.dumps(what).encode() + b"\n")

    def step(kind: Kind, name: str) -> None:
        with counting:
            steps[kind] += 1
            number = steps[kind]
        if death is None or number != death.number:
            return
        if kind == death.kind:
            say(died_at=f"{kind} {name}")
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "checkpoint" and death.kind in HARMS:
            HARMS[death.kind]()

    def checkpoint(name: str) -> None:
        say(passed=name)
        step("checkpoint", name)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EFFECTS or (event == "open" and _is_writing(arguments)):
            step("effect", event)

    def act() -> tuple[list[int], list[str]]:
        with open_desk(place.url, place.token, place.state, place.clock, checkpoint, jobs=place.jobs) as desk:
            sys.addaudithook(audit)
            trace_statements(desk, lambda sql: step("statement", " ".join(sql.split()[:2])))
            return deed(verb, desk, *place.paths)

    say(**_result(act), steps=steps)
    os._exit(0)


def _result(act: Callable[[], tuple[list[int], list[str]]]) -> dict[str, object]:
    """Do the deed; returns what `End` is to know of it."""
    try:
        codes, said = act()
    except ImporterError as refusal:
        return {"codes": [refusal.exit_code], "said": [str(refusal)]}
    except KeyboardInterrupt:
        return {"codes": [Interrupted.exit_code]}
    except BaseException:  # the parent reports it
        return {"broken": traceback.format_exc()}
    return {"codes": codes, "said": said}


def fill_disk() -> None:
    """
    Let every further write to a file of this process fail.

    A limit needs no file system of its own and binds root like everybody else. Python has switched
    off the signal that comes with it, so that writing fails with EFBIG.
    """
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


#: What happens at a checkpoint that is not the end.
HARMS: Final[dict[Kind, Callable[[], None]]] = {
    "full": fill_disk,
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT),
}


def trace_statements(desk: Desk, step: Callable[[str], None]) -> None:
    """Have a step for every SQL statement, BEGIN and COMMIT included, before it runs."""
    desk.journal._db.set_trace_callback(step)  # a commit cannot be seen from outside


def _is_writing(arguments: tuple[Any, ...]) -> bool:
    """Whether the arguments of an `open` event ask for writing."""
    return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def deed(verb: Verb, desk: Desk, *paths: Path) -> tuple[list[int], list[str]]:
    """Push workbooks, agreeing to every plan, or resume all; returns exit codes and refusals."""
    if verb == "setup":
        made = set_up(desk, *paths)
        return [made.exit_code], [str(one.refusal) for one in made.workbooks if one.refusal is not None]
    if verb == "resume":
        _, stuck = resume_creations(desk, desk.journal.open_creations())
        outcomes = resume(desk, desk.journal.open_imports())
        refusals = [*stuck, *(o.refusal for o in outcomes if o.refusal is not None)]
        return [r.exit_code for r in refusals] or [0], [str(r) for r in refusals]
    with begin(desk, paths) as reading:
        result = push(desk, paths, lambda: check_parts(paths), reading, consent=Consent(), ask=lambda _: None)
    refusals = [r for study in result.results for r in study.refusals]
    return [result.exit_code], [str(r) for r in refusals]
