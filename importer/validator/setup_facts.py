"""What the sheets Datasets and Studies say, row by row, for the checks; see `importer.validator.facts`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import pandas as pd

from importer.contract import DATASETS, STUDIES
from importer.sheets.frames import Frames
from importer.validator.facts import NONE, BatchFacts, SheetFacts, earlier


class DatasetFacts(SheetFacts):
    """The sheet Datasets."""

    def __init__(self, frames: Sequence[Frames]) -> None:
        super().__init__(DATASETS, frames, [f.datasets for f in frames])

    @cached_property
    def is_new(self) -> pd.Series[bool]:
        """Whether `importer setup` is to make the dataset."""
        return ~self.filled("dataset_id")


class StudyFacts(SheetFacts):
    """The sheet Studies."""

    def __init__(self, frames: Sequence[Frames], batches: BatchFacts) -> None:
        super().__init__(STUDIES, frames, [f.studies for f in frames])
        self.batches = batches

    @cached_property
    def is_new(self) -> pd.Series[bool]:
        """Whether `importer setup` is to make the study."""
        return ~self.filled("study_id")

    @cached_property
    def home(self) -> pd.Series[int]:
        """Number of the row's batch in *batches*; NONE if it names none that is there."""
        keys = zip(self.book.tolist(), self.normal("batch").tolist(), strict=True)
        homes = [self.batches.numbers.get(key, NONE) for key in keys]
        return pd.Series(homes, self.data.index, dtype="int64")

    @cached_property
    def other_group_size(self) -> pd.Series[int]:
        """The first row of the same batch that gives a group size, where that is another one; else NONE."""
        among = self.filled("tasks_per_group") & (self.home != NONE)
        first = earlier(among, self.book, self.home)
        sizes = self.data["tasks_per_group"]
        return first.where(sizes.reindex(first).set_axis(first.index) != sizes, NONE)
