"""Compares the rows of a database with those of an artifact."""
