"""
What a workbook describes, typed and immutable: one model per instruction type.

An invalid combination cannot be built: options on free_text, an answer limit beyond the number
of options, two options with one value, a missing heading. Past these models there are no frames.

Source: "Update Batch Instructions" and "Update a Batch", request bodies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from importer.contract import ANY_NUMBER, TASK_DETAILS, canonical

#: What `json.loads` gives, read-only: a dict[str, str] is one too.
JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

Text = Annotated[str, Field(min_length=1)]


class _Immutable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Option(_Immutable):
    """One option of a multiple_choice instruction."""

    label: Text
    value: Text


class HeadedOption(Option):
    """One option of a multiple_choice_with_free_text instruction; several may share a heading."""

    heading: Text


class _Instruction(_Immutable):
    ref: Text
    id: str | None = None
    description: Text
    helper_text: str | None = None
    placeholder_text_input: str | None = None


class FreeText(_Instruction):
    """Participants write."""

    type: Literal["free_text"] = "free_text"


class _Choice(_Instruction):
    answer_limit: int
    disable_dropdown: bool | None = None
    options: tuple[Option, ...]

    @model_validator(mode="after")
    def _answers_fit_options(self) -> Self:
        count = len(self.options)
        if not count:
            raise ValueError("no options")
        if not (self.answer_limit == ANY_NUMBER or 1 <= self.answer_limit <= count):
            raise ValueError(f"answer_limit {self.answer_limit} with {count} options")
        if len({canonical(option.value) for option in self.options}) != count:
            raise ValueError("two options have one value")
        return self


class MultipleChoice(_Choice):
    """Participants choose."""

    type: Literal["multiple_choice"] = "multiple_choice"


class MultipleChoiceWithFreeText(_Choice):
    """Participants choose under headings, and write."""

    type: Literal["multiple_choice_with_free_text"] = "multiple_choice_with_free_text"
    options: tuple[HeadedOption, ...]


Instruction = Annotated[FreeText | MultipleChoice | MultipleChoiceWithFreeText, Field(discriminator="type")]


class BatchDetails(_Immutable):
    """
    What the sheet says of the batch itself; None means: leave what Prolific has.

    The API takes `task_name`, `task_introduction` and `task_steps` only together, so a partial
    change is merged with what Prolific holds (`importer.plan`).
    """

    name: str | None = None
    task_name: str | None = None
    task_introduction: str | None = None
    task_steps: str | None = None
    dataset_id: str | None = None

    @property
    def task_details(self) -> dict[str, str]:
        """The task details that the sheet gives, by the API's field name."""
        given = {name: getattr(self, name) for name in TASK_DETAILS}
        return {name: text for name, text in given.items() if text is not None}


class Batch(_Immutable):
    """
    One batch as the workbook describes it.

    Attributes:
        ref: The researcher's short name; "" if the workbook holds one unnamed batch.
        batch_id: Prolific's id (lower case); "" if `importer setup` is to make the batch.
        row: Excel row on the Batches sheet; None if `--batch` named the batch.
        workspace_id: Where it is to be made.
        dataset: The short name of its dataset on the sheet Datasets; "" if it names none.
        details: What the sheet says of the batch itself.
        instructions: In order of first appearance; empty means: leave the instructions alone.
    """

    ref: str = ""
    batch_id: str
    row: int | None = None
    workspace_id: str | None = None
    dataset: str = ""
    details: BatchDetails = BatchDetails()
    instructions: tuple[Instruction, ...] = ()

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if not (self.batch_id or self.workspace_id):
            raise ValueError("a batch without id, and without a workspace to make it in")
        return self


class Dataset(_Immutable):
    """
    One dataset as the sheet Datasets describes it.

    Attributes:
        ref: The researcher's short name.
        row: Excel row.
        dataset_id: Prolific's id; None if `importer setup` is to make the dataset.
        name: On Prolific.
        file: The CSV file, relative to the workbook's folder.
        workspace_id: Where it is to be made; None if it is made already.
    """

    ref: Text
    row: int
    dataset_id: str | None = None
    name: Text
    file: str = ""
    workspace_id: str | None = None


class Draft(_Immutable):
    """
    One study as the sheet Studies describes it; Prolific has drafts of it only, as far as we are concerned.

    Attributes:
        ref: The researcher's short name; "" if the sheet holds one unnamed study.
        row: Excel row.
        study_id: Prolific's id; None if `importer setup` is to make the study.
        batch: The short name of its batch.
        reward: In pence or cents.
        estimated_completion_time: In minutes.
    """

    ref: str = ""
    row: int
    study_id: str | None = None
    batch: str
    name: str = ""
    internal_name: str | None = None
    description: str = ""
    reward: int | None = None
    estimated_completion_time: int | None = None
    annotators_per_task: int | None = None
    total_available_places: int | None = None
    tasks_per_group: int | None = None
    device_compatibility: tuple[str, ...] = ()
    project: str | None = None
