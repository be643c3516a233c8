"""Prove write-back fidelity and print the table: `python -m tests.fidelity --help`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fidelity.hosts import corpus, fixtures
from tests.fidelity.libreoffice import find_program, look_at, saver
from tests.fidelity.rounds import prove
from tests.fidelity.sheets import DIALECTS
from tests.fidelity.table import lines


def main() -> int:
    """Return 1 if anything differs."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fidelity",
        description="Prove that write-back changes the named cells of a workbook and nothing else.",
    )
    parser.add_argument("--libreoffice", action="store_true", help="let LibreOffice open every workbook too")
    parser.add_argument(
        "--every-dialect", action="store_true", help="each workbook with each form of the sheets"
    )
    parser.add_argument("--own", action="store_true", help="take the project's own workbooks in any case")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fidelity-") as folder:
        hosts = (None if chosen.own else corpus()) or fixtures(Path(folder))
        repeated = [host for host in hosts.hosts for _ in (DIALECTS if chosen.every_dialect else [0])]
        program = find_program() if chosen.libreoffice else None
        proofs = prove(repeated, Path(folder), saver(program, Path(folder)))
        office = look_at(proofs, Path(folder), program) if chosen.libreoffice else None
    sys.stdout.write("\n".join(lines(hosts, proofs, office)) + "\n")
    return int(any(proof.differences for proof in proofs) or bool(office and office.differences))


if __name__ == "__main__":
    sys.exit(main())
