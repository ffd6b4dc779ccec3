"""Draws rows for the tables of a live catalog, with Hypothesis."""
