"""The refusals that more than one part of the reader needs, in the catalogue's terms."""

from __future__ import annotations

from typing import Final

from importer.errors import WorkbookRefused

#: A part may have a name of 65,535 characters, and a relationship may lead to one of megabytes.
_MAX_CHARACTERS: Final = 200


def damaged(detail: str) -> WorkbookRefused:
    """Build the refusal of a file that breaks the format; *detail* completes "The workbook is damaged: …"."""
    return WorkbookRefused("damaged", detail=_cut(detail))


def too_large(what: str, size: int, limit: int, unit: str) -> WorkbookRefused:
    """
    Build the refusal of something beyond a limit.

    Args:
        what: Subject and verb: `The file has`, `Cell B2 of the sheet Instructions holds`.
        size: How much there is.
        limit: How much is read.
        unit: `bytes`, which are shown as MB, or a plural noun.
    """
    return WorkbookRefused("too-large", what=_cut(what), size=_shown(size, unit), limit=_shown(limit, unit))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 1] + "…"


def _shown(count: int, unit: str) -> str:
    if unit != "bytes":
        return f"{count:,} {unit}"
    return f"{count / 1_000_000:,.1f} MB".replace(".0 MB", " MB")
