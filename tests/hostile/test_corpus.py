"""Every bad file of the corpus through the door, if the corpus is beside the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus import Found, corpus_files
from tests.hostile.door import Seen, assert_civil, assert_sentences, real_door

BAD = [found for found in corpus_files() if found.expected != "readable"]
#: Problems that say that a file is refused as a whole.
REFUSED = {"not-a-workbook", "encrypted", "damaged", "too-large", "unsafe-xml"}
BY_THEMSELVES = (
    "hostile-xml",
    "poi-fuzz.xls",
    "clusterfuzz-testcase-minimized-POIXSSFFuzzer-4828727001088000",
)


@pytest.mark.parametrize("found", [pytest.param(f, id=f.name) for f in BAD])
def test_bad_file(found: Found, tmp_path: Path, door: Callable[..., Seen]):
    """It is refused, or read as a workbook that is not a study; and says which in one sentence."""
    seen = door("check", "--json", str(found.path), cwd=tmp_path)

    assert_civil(seen)
    assert_sentences(seen)
    assert 1 == seen.code
    if found.expected == "refuse":
        assert 1 == len(seen.codes & REFUSED)
    if found.path.parent.name == "encrypted":
        assert {"encrypted"} == seen.codes


@pytest.mark.parametrize(
    "found", [pytest.param(f, id=f.name) for f in BAD if any(word in f.name for word in BY_THEMSELVES)]
)
def test_bad_file_by_itself(found: Found, tmp_path: Path):
    """The worst of them as processes of their own."""
    seen = real_door("check", str(found.path), folder=tmp_path)

    assert_civil(seen)
    assert 1 == seen.code
