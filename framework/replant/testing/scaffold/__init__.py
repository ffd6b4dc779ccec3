"""Writes a plugin project to begin with, from templates."""
