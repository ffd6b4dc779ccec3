"""Rows drawn by Hypothesis for the tables of a live catalog."""
