"""
Reports, plans and outcomes as text for people and as JSON for programs.

Owns layout and order: which line comes first, what is folded, what is said last. The sentences of
problems are `importer.problems`', those of refusals stand where they are raised. JSON holds
everything, unfolded.
"""

from __future__ import annotations

from typing import Final

from importer.render.plans import plan_text
from importer.render.reports import report_json, report_text, summary_text
from importer.render.runs import (
    asking_text,
    checked_text,
    import_json,
    outcome_json,
    planned_text,
    plans_text,
    pushed_json,
    pushed_text,
    refusal_json,
    resumed_text,
    run_json,
    runs_text,
    status_text,
)
from importer.render.screen import Line, Lines, harmless, harmless_json, line, plain, write
from importer.render.setups import creation_json, creations_text

#: Of every JSON document; raised when a name or a meaning changes.
SCHEMA_VERSION: Final = 1

__all__ = [
    "SCHEMA_VERSION",
    "Line",
    "Lines",
    "asking_text",
    "checked_text",
    "creation_json",
    "creations_text",
    "harmless",
    "harmless_json",
    "import_json",
    "line",
    "outcome_json",
    "plain",
    "plan_text",
    "planned_text",
    "plans_text",
    "pushed_json",
    "pushed_text",
    "refusal_json",
    "report_json",
    "report_text",
    "resumed_text",
    "run_json",
    "runs_text",
    "status_text",
    "summary_text",
    "write",
]
