"""A study that is made from nothing: its workbook, and what must be true of it and of Prolific afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import openpyxl

from importer.checking import check_parts
from importer.push.desk import Desk
from importer.push.reading import Reading
from importer.run.results import Consent
from importer.run.setup import SetupResult, setup
from importer.sandbox.world import PROJECT_ID, WORKSPACE_ID
from tests.books import write_book

#: What one run makes; the instructions of both batches are counted one by one.
WHOLE: Final = Counter(dataset=1, upload=1, batch=2, instruction=3, setup=1, study=1)

INSTRUCTIONS: Final = """
    | batch | ref | type            | description | answer_limit | option_label | option_value | instruction_id | status |
    | w1    | Q1  | multiple_choice | How was it? | 1            | Good         | good         |                |        |
    | w1    | Q1  |                 |             |              | Bad          | bad          |                |        |
    | w1    | Q2  | free_text       | Why?        |              |              |              |                |        |
    | w2    | Q1  | free_text       | Why not?    |              |              |              |                |        |
"""
BATCHES: Final = f"""
    | batch | batch_id | workspace_id   | name   | task_name | task_introduction | task_steps | dataset | status |
    | w1    |          | {WORKSPACE_ID} | Wave 1 | Compare   | <p>Hello.</p>     | Read.      | pairs   |        |
    | w2    |          | {WORKSPACE_ID} | Wave 2 | Compare   | <p>Hello.</p>     | Read.      |         |        |
"""
DATASETS: Final = f"""
    | dataset | file      | workspace_id   | dataset_id | status |
    | pairs   | pairs.csv | {WORKSPACE_ID} |            |        |
"""
STUDIES: Final = f"""
    | study | batch | name    | description | reward | estimated_completion_time | annotators_per_task | tasks_per_group | device_compatibility | project      | study_id | status |
    | s1    | w1    | Compare | Please do.  | 200    | 5                         | 3                   | 2               | desktop, Tablet      | {PROJECT_ID} |          |        |
"""
#: Where an id stands, by sheet: the columns of the id and of the name.
_IDS: Final = {
    "Datasets": ("dataset_id", "dataset"),
    "Batches": ("batch_id", "batch"),
    "Studies": ("study_id", "study"),
}


def write_study(folder: Path, **sheets: str) -> Path:
    """Write the workbook and its CSV file; *sheets* replace some."""
    (folder / "pairs.csv").write_text("left,right\na,b\nc,d\n", encoding="utf-8")
    usual = {"Instructions": INSTRUCTIONS, "Batches": BATCHES, "Datasets": DATASETS, "Studies": STUDIES}
    return write_book(folder / "study.xlsx", {**usual, **sheets})


def set_up(
    desk: Desk,
    *paths: Path,
    ask: Callable[[SetupResult], None] = lambda _: None,
    is_dry: bool = False,
    **agreed: object,
) -> SetupResult:
    """Run `importer setup` on some workbooks, agreeing to what is shown; *agreed* are fields of a `Consent`."""
    reading = Reading(desk)
    return setup(
        desk, paths, lambda: check_parts(paths), reading, ask=ask, is_dry=is_dry, consent=Consent(**agreed)
    )  # type: ignore[arg-type]


def said(result: SetupResult) -> list[str]:
    """Return the refusals of a run."""
    return [str(one.refusal) for one in result.workbooks if one.refusal is not None]


def rows(path: Path, sheet: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a sheet, by header."""
    headers, *others = openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True)
    for row in others:
        yield dict(zip(map(str, headers), row, strict=True))


def ids_in_sheets(path: Path) -> dict[str, str | None]:
    """Return the id of each dataset, batch and study of a workbook, by short name."""
    return {
        str(row[name]): row[column] for sheet, (column, name) in _IDS.items() for row in rows(path, sheet)
    }


def ids_held(datasets: Sequence[Any], batches: Sequence[Any], studies: Sequence[Any]) -> dict[str, str]:
    """Return the ids that the sandbox gave, by the short names of the workbook; a name that is there twice fails."""
    names = {"pairs": "pairs", "Wave 1": "w1", "Wave 2": "w2", "Compare": "s1"}
    found = [(names[str(one["name"])], str(one["id"])) for one in (*datasets, *batches, *studies)]
    assert len(dict(found)) == len(found), f"something is there twice: {found}"
    return dict(found)
