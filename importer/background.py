"""
The check as a process of its own, so that the network and the slow imports wait together.

pandas and pandera take longer to import than all the rest of a push takes to run. While the
other process imports them and checks, this one reads from Prolific; what comes back holds no frame.

Source: benchmarks/README.md says how a push is measured.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from importer.errors import UsageError
from importer.places import Part

# Collecting garbage while pandas and pandera are imported finds none, and takes a tenth of the time.
_PROGRAM: Final = "import gc; gc.disable(); from importer.twins import main; main()"


#: More workbooks than this are worth processes of their own, one for each core.
MANY: Final = 50


@contextmanager
def checker(count: int) -> Iterator[Callable[..., Iterator[Part]]]:
    """Have what checks so many workbooks, here or elsewhere: as `importer.checking.check_parts`, to be called once."""
    if count <= MANY:
        from importer.checking import check_parts  # noqa: PLC0415 - pandas, which this process may never need

        yield check_parts
    else:
        with CheckProcess() as process:
            yield process.check_parts


class CheckProcess:
    """
    Another process that checks; a context manager that begins and ends it.

    It imports what it needs, and then waits for its one question.
    """

    def __enter__(self) -> Self:
        # -P: a pandas.py in the researcher's folder must not be taken for pandas.
        command = [sys.executable, "-P", "-c", _PROGRAM]
        # The check sends nothing, so it need know neither the token nor the address.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PROLIFIC_")}
        self._child = subprocess.Popen(  # noqa: S603 - our own Python
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # No matrix is multiplied; numpy would start a thread for each core.
            env=environ | {"OPENBLAS_NUM_THREADS": "1"},
            # Ctrl-C is for this process, which ends the other; it would print a traceback of its own.
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if sys.platform == "win32":
            self._child.kill()
        elif self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)  # its twins too
        with self._child:  # closes its pipes and waits
            pass

    def check_parts(self, paths: Sequence[Path], *, batch_id: str | None) -> Iterator[Part]:
        """
        Do what `importer.checking.check_parts` does, once; nothing is read before.

        Raises:
            UsageError: What `importer.checking.check_parts` raises.
            RuntimeError: The other process failed; our bug.
        """
        assert self._child.stdin is not None  # noqa: S101 - asked for above
        try:
            with self._child.stdin as stdin:
                pickle.dump((tuple(paths), batch_id), stdin)
            # Its end is not waited for.
            while isinstance(answer := self._answer(), Part):
                yield answer
        except (BrokenPipeError, EOFError, pickle.UnpicklingError) as cut:
            raise RuntimeError(f"The check ended with {self._child.wait()} before it answered.") from cut
        if isinstance(answer, UsageError):
            raise answer
        if isinstance(answer, str):
            raise RuntimeError(f"The check failed.\n{answer}")  # noqa: TRY004 - its traceback

    def _answer(self) -> Part | UsageError | str | None:
        assert self._child.stdout is not None  # noqa: S101 - asked for
        answer: Part | UsageError | str | None = pickle.load(self._child.stdout)  # noqa: S301 - our own child
        return answer
