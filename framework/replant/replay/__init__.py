"""Applying an artifact to a target, and verifying what it then holds."""
