"""
Checking: the rows of sheets → problems.

`importer.validator.rules` says what is wrong, `importer.validator.facts` what the sheets say. A
workbook that keeps every rule needs no more. Of the others, one lazy pandera validation for each
kind of sheet (`importer.validator.schema`) finds all that is broken; here its failure cases become problems:
each at its cell, one root problem per cell; pandera's own wording reaches nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from importer.limits import MAX_LISTED
from importer.places import Claim
from importer.problems import ID_REMEDIES, Problem, problem, quote
from importer.sheets.frames import Frames
from importer.validator.facts import NONE, BatchFacts, InstructionFacts, SheetFacts
from importer.validator.rules import BATCH_RULES, INSTRUCTION_RULES, Rule
from importer.validator.setup_facts import DatasetFacts, StudyFacts
from importer.validator.setup_rules import DATASET_RULES, NEW_BATCH_RULES, STUDY_RULES

F = TypeVar("F", bound=SheetFacts)


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
    batches, new_batches = _Suspects(BATCH_RULES), _Suspects(NEW_BATCH_RULES)
    instructions = _Suspects(INSTRUCTION_RULES)
    datasets, studies = _Suspects(DATASET_RULES), _Suspects(STUDY_RULES)
    claims = {}
    for book in frames:
        here = BatchFacts(book, batch_id)
        rows = InstructionFacts(book, here)
        batches.add(here)
        instructions.add(rows)
        # What only `importer setup` needs; most workbooks have nothing of it, and pay nothing.
        if here.asks_for_more:
            new_batches.add(here)
        if book.datasets is not None:
            datasets.add(DatasetFacts(book))
        if book.studies is not None:
            studies.add(StudyFacts(book, here))
        claims[book.workbook] = [*_claims(here, here.batch_id), *_claims(rows, rows.batch_id)]
    kinds = (batches, instructions, new_batches, datasets, studies)
    return Judged(tuple(found for kind in kinds for found in kind.problems()), claims)


def _claims(facts: BatchFacts | InstructionFacts, batch_ids: Sequence[str]) -> Iterator[Claim]:
    """Yield the ids that name a sheet's rows on Prolific and are well-formed."""
    column, ids, rows = "batch_id", batch_ids, facts.rows
    if isinstance(facts, InstructionFacts):
        column, ids, rows = "instruction_id", facts.normal("instruction_id"), facts.leads("instruction_id")
    malformed = facts.malformed(column)
    for row in rows:
        if ids[row] and row not in malformed:
            sheet = facts.sheet if facts.excel_rows[row] else None
            yield Claim(
                column=column,
                id=ids[row],
                batch_id=batch_ids[row],
                sheet=None if sheet is None else sheet.name,
                cell=facts.cell(row, column) if sheet is not None and facts.has_column(column) else "",
                ref=facts.ref(row),
                text=facts.text(row, column) or ids[row],
            )


class _Suspects(Generic[F]):
    """Sheets of one kind in which something is wrong."""

    def __init__(self, rules: Sequence[Rule[F]]) -> None:
        self._rules = rules
        self._sheets: list[F] = []

    def add(self, facts: F) -> None:
        """Keep a sheet, if it breaks any rule."""
        if any(rule.broken(facts) for rule in self._rules):
            self._sheets.append(facts)

    def problems(self) -> Iterator[Problem]:
        """Let pandera judge what was kept."""
        if not self._sheets:
            return
        from importer.validator.schema import failures  # noqa: PLC0415 - pandas and pandera

        told: set[tuple[int, int, str]] = set()
        broken: dict[tuple[int, int], Mapping[int, int]] = {}
        found, more = failures(self._sheets, self._rules)
        for at, number, row in found:
            facts, rule = self._sheets[at], self._rules[number]
            if (at, row, rule.column) not in told and not facts.is_guilty(row, rule.column):
                told.add((at, row, rule.column))
                if (at, number) not in broken:
                    broken[at, number] = rule.broken(facts)
                yield _problem(facts, rule, row, broken[at, number][row])
        for (at, number), count in more.items():
            yield _more_of(self._sheets[at], self._rules[number], count)


def _more_of(facts: F, rule: Rule[F], count: int) -> Problem:
    return problem(
        "more-of-these",
        facts.frames.workbook,
        sheet=facts.sheet.name if facts.sheet is not None else None,
        column=rule.column,
        count=count,
        listed=rule.code,
        limit=MAX_LISTED,
    )


def _problem(facts: F, rule: Rule[F], row: int, other: int) -> Problem:
    """Say that a row breaks a rule; at the sheet if the column is missing, at the file if the sheet is."""
    sheet = facts.sheet if facts.excel_rows[row] else None
    code, cells, ref = rule.code, [], facts.ref(row)
    values: dict[str, object] = {
        "shown": quote(facts.text(row, rule.column)),
        "todo": ID_REMEDIES.get(rule.column, ""),
        "example": facts.contract.by_name[rule.column].example,
        **rule.values(facts, row),
    }
    if other != NONE:
        values |= _other_values(facts, rule.column, other)
    if facts.has_column(rule.column) and sheet is not None:
        cells = [facts.cell(one, rule.column) for one in (row, other) if one != NONE]
    elif sheet is not None:
        code, ref, values = "column-missing", "", {"wanted": rule.column}
    return problem(
        code,
        facts.frames.workbook,
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
