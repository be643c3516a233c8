"""Real files from public test suites, if the folder of them stands beside the project."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "shared" / "corpus"


@dataclass(frozen=True)
class Found:
    """
    One file.

    Attributes:
        path: Where it is.
        expected: What a good reader does with it: `readable`, `refuse` or `either`.
        is_read_by_openpyxl: Whether openpyxl reads it.
    """

    path: Path
    expected: str
    is_read_by_openpyxl: bool

    @property
    def name(self) -> str:
        """Folder and file, for test ids."""
        return f"{self.path.parent.name}/{self.path.name}"


def corpus_files() -> Iterator[Found]:
    """List the files; none if the folder is not there."""
    if (FOLDER / "INDEX.tsv").exists():
        with (FOLDER / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
            for row in csv.DictReader(index, delimiter="\t"):
                yield Found(FOLDER / row["file"], row["expected"], row["openpyxl"] == "ok")
