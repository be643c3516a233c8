"""
From the sheets of a workbook to frames: which sheet, which column, which text, which row.

`frames` puts it together; everything else here is pandas-free, so that a glance at a workbook
stays cheap.
"""
