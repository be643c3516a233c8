"""What is shown while a run works, on a terminal of its own and in a log."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from concurrent.futures import ThreadPoolExecutor

import pytest

from importer.problems import Problem
from importer.render.progress import LineWatcher, ScreenWatcher, watcher_for
from tests.test_table import row

_SET_UP = """
import sys, time
from importer.problems import Problem
from importer.render.progress import WORKBOOKS_SHOWN, watcher_for
from tests.test_table import row

def drawn():
    time.sleep(0.4)  # drawn eight times a second, by the watch of the display's own thread

def error(workbook, cell="C7", code="type-unknown"):
    return Problem(code, workbook, f"{cell} is wrong.", "Mend it.", "Instructions", (cell,), "q1", "type")

watcher = watcher_for(sys.stderr)
"""
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def on_terminal(script: str, columns: int = 80, term: str = "xterm-256color") -> str:
    """Run a script whose standard error is a terminal; everything that came to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    said = b""
    with subprocess.Popen(
        [sys.executable, "-c", _SET_UP + script],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"TERM": term, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as child:
        while child.poll() is None or select.select([ours], [], [], 0)[0]:
            said += os.read(ours, 65536) if select.select([ours], [], [], 0.1)[0] else b""
        assert child.stdout is not None
        assert (0, b"") == (child.returncode, child.stdout.read()), said
    os.close(theirs)
    os.close(ours)
    return said.decode()


def words(said: str) -> str:
    return _ESCAPE.sub("", said)


# ---------------------------------------------------------------- on a terminal
def test_bar_counts_what_is_checked_planned_and_sent():
    """Each phase with its count; what is broken is not waited for in the plans."""
    said = words(
        on_terminal("""
watcher.checking(1200)
watcher.checked([f"{n}.xlsx" for n in range(1000)], [error("7.xlsx")]); drawn()
watcher.planned("1.xlsx"); drawn()
watcher.sending(3); watcher.began("1.xlsx"); watcher.ended(row("1.xlsx")); drawn()
watcher.close()
""")
    )

    assert re.search(r"Checking .*1,000 of 1,200", said)
    assert re.search(r"Planning .*1 of 1,199", said)
    assert re.search(r"Sending .*1 of 3", said)


def test_bar_tells_rate_and_remaining_time():
    """From what has been done so far."""
    said = words(
        on_terminal("""
watcher.sending(10_000)
for n in range(20):
    watcher.began("a.xlsx"); time.sleep(0.02); watcher.ended(row("a.xlsx"))
drawn(); watcher.close()
""")
    )

    assert re.search(r"\d+/s +\d+ min( \d+ s)? left", said)


def test_workbooks_in_work_take_four_lines():
    """The last of them counts the others; what has ended is gone."""
    said = words(
        on_terminal("""
watcher.sending(9)
for n in range(9): watcher.began(f"study-{n}.xlsx")
watcher.ended(row("study-0.xlsx"))
drawn(); watcher.close()
""")
    )

    assert re.search(r"study-1\.xlsx\s+study-2\.xlsx\s+study-3\.xlsx\s+… and 5 more", said)
    assert "study-4" not in said


def test_errors_stay_above_the_bar_and_few_of_each_workbook():
    """The rest is counted; equal ones fold."""
    said = words(
        on_terminal("""
watcher.checking(2)
cells = [error("a.xlsx", f"C{n}") for n in range(2, 7)]
same = [Problem("type-missing", "a.xlsx", "No type.", "", "Instructions", (f"C{n}",)) for n in range(10, 20)]
watcher.checked(["a.xlsx"], cells + same)
watcher.close()
""")
    )

    assert "✗ a.xlsx › Instructions!C2: C2 is wrong." in said
    assert "Instructions!C5" not in said
    assert "… and 12 more errors in a.xlsx" in said


def test_thousands_of_broken_workbooks_do_not_flood_the_terminal():
    """After some, the rest is left to the summary, and that is said once."""
    said = words(
        on_terminal("""
watcher.checking(500)
names = [f"{n}.xlsx" for n in range(500)]
watcher.checked(names, [error(name) for name in names])
watcher.close()
""")
    )

    assert (50, 1) == (said.count("is wrong"), said.count("and more workbooks like these"))


def test_what_needs_a_look_is_said_as_it_ends():
    """What went well is not, nor what the check has said."""
    said = words(
        on_terminal("""
watcher.sending(3)
for state in ("done", "conflict", "not ready"): watcher.ended(row(f"{state}.xlsx", state, "Look at it."))
watcher.close()
""")
    )

    assert said.count("Look at it.") == 1
    assert "✗ conflict  conflict.xlsx: Look at it." in said


def test_a_pull_reads_and_then_writes():
    """Two bars, each with its count."""
    said = words(
        on_terminal("""
watcher.pulling(2); watcher.read(); drawn(); watcher.read(); watcher.pulled(); drawn(); watcher.close()
""")
    )

    assert "Reading" in said
    assert "1 of 2" in said
    assert "Writing" in said.split("Reading")[-1]


def test_nothing_is_drawn_while_a_question_is_asked():
    """The bar is wiped, the cursor is back, and sentences still come; then it draws again."""
    said = on_terminal("""
watcher.checking(2); watcher.checked(["a", "b"], []); drawn()
watcher.close()
sys.stderr.write("QUESTION?"); sys.stderr.flush(); drawn()
sys.stderr.write("ANSWER"); sys.stderr.flush()
watcher.say("Waiting."); watcher.sending(1); drawn(); watcher.close(); watcher.close()
sys.stderr.write("END")
""")
    before, rest = said.split("QUESTION?")
    asked, after = rest.split("ANSWER")

    assert asked == ""
    assert before.rindex("\x1b[?25h") > before.rindex("\x1b[?25l")
    assert before.rindex("\x1b[2K") > before.rindex("Checking")
    assert after.index("Waiting.") < after.index("Sending")
    assert after.endswith("END")
    assert after.rindex("\x1b[?25h") > after.rindex("\x1b[?25l")


def test_names_and_sentences_steer_nothing():
    """An escape sequence in them never reaches the terminal."""
    said = on_terminal("""
bad = "a\\x1b[5mb\\nc.xlsx"
watcher.checking(1); watcher.checked([bad], [error(bad)])
watcher.say("wait\\x1b[5m"); watcher.sending(1); watcher.began(bad); drawn()
watcher.ended(row(bad, "conflict", "why\\x1b[5m")); watcher.close()
""")

    assert "a [5mb c.xlsx" in said
    assert "\x1b[5m" not in said


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_display_fits_the_terminal(columns: int):
    """A line that wraps would not be wiped."""
    said = words(on_terminal(
        """
watcher.sending(10_000)
for n in range(30): watcher.began(f"{n}.xlsx"); time.sleep(0.01); watcher.ended(row(f"{n}.xlsx"))
for n in range(9): watcher.began("long/" * 40 + f"{n}.xlsx")
drawn(); watcher.close()
""",
        columns,
    ))  # fmt: skip

    lines = re.split(r"[\r\n]+", said)
    assert any("… and 6 more" in one for one in lines)
    assert max(map(len, lines)) <= columns


# ---------------------------------------------------------------- elsewhere
def test_log_has_one_line_per_workbook():
    """Whatever it needs to say; a plan says what is to be done."""
    log = io.StringIO()
    watcher = watcher_for(log)
    watcher.checking(4)
    watcher.checked(["d.xlsx"], [Problem("type-missing", "d.xlsx", "No type.", "")])
    watcher.ended(row("d.xlsx", "not ready", problems=2))
    watcher.ended(row("a.xlsx", created=1200, moved=1, kept=5))
    watcher.ended(row("b.xlsx", "conflict", "Somebody changed it.\nLook at it."))
    watcher.ended(row("c.xlsx", "ready", updated=2))
    watcher.ended(row("e.xlsx", "unchanged"))
    watcher.say("Waiting for Prolific.")
    watcher.close()

    assert [
        "✗ not ready  d.xlsx: 2 problems",
        "✓ done  a.xlsx: 1,200 created, 1 moved",
        "✗ conflict  b.xlsx: Somebody changed it. Look at it.",
        "✓ ready  c.xlsx: 2 to update",
        "= unchanged  e.xlsx",
        "Waiting for Prolific.",
    ] == log.getvalue().splitlines()


def test_terminal_that_cannot_draw_gets_lines():
    """`TERM=dumb`, as in editors."""
    said = on_terminal(
        'watcher.sending(1); watcher.began("a.xlsx"); watcher.ended(row("a.xlsx"))', term="dumb"
    )

    assert said == "✓ done  a.xlsx\r\n"


@pytest.mark.parametrize("kind", [LineWatcher, ScreenWatcher])
def test_ten_thousand_workbooks_from_many_threads_lose_no_line(kind: type[LineWatcher | ScreenWatcher]):
    """Lines come whole; on a screen the first that need a look, and one line for the rest."""
    log = io.StringIO()
    watcher = kind(log)
    watcher.sending(10_000)

    def push(number: int) -> None:
        watcher.began(f"{number}.xlsx")
        watcher.ended(row(f"{number}.xlsx", "conflict", "Look at it."))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(10_000)))
    watcher.close()

    whole = re.findall(r"^✗ conflict  \d+\.xlsx: Look at it\.$", log.getvalue(), re.MULTILINE)
    assert len(set(whole)) == (10_000 if kind is LineWatcher else 50)
