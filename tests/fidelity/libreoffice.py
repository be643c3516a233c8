"""
LibreOffice as a third opinion: it opens every workbook, and shows the same cells as before but for the named ones.

All workbooks go through one process, with a profile of its own: a start takes seconds.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fidelity.markup import place_of
from tests.fidelity.rounds import Proof, Save
from tests.fidelity.zips import read_zip

#: Every sheet as a file of its own (the last -1), in UTF-8 (76), texts quoted where needed, values not as formatted.
_AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
_AS_XLSX = "xlsx:Calc MS Excel 2007 XML"
#: What is computed anew each time that a workbook is opened.
_VOLATILE = re.compile(rb"\b(?:NOW|TODAY|RAND[A-Z]*)\(")
#: How long opening all of them may take, and saving all of them. Measured: 30 s and 20 s for 79 workbooks.
LIMIT_S = 120.0


@dataclass
class Shown:
    """
    What LibreOffice made of the workbooks.

    Attributes:
        is_here: Whether there is a LibreOffice.
        opened: Workbooks that it opened as they were before and as they are now.
        sheets: Sheets compared.
        volatile: Sheets that were left out, since they show the time or random numbers.
        unreached: Workbooks that were left when the time was up.
        differences: Workbooks that it does not open, or sheets that show something else; none is the goal.
    """

    is_here: bool
    opened: int = 0
    sheets: int = 0
    volatile: int = 0
    unreached: int = 0
    differences: list[str] = field(default_factory=list)


def find_program() -> str | None:
    """Return LibreOffice's program; None if it is not here."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def look_at(proofs: Sequence[Proof], folder: Path, program: str | None) -> Shown:
    """Compare every workbook that was pushed with what it was, as LibreOffice shows them."""
    if program is None:
        return Shown(is_here=False)
    seen = Shown(is_here=True)
    asked = [proof for proof in proofs if not proof.refusal and proof.host.is_read_by_libreoffice]
    before, after = folder / "before", folder / "after"
    conversion = _Conversion(program, _AS_CSV, folder, time.monotonic() + LIMIT_S)
    conversion.run([proof.original for proof in asked], before)
    conversion.run([proof.path for proof in asked], after)
    for proof in asked:
        if not {proof.original, proof.path} <= conversion.reached:
            seen.unreached += 1
            continue
        old, new = _sheets(before, proof.original), _sheets(after, proof.path)
        if not new:
            seen.differences.append(f"{proof.path.name}: LibreOffice does not open it")
        else:
            seen.opened += 1
            _compare(seen, proof, old, new)
    return seen


def saver(program: str | None, folder: Path) -> Save | None:
    """Return what saves workbooks again with LibreOffice; None if it is not here."""
    if program is None:
        return None

    def save(workbooks: Sequence[Path], out: Path) -> None:
        _Conversion(program, _AS_XLSX, folder, time.monotonic() + LIMIT_S).run(workbooks, out)

    return save


class _Conversion:
    def __init__(self, program: str, form: str, folder: Path, deadline: float) -> None:
        self._program = program
        self._form = form
        self._folder = folder
        self._deadline = deadline
        self.reached: set[Path] = set()

    def run(self, workbooks: Sequence[Path], out: Path) -> None:
        """Convert workbooks; one that crashes LibreOffice costs a new start, and only itself."""
        waiting, is_in_time = list(workbooks), True
        while waiting and is_in_time:
            is_in_time = self._start(waiting, out)
            done = [path for path in waiting if _sheets(out, path) or (out / path.name).exists()]
            missing = [path for path in waiting if path not in done]
            guilty = missing[:1] if is_in_time else []
            self.reached.update(done, guilty)
            waiting = missing[1:]

    def _start(self, workbooks: Sequence[Path], out: Path) -> bool:
        """Whether LibreOffice came to its end in time."""
        profile = (self._folder / "profile").resolve().as_uri()
        command = [
            self._program,
            "--headless",
            f"-env:UserInstallation={profile}",
            "--convert-to",
            self._form,
        ]
        process = subprocess.Popen(
            [*command, "--outdir", str(out), *map(str, workbooks)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(max(0.1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the program is a script that starts the real one
            process.wait()
            return False
        return True


def _sheets(folder: Path, workbook: Path) -> dict[str, Path]:
    """Return the converted sheets of a workbook, by sheet name."""
    return {
        path.stem.removeprefix(f"{workbook.stem}-"): path for path in folder.glob(f"{workbook.stem}-*.csv")
    }


def _compare(seen: Shown, proof: Proof, old: dict[str, Path], new: dict[str, Path]) -> None:
    if old.keys() != new.keys():
        seen.differences.append(f"{proof.path.name}: LibreOffice shows other sheets")
    for sheet in old.keys() & new.keys():
        seen.sheets += 1
        named = proof.named_at_last.get(sheet)
        is_same = _grid(new[sheet]) == _expected(old[sheet], named or {})
        if not is_same and named is None and _is_volatile(proof):
            seen.volatile += 1
        elif not is_same:
            seen.differences.append(f"{proof.path.name}: LibreOffice shows another {sheet}")


def _is_volatile(proof: Proof) -> bool:
    return any(_VOLATILE.search(entry.content) for entry in read_zip(proof.host.content).entries)


def _grid(path: Path) -> dict[tuple[int, int], str]:
    """Return the cells of a converted sheet that show something; rows and columns count from 1."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return {(r, c): text for r, row in enumerate(rows, 1) for c, text in enumerate(row, 1) if text}


def _expected(before: Path, named: dict[str, str]) -> dict[tuple[int, int], str]:
    """What the sheet must show now: what it showed, but for the named cells."""
    cells = _grid(before)
    return cells | {place_of(name): text for name, text in named.items()}
