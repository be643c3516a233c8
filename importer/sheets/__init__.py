"""
From the sheets of a workbook to frames: which sheet, which column, which text, which row.

`frames` puts it together; a glance at a workbook needs less.
"""
