"""Command line; written last."""
