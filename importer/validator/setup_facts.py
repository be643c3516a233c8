"""What the sheets Datasets and Studies say, row by row, for the checks; see `importer.validator.facts`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from importer.contract import DATASETS, STUDIES
from importer.sheets.frames import Frames
from importer.validator.facts import NONE, BatchFacts, SheetFacts, earlier


class DatasetFacts(SheetFacts):
    """The sheet Datasets."""

    def __init__(self, frames: Frames) -> None:
        super().__init__(DATASETS, frames, frames.datasets)

    @property
    def new(self) -> Sequence[int]:
        """Rows that `importer setup` is to make."""
        return self.blank("dataset_id")


class StudyFacts(SheetFacts):
    """The sheet Studies."""

    def __init__(self, frames: Frames, batches: BatchFacts) -> None:
        super().__init__(STUDIES, frames, frames.studies)
        self.batches = batches

    @property
    def new(self) -> Sequence[int]:
        """Rows that `importer setup` is to make."""
        return self.blank("study_id")

    @cached_property
    def home(self) -> Sequence[int]:
        """The row of each row's batch in *batches*; NONE if it names none that is there."""
        return [self.batches.numbers.get(name, NONE) for name in self.normal("batch")]

    @property
    def homeless(self) -> Sequence[int]:
        """Rows that name no batch that is there."""
        return [row for row in self.rows if self.home[row] == NONE]

    @property
    def other_group_size(self) -> dict[int, int]:
        """The first row of the same batch that gives a group size, of rows that give another one."""
        among = [row for row in self.filled("tasks_per_group") if self.home[row] != NONE]
        sizes = self.column("tasks_per_group")
        firsts = earlier(among, self.home)
        return {row: first for row, first in firsts.items() if sizes[row] != sizes[first]}
