"""Limits of a workbook, all in one place."""

from __future__ import annotations

from typing import Final

# A sheet formatted down to its last row is 300 MB of XML in 24 MB of file (measured), so size
# alone is no sign of an attack; what is kept in memory (shared strings, other parts) is. Together
# they keep the reading of any file of up to 50,000 filled rows below 10 s and 300 MB (tests/hostile);
# a sound one of 100,000 took 14 s and 390 MB to check on a busy machine.
MAX_FILE_BYTES: Final = 100_000_000
MAX_MEMBERS: Final = 10_000
MAX_SHEET_XML_BYTES: Final = 600_000_000
#: All that is inflated of one workbook: two such sheets.
MAX_INFLATED_BYTES: Final = 1_200_000_000
#: What goes through expat, which needs 2 µs for a tag; a step is a tag, or half a cell read in the usual way.
MAX_PARSED_BYTES: Final = 60_000_000
MAX_STEPS: Final = 2_500_000
MAX_SHARED_STRINGS_BYTES: Final = 50_000_000
MAX_SHARED_STRINGS: Final = 1_000_000
MAX_OTHER_PART_BYTES: Final = 16_000_000
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
#: Rows that hold something, the header's included; several times the largest import we know of.
MAX_FILLED_ROWS: Final = 100_001
MAX_MERGED_RANGES: Final = 50_000
MAX_CELL_CHARACTERS: Final = 32_767
#: In all filled rows of a sheet: one text of a few bytes can be shown by every cell.
MAX_SHEET_CHARACTERS: Final = 20_000_000
#: Equal problems of one column that are listed; the rest is counted.
MAX_LISTED: Final = 200
#: Digits that Excel keeps of a number.
MAX_DIGITS: Final = 15
