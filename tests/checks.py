"""Checking in tests: from a workbook to the codes and places of its problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import chdir
from pathlib import Path

from importer import checking
from importer.problems import Problem, sort_problems
from importer.sheets.frames import Frames, read_frames


def brief(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """Code and place of each problem."""
    return [(problem.code, problem.place) for problem in problems]


def check(
    *paths: Path, known_ids: Mapping[str, str] = {}, batch_id: str | None = None
) -> tuple[Problem, ...]:
    """Read and check workbooks of one folder as one run; they are called by their names there."""
    with chdir(paths[0].parent):
        names = [Path(path.name) for path in paths]
        known = {key.lower(): batch_id for key, batch_id in known_ids.items()}
        return checking.check(
            names, batch_id=batch_id, owners=lambda ids: {i: known[i] for i in ids if i in known}
        ).report.problems


def read(path: Path) -> Frames:
    """Read a workbook that can be read."""
    frames, _ = read_frames(path, path.name)
    assert frames is not None
    return frames


def reading(path: Path) -> list[tuple[str, str]]:
    """Code and place of what is found while reading, in order."""
    return brief(sort_problems(read_frames(path, path.name)[1]))


def texts_of(path: Path, column: str) -> dict[int, str]:
    """Return one column of the sheet Instructions, by Excel row."""
    sheet = read(path).instructions
    return dict(zip(sheet.numbers, sheet.column(column), strict=True))
