"""
What a workbook describes, typed and immutable: one model per type of instruction and content block.

An invalid combination cannot be built: options on free_text, an answer limit beyond the number
of options, two options with one value, a missing heading. Past these models there are no frames.
Fields are named as the columns of the sheet; how a wire form nests them is `importer.wire`'s.

Source: "Update Batch Instructions" and "Update a Batch", request bodies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Annotated, ClassVar, Final, Literal, Self, TypeAlias

from msgspec import Meta, Struct, convert, msgpack, structs

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

#: Behind a pattern's `$`, which matches before a last line break too.
_END: Final = r"(?!\n)"

Text = Annotated[str, Meta(min_length=1)]
Number = int | float
Count = Annotated[int, Meta(ge=1)]
FileType = Annotated[str, Meta(pattern=FILE_TYPE + _END)]


class _Immutable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    What all models can do.

    The constructor checks the rules, and leaves types, lengths and forms to mypy and its caller;
    `checked`, for what comes from outside, and `replace` check all of it.
    """

    @classmethod
    def checked(cls, fields: Mapping[str, object]) -> Self:
        """
        Build a model of fields whose values may be anything, models or mappings of their fields.

        Raises:
            ValueError: `msgspec.ValidationError`; it names the first field that is wrong.
        """
        return convert(fields, cls)

    def replace(self, **fields: object) -> Self:
        """Return a copy with other values in some fields; errors as for `checked`."""
        return self.checked(structs.asdict(self) | fields)


def _check_rule(
    validation_type: str | None, validation_min: float | None, validation_max: float | None
) -> None:
    """Check the rule that what participants write is held to; of a text the bounds count characters."""
    bounds = [bound for bound in (validation_min, validation_max) if bound is not None]
    if bounds and validation_type is None:
        raise ValueError("bounds without a validation_type")
    if not all(-inf < bound < inf for bound in bounds):
        raise ValueError("bounds that are no numbers")
    if bounds != sorted(bounds):
        raise ValueError(f"validation from {bounds[0]} to {bounds[1]}")
    if validation_type == "string" and any(bound < 0 or bound != int(bound) for bound in bounds):
        raise ValueError("bounds that are no numbers of characters")


class _Labelled(_Immutable, frozen=True, kw_only=True):
    label: Text
    value: Text


class Option(_Labelled, frozen=True, kw_only=True):
    """One option of a multiple_choice instruction."""

    exclusive: bool | None = None


class HeadedOption(Option, frozen=True, kw_only=True):
    """One option of a multiple_choice_with_free_text instruction; several may share a heading."""

    heading: Text


class UnitOption(_Labelled, frozen=True, kw_only=True):
    """One unit of a free_text_with_unit instruction."""

    validation_type: Literal["number", "string"] | None = None
    validation_min: Number | None = None
    validation_max: Number | None = None

    def __post_init__(self) -> None:
        _check_rule(self.validation_type, self.validation_min, self.validation_max)


class _Item(_Immutable, frozen=True, kw_only=True):
    ref: Text
    id: str | None = None
    # Where the sheet wants it on the pages of the batch; None if it does not say.
    page: Count | None = None
    row: Count | None = None
    column: Annotated[int, Meta(ge=1, le=2)] | None = None

    def __post_init__(self) -> None:
        if self.page is None and not (self.row is None and self.column is None):
            raise ValueError("a row or column without a page")


class _Instruction(_Item, frozen=True, kw_only=True):
    description: Text
    helper_text: str | None = None
    placeholder_text_input: str | None = None


class FreeText(_Instruction, frozen=True, kw_only=True, tag_field="type", tag="free_text"):
    """Participants write."""

    type: ClassVar[Literal["free_text"]] = "free_text"
    validation_type: Literal["number", "string"] | None = None
    validation_min: Number | None = None
    validation_max: Number | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rule(self.validation_type, self.validation_min, self.validation_max)


class _Choice(_Instruction, frozen=True, kw_only=True):
    answer_limit: int
    disable_dropdown: bool | None = None
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.options)
        if not count:
            raise ValueError("no options")
        if not (self.answer_limit == ANY_NUMBER or 1 <= self.answer_limit <= count):
            raise ValueError(f"answer_limit {self.answer_limit} with {count} options")
        exclusive = sum(option.exclusive is True for option in self.options)
        if exclusive and (self.answer_limit == 1 or exclusive == count):
            raise ValueError("exclusive options with nothing to exclude")
        _check_values(self.options)


class MultipleChoice(_Choice, frozen=True, kw_only=True, tag_field="type", tag="multiple_choice"):
    """Participants choose."""

    type: ClassVar[Literal["multiple_choice"]] = "multiple_choice"


class MultipleChoiceWithFreeText(
    _Choice, frozen=True, kw_only=True, tag_field="type", tag="multiple_choice_with_free_text"
):
    """Participants choose under headings, and write."""

    type: ClassVar[Literal["multiple_choice_with_free_text"]] = "multiple_choice_with_free_text"
    options: tuple[HeadedOption, ...]


class FreeTextWithUnit(_Instruction, frozen=True, kw_only=True, tag_field="type", tag="free_text_with_unit"):
    """Participants write a quantity; the options are its units."""

    type: ClassVar[Literal["free_text_with_unit"]] = "free_text_with_unit"
    default_unit: Text | None = None
    unit_position: Literal["prefix", "suffix"]
    options: Annotated[tuple[UnitOption, ...], Meta(min_length=MIN_UNITS)]

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_values(self.options)
        if self.default_unit is not None and canonical(self.default_unit) not in _values(self.options):
            raise ValueError("default_unit is no unit")


class FileUpload(_Instruction, frozen=True, kw_only=True, tag_field="type", tag="file_upload"):
    """Participants send files; what is None, Prolific sets to the defaults of `importer.contract`."""

    type: ClassVar[Literal["file_upload"]] = "file_upload"
    accepted_file_types: Annotated[tuple[FileType, ...], Meta(min_length=1)] | None = None
    max_file_size_mb: Number | None = None
    min_file_count: Count | None = None
    max_file_count: Count | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_file_size_mb is not None and not 0 < self.max_file_size_mb < inf:
            raise ValueError("max_file_size_mb that is no size")
        if (self.min_file_count or MIN_FILE_COUNT) > (self.max_file_count or MAX_FILE_COUNT):
            raise ValueError("min_file_count beyond max_file_count")


class Block(_Item, frozen=True, kw_only=True):
    """A content block: what participants only see. Only batches made of pages have it."""


class RichText(Block, frozen=True, kw_only=True, tag_field="type", tag="rich_text"):
    """A text."""

    type: ClassVar[Literal["rich_text"]] = "rich_text"
    content: Text
    content_format: Literal["html", "markdown"] | None = None


class Image(Block, frozen=True, kw_only=True, tag_field="type", tag="image"):
    """A picture."""

    type: ClassVar[Literal["image"]] = "image"
    url: Annotated[str, Meta(pattern=HTTPS + _END)]
    alt_text: Text
    caption: str | None = None


class DatasetField(Block, frozen=True, kw_only=True, tag_field="type", tag="dataset_field"):
    """A field of the dataset, shown for each of its rows; Prolific documents no id for it."""

    type: ClassVar[Literal["dataset_field"]] = "dataset_field"
    field: Text


def _values(options: Sequence[_Labelled]) -> set[str]:
    return {canonical(option.value) for option in options}


def _check_values(options: Sequence[_Labelled]) -> None:
    if len(_values(options)) != len(options):
        raise ValueError("two options have one value")


Instruction = FreeText | MultipleChoice | MultipleChoiceWithFreeText | FreeTextWithUnit | FileUpload
#: One entry of a column of a page.
Item = Instruction | RichText | Image | DatasetField


MODELS: Final[Mapping[str, type[Item]]] = {
    model.type: model
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


class BatchDetails(_Immutable, frozen=True, kw_only=True):
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


class Batch(_Immutable, frozen=True, kw_only=True):
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

    def __reduce__(self) -> tuple[Callable[[bytes], Batch], tuple[bytes]]:
        # A tenth of the time that pickle takes for each item and option.
        return _unpacked, (msgpack.encode(self),)

    def __post_init__(self) -> None:
        if not (self.batch_id or self.workspace_id):
            raise ValueError("a batch without id, and without a workspace to make it in")


def _unpacked(packed: bytes) -> Batch:
    return msgpack.decode(packed, type=Batch)


class Dataset(_Immutable, frozen=True, kw_only=True):
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


class Draft(_Immutable, frozen=True, kw_only=True):
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
