"""
The end of the process: every refusal becomes one sentence and its exit code.

The only module that ends the process. A traceback never reaches a researcher: it goes into a file.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # `python -m importer` looks for every module in the working folder first, where a pandas.py
    # may have come along with somebody's workbooks.
    del sys.path[0]

import io
import os
import tempfile
import traceback
from typing import Final, NoReturn

import click

from importer import __version__
from importer.cli import commands, print_json, say
from importer.errors import ImporterError

INTERRUPTED: Final = 130
OUR_BUG: Final = 70


def main() -> NoReturn:
    """Run the command line; the only place that ends the process."""
    sys.exit(_run_commands())


def _run_commands() -> int:
    code = 0
    try:
        commands.main(prog_name="importer", standalone_mode=False)
    except SystemExit as end:
        code = int(end.code or 0)
    except click.ClickException as refusal:
        shown = io.StringIO()
        refusal.show(shown)
        say(shown.getvalue().rstrip("\n"))
        code = refusal.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _refused(
            "Interrupted. What was being sent is in the journal; importer resume finishes it.", INTERRUPTED
        )
    except ImporterError as refusal:
        code = _refused(str(refusal), refusal.exit_code)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception:
        code = _refused(_report_bug(), OUR_BUG)
    return code


def _refused(sentence: str, exit_code: int) -> int:
    if "--json" in sys.argv:
        command = next((word for word in sys.argv[1:] if word in commands.commands), "")
        print_json(command, exit_code, refusal=sentence)
    say(sentence)
    return exit_code


def _report_bug() -> str:
    """Put the traceback into a file of its own, and say where it is; the token is never part of it."""
    from importer.secret import Token, hide_tokens  # noqa: PLC0415 - needed for a bug only
    from importer.settings import TOKEN_VARIABLE  # noqa: PLC0415

    handle, name = tempfile.mkstemp(prefix="importer-bug-", suffix=".txt")  # made 0600
    text = traceback.format_exc()
    if token := os.environ.get(TOKEN_VARIABLE, "").strip():
        Token(token)  # known now, if the bug came before it was read
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as report:
        report.write(f"importer {__version__}, Python {sys.version}\n\n{hide_tokens(text)}")
    return (
        f"This is a bug of importer, not your mistake. The report is in {name}; please send it to us. "
        "If something was being sent, importer resume finishes it."
    )


if __name__ == "__main__":
    main()
