"""Reads the rows of a plan from the source, and writes them to an artifact."""
