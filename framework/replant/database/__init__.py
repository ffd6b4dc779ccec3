"""Talks to PostgreSQL: connections, session settings, snapshots, privileges, the catalog."""
