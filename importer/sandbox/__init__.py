"""
The local Prolific: what the demo, the tests and a first-time user push to.

It speaks HTTP like the real one and shares no rule with the importer, so that a mistake on one
side shows on the other.
"""

from __future__ import annotations

from importer.sandbox.faults import FAULTS, Fault
from importer.sandbox.ledger import Received, format_entry, format_ledger
from importer.sandbox.local import Sandbox, serve_forever
from importer.sandbox.switches import Switches
from importer.sandbox.world import PROJECT_ID, WORKSPACE_ID

__all__ = [
    "FAULTS",
    "PROJECT_ID",
    "WORKSPACE_ID",
    "Fault",
    "Received",
    "Sandbox",
    "Switches",
    "format_entry",
    "format_ledger",
    "serve_forever",
]
