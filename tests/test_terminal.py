"""The command line on a terminal of its own, and where its output cannot go."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from importer.sandbox import Sandbox
from tests.test_cli import Ended, Shell, prolific, shell
from tests.test_push import edit, ids_held, ids_in, puts

__all__ = ["prolific", "shell"]  # fixtures


#: When an answer that nothing came of is typed once more.
AGAIN_S = 10


# ---------------------------------------------------------------- the question
def ask(shell: Shell, study: Path, answer: bytes) -> Ended:
    """Push on a terminal, and type an answer once the question is there; everything said, as `err`."""
    ours, theirs = pty.openpty()
    typed = [sys.executable, "-m", "importer", "push", study.name]
    with subprocess.Popen(
        # Whoever opens a terminal first in a new session is reached by its Ctrl-C.
        ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(theirs), *typed],
        cwd=shell.folder,
        env=shell.env | {"TERM": "dumb"},
        start_new_session=True,
    ) as child:
        said = b""
        overdue = threading.Timer(60, child.kill)
        overdue.start()
        while b"[y/N]" not in said:
            assert select.select([ours], [], [], 60)[0], said
            said += os.read(ours, 4096)
        os.write(ours, answer)
        again = time.monotonic() + AGAIN_S
        while child.poll() is None or select.select([ours], [], [], 0)[0]:
            said += os.read(ours, 4096) if select.select([ours], [], [], 0.1)[0] else b""
            if time.monotonic() > again:
                # Ctrl-C between the question and the reading of its answer strikes nobody; whoever sees that presses again.
                os.write(ours, answer)
                again += AGAIN_S
        overdue.cancel()
        code = child.wait(60)
    os.close(theirs)
    os.close(ours)
    return Ended(code, "", said.decode().replace("\r\n", "\n"))


def test_warnings_are_seen_before_consent(shell: Shell, study: Path, prolific: Sandbox, batch_id: str):
    """Whoever is asked must know of every warning first."""
    edit(study, "I1", "colour")

    ended = ask(shell, study, b"n\n")

    assert (1, 0) == (ended.code, puts(prolific, batch_id))
    assert ended.err.index("column-unknown") < ended.err.index("Plan ") < ended.err.index("Push this?")


@pytest.mark.parametrize("key", [b"\x03", b"\x04"])
def test_ctrl_c_at_the_question_sends_nothing_and_says_so(
    shell: Shell, study: Path, prolific: Sandbox, batch_id: str, key: bytes
):
    """Nothing is in the journal either."""
    ended = ask(shell, study, key)

    assert (130, 0) == (ended.code, puts(prolific, batch_id))
    assert "Interrupted. Nothing was sent.\n" in ended.err
    assert "Nothing is open." in shell("resume").out


# ---------------------------------------------------------------- output that nobody can read
@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize("where", ["full", "gone", "closed", "all gone"])
def test_lost_output_does_not_change_what_became_of_the_push(
    shell: Shell, study: Path, prolific: Sandbox, batch_id: str, where: str, as_json: list[str]
):
    """A full disk is said on stderr, a reader that has gone is not; the exit code is that of the push."""
    closing = ["sh", "-c", 'exec "$@" >&-', "sh"] if where == "closed" else []
    reader, gone = os.pipe()
    os.close(reader)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*closing, sys.executable, "-m", "importer", "push", study.name, "--yes", *as_json],
            cwd=shell.folder,
            env=shell.env,
            stdin=subprocess.DEVNULL,
            stdout=full if where == "full" else gone,
            stderr=gone if where == "all gone" else subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    os.close(gone)

    assert (0, ids_held(prolific, batch_id)) == (done.returncode, list(ids_in(study).values()))
    last = done.stderr.splitlines()[-1:] if done.stderr else []
    assert (where == "full") == any("No space left on device" in line for line in last)
    assert "Exception" not in (done.stderr or "")
