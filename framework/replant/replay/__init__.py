"""Loads an artifact into a target, in one transaction."""
