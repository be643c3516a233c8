"""Samples, and the scripts that generate them; see `samples.make`."""
