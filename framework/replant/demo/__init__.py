"""Moves a tenant between two databases of its own, and proves it: the work of `replant demo`."""
