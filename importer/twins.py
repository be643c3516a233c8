"""
The other end of `importer.background`: answers one question, on as many cores as there are.

Once everything is imported, a fork is a second checker that costs nothing to start. The twins take
the parts in turn, and tell them in turn too, so that the answers come in order and none piles up:
a byte goes round a ring of pipes, and whoever has it may speak. If one dies, its pipes close, and
the others end.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from importer.checking import FIRST_PART, PART, check_part, split
from importer.errors import UsageError
from importer.places import Part

#: Each holds a part in memory.
MAX_TWINS: Final = 4
#: For fewer workbooks another process is more trouble than help.
MIN_EACH: Final = 20
_TURN: Final = b"."


def main() -> NoReturn:
    """Answer one question, pickled on stdin: workbooks and a batch id; with parts, then None, a refusal or a traceback."""
    # Rows and frames are no garbage while they are made: to look for it as often as Python does takes a
    # tenth of reading 10,000 rows.
    gc.freeze()
    gc.set_threshold(100_000)
    gc.enable()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever else prints must not get between.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # No question: whoever would have asked has ended. No reader: whoever asked has.
    with suppress(EOFError, BrokenPipeError):
        paths, batch_id = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
        _answer(paths, batch_id, answers)
    # Python's own way out frees every object first, which takes a tenth of a second.
    os._exit(0)


def _answer(paths: Sequence[Path], batch_id: str | None, answers: BinaryIO) -> None:
    count = max(1, min(_cores(), MAX_TWINS, (len(paths) - FIRST_PART) // MIN_EACH))
    each = -(-(len(paths) - FIRST_PART) // count)
    parts = list(split(paths, min(PART, max(FIRST_PART, each))))
    me, hear, pass_on = _fork(count)
    for number in range(me, len(parts), count):
        answer = _checked(parts[number], batch_id)
        if os.read(hear, 1) != _TURN:
            raise EOFError
        _tell(answer, answers)
        if number + 1 < len(parts):
            os.write(pass_on, _TURN)
        gc.collect()  # frames know themselves: 100 workbooks leave 20 MB behind
    # Whoever began ends last; a twin that died leaves the answers without an end.
    if me == 0 and not any(os.wait()[1] for _ in range(1, count)):
        _tell(None, answers)


def _cores() -> int:
    """How many processes can check side by side; one where a fork is not safe, or there is none."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def _fork(count: int) -> tuple[int, int, int]:
    """Become so many processes; gives which one this is, and the pipes that it hears from and passes on to."""
    pipes = [os.pipe() for _ in range(count)]
    os.write(pipes[0][1], _TURN)
    me = next((number for number in range(1, count) if os.fork() == 0), 0)
    hear, pass_on = pipes[me][0], pipes[(me + 1) % count][1]
    for pipe in {end for ends in pipes for end in ends} - {hear, pass_on}:
        os.close(pipe)
    return me, hear, pass_on


def _checked(paths: Sequence[Path], batch_id: str | None) -> Part | UsageError | str:
    try:
        return check_part(paths, batch_id)
    except UsageError as refusal:
        return refusal
    except Exception:  # the parent reports it
        return traceback.format_exc()


def _tell(answer: Part | UsageError | str | None, answers: BinaryIO) -> None:
    pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
    answers.flush()
