"""What workbooks share: found across all parts of a run, at the cells of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.checking import check_parts
from importer.crosscheck import Claims
from importer.gathered import Gathered
from importer.limits import MAX_LISTED
from importer.places import Claim
from tests.books import BATCH_ID, LIKERT, write_book

OTHER_BATCH = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a99"


def claim(number: int, batch_id: str = BATCH_ID, cell: str = "J2") -> Claim:
    name = f"019a0f6e-0000-7cc2-8a67-{number:012x}"
    return Claim("instruction_id", name, batch_id, "Instructions", cell, "Q1", name)


def codes(claims: Claims, owners: dict[str, str] | None = None) -> list[tuple[str, str, str]]:
    known = owners or {}
    return [
        (p.code, p.workbook, p.place)
        for p in claims.problems(lambda ids: {i: known[i] for i in ids if i in known})
    ]


@pytest.mark.parametrize("part_size", [1, 2, 3])
def test_a_batch_in_two_parts(tmp_path: Path, part_size: int):
    """However many workbooks are checked at a time."""
    for name, batch_id in (("a", BATCH_ID), ("b", OTHER_BATCH), ("c", BATCH_ID)):
        write_book(tmp_path / f"{name}.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [batch_id]]})
    with Gathered() as gathered:
        for part in check_parts(sorted(tmp_path.glob("*.xlsx")), part_size=part_size):
            gathered.add(part)
        report = gathered.report(lambda _: {})

    assert [("batch-twice", "a.xlsx"), ("batch-twice", "c.xlsx")] == [
        (p.code, Path(p.workbook).name) for p in report.problems
    ]


def test_a_copied_workbook_keeps_ids():
    """The later one is the copy, unless the journal knows better."""
    claims = Claims()
    claims.add("a.xlsx", [claim(1)])
    claims.add("b.xlsx", [claim(1, OTHER_BATCH)])

    assert [("id-twice", "b.xlsx", "Instructions!J2")] == codes(claims)
    assert [("id-of-other-batch", "a.xlsx", "Instructions!J2")] == codes(claims, {claim(1).id: OTHER_BATCH})
    claims.close()


def test_ids_of_three_workbooks():
    """Each copy is told of the first workbook that is not itself."""
    claims = Claims()
    for name, batch_id in (("a", BATCH_ID), ("b", OTHER_BATCH), ("c", "")):
        claims.add(f"{name}.xlsx", [claim(1, batch_id)])

    found = list(claims.problems(lambda _: {}))
    assert [("b.xlsx", True), ("c.xlsx", True)] == [
        (p.workbook, "a.xlsx › Instructions!J2" in p.text) for p in found
    ]
    claims.close()


def test_what_one_workbook_repeats_is_not_shared():
    """The validator tells it."""
    claims = Claims()
    claims.add("a.xlsx", [claim(1), claim(1, cell="J3")])

    assert [] == codes(claims)
    claims.close()


def test_only_so_many_are_listed():
    """The rest is counted; the journal is asked for many ids at a time."""
    claims, asked = Claims(), []
    count = MAX_LISTED + 507
    claims.add("a.xlsx", [claim(number) for number in range(count)])

    def owners(ids: object) -> dict[str, str]:
        asked.append(ids)
        return dict.fromkeys(ids, OTHER_BATCH)  # type: ignore[call-overload]

    found = list(claims.problems(owners))
    assert {"id-of-other-batch": MAX_LISTED, "more-of-these": 1} == {
        code: sum(p.code == code for p in found) for code in {p.code for p in found}
    }
    assert "507 more" in found[-1].text
    assert 1 < len(asked) < count
    claims.close()
