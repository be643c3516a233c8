"""What a search for workbooks left out, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from importer.render.words import count_of, some_of
from importer.sources import Reason, Skipped

#: So many are named one by one; more are counted.
NAMED: Final = 3

_PLURALS: Final = {
    Reason.MARKED_COPY: "marked copies",
    Reason.CIRCLE: "links that lead in a circle",
    Reason.NO_FILE: "links that lead nowhere",
    Reason.UNREADABLE: "folders that cannot be read",
}


def skipped_text(skipped: Sequence[Skipped]) -> str:
    """
    Say what was left out, in one sentence; "" if nothing was.

    Folders that cannot be read are named even among many: they may hold workbooks.
    """
    if not skipped:
        return ""
    if len(skipped) <= NAMED:
        named = (f"{one.path} ({one.reason}{f': {one.detail}' * bool(one.detail)})" for one in skipped)
        return f"Skipped: {', '.join(named)}."
    kinds = []
    for reason in Reason:
        of_kind = [str(one.path) for one in skipped if one.reason is reason]
        names = f" ({some_of(of_kind, NAMED)})" if reason is Reason.UNREADABLE else ""
        if of_kind:
            kinds.append(count_of(len(of_kind), reason, _PLURALS.get(reason, "")) + names)
    return f"Skipped: {', '.join(kinds)}."
