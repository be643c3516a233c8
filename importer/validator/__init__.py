"""
Checking: frames → problems.

One lazy pandera validation per kind of sheet judges many workbooks at once (`importer.validator.rules` says
what is wrong, `importer.validator.facts` what the sheets say). Here its failure cases become problems:
each at its cell, one root problem per cell; pandera's own wording reaches nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd
import pandera.pandas as pa

from importer.limits import MAX_LISTED
from importer.places import Claim
from importer.problems import ID_REMEDIES, Problem, problem, quote
from importer.sheets.frames import Frames
from importer.validator.facts import BatchFacts, InstructionFacts, SheetFacts
from importer.validator.rules import BATCH_RULES, INSTRUCTION_RULES, Rule
from importer.validator.setup_facts import DatasetFacts, StudyFacts
from importer.validator.setup_rules import DATASET_RULES, NEW_BATCH_RULES, STUDY_RULES

F = TypeVar("F", bound=SheetFacts)

#: How many cells break a rule beyond those that are listed, by number of the rule and of the workbook.
_More = dict[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Judged:
    """
    What came of validating some workbooks.

    Attributes:
        problems: What is wrong with each of them, in no particular order.
        claims: The ids that each workbook names; what two of them share is `importer.crosscheck`'s.
    """

    problems: tuple[Problem, ...]
    claims: Mapping[str, Sequence[Claim]]


def validate(frames: Sequence[Frames], *, batch_id: str | None = None) -> Judged:
    """
    Check workbooks, each by itself.

    Args:
        frames: All workbooks, as read: every value a text, each row with its Excel number.
        batch_id: The batch of workbooks that do not name theirs (`--batch`).

    Raises:
        RuntimeError: A check failed to run; our bug, not the researcher's.
    """
    if not frames:
        return Judged((), {})
    batches = BatchFacts(frames, batch_id)
    instructions = InstructionFacts(frames, batches)
    problems = (
        *_problems(batches, BATCH_RULES),
        *_problems(instructions, INSTRUCTION_RULES),
        *_setup_problems(frames, batches),
    )
    claims: dict[str, list[Claim]] = {f.workbook: [] for f in frames}
    for facts, column in ((batches, "batch_id"), (instructions, "instruction_id")):
        for workbook, claim in _claims(facts, column):
            claims[workbook].append(claim)
    return Judged(problems, claims)


def _setup_problems(frames: Sequence[Frames], batches: BatchFacts) -> Iterator[Problem]:
    """Check what only `importer setup` needs; most workbooks have nothing of it, and pay nothing."""
    if batches.asks_for_more:
        yield from _problems(batches, NEW_BATCH_RULES)
    if any(f.datasets is not None for f in frames):
        yield from _problems(DatasetFacts(frames), DATASET_RULES)
    if any(f.studies is not None for f in frames):
        yield from _problems(StudyFacts(frames, batches), STUDY_RULES)


def _claims(facts: BatchFacts | InstructionFacts, column: str) -> Iterator[tuple[str, Claim]]:
    """Yield the ids of a column that are well-formed, each with its workbook."""
    ids = facts.normal(column) if isinstance(facts, InstructionFacts) else facts.batch_id
    holds = (ids != "") & ~facts.malformed(column)
    if isinstance(facts, InstructionFacts):
        holds &= facts.leads(column)
    for index in facts.data.index[holds].tolist():
        sheet = facts.sheets[facts.book[index]] if facts.row[index] else None
        is_there = sheet is not None and column in sheet.columns
        yield (
            facts.frames[facts.book[index]].workbook,
            Claim(
                column=column,
                id=ids[index],
                batch_id=facts.batch_id[index],
                sheet=sheet.name if sheet is not None else None,
                cell=facts.cell(index, column) if is_there else "",
                ref=facts.ref(index),
                text=facts.text(index, column) or ids[index],
            ),
        )


# ------------------------------------------------------------------ pandera
def _findings(facts: F, rules: Sequence[Rule[F]]) -> tuple[list[tuple[int, int]], _More]:
    """Let pandera judge; return (number of the rule, row) of what is broken, in order, and how much more is."""
    more: _More = {}
    numbered: dict[str, list[int]] = {str(name): [] for name in facts.data}
    for number, rule in enumerate(rules):
        if rule.column in numbered and (not rule.types or not facts.types.isdisjoint(rule.types)):
            numbered[rule.column].append(number)
    schema = pa.DataFrameSchema(
        {
            name: pa.Column(object, checks=[_check(n, rules[n], facts, more) for n in numbers])
            for name, numbers in numbered.items()
        }
    )
    try:
        schema.validate(facts.data, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
    else:
        return [], more
    # pandera turns an exception into a failure case without a row.
    crashed = cases[cases["index"].isna() | cases["check_number"].isna()]
    if len(crashed):
        raise RuntimeError(
            f"Checks failed to run: {crashed[['column', 'check', 'failure_case']].to_dict('records')}"
        )
    places = zip(cases["column"], cases["check_number"], cases["index"], strict=True)
    return sorted((numbered[column][int(number)], int(index)) for column, number, index in places), more


def _check(number: int, rule: Rule[F], facts: F, more: _More) -> pa.Check:
    # The rule closes over all columns and answers with a Series, so that a row that breaks it is
    # one failure case; a check of the whole frame reports each row once per column.
    def judge(_: object) -> pd.Series[bool]:
        holds = rule.holds(facts)
        if len(holds) - int(holds.sum()) <= MAX_LISTED:
            return holds
        # Of each workbook the first are listed, so that each broken one is known to be broken.
        rank = (~holds).groupby(facts.book).cumsum()
        counts = rank.groupby(facts.book).max()
        for book, count in zip(counts.index.tolist(), counts.tolist(), strict=True):
            if count > MAX_LISTED:
                more[number, book] = count - MAX_LISTED
        return holds | (rank > MAX_LISTED)

    return pa.Check(judge, name=rule.code, error=rule.code, ignore_na=False)


# ------------------------------------------------------------------ problems
def _problems(facts: F, rules: Sequence[Rule[F]]) -> Iterator[Problem]:
    told: set[tuple[int, str]] = set()
    others = {}
    found, more = _findings(facts, rules)
    for number, index in found:
        rule = rules[number]
        if (index, rule.column) in told or facts.is_guilty(index, rule.column):
            continue
        told.add((index, rule.column))
        if rule.names_other and number not in others:
            others[number] = rule.find(facts)
        other = int(others[number][index]) if rule.names_other else None
        yield _problem(facts, rule, index, other)
    for (number, book), count in more.items():
        yield _more_of(facts, rules[number], book, count)


def _more_of(facts: SheetFacts, rule: Rule[F], book: int, count: int) -> Problem:
    sheet = facts.sheets[book]
    return problem(
        "more-of-these",
        facts.frames[book].workbook,
        sheet=sheet.name if sheet is not None else None,
        column=rule.column,
        count=count,
        listed=rule.code,
        limit=MAX_LISTED,
    )


def _problem(facts: F, rule: Rule[F], index: int, other: int | None) -> Problem:
    """Say that a row breaks a rule; at the sheet if the column is missing, at the file if the sheet is."""
    sheet = facts.sheets[facts.book[index]] if facts.row[index] else None
    code, cells, ref = rule.code, [], facts.ref(index)
    values: dict[str, object] = {
        "shown": quote(facts.text(index, rule.column)),
        "todo": ID_REMEDIES.get(rule.column, ""),
        "example": facts.contract.by_name[rule.column].example,
        **rule.values(facts, index),
    }
    if other is not None:
        values |= _other_values(facts, rule.column, other)
    if sheet is not None and rule.column in sheet.columns:
        cells = [facts.cell(row, rule.column) for row in (index, other) if row is not None]
    elif sheet is not None:
        code, ref, values = "column-missing", "", {"wanted": rule.column}
    return problem(
        code,
        facts.frames[facts.book[index]].workbook,
        sheet=sheet.name if sheet is not None else None,
        cells=cells,
        ref=ref,
        column=rule.column,
        **values,
    )


def _other_values(facts: SheetFacts, column: str, other: int) -> dict[str, object]:
    """Name the other cell of a conflict."""
    return {
        "first_cell": facts.cell(other, column),
        "first_place": facts.place(other, column),
        "first_shown": quote(facts.text(other, column)),
        "first_ref": facts.ref(other),
    }
