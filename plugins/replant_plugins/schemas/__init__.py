"""Registers the tables of schemas, each with the columns for which the plugin was written."""
