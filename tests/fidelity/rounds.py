"""
The rounds: push every workbook, push it again, edit it and push it once more; look each time.

All workbooks go through one check and one run, as a researcher with many studies has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from importer.checking import check_parts
from importer.push.desk import Desk
from importer.push.reading import begin
from importer.run.pushing import push
from importer.run.results import Consent, RunResult
from importer.sandbox import Sandbox
from tests.desks import NOW, Clock, open_desk
from tests.fidelity.compare import compare_cells, compare_zips, see
from tests.fidelity.graft import NAMES, HostParts, graft, look
from tests.fidelity.hosts import Host
from tests.fidelity.markup import cells_of
from tests.fidelity.sheets import DIALECTS, ID, REFS, RETYPED, TYPED, Filled, fill
from tests.fidelity.zips import read_zip

_AT = f"{NOW:%Y-%m-%d %H:%M} UTC"


@dataclass
class Proof:
    """
    What came of one workbook.

    Attributes:
        host: Where the sheets were put.
        original: The workbook as it was before the first push.
        path: The workbook.
        batch_id: Its batch.
        parts: The host's parts.
        filled: What was put into it.
        ids: The ids that Prolific gave, by ref.
        members: Zip members compared with what they were.
        cells: Cells compared by openpyxl.
        differences: What changed and must not have, or has not and should; none is the goal.
        refusal: Why the importer refused it; "" if it did not.
        is_saved_elsewhere: Whether another program saved it, and the importer was given that.
    """

    host: Host
    original: Path
    path: Path
    batch_id: str
    parts: HostParts
    filled: Filled
    ids: dict[str, str] = field(default_factory=dict)
    members: int = 0
    cells: int = 0
    differences: list[str] = field(default_factory=list)
    refusal: str = ""
    is_saved_elsewhere: bool = False

    @property
    def dialect(self) -> str:
        """How the two sheets are written."""
        return self.filled.dialect.name

    @property
    def named_at_first(self) -> tuple[dict[str, str], dict[str, str]]:
        """The cells that the first push may change and their texts, for both sheets."""
        instructions = self.filled.cells_of_push(self.ids, f"created {_AT}")
        return instructions, self.filled.batch_cells(f"updated {_AT}")

    @property
    def named_in_edit(self) -> dict[str, str]:
        """The cells of the sheet Instructions that the push of the edit may change, and their texts."""
        return self.filled.cells_of_edit(f"updated {_AT}")

    @property
    def named_at_last(self) -> dict[str, dict[str, str]]:
        """The cells that differ in the end, by sheet, the edited one included."""
        instructions, batches = self.named_at_first
        typed = {self.filled.edited_cell: RETYPED}
        return dict(zip(NAMES, (instructions | self.named_in_edit | typed, batches), strict=True))

    @property
    def is_seen_by_openpyxl(self) -> bool:
        """Whether openpyxl sees the cells: of Strict OOXML it sees none."""
        return self.host.is_read_by_openpyxl and not self.parts.is_strict


#: Another program saves workbooks again, under their names in a new folder, as far as it can.
Save = Callable[[Sequence[Path], Path], None]


def prove(hosts: Sequence[Host], folder: Path, save: Save | None = None) -> tuple[Proof, ...]:
    """
    Take hosts through all rounds.

    Args:
        hosts: Where the importer's sheets are put.
        folder: Empty but for what makes the hosts; the workbooks stay there as they were left.
        save: For the last round; None leaves it out.
    """
    with Sandbox() as prolific, open_desk(prolific.url, prolific.token, folder / "state", Clock()) as desk:
        for name in ("originals", "books"):
            (folder / name).mkdir()
        proofs = [_prepared(number, host, prolific, folder) for number, host in enumerate(hosts)]
        rounds = _Rounds(desk, prolific)
        rounds.first(proofs)
        going_on = [proof for proof in proofs if not proof.refusal and not proof.differences]
        rounds.nothing_to_do(going_on)
        rounds.edited(going_on)
        if save is not None:
            rounds.saved_elsewhere(going_on, save, folder / "saved")
    return tuple(proofs)


def _prepared(number: int, host: Host, prolific: Sandbox, folder: Path) -> Proof:
    """Give a host the two sheets and a batch."""
    batch_id = prolific.add_batch(f"Batch {number}")
    package = read_zip(host.content)
    parts = look(package)
    dialect = DIALECTS[number % len(DIALECTS)]
    filled = fill(batch_id, f"Study {number}", dialect, style=parts.style, is_strict=parts.is_strict)
    grafted = graft(package, parts, (filled.instructions, filled.batches))
    original, path = (folder / name / f"{number:03}-{host.name}" for name in ("originals", "books"))
    for place in (original, path):
        place.write_bytes(grafted)
    return Proof(host, original, path, batch_id, parts, filled)


class _Rounds:
    def __init__(self, desk: Desk, prolific: Sandbox) -> None:
        self._desk = desk
        self._prolific = prolific

    def first(self, proofs: Sequence[Proof]) -> None:
        """Everything is new: ids and statuses go into both sheets, and nowhere else."""
        result = self._push([proof.path for proof in proofs])
        for proof in proofs:
            proof.refusal = _refusal(result, proof.path)
            before, after = proof.original.read_bytes(), proof.path.read_bytes()
            if proof.refusal:
                self._expect_refused(proof, before, after)
                continue
            self._expect_requests(proof, ["PATCH", "PUT"], "the first push")
            ids = [str(item["id"]) for item in self._prolific.instructions(proof.batch_id)]
            if len(ids) != len(REFS):
                proof.differences.append(f"Prolific holds {len(ids)} instructions")
            proof.ids = dict(zip(REFS, ids, strict=False))
            _compare(proof, before, after, *proof.named_at_first)
            _compare_seen(proof, before, after)

    def nothing_to_do(self, proofs: Sequence[Proof]) -> None:
        """Nothing was edited: nothing is sent, and bytes and time stamp stay."""
        before = {proof.path: (proof.path.read_bytes(), proof.path.stat().st_mtime_ns) for proof in proofs}
        self._push([proof.path for proof in proofs])
        for proof in proofs:
            self._expect_requests(proof, [], "a second push")
            if before[proof.path] != (proof.path.read_bytes(), proof.path.stat().st_mtime_ns):
                proof.differences.append("a second push touched the workbook")

    def edited(self, proofs: Sequence[Proof]) -> None:
        """One description was edited: that goes out, and one status comes back."""
        held = {proof.path: self._prolific.instructions(proof.batch_id) for proof in proofs}
        before = {proof.path: _edit(proof) for proof in proofs}
        self._push([proof.path for proof in proofs])
        for proof in proofs:
            self._expect_requests(proof, ["PUT"], "the push of an edit")
            expected = [
                (item["id"], RETYPED if ref == "Q2" else item["description"])
                for ref, item in zip(REFS, held[proof.path], strict=False)
            ]
            now = self._prolific.instructions(proof.batch_id)
            if expected != [(item["id"], item["description"]) for item in now]:
                proof.differences.append("the edit came out as something else on Prolific")
            _compare(proof, before[proof.path], proof.path.read_bytes(), proof.named_in_edit, {})
            if [item["id"] for item in now] != _ids_in(proof):
                proof.differences.append("the ids in the sheet are not those on Prolific")

    def saved_elsewhere(self, proofs: Sequence[Proof], save: Save, out: Path) -> None:
        """Another program saved the workbook: the ids are still there, so nothing is sent."""
        save([p.path for p in proofs if p.path.suffix == ".xlsx" and p.host.is_read_by_libreoffice], out)
        saved = {out / proof.path.name: proof for proof in proofs if (out / proof.path.name).exists()}
        before = {path: path.read_bytes() for path in saved}
        result = self._push(list(saved))
        for path, proof in saved.items():
            proof.is_saved_elsewhere = True
            self._expect_requests(proof, [], "a push of what another program saved")
            if before[path] != path.read_bytes() or _refusal(result, path):
                proof.differences.append(
                    f"saved by another program: {_refusal(result, path) or 'it changed'}"
                )

    def _push(self, paths: Sequence[Path]) -> RunResult:
        """Push workbooks in one run, and forget what was sent before."""
        self._prolific.clear_ledger()
        with begin(self._desk, paths) as reading:
            return push(
                self._desk, paths, lambda: check_parts(paths), reading, consent=Consent(), ask=lambda _: None
            )

    def _expect_requests(self, proof: Proof, expected: list[str], when: str) -> None:
        sent = [
            entry.method
            for entry in self._prolific.ledger
            if proof.batch_id in entry.path and entry.method != "GET"
        ]
        if sent != expected:
            proof.differences.append(f"{when} sent {sent or 'nothing'} instead of {expected or 'nothing'}")

    def _expect_refused(self, proof: Proof, before: bytes, after: bytes) -> None:
        self._expect_requests(proof, [], "a refused push")
        if before != after:
            proof.differences.append("it was refused, but the workbook changed")


def _refusal(result: RunResult, path: Path) -> str:
    """The sentences with which a workbook was refused; "" if its ids are in it."""
    problems = [f"{p.text} {p.remedy}" for p in result.report.of(str(path)) if p.is_error]
    refusals = [str(r) for one in result.results if one.workbook == str(path) for r in one.refusals]
    return " ".join(problems + refusals)


def _compare(
    proof: Proof, before: bytes, after: bytes, instructions: dict[str, str], batches: dict[str, str]
) -> None:
    named = zip(proof.parts.new_parts, (instructions, batches), strict=True)
    proof.differences += compare_zips(before, after, {part: cells for part, cells in named if cells})
    proof.members += len(read_zip(before).entries)


def _compare_seen(proof: Proof, before: bytes, after: bytes) -> None:
    if not proof.is_seen_by_openpyxl:
        return
    named = dict(zip(NAMES, proof.named_at_first, strict=True))
    for old, new in zip(see(before), see(after), strict=True):
        proof.cells += len(old)
        proof.differences += compare_cells(old, new, named)


def _edit(proof: Proof) -> bytes:
    """Type another description for Q2, as somebody would in Excel; returns the workbook's bytes then."""
    package = read_zip(proof.path.read_bytes())
    part = proof.parts.new_parts[0]
    xml = package.by_name[part].content
    assert xml.count(TYPED.encode()) == 1
    edited = package.edited({part: xml.replace(TYPED.encode(), RETYPED.encode())})
    proof.path.write_bytes(edited)
    return edited


def _ids_in(proof: Proof) -> list[str]:
    """The ids in the sheet, from top to bottom."""
    xml = read_zip(proof.path.read_bytes()).by_name[proof.parts.new_parts[0]].content
    column = proof.filled.dialect.place(ID)
    named = ((int(name[len(column) :]), cell) for name, cell in cells_of(xml).items()
             if name.rstrip("0123456789") == column)  # fmt: skip
    return [cell.text for row, cell in sorted(named, key=lambda one: one[0]) if row > 1 and cell.text]
