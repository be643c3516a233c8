"""
Fuzzing for as long as wanted: `python -m tests.hostile.fuzz --seconds 3600 --target reader --engine atheris`.

A crash is written into `tests/hostile/fixtures/`, where `test_fuzz.py` takes it up as a test, and the
command ends with 1. hypothesis knows the structure of workbooks; atheris goes where the code branches.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

FIXTURES = Path(__file__).parent / "fixtures"
BYTES_TARGETS = ("reader", "writeback")
TARGETS = (*BYTES_TARGETS, "payload")
#: Examples of hypothesis between two looks at the clock.
EXAMPLES = 100
#: Atheris has no wheel for every Python.
NO_ATHERIS = 2


def fixture(target: str, content: object) -> Path:
    """Keep an input: bytes as they are, rows of texts as JSON."""
    data = content if isinstance(content, bytes) else json.dumps(content, indent=1).encode()
    suffix = "bin" if isinstance(content, bytes) else "json"
    path = FIXTURES / f"{target}-{hashlib.sha256(data).hexdigest()[:12]}.{suffix}"
    FIXTURES.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def run_target(target: str, content: Any) -> None:
    """Give one input to one target."""
    from tests.hostile import targets  # noqa: PLC0415 - atheris wants to instrument what it imports

    with tempfile.TemporaryDirectory() as folder:
        getattr(targets, target)(content, Path(folder))


# ------------------------------------------------------------------ hypothesis
def with_hypothesis(target: str, seconds: float, first_seed: int = 0) -> int:
    """Run examples for some seconds; 1 if one failed."""
    from tests.hostile import mutations  # noqa: PLC0415

    strategy = mutations.tables() if target == "payload" else mutations.files
    end, count, failing = time.monotonic() + seconds, 0, []

    def try_one(content: Any) -> None:
        nonlocal count
        count += 1
        try:
            run_target(target, content)
        except BaseException:
            failing[:] = [content]  # of all that fail, the last is the smallest
            raise

    number = first_seed
    while time.monotonic() < end:
        examples = settings(
            max_examples=EXAMPLES, deadline=None, database=None, verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
        )  # fmt: skip
        try:
            seed(number)(examples(given(strategy)(try_one)))()
        except Exception:
            traceback.print_exc()
            print(f"Kept as {fixture(target, failing[0])}.", file=sys.stderr)  # noqa: T201
            return 1
        number += 1
    print(f"{target}: {count} inputs of hypothesis, none failed.")  # noqa: T201
    return 0


# ------------------------------------------------------------------ atheris
def with_atheris(target: str, seconds: int) -> int:
    """Let libFuzzer look for inputs of bytes for some seconds; never returns unless it cannot start."""
    try:
        import atheris  # noqa: PLC0415 # type: ignore[import-not-found]
    except ImportError:
        version = ".".join(map(str, sys.version_info[:2]))
        print(  # noqa: T201
            f"atheris is not installed; it may have no wheel for Python {version}. "
            "Install the extra fuzz, or use --engine hypothesis.",
            file=sys.stderr,
        )
        return NO_ATHERIS
    with atheris.instrument_imports(include=["importer.workbook", "importer.sheets"]):
        import importer.sheets.frames  # noqa: PLC0415
        import importer.workbook.writer  # noqa: F401, PLC0415
    from tests.hostile.mutations import TOKENS, ZIPPED  # noqa: PLC0415
    from tests.hostile.targets import PARTS, SOUND  # noqa: PLC0415

    def try_one(content: bytes) -> None:
        try:
            run_target(target, content)
        except BaseException:
            print(f"Kept as {fixture(target, content)}.", file=sys.stderr)  # noqa: T201
            raise

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as kept:
        seeds = [*(bytes([n]) + SOUND[name] for n, name in enumerate(PARTS)), b"\xff" + ZIPPED]
        for number, content in enumerate(seeds):
            (Path(folder) / f"seed{number}").write_bytes(content)
        words = Path(kept) / "words"
        words.write_text(
            "".join(f'"{"".join(f"{chr(92)}x{byte:02x}" for byte in token)}"\n' for token in TOKENS)
        )
        options = [
            f"-max_total_time={seconds}",
            "-max_len=20000",
            f"-dict={words}",
            f"-artifact_prefix={kept}/",
            "-verbosity=0",
        ]
        atheris.Setup([sys.argv[0], *options, folder], try_one)
        atheris.Fuzz()
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--target", choices=TARGETS, help="only one of them")
    parser.add_argument("--engine", choices=("hypothesis", "atheris"), default="hypothesis")
    parser.add_argument("--seed", type=int, help="of hypothesis; by default another one each time")
    given_ = parser.parse_args(arguments)
    wanted = [given_.target] if given_.target else list(TARGETS)
    engines: dict[str, Callable[[str], int]] = {
        "hypothesis": lambda target: with_hypothesis(
            target, given_.seconds, int(time.time()) if given_.seed is None else given_.seed
        ),
        "atheris": lambda target: with_atheris(target, given_.seconds),
    }
    if given_.engine == "atheris" and given_.target not in BYTES_TARGETS:
        parser.error("atheris makes bytes, so it needs --target reader or writeback")
    return max(engines[given_.engine](target) for target in wanted)


if __name__ == "__main__":
    sys.exit(main())
