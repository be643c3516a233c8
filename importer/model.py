"""
What a workbook describes, typed and immutable: one model per type of instruction and content block.

An invalid combination cannot be built: options on free_text, an answer limit beyond the number
of options, two options with one value, a missing heading. Past these models there are no frames.
Fields are named as the columns of the sheet; how a wire form nests them is `importer.wire`'s.

Source: "Update Batch Instructions" and "Update a Batch", request bodies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from importer.contract import (
    ANY_NUMBER,
    FILE_TYPE,
    HTTPS,
    MAX_FILE_COUNT,
    MIN_FILE_COUNT,
    MIN_UNITS,
    TASK_DETAILS,
)
from importer.texts import canonical

#: What `json.loads` gives, read-only: a dict[str, str] is one too.
JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

Text = Annotated[str, Field(min_length=1)]
Number = int | FiniteFloat
Count = Annotated[int, Field(ge=1)]
FileType = Annotated[str, Field(pattern=FILE_TYPE)]


class _Immutable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Entry(_Immutable):
    """What participants write, and the rule that it is held to; of a text the bounds count characters."""

    validation_type: Literal["number", "string"] | None = None
    validation_min: Number | None = None
    validation_max: Number | None = None

    @model_validator(mode="after")
    def _bounds_are_of_a_rule(self) -> Self:
        bounds = [bound for bound in (self.validation_min, self.validation_max) if bound is not None]
        if bounds and self.validation_type is None:
            raise ValueError("bounds without a validation_type")
        if bounds != sorted(bounds):
            raise ValueError(f"validation from {bounds[0]} to {bounds[1]}")
        if self.validation_type == "string" and any(bound < 0 or bound != int(bound) for bound in bounds):
            raise ValueError("bounds that are no numbers of characters")
        return self


class _Labelled(_Immutable):
    label: Text
    value: Text


class Option(_Labelled):
    """One option of a multiple_choice instruction."""

    exclusive: bool | None = None


class HeadedOption(Option):
    """One option of a multiple_choice_with_free_text instruction; several may share a heading."""

    heading: Text


class UnitOption(_Labelled, _Entry):
    """One unit of a free_text_with_unit instruction."""


class _Item(_Immutable):
    ref: Text
    id: str | None = None
    # Where the sheet wants it on the pages of the batch; None if it does not say.
    page: Count | None = None
    row: Count | None = None
    column: Annotated[int, Field(ge=1, le=2)] | None = None

    @model_validator(mode="after")
    def _place_is_on_a_page(self) -> Self:
        if self.page is None and not (self.row is None and self.column is None):
            raise ValueError("a row or column without a page")
        return self


class _Instruction(_Item):
    description: Text
    helper_text: str | None = None
    placeholder_text_input: str | None = None


class FreeText(_Instruction, _Entry):
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
        exclusive = sum(option.exclusive is True for option in self.options)
        if exclusive and (self.answer_limit == 1 or exclusive == count):
            raise ValueError("exclusive options with nothing to exclude")
        _check_values(self.options)
        return self


class MultipleChoice(_Choice):
    """Participants choose."""

    type: Literal["multiple_choice"] = "multiple_choice"


class MultipleChoiceWithFreeText(_Choice):
    """Participants choose under headings, and write."""

    type: Literal["multiple_choice_with_free_text"] = "multiple_choice_with_free_text"
    options: tuple[HeadedOption, ...]


class FreeTextWithUnit(_Instruction):
    """Participants write a quantity; the options are its units."""

    type: Literal["free_text_with_unit"] = "free_text_with_unit"
    default_unit: Text | None = None
    unit_position: Literal["prefix", "suffix"]
    options: Annotated[tuple[UnitOption, ...], Field(min_length=MIN_UNITS)]

    @model_validator(mode="after")
    def _default_is_a_unit(self) -> Self:
        _check_values(self.options)
        if self.default_unit is not None and canonical(self.default_unit) not in _values(self.options):
            raise ValueError("default_unit is no unit")
        return self


class FileUpload(_Instruction):
    """Participants send files; what is None, Prolific sets to the defaults of `importer.contract`."""

    type: Literal["file_upload"] = "file_upload"
    accepted_file_types: Annotated[tuple[FileType, ...], Field(min_length=1)] | None = None
    max_file_size_mb: Annotated[Number, Field(gt=0)] | None = None
    min_file_count: Count | None = None
    max_file_count: Count | None = None

    @model_validator(mode="after")
    def _counts_rise(self) -> Self:
        if (self.min_file_count or MIN_FILE_COUNT) > (self.max_file_count or MAX_FILE_COUNT):
            raise ValueError("min_file_count beyond max_file_count")
        return self


class Block(_Item):
    """A content block: what participants only see. Only batches made of pages have it."""


class RichText(Block):
    """A text."""

    type: Literal["rich_text"] = "rich_text"
    content: Text
    content_format: Literal["html", "markdown"] | None = None


class Image(Block):
    """A picture."""

    type: Literal["image"] = "image"
    url: Annotated[str, Field(pattern=HTTPS)]
    alt_text: Text
    caption: str | None = None


class DatasetField(Block):
    """A field of the dataset, shown for each of its rows; Prolific documents no id for it."""

    type: Literal["dataset_field"] = "dataset_field"
    field: Text


def _values(options: Sequence[_Labelled]) -> set[str]:
    return {canonical(option.value) for option in options}


def _check_values(options: Sequence[_Labelled]) -> None:
    if len(_values(options)) != len(options):
        raise ValueError("two options have one value")


Instruction = Annotated[
    FreeText | MultipleChoice | MultipleChoiceWithFreeText | FreeTextWithUnit | FileUpload,
    Field(discriminator="type"),
]
#: One entry of a column of a page.
Item = Annotated[Instruction | RichText | Image | DatasetField, Field(discriminator="type")]


MODELS: Final[Mapping[str, type[Item]]] = {
    model.model_fields["type"].default: model
    for model in (
        FreeText,
        MultipleChoice,
        MultipleChoiceWithFreeText,
        FreeTextWithUnit,
        FileUpload,
        RichText,
        Image,
        DatasetField,
    )
}


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
        items: Instructions and content blocks, in order of first appearance; without an
            instruction: leave the instructions alone.
    """

    ref: str = ""
    batch_id: str
    row: int | None = None
    workspace_id: str | None = None
    dataset: str = ""
    details: BatchDetails = BatchDetails()
    items: tuple[Item, ...] = ()

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """The items that participants answer."""
        return tuple(item for item in self.items if not isinstance(item, Block))

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
