"""
Models ↔ Prolific's JSON, one module per wire form.

`instructions` is the full replacement of the two API documents (PUT …/instructions), for batches
whose `batch_items` is null. What came over the wire is narrowed here; nothing past it is `Any`.
"""
