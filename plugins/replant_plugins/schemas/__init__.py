"""Plugins that register the tables of a schema, each with the columns it was written for."""
