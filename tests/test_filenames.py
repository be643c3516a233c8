"""File names from titles: safe everywhere, each its own, and found when a folder is searched."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.filenames import file_names
from importer.sources import find_workbooks
from tests.layouts import uuid


def name_of(title: str) -> str:
    return file_names({uuid(1): title}, ".xlsx")[uuid(1)]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Wave 1", "Wave 1.xlsx"),
        ("Größe: 2/3?", "Größe 2 3.xlsx"),
        ("a\u202eb\x00c\nd  e", "abc d e.xlsx"),
        ("..", f"{uuid(1)}.xlsx"),
        ("", f"{uuid(1)}.xlsx"),
        ("\ud800", f"{uuid(1)}.xlsx"),
        ("-rf", "rf.xlsx"),
        ("~$lock", "lock.xlsx"),
        (".hidden. ", "hidden.xlsx"),
        ("CON", "batch CON.xlsx"),
        ("com1.old", "batch com1.old.xlsx"),
        ("done.checked", "done-checked.xlsx"),
        ("x.20261122T103100Z", "x-20261122T103100Z.xlsx"),
        ("é" * 200, "é" * 75 + ".xlsx"),
    ],
)
def test_a_title_becomes_a_name(title: str, expected: str):
    """What no system takes, hides or runs is left out; what is left of nothing is the id."""
    assert expected == name_of(title)


def test_titles_of_one_name_differ_by_their_ids():
    """Also if they differ in capitals or composition only, or one is called as another would be."""
    titles = {uuid(17): "Wave", uuid(18): "wave", uuid(19): "Wave?", uuid(20): "e\u0301", uuid(21): "É"}
    titles[uuid(22)] = "Wave 00000011"

    names = file_names(titles, ".xlsx")

    assert [
        "Wave 00000000-0000-0000-0000-000000000011.xlsx",
        "wave 00000012.xlsx",
        "Wave 00000013.xlsx",
    ] == list(names.values())[:3]
    keys = [unicodedata.normalize("NFD", name).casefold() for name in names.values()]
    assert len(keys) == len(set(keys))


@given(
    titles=st.lists(
        st.text(max_size=8) | st.sampled_from(["a", "A", "a ", "nul", "~$a", "a.checked"]), max_size=6
    )
)
def test_names_are_safe_and_found(tmp_path_factory: pytest.TempPathFactory, titles: list[str]):
    """Windows reserves none of them, each is a file of its own, and a search of the folder leaves none out."""
    folder = tmp_path_factory.mktemp("named")
    names = file_names({uuid(n): title for n, title in enumerate(titles)}, ".xlsx")
    for name in names.values():
        (folder / name).touch(exist_ok=False)
        assert not PureWindowsPath(name).is_reserved()
        assert not set('<>:"/\\|?*') & set(name)

    found = find_workbooks([folder]).workbooks if titles else ()

    assert sorted(folder / name for name in names.values()) == sorted(map(Path, found))
