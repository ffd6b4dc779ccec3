"""Explains why a row is exported or not, from a database or from an artifact."""
