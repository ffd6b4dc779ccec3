"""Registrations, catalog and settings become chosen tables, rows and columns."""
