"""
A process that has imported the importer and forks for each run of it, so that a run costs no second of imports.

What a run takes is measured by the kernel for the forked process: everything that the imports take
in memory is in it. Started by `tests.hostile.door`; speaks JSON lines on stdin and stdout.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any

from importer import checking, cli, helpers, sources
from importer.__main__ import main
from importer.render import runs
from importer.run import pushing
from importer.sheets import frames
from importer.validator import schema
from importer.workbook import marked

#: Far beyond what is allowed: only keeps a run that fails its test from taking the machine with it.
MAX_ADDRESS_BYTES = 3 << 30
MAX_CPU_S = 60
IMPORTED = (checking, cli, frames, helpers, marked, pushing, runs, schema, sources)


def run(args: list[str], folder: str, out: str, err: str, user: int | None) -> None:
    """Be the importer, as another user if that is wanted; never returns."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_BYTES, MAX_ADDRESS_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    for path, number in ((os.devnull, 0), (out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.chdir(folder)
    if user is not None:
        os.environ["HOME"] = folder
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    sys.argv = ["importer", *args]
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code or 0))
    finally:
        os._exit(99)


def measured(call: dict[str, Any]) -> dict[str, Any]:
    """Fork, run, wait; what it took."""
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        run(**call)
    _, status, usage = os.wait4(child, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "wall_s": time.monotonic() - begin,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
    }


def serve() -> None:
    """Answer each line until there is no more."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(measured(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
