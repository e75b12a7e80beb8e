"""Processes that are kept: real ones, started by a real supervisor, killed in every way."""
