"""Time and memory of the importer, beside what a user would use instead."""
