"""The rows of a database, compared with those of an artifact."""
