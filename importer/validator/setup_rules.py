"""
The rules of the sheets Datasets and Studies, and of batches that are not made yet.

They are asked only of workbooks that have such sheets. Whether a file is there is `importer.checking`'s
business: a rule looks at cells.

Source: "Create a batch", "Create a dataset" and "Create a study" for required fields; the places
where a file may lie are ours: a workbook from somebody else must not upload what it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final, TypeVar

from importer.contract import BATCHES, DATASETS, DEVICES, NEEDED_IF_NEW, STUDIES, Kind, SheetContract
from importer.problems import did_you_mean
from importer.validator.facts import BatchFacts, SheetFacts
from importer.validator.rules import Rule, batch_names
from importer.validator.setup_facts import DatasetFacts, StudyFacts

N = TypeVar("N", BatchFacts, DatasetFacts, StudyFacts)

_COUNTS: Final = tuple(column.name for column in STUDIES.columns if column.kind is Kind.COUNT)


def _lacks(facts: BatchFacts | DatasetFacts | StudyFacts, column: str) -> Iterable[int]:
    return [row for row in facts.new if not facts.is_filled(row, column)]


def _what(facts: SheetFacts, row: int) -> Mapping[str, object]:
    del row
    return {"what": facts.contract.key}


def _needed(of: type[N], contract: SheetContract) -> tuple[Rule[N], ...]:
    """Make the rules that a new row has what it needs; *of* says whose rules they are."""
    del of
    return tuple(
        Rule("new-row-incomplete", name, partial(_lacks, column=name), is_of_blank=True, values=_what)
        for name in NEEDED_IF_NEW[contract.name]
    )


def _malformed(facts: SheetFacts, column: str) -> Iterable[int]:
    return facts.malformed(column)


def _names_unknown_dataset(facts: BatchFacts) -> Iterable[int]:
    names = facts.normal("dataset")
    return [row for row in facts.filled_texts("dataset") if names[row] not in facts.datasets]


def _has_two_datasets(facts: BatchFacts) -> Iterable[int]:
    return [row for row in facts.filled("dataset") if facts.is_filled(row, "dataset_id")]


def _dataset_values(facts: BatchFacts, row: int) -> Mapping[str, object]:
    names = list(facts.datasets.values())
    allowed = ", ".join(names) or "a blank cell"
    return {"allowed": allowed, "hint": did_you_mean(facts.text(row, "dataset"), names)}


NEW_BATCH_RULES: Final[tuple[Rule[BatchFacts], ...]] = (
    Rule("id-malformed", "workspace_id", partial(_malformed, column="workspace_id")),
    *_needed(BatchFacts, BATCHES),
    Rule("dataset-unknown", "dataset", _names_unknown_dataset, values=_dataset_values),
    Rule("dataset-given-twice", "dataset", _has_two_datasets),
)


def _lies_outside(facts: DatasetFacts) -> Iterable[int]:
    return [row for row in facts.filled_texts("file") if _is_outside(facts.text(row, "file"))]


def _is_outside(name: str) -> bool:
    """
    Whether a file lies elsewhere than in the workbook's folder or below it, on whatever system.

    >>> [_is_outside(name) for name in ("a.csv", "data/a.csv", "../a.csv", "/a.csv", "C:a.csv")]
    [False, False, True, True, True]
    """
    ways = (PurePosixPath(name), PureWindowsPath(name))
    return any(way.anchor or ".." in way.parts for way in ways)


def _is_no_csv(facts: DatasetFacts) -> Iterable[int]:
    return [row for row in facts.filled("file") if not facts.text(row, "file").casefold().endswith(".csv")]


def _is_unnamed(facts: SheetFacts) -> Iterable[int]:
    return facts.blank(facts.contract.key)


def _is_unnamed_of_several(facts: SheetFacts) -> Iterable[int]:
    return _is_unnamed(facts) if facts.is_several else ()


DATASET_RULES: Final[tuple[Rule[DatasetFacts], ...]] = (
    Rule("row-unnamed", "dataset", _is_unnamed, is_of_blank=True, values=_what),
    Rule("name-twice", "dataset", lambda f: f.twin, values=_what),
    *_needed(DatasetFacts, DATASETS),
    Rule("file-outside", "file", _lies_outside),
    Rule("file-not-csv", "file", _is_no_csv),
    Rule("id-malformed", "workspace_id", partial(_malformed, column="workspace_id")),
    Rule("id-malformed", "dataset_id", partial(_malformed, column="dataset_id")),
)


def _names_no_batch(facts: StudyFacts) -> Iterable[int]:
    return [row for row in facts.homeless if not facts.is_filled(row, "batch")]


def _names_unknown_batch(facts: StudyFacts) -> Iterable[int]:
    return [row for row in facts.homeless if facts.is_filled(row, "batch")]


def _batch_values(facts: StudyFacts, row: int) -> Mapping[str, object]:
    return {"what": "study", **batch_names(facts.batches, facts.text(row, "batch"))}


def _device_values(facts: StudyFacts, row: int) -> Mapping[str, object]:
    del facts, row
    return {"allowed": ", ".join(DEVICES)}


STUDY_RULES: Final[tuple[Rule[StudyFacts], ...]] = (
    Rule("row-unnamed", "study", _is_unnamed_of_several, is_of_blank=True, values=_what),
    Rule("name-twice", "study", lambda f: f.twin, values=_what),
    Rule("batch-ref-missing", "batch", _names_no_batch, is_of_blank=True, values=_batch_values),
    Rule("batch-unknown", "batch", _names_unknown_batch, values=_batch_values),
    *_needed(StudyFacts, STUDIES),
    *(Rule("count-invalid", name, partial(_malformed, column=name)) for name in _COUNTS),
    Rule("group-size-differs", "tasks_per_group", lambda f: f.other_group_size),
    Rule(
        "device-unknown",
        "device_compatibility",
        partial(_malformed, column="device_compatibility"),
        values=_device_values,
    ),
    Rule("id-malformed", "project", partial(_malformed, column="project")),
    Rule("project-missing", "project", partial(_lacks, column="project"), is_of_blank=True),
    Rule("id-malformed", "study_id", partial(_malformed, column="study_id")),
)
