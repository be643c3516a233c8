"""The sheets are put into a workbook by changing three parts, and other programs see them."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import openpyxl
import pytest

from tests.fidelity.graft import graft, look
from tests.fidelity.hosts import Corpus, corpus, fixtures
from tests.fidelity.sheets import DIALECTS, Dialect, fill
from tests.fidelity.zips import Zip, read_zip
from tests.raw import raw_book


@pytest.fixture(scope="module")
def all_hosts(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    own, real = fixtures(tmp_path_factory.mktemp("hosts")), corpus()
    return Corpus("all", own.hosts + (real.hosts if real else ()))


def grafted(package: Zip, dialect: Dialect = DIALECTS[0]) -> bytes:
    parts = look(package)
    filled = fill("batch", "Study", dialect, style=parts.style, is_strict=parts.is_strict)
    return graft(package, parts, (filled.instructions, filled.batches))


def test_every_host_comes_back_to_the_byte(all_hosts: Corpus) -> None:
    """Reading a zip file and writing it again loses nothing, so what the graft changes is all that changes."""
    assert [] == [h.name for h in all_hosts.hosts if read_zip(h.content).to_bytes() != h.content]


def test_graft_changes_three_parts(all_hosts: Corpus) -> None:
    """Workbook, relationships and content types; every other member keeps its bytes."""
    wrong = []
    for host in all_hosts.hosts:
        package = read_zip(host.content)
        parts, new = look(package), read_zip(grafted(package)).by_name
        changed = {name.lower() for name, entry in package.by_name.items() if entry.local != new[name].local}
        expected = {parts.main.lower(), parts.relations.lower(), "[content_types].xml"}
        added = set(new) - set(package.by_name)
        if (changed, added) != (expected, set(parts.new_parts)):
            wrong.append((host.name, changed, added))

    assert [] == wrong


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_openpyxl_sees_the_sheets(tmp_path: Path, dialect: Dialect) -> None:
    """Both sheets stand behind the host's own, in every dialect, with the same content."""
    package = read_zip(raw_book(tmp_path / "a.xlsx", {"Data": ""}).read_bytes())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an extension that openpyxl would lose
        book = openpyxl.load_workbook(io.BytesIO(grafted(package, dialect)))

    refs = [cell.value for cell in book["Instructions"]["A"]]
    assert ["Data", "Instructions", "Batches"] == book.sheetnames
    assert ["ref", "Q1", "Q1", "#Q0", "Q2", None, "Q3", "Q3"] == refs


def test_host_with_a_sheet_of_that_name(tmp_path: Path) -> None:
    """The host's own sheet Instructions gets another name."""
    package = read_zip(raw_book(tmp_path / "a.xlsx", {"Instructions": ""}).read_bytes())

    book = openpyxl.load_workbook(io.BytesIO(grafted(package, DIALECTS[1])))

    assert ["TheirInstructions", "Instructions", "Batches"] == book.sheetnames
