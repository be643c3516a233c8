"""Fixtures that every test may ask for."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from importer.sandbox import Sandbox
from tests.books import LIKERT, ONE_BATCH, write_book

# What runs in the background of a shell ignores Ctrl-C, and so would every command that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Make a workbook from text tables: `book(instructions, batches=…, name=…)`."""

    def make(instructions: str, batches: str | None = ONE_BATCH, name: str = "study.xlsx") -> Path:
        sheets = {"Instructions": instructions}
        if batches is not None:
            sheets["Batches"] = batches
        return write_book(tmp_path / name, sheets)

    return make


@pytest.fixture(scope="module")
def prolific() -> Iterator[Sandbox]:
    """Have a local Prolific, one for the tests of a module."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def batch_id(prolific: Sandbox) -> str:
    """Have a batch without instructions."""
    return prolific.add_batch("Test batch")


@pytest.fixture
def study(tmp_path: Path, batch_id: str) -> Path:
    """Have a workbook for that batch, with two new instructions."""
    sheets = {"Instructions": LIKERT, "Batches": [["batch_id"], [batch_id]]}
    return write_book(tmp_path / "study.xlsx", sheets)
