"""
The rules: which cell breaks what, for each column of the two sheets.

A rule names the rows of the guilty cells. It says nothing where another problem is the root: an unknown type silences what depends on the type, a missing option the limit.
Of the rules that one cell breaks, the first is reported.

Source: "Update Batch Instructions" and "Update a Batch" for required fields and limits; unique
option values are documented nowhere, but with two alike the answers could not be told apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

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
)

F = TypeVar("F", bound=SheetFacts)

_HEADED: Final = InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT
_WITH_UNIT: Final = InstructionType.FREE_TEXT_WITH_UNIT
_WITHOUT_OPTIONS: Final = tuple(kind for kind in ITEM_TYPES if kind not in OPTION_TYPES)


def _no_values(facts: SheetFacts, row: int) -> Mapping[str, object]:
    del facts, row
    return {}


@dataclass(frozen=True, slots=True)
class Rule(Generic[F]):
    """
    One rule of one column.

    Attributes:
        code: The catalogue code of what breaks it.
        column: The column of the guilty cell.
        find: The rows that break it; where two cells are in conflict, by the row of the guilty one
            that of the other.
        types: The types that may break it; unless one of them is there, nobody looks. Empty for all.
        is_of_blank: Whether a blank cell may break it; else nobody looks at a column that holds nothing.
        values: What the wording needs beyond what every wording gets, for one row.
    """

    code: str
    column: str
    find: Callable[[F], Iterable[int] | Mapping[int, int]]
    types: tuple[str, ...] = ()
    is_of_blank: bool = False
    values: Callable[[F, int], Mapping[str, object]] = _no_values

    def broken(self, facts: F) -> Mapping[int, int]:
        """Return the rows that break it, each with the row of the other cell; NONE where there is no other."""
        if not self.is_of_blank and self.column not in facts.filled_columns:
            return {}
        if self.types and facts.types.isdisjoint(self.types):
            return {}
        found = self.find(facts)
        return found if isinstance(found, Mapping) else dict.fromkeys(found, NONE)


# ------------------------------------------------------------------ instructions
def _type_is_unsupported(facts: InstructionFacts) -> Iterable[int]:
    return [row for row in facts.leads("type") if facts.text(row, "type") in OTHER_TYPES]


def _type_is_unknown(facts: InstructionFacts) -> Iterable[int]:
    return [row for row in facts.leads("type") if facts.text(row, "type") not in (*ITEM_TYPES, *OTHER_TYPES)]


def _types(facts: InstructionFacts, row: int) -> Mapping[str, object]:
    return {
        "allowed": ", ".join(ITEM_TYPES),
        "hint": did_you_mean(facts.text(row, "type"), ITEM_TYPES),
    }


def _batch_ref_is_missing(facts: InstructionFacts) -> Iterable[int]:
    return facts.lacks("batch") if facts.batches.is_several else ()


def _description_is_missing(facts: InstructionFacts) -> Iterable[int]:
    return [row for row in facts.lacks("description") if facts.type[row] not in tuple(BlockType)]


def _option_is_empty(facts: InstructionFacts) -> Iterable[int]:
    # The row with the type may do without: some give the instruction a row of its own.
    others = set(facts.rows).difference(facts.options, facts.leads("type"))
    return [row for row in sorted(others) if facts.type[row]]


def _ref_is_split(facts: InstructionFacts) -> Iterable[int]:
    if facts.block == sorted(facts.block):
        return
    above, last = NONE, NONE
    for row, block in enumerate(facts.block):
        if block != NONE:
            if block != above and block <= last:
                yield row
            above, last = block, max(block, last)


def _is_malformed(facts: InstructionFacts, column: str) -> Iterable[int]:
    malformed = facts.malformed(column)
    return [row for row in facts.leads(column) if row in malformed] if malformed else ()


def _is_not_for_type(facts: InstructionFacts, column: Column) -> Iterable[int]:
    """Find cells that are not for their item's type; of options each one, of all else the first."""
    if column.level is Level.OPTION:
        rows, types = facts.filled(column.name), OPTION_TYPES
    else:
        rows, types = facts.leads(column.name), ITEM_TYPES
    return facts.of_type(rows, *(one for one in types if one not in column.types))


def _limit_is_missing(facts: InstructionFacts) -> Iterable[int]:
    return facts.of_type(facts.lacks("answer_limit"), *CHOICE_TYPES)


def _limit_is_too_high(facts: InstructionFacts) -> Iterable[int]:
    limits = facts.normal("answer_limit")
    malformed = facts.malformed("answer_limit")
    for row in facts.of_type(facts.leads("answer_limit"), *CHOICE_TYPES):
        count = facts.option_count[facts.block[row]]
        if limits[row] and row not in malformed and 0 < count < int(limits[row]):
            yield row


def _limit(facts: InstructionFacts, row: int) -> Mapping[str, object]:
    count = facts.option_count[facts.block[row]]
    return {"type": facts.type[row], "count": count or "the number of options"}


def _type(facts: InstructionFacts, row: int) -> Mapping[str, object]:
    return {"type": facts.type[row]}


def _has_no_option(facts: InstructionFacts) -> Iterable[int]:
    return [row for row in facts.of_type(facts.heads, *CHOICE_TYPES) if facts.has_no_option(row)]


def _option_lacks(facts: InstructionFacts, column: str) -> Iterable[int]:
    if not facts.has_column(column):
        without = filter(facts.has_no_option, facts.of_type(facts.heads, *OPTION_TYPES))
        return sorted({*facts.taken_options, *without})
    blank = {*facts.blank(column)}
    return [row for row in facts.taken_options if row in blank] if blank else ()


def _heading_is_missing(facts: InstructionFacts) -> Iterable[int]:
    return facts.of_type(_option_lacks(facts, "option_heading"), _HEADED)


def _is_out_of_place(facts: InstructionFacts, column: str) -> Iterable[int]:
    """Find the first of a row's cells of an option that its type does not take."""
    before = OPTION_COLUMNS[: OPTION_COLUMNS.index(column)]
    for row in facts.of_type(facts.filled(column), *_WITHOUT_OPTIONS):
        if not any(facts.is_filled(row, name) for name in before):
            yield row


def _same_label(facts: InstructionFacts) -> Mapping[int, int]:
    # Under another heading the same label is another option: "Good" under Accuracy and Clarity.
    labelled = facts.of_type(facts.filled("option_label"), *OPTION_TYPES)
    among = [row for row in labelled if row not in facts.same_value]
    return earlier(among, facts.block, facts.normal("option_heading"), facts.normal("option_label"))


def _same_id(facts: InstructionFacts) -> Mapping[int, int]:
    malformed = facts.malformed("instruction_id")
    among = [row for row in facts.leads("instruction_id") if row not in malformed]
    found = earlier(among, facts.normal("instruction_id"))
    return {row: other for row, other in found.items() if not _are_twins(facts, row, other)}


def _are_twins(facts: InstructionFacts, row: int, other: int) -> bool:
    """Whether two rows belong to one batch that stands in two places: one problem, not one for each of its ids."""
    batch_id = facts.batch_id[row]
    return batch_id != "" and batch_id == facts.batch_id[other] and facts.home[row] != facts.home[other]


def _differs(facts: InstructionFacts, column: str) -> Mapping[int, int]:
    """Find what says otherwise than its instruction's own cell, which stands above."""
    if len(facts.filled(column)) == len(facts.leads(column)):
        return {}
    texts = facts.normal(column)
    firsts = ((row, facts.first(column, row)) for row in facts.filled(column))
    return {row: first for row, first in firsts if first not in (NONE, row) and texts[row] != texts[first]}


def _batch_is_unknown(facts: InstructionFacts) -> Iterable[int]:
    if not facts.batches.is_placed:
        return ()
    return [row for row in facts.heads if facts.home[row] == NONE and facts.text(row, "batch")]


def _batch_values(facts: InstructionFacts, row: int) -> Mapping[str, object]:
    return {"what": "instruction", **batch_names(facts.batches, facts.text(row, "batch"))}


def batch_names(batches: BatchFacts, named: str) -> Mapping[str, object]:
    """Say which batches there are, and which of them is meant perhaps."""
    names = [name for name in dict.fromkeys(batches.column("batch")) if name]
    allowed = ", ".join(names) or "a blank cell"
    return {"allowed": allowed, "hint": did_you_mean(named, names), "todo": f"Use one of: {allowed}."}


# ------------------------------------------------------------------ rare columns
def _is_missing(facts: InstructionFacts, column: Column) -> Iterable[int]:
    return facts.of_type(facts.lacks(column.name), *column.needed_by)


def _has_few_units(facts: InstructionFacts) -> Iterable[int]:
    heads = facts.of_type(facts.heads, _WITH_UNIT)
    return [row for row in heads if facts.option_count[facts.block[row]] < MIN_UNITS]


def _default_is_no_unit(facts: InstructionFacts) -> Iterable[int]:
    units = set(zip(facts.block, facts.normal("option_value"), strict=True))
    wanted = facts.normal("default_unit")
    for row in facts.of_type(facts.leads("default_unit"), _WITH_UNIT):
        if not facts.has_no_option(row) and (facts.block[row], wanted[row]) not in units:
            yield row


def _word_is_unknown(facts: InstructionFacts, column: Column) -> Iterable[int]:
    return facts.malformed(column.name) if column.level is Level.ENTRY else _is_malformed(facts, column.name)


def _words(facts: InstructionFacts, row: int, column: Column) -> Mapping[str, object]:
    hint = did_you_mean(facts.text(row, column.name), column.choices)
    return {"allowed": ", ".join(column.choices), "hint": hint}


def _rule_has_no_type(facts: InstructionFacts) -> Iterable[int]:
    bounded = sorted({*facts.filled("validation_min"), *facts.filled("validation_max")})
    judged = facts.of_type(bounded, *_columns["validation_type"].types)
    return [row for row in judged if not facts.is_filled(row, "validation_type")]


def _is_no_length(facts: InstructionFacts, column: str) -> Iterable[int]:
    types = facts.normal("validation_type")
    bounds = facts.numbers(column).items()
    return [row for row, bound in bounds if types[row] == "string" and (bound < 0 or bound % 1)]


def _validation_is_reversed(facts: InstructionFacts) -> Iterable[int]:
    most = facts.numbers("validation_max")
    return [
        row for row, least in facts.numbers("validation_min").items() if row in most and least > most[row]
    ]


def _most_files(facts: InstructionFacts, row: int) -> float | None:
    """Return how many files the row's instruction takes at most; None if that cannot be read."""
    first = facts.first("max_file_count", row)
    return MAX_FILE_COUNT if first == NONE else facts.numbers("max_file_count").get(first)


def _files_are_reversed(facts: InstructionFacts) -> Iterable[int]:
    least = facts.numbers("min_file_count")
    for row in facts.leads("min_file_count"):
        most = _most_files(facts, row)
        if row in least and most is not None and least[row] > most:
            yield row


def _max_file_count(facts: InstructionFacts, row: int) -> Mapping[str, object]:
    return {"other": "max_file_count", "most": int(_most_files(facts, row) or MAX_FILE_COUNT)}


def _validation_max(facts: InstructionFacts, row: int) -> Mapping[str, object]:
    return {"other": "validation_max", "most": facts.text(row, "validation_max")}


def _is_no_size(facts: InstructionFacts) -> Iterable[int]:
    sizes = facts.numbers("max_file_size_mb")
    return [row for row in facts.leads("max_file_size_mb") if not sizes.get(row, 0) > 0]


def _is_no_address(facts: InstructionFacts) -> Iterable[int]:
    return [row for row in facts.leads("url") if not _ADDRESS.fullmatch(facts.text(row, "url"))]


def _excludes_nothing(facts: InstructionFacts) -> Iterable[int]:
    return [row for row in facts.exclusive if facts.own("answer_limit", row) == "1"]


def _excludes_all(facts: InstructionFacts) -> Iterable[int]:
    blocks = [facts.block[row] for row in facts.exclusive]
    firsts = dict(zip(reversed(blocks), reversed(facts.exclusive), strict=True))
    return sorted(
        firsts[block] for block, count in Counter(blocks).items() if count == facts.option_count[block]
    )


def _page_is_missing(facts: InstructionFacts) -> Iterable[int]:
    """Find items without a page, though others of their batch have one, or though they have a row or column."""
    batches = facts.normal("batch")
    with_pages = {batches[row] for row in facts.leads("page")}
    is_placed = bool(facts.filled("row") or facts.filled("column"))
    if not with_pages and not is_placed:
        return ()
    return [
        row
        for row in facts.lacks("page")
        if batches[row] in with_pages or any(facts.first(name, row) != NONE for name in ("row", "column"))
    ]


def _same_field(facts: InstructionFacts) -> Mapping[int, int]:
    batches, fields = facts.normal("batch"), facts.normal("field")
    pages = {
        row: facts.own("page", row) for row in facts.of_type(facts.leads("field"), BlockType.DATASET_FIELD)
    }
    among = [row for row, page in pages.items() if page]
    return earlier(among, batches, pages, fields)


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
    Rule("batch-ref-missing", "batch", _batch_ref_is_missing, is_of_blank=True, values=_batch_values),
    Rule("batch-unknown", "batch", _batch_is_unknown, values=_batch_values),
    Rule("option-empty", "ref", _option_is_empty, is_of_blank=True),
    Rule("ref-split", "ref", _ref_is_split),
    Rule("type-missing", "type", lambda f: f.lacks("type"), is_of_blank=True, values=_types),
    Rule("type-unsupported", "type", _type_is_unsupported, types=OTHER_TYPES, values=_types),
    Rule("type-unknown", "type", _type_is_unknown, values=_types),
    Rule("description-missing", "description", _description_is_missing, is_of_blank=True),
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
            is_of_blank=True,
            values=_type,
        )
        for column in INSTRUCTIONS.columns
        if column.needed_by
    ),
    Rule(
        "answer-limit-missing",
        "answer_limit",
        _limit_is_missing,
        is_of_blank=True,
        types=CHOICE_TYPES,
        values=_limit,
    ),
    Rule(
        "answer-limit-invalid", "answer_limit", partial(_is_malformed, column="answer_limit"), values=_limit
    ),
    Rule("answer-limit-too-high", "answer_limit", _limit_is_too_high, types=CHOICE_TYPES, values=_limit),
    Rule("heading-missing", "option_heading", _heading_is_missing, is_of_blank=True, types=(_HEADED,)),
    Rule(
        "options-missing", "option_label", _has_no_option, is_of_blank=True, types=CHOICE_TYPES, values=_type
    ),
    Rule(
        "units-too-few", "option_label", _has_few_units, is_of_blank=True, types=(_WITH_UNIT,), values=_type
    ),
    Rule(
        "label-missing",
        "option_label",
        partial(_option_lacks, column="option_label"),
        is_of_blank=True,
        types=OPTION_TYPES,
    ),
    Rule("label-twice", "option_label", _same_label, types=OPTION_TYPES),
    Rule(
        "value-missing",
        "option_value",
        partial(_option_lacks, column="option_value"),
        is_of_blank=True,
        types=OPTION_TYPES,
    ),
    Rule("value-twice", "option_value", lambda f: f.same_value, types=OPTION_TYPES),
    _malformed("flag-invalid", "disable_dropdown"),
    Rule("flag-invalid", "option_exclusive", lambda f: f.malformed("option_exclusive")),
    Rule("exclusive-of-one", "option_exclusive", _excludes_nothing, types=CHOICE_TYPES),
    Rule("exclusive-of-all", "option_exclusive", _excludes_all, types=CHOICE_TYPES),
    _unknown_word("validation_type"),
    Rule(
        "validation-type-missing",
        "validation_type",
        _rule_has_no_type,
        is_of_blank=True,
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
    Rule("field-twice", "field", _same_field, types=(BlockType.DATASET_FIELD,)),
    Rule("page-missing", "page", _page_is_missing, is_of_blank=True),
    _malformed("count-invalid", "page"),
    _malformed("count-invalid", "row"),
    _unknown_word("column"),
    _malformed("id-malformed", "instruction_id"),
    Rule("id-twice", "instruction_id", _same_id),
    *(
        Rule("cells-differ", column.name, partial(_differs, column=column.name))
        for column in INSTRUCTIONS.columns
        if column.level in (Level.INSTRUCTION, Level.IMPORTER)
        and column.kind is not Kind.FREE
        and column.name not in ("batch", "ref")
    ),
)


# ------------------------------------------------------------------ batches
def _names_several(facts: BatchFacts) -> bool:
    return len(facts.named - {""}) > 1


def _is_not_named(facts: BatchFacts) -> Iterable[int]:
    return () if facts.is_placed or (facts.batch_id[0] and not _names_several(facts)) else facts.rows


def _not_named(facts: BatchFacts, row: int) -> Mapping[str, object]:
    del row
    if _names_several(facts):
        return {
            "what": "each instruction is",
            "todo": "Add the sheet Batches, with one row for each batch (see importer template).",
        }
    return {
        "what": "this workbook is",
        "todo": "Give --batch ID, or add the sheet Batches (see importer template).",
    }


def _has_no_id(facts: BatchFacts) -> Iterable[int]:
    return [row for row in facts.without_id if not facts.is_filled(row, "workspace_id")]


def _batch_is_empty(facts: BatchFacts) -> Iterable[int]:
    """Find batches without an instruction, in a workbook whose instructions all belong somewhere."""
    if not facts.is_placed or not facts.named or any(name not in facts.numbers for name in facts.named):
        return ()
    used = {facts.numbers[name] for name in facts.named}
    return [
        row for row in facts.rows if row not in used and row not in facts.twin and _is_referable(facts, row)
    ]


def _is_referable(facts: BatchFacts, row: int) -> bool:
    """Whether an instruction could name the batch."""
    return not facts.is_several or facts.is_filled(row, "batch")


def _has_no_name(facts: BatchFacts) -> Iterable[int]:
    return [row for row in facts.rows if not _is_referable(facts, row)] if facts.is_placed else ()


def _row_must_name(facts: BatchFacts, row: int) -> Mapping[str, object]:
    del facts, row
    return {"what": "row of Batches", "todo": "Give it a short name."}


def _id(facts: BatchFacts, row: int) -> Mapping[str, object]:
    return {"shown": facts.batch_id[row]}


def _same_batch(facts: BatchFacts) -> Mapping[int, int]:
    malformed = facts.malformed("batch_id")
    among = [row for row in facts.rows if facts.batch_id[row] and row not in malformed]
    return earlier(among, facts.batch_id)


BATCH_RULES: Final[tuple[Rule[BatchFacts], ...]] = (
    Rule("batch-ref-missing", "batch", _has_no_name, is_of_blank=True, values=_row_must_name),
    Rule("batch-ref-twice", "batch", lambda f: f.twin),
    Rule("batch-not-named", "batch_id", _is_not_named, is_of_blank=True, values=_not_named),
    Rule("batch-id-missing", "batch_id", _has_no_id, is_of_blank=True),
    Rule("id-malformed", "batch_id", lambda f: f.malformed("batch_id")),
    Rule("batch-twice", "batch_id", _same_batch, values=_id),
    Rule("batch-without-instructions", "batch_id", _batch_is_empty, is_of_blank=True),
    Rule("id-malformed", "dataset_id", lambda f: f.malformed("dataset_id")),
)
