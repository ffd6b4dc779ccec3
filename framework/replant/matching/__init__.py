"""Meets rows that a target has under another key, and rewrites references to them."""
