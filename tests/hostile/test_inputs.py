"""Every hostile input through the door: a right answer or one sentence, never more than 300 MB or 10 s."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import contents, markup, packages, structure
from tests.hostile.conftest import FIGURES
from tests.hostile.door import Seen, assert_civil, assert_sentences, real_door
from tests.hostile.inputs import INPUTS, Input

KINDS = (contents, markup, packages, structure)
#: The rendering as text is looked at too, where the check itself is quick.
QUICK_S = 1.0
#: One of each kind, and the heaviest, as processes of their own.
BY_THEMSELVES = {
    "bomb_by_ratio", "bomb_that_lies_about_its_size", "laughs_in_sheet1", "external_in_workbook", "last_cell",
    "mistakes_in_every_cell", "very_many_rows", "formatted_to_the_last_row", "names_that_lead_out",
    "texts_that_are_obeyed_elsewhere", "encrypted_container", "wide_characters",
}  # fmt: skip


def made(one: Input, folder: Path) -> Path:
    path = folder / f"{one.name}.xlsx"
    one.make(path)
    return path


def assert_as_expected(one: Input, seen: Seen) -> None:
    assert_civil(seen)
    assert_sentences(seen)
    assert one.codes <= seen.codes
    assert bool(one.codes) == (seen.code == 1)


@pytest.mark.parametrize("one", [pytest.param(o, id=o.name) for o in INPUTS if o.name not in BY_THEMSELVES])
def test_hostile_input(one: Input, tmp_path: Path, door: Callable[..., Seen]):
    """It gives the expected errors, and a marked copy, within what a run may take; the file stays as it was."""
    path = made(one, tmp_path)
    before = path.stat()

    seen = door("check", "--json", "--mark", path.name, cwd=tmp_path)

    assert_as_expected(one, seen)
    if seen.cpu_s < QUICK_S:
        shown = door("check", path.name, cwd=tmp_path)
        assert_civil(shown)
        assert seen.code == shown.code
    assert (before.st_mtime_ns, before.st_size) == (path.stat().st_mtime_ns, path.stat().st_size)


@pytest.mark.parametrize("one", [pytest.param(o, id=o.name) for o in INPUTS if o.name in BY_THEMSELVES])
def test_hostile_input_by_itself(one: Input, tmp_path: Path):
    """The same of `importer check` as a process of its own."""
    path = made(one, tmp_path)

    seen = real_door("check", "--json", "--mark", path.name, folder=tmp_path)

    FIGURES.seen.append(seen)
    assert_as_expected(one, seen)


def test_every_input_is_there():
    """What is to be a process of its own has a name that is there."""
    assert BY_THEMSELVES <= {one.name for one in INPUTS}
