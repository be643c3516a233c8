"""
pandera's part: one lazy validation of all workbooks in which something is wrong.

pandera and pandas take longer to import than hundreds of workbooks to check, so nobody asks them
about a workbook that keeps every rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, TypeVar

import pandas as pd
import pandera.pandas as pa

from importer.limits import MAX_LISTED
from importer.validator.facts import SheetFacts
from importer.validator.rules import Rule

F = TypeVar("F", bound=SheetFacts)


class Failure(NamedTuple):
    """
    A cell that breaks a rule.

    Attributes:
        sheet: Number of its sheet.
        rule: Number of the rule.
        row: Number of its row.
    """

    sheet: int
    rule: int
    row: int


def failures(
    sheets: Sequence[F], rules: Sequence[Rule[F]]
) -> tuple[list[Failure], dict[tuple[int, int], int]]:
    """
    Let pandera judge sheets of one kind.

    Returns:
        What is broken, by sheet, rule and row, at most `MAX_LISTED` of each rule on each sheet; and
        how much more there is, by number of the sheet and of the rule.

    Raises:
        RuntimeError: A check failed to run; our bug, not the researcher's.
    """
    # One frame of all: pandera takes 25 ms for a call, and 11 µs for a row.
    names = dict.fromkeys(rule.column for rule in rules)
    columns = {name: [text for sheet in sheets for text in sheet.column(name)] for name in names}
    frame = pd.DataFrame(columns, dtype=object)
    places = [(number, row) for number, sheet in enumerate(sheets) for row in sheet.rows]
    numbered: dict[str, list[int]] = {name: [] for name in names}
    for number, rule in enumerate(rules):
        numbered[rule.column].append(number)
    more: dict[tuple[int, int], int] = {}
    schema = pa.DataFrameSchema(
        {
            name: pa.Column(
                object, checks=[_check(number, rules[number], sheets, more) for number in numbers]
            )
            for name, numbers in numbered.items()
        }
    )
    try:
        schema.validate(frame, lazy=True)
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
    found = zip(cases["column"], cases["check_number"], cases["index"], strict=True)
    failed = []
    for column, check, index in found:
        sheet, row = places[int(index)]
        failed.append(Failure(sheet, numbered[column][int(check)], row))
    return sorted(failed), more


def _check(number: int, rule: Rule[F], sheets: Sequence[F], more: dict[tuple[int, int], int]) -> pa.Check:
    # The rule looks at all columns of its sheet and answers with a Series, so that a row that breaks it
    # is one failure case; a check of the whole frame reports each row once per column.
    starts = list(accumulate((len(sheet.rows) for sheet in sheets), initial=0))

    def judge(_: object) -> pd.Series[bool]:
        holds = [True] * starts[-1]
        for at, (sheet, start) in enumerate(zip(sheets, starts, strict=False)):
            broken = list(rule.broken(sheet))
            # Of each workbook the first are listed, so that each broken one is known to be broken.
            for row in broken[:MAX_LISTED]:
                holds[start + row] = False
            if len(broken) > MAX_LISTED:
                more[at, number] = len(broken) - MAX_LISTED
        return pd.Series(holds)

    return pa.Check(judge, name=rule.code, error=rule.code, ignore_na=False)
