"""
The rules: which cell breaks what, for each column of the two sheets.

A rule looks at all rows at once and marks the guilty cell's row. It says nothing where another
problem is the root: an unknown type silences what depends on the type, a missing option the limit.
Of the rules that one cell breaks, the first is reported.

Source: "Update Batch Instructions" and "Update a Batch" for required fields and limits; unique
option values are documented nowhere, but with two alike the answers could not be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

import pandas as pd

from importer.contract import INSTRUCTIONS, OTHER_TYPES, InstructionType, Kind, Level
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

_FREE_TEXT: Final = InstructionType.FREE_TEXT
_PLAIN: Final = InstructionType.MULTIPLE_CHOICE
_HEADED: Final = InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT


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
        values: What the wording needs beyond what every wording gets, for one row.
    """

    code: str
    column: str
    find: Callable[[F], pd.Series[bool] | pd.Series[int]]
    names_other: bool = False
    values: Callable[[F, int], Mapping[str, object]] = _no_values

    def holds(self, facts: F) -> pd.Series[bool]:
        """Whether each row keeps the rule."""
        found = self.find(facts)
        return found == NONE if self.names_other else ~found.astype(bool)


# ------------------------------------------------------------------ instructions
def _type_is_unsupported(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.leads("type") & facts.data["type"].isin(OTHER_TYPES)


def _type_is_unknown(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.leads("type") & ~facts.data["type"].isin([*InstructionType, *OTHER_TYPES])


def _types(facts: InstructionFacts, index: int) -> Mapping[str, object]:
    return {
        "allowed": ", ".join(InstructionType),
        "hint": did_you_mean(facts.text(index, "type"), InstructionType),
    }


def _option_is_empty(facts: InstructionFacts) -> pd.Series[bool]:
    # The row with the type may do without: some give the instruction a row of its own.
    return facts.keyed & (facts.type != "") & ~facts.leads("type") & ~facts.is_option


def _ref_is_split(facts: InstructionFacts) -> pd.Series[bool]:
    blocks = facts.block[facts.keyed]
    return (blocks.duplicated() & (blocks != blocks.shift())).reindex(facts.block.index, fill_value=False)


def _is_malformed(facts: InstructionFacts, column: str) -> pd.Series[bool]:
    return facts.leads(column) & facts.malformed(column)


def _is_not_for_free_text(facts: InstructionFacts, column: str) -> pd.Series[bool]:
    return facts.leads(column) & facts.has_type(_FREE_TEXT)


def _limit_is_missing(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.lacks("answer_limit") & facts.takes_options


def _limit_is_too_high(facts: InstructionFacts) -> pd.Series[bool]:
    judged = facts.leads("answer_limit") & ~facts.malformed("answer_limit")
    judged &= facts.takes_options & (facts.option_count > 0)
    limits = facts.normal("answer_limit").where(judged, "-1").map(int)
    return limits > facts.option_count


def _limit(facts: InstructionFacts, index: int) -> Mapping[str, object]:
    count = int(facts.option_count[index])
    return {"type": facts.type[index], "count": count or "the number of options"}


def _type(facts: InstructionFacts, index: int) -> Mapping[str, object]:
    return {"type": facts.type[index]}


def _has_no_option(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.head & facts.takes_options & (facts.option_count == 0)


def _option_lacks(facts: InstructionFacts, column: str) -> pd.Series[bool]:
    lacking = facts.takes_options & facts.is_option & ~facts.filled(column)
    return lacking | (_has_no_option(facts) & ~facts.has_column(column))


def _heading_is_missing(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.has_type(_HEADED) & _option_lacks(facts, "option_heading")


def _heading_is_not_for_type(facts: InstructionFacts) -> pd.Series[bool]:
    return facts.has_type(_PLAIN) & facts.filled("option_heading")


def _is_out_of_place(facts: InstructionFacts, column: str) -> pd.Series[bool]:
    """Whether the cell is the first of a row's cells of an option that its type does not take."""
    found = facts.has_type(_FREE_TEXT) & facts.filled(column)
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


INSTRUCTION_RULES: Final[tuple[Rule[InstructionFacts], ...]] = (
    Rule("batch-ref-missing", "batch", lambda f: f.in_several & f.lacks("batch"), values=_batch_values),
    Rule("batch-unknown", "batch", _batch_is_unknown, values=_batch_values),
    Rule("option-empty", "ref", _option_is_empty),
    Rule("ref-split", "ref", _ref_is_split),
    Rule("type-missing", "type", lambda f: f.lacks("type"), values=_types),
    Rule("type-unsupported", "type", _type_is_unsupported, values=_types),
    Rule("type-unknown", "type", _type_is_unknown, values=_types),
    Rule("description-missing", "description", lambda f: f.lacks("description")),
    Rule(
        "cell-not-for-type",
        "answer_limit",
        partial(_is_not_for_free_text, column="answer_limit"),
        values=_type,
    ),
    Rule("answer-limit-missing", "answer_limit", _limit_is_missing, values=_limit),
    Rule(
        "answer-limit-invalid", "answer_limit", partial(_is_malformed, column="answer_limit"), values=_limit
    ),
    Rule("answer-limit-too-high", "answer_limit", _limit_is_too_high, values=_limit),
    *(Rule("option-not-for-type", name, partial(_is_out_of_place, column=name)) for name in OPTION_COLUMNS),
    Rule("heading-missing", "option_heading", _heading_is_missing),
    Rule("cell-not-for-type", "option_heading", _heading_is_not_for_type, values=_type),
    Rule("options-missing", "option_label", _has_no_option, values=_type),
    Rule("label-missing", "option_label", partial(_option_lacks, column="option_label")),
    Rule("label-twice", "option_label", _same_label, names_other=True),
    Rule("value-missing", "option_value", partial(_option_lacks, column="option_value")),
    Rule("value-twice", "option_value", _same_value, names_other=True),
    Rule(
        "cell-not-for-type",
        "disable_dropdown",
        partial(_is_not_for_free_text, column="disable_dropdown"),
        values=_type,
    ),
    Rule("flag-invalid", "disable_dropdown", partial(_is_malformed, column="disable_dropdown")),
    Rule("id-malformed", "instruction_id", partial(_is_malformed, column="instruction_id")),
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
