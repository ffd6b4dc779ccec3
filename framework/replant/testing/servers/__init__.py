"""PostgreSQL servers and databases that exist for a test."""
