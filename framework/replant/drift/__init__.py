"""Finds drift: differences between what something was made for and what a database has."""
