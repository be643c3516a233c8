"""
Proof that write-back changes the named cells of a workbook and nothing else, on real workbooks.

Shares no code with the importer's reader and writer: zip records, sheet XML and what a host
workbook is are read here a second time, so that a mistake there shows here. Run it alone with
`python -m tests.fidelity`.
"""
