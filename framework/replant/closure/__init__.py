"""Finds the closed set: the rows that the chosen rows need, through references."""
