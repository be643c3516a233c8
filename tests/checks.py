"""Checking in tests: from a workbook to the codes and places of its problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from importer.problems import Problem
from importer.sheets.frames import Frames, read_frames
from importer.validator import sort_problems, validate


def brief(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """Code and place of each problem."""
    return [(problem.code, problem.place) for problem in problems]


def check(
    *paths: Path, known_ids: Mapping[str, str] = {}, batch_id: str | None = None
) -> tuple[Problem, ...]:
    """Read and check workbooks as one run."""
    read = [read_frames(path, path.name) for path in paths]
    frames = [found for found, _ in read if found is not None]
    problems = [problem for _, found in read for problem in found]
    problems += validate(frames, known_ids=known_ids, batch_id=batch_id)
    return sort_problems(problems, [path.name for path in paths])


def read(path: Path) -> Frames:
    """Read a workbook that can be read."""
    frames, _ = read_frames(path, path.name)
    assert frames is not None
    return frames


def reading(path: Path) -> list[tuple[str, str]]:
    """Code and place of what is found while reading, in order."""
    return brief(sort_problems(read_frames(path, path.name)[1]))
