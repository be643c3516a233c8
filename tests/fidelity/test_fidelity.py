"""Write-back into real workbooks changes the named cells and nothing else."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from importer import writeback
from importer.workbook.writer import write_back
from tests.fidelity import hosts
from tests.fidelity.__main__ import main
from tests.fidelity.hosts import Corpus, corpus, fixtures
from tests.fidelity.libreoffice import find_program, look_at, saver
from tests.fidelity.rounds import Proof, prove
from tests.fidelity.sheets import DIALECTS
from tests.fidelity.table import rows
from tests.fidelity.zips import read_zip


@dataclass(frozen=True)
class Run:
    corpus: Corpus
    proofs: tuple[Proof, ...]
    folder: Path


@pytest.fixture(scope="module", params=["own", "real"] if corpus() else ["own"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("fidelity")
    found = corpus() if request.param == "real" else None
    taken = found or fixtures(folder)
    return Run(taken, prove(taken.hosts, folder, saver(find_program(), folder)), folder)


def test_nothing_but_the_named_cells_changes(run: Run) -> None:
    """Bytes, zip directory, cells, requests, ids and time stamps are as they must be, in every round."""
    assert [] == [
        (proof.path.name, proof.dialect, said) for proof in run.proofs for said in proof.differences
    ]


def test_only_signed_workbooks_are_refused(run: Run) -> None:
    """Writing would break a signature; every other workbook takes its ids."""
    signed = [proof for proof in run.proofs if proof.host.is_signed]

    assert [proof.host.name for proof in signed] == [p.host.name for p in run.proofs if p.refusal]
    assert all("is digitally signed" in proof.refusal for proof in signed)


def test_everything_was_compared(run: Run) -> None:
    """Every member after the first push and after the edit's; every cell wherever openpyxl sees any."""
    pushed = [proof for proof in run.proofs if not proof.refusal]

    assert {dialect.name for dialect in DIALECTS} == {proof.dialect for proof in pushed}
    assert [] == [p.host.name for p in pushed if p.members < 2 * 5]
    assert [] == [p.host.name for p in pushed if bool(p.cells) != p.is_seen_by_openpyxl]


def test_libreoffice_shows_the_same(run: Run) -> None:
    """Where LibreOffice is, it opens every workbook and shows the named cells only as changed; else the table says so."""
    office = look_at(run.proofs, run.folder, find_program())
    table = rows(run.corpus, run.proofs, office)

    assert [] == office.differences
    assert office.is_here == (("LibreOffice", "not here") not in table)
    assert office.is_here == (office.opened > 0) == (office.sheets > 3 * office.volatile)
    assert office.is_here == any(proof.is_saved_elsewhere for proof in run.proofs)


def test_table_says_that_libreoffice_is_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is left out silently."""
    monkeypatch.setenv("PATH", str(tmp_path))

    office = look_at((), tmp_path, find_program())

    assert ("LibreOffice", "not here") == rows(Corpus("none", ()), (), office)[-1]


def test_command_runs_on_own_workbooks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the corpus the project's own workbooks are taken, and the table says which."""
    monkeypatch.setattr(hosts, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["fidelity"])

    code = main()

    said = capsys.readouterr().out.splitlines()
    assert (0, "the project's own workbooks (11)") == (code, said[0].split(maxsplit=1)[1])


def rewritten_by_openpyxl(path: Path, *_: object, **__: object) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it loses
        openpyxl.load_workbook(path).save(path)
    return "0" * 64


def not_written(path: Path, *_: object, sha256: str, **__: object) -> str:
    return sha256


def other_sheet_touched(path: Path, *args: Any, **options: Any) -> str:
    digest = write_back(path, *args, **options)
    package = read_zip(path.read_bytes())
    part = "xl/worksheets/sheet1.xml"
    path.write_bytes(package.edited({part: package.by_name[part].content + b"\n"}))
    return digest


@pytest.mark.parametrize("writer", [rewritten_by_openpyxl, not_written, other_sheet_touched])
def test_a_bad_writer_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, writer: object) -> None:
    """The proof itself is proved: a writer that loses, forgets or adds something does not pass."""
    monkeypatch.setattr(writeback, "write_back", writer)
    bare = next(host for host in fixtures(tmp_path).hosts if host.name == "styled.xlsx")

    (proof,) = prove([bare], tmp_path)

    assert [] != proof.differences
