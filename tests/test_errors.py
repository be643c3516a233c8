"""Refusals that come from another process."""

from __future__ import annotations

import pickle

import pytest

from importer import errors
from importer.errors import ImporterError, LayoutIssue

MESSAGE = "Nothing was sent."

#: One of each class that needs more than a message, with all that it carries.
OWN = {
    errors.WorkbookRefused: errors.WorkbookRefused("file-too-large", size=3, limit="2 MB"),
    errors.RateLimited: errors.RateLimited(MESSAGE, 1.5),
    errors.Rejected: errors.Rejected(MESSAGE, 400, (LayoutIssue((0, 2), "too wide"),)),
}


def below(kind: type[ImporterError]) -> set[type[ImporterError]]:
    """Every class of the tree in `importer.errors`."""
    found = {kind}.union(*(below(one) for one in kind.__subclasses__()))
    return {one for one in found if one.__module__ == errors.__name__}


@pytest.mark.parametrize("kind", sorted(below(ImporterError), key=lambda kind: kind.__name__))
def test_a_refusal_survives_the_way_between_processes(kind: type[ImporterError]) -> None:
    """Its class, its sentence, its exit code and every value arrive."""
    refusal = OWN.get(kind) or kind(MESSAGE)

    arrived = pickle.loads(pickle.dumps(refusal))  # noqa: S301 (ours)

    assert (type(refusal), str(refusal), refusal.args, vars(refusal), refusal.exit_code) == (
        type(arrived),
        str(arrived),
        arrived.args,
        vars(arrived),
        arrived.exit_code,
    )
