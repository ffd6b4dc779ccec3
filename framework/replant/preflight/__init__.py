"""Finds what in a target would stop a replay, before the first row is loaded."""
