"""Turns registrations, catalog and settings into chosen tables, rows and columns."""
