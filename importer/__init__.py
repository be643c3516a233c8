"""
Spreadsheet-driven import of instructions into Prolific's Task Builder.

Doors (`importer.cli`) call `importer.run`; see the layer table in
`tests/test_layers.py`.
"""

__version__ = "0.1.0"
