"""
Which studies of a batch are published, as far as the workbook and the journal know its studies.

A batch does not say which studies use it, and a list of studies does not say of which batch each is, so
a study that was made elsewhere is not found: then Prolific's own refusal is all there is.

Source: "Get a Study": a draft is UNPUBLISHED, everything else is or was open to participants.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from importer.errors import Rejected
from importer.push.desk import Desk
from importer.push.reading import GONE

_DRAFT: Final = "UNPUBLISHED"


def published_studies(desk: Desk, batch_id: str, named: Iterable[str]) -> tuple[str, ...]:
    """
    Return the studies of a batch that are no drafts any more, each with its status: `"Wave 1" (ACTIVE)`.

    Args:
        desk: What a push needs within reach.
        batch_id: The batch.
        named: Ids of its studies that the workbook names.

    Raises:
        ProlificError: A study cannot be read; one that is gone is none.
        TokenRefused: The token is not accepted.
    """
    found = []
    for study_id in dict.fromkeys((*named, *desk.journal.studies_of(batch_id))):
        try:
            study = desk.prolific.get_study(study_id)
        except Rejected as refusal:
            if refusal.status not in GONE:
                raise
            continue
        if study.get("status") != _DRAFT:
            found.append(f"{study.get('name') or study_id} ({study.get('status')})")
    return tuple(found)
