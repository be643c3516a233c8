"""The three faces of one study in `docs/wire-forms.md`: the sheet, the PUT's body, the PATCH's body with a layout."""

from __future__ import annotations

import json
import re
from pathlib import Path

from importer.contract import INSTRUCTIONS
from importer.model import JSON, Batch
from importer.plan import Existing, make_plan
from importer.workbook.template import DOCUMENTED_EXAMPLE

PAGE = Path(__file__).parents[1] / "docs" / "wire-forms.md"
_BLOCK = re.compile(r"(<!-- (\w+): begin -->\n).*?(<!-- \2: end -->)", re.DOTALL)

#: What Prolific holds before: a page with a text above the first question, and one with the second.
_LAYOUT: list[dict[str, JSON]] = [
    {
        "id": "0192041c-5001-7336-8e3d-e03fc086a4e1",
        "rows": [
            {
                "id": "0192041c-5002-7336-8e3d-e03fc086a4e1",
                "columns": [
                    {
                        "id": "0192041c-5003-7336-8e3d-e03fc086a4e1",
                        "items": [
                            {
                                "id": "0192041c-5004-7336-8e3d-e03fc086a4e1",
                                "type": "rich_text",
                                "content": "<p>Read both responses first.</p>",
                                "content_format": "html",
                            },
                            {
                                "id": "0192041c-470f-7336-8e3d-e03fc086a4e1",
                                "type": "multiple_choice",
                                "description": "Which response is more accurate?",
                                "answer_limit": 1,
                                "options": [
                                    {"label": "Response 1", "value": "response1"},
                                    {"label": "Response 2", "value": "response2"},
                                ],
                            },
                            {
                                "id": "0192041c-4710-7336-8e3d-e9b6149c0797",
                                "type": "free_text",
                                "description": "Please share the reasons for your choice.",
                            },
                        ],
                    }
                ],
            }
        ],
    }
]


def written(text: str, batch: Batch) -> str:
    """
    Return the page with its blocks as they should be.

    Args:
        text: The page as it is.
        batch: The documented example, as `importer.checking` reads it.
    """
    blocks = {
        "sheet": _sheet(),
        "put": _json(_body(batch, None)),
        "layout": _json({"batch_items": _LAYOUT}),
        "patch": _json(_body(batch, _LAYOUT)),
    }
    return _BLOCK.sub(lambda found: f"{found[1]}\n{blocks[found[2]]}\n\n{found[3]}", text)


def _sheet() -> str:
    """Return the filled columns of the sheet as a table."""
    names = [name for name in INSTRUCTIONS.names if any(name in row for row in DOCUMENTED_EXAMPLE)]
    rows = [[f"`{name}`" for name in names], ["---"] * len(names)]
    rows += [[str(row.get(name, "")) for name in names] for row in DOCUMENTED_EXAMPLE]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _body(batch: Batch, pages: list[dict[str, JSON]] | None) -> JSON:
    existing = Existing(batch.batch_id, "", {}, None, "UNINITIALISED", pages=pages, held=(), source="")
    return make_plan(batch, existing).body


def _json(value: JSON) -> str:
    return f"```json\n{json.dumps(value, indent=2)}\n```"
