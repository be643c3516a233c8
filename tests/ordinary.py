"""
Runs Python as a user whom file permissions bind: `python -m tests.ordinary [--file-bytes N] ARGUMENT...`.

Root may read and write everything, so tests of permissions would test nothing. Here root stays the
owner of its files but gives up the power to overrule their modes; anybody else has no such power.
With `--file-bytes`, no file can be written beyond that size, as on a disk that is full.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# linux/prctl.h, linux/capability.h
_PR_CAPBSET_DROP = 24
_OVERRULING = (1, 2, 3)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER


def run_as_ordinary(
    *arguments: object, file_bytes: int | None = None, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python ARGUMENT...` without power over permissions, and return what came of it."""
    limit = [] if file_bytes is None else ["--file-bytes", str(file_bytes)]
    return subprocess.run(
        [sys.executable, "-m", "tests.ordinary", *limit, *map(str, arguments)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[0] == "--file-bytes":
        _, size, *arguments = arguments
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    if os.geteuid() == 0:
        give_up_power()
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - our own interpreter


def give_up_power() -> None:
    """Take from the programs that root starts from here what lets it overrule permissions."""
    library = ctypes.CDLL(None, use_errno=True)
    for capability in _OVERRULING:
        if library.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl refused to give up a capability")


if __name__ == "__main__":
    main()
