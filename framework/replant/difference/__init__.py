"""Compares two sets of rows: of two artifacts, of two databases, or of one and the other."""
