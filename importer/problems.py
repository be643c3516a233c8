"""
Mistakes as values: `Problem`, `Report`, and the catalogue of codes and wording.

Owns every sentence about a mistake in a workbook. Whoever finds a mistake names its code, its
cells and the values; how a report looks is `importer.render`'s business. Only
`tests/test_problems.py` reads the wording; every other test names codes and cells.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from importer.texts import INVISIBLE

QUOTED_CHARACTERS: Final = 60
_CELL: Final = re.compile(r"([A-Z]+)([0-9]+)")

#: The sheet of a marked copy that lists the problems, and its header row; by these a copy is known again.
LIST_SHEET: Final = "Problems"
LIST_HEADER_ROW: Final = 3
LIST_COLUMNS: Final = ("severity", "cell", "ref", "column", "what is wrong", "what to do", "code")


class Severity(StrEnum):
    """What a problem stops."""

    ERROR = "error"  # the workbook is not pushed
    WARNING = "warning"  # pushed as it stands
    NOTE = "note"  # said, so that nothing is silent


class Wording(NamedTuple):
    """
    One kind of problem.

    Attributes:
        severity: What it stops.
        text: What stands there and what the rule is; `{name}` takes a value, quoted by the finder
            with `quote` where it is the researcher's.
        remedy: One thing to do.
    """

    severity: Severity
    text: str
    remedy: str


class Problem(NamedTuple):
    """
    One mistake, at its place.

    Attributes:
        code: Stable name in the catalogue.
        workbook: The file, as the researcher named it.
        sheet: The sheet's name as it stands in the workbook; None for the file as a whole.
        cells: Cell names (`C7`), the guilty one first; empty for a sheet or file as a whole.
        ref: The researcher's ref of the instruction or batch; "" if none.
        column: Header of the guilty column; "" if none.
        text: What stands there and what the rule is.
        remedy: One thing to do.
    """

    code: str
    workbook: str
    text: str
    remedy: str
    sheet: str | None = None
    cells: tuple[str, ...] = ()
    ref: str = ""
    column: str = ""

    @property
    def severity(self) -> Severity:
        """What it stops."""
        return CATALOGUE[self.code].severity

    @property
    def is_error(self) -> bool:
        """Whether it keeps the workbook from being pushed."""
        return self.severity is Severity.ERROR

    @property
    def place(self) -> str:
        """`Instructions!C7`, `Instructions`, or "" for the file as a whole."""
        if not self.cells:
            return self.sheet or ""
        return f"{self.sheet}!{', '.join(self.cells)}"


@dataclass(frozen=True)
class Report:
    """
    Everything found in one run.

    Attributes:
        workbooks: Every file that was looked at, in order.
        problems: In order of workbook, then severity, sheet, row and column.
    """

    workbooks: tuple[str, ...]
    problems: tuple[Problem, ...]

    @cached_property
    def _by_workbook(self) -> Mapping[str, tuple[Problem, ...]]:
        found: dict[str, list[Problem]] = {}
        for one in self.problems:
            found.setdefault(one.workbook, []).append(one)
        return {workbook: tuple(problems) for workbook, problems in found.items()}

    def of(self, workbook: str) -> tuple[Problem, ...]:
        """The problems of one workbook."""
        return self._by_workbook.get(workbook, ())

    def count(self, severity: Severity, workbook: str | None = None) -> int:
        """Number of problems of one severity, in all workbooks or in one."""
        problems = self.problems if workbook is None else self.of(workbook)
        return sum(p.severity is severity for p in problems)

    @cached_property
    def broken(self) -> tuple[str, ...]:
        """The workbooks that hold an error and are not pushed."""
        guilty = {p.workbook for p in self.problems if p.is_error}
        return tuple(w for w in self.workbooks if w in guilty)


def sort_problems(problems: Iterable[Problem], workbooks: Sequence[str] = ()) -> tuple[Problem, ...]:
    """
    Put problems in order: by workbook, severity, sheet, row and column.

    A cell's warnings give way to its error, the root; equal problems are said once.

    Args:
        problems: From reading and from checking.
        workbooks: The order of the workbooks; others follow as they come.
    """
    unique = list(dict.fromkeys(problems))
    order = {name: n for n, name in enumerate(dict.fromkeys([*workbooks, *(p.workbook for p in unique)]))}
    broken = {_cell(p) for p in unique if p.is_error and p.cells}
    told = [p for p in unique if p.severity is not Severity.WARNING or _cell(p) not in broken]
    return tuple(
        sorted(
            told,
            key=lambda p: (order[p.workbook], list(Severity).index(p.severity), p.sheet or "", _position(p)),
        )
    )


def _cell(problem: Problem) -> tuple[str, str | None, str]:
    return problem.workbook, problem.sheet, problem.cells[0] if problem.cells else ""


def _position(problem: Problem) -> tuple[int, int, str]:
    found = _CELL.fullmatch(problem.cells[0]) if problem.cells else None
    return (int(found[2]), len(found[1]), found[1]) if found else (0, 0, "")


def problem(
    code: str,
    workbook: str,
    *,
    sheet: str | None = None,
    cells: Iterable[str] = (),
    ref: str = "",
    column: str = "",
    **values: object,
) -> Problem:
    """
    Build a problem from the catalogue.

    Args:
        code: Its name in `CATALOGUE`.
        workbook: The file, as the researcher named it.
        sheet: The sheet's name; None for the file as a whole.
        cells: Cell names, the guilty one first.
        ref: The researcher's ref.
        column: Header of the guilty column.
        values: What the wording needs beyond *sheet*, *ref* and *column*, by name.

    Raises:
        KeyError: The code, or a value that its wording needs, is missing; our bug.
    """
    wording = CATALOGUE[code]
    return Problem(
        code=code,
        workbook=workbook,
        text=wording.text.format(sheet=sheet, ref=ref, column=column, **values),
        remedy=wording.remedy.format(sheet=sheet, ref=ref, column=column, **values),
        sheet=sheet,
        cells=tuple(cells),
        ref=ref,
        column=column,
    )


def quote(text: str) -> str:
    r"""
    Quote what stands in a cell: at most 60 characters, invisible ones made visible.

    >>> quote("Good\u00a0")
    '"Good⍽"'
    """
    shown = text if len(text) <= QUOTED_CHARACTERS else text[: QUOTED_CHARACTERS - 1] + "…"
    return f'"{"".join(map(_visible, _mark_edges(shown)))}"'


def _mark_edges(text: str) -> str:
    inner = text.strip(" ")
    if not inner:
        return "␠" * len(text)
    before = len(text) - len(text.lstrip(" "))
    return "␠" * before + inner + "␠" * (len(text) - before - len(inner))


_VISIBLE: Final = {"\u00a0": "⍽", "\n": "↵", "\r": "␍", "\t": "⇥"}


def _visible(character: str) -> str:
    if character in _VISIBLE:
        return _VISIBLE[character]
    if character in INVISIBLE or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return f"⟨U+{ord(character):04X}⟩"
    return character


def did_you_mean(text: str, candidates: Iterable[str]) -> str:
    """
    Return ` Did you mean X?` with a leading space, or "" if nothing is close.

    >>> did_you_mean("mutiple_choice", ["multiple_choice", "free_text"])
    ' Did you mean multiple_choice?'
    """
    folded = {candidate.casefold(): candidate for candidate in candidates}
    close = get_close_matches(text.casefold().replace(" ", "_"), folded, n=1, cutoff=0.75)
    return f" Did you mean {folded[close[0]]}?" if close else ""


#: What to do about a malformed id, by column.
ID_REMEDIES: Final = {
    "instruction_id": "Clear the cell to make it a new instruction, or put the id back from an earlier copy.",
    "batch_id": "Copy the id of the batch from Prolific.",
    "dataset_id": "Copy the id of the dataset from Prolific, or clear the cell to leave it as it is.",
    "workspace_id": "Copy the id of the workspace from its address in the Prolific app.",
    "project": "Copy the id of the project from its address in the Prolific app.",
    "study_id": "Clear the cell to make a new study, or put the id back from an earlier copy.",
}


def _error(text: str, remedy: str) -> Wording:
    return Wording(Severity.ERROR, text, remedy)


def _warning(text: str, remedy: str) -> Wording:
    return Wording(Severity.WARNING, text, remedy)


def _note(text: str, remedy: str = "") -> Wording:
    return Wording(Severity.NOTE, text, remedy)


CATALOGUE: Final[Mapping[str, Wording]] = {
    # ------------------------------------------------------------ the file
    "not-a-workbook": _error(
        "This is {what}, not an Excel workbook (.xlsx).", "Open it in Excel and save it as .xlsx."
    ),
    "encrypted": _error(
        "The workbook is encrypted with a password, so it cannot be read.",
        "In Excel: File › Info › Protect Workbook › Encrypt with Password, clear the password, save.",
    ),
    "damaged": _error(
        "The workbook is damaged: {detail}.",
        "Open it in Excel, let Excel repair it, and save it; or take the last good copy.",
    ),
    "lock-file": _error(
        "This is the small file that Excel or LibreOffice keeps while a workbook is open, not the workbook.",
        "Name the workbook itself: {workbook_name}.",
    ),
    "not-readable": _error("The file cannot be opened: {detail}.", "{todo}"),
    "too-large": _error(
        "{what} {size}, more than the limit of {limit}.",
        "Copy the sheets Instructions and Batches into a new workbook made with importer template.",
    ),
    "unsafe-xml": _error(
        "The workbook declares XML entities ({detail}); Excel never writes these, and they can be used for an attack.",
        "Ask where the file comes from. If you trust it, open it in Excel and save it again.",
    ),
    "marked-copy": _error(
        "This is a marked copy, made for reading by importer check --mark; it may have lost pictures and macros, and "
        "what is written into it does not reach {original}.",
        "Mend {original} itself, and name that.",
    ),
    # ------------------------------------------------------------ sheets and headers
    "sheet-missing": _error(
        "There is no sheet named {wanted}; the sheets are {found}.{hint}",
        "Name the sheet with your instructions {wanted}, or start from importer template.",
    ),
    "sheet-renamed": _warning(
        "The sheet {sheet} is read as {wanted}, because it has its columns.", "Rename it {wanted}."
    ),
    "sheet-hidden": _warning(
        "The sheet is hidden; it is read all the same.", "Unhide it to see what is sent."
    ),
    "header-row": _error(
        "The headers must stand in row 1; they stand in row {row}.", "Delete the {count} row(s) above."
    ),
    "sheet-not-read": _warning(
        "The sheet {sheet} is not read, because it lacks the column(s) {missing}.",
        "Add them if importer setup is to use it, as in importer template --full; rename the sheet if it is your own.",
    ),
    "column-missing": _error(
        "The column {wanted} is missing.", "Add a column with the header {wanted} in row 1."
    ),
    "column-twice": _error(
        "{first} and {second} both mean the column {wanted}.",
        "Keep one; start the other's header with _ to keep it as a note.",
    ),
    "column-near-miss": _error(
        "The column {header} is not read, and the column {wanted} is missing.",
        "Rename it {wanted}, or start it with _ to keep it as a note.",
    ),
    "column-unknown": _warning(
        "The column {header} is not read.{hint}", "Rename it, or start it with _ to keep it as a note."
    ),
    "column-unnamed": _warning(
        "The column has cells but no header, so it is not read.",
        "Give it a header; start the header with _ to keep it as a note.",
    ),
    "no-instructions": _error(
        "The sheet holds no instruction.", "Fill in one row per instruction and option, from row 2 on."
    ),
    # ------------------------------------------------------------ cells as Excel keeps them
    "date-cell": _error(
        "Excel has turned this into a date ({shown}).",
        "Format the cell as Text and type it again.",
    ),
    "error-cell": _error("The cell holds the Excel error {shown}.", "Mend its formula, or type the text."),
    "formula-without-result": _error(
        "The cell holds a formula but no saved result, so nobody knows what it shows.",
        "Open the workbook in Excel and save it, or paste the text as a value.",
    ),
    "formula-used": _note("Cells of this column hold formulas; their saved results are used."),
    "boolean-cell": _warning(
        "Excel keeps this as a logical value; it is sent as the text {shown}.",
        "Format the cell as Text and type it again if you meant another spelling.",
    ),
    "number-too-long": _error(
        "The number {shown} has more than 15 digits, and Excel has already changed the digits behind the 15th.",
        "Format the cell as Text and type it again.",
    ),
    "number-formatted": _warning(
        "The cell holds the number {shown}, which Excel may show differently (such as 50%, $5 or 007); {shown} is sent.",
        "Format the cell as Text and type what you mean.",
    ),
    "merged-cells": _error(
        "The merged cells {range} hide what belongs to each row.",
        "Unmerge them (Home › Merge & Center) and fill in every cell.",
    ),
    "control-character": _error(
        "{shown} holds a control character, which cannot be sent.", "Type the text again."
    ),
    "invisible-character": _warning(
        "{shown} holds characters that nobody sees; it is taken exactly like this.",
        "Type the text again if they are not meant.",
    ),
    "spaces-at-end": _warning(
        "{shown} begins or ends with spaces; participants get it exactly like this.",
        "Remove the spaces if they are not meant.",
    ),
    "value-trimmed": _warning(
        "{shown} begins or ends with spaces; it is taken as {taken}.", "Remove the spaces."
    ),
    "more-of-these": _note(
        "{count} more cells of this column have the problem {listed}; only the first {limit} are listed.",
        "Mend those, and check again.",
    ),
    # ------------------------------------------------------------ rows and blocks
    "hidden-rows": _warning(
        "{count} hidden or filtered row(s) are read too, because leaving them out would delete their instructions.",
        "Unhide them to see what is sent; start their ref with # to leave them out.",
    ),
    "rows-ignored": _note("{count} row(s) whose ref starts with # are left out."),
    "ref-carried": _note("A blank ref is taken as the ref above."),
    "ref-missing": _error("The row has no ref.", "Give it the ref of its instruction."),
    "ref-split": _warning(
        "The rows of {ref} do not stand together; they are taken as one instruction.",
        "Move them together, or give the second block its own ref.",
    ),
    "cells-differ": _error(
        "{shown} differs from {first_shown} in {first_cell}, and both belong to {ref}.",
        "Keep it in the first row of {ref} only; if this is another instruction, give it its own ref.",
    ),
    "option-empty": _error("The row has a ref but no option.", "Fill in the option, or delete the row."),
    # ------------------------------------------------------------ instructions
    "type-missing": _error("The instruction has no type.", "Use one of: {allowed}."),
    "type-unknown": _error("{shown} is not an instruction type.{hint}", "Use one of: {allowed}."),
    "type-unsupported": _error(
        "{shown} is a type of Prolific's whose fields are not documented, so it cannot be written.",
        "Use one of: {allowed}. One that is on Prolific already stays there, without a row.",
    ),
    "description-missing": _error(
        "The instruction has no description.", "Write what participants are asked."
    ),
    "answer-limit-missing": _error(
        "{type} needs an answer limit.", "Use 1 for one answer, -1 for any number, or a number up to {count}."
    ),
    "answer-limit-invalid": _error(
        "{shown} is not an answer limit.",
        "Use 1 for one answer, -1 for any number, or a number up to {count}.",
    ),
    "answer-limit-too-high": _error(
        "{shown}, but {ref} has {count} option(s).", "Use 1 to {count}, or -1 for any number."
    ),
    "flag-invalid": _error("{shown} is neither yes nor no.", "Use yes or no, or clear the cell."),
    "cell-not-for-type": _error("{type} takes no {column}.", "Clear the cell."),
    "cell-missing": _error("{type} needs {column}.", "Fill in the cell."),
    "word-unknown": _error("{shown} is not one of the words for {column}.{hint}", "Use one of: {allowed}."),
    "options-missing": _error(
        "{type} needs at least one option.", "Fill in option_label and option_value, one row per option."
    ),
    "option-not-for-type": _error(
        "{type} takes no options.",
        "Clear the cell, delete the row, or change the type to multiple_choice.",
    ),
    "label-missing": _error("The option has no label.", "Write what participants see."),
    "value-missing": _error("The option has no value.", "Write what your data should hold."),
    "heading-missing": _error(
        "multiple_choice_with_free_text needs a heading on every option.",
        "Write the heading the option stands under.",
    ),
    "value-twice": _error(
        "{shown} is the value of another option of {ref} too ({first_cell}), so the answers could not be told apart.",
        "Give each option of {ref} its own value.",
    ),
    "label-twice": _warning(
        "{shown} is the label of another option of {ref} too ({first_cell}).",
        "Give the options different labels, so that participants can tell them apart.",
    ),
    "exclusive-of-one": _error(
        "The option is to be chosen alone, but {ref} takes one answer only.",
        "Clear the cell, or raise the answer limit.",
    ),
    "exclusive-of-all": _error(
        "Every option of {ref} is to be chosen alone.",
        "Clear the cell of each option that may be chosen together with others.",
    ),
    # ------------------------------------------------------------ what may be written or sent
    "validation-type-missing": _error(
        "The row limits what may be written, and says not of what.", "Use one of: {allowed}."
    ),
    "number-invalid": _error(
        "{shown} is not a number.", "Write it in digits, with a point for decimals, such as 0.5."
    ),
    "length-invalid": _error(
        "{shown} is not a number of characters, and {column} of a text counts these.",
        "Use 0, 1, 2 or more; or change validation_type to number.",
    ),
    "range-reversed": _error(
        "{shown} is more than {other}, which is {most}.", "Lower {column}, or raise {other}."
    ),
    "units-too-few": _error(
        "{type} needs at least two units.", "Fill in option_label and option_value, one row per unit."
    ),
    "unit-unknown": _error(
        "{shown} is the value of no unit of {ref}.", "Use the option_value of one of its units."
    ),
    "file-type-invalid": _error(
        "{shown} are not endings of files.",
        "Begin each with a dot, and put commas between them, such as .pdf, .jpg.",
    ),
    "file-size-invalid": _error(
        "{shown} is not a number above 0.", "Write the number of megabytes in digits, such as 10."
    ),
    "count-invalid": _error("{shown} is not a whole number from 1 on.", "Use 1, 2, 3 or more."),
    # ------------------------------------------------------------ content blocks and places
    "address-invalid": _error(
        "{shown} is not a web address that begins with https://.",
        "Copy the address of the image from your browser, without spaces.",
    ),
    "field-twice": _error(
        "{shown} is shown on this page already ({first_ref}, {first_cell}), and Prolific takes a field once per page.",
        "Delete the row, or put it on another page.",
    ),
    "page-missing": _error(
        "{ref} has no page, and other cells of the batch say where things stand.",
        "Give every item of the batch a page, or clear the columns page, row and column.",
    ),
    # ------------------------------------------------------------ ids and batches
    "id-malformed": _error(
        "{shown} is not an id of Prolific (such as {example}).",
        "{todo}",
    ),
    "id-twice": _error(
        "The id {shown} stands in {first_cell} ({first_ref}) too; {ref} looks like a copy.",
        "Clear the cell to make {ref} a new instruction.",
    ),
    "id-of-other-batch": _error(
        "The id belongs to the batch {other}, not to {batch_id}.",
        "If this sheet is a copy for a new batch, clear its instruction_id column.",
    ),
    "batch-id-missing": _error(
        "The batch has no batch_id.",
        "Copy the id of the batch from Prolific into the cell, or give --batch ID. To make a new batch, give a "
        "workspace_id, and run importer setup.",
    ),
    "batch-unknown": _error("{shown} is not a batch of the sheet Batches.{hint}", "Use one of: {allowed}."),
    "batch-ref-missing": _error(
        "The workbook holds several batches, so every {what} must name its batch.", "{todo}"
    ),
    "batch-ref-twice": _error(
        "{shown} names another batch too ({first_cell}).", "Give each batch its own short name."
    ),
    "batch-twice": _error(
        "The batch {shown} stands in {first_place} too, and the second push would replace the first.",
        "Keep the batch in one place.",
    ),
    "batch-without-instructions": _warning(
        "No instruction belongs to this batch; what Prolific has is left alone.",
        "Delete the row if the batch is not meant.",
    ),
    "batch-not-named": _error(
        "Nothing says which batch {what} for: the sheet Batches is missing or empty.",
        "{todo}",
    ),
    # ------------------------------------------------------------ what importer setup makes
    "new-row-incomplete": _error("A new {what} needs {column}.", "Fill in the cell."),
    "row-unnamed": _error("The {what} has no short name.", "Give it a short name of your own."),
    "name-twice": _error(
        "{shown} names another {what} too ({first_cell}).", "Give each {what} its own short name."
    ),
    "device-unknown": _error(
        "{shown} names a device that Prolific does not know.", "Use some of: {allowed}."
    ),
    "dataset-unknown": _error(
        "{shown} is not a dataset of the sheet Datasets.{hint}", "Use one of: {allowed}."
    ),
    "dataset-given-twice": _error(
        "The row gives a dataset_id and names {shown}, so nobody knows which dataset is meant.",
        "Clear one of the two cells.",
    ),
    "file-outside": _error(
        "{shown} does not lie in the folder of the workbook, or in one below it.",
        "Copy the file there, and give its name.",
    ),
    "file-not-csv": _error(
        "{shown} does not end in .csv.", "Save it as CSV UTF-8 (comma delimited), and give that name."
    ),
    "file-missing": _error(
        "There is no file {shown} in the folder of the workbook.", "Put it there, or mend the name."
    ),
    "file-empty": _error(
        "The file {shown} is empty.", "Save it again, with one header row and a row for each task."
    ),
    "file-encoding": _warning(
        "The file {shown} is not in UTF-8, so letters such as é may come out wrong.",
        "In Excel: File › Save As › CSV UTF-8 (comma delimited).",
    ),
    "group-size-differs": _error(
        "{shown} differs from {first_shown} in {first_cell}, and both studies use one batch, which is set up once.",
        "Give both the same number, or give the second study a batch of its own.",
    ),
    "project-missing": _warning(
        "Without a project Prolific takes the first one, and its balance pays.", "Give the id of the project."
    ),
}
