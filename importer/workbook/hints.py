"""
What the template's sheets show by themselves, as conditional formats: blocks, repeats, gaps.

Hints only; what is right and wrong is `importer.validator`'s. The formulas are relative to row 2;
Excel and LibreOffice move them along with the cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from importer.contract import (
    BATCHES,
    CHOICE_TYPES,
    COMMENT_MARK,
    INSTRUCTIONS,
    ITEM_TYPES,
    NEEDED_IF_NEW,
    OPTION_TYPES,
    TASK_DETAILS,
    BlockType,
    InstructionType,
    SheetContract,
)
from importer.texts import column_letter
from importer.workbook import looks

_AT: Final = {name: column_letter(number) for number, name in enumerate(INSTRUCTIONS.names, 1)}
_LAST: Final = column_letter(len(INSTRUCTIONS.columns))
_BATCH, _REF, _TYPE = (f"${_AT[name]}2" for name in ("batch", "ref", "type"))

_SAME_BATCH: Final = f"EXACT({_BATCH},${_AT['batch']}1)"
_GOES_ON: Final = f'AND({_REF}<>"",EXACT({_REF},${_AT["ref"]}1),{_SAME_BATCH})'
_LEFT_OUT: Final = f'LEFT(TRIM({_REF}),1)="{COMMENT_MARK}"'
_STARTS: Final = f'AND({_REF}<>"",NOT({_LEFT_OUT}),NOT({_GOES_ON}))'


def _is_of(*types: str) -> str:
    conditions = ",".join(f'{_TYPE}="{kind}"' for kind in types)
    return f"OR({conditions})" if len(types) > 1 else conditions


#: What the first row of an instruction needs, and when.
_NEEDED: Final = {
    "type": "TRUE",
    "description": f"NOT({_is_of(*BlockType)})",
    "answer_limit": _is_of(*CHOICE_TYPES),
    "option_heading": _is_of(InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT),
    "option_label": _is_of(*OPTION_TYPES),
    "option_value": _is_of(*OPTION_TYPES),
    **{column.name: _is_of(*column.needed_by) for column in INSTRUCTIONS.columns if column.needed_by},
}
#: Types without options, for which the columns from answer_limit to option_value are unused.
_SINGLE: Final = tuple(kind for kind in ITEM_TYPES if kind not in OPTION_TYPES)
_LINE: Final = looks.line_above()
_TINT: Final = looks.fill(looks.TODO)
_FADED: Final = Font(color=looks.FADED, bold=False)


class _Hint(NamedTuple):
    first: str  # column letters
    last: str
    formula: str
    style: dict[str, object]
    is_final: bool = False


def show_instructions(sheet: Worksheet, ruled: int) -> None:
    """Show the blocks down to row *ruled*: repeats grey, a line above each instruction, gaps tinted."""
    _add(sheet, ruled, list(_instruction_hints()))


def show_batches(sheet: Worksheet, ruled: int) -> None:
    """Tint a missing batch_id down to row *ruled*, and what a batch needs that is to be made."""
    at = {name: column_letter(number) for number, name in enumerate(BATCHES.names, 1)}
    filled = f"COUNTA($A2:${column_letter(len(BATCHES.columns))}2)>0"
    home = f"${at['workspace_id']}2"
    hints = [_gap(at["batch_id"], f'{filled},{home}=""')]
    hints += [_gap(at[name], f'{home}<>"",${at["batch_id"]}2=""') for name in ("name", *TASK_DETAILS)]
    _add(sheet, ruled, hints)


def show_new_rows(sheet: Worksheet, contract: SheetContract, ruled: int) -> None:
    """Tint down to row *ruled* what a row needs that has no id yet."""
    at = {name: column_letter(number) for number, name in enumerate(contract.names, 1)}
    filled = f"COUNTA($A2:${column_letter(len(contract.columns))}2)>0"
    is_new = f'{filled},${at[f"{contract.key}_id"]}2=""'
    _add(sheet, ruled, [_gap(at[name], is_new) for name in NEEDED_IF_NEW[contract.name]])


def _gap(letter: str, condition: str) -> _Hint:
    return _Hint(letter, letter, f'AND({condition},${letter}2="")', {"fill": _TINT})


def _instruction_hints() -> Iterator[_Hint]:
    """
    Give the hints in file order.

    Excel merges all rules that hold for a cell; LibreOffice takes the first in file order. So a
    rule that holds on an instruction's first row draws the line too, and the general ones are last.
    """
    ref, batch = _AT["ref"], _AT["batch"]
    repeated = f'AND({_BATCH}<>"",{_SAME_BATCH}'
    yield _Hint(ref, ref, _GOES_ON, {"font": _FADED})
    yield _Hint(batch, batch, f"{repeated},{_STARTS})", {"font": _FADED, "border": _LINE})
    yield _Hint(batch, batch, f"{repeated})", {"font": _FADED})
    for name, condition in _NEEDED.items():
        at = _AT[name]
        gap = f'AND({_STARTS},{condition},${at}2="")'
        yield _Hint(at, at, gap, {"fill": _TINT, "border": _LINE})
    for name in ("option_label", "option_value"):
        at = _AT[name]
        yield _Hint(at, at, f'AND({_GOES_ON},${at}2="")', {"fill": _TINT})
    unused = f"AND({_STARTS},{_is_of(*_SINGLE)})"
    style: dict[str, object] = {"fill": looks.fill(looks.PALE), "border": _LINE}
    yield _Hint(_AT["answer_limit"], _AT["option_value"], unused, style)
    yield _Hint("A", _LAST, _LEFT_OUT, {"font": Font(color=looks.FADED, italic=True)}, is_final=True)
    yield _Hint("A", _LAST, _STARTS, {"border": _LINE})


def _add(sheet: Worksheet, ruled: int, hints: list[_Hint]) -> None:
    for priority, hint in enumerate(hints, 2):
        rule = looks.rule(hint.formula, 1 if hint.is_final else priority, stop=hint.is_final, **hint.style)
        sheet.conditional_formatting.add(f"{hint.first}2:{hint.last}{ruled}", rule)
