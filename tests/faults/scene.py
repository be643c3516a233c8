"""
A push through a fault: real workbook, real HTTP, real journal, made-up clock.

A scene is a kind of workbook (all rows new, all rows known, or both) for one batch or three. It is
laid out once and checked once; every case starts from the same bytes and the same batches.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import openpyxl

from importer.checking import check_parts
from importer.journal import State
from importer.places import Part
from importer.push.desk import Desk
from importer.push.reading import begin
from importer.run.pushing import push
from importer.run.results import Consent, RunResult
from importer.run.resuming import resume
from importer.sandbox import Sandbox
from tests.books import write_book
from tests.desks import Clock, open_desk
from tests.sandboxes import wait_until

KINDS = ("new", "known", "both")
INSTRUCTIONS = "/instructions"

#: What a server may be tempted to tidy: spaces, a quote, an ampersand, an accent in two characters.
WHY = "It's your cafe\u0301 & you?  Why? "
HOW = "How was  it?"
_COLUMNS = (
    "batch", "ref", "type", "description", "answer_limit", "option_label", "option_value", "instruction_id", "status",
)  # fmt: skip
_BATCH = "019a0f6e-1c1d-7cc2-8a67-00000000000"
_HELD = "019a0f6e-1c1d-7cc2-8a67-0000000000"


def composed(text: str) -> str:
    """Return a text with accents in one character."""
    return unicodedata.normalize("NFC", text)


def held_id(batch: int, letter: str) -> str:
    """The id of an instruction that batch number *batch* held before."""
    return f"{_HELD}{batch}{letter}"


@dataclass(frozen=True)
class Scene:
    """
    A workbook and the batches that it is for.

    Attributes:
        kind: Which rows it has: new, known, or both.
        batches: How many batches.
        has_names: Whether it changes the name of each batch, too: a PATCH.
        is_paged: Whether the batches are made of pages, so that a PATCH takes the place of the PUT.
    """

    kind: str
    batches: int = 1
    has_names: bool = False
    is_paged: bool = False

    @property
    def method(self) -> str:
        """How a push sends instructions."""
        return "PATCH" if self.is_paged else "PUT"

    @property
    def numbers(self) -> range:
        """The batches' numbers."""
        return range(1, self.batches + 1)

    @property
    def created(self) -> int:
        """How many instructions a push creates in each batch."""
        return {"new": 2, "known": 0, "both": 1}[self.kind]

    def batch_id(self, number: int) -> str:
        """The id of a batch."""
        return f"{_BATCH}{number}"

    def ids(self, number: int) -> dict[str, str | None]:
        """The ids that the workbook knows before the push, by ref."""
        known = {"Q1": held_id(number, "a"), "Q2": held_id(number, "b")}
        return {ref: known[ref] if ref in self._known else None for ref in known}

    @property
    def _known(self) -> tuple[str, ...]:
        return {"new": (), "known": ("Q1", "Q2"), "both": ("Q1",)}[self.kind]

    def kept(self, number: int) -> set[str]:
        """The ids that a push keeps."""
        return {one for one in self.ids(number).values() if one}

    def doomed(self, number: int) -> set[str]:
        """The ids that the plan names as deletes."""
        return {held_id(number, "c")} if self.kind == "both" else set()

    def held(self, number: int) -> list[dict[str, Any]]:
        """What a batch holds before the push."""
        old = {"type": "free_text", "description": "Old?"}
        every = [*sorted(self.kept(number)), *self.doomed(number)]
        return [old | {"id": one, "description": f"Old {one[-1]}?"} for one in every]

    def pages(self, number: int) -> list[dict[str, Any]] | None:
        """The layout of a batch before the push: what it holds, behind a page of content; None if it has none."""
        if not self.is_paged:
            return None
        return [
            self.content(number),
            *(_page(f"1{number}{place}", item) for place, item in enumerate(self.held(number))),
        ]

    def content(self, number: int) -> dict[str, Any]:
        """The page of a layout that the sheet does not describe."""
        read = {"type": "rich_text", "content": "Read this.", "content_format": "markdown"}
        return _page(f"2{number}0", read | {"id": held_id(number, "d")}) | {"display_position": "intro"}

    def sheets(self) -> dict[str, list[list[object]]]:
        """The sheets of the workbook."""
        rows: list[list[object]] = [list(_COLUMNS)]
        for number in self.numbers:
            ids, ref = self.ids(number), f"w{number}"
            rows += [
                [ref, "Q1", "multiple_choice", HOW, "1", "Good", "1", ids["Q1"], None],
                [ref, "Q1", None, None, None, "Bad", "true", None, None],
                [ref, "Q2", "free_text", WHY, None, None, None, ids["Q2"], None],
            ]
        batches: list[list[object]] = [["batch", "batch_id", "name"]]
        batches += [[f"w{n}", self.batch_id(n), "New name" if self.has_names else None] for n in self.numbers]
        return {"Instructions": rows, "Batches": batches}


def _page(digits: str, item: dict[str, Any]) -> dict[str, Any]:
    """A page of one item; the digits make its ids."""
    page, row, column = (f"{_BATCH[:-4]}{level}{digits}0" for level in "abc")
    return {"id": page, "rows": [{"id": row, "columns": [{"id": column, "items": [item]}]}]}


@cache
def _bytes_and_check(scene: Scene, path: Path) -> tuple[bytes, list[Part]]:
    write_book(path, scene.sheets())
    return path.read_bytes(), list(check_parts([path]))


@dataclass
class Stage:
    """
    Where scenes are played.

    Attributes:
        sandbox: The local Prolific.
        elsewhere: Another host, which no request may ever reach.
        folder: For workbooks and journals.
    """

    sandbox: Sandbox
    elsewhere: Sandbox
    folder: Path
    played: int = 0
    is_down: bool = False

    @contextmanager
    def play(
        self,
        scene: Scene,
        *,
        before: Callable[[], None] | None = None,
        on_sent: Callable[[], None] | None = None,
        while_sleeping: Callable[[], None] | None = None,
        read_s: float = 5.0,
        answer_s: float = 300.0,
        jobs: int = 1,
    ) -> Iterator[Play]:
        """
        Lay a scene out, and have a desk for it.

        Args:
            scene: The workbook and its batches.
            before: Called when all is laid out.
            on_sent: Called when the first PUT is about to be sent.
            while_sleeping: Called once, when the push sleeps.
            read_s: How long Prolific may be silent, in seconds.
            answer_s: How long an answer may take, in seconds.
            jobs: Batches on their way side by side.
        """
        self.played += 1
        self.sandbox.clear()
        path = self.folder / f"{scene.kind}-{scene.batches}-{scene.has_names}.xlsx"
        workbook, checked = _bytes_and_check(scene, path)
        path.write_bytes(workbook)
        for number in scene.numbers:
            self.sandbox.add_batch(
                "Old name",
                batch_id=scene.batch_id(number),
                instructions=[] if scene.is_paged else scene.held(number),
                batch_items=scene.pages(number),
            )
        at_sent, at_sleep = [on_sent] if on_sent else [], [while_sleeping] if while_sleeping else []

        striking = Lock()

        def checkpoint(name: str) -> None:
            with striking:
                if name == "journal:sent" and at_sent:
                    at_sent.pop()()

        def sleeping() -> None:
            with striking:
                if at_sleep:
                    at_sleep.pop()()
            self.settle()

        clock = Clock(while_sleeping=sleeping)
        state = self.folder / f"state-{self.played}"
        with open_desk(
            self.sandbox.url,
            self.sandbox.token,
            state,
            clock,
            checkpoint,
            read_s=read_s,
            answer_s=answer_s,
            jobs=jobs,
        ) as desk:
            for number in scene.numbers:
                # Somebody has looked, so a cache that lags behind has something old to answer.
                desk.prolific.get_batch(scene.batch_id(number))
                desk.prolific.get_instructions(scene.batch_id(number))
            if before is not None:
                before()
            try:
                yield Play(scene, self, desk, clock, path, workbook, checked)
            finally:
                self.revive()

    def stop(self) -> None:
        """Let nobody listen."""
        self.sandbox.stop()
        self.is_down = True

    def revive(self) -> None:
        """Serve again, if nobody listens."""
        if self.is_down:
            self.sandbox.start()
            self.is_down = False

    def settle(self) -> None:
        """Wait until the sandbox has finished with every request, also with those nobody waits for."""
        wait_until(lambda: all(entry.seconds is not None for entry in self.sandbox.ledger))


@dataclass
class Play:
    """A scene being played."""

    scene: Scene
    stage: Stage
    desk: Desk
    clock: Clock
    path: Path
    before: bytes
    checked: list[Part]

    # -------------------------------------------------------------- what a researcher does

    def push(self, **consent: Any) -> Heard:
        """Push, and agree to every plan and to exactly the deletes that the scene means."""
        doomed = sum(
            one in self.held(number) for number in self.scene.numbers for one in self.scene.doomed(number)
        )
        agreed = Consent(**({"allow_remove": doomed or None} | consent))
        self.clock.told.clear()
        with begin(self.desk, [self.path]) as reading:
            result = push(self.desk, [self.path], self._check, reading, consent=agreed, ask=lambda _: None)
        self.stage.settle()
        return Heard.of(result, self.clock)

    def resume(self) -> Heard:
        """Resume whatever is open."""
        self.clock.told.clear()
        outcomes = resume(self.desk, self.desk.journal.open_imports())
        self.stage.settle()
        code = max((o.refusal.exit_code for o in outcomes if o.refusal), default=0)
        return Heard(code, "\n".join([*self.clock.told, *(str(o.refusal or o.done.note) for o in outcomes)]))

    def end_fault(self) -> None:
        """Let Prolific be well again."""
        self.stage.sandbox.clear_faults()
        self.stage.sandbox.switches.get_instructions = 200
        self.stage.revive()

    def clear_ids(self) -> None:
        """Clear the instruction_id cells, as a researcher would who gives the old ids up."""
        book = openpyxl.load_workbook(self.path)
        for (cell,) in book["Instructions"]["H2" : f"H{1 + 3 * self.scene.batches}"]:  # type: ignore[misc]
            cell.value = None
        book.save(self.path)

    def _check(self) -> list[Part]:
        same = hashlib.sha256(self.path.read_bytes()).digest() == hashlib.sha256(self.before).digest()
        return self.checked if same else list(check_parts([self.path]))

    # -------------------------------------------------------------- what is so afterwards

    def held(self, number: int) -> list[str]:
        """The ids that a batch holds, in order."""
        return [str(item["id"]) for item in self.stage.sandbox.instructions(self.scene.batch_id(number))]

    def texts(self, number: int) -> list[str]:
        """The descriptions that a batch holds, in order, accents in one character."""
        items = self.stage.sandbox.instructions(self.scene.batch_id(number))
        return [composed(str(item["description"])) for item in items]

    def wanted(self) -> list[str]:
        """The descriptions in the workbook, in order, accents in one character."""
        return [composed(HOW), composed(WHY)]

    def in_sheet(self) -> dict[int, list[str | None]]:
        """The ids in the workbook, by batch, in sheet order."""
        rows = openpyxl.load_workbook(self.path)["Instructions"].iter_rows(min_row=2, values_only=True)
        found: dict[int, list[str | None]] = {number: [] for number in self.scene.numbers}
        for row in rows:
            if row[2]:
                found[int(str(row[0])[1:])].append(None if row[7] is None else str(row[7]))
        return found

    def created(self, number: int) -> int:
        """How many instructions the requests to a batch have created."""
        batch_id = self.scene.batch_id(number)
        ids = sum(len(r.ids_created) for r in self.stage.sandbox.ledger if batch_id in r.path)
        # In a layout each comes with a page, a row and a column.
        return ids // 4 if self.scene.is_paged else ids

    def is_content_kept(self, number: int) -> bool:
        """Whether what the sheet does not describe is as it was, at its place."""
        pages: Any = self.stage.sandbox.batch(self.scene.batch_id(number))["batch_items"]
        return not self.scene.is_paged or pages[0] == self.scene.content(number)

    def spoilt(self) -> int:
        """How many batches do not have the ids of the workbook, or not its texts."""
        in_sheet = self.in_sheet()
        return sum(self.held(n) != in_sheet[n] or self.texts(n) != self.wanted() for n in self.scene.numbers)

    def states(self) -> list[State]:
        """The states of all imports, oldest first."""
        return [one.state for one in reversed(self.desk.journal.recent(99))]


@dataclass(frozen=True)
class Heard:
    """
    What a researcher sees of a run.

    Attributes:
        code: The exit code.
        text: Every sentence.
    """

    code: int
    text: str

    @classmethod
    def of(cls, result: RunResult, clock: Clock) -> Heard:
        """Collect what a push told."""
        said = [*clock.told]
        for study in result.results:
            said += [] if study.refusal is None else [str(study.refusal)]
            said += [str(o.refusal or o.done.note) for o in study.outcomes]
        said += [str(o.refusal or o.done.note) for o in result.resumed]
        return cls(result.exit_code, "\n".join(filter(None, said)))
