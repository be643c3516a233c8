"""Fixtures that every test may ask for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.books import ONE_BATCH, write_book


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Make a workbook from text tables: `book(instructions, batches=…, name=…)`."""

    def make(instructions: str, batches: str | None = ONE_BATCH, name: str = "study.xlsx") -> Path:
        sheets = {"Instructions": instructions}
        if batches is not None:
            sheets["Batches"] = batches
        return write_book(tmp_path / name, sheets)

    return make
