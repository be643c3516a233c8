"""
Make the sample studies, and the template: `python samples/make_studies.py`.

The payloads are written down here by hand, in the API's words, and the workbooks are laid out from
them; the importer's own reading of the workbooks is tested against these payloads. Also writes
`sheet_templates/batch_import.xlsx`. The output is the same each time, so a change shows as a diff.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from importer.workbook.template import write_filled, write_template

HERE = Path(__file__).parent
TEMPLATE = HERE.parent / "sheet_templates" / "batch_import.xlsx"

Item = Mapping[str, Any]


class Batch(NamedTuple):
    """One batch: its short name and id, the PATCH body and the PUT items."""

    ref: str
    batch_id: str
    details: Mapping[str, Any]
    instructions: Sequence[Item]


AGREEMENT = ["Strongly disagree", "Disagree", "Neither", "Agree", "Strongly agree"]


def scale(labels: Sequence[str]) -> list[dict[str, str]]:
    """Return a Likert scale as options, valued from 1."""
    return [{"label": label, "value": str(number)} for number, label in enumerate(labels, 1)]


# Source: "Update Batch Instructions", SDK code examples.
DOCUMENTED = (
    Batch(
        ref="",
        batch_id="019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11",
        details={},
        instructions=[
            {
                "type": "multiple_choice",
                "description": "Choose the LLM response which is more accurate.",
                "id": "0192041c-470f-7336-8e3d-e03fc086a4e1",
                "answer_limit": 1,
                "options": [
                    {"label": "Response 1", "value": "response1"},
                    {"label": "Response 2", "value": "response2"},
                ],
            },
            {
                "type": "free_text",
                "description": "Please share the reasons for your choice.",
                "id": "0192041c-4710-7336-8e3d-e9b6149c0797",
            },
            {
                "type": "multiple_choice_with_free_text",
                "description": "Rate each aspect and explain your reasoning.",
                "answer_limit": -1,
                "options": [
                    {"label": "Good", "value": "accuracy_good", "heading": "Accuracy"},
                    {"label": "Needs improvement", "value": "accuracy_poor", "heading": "Accuracy"},
                ],
            },
        ],
    ),
)

SUMMARIES = Batch(
    ref="summaries",
    batch_id="019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a21",
    details={
        "name": "News summaries, wave 1",
        "task_details": {
            "task_name": "Judge a short news summary",
            "task_introduction": "<p>Thank you for taking part. You will read one article and one summary of it.</p>",
            "task_steps": "<ol><li>Read the article.</li><li>Read the summary.</li><li>Answer every item.</li></ol>",
        },
    },
    instructions=[
        {
            "type": "multiple_choice",
            "description": "The summary says the same as the article.",
            "helper_text": "Think of facts, not of style.",
            "answer_limit": 1,
            "disable_dropdown": True,
            "options": scale(AGREEMENT),
        },
        {
            "type": "multiple_choice",
            "description": "The summary is easy to read.",
            "answer_limit": 1,
            "disable_dropdown": True,
            "options": scale(AGREEMENT),
        },
        {
            "type": "multiple_choice",
            "description": "I would share the summary with a friend.",
            "answer_limit": 1,
            "disable_dropdown": False,
            "options": [*scale(AGREEMENT), {"label": "I have no friends who read news", "value": "NA"}],
        },
        {
            "type": "multiple_choice",
            "description": "Which of these does the summary leave out?\nChoose all that apply.",
            "answer_limit": -1,
            "options": [
                {"label": "Who", "value": "who"},
                {"label": "What", "value": "what"},
                {"label": "When & where", "value": "when"},
                {"label": "Why", "value": "why"},
                {"label": "None of the above", "value": "none"},
            ],
        },
        {
            "type": "multiple_choice",
            "description": "Choose the two words that fit the summary best.",
            "answer_limit": 2,
            "options": [
                {"label": "Sober", "value": "sober"},
                {"label": "Naïve", "value": "naïve"},
                {"label": "Cliché-ridden", "value": "cliché"},
                {"label": "Lively", "value": "lively"},
            ],
        },
        {
            "type": "free_text",
            "description": "What, if anything, is wrong in the summary?",
            "helper_text": "Quote the words if you can. Write “nothing” if all is right.",
            "placeholder_text_input": "It says … but the article says …",
        },
        {
            "type": "multiple_choice_with_free_text",
            "description": "Rate each aspect, and say why.",
            "answer_limit": -1,
            "options": [
                {"label": "Good", "value": "accuracy_good", "heading": "Accuracy"},
                {"label": "Needs improvement", "value": "accuracy_poor", "heading": "Accuracy"},
                {"label": "Good", "value": "length_good", "heading": "Length"},
                {"label": "Too short", "value": "length_short", "heading": "Length"},
                {"label": "Too long", "value": "length_long", "heading": "Length"},
            ],
        },
        {"type": "free_text", "description": "Anything else you would like to tell us?"},
    ],
)

TRANSLATIONS = Batch(
    ref="translations",
    batch_id="019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a22",
    details={
        "name": "Übersetzungen – Welle 1",
        "task_details": {
            "task_name": "Eine Übersetzung beurteilen",
            "task_introduction": "<p>Schön, dass Sie dabei sind! Sie lesen einen Satz und seine Übersetzung.</p>",
            "task_steps": "<ol><li>Lesen Sie beide Sätze.</li><li>Beantworten Sie alle Fragen.</li></ol>",
        },
    },
    instructions=[
        {
            "type": "multiple_choice",
            "description": "Die Übersetzung klingt natürlich.",
            "answer_limit": 1,
            "disable_dropdown": True,
            "options": scale(
                [
                    "Stimme gar nicht zu",
                    "Stimme eher nicht zu",
                    "Teils, teils",
                    "Stimme eher zu",
                    "Stimme völlig zu",
                ]
            ),
        },
        {
            "type": "multiple_choice",
            "description": "In welcher Sprache steht das Original?",
            "answer_limit": 1,
            "options": [
                {"label": "Français", "value": "fr"},
                {"label": "日本語", "value": "ja"},
                {"label": "Ελληνικά", "value": "el"},
                {"label": "العربية", "value": "ar"},
                {"label": "Weiß nicht", "value": "N/A"},
            ],
        },
        {
            "type": "multiple_choice",
            "description": "Wie sicher sind Sie sich? 🙂",
            "answer_limit": 1,
            "options": [
                {"label": "0 %", "value": "0"},
                {"label": "50 %", "value": "0.5"},
                {"label": "100 %", "value": "1"},
            ],
        },
        {
            "type": "multiple_choice",
            "description": "Verstehen Sie die Übersetzung, ohne das Original zu kennen?",
            "answer_limit": 1,
            "options": [
                {"label": "Ja", "value": "TRUE"},
                {"label": "Nein", "value": "FALSE"},
                {"label": "null", "value": "null"},
            ],
        },
        {
            "type": "multiple_choice",
            "description": "Welche Zeichen fehlen?",
            "helper_text": "Mehrere Antworten sind möglich.",
            "answer_limit": 3,
            "options": [
                {"label": "=", "value": "="},
                {"label": "+1", "value": "+1"},
                {"label": "„…“", "value": "007"},
                {"label": "None of the above", "value": "None"},
            ],
        },
        {
            "type": "free_text",
            "description": "Wie würden Sie den Satz übersetzen?",
            "placeholder_text_input": "Ihr Vorschlag …",
        },
        {
            "type": "multiple_choice_with_free_text",
            "description": "Bewerten Sie beides, und begründen Sie kurz.",
            "helper_text": "Ein Satz genügt.",
            "answer_limit": 2,
            "options": [
                {"label": "Treffend", "value": "wahl_gut", "heading": "Wortwahl"},
                {"label": "Unpassend", "value": "wahl_schlecht", "heading": "Wortwahl"},
                {"label": "Richtig", "value": "gram_gut", "heading": "Grammatik"},
                {"label": "Falsch", "value": "gram_schlecht", "heading": "Grammatik"},
            ],
        },
        {"type": "free_text", "description": "Möchten Sie uns noch etwas sagen?"},
    ],
)

LIKERT = (SUMMARIES, TRANSLATIONS)


def main(root: Path = HERE, template: Path = TEMPLATE) -> None:
    """Write every study below *root*, and the template."""
    write_template(template)
    write_study(root / "documented", DOCUMENTED)
    write_study(root / "likert", LIKERT)


def write_study(folder: Path, batches: Sequence[Batch]) -> None:
    """Write `study.xlsx`, and for each batch what a push of it sends."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for batch in batches for row in instruction_rows(batch)]
    write_filled(folder / "study.xlsx", rows, [batch_row(batch) for batch in batches])
    for batch in batches:
        prefix = f"{batch.ref}." if batch.ref else ""
        write_json(folder / f"{prefix}payload.json", {"instructions": batch.instructions})
        if batch.details:
            write_json(folder / f"{prefix}details.json", batch.details)


def instruction_rows(batch: Batch) -> list[dict[str, str]]:
    """Lay out a batch's instructions, one row per option."""
    rows = []
    for number, item in enumerate(batch.instructions, 1):
        own = {key: text_of(key, value) for key, value in item.items() if key not in ("id", "options")}
        own["instruction_id"] = item.get("id", "")
        for position, option in enumerate(item.get("options", [{}])):
            options = {f"option_{key}": text for key, text in option.items()}
            repeated = {"batch": batch.ref, "ref": f"Q{number}"}
            rows.append(repeated | (own if position == 0 else {}) | options)
    return rows


def text_of(key: str, value: object) -> str:
    """Return a field's value as a researcher writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "any" if key == "answer_limit" and value == -1 else str(value)


def batch_row(batch: Batch) -> dict[str, str]:
    """Lay out a batch's own details."""
    row = {"batch": batch.ref, "batch_id": batch.batch_id}
    for key, value in batch.details.items():
        row |= value if key == "task_details" else {key: value}
    return row


def write_json(path: Path, content: object) -> None:
    """Write JSON for people: indented, letters as they are."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
