"""
A push: reading what Prolific holds, sending, reconciling, delivering the ids.

`submitter` has the order of effects; `importer.run` calls it for whole runs.
"""
