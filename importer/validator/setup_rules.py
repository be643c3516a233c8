"""
The rules of the sheets Datasets and Studies, and of batches that are not made yet.

They are asked only of workbooks that have such sheets. Whether a file is there is `importer.checking`'s
business: a rule looks at cells.

Source: "Create a batch", "Create a dataset" and "Create a study" for required fields; the places
where a file may lie are ours: a workbook from somebody else must not upload what it likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final, TypeVar

import pandas as pd

from importer.contract import BATCHES, DATASETS, DEVICES, NEEDED_IF_NEW, STUDIES, Kind, SheetContract
from importer.problems import did_you_mean
from importer.validator.facts import NONE, BatchFacts, SheetFacts
from importer.validator.rules import Rule
from importer.validator.setup_facts import DatasetFacts, StudyFacts

N = TypeVar("N", BatchFacts, DatasetFacts, StudyFacts)

_COUNTS: Final = tuple(column.name for column in STUDIES.columns if column.kind is Kind.COUNT)


def _lacks(facts: BatchFacts | DatasetFacts | StudyFacts, column: str) -> pd.Series[bool]:
    return facts.is_new & ~facts.filled(column)


def _what(facts: SheetFacts, index: int) -> Mapping[str, object]:
    del index
    return {"what": facts.contract.key}


def _needed(of: type[N], contract: SheetContract) -> tuple[Rule[N], ...]:
    """Make the rules that a new row has what it needs; *of* says whose rules they are."""
    del of
    return tuple(
        Rule("new-row-incomplete", name, partial(_lacks, column=name), values=_what)
        for name in NEEDED_IF_NEW[contract.name]
    )


def _malformed(facts: SheetFacts, column: str) -> pd.Series[bool]:
    return facts.malformed(column)


def _dataset_values(facts: BatchFacts, index: int) -> Mapping[str, object]:
    names = list(facts.datasets_in(facts.book[index]).values())
    allowed = ", ".join(names) or "a blank cell"
    return {"allowed": allowed, "hint": did_you_mean(facts.text(index, "dataset"), names)}


NEW_BATCH_RULES: Final[tuple[Rule[BatchFacts], ...]] = (
    Rule("id-malformed", "workspace_id", partial(_malformed, column="workspace_id")),
    *_needed(BatchFacts, BATCHES),
    Rule("dataset-unknown", "dataset", lambda f: ~f.names_dataset, values=_dataset_values),
    Rule("dataset-given-twice", "dataset", lambda f: f.filled("dataset") & f.filled("dataset_id")),
)


def _lies_outside(facts: DatasetFacts) -> pd.Series[bool]:
    return facts.data["file"].map(_is_outside).astype(bool)


def _is_outside(name: str) -> bool:
    """
    Whether a file lies elsewhere than in the workbook's folder or below it, on whatever system.

    >>> [_is_outside(name) for name in ("a.csv", "data/a.csv", "../a.csv", "/a.csv", "C:a.csv")]
    [False, False, True, True, True]
    """
    ways = (PurePosixPath(name), PureWindowsPath(name))
    return any(way.anchor or ".." in way.parts for way in ways)


def _is_no_csv(facts: DatasetFacts) -> pd.Series[bool]:
    return facts.filled("file") & ~facts.data["file"].str.casefold().str.endswith(".csv")


def _is_unnamed(facts: SheetFacts) -> pd.Series[bool]:
    return ~facts.filled(facts.contract.key)


DATASET_RULES: Final[tuple[Rule[DatasetFacts], ...]] = (
    Rule("row-unnamed", "dataset", _is_unnamed, values=_what),
    Rule("name-twice", "dataset", lambda f: f.twin, names_other=True, values=_what),
    *_needed(DatasetFacts, DATASETS),
    Rule("file-outside", "file", _lies_outside),
    Rule("file-not-csv", "file", _is_no_csv),
    Rule("id-malformed", "workspace_id", partial(_malformed, column="workspace_id")),
    Rule("id-malformed", "dataset_id", partial(_malformed, column="dataset_id")),
)


def _names_no_batch(facts: StudyFacts) -> pd.Series[bool]:
    return (facts.home == NONE) & ~facts.filled("batch")


def _names_unknown_batch(facts: StudyFacts) -> pd.Series[bool]:
    return (facts.home == NONE) & facts.filled("batch")


def _batch_values(facts: StudyFacts, index: int) -> Mapping[str, object]:
    batches = facts.batches
    names = [name for name in batches.data.loc[batches.book == facts.book[index], "batch"].tolist() if name]
    allowed = ", ".join(names) or "a blank cell"
    hint = did_you_mean(facts.text(index, "batch"), names)
    return {"what": "study", "allowed": allowed, "hint": hint, "todo": f"Use one of: {allowed}."}


def _is_no_count(facts: StudyFacts, column: str) -> pd.Series[bool]:
    return facts.malformed(column)


def _device_values(facts: StudyFacts, index: int) -> Mapping[str, object]:
    del facts, index
    return {"allowed": ", ".join(DEVICES)}


STUDY_RULES: Final[tuple[Rule[StudyFacts], ...]] = (
    Rule("row-unnamed", "study", lambda f: _is_unnamed(f) & f.is_one_of_several, values=_what),
    Rule("name-twice", "study", lambda f: f.twin, names_other=True, values=_what),
    Rule("batch-ref-missing", "batch", _names_no_batch, values=_batch_values),
    Rule("batch-unknown", "batch", _names_unknown_batch, values=_batch_values),
    *_needed(StudyFacts, STUDIES),
    *(Rule("count-invalid", name, partial(_is_no_count, column=name)) for name in _COUNTS),
    Rule("group-size-differs", "tasks_per_group", lambda f: f.other_group_size, names_other=True),
    Rule(
        "device-unknown",
        "device_compatibility",
        partial(_malformed, column="device_compatibility"),
        values=_device_values,
    ),
    Rule("id-malformed", "project", partial(_malformed, column="project")),
    Rule("project-missing", "project", partial(_lacks, column="project")),
    Rule("id-malformed", "study_id", partial(_malformed, column="study_id")),
)
