"""
The check as a process of its own, so that the network and the slow imports wait together.

pandas and pandera take longer to import than all the rest of a push takes to run. While the
other process imports them and checks, this one reads from Prolific; what comes back holds no frame.

Source: benchmarks/README.md says how a push is measured.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from importer.errors import UsageError
from importer.settings import TOKEN_VARIABLE

if TYPE_CHECKING:
    from importer.places import Checked


# Collecting garbage while pandas and pandera are imported finds none, and takes a tenth of the time.
_PROGRAM: Final = "import gc; gc.disable(); from importer.checking import main; main()"


class CheckProcess:
    """
    A check that runs in another process; a context manager that ends it.

    Args:
        paths: The workbooks, as the researcher named them.
        batch_id: Serves a workbook that does not say its batch.
        known_ids: Gives the batch of every instruction id that the journal knows.
    """

    def __init__(
        self, paths: Sequence[Path], batch_id: str | None, known_ids: Callable[[], Mapping[str, str]]
    ) -> None:
        self._paths = tuple(paths)
        self._batch_id = batch_id
        self._known_ids = known_ids
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.kill()  # nothing happens to one that has ended
            with self._child:  # closes its pipes and waits
                pass

    def start(self) -> None:
        """Begin, if it has not begun."""
        if self._child is not None:
            return
        # -P: a pandas.py in the researcher's folder must not be taken for pandas.
        command = [sys.executable, "-P", "-c", _PROGRAM]
        # The check sends nothing, so it need not know the token.
        environ = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
        self._child = subprocess.Popen(  # noqa: S603 - our own Python
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
            # Ctrl-C is for this process, which ends the other; it would print a traceback of its own.
            start_new_session=True,
        )
        assert self._child.stdin is not None  # noqa: S101 - asked for above
        pickle.dump((self._paths, self._batch_id, dict(self._known_ids())), self._child.stdin)
        self._child.stdin.close()
        self._child.stdin = None

    def __call__(self) -> Checked:
        """
        Return the report and the studies that are ready; waits for them.

        Raises:
            UsageError: What `importer.checking.check` raises.
            RuntimeError: The other process failed; our bug.
        """
        self.start()
        assert self._child is not None  # noqa: S101 - started
        answer, _ = self._child.communicate()
        if self._child.returncode != 0:
            raise RuntimeError(
                f"The check ended with {self._child.returncode}.\n{answer.decode(errors='replace')}"
            )
        checked: Checked | UsageError = pickle.loads(answer)  # noqa: S301 - from our own child, over a pipe of ours
        if isinstance(checked, UsageError):
            raise checked
        return checked
