"""A replant plugin that somebody else could have written: for the schema `notes`."""
