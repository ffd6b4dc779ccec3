"""Removes the owned rows of an artifact from a database."""
