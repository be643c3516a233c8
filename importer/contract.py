"""
The sheet contract: which sheets and columns there are, and what they mean.

Owns every fact about the workbook's shape. The reader, the validator, the template, its `Help`
sheet and the README's column table all read it from here; nothing else names a column's rule.

Source: "Update Batch Instructions" (PUT) and "Update a Batch" (PATCH) for the field names; the
layout (one row per option, ref repeated) was chosen because it survives sorting and filtering.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from importer.texts import header_key


class InstructionType(StrEnum):
    """What participants are asked to do."""

    MULTIPLE_CHOICE = "multiple_choice"
    FREE_TEXT = "free_text"
    MULTIPLE_CHOICE_WITH_FREE_TEXT = "multiple_choice_with_free_text"
    FREE_TEXT_WITH_UNIT = "free_text_with_unit"
    FILE_UPLOAD = "file_upload"

    @property
    def is_choice(self) -> bool:
        """Whether participants choose from options, as many as an answer limit says."""
        return self in CHOICE_TYPES

    @property
    def has_options(self) -> bool:
        """Whether there are options: to choose from, or the units of a quantity."""
        return self in OPTION_TYPES


class BlockType(StrEnum):
    """Content blocks: what participants only see, on the pages of a batch."""

    RICH_TEXT = "rich_text"
    IMAGE = "image"
    DATASET_FIELD = "dataset_field"


CHOICE_TYPES: Final = (InstructionType.MULTIPLE_CHOICE, InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT)
OPTION_TYPES: Final = (*CHOICE_TYPES, InstructionType.FREE_TEXT_WITH_UNIT)
#: Types whose answer may be held to a rule: that of a free_text, or of each unit.
VALIDATED_TYPES: Final = (InstructionType.FREE_TEXT, InstructionType.FREE_TEXT_WITH_UNIT)
ITEM_TYPES: Final = (*InstructionType, *BlockType)

#: Types that Prolific names, but whose fields no document that we know of describes.
OTHER_TYPES: Final = ("star_rating", "video_narration")

# What Prolific takes where a field is left out; so a blank cell and these are one.
# Source: the schemas of batch_items.
FILE_TYPES: Final = (".jpg", ".jpeg", ".png", ".heic", ".heif")
MAX_FILE_SIZE_MB: Final = 25
MIN_FILE_COUNT: Final = 1
MAX_FILE_COUNT: Final = 10
CONTENT_FORMAT: Final = "html"
#: What such an ending looks like, and the address of an image.
FILE_TYPE: Final = r"^\.[^\s,;]+$"
HTTPS: Final = r"(?i)^https://[^\s/]\S*$"
#: Units of a free_text_with_unit: between fewer there is nothing to choose.
MIN_UNITS: Final = 2

ANY_NUMBER: Final = -1
ANY_NUMBER_WORD: Final = "any"
YES_WORDS: Final = ("yes", "true", "1")
NO_WORDS: Final = ("no", "false", "0")


class Level(StrEnum):
    """What one cell of a column describes."""

    BATCH = "batch"
    INSTRUCTION = "instruction"
    OPTION = "option"
    DATASET = "dataset"
    STUDY = "study"
    ENTRY = "entry"  # what participants write: a free_text, or one unit
    RESEARCHER = "researcher"
    IMPORTER = "importer"


class Kind(StrEnum):
    """How the text of a cell is taken."""

    TEXT = "text"  # participants see it: exactly as it stands
    WORD = "word"  # refs, types, values, headings: trimmed, invisible spaces included
    LIMIT = "limit"  # 1, -1, any, or 2 … number of options
    FLAG = "flag"  # yes or no
    NUMBER = "number"  # 2, -0.5
    COUNT = "count"  # 1, 2, …
    CHOICE = "choice"  # one of the column's words, in any case
    LIST = "list"  # words with commas between them
    DEVICES = "devices"  # some of DEVICES, with commas between them
    UUID = "uuid"  # an id that Prolific gave
    SHORT_ID = "short id"  # an id that Prolific gave, of a workspace, project or study
    FREE = "free"  # never sent


class Column(NamedTuple):
    """
    One column of a sheet.

    Attributes:
        name: The header; the API's field name wherever one exists.
        level: What a cell of it describes.
        kind: How its text is taken.
        meaning: One sentence for researchers (header note, Help, README).
        example: A typical cell.
        is_required: Whether the sheet must have the column.
        width: Column width in the template, in characters.
        choices: Words offered by the drop-down list in the template.
        types: The types that take it; empty for all.
        needed_by: The types that cannot do without it.
        is_rare: Whether the template folds it away, and a frame leaves it out while it is blank.
        is_given: Whether the importer fills it in, too, where the researcher leaves it blank.
    """

    name: str
    level: Level
    kind: Kind
    meaning: str
    example: str = ""
    is_required: bool = False
    width: int = 16
    choices: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    needed_by: tuple[str, ...] = ()
    is_rare: bool = False
    is_given: bool = False

    @property
    def is_written(self) -> bool:
        """Whether the importer writes into it."""
        return self.is_given or self.level is Level.IMPORTER


@dataclass(frozen=True)
class SheetContract:
    """One sheet: its name, its columns in template order, what it is for, and the column that names a row."""

    name: str
    columns: tuple[Column, ...]
    meaning: str
    key: str

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns, keyed by header."""
        return {column.name: column for column in self.columns}

    @cached_property
    def by_key(self) -> dict[str, Column]:
        """The columns, keyed by the form in which headers are compared."""
        return {header_key(column.name): column for column in self.columns}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The headers in template order."""
        return tuple(column.name for column in self.columns)


INSTRUCTIONS: Final = SheetContract(
    name="Instructions",
    key="ref",
    meaning="One row per instruction and option. An instruction with three options takes three rows.",
    columns=(
        Column(
            "batch",
            Level.INSTRUCTION,
            Kind.WORD,
            "Which batch the instruction belongs to: the short name from the Batches sheet. "
            "Needed only if the workbook holds several batches.",
            "wave1",
            width=12,
        ),
        Column(
            "ref",
            Level.INSTRUCTION,
            Kind.WORD,
            "Your own short name for the instruction, repeated on each of its rows. "
            "Start it with # to leave the row out.",
            "Q1",
            is_required=True,
            width=10,
        ),
        Column(
            "type",
            Level.INSTRUCTION,
            Kind.WORD,
            "What participants do: choose (multiple_choice), write (free_text), choose under headings and write "
            "(multiple_choice_with_free_text), write a quantity (free_text_with_unit), send files (file_upload); "
            "or what they see: rich_text, image, dataset_field.",
            "multiple_choice",
            is_required=True,
            width=31,
            choices=ITEM_TYPES,
        ),
        Column(
            "description",
            Level.INSTRUCTION,
            Kind.TEXT,
            "The question or prompt that participants see.",
            "Which response is more accurate?",
            is_required=True,
            width=48,
            types=tuple(InstructionType),
        ),
        Column(
            "answer_limit",
            Level.INSTRUCTION,
            Kind.LIMIT,
            "How many options may be chosen: 1, -1 (or any) for any number, or a number up to the "
            "number of options. Only for multiple_choice and multiple_choice_with_free_text.",
            "1",
            width=14,
            choices=("1", "any"),
            types=CHOICE_TYPES,
        ),
        Column(
            "option_heading",
            Level.OPTION,
            Kind.WORD,
            "The heading that the option stands under; several options may share one. Required for "
            "multiple_choice_with_free_text, blank otherwise.",
            "Accuracy",
            width=20,
            types=(InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT,),
        ),
        Column(
            "option_label",
            Level.OPTION,
            Kind.TEXT,
            "The text of the option, or of the unit, that participants see.",
            "Response 1",
            width=28,
            types=OPTION_TYPES,
        ),
        Column(
            "option_value",
            Level.OPTION,
            Kind.WORD,
            "What your data will hold when the option is chosen; different for each option of an instruction.",
            "response1",
            width=20,
            types=OPTION_TYPES,
        ),
        Column(
            "helper_text",
            Level.INSTRUCTION,
            Kind.TEXT,
            "Extra guidance shown below the question.",
            "Two sentences are enough.",
            width=28,
            types=tuple(InstructionType),
        ),
        Column(
            "placeholder_text_input",
            Level.INSTRUCTION,
            Kind.TEXT,
            "Grey text shown in an empty input field.",
            "Type here …",
            width=24,
            types=tuple(InstructionType),
        ),
        Column(
            "disable_dropdown",
            Level.INSTRUCTION,
            Kind.FLAG,
            "yes: always show the options as buttons or boxes. Otherwise five or more options become a drop-down list.",
            "yes",
            width=18,
            choices=("yes", "no"),
            types=CHOICE_TYPES,
        ),
        Column(
            "option_exclusive",
            Level.OPTION,
            Kind.FLAG,
            "yes: whoever chooses the option chooses no other, such as None of the above.",
            "yes",
            width=17,
            choices=("yes", "no"),
            types=CHOICE_TYPES,
            is_rare=True,
        ),
        Column(
            "validation_type",
            Level.ENTRY,
            Kind.CHOICE,
            "What may be written: a number, or a text (string). For free_text_with_unit on the row of each unit.",
            "number",
            width=16,
            choices=("number", "string"),
            types=VALIDATED_TYPES,
            is_rare=True,
        ),
        Column(
            "validation_min",
            Level.ENTRY,
            Kind.NUMBER,
            "The least number that may be written; of a text the least number of characters.",
            "0",
            width=15,
            types=VALIDATED_TYPES,
            is_rare=True,
        ),
        Column(
            "validation_max",
            Level.ENTRY,
            Kind.NUMBER,
            "The greatest number that may be written; of a text the greatest number of characters.",
            "120",
            width=15,
            types=VALIDATED_TYPES,
            is_rare=True,
        ),
        Column(
            "default_unit",
            Level.INSTRUCTION,
            Kind.WORD,
            "The option_value of the unit that is chosen beforehand.",
            "kg",
            width=13,
            types=(InstructionType.FREE_TEXT_WITH_UNIT,),
            is_rare=True,
        ),
        Column(
            "unit_position",
            Level.INSTRUCTION,
            Kind.CHOICE,
            "Where the unit stands: before the number (prefix) or behind it (suffix).",
            "suffix",
            width=14,
            choices=("prefix", "suffix"),
            types=(InstructionType.FREE_TEXT_WITH_UNIT,),
            needed_by=(InstructionType.FREE_TEXT_WITH_UNIT,),
            is_rare=True,
        ),
        Column(
            "accepted_file_types",
            Level.INSTRUCTION,
            Kind.LIST,
            "Which files may be sent: endings with commas between them. Blank: "
            + ", ".join(FILE_TYPES)
            + ".",
            ".pdf, .jpg",
            width=20,
            types=(InstructionType.FILE_UPLOAD,),
            is_rare=True,
        ),
        Column(
            "max_file_size_mb",
            Level.INSTRUCTION,
            Kind.NUMBER,
            f"How large a file may be, in MB. Blank: {MAX_FILE_SIZE_MB}.",
            "10",
            width=17,
            types=(InstructionType.FILE_UPLOAD,),
            is_rare=True,
        ),
        Column(
            "min_file_count",
            Level.INSTRUCTION,
            Kind.COUNT,
            f"How many files must be sent at least. Blank: {MIN_FILE_COUNT}.",
            "1",
            width=15,
            types=(InstructionType.FILE_UPLOAD,),
            is_rare=True,
        ),
        Column(
            "max_file_count",
            Level.INSTRUCTION,
            Kind.COUNT,
            f"How many files may be sent at most. Blank: {MAX_FILE_COUNT}.",
            "3",
            width=15,
            types=(InstructionType.FILE_UPLOAD,),
            is_rare=True,
        ),
        Column(
            "content",
            Level.INSTRUCTION,
            Kind.TEXT,
            "The text that a rich_text shows.",
            "<p>Read the article first.</p>",
            width=40,
            types=(BlockType.RICH_TEXT,),
            needed_by=(BlockType.RICH_TEXT,),
            is_rare=True,
        ),
        Column(
            "content_format",
            Level.INSTRUCTION,
            Kind.CHOICE,
            f"How the content is written. Blank: {CONTENT_FORMAT}.",
            "markdown",
            width=15,
            choices=("html", "markdown"),
            types=(BlockType.RICH_TEXT,),
            is_rare=True,
        ),
        Column(
            "url",
            Level.INSTRUCTION,
            Kind.WORD,
            "The address of the image; it begins with https://.",
            "https://example.org/map.png",
            width=30,
            types=(BlockType.IMAGE,),
            needed_by=(BlockType.IMAGE,),
            is_rare=True,
        ),
        Column(
            "alt_text",
            Level.INSTRUCTION,
            Kind.TEXT,
            "What the image shows, for those who cannot see it.",
            "Map of the town",
            width=24,
            types=(BlockType.IMAGE,),
            needed_by=(BlockType.IMAGE,),
            is_rare=True,
        ),
        Column(
            "caption",
            Level.INSTRUCTION,
            Kind.TEXT,
            "The text below the image.",
            "The town in 1900",
            width=24,
            types=(BlockType.IMAGE,),
            is_rare=True,
        ),
        Column(
            "field",
            Level.INSTRUCTION,
            Kind.WORD,
            "The field of the dataset that a dataset_field shows.",
            "article",
            width=16,
            types=(BlockType.DATASET_FIELD,),
            needed_by=(BlockType.DATASET_FIELD,),
            is_rare=True,
        ),
        Column(
            "page",
            Level.INSTRUCTION,
            Kind.COUNT,
            "The page that the item stands on, from 1; for all items of a batch, or for none. Blank: where it is "
            "now, or a page of its own.",
            "2",
            width=7,
            is_rare=True,
        ),
        Column(
            "row",
            Level.INSTRUCTION,
            Kind.COUNT,
            "The row of the page, from 1. Blank: 1. Items of one place stand one below the other.",
            "1",
            width=7,
            is_rare=True,
        ),
        Column(
            "column",
            Level.INSTRUCTION,
            Kind.CHOICE,
            "The column of the row: 1, or 2 if there are two side by side. Blank: 1.",
            "1",
            width=8,
            choices=("1", "2"),
            is_rare=True,
        ),
        Column("notes", Level.RESEARCHER, Kind.FREE, "Your own notes; never sent.", "ask Mia", width=24),
        Column(
            "instruction_id",
            Level.IMPORTER,
            Kind.UUID,
            "Prolific's id of the instruction. The importer fills it in; blank means new.",
            "0192041c-470f-7336-8e3d-e03fc086a4e1",
            width=38,
        ),
        Column(
            "status",
            Level.IMPORTER,
            Kind.FREE,
            "What the last push that changed the instruction did, and when. The importer fills it in.",
            "created 2026-11-22 10:31 UTC",
            width=30,
        ),
    ),
)

BATCHES: Final = SheetContract(
    name="Batches",
    key="batch",
    meaning="One row per batch. A blank cell means: leave what Prolific has.",
    columns=(
        Column(
            "batch",
            Level.BATCH,
            Kind.WORD,
            "Your own short name for the batch. May be blank if there is only one row.",
            "wave1",
            width=12,
        ),
        Column(
            "batch_id",
            Level.BATCH,
            Kind.UUID,
            "Prolific's id of the batch, from its address in the Prolific app or from the API. Leave it blank, and "
            "give a workspace_id, to have importer setup make the batch.",
            "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11",
            is_required=True,
            width=38,
            is_given=True,
        ),
        Column(
            "workspace_id",
            Level.BATCH,
            Kind.SHORT_ID,
            "The workspace in which importer setup makes the batch, from its address in the Prolific app. "
            "Needed only if batch_id is blank.",
            "6655b8281cc82a88996f0bbb",
            width=27,
        ),
        Column("name", Level.BATCH, Kind.TEXT, "The name of the batch.", "Accuracy, wave 1", width=28),
        Column(
            "task_name", Level.BATCH, Kind.TEXT, "The name of the task.", "Compare two responses", width=28
        ),
        Column(
            "task_introduction",
            Level.BATCH,
            Kind.TEXT,
            "What participants read first; basic HTML is allowed.",
            "<p>Thank you for taking part.</p>",
            width=40,
        ),
        Column(
            "task_steps",
            Level.BATCH,
            Kind.TEXT,
            "The steps of the task; basic HTML is allowed.",
            "<ol><li>Read both.</li><li>Choose.</li></ol>",
            width=40,
        ),
        Column(
            "dataset_id",
            Level.BATCH,
            Kind.UUID,
            "Prolific's id of the dataset that the batch uses.",
            "019a0f6e-2b7a-7d0e-9f55-6c1a2b3c4d5e",
            width=38,
        ),
        Column(
            "dataset",
            Level.BATCH,
            Kind.WORD,
            "Instead of dataset_id: the short name of a dataset from the sheet Datasets.",
            "pairs",
            width=12,
        ),
        Column("notes", Level.RESEARCHER, Kind.FREE, "Your own notes; never sent.", "ask Mia", width=24),
        Column(
            "status",
            Level.IMPORTER,
            Kind.FREE,
            "What the last push that changed the batch's own details did, and when. The importer fills it in.",
            "updated 2026-11-22 10:31 UTC",
            width=30,
        ),
    ),
)

#: What a participant may take part with.
DEVICES: Final = ("desktop", "tablet", "mobile")

DATASETS: Final = SheetContract(
    name="Datasets",
    key="dataset",
    meaning="One row per dataset that importer setup makes from a CSV file. Leave the sheet out if you need none.",
    columns=(
        Column(
            "dataset",
            Level.DATASET,
            Kind.WORD,
            "Your own short name for the dataset; the sheet Batches names it.",
            "pairs",
            is_required=True,
            width=12,
        ),
        Column(
            "file",
            Level.DATASET,
            Kind.WORD,
            "The CSV file to upload, in the folder of the workbook or in one below it.",
            "pairs.csv",
            is_required=True,
            width=28,
        ),
        Column(
            "name",
            Level.DATASET,
            Kind.TEXT,
            "The name of the dataset on Prolific.",
            "Pairs, wave 1",
            width=28,
        ),
        Column(
            "workspace_id",
            Level.DATASET,
            Kind.SHORT_ID,
            "The workspace in which importer setup makes the dataset.",
            "6655b8281cc82a88996f0bbb",
            width=27,
        ),
        Column("notes", Level.RESEARCHER, Kind.FREE, "Your own notes; never sent.", "ask Mia", width=24),
        Column(
            "dataset_id",
            Level.IMPORTER,
            Kind.UUID,
            "Prolific's id of the dataset. The importer fills it in; blank means new.",
            "019a0f6e-2b7a-7d0e-9f55-6c1a2b3c4d5e",
            width=38,
        ),
        Column(
            "status",
            Level.IMPORTER,
            Kind.FREE,
            "What importer setup did, and when. The importer fills it in.",
            "created 2026-11-22 10:31 UTC",
            width=30,
        ),
    ),
)

STUDIES: Final = SheetContract(
    name="Studies",
    key="study",
    meaning="One row per draft of a study that importer setup makes from a batch. It never publishes one; that is yours.",
    columns=(
        Column(
            "study",
            Level.STUDY,
            Kind.WORD,
            "Your own short name for the study. May be blank if there is only one row.",
            "wave1",
            width=12,
        ),
        Column(
            "batch",
            Level.STUDY,
            Kind.WORD,
            "The batch that participants work on: its short name from the Batches sheet. "
            "May be blank if there is only one.",
            "wave1",
            width=12,
        ),
        Column(
            "name",
            Level.STUDY,
            Kind.TEXT,
            "The name of the study that participants see.",
            "Compare two responses",
            is_required=True,
            width=28,
        ),
        Column(
            "internal_name",
            Level.STUDY,
            Kind.TEXT,
            "A name that only you see.",
            "Accuracy, wave 1",
            width=24,
        ),
        Column(
            "description",
            Level.STUDY,
            Kind.TEXT,
            "What participants read before they take part; basic HTML is allowed.",
            "<p>Compare pairs of answers.</p>",
            is_required=True,
            width=40,
        ),
        Column(
            "reward",
            Level.STUDY,
            Kind.COUNT,
            "What a participant is paid, in pence or cents: 200 is £2.00 or $2.00.",
            "200",
            is_required=True,
            width=10,
        ),
        Column(
            "estimated_completion_time",
            Level.STUDY,
            Kind.COUNT,
            "How long it takes, in minutes.",
            "5",
            is_required=True,
            width=27,
        ),
        Column(
            "annotators_per_task",
            Level.STUDY,
            Kind.COUNT,
            "How many participants do each task; 1 if blank.",
            "3",
            width=21,
        ),
        Column(
            "total_available_places",
            Level.STUDY,
            Kind.COUNT,
            "How many participants may take part. If blank, Prolific counts: groups of tasks times annotators_per_task.",
            "30",
            width=23,
        ),
        Column(
            "tasks_per_group",
            Level.STUDY,
            Kind.COUNT,
            "How many tasks each participant gets; 1 if blank. It is settled when the batch is set up.",
            "10",
            width=17,
        ),
        Column(
            "device_compatibility",
            Level.STUDY,
            Kind.DEVICES,
            "The devices that participants may use, with commas between: desktop, tablet, mobile. All if blank.",
            "desktop, tablet",
            width=24,
        ),
        Column(
            "project",
            Level.STUDY,
            Kind.SHORT_ID,
            "The project that the study belongs to, from its address in the Prolific app; it decides what balance pays.",
            "6655b8281cc82a88996f0ccc",
            width=27,
        ),
        Column("notes", Level.RESEARCHER, Kind.FREE, "Your own notes; never sent.", "ask Mia", width=24),
        Column(
            "study_id",
            Level.IMPORTER,
            Kind.SHORT_ID,
            "Prolific's id of the study. The importer fills it in; blank means new. What has an id is left alone.",
            "6655b8281cc82a88996f0ddd",
            width=27,
        ),
        Column(
            "status",
            Level.IMPORTER,
            Kind.FREE,
            "What importer setup did, and when. The importer fills it in.",
            "created 2026-11-22 10:31 UTC",
            width=30,
        ),
    ),
)

SHEETS: Final = (INSTRUCTIONS, BATCHES)
#: Sheets that only `importer setup` needs, and most workbooks do without.
SETUP_SHEETS: Final = (DATASETS, STUDIES)
HELP_SHEET: Final = "Help"

TASK_DETAILS: Final = ("task_name", "task_introduction", "task_steps")
#: What a row must have that `importer setup` is to make, by sheet.
NEEDED_IF_NEW: Final = {
    BATCHES.name: ("name", *TASK_DETAILS),
    DATASETS.name: ("file", "workspace_id"),
    STUDIES.name: ("name", "description", "reward", "estimated_completion_time"),
}

#: Rows whose ref starts with this are the researcher's own.
COMMENT_MARK: Final = "#"
