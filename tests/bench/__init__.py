"""Measurements; only with `make bench`."""
