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

import gc
import io
import os
from typing import Final, NoReturn

import click

from importer import __version__
from importer.cli import commands
from importer.errors import ImporterError, Interrupted, UsageError
from importer.output import lasting, print_json, say, tell_lost_output

_OBJECTS_BETWEEN_COLLECTIONS: Final = 100_000


def main() -> NoReturn:
    """Run the command line; the only place that ends the process."""
    # What is imported and read stays, so to look for garbage among it is in vain: seldom, and not at
    # the end, where it takes a tenth of a second.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    sys.stdout, sys.stderr = lasting(sys.stdout), lasting(sys.stderr)
    code = _run_commands()
    tell_lost_output()
    gc.freeze()
    sys.exit(code)


def _run_commands() -> int:
    try:
        # Without standalone mode click returns what the command returned.
        return int(commands.main(prog_name="importer", standalone_mode=False, windows_expand_args=False) or 0)
    except click.ClickException as wrong:
        shown = io.StringIO()
        wrong.show(shown)
        return _refused(UsageError(wrong.format_message()), shown.getvalue().rstrip("\n"))
    except (click.Abort, KeyboardInterrupt):
        return _refused(
            Interrupted("Interrupted. What was being sent is in the journal; importer resume finishes it.")
        )
    except ImporterError as refusal:
        return _refused(refusal)
    except Exception:
        return _refused(ImporterError(_report_bug()))


def _refused(refusal: ImporterError, shown: str = "") -> int:
    if "--json" in sys.argv:
        from importer.render.runs import refusal_json  # noqa: PLC0415 - needed for a refusal only

        command = next((word for word in sys.argv[1:] if word in commands.commands), "")
        print_json(command, refusal.exit_code, refusal=refusal_json(refusal))
    say(shown or str(refusal))
    return refusal.exit_code


def _report_bug() -> str:
    """Put the traceback into a file of its own, and say where it is; the token is never part of it."""
    import tempfile  # noqa: PLC0415
    import traceback  # noqa: PLC0415

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
