"""
The fault matrix: for each fault, what a researcher sees and where it ends.

A row is a fault. Its cells say what comes of a push when the fault strikes the PUT once, when it
strikes every PUT while it lasts, when it strikes what is read before, when it strikes what is read
after a PUT whose answer was lost, and when it strikes the PATCH. `tests/test_fault_matrix.py` plays
every cell; `tests.faults.table` prints them for the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from importer.prolific.pace import MAX_HOLD_S
from importer.sandbox.switches import ALLOWED
from tests.faults.scene import KINDS

COLUMNS = {
    "once": "one PUT",
    "lasting": "every PUT",
    "read": "reading before",
    "look": "reading after a lost answer",
    "patch": "every PATCH",
}


class End(StrEnum):
    """Where a push has ended when the fault is over."""

    DONE = "done"  # the workbook holds Prolific's ids
    AGAIN = "push again"  # the workbook is as before, and the next push ends well
    RESUME = "resume"  # the workbook is as before, and `importer resume` ends well
    PERSON = "decide"  # the workbook is as before, and the next push says what must be decided


@dataclass(frozen=True)
class Cell:
    """
    What comes of one push.

    Attributes:
        code: The exit code.
        end: Where it has ended when the fault is over.
        says: What stands somewhere in the sentences, `…` for anything; "" if nothing is said at all.
        asks: What the next push says must be decided; "" unless a person decides.
        decision: That decision, as `importer.run.results.Consent` has it; a number is for each batch struck.
        clears: Whether the ids in the workbook are to be cleared first.
    """

    code: int
    end: End
    says: str
    asks: str = ""
    decision: Mapping[str, int | bool] = field(default_factory=dict)
    clears: bool = False


#: One cell, or one for each kind of workbook.
Cells = Cell | Mapping[str, Cell]


@dataclass(frozen=True)
class Row:
    """
    One fault.

    Attributes:
        title: What happens, in the documentation's words.
        fault: Its name in `importer.sandbox.FAULTS`; or `down` (nobody listens) or `gone` (GET
            instructions has been switched off), which are the sandbox's own switches.
        settings: Its settings.
        cells: What comes of it, by column; a column that is left out is not played.
        waits: Time-outs of the client, where the fault needs short ones.
        is_variant: Whether it is another row with another status or body, so that one kind of
            workbook is enough.
    """

    title: str
    fault: str
    settings: Mapping[str, float | str]
    cells: Mapping[str, Cells]
    waits: Mapping[str, float] = field(default_factory=dict)
    is_variant: bool = False

    @property
    def is_for_all(self) -> bool:
        """Whether what strikes one batch stops the others: nothing to ask any more, or a pause that nobody waits for."""
        return self.fault == "gone" or float(self.settings.get("seconds", 0)) > MAX_HOLD_S

    def paged(self, column: str) -> Cells | None:
        """Return the cells of a batch made of pages; None if there is nothing to play."""
        is_same = self.fault != "gone" and column != "patch"
        return PAGED.get(self.fault, {}).get(column, self.cells.get(column) if is_same else None)

    def cell(self, column: str, kind: str, *, is_paged: bool = False) -> Cell:
        """Return the cell of a kind of workbook."""
        cells = self.paged(column) if is_paged else self.cells[column]
        assert cells is not None
        return cells if isinstance(cells, Cell) else cells[kind]


LOOKING = "Looking at what Prolific holds now."
UNKNOWN = "The instructions … were sent, but nobody knows whether Prolific applied them: …"
IN_VAIN = "The batch … was sent 2 times without a usable answer, and Prolific does not hold what was sent."
REFUSED = "Prolific refused the request for … (400): …"


def _done(says: str = "") -> Cell:
    return Cell(0, End.DONE, says)


def _again(says: str, code: int = 6) -> Cell:
    return Cell(code, End.AGAIN, says)


def _resume(says: str) -> Cell:
    return Cell(5, End.RESUME, says)


def _not_applied(title: str, fault: str, says: str, **settings: float | str) -> Row:
    """A request that had no effect, which its answer does not prove: looked for, waited for, sent once more."""
    cells = {
        "once": _done(says),
        "lasting": _resume(IN_VAIN),
        "read": _again(says),
        "look": _resume(UNKNOWN),
        "patch": _again(says),
    }
    return Row(title, fault, settings, cells)


def _applied(title: str, fault: str, says: str, unread: str = "", **settings: float | str) -> Row:
    """A request that had its effect, which its answer does not tell: looked for, and its ids adopted."""
    cells = {
        "once": _done(says),
        "lasting": _done(says),
        "read": _again(unread or says),
        "look": _resume(UNKNOWN),
        "patch": _again("cannot be read" if unread else says),
    }
    return Row(title, fault, settings, cells)


def _refused(
    title: str,
    fault: str,
    says: str,
    *,
    code: int = 6,
    is_variant: bool = False,
    **settings: float | str,
) -> Row:
    """A refusal, which proves that nothing happened."""
    no = _again(says, code)
    cells = {"once": no, "read": no}
    if not is_variant:
        cells |= {"lasting": no, "look": _resume(says), "patch": no}
    return Row(title, fault, settings, cells, is_variant=is_variant)


def _limited(title: str, fault: str, **settings: float | str) -> Row:
    """A refusal for now: waited for and sent again."""
    says = "Prolific asks to slow down (429): …"
    no = _again(says)
    cells = {
        "once": _done("Prolific asks to slow down (429): … Trying again in …"),
        "lasting": no,
        "read": no,
        "look": _resume(says),
        "patch": no,
    }
    return Row(title, fault, settings, cells)


def _understood(title: str, fault: str, **settings: float | str) -> Row:
    """An answer that is understood as it is; nothing is said."""
    cells = dict.fromkeys(("once", "lasting", "read", "patch"), _done()) | {"look": _done(LOOKING)}
    return Row(title, fault, settings, cells)


def _misfit(title: str, fault: str, says: str, read: Cell, look: Cell) -> Row:
    """A list that is not what was sent; what Prolific holds is right."""
    cells = {"once": _done(says), "lasting": _done(says), "read": read, "look": look, "patch": _done()}
    return Row(title, fault, {}, cells)


def _rewritten(title: str, fault: str, put: Cells) -> Row:
    """Prolific holds something else than it was sent."""
    return Row(title, fault, {}, {"once": put, "lasting": put})


_RELINK = {"relink": True}
_REMOVE = {"allow_remove": 1}
_UNREADABLE = "The answer to the instructions cannot be read."
_NOT_JSON = "cannot be read; it is not JSON"

_LOST_IDS = Cell(
    5,
    End.PERSON,
    "Prolific did not keep the ids of … To go on with the new ids, clear the instruction_id of these rows and run importer push with --relink.",
    asks="Prolific does not know the ids of … clear their instruction_id cells",
    decision=_RELINK,
    clears=True,
)
_DROPPED = {
    "new": Cell(
        5,
        End.PERSON,
        "Prolific keeps something else than it is sent.",
        asks="run again with --relink",
        decision=_RELINK,
    ),
    "known": Cell(
        5,
        End.PERSON,
        "Prolific's answer lacks the ids of 1 instruction(s) that were sent (Q2)",
        asks="Prolific does not know the ids of 1 instruction(s) in this batch (Q2)",
        decision=_RELINK,
        clears=True,
    ),
    "both": Cell(5, End.AGAIN, "Prolific keeps something else than it is sent."),
}
_REWORDED = {
    "new": Cell(
        5,
        End.PERSON,
        "holds no instruction that is surely Q2. Prolific keeps something else than it is sent",
        asks="run again with --allow-remove",
        decision=_RELINK | _REMOVE,
    ),
    "known": Cell(5, End.AGAIN, "Prolific holds something else for Q2 than was sent (description)"),
    "both": Cell(
        5,
        End.PERSON,
        "holds no instruction that is surely Q2. Prolific keeps something else than it is sent",
        asks="run again with --allow-remove",
        decision=_REMOVE,
    ),
}
_UNSEEN = _again("Nobody knows which instructions the batch holds", code=1)

# ------------------------------------------------------------------ where the batch is made of pages
_ELSEWHERE = "Prolific lays out the batch in another way than was sent."
_NO_ID = "Prolific returned an instruction without id or type."
_RELINKED = Cell(5, End.PERSON, _ELSEWHERE, asks="run again with --relink", decision=_RELINK)
#: Cells that differ, by fault; None is not played: a layout's places are the order, so one that is read wrongly is believed.
PAGED: Mapping[str, Mapping[str, Cells | None]] = {
    "refused-pages": dict.fromkeys(
        ("once", "lasting"),
        _again('page 1, row 1, column 1, item 1 (rich_text, not in the sheet): "Unknown instruction."'),
    ),
    "reordered": {"once": _done(LOOKING), "lasting": _done(LOOKING), "read": None, "look": _RELINKED},
    "no-ids": {
        "once": _done(_NO_ID),
        "lasting": _done(_NO_ID),
        "read": _again(_NO_ID),
        "look": _resume(_NO_ID),
    },
    "ids-not-preserved": {
        column: {"new": _RELINKED, "known": _LOST_IDS, "both": _LOST_IDS} for column in ("once", "lasting")
    },
}

_LATE = _not_applied("reset at once, applied later", "late-commit", "Connection reset by peer", seconds=0.05)

ROWS: tuple[Row, ...] = (
    # refused before any effect
    _limited("429, Retry-After in seconds", "rate-limited", seconds=7),
    _limited("429, Retry-After as a date", "rate-limited-date", seconds=7),
    _limited("429 without Retry-After", "rate-limited-bare"),
    _refused(
        "429 that asks for ten minutes",
        "rate-limited",
        "Prolific asks to slow down (429): …",
        is_variant=True,
        seconds=600,
    ),
    *(
        _refused(
            f"400, body {shape}",
            "refused",
            'Prolific refused the request for … (400): "…This cannot be done."',
            is_variant=True,
            status=400,
            shape=shape,
        )
        for shape in map(str, ALLOWED["error_shape"])
    ),
    _refused("400", "refused", REFUSED),
    _refused("401", "refused", "Prolific does not accept the token (401)", code=4, status=401),
    _refused(
        "403",
        "refused",
        "Prolific does not allow this for …, or your token has no access (403): …",
        is_variant=True,
        status=403,
    ),
    _refused(
        "404",
        "refused",
        "Prolific does not know …, or your token has no access (404): …",
        is_variant=True,
        status=404,
    ),
    *(
        _refused(
            str(status),
            "refused",
            f"Prolific refused the request for … ({status}): …",
            is_variant=True,
            status=status,
        )
        for status in (405, 409, 410, 413, 422)
    ),
    _refused(
        "422, batch_items",
        "refused-pages",
        'Prolific refused the request for … (422): "…page 1, row 1, column 1, item 1: Unknown instruction."',
    ),
    _refused(
        "302 to another path",
        "redirect",
        "Prolific points to another address (302: …). It was not followed, because the token would go along.",
    ),
    *(
        _refused(
            f"{status} to another path",
            "redirect",
            f"Prolific points to another address ({status}: …). It was not followed, because the token would go along.",
            is_variant=True,
            status=status,
        )
        for status in (301, 307, 308)
    ),
    *(
        _refused(
            f"{status} to another host",
            "redirect",
            f"Prolific points to another address ({status}: …). It was not followed, because the token would go along.",
            is_variant=True,
            status=status,
            to="elsewhere",
        )
        for status in (301, 302, 307, 308)
    ),
    # no effect, but nothing proves it
    Row(
        "303",
        "redirect",
        {"status": 303},
        {"once": _done("Prolific failed (303)"), "lasting": _resume(IN_VAIN)},
        is_variant=True,
    ),
    Row(
        "408",
        "refused",
        {"status": 408},
        {"once": _done("Prolific failed (408)"), "lasting": _resume(IN_VAIN)},
        is_variant=True,
    ),
    _not_applied("500", "error-before", "Prolific failed (500)"),
    _not_applied("502 of a proxy, in HTML", "bad-gateway", 'Prolific failed (502): "502 Bad Gateway"'),
    _not_applied("503", "error-before", "Prolific failed (503)", status=503),
    _not_applied("connection reset", "reset-before", "Connection reset by peer"),
    _not_applied("connection closed", "close-before", "closed connection without response"),
    replace(_not_applied("time-out", "timeout-before", "… was silent for 0.2 s."), waits={"read_s": 0.2}),
    Row(
        "200 of a network that wants a login",
        "portal",
        {},
        {
            "once": _done(_UNREADABLE),
            "lasting": _resume(IN_VAIN),
            "read": _again(_NOT_JSON),
            "look": _resume(UNKNOWN),
            "patch": _again("cannot be read"),
        },
    ),
    Row(
        "an answer from a cache that lags behind",
        "stale",
        {},
        {
            "once": _done(LOOKING),
            "lasting": _resume(IN_VAIN),
            "read": _done(),
            "look": _done("Prolific holds what it held before; the request may yet arrive."),
            "patch": _done(),
        },
    ),
    Row(
        "nobody listens",
        "down",
        {},
        {
            "once": _done("Connection refused"),
            "lasting": _again("Connection refused"),
            "read": _again("Connection refused"),
        },
    ),
    # applied, but the answer does not tell
    _applied("500 after the effect", "error-after", "Prolific failed (500)"),
    _applied("504 after the effect", "error-after", "Prolific failed (504)", status=504),
    _applied("502 in HTML after the effect", "bad-gateway-after", "502 Bad Gateway"),
    _applied("connection reset after the effect", "reset-after", "Connection reset by peer"),
    _applied("connection closed after the effect", "close-after", "closed connection without response"),
    replace(
        _applied("time-out after the effect", "timeout-after", "… was silent for 0.2 s."),
        waits={"read_s": 0.2},
    ),
    replace(_LATE, cells={**_LATE.cells, "lasting": _LATE.cells["once"]}),
    replace(
        _applied(
            "an answer in drips that never ends",
            "endless-drip",
            "the answer took longer than 0.2 s.",
            seconds=0.2,
        ),
        waits={"answer_s": 0.2},
    ),
    _applied("a body that is cut", "truncated-body", "the answer broke off"),
    _applied("a body in chunks that is cut", "truncated-chunks", "the answer broke off"),
    _applied("half a JSON document", "half-json", _UNREADABLE, _NOT_JSON),
    _applied("200 without a body", "empty-body", _UNREADABLE, _NOT_JSON),
    _applied("204", "no-content", _UNREADABLE, _NOT_JSON),
    _applied("`null`", "null-body", _UNREADABLE, "cannot be read; it is no JSON object"),
    _applied("HTML with 200", "html-body", _UNREADABLE, _NOT_JSON),
    # understood as it is
    _understood("slow before the effect", "slow-before", seconds=0.05),
    _understood("slow after the effect", "slow-after", seconds=0.05),
    _understood("an answer in drips", "slow-drip", seconds=0.1),
    _understood("a wrong content type", "wrong-type"),
    _understood("a byte order mark", "byte-order-mark"),
    _understood("the list under `results`", "wrapped-results"),
    _understood("the list under `instructions`", "wrapped-instructions"),
    _understood("the bare list", "bare-list"),
    _understood("the list in another order", "reordered"),
    _understood("option values as numbers", "values-as-numbers"),
    _understood("option values as booleans", "values-as-booleans"),
    # the answer lies, and Prolific holds what is right
    _misfit(
        "an item is missing",
        "missing-item",
        LOOKING,
        _again("Prolific counts 2 instruction(s) in the batch …, but lists 1."),
        _resume("Prolific counts 2 instruction(s) in the batch …, but lists 1."),
    ),
    _misfit(
        "an item too many",
        "extra-item",
        "2 instruction(s) were sent, but Prolific's answer holds 3.",
        _again('This push would delete 2 of 3 instructions, not … ("Old c?", "Who put this here?")', code=1),
        Cell(
            5,
            End.PERSON,
            "Somebody else changed it at the same time, or Prolific keeps something else than it is sent.",
            asks="run again with --relink",
            decision=_RELINK,
        ),
    ),
    _misfit(
        "a doubled id",
        "doubled-id",
        "Prolific's answer names an id more than once",
        _again("names an id twice"),
        _resume("names an id twice"),
    ),
    _misfit(
        "no ids",
        "no-ids",
        _UNREADABLE,
        _again("is not a list of instructions"),
        _resume("is not a list of instructions"),
    ),
    # Prolific holds something else than it was sent
    _rewritten(
        "ids are not preserved", "ids-not-preserved", {"new": _done(), "known": _LOST_IDS, "both": _LOST_IDS}
    ),
    _rewritten("an instruction is dropped", "item-dropped", _DROPPED),
    _rewritten("texts are trimmed", "text-trimmed", _done()),
    _rewritten("runs of spaces are collapsed", "text-collapsed", _done()),
    _rewritten("texts are composed (NFC)", "text-nfc", _done()),
    _rewritten("`&` becomes `&amp;`", "text-escaped", _done()),
    _rewritten("quotes become typographic", "text-typographic", _REWORDED),
    # GET instructions has been switched off, PUT works
    *(
        Row(
            f"GET instructions is gone ({status})",
            "gone",
            {"status": status},
            {
                "once": {"new": _done(), "known": _UNSEEN, "both": _UNSEEN},
                "look": _resume("Prolific no longer lets them be read"),
            },
        )
        for status in (404, 410)
    ),
)


def cells(column: str) -> list[tuple[Row, str]]:
    """Return the rows and kinds of workbook that a column is played for."""
    return [
        (row, kind)
        for row in ROWS
        if column in row.cells
        for kind in (KINDS if column in ("once", "lasting") and not row.is_variant else ("both",))
    ]
