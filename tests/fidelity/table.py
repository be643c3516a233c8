"""The result as a table, the same in tests, on the command line and in the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.fidelity.hosts import Corpus
from tests.fidelity.libreoffice import LIMIT_S, Shown
from tests.fidelity.rounds import Proof


def rows(corpus: Corpus, proofs: Sequence[Proof], office: Shown | None) -> list[tuple[str, str]]:
    """Return what was done and what came of it, line by line; *office* is None if LibreOffice was not asked."""
    pushed = [proof for proof in proofs if not proof.refusal]
    unseen = [proof.host.name for proof in pushed if not proof.is_seen_by_openpyxl]
    differences = [said for proof in proofs for said in proof.differences]
    return [
        ("corpus", f"{corpus.name} ({len(corpus.hosts)})"),
        ("workbooks", f"{len(pushed)} pushed three times, {len(proofs) - len(pushed)} refused"),
        ("sheets' dialects", ", ".join(f"{name}: {n}" for name, n in _dialects(pushed).items())),
        ("members compared", f"{sum(proof.members for proof in pushed):,}, byte for byte"),
        (
            "cells compared",
            f"{sum(proof.cells for proof in pushed):,} by openpyxl, in {len(pushed) - len(unseen)} workbooks",
        ),
        ("not by openpyxl", ", ".join(dict.fromkeys(unseen)) or "none"),
        ("differences", f"{len(differences)} (goal 0)"),
        *_office_rows(office, sum(proof.is_saved_elsewhere for proof in pushed)),
    ]


def _dialects(proofs: Sequence[Proof]) -> Counter[str]:
    return Counter(proof.dialect for proof in proofs)


def _office_rows(office: Shown | None, saved: int) -> list[tuple[str, str]]:
    if office is None:
        return [("LibreOffice", "not asked (--libreoffice)")]
    if not office.is_here:
        return [("LibreOffice", "not here")]
    late = f", {office.unreached} not reached in {LIMIT_S:.0f} s" if office.unreached else ""
    return [
        ("LibreOffice", f"opened {office.opened}{late}, saved {saved}, whose push sent nothing"),
        (
            "sheets compared",
            f"{office.sheets:,} by LibreOffice, {office.volatile} of them show time or chance",
        ),
        ("differences", f"{len(office.differences)} (goal 0)"),
    ]


def lines(corpus: Corpus, proofs: Sequence[Proof], office: Shown | None) -> list[str]:
    """Return the table, then every refusal and every difference in full."""
    table = rows(corpus, proofs, office)
    width = max(len(name) for name, _ in table)
    said = [f"{proof.host.name} ({proof.dialect}): {one}" for proof in proofs for one in proof.differences]
    return [
        *(f"{name:<{width}}  {value}" for name, value in table),
        *(
            f"refused: {refusal}"
            for refusal in {p.host.name: p.refusal for p in proofs if p.refusal}.values()
        ),
        *(f"DIFFERS: {one}" for one in [*said, *(office.differences if office else [])]),
    ]
