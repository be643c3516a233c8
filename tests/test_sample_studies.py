"""The sample studies: made again they are the same, and they become the payloads beside them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from importer.contract import CHOICE_TYPES, InstructionType
from importer.model import Batch
from importer.sheets.frames import read_frames
from importer.transformer import to_batches
from importer.validator import validate
from importer.wire.instructions import request_body
from importer.workbook.template import write_template
from samples import make, make_studies

SAMPLES = Path(make_studies.__file__).parent
STUDIES = ["documented", "likert"]
LIKERT = ["summaries", "translations"]
SEEDS = SAMPLES.parent.parent / "shared" / "api" / "seeds"


def content_of(path: Path) -> object:
    """Return the bytes; of a workbook its parts, because another zlib may pack them differently."""
    if path.suffix != ".xlsx":
        return path.read_bytes()
    with ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


def batches_of(path: Path, batch_id: str | None = None) -> dict[str, Batch]:
    frames, problems = read_frames(path, path.name)
    assert frames is not None
    found = problems + validate([frames], batch_id=batch_id).problems
    assert [] == [p for p in found if p.code != "rows-ignored"]
    return {batch.ref: batch for batch in to_batches(frames, batch_id=batch_id)}


def payload(name: str) -> dict[str, Any]:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("study", STUDIES)
def test_made_again_a_study_is_the_same(study, tmp_path):
    """The committed files are what samples/make_studies.py writes."""
    make_studies.main(tmp_path, tmp_path / "template.xlsx")

    made, committed = (
        {path.name: content_of(path) for path in (root / study).iterdir() if path.name != "plan.txt"}
        for root in (tmp_path, SAMPLES)
    )
    assert committed == made


def test_the_documented_study_becomes_the_documented_body():
    """samples/documented is the example of the API's own documentation, ids included."""
    (batch,) = batches_of(SAMPLES / "documented" / "study.xlsx").values()

    assert payload("documented/payload.json") == request_body(batch.instructions)


@pytest.mark.skipif(not SEEDS.exists(), reason="the API documents are not here")
def test_the_documented_payload_is_the_seed_s():
    """payload.json holds what the document holds, to the letter."""
    (seed,) = SEEDS.glob("004_*.txt")
    (body,) = re.findall(r"body: '(\{\"instructions\".*?\})'", seed.read_text(encoding="utf-8"))

    assert json.loads(body) == payload("documented/payload.json")


@pytest.mark.parametrize("ref", LIKERT)
def test_the_likert_study_becomes_its_payloads(ref):
    """Two batches in one workbook, each with what a PUT of it sends."""
    batch = batches_of(SAMPLES / "likert" / "study.xlsx")[ref]

    assert payload(f"likert/{ref}.payload.json") == request_body(batch.instructions)


@pytest.mark.parametrize("ref", LIKERT)
def test_the_likert_study_holds_its_batches_details(ref):
    """Name and task details come from the sheet Batches, markup and letters as they are."""
    details = batches_of(SAMPLES / "likert" / "study.xlsx")[ref].details

    expected = payload(f"likert/{ref}.details.json")
    assert expected == {"name": details.name, "task_details": details.task_details}


@pytest.mark.parametrize("ref", LIKERT)
def test_the_likert_study_has_every_type(ref):
    """Each batch is a realistic mix of what both documents of the PUT have."""
    items = payload(f"likert/{ref}.payload.json")["instructions"]

    assert {*CHOICE_TYPES, InstructionType.FREE_TEXT} == {item["type"] for item in items}


def test_the_template_s_example_is_the_documented_one_without_ids(tmp_path):
    """`importer template --example` gives what the documentation shows, ready to be created."""
    path = tmp_path / "example.xlsx"
    write_template(path, example=True)
    (batch,) = batches_of(path, batch_id="019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11").values()

    items = payload("documented/payload.json")["instructions"]
    expected = [{key: value for key, value in item.items() if key != "id"} for item in items]
    assert {"instructions": expected} == request_body(batch.instructions)


def test_plans_are_those_beside_the_samples():
    """`python -m samples.make` writes them; a change of the plan's text shows as a diff."""
    assert make.plan_texts() == {path: path.read_text("utf-8") for path in make.plan_texts()}
