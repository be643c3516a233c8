"""
Reports, plans and outcomes as text for people and as JSON for programs.

Owns layout and order: which line comes first, what is folded, what is said last. The sentences of
problems are `importer.problems`', those of refusals stand where they are raised. JSON holds
everything, unfolded.
"""

from __future__ import annotations

from typing import Final

#: Of every JSON document; raised when a name or a meaning changes.
SCHEMA_VERSION: Final = 1
