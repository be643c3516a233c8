"""Every fault of the local Prolific, and what a push makes of it."""
