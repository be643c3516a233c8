"""
The rules: which cell breaks what, for each column of the two sheets.

A rule looks at all rows at once and marks the guilty cell's row. It says nothing where another
problem is the root: an unknown type silences what depends on the type, a missing option the limit.
Of the rules that one cell breaks, the first is reported.

Source: "Update Batch Instructions" and "Update a Batch" for required fields and limits; unique
option values are documented nowhere, but with two alike the answers could not be told apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

import pandas as pd

from importer.contract import (
    CHOICE_TYPES,
    HTTPS,
    INSTRUCTIONS,
    ITEM_TYPES,
    MAX_FILE_COUNT,
    MIN_UNITS,
    OPTION_TYPES,
    OTHER_TYPES,
    BlockType,
    Column,
    InstructionType,
    Kind,
    Level,
)
from importer.problems import did_you_mean
from importer.validator.facts import (
    NONE,
    OPTION_COLUMNS,
    BatchFacts,
    InstructionFacts,
    SheetFacts,
    earlier,
    normal,
)

F = TypeVar("F", bound=SheetFacts)

_HEADED: Final = InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT
_WITH_UNIT: Final = InstructionType.FREE_TEXT_WITH_UNIT


def _no_values(facts: SheetFacts, index: int) -> Mapping[str, object]:
    del facts, index
    return {}


@dataclass(frozen=True, slots=True)
class Rule(Generic[F]):
    """
    One rule of one column.

    Attributes:
        code: The catalogue code of what breaks it.
        column: The column of the guilty cell.
        find: For each row whether it breaks the rule; where two cells are in conflict, instead
            the row of the other one, NONE if there is no conflict.
        names_other: Whether *find* gives the row of the other cell.
        types: The types that may break it; unless one of them is there, nobody looks. Empty for all.
        values: What the wording needs beyond what every wording gets, for one row.
    """

    code: str
    column: str
    find: Callable[[F], pd.Series[bool] | pd.Series[int]]
    names_other: bool = False
    types: tuple[str, ...] = ()
    values: Callable[[F, int], Mapping[str, object]] = _no_values

    def holds(self, facts: F) -> pd.Series[bool]:
        """Whether each row keeps the rule."""
        found = self.find(facts)
        return found == NONE if self.names_other else ~found.astype(bool)


# ------------------------------------------------------------------ instructions
def _type_is_unsupported(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.leads("type") & facts.data["type"].isin(OTHER_TYPES)


def _type_is_unknown(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.leads("type") & ~facts.data["type"].isin([*ITEM_TYPES, *OTHER_TYPES])


def _types(facts: InstructionFacts, index: int) -> Mapping[str, object]:
    return {
        "allowed": ", ".join(ITEM_TYPES),
        "hint": did_you_mean(facts.text(index, "type"), ITEM_TYPES),
    }


def _description_is_missing(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.lacks("description") & ~facts.has_type(*BlockType)


def _option_is_empty(facts: InstructionFacts) -> pd.Series[bool]:
    # The row with the type may do without: some give the instruction a row of its own.
    return facts.keyed & (facts.type != "") & ~facts.leads("type") & ~facts.is_option


def _ref_is_split(facts: InstructionFacts) -> pd.Series[bool]:
    blocks = facts.block[facts.keyed]
    return (blocks.duplicated() & (blocks != blocks.shift())).reindex(facts.block.index, fill_value=False)


def _is_malformed(facts: InstructionFacts, column: str) -> pd.Series[bool]:
    return facts.leads(column) & facts.malformed(column)


def _is_not_for_type(facts: InstructionFacts, column: Column) -> pd.Series[bool]:
    """Whether the cell is not for its item's type; of options each one, of all else the first."""
    if column.level is Level.OPTION:
        return facts.filled(column.name) & facts.takes_options & ~facts.has_type(*column.types)
    return facts.leads(column.name) & (facts.type != "") & ~facts.has_type(*column.types)


def _limit_is_missing(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.lacks("answer_limit") & facts.is_choice


def _limit_is_too_high(facts: InstructionFacts) -> pd.Series[bool]:
    judged = facts.leads("answer_limit") & ~facts.malformed("answer_limit")
    judged &= facts.is_choice & (facts.option_count > 0)
    limits = facts.normal("answer_limit").where(judged, "-1").map(int)
    return limits > facts.option_count


def _limit(facts: InstructionFacts, index: int) -> Mapping[str, object]:
    count = int(facts.option_count[index])
    return {"type": facts.type[index], "count": count or "the number of options"}


def _type(facts: InstructionFacts, index: int) -> Mapping[str, object]:
    return {"type": facts.type[index]}


def _has_no_option(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.head & facts.is_choice & (facts.option_count == 0)


def _option_lacks(facts: InstructionFacts, column: str) -> pd.Series[bool]:
    lacking = facts.takes_options & facts.is_option & ~facts.filled(column)
    without = facts.head & facts.takes_options & (facts.option_count == 0)
    return lacking | (without & ~facts.has_column(column))


def _heading_is_missing(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.has_type(_HEADED) & _option_lacks(facts, "option_heading")


def _is_out_of_place(facts: InstructionFacts, column: str) -> pd.Series[bool]:
    """Whether the cell is the first of a row's cells of an option that its type does not take."""
    found = (facts.type != "") & ~facts.takes_options & facts.filled(column)
    for earlier_column in OPTION_COLUMNS[: OPTION_COLUMNS.index(column)]:
        found &= ~facts.filled(earlier_column)
    return found


def _same_value(facts: InstructionFacts) -> pd.Series[int]:
    among = facts.takes_options & facts.filled("option_value")
    return earlier(among, facts.block, facts.normal("option_value"))


def _same_label(facts: InstructionFacts) -> pd.Series[int]:
    # Under another heading the same label is another option: "Good" under Accuracy and Clarity.
    among = facts.takes_options & facts.filled("option_label") & (_same_value(facts) == NONE)
    return earlier(among, facts.block, facts.normal("option_heading"), facts.normal("option_label"))


def _same_id(facts: InstructionFacts) -> pd.Series[int]:
    among = facts.leads("instruction_id") & ~facts.malformed("instruction_id")
    others = earlier(among, facts.book, facts.normal("instruction_id"))
    # A batch that stands in two places is one problem, not one for each of its ids.
    theirs = facts.batch_id.reindex(others).set_axis(others.index)
    homes = facts.home.reindex(others).set_axis(others.index)
    is_twin = (theirs == facts.batch_id) & (facts.batch_id != "") & (homes != facts.home)
    return others.mask(is_twin, NONE)


def _differs(facts: InstructionFacts, column: str) -> pd.Series[int]:
    """Return the row of the instruction's own cell where a later one of its block says otherwise."""
    first = facts.first(column)
    kind = facts.contract.by_name[column].kind
    later = facts.keyed & facts.filled(column) & (first != facts.data.index)
    texts = facts.data.loc[later, column]
    firsts = facts.data[column].reindex(first[later]).set_axis(texts.index)
    unlike = texts.map(lambda text: normal(text, kind)) != firsts.map(lambda text: normal(text, kind))
    return first[later][unlike].reindex(first.index, fill_value=NONE)


def _batch_is_unknown(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.head & facts.in_sheet & (facts.data["batch"] != "") & (facts.home == NONE)


def _batch_values(facts: InstructionFacts, index: int) -> Mapping[str, object]:
    batches = facts.batches
    here = batches.data.loc[batches.book == facts.book[index], "batch"].tolist()
    names = [name for name in dict.fromkeys(here) if name]
    allowed = ", ".join(names) or "a blank cell"
    hint = did_you_mean(facts.text(index, "batch"), names)
    return {"what": "instruction", "allowed": allowed, "hint": hint, "todo": f"Use one of: {allowed}."}


# ------------------------------------------------------------------ rare columns
def _is_missing(facts: InstructionFacts, column: Column) -> pd.Series[bool]:
    return facts.lacks(column.name) & facts.has_type(*column.needed_by)


def _has_few_units(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.head & facts.has_type(_WITH_UNIT) & (facts.option_count < MIN_UNITS)


def _default_is_no_unit(facts: InstructionFacts) -> pd.Series[bool]:
    units = set(zip(facts.block, facts.normal("option_value"), strict=True))
    wanted = zip(facts.block, facts.normal("default_unit"), strict=True)
    is_unit = pd.Series([one in units for one in wanted], facts.data.index)
    return facts.leads("default_unit") & facts.has_type(_WITH_UNIT) & (facts.option_count > 0) & ~is_unit


def _word_is_unknown(facts: InstructionFacts, column: Column) -> pd.Series[bool]:
    rows = facts.filled(column.name) if column.level is Level.ENTRY else facts.leads(column.name)
    return rows & facts.malformed(column.name)


def _words(facts: InstructionFacts, index: int, column: Column) -> Mapping[str, object]:
    hint = did_you_mean(facts.text(index, column.name), column.choices)
    return {"allowed": ", ".join(column.choices), "hint": hint}


def _rule_has_no_type(facts: InstructionFacts) -> pd.Series[bool]:
    bounds = facts.filled("validation_min") | facts.filled("validation_max")
    return bounds & ~facts.filled("validation_type") & facts.has_type(*_columns["validation_type"].types)


def _is_no_length(facts: InstructionFacts, column: str) -> pd.Series[bool]:
    bound = facts.number(column)
    return (facts.normal("validation_type") == "string") & bound.notna() & ((bound < 0) | (bound % 1 != 0))


def _validation_is_reversed(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.number("validation_min") > facts.number("validation_max")


def _validation_max(facts: InstructionFacts, index: int) -> Mapping[str, object]:
    return {"other": "validation_max", "most": facts.text(index, "validation_max")}


def _most_files(facts: InstructionFacts) -> pd.Series[float]:
    most = facts.number("max_file_count").reindex(facts.first("max_file_count")).set_axis(facts.data.index)
    is_unreadable = (facts.first("max_file_count") != NONE) & most.isna()
    return most.fillna(MAX_FILE_COUNT).mask(is_unreadable)


def _files_are_reversed(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.leads("min_file_count") & (facts.number("min_file_count") > _most_files(facts))


def _max_file_count(facts: InstructionFacts, index: int) -> Mapping[str, object]:
    return {"other": "max_file_count", "most": int(_most_files(facts)[index])}


def _is_no_size(facts: InstructionFacts) -> pd.Series[bool]:
    size = facts.number("max_file_size_mb")
    return facts.leads("max_file_size_mb") & ~(size > 0)


def _is_no_address(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.leads("url") & ~facts.data["url"].map(lambda text: _ADDRESS.fullmatch(text) is not None)


def _excludes_nothing(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.is_exclusive & (facts.own("answer_limit") == "1")


def _excludes_all(facts: InstructionFacts) -> pd.Series[bool]:
    blocks = facts.block[facts.is_exclusive]
    firsts = blocks[~blocks.duplicated()]
    are_all = firsts.map(blocks.value_counts()) == facts.option_count[firsts.index]
    return are_all.reindex(facts.data.index, fill_value=False)


def _page_is_missing(facts: InstructionFacts) -> pd.Series[bool]:
    """Whether an item has no page, though others of its batch have, or though it has a row or column."""
    batches = pd.Series(list(zip(facts.book, facts.normal("batch"), strict=True)), facts.data.index)
    has_pages = batches.isin(set(batches[facts.leads("page")]))
    is_placed = (facts.first("row") != NONE) | (facts.first("column") != NONE)
    return facts.lacks("page") & (has_pages | is_placed)


def _same_field(facts: InstructionFacts) -> pd.Series[int]:
    among = facts.leads("field") & facts.has_type(BlockType.DATASET_FIELD) & (facts.own("page") != "")
    return earlier(among, facts.book, facts.normal("batch"), facts.own("page"), facts.normal("field"))


_ADDRESS: Final = re.compile(HTTPS)
_columns: Final = INSTRUCTIONS.by_name


def _for_types(column: Column) -> Rule[InstructionFacts]:
    others = tuple(kind for kind in ITEM_TYPES if kind not in column.types)
    find = partial(_is_not_for_type, column=column)
    return Rule("cell-not-for-type", column.name, find, types=others, values=_type)


def _malformed(code: str, name: str) -> Rule[InstructionFacts]:
    return Rule(code, name, partial(_is_malformed, column=name))


def _unknown_word(name: str) -> Rule[InstructionFacts]:
    column = _columns[name]
    return Rule(
        "word-unknown", name, partial(_word_is_unknown, column=column), values=partial(_words, column=column)
    )


def _length(name: str) -> Rule[InstructionFacts]:
    return Rule("length-invalid", name, partial(_is_no_length, column=name))


#: Of the rules that one cell breaks the first is reported, so a rule comes after those it builds on.
INSTRUCTION_RULES: Final[tuple[Rule[InstructionFacts], ...]] = (
    Rule("batch-ref-missing", "batch", lambda f: f.in_several & f.lacks("batch"), values=_batch_values),
    Rule("batch-unknown", "batch", _batch_is_unknown, values=_batch_values),
    Rule("option-empty", "ref", _option_is_empty),
    Rule("ref-split", "ref", _ref_is_split),
    Rule("type-missing", "type", lambda f: f.lacks("type"), values=_types),
    Rule("type-unsupported", "type", _type_is_unsupported, types=OTHER_TYPES, values=_types),
    Rule("type-unknown", "type", _type_is_unknown, values=_types),
    Rule("description-missing", "description", _description_is_missing),
    *(
        Rule("option-not-for-type", name, partial(_is_out_of_place, column=name), values=_type)
        for name in OPTION_COLUMNS
    ),
    *(
        _for_types(column)
        for column in INSTRUCTIONS.columns
        if column.types and column.name not in ("option_label", "option_value")
    ),
    *(
        Rule(
            "cell-missing",
            column.name,
            partial(_is_missing, column=column),
            types=column.needed_by,
            values=_type,
        )
        for column in INSTRUCTIONS.columns
        if column.needed_by
    ),
    Rule("answer-limit-missing", "answer_limit", _limit_is_missing, types=CHOICE_TYPES, values=_limit),
    Rule(
        "answer-limit-invalid", "answer_limit", partial(_is_malformed, column="answer_limit"), values=_limit
    ),
    Rule("answer-limit-too-high", "answer_limit", _limit_is_too_high, types=CHOICE_TYPES, values=_limit),
    Rule("heading-missing", "option_heading", _heading_is_missing, types=(_HEADED,)),
    Rule("options-missing", "option_label", _has_no_option, types=CHOICE_TYPES, values=_type),
    Rule("units-too-few", "option_label", _has_few_units, types=(_WITH_UNIT,), values=_type),
    Rule("label-missing", "option_label", partial(_option_lacks, column="option_label"), types=OPTION_TYPES),
    Rule("label-twice", "option_label", _same_label, names_other=True, types=OPTION_TYPES),
    Rule("value-missing", "option_value", partial(_option_lacks, column="option_value"), types=OPTION_TYPES),
    Rule("value-twice", "option_value", _same_value, names_other=True, types=OPTION_TYPES),
    _malformed("flag-invalid", "disable_dropdown"),
    Rule("flag-invalid", "option_exclusive", lambda f: f.malformed("option_exclusive")),
    Rule("exclusive-of-one", "option_exclusive", _excludes_nothing, types=CHOICE_TYPES),
    Rule("exclusive-of-all", "option_exclusive", _excludes_all, types=CHOICE_TYPES),
    _unknown_word("validation_type"),
    Rule(
        "validation-type-missing",
        "validation_type",
        _rule_has_no_type,
        values=partial(_words, column=_columns["validation_type"]),
    ),
    Rule("number-invalid", "validation_min", lambda f: f.malformed("validation_min")),
    Rule("number-invalid", "validation_max", lambda f: f.malformed("validation_max")),
    _length("validation_min"),
    _length("validation_max"),
    Rule("range-reversed", "validation_min", _validation_is_reversed, values=_validation_max),
    Rule("unit-unknown", "default_unit", _default_is_no_unit, types=(_WITH_UNIT,)),
    _unknown_word("unit_position"),
    _malformed("file-type-invalid", "accepted_file_types"),
    Rule("file-size-invalid", "max_file_size_mb", _is_no_size),
    _malformed("count-invalid", "min_file_count"),
    _malformed("count-invalid", "max_file_count"),
    Rule("range-reversed", "min_file_count", _files_are_reversed, values=_max_file_count),
    _unknown_word("content_format"),
    Rule("address-invalid", "url", _is_no_address),
    Rule("field-twice", "field", _same_field, names_other=True, types=(BlockType.DATASET_FIELD,)),
    Rule("page-missing", "page", _page_is_missing),
    _malformed("count-invalid", "page"),
    _malformed("count-invalid", "row"),
    _unknown_word("column"),
    _malformed("id-malformed", "instruction_id"),
    Rule("id-twice", "instruction_id", _same_id, names_other=True),
    *(
        Rule("cells-differ", column.name, partial(_differs, column=column.name), names_other=True)
        for column in INSTRUCTIONS.columns
        if column.level in (Level.INSTRUCTION, Level.IMPORTER)
        and column.kind is not Kind.FREE
        and column.name not in ("batch", "ref")
    ),
)


# ------------------------------------------------------------------ batches
def _names_several(facts: BatchFacts, book: int) -> bool:
    return len(facts.named_in(book) - {""}) > 1


def _is_not_named(facts: BatchFacts) -> pd.Series[bool]:
    several = facts.book.map(lambda book: _names_several(facts, book)).astype(bool)
    return ~facts.is_placed & ((facts.batch_id == "") | several)


def _not_named(facts: BatchFacts, index: int) -> Mapping[str, object]:
    if _names_several(facts, facts.book[index]):
        return {
            "what": "each instruction is",
            "todo": "Add the sheet Batches, with one row for each batch (see importer template).",
        }
    return {
        "what": "this workbook is",
        "todo": "Give --batch ID, or add the sheet Batches (see importer template).",
    }


def _has_no_id(facts: BatchFacts) -> pd.Series[bool]:
    return (
        facts.is_placed & (facts.batch_id == "") & ~facts.filled("batch_id") & ~facts.filled("workspace_id")
    )


def _batch_is_empty(facts: BatchFacts) -> pd.Series[bool]:
    """Whether no instruction belongs to the batch, in a workbook whose instructions all belong somewhere."""
    named = [facts.named_in(book) for book in range(len(facts.frames))]
    settled = [
        book for book, names in enumerate(named) if names and all((book, n) in facts.numbers for n in names)
    ]
    used = {facts.numbers[book, name] for book in settled for name in named[book]}
    judged = facts.is_placed & facts.book.isin(settled) & (facts.twin == NONE)
    return judged & ~(facts.is_one_of_several & ~facts.filled("batch")) & ~facts.data.index.isin(used)


def _row_must_name(facts: BatchFacts, index: int) -> Mapping[str, object]:
    del facts, index
    return {"what": "row of Batches", "todo": "Give it a short name."}


def _id(facts: BatchFacts, index: int) -> Mapping[str, object]:
    return {"shown": facts.batch_id[index]}


def _same_batch(facts: BatchFacts) -> pd.Series[int]:
    return earlier((facts.batch_id != "") & ~facts.malformed("batch_id"), facts.book, facts.batch_id)


BATCH_RULES: Final[tuple[Rule[BatchFacts], ...]] = (
    Rule(
        "batch-ref-missing",
        "batch",
        lambda f: f.is_placed & f.is_one_of_several & ~f.filled("batch"),
        values=_row_must_name,
    ),
    Rule("batch-ref-twice", "batch", lambda f: f.twin, names_other=True),
    Rule("batch-not-named", "batch_id", _is_not_named, values=_not_named),
    Rule("batch-id-missing", "batch_id", _has_no_id),
    Rule("id-malformed", "batch_id", lambda f: f.malformed("batch_id")),
    Rule("batch-twice", "batch_id", _same_batch, names_other=True, values=_id),
    Rule("batch-without-instructions", "batch_id", _batch_is_empty),
    Rule("id-malformed", "dataset_id", lambda f: f.malformed("dataset_id")),
)
