"""Composes SQL: names, literals, conditions, rows. Nothing else in replant quotes."""
