"""Connections, pinned session settings, snapshots, privileges and the catalog."""
