"""
Write again everything that is generated: `python -m samples.make`.

Template, sample workbooks with what they must produce, the README's column table and its picture
of a plan. The output is the same each time, so a change shows as a diff. `docs/sheet.png` alone
needs LibreOffice: `python -m samples.make --sheet-picture`.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import openpyxl
from rich.console import Console

from importer.checking import check
from importer.contract import INSTRUCTIONS, SETUP_SHEETS, SHEETS, TASK_DETAILS, Level
from importer.model import Batch, BatchDetails, FreeText, MultipleChoice, Option
from importer.plan import Existing, Plan, make_plan
from importer.render.plans import plan_text
from importer.render.screen import paint, plain
from importer.texts import column_letter
from importer.wire.instructions import from_item, to_item
from importer.workbook.template import DOCUMENTED_EXAMPLE, write_filled
from samples import make_broken, make_studies, make_wire_forms

SAMPLES = Path(__file__).parent
ROOT = SAMPLES.parent
README = ROOT / "README.md"
PLAN_PICTURE = ROOT / "docs" / "plan.svg"
SHEET_PICTURE = ROOT / "docs" / "sheet.png"
_TABLES = re.compile(r"(<!-- columns: begin -->\n).*(<!-- columns: end -->)", re.DOTALL)

_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)

_LEVELS = {
    Level.BATCH: "batch",
    Level.INSTRUCTION: "instruction",
    Level.OPTION: "option",
    Level.DATASET: "dataset",
    Level.STUDY: "study",
    Level.ENTRY: "instruction or unit",
    Level.RESEARCHER: "you",
    Level.IMPORTER: "the importer",
}


def column_tables() -> str:
    """Return the README's tables of columns, from the contract."""
    parts = []
    for sheet in (*SHEETS, *SETUP_SHEETS):
        parts.append(f"**`{sheet.name}`**: {sheet.meaning}\n")
        parts.append("| column | belongs to | meaning | example |\n|---|---|---|---|")
        for column in sheet.columns:
            name = f"`{column.name}`" + (" (required)" if column.is_required else "")
            parts.append(f"| {name} | {_LEVELS[column.level]} | {column.meaning} | `{column.example}` |")
        parts.append("")
    return "\n".join(parts)


def with_tables(readme: str) -> str:
    """Return the README with its tables of columns as they should be."""
    return _TABLES.sub(lambda found: f"{found[1]}\n{column_tables()}\n{found[2]}", readme)


def wire_forms(page: str) -> str:
    """Return the page about the wire forms with its bodies as they should be."""
    (study,) = check([SAMPLES / "documented" / "study.xlsx"]).studies
    return make_wire_forms.written(page, study.batches[0])


def sample_plan() -> Plan:
    """Return a plan that shows every kind of change."""
    ids = [f"0192041c-47{number:02d}-7336-8e3d-e03fc086a4e1" for number in range(4)]
    held = [
        {"id": ids[0], "type": "multiple_choice", "description": "Which response is more accurate?", "answer_limit": 1,
         "options": [{"label": "Response 1", "value": "r1"}, {"label": "Response 2", "value": "r2"}]},
        {"id": ids[1], "type": "free_text", "description": "Please share reasons."},
        {"id": ids[2], "type": "free_text", "description": "How sure are you?"},
        {"id": ids[3], "type": "free_text", "description": "Anything else?"},
    ]  # fmt: skip
    options = (Option(label="Response 1", value="r1"), Option(label="Response 2", value="resp2"))
    sheet = (
        MultipleChoice(
            ref="Q1",
            id=ids[0],
            description="Which response is more accurate?",
            answer_limit=1,
            options=options,
        ),
        FreeText(ref="Q4", id=ids[3], description="Anything else?"),
        FreeText(ref="Q2", id=ids[1], description="Please share the reasons for your choice."),
        FreeText(ref="Q5", description="What would you change?"),
    )
    batch_id = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11"
    existing = Existing(
        batch_id, "Accuracy, wave 2", {}, None, "UNINITIALISED",
        pages=None, held=tuple(from_item(item) for item in held), source="instructions",
    )  # fmt: skip
    return make_plan(Batch(batch_id=batch_id, details=BatchDetails(), items=sheet), existing)


def plan_texts() -> dict[Path, str]:
    """
    Return the plan of each good sample, by its file.

    Each batch holds the instructions whose ids stand in the sheet, and nothing else.
    """
    books = [SAMPLES / name / "study.xlsx" for name in ("documented", "likert", "messy")]
    checked = check(books)
    texts = {}
    for study, path in zip(checked.studies, books, strict=True):
        plans = [plan_text(make_plan(batch, _holding_known(batch)), path.name) for batch in study.batches]
        texts[path.with_name("plan.txt")] = "\n".join(map(plain, plans))
    return texts


def _holding_known(batch: Batch) -> Existing:
    held = tuple(from_item(to_item(one)) for one in batch.instructions if one.id is not None)
    return Existing(
        batch.batch_id, "Sample batch", dict.fromkeys(TASK_DETAILS, "…"), None, "UNINITIALISED",
        pages=None, held=held, source="instructions",
    )  # fmt: skip


def plan_picture() -> str:
    """Return the README's picture of a plan in a terminal, as SVG."""
    console = Console(
        record=True,
        file=io.StringIO(),
        width=110,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    paint(plan_text(sample_plan(), "study.xlsx"), console)
    # rich would fetch its font over the network; the reader's own will do.
    return _FONTS.sub("", console.export_svg(title="importer plan study.xlsx", unique_id="plan"))


def sheet_picture() -> None:
    """Draw the documented example as it stands after a push, with LibreOffice and pdftoppm."""
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "sheet.xlsx"
        rows: list[dict[str, str]] = [dict(row) for row in DOCUMENTED_EXAMPLE]
        for number, row in enumerate(row for row in rows if "type" in row):
            row |= {
                "instruction_id": f"0192041c-47{number + 15:02x}-7336-8e3d-e03fc086a4e1",
                "status": "created 2026-11-22 10:31 UTC",
            }
        write_filled(book, rows, [])
        _leave_out(book, ("batch", "helper_text", "placeholder_text_input", "disable_dropdown", "notes"))
        convert = ["soffice", "--headless", "--convert-to", "pdf", "--outdir", folder, str(book)]
        subprocess.run(convert, check=True, capture_output=True)  # noqa: S603 - our own arguments
        area = ["-r", "130", "-x", "40", "-y", "75", "-W", "1440", "-H", "120"]
        page = [
            "-png",
            "-singlefile",
            *area,
            str(book.with_suffix(".pdf")),
            str(SHEET_PICTURE.with_suffix("")),
        ]
        subprocess.run(["pdftoppm", *page], check=True)  # noqa: S603, S607


def _leave_out(path: Path, names: tuple[str, ...]) -> None:
    """Hide columns, so that the picture is not too wide to read."""
    book = openpyxl.load_workbook(path)
    sheet = book["Instructions"]
    for number, name in enumerate(INSTRUCTIONS.names, 1):
        if name in names:
            sheet.column_dimensions[column_letter(number)].hidden = True
    book.save(path)


def main() -> None:
    """Write everything."""
    make_studies.main()
    make_broken.main()
    README.write_text(with_tables(README.read_text("utf-8")), "utf-8")
    for path, text in plan_texts().items():
        path.write_text(text, "utf-8")
    page = make_wire_forms.PAGE
    page.write_text(wire_forms(page.read_text("utf-8")), "utf-8")
    PLAN_PICTURE.parent.mkdir(exist_ok=True)
    PLAN_PICTURE.write_text(plan_picture(), "utf-8")
    if "--sheet-picture" in sys.argv[1:]:
        sheet_picture()


if __name__ == "__main__":
    main()
